"""The control connection: what was agreed on it, and how replies are judged.

How this works: every command goes through :meth:`Control.ask`. A preliminary reply (1yz) is noted as a debt of the
server's at the moment it comes, so that a second command can't take the reply to the first one for its own. The
transfer under way is known here, so that closing takes its data connection along, and nobody else is given its final
reply; one that a lazy listing holds open, and whose holder nobody refers to any more, is ended before the next command.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

from transfer._engine.client import ClientChannel
from transfer._errors import DisconnectedError, TransferError, TransferTimeoutError
from transfer._net.timeouts import Deadline
from transfer._wire.command import Command
from transfer._wire.reply import Reply, Severity
from transfer.ftp import _commands as commands
from transfer.ftp._code import Code
from transfer.ftp._connection._under_way import UnderWay
from transfer.ftp._errors import FTPProtocolError, InvalidCommand, StatusCodeError
from transfer.ftp._replies import info_lines

if TYPE_CHECKING:
    from ssl import SSLContext

    from transfer.ftp._features import Features

__all__ = ["Control", "check", "matches"]

# A second one of these does something else than the first: whether the lost one was carried out, nobody knows.
_NOT_REPEATABLE = frozenset({"APPE", "STOU", "RNTO", "DELE", "MKD", "RMD"})


def matches(reply: Reply, masks: tuple[str, ...]) -> bool:
    """Tell whether the code of *reply* fits one of *masks*."""
    code = Code(reply.code)
    return any(code.matches(mask) for mask in masks)


def check(
    reply: Reply,
    expected: tuple[str, ...],
    command: Command | None = None,
    *,
    peer: str | None = None,
    error: type[StatusCodeError] = StatusCodeError,
) -> Reply:
    """Return *reply* if its code is one of *expected*.

    Raises:
        StatusCodeError: it is not; of the class *error*.
    """
    if matches(reply, expected):
        return reply
    shown = None if command is None else str(command)
    raise error(expected, (Code(reply.code),), info_lines(reply), reply=reply, command=shown, peer=peer)


class Control:
    """One control connection, from its greeting on.

    Args:
        channel: connected.
        data_host: where data connections go: the address that the control connection leads to, or, through a proxy,
            the host's name.
        is_local: whether nobody can listen on the way.
    """

    def __init__(self, channel: ClientChannel, *, data_host: str, is_local: bool) -> None:
        self.channel = channel
        self.data_host = data_host
        self.is_local = is_local
        self.server_name: str | None = None
        """The name in the server's certificate, on the control connection and on all data connections."""
        self.is_private: bool = False
        """Whether data connections are inside TLS."""
        self.protection_is_postponed: bool = False
        """Whether the server wants a login before it speaks of data connections."""
        self.lacks: set[str] = set()
        """Verbs that this server has said not to know."""
        self.features: Features | None = None
        """What it says that it can do; None if it has not been asked yet."""
        self.hash_algorithm: str | None = None
        """The one that HASH goes by, if that is known."""
        self.lists_itself: bool = False
        """Whether a directory is the first thing that the server lists of it, by LIST -a."""
        self._representation: str | None = None
        self._mode: str = "S"
        self._kept: Reply | None = None
        self._lines: deque[str] = deque()
        self.under_way: UnderWay = UnderWay(channel)
        """The transfer that goes on, if there is one."""

    @property
    def peer(self) -> str:
        """``host:port``, for messages."""
        return self.channel.peer

    @property
    def is_encrypted(self) -> bool:
        """Whether commands are inside TLS."""
        return self.channel.stream.tls is not None

    def close(self) -> None:
        """Close the connection and the data connection of the transfer under way at once. Idempotent."""
        self.under_way.cut()
        self.channel.close()

    @contextlib.contextmanager
    def closing_on_nonsense(self) -> Iterator[None]:
        """Close the connection if what the server has said can't be read, and name the server in the error."""
        try:
            yield
        except FTPProtocolError as exc:
            exc.peer = exc.peer or self.peer
            self.channel.abandon(exc)
            raise

    # -- commands ----------------------------------------------------------------------------------------------------

    async def greeting(self) -> Reply:
        """Return the 220, before which a 120 may promise it.

        Raises:
            StatusCodeError: it is another. A 230 is one that would have us skip TLS and the login.
        """
        deadline = Deadline(self.channel.timeouts.greeting, "greeting")
        reply = await self._last(await self._next(deadline), ("220",), ("120",), deadline)
        return check(reply, ("220",), peer=self.peer)

    async def ask(self, command: Command, *expected: str, error: type[StatusCodeError] = StatusCodeError) -> Reply:
        """Send *command* and return its last reply, which fits one of *expected*.

        Raises:
            StatusCodeError: it does not; of the class *error*.
            FTPException: as the channel's ``exchange``. Whatever is lost after a command that can't be repeated without
                harm has left is not retryable.

        Cancellation: the connection is given up unless nothing was sent.
        """
        reply = await self.converse(command, expected)
        return check(reply, expected, command, peer=self.peer, error=error)

    async def change_directory(self, path: commands.Path) -> None:
        """Make *path* the server's current directory; ``..`` goes up.

        Raises:
            StatusCodeError: the server refuses.
        """
        await self.ask(commands.CDUP if str(path) == ".." else commands.cwd(path), "2xx")

    async def converse(self, command: Command | None, expected: tuple[str, ...], wait: tuple[str, ...] = ()) -> Reply:
        """Send *command* if there is one, and return the first reply that is not to be waited out.

        Waited out are replies that fit *wait*, and preliminary ones that do not fit *expected*. Without a command the
        reply that :meth:`tell` has kept comes first.
        """
        deadline = Deadline(self.channel.timeouts.reply, "reply" if command is None else f"reply to {command.verb}")
        reply = await (self.next_reply() if command is None else self._exchange(command, deadline))
        return await self._last(reply, expected, wait, deadline)

    async def next_reply(self) -> Reply:
        """Return the reply that :meth:`tell` has kept, or the next one that comes."""
        if self._kept is not None:
            reply, self._kept = self._kept, None
            return reply
        return await self._next(Deadline(self.channel.timeouts.reply, "reply"))

    async def next_line(self) -> str:
        """Return the next line of the next reply, code and all; the next command drops those that are left."""
        if not self._lines:
            reply = await self.next_reply()
            before, last = reply.lines[:-1], reply.lines[-1]
            self._lines.extend(f"{reply.code}-{line}" if place == 0 else line for place, line in enumerate(before))
            self._lines.append(f"{reply.code} {last}")
        return self._lines.popleft()

    async def tell(self, command: Command) -> None:
        """Send *command* and keep its reply for a :meth:`converse` without a command; the next command drops it."""
        self._kept = await self._exchange(command, Deadline(self.channel.timeouts.reply, f"reply to {command.verb}"))

    async def represent(self, representation: str) -> None:
        """See to it that the server's TYPE is *representation*; it is told once."""
        if self._representation != representation:
            await self.ask(commands.type_(representation), "2xx")
            self._representation = representation

    async def transmit(self, mode: str) -> None:
        """See to it that the server's MODE is *mode*; it is told when it changes.

        Raises:
            StatusCodeError: the server does not know it.
        """
        if self._mode != mode:
            await self.ask(commands.mode(mode), "2xx")
            self._mode = mode

    async def _exchange(self, command: Command, deadline: Deadline) -> Reply:
        await self.under_way.reclaim()
        self._kept = None
        self._lines.clear()
        verb = command.verb.upper()
        if verb in {"TYPE", "REIN"}:
            self._representation = None
        if verb in {"MODE", "REIN"}:
            self._mode = "S" if verb == "REIN" else ""
        if verb in _NOT_REPEATABLE and self.channel.is_in_step:
            # What is noticed before anything is sent may well be repeated.
            self.channel.look_for_news()
        try:
            return self._noted(await self.channel.exchange(command, deadline))
        except TransferError as exc:
            self.fated(command, exc)
            raise

    async def _next(self, deadline: Deadline) -> Reply:
        if self.under_way:
            raise InvalidCommand("a transfer is under way, and the next reply is its own", peer=self.peer)
        return self._noted(await self.channel.next_reply(deadline))

    async def _last(self, reply: Reply, expected: tuple[str, ...], wait: tuple[str, ...], deadline: Deadline) -> Reply:
        while matches(reply, wait) or (reply.severity is Severity.PRELIMINARY and not matches(reply, expected)):
            reply = await self._next(deadline)
        return reply

    def _noted(self, reply: Reply) -> Reply:
        if reply.severity is Severity.PRELIMINARY:
            self.channel.owe_reply()
        return reply

    @contextlib.contextmanager
    def fating(self, command: Command) -> Iterator[None]:
        """Make what is raised not retryable if *command* may have taken effect and must not do so twice."""
        try:
            yield
        except TransferError as exc:
            self.fated(command, exc)
            raise

    @staticmethod
    def fated(command: Command, exc: TransferError) -> None:
        """Make *exc* not retryable if *command* may have taken effect and must not do so twice."""
        lost = isinstance(exc, DisconnectedError | TransferTimeoutError)
        if lost and command.verb.upper() in _NOT_REPEATABLE:
            exc._retryable = False

    # -- TLS ---------------------------------------------------------------------------------------------------------

    async def start_tls(self, context: SSLContext, server_name: str) -> None:
        """Shake hands; what was agreed on in clear is void (RFC 4217 §4.2)."""
        self._representation, self._mode = None, "S"
        self.lacks.clear()
        self.is_private = False
        await self.channel.start_tls(context, server_name)
        self.server_name = server_name
