"""A file from one server straight to another (FXP, RFC 959 §5.2), and the checks that this calls for.

How this works: one server listens (PASV), the other is told where (PORT), and both get their command, the receiving one
a little earlier: not before the other's answer, since a server may answer 150 only once it is connected. Then both
final replies are awaited. Each control connection has a :class:`Transfer` of its own without a data connection on this
side, so that debts, ABOR and cancellation are those of every other transfer.
"""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Awaitable, Callable, Sequence

import anyio
import attrs

from transfer._engine.transfer import Transfer
from transfer._errors import TransferError
from transfer._net.names import bare_address
from transfer._wire.command import Command
from transfer.ftp import _commands as commands
from transfer.ftp._base import BaseClient
from transfer.ftp._connection._keep_alive import kept_alive
from transfer.ftp._control import Control, check
from transfer.ftp._errors import FTPNotSupported, InvalidCommand, StatusCodeError
from transfer.ftp._session import Session

__all__ = ["transfer_between"]

_UNSPECIFIED = "0.0.0.0"  # noqa: S104  # some servers write it where they mean "where you are connected to already"
# More than a server takes that answers STOR before there is a data connection; with others all of it is lost.
_HEAD_START_SECONDS = 0.5


async def transfer_between(
    source: BaseClient, source_path: commands.Path, destination: BaseClient, destination_path: commands.Path
) -> None:
    """Copy a file from the server of *source* to that of *destination*, without this side in between.

    Args:
        source: logged in; not the same client as *destination*.
        source_path: the file on its server.
        destination: logged in.
        destination_path: the file's new name there; a file of that name is overwritten.

    Raises:
        FTPNotSupported: one server listens at an address that is not its own, or one that the other can't reach as
            it is on another network; or one has data connections in TLS and the other one has not, or neither can be
            the client of TLS. Nothing of the file was asked for.
        StatusCodeError: a server refuses, at first or in the end; the file at the destination may be there in part.
        InvalidCommand: both are the same client, or a transfer is under way.
        FTPException: as for exchanges.

    Cancellation: both transfers are aborted, one after the other; each client is in step afterwards, or closed.

    Servers rarely do this for strangers: both have to allow it. The server that listens is believed its address only if
    it is that of its control connection, or its client was made with ``trust_passive_address``.
    """
    if source is destination:
        raise InvalidCommand("a transfer between servers needs two clients")
    sender, receiver = await source._ready(), await destination._ready()
    if sender.control.is_private != receiver.control.is_private:
        raise FTPNotSupported("data connections are in TLS at one server and in clear at the other; nothing was sent")
    for session in (sender, receiver):
        await session.control.represent("I")
    listener = await _join(sender, receiver)
    try:
        into = _Side(receiver, commands.stor(destination_path))
        await _copy(_Side(sender, commands.retr(source_path), after=into), into)
    finally:
        await _become_server_again(listener)


# -- who connects to whom ----------------------------------------------------------------------------------------------


@attrs.frozen
class _Listener:
    """The server that listens."""

    session: Session
    address: str
    port: int
    is_tls_client: bool
    """Whether it has to be told that it need not be the client of TLS any more."""


async def _join(sender: Session, receiver: Session) -> _Listener:
    """Have one server listen and tell the other where; the other way round if one of them refuses."""
    failures: list[StatusCodeError | FTPNotSupported] = []
    for listening, connecting in ((sender, receiver), (receiver, sender)):
        try:
            return await _introduce(listening, connecting)
        except (StatusCodeError, FTPNotSupported) as exc:
            if not (sender.control.channel.is_open and receiver.control.channel.is_open):
                raise
            failures.append(exc)
    raise failures[0]


async def _introduce(listening: Session, connecting: Session) -> _Listener:
    listener = await _listen(listening)
    try:
        _require_reachable(listener.address, _own_address(connecting), listening.control.peer)
        offer = commands.eprt if ":" in listener.address else commands.port
        await connecting.control.ask(offer(listener.address, listener.port), "2xx")
    except BaseException:
        await _become_server_again(listener)
        raise
    return listener


async def _listen(session: Session) -> _Listener:
    control, own = session.control, _own_address(session)
    if own is not None and ":" in own:
        is_tls_client = control.is_private and await _become_client(control)
        reply = await control.ask(commands.epsv(), "229")
        return _Listener(session, own.partition("%")[0], session.settings.read_epsv(reply.text)[1], is_tls_client)
    is_tls_client = False
    try:
        reply = await control.ask(commands.CPSV if control.is_private else commands.PASV, "227")
    except StatusCodeError as exc:
        if not (control.is_private and exc.received_codes[-1].matches("50x")):
            raise
        is_tls_client = await _become_client(control)
        reply = await control.ask(commands.PASV, "227")
    address, port = session.settings.read_pasv(reply.text)
    if address == _UNSPECIFIED and own is not None:
        address = own
    # Otherwise a server could have another one connect to whom it likes, and give or take a file there.
    if address != own and not session.settings.trust_passive_address:
        raise FTPNotSupported(
            f"the server would have the other one connect to {address}, which is not its own address as far as this "
            "side knows; trust_passive_address=True believes it",
            peer=control.peer,
        )
    return _Listener(session, address, port, is_tls_client)


async def _become_client(control: Control) -> bool:
    """Have a server be the client of TLS on data connections: of two servers one has to."""
    try:
        await control.ask(commands.sscn("ON"), "2xx")
    except StatusCodeError as exc:
        raise FTPNotSupported(
            "data connections are in TLS, and the server can't be the client of TLS (CPSV, SSCN)", peer=control.peer
        ) from exc
    return True


async def _become_server_again(listener: _Listener) -> None:
    control = listener.session.control
    if listener.is_tls_client and control.channel.is_in_step:
        with contextlib.suppress(StatusCodeError):
            await control.ask(commands.sscn("OFF"), "2xx")


def _own_address(session: Session) -> str | None:
    """Return the server's address, None where only a proxy knows it."""
    return None if session.settings.proxy is not None else bare_address(session.control.data_host)


def _require_reachable(address: str, other: str | None, peer: str) -> None:
    """Raise if *address* means something else, or nothing, to the server at *other*."""
    there = ipaddress.ip_address(address)
    here = None if other is None else ipaddress.ip_address(other)
    is_elsewhere = (
        (there.is_loopback and not (here is not None and here.is_loopback))
        or (there.is_private and (here is None or here.is_global))
        or there.is_unspecified
        or there.is_multicast
    )
    if is_elsewhere:
        raise FTPNotSupported(f"{address} is not an address at which the other server could reach this one", peer=peer)


# -- what goes over ----------------------------------------------------------------------------------------------------


class _Side:
    """One server's part in it, which may have to come *after* the other one's."""

    def __init__(self, session: Session, command: Command, after: _Side | None = None) -> None:
        self.control = session.control
        self.transfer = Transfer(session.control.channel, command, connect=None)
        self.after = after
        self.answered = anyio.Event()
        self.close_seconds = session.settings.timeouts.close
        self._noop_interval = session.settings.noop_interval
        self._command = command

    async def start(self) -> None:
        """Give the command, unless the one before it was refused.

        Whoever is to receive has a head start: data may come as soon as the sender knows its command, and some servers
        have no use for it before theirs. Others answer only when there is a data connection.
        """
        if self.after is not None:
            with anyio.move_on_after(_HEAD_START_SECONDS):
                await self.after.answered.wait()
                if not self.after.transfer.has_begun:
                    return
        try:
            check(await self.transfer.start(), ("1xx", "2xx"), self._command, peer=self.control.peer)
        finally:
            self.answered.set()

    async def finish(self) -> None:
        await kept_alive(self.transfer, self._noop_interval, self.transfer.finish)
        if self.transfer.final is not None:
            check(self.transfer.final, ("2xx",), self._command, peer=self.control.peer)


async def _copy(*sides: _Side) -> None:
    for side in sides:
        side.control.under_way.begin(side.transfer)
    try:
        await _at_once(sides, _Side.start)
        await _at_once(sides, _Side.finish)
    except BaseException:
        try:
            for side in sides:
                await side.transfer.abort()
        finally:
            _close_where_owed(sides)  # a second cancellation has come
        raise
    finally:
        for side in sides:
            side.control.under_way.end()


def _close_where_owed(sides: Sequence[_Side]) -> None:
    for side in sides:
        if not side.control.channel.is_in_step:
            side.control.close()


async def _at_once(sides: Sequence[_Side], act: Callable[[_Side], Awaitable[None]]) -> None:
    """Have all *sides* act, and raise why the first one failed; the others have ``timeouts.close`` left then."""
    failures: list[TransferError] = []

    async def run(side: _Side) -> None:
        try:
            await act(side)
        except TransferError as exc:
            failures.append(exc)
            seconds = max((side.close_seconds or 0.0) for side in sides)
            group.cancel_scope.deadline = min(group.cancel_scope.deadline, anyio.current_time() + seconds)

    async with anyio.create_task_group() as group:
        for side in sides:
            group.start_soon(run, side)
    if failures:
        # 425 and 426 say of the data connection what the other server has the reason for.
        raise next((exc for exc in failures if not _is_consequence(exc)), failures[0])


def _is_consequence(exc: TransferError) -> bool:
    return isinstance(exc, StatusCodeError) and exc.received_codes[-1] in ("425", "426")
