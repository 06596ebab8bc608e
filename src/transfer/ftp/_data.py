"""Data connections: asked for by EPSV or PASV and dialled, or offered by EPRT or PORT, and brought into TLS."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from transfer._engine.transfer import Arrival, Transfer
from transfer._errors import TransferError
from transfer._net.connect import connect_tcp
from transfer._net.names import bare_address
from transfer._net.stream import Stream
from transfer._net.timeouts import Deadline
from transfer._wire.command import Command
from transfer.ftp import _commands as commands
from transfer.ftp._connection._active import Doorway, open_doorway, remote_address
from transfer.ftp._control import Control, check
from transfer.ftp._errors import (
    FAMILY,
    FTPConnectError,
    FTPDisconnected,
    FTPException,
    FTPProtocolError,
    FTPTimeoutError,
    StatusCodeError,
)
from transfer.ftp._settings import Settings

__all__ = ["DataConnections", "explain"]

T = TypeVar("T")

_UNSPECIFIED = "0.0.0.0"  # noqa: S104  # some servers write it where they mean "where you are connected to already"
_ACTIVE_COMMANDS: tuple[str, ...] = ("eprt", "port")
# Of timeouts.connect, for a way that need not work because another one is left: long enough for a lost SYN or two
# (RFC 6298 §2: one second, then two) at the default of 30 seconds.
_SHARE = 3
_LIMIT_SECONDS = 10.0


class DataConnections:
    """Opens the data connections of one control connection, and remembers which way works.

    Attributes:
        ways: the passive commands in the order in which they are tried; the one that worked last leads.
    """

    def __init__(self, control: Control, settings: Settings) -> None:
        self.ways: tuple[str, ...] = settings.passive_commands
        self._active_ways = _ACTIVE_COMMANDS
        self._control = control
        self._settings = settings
        self._restarted: Transfer | None = None

    def transfer(self, command: Command, *, representation: str = "I", offset: int = 0, mode: str = "S") -> Transfer:
        """Return the transfer of *command*, not started.

        Args:
            command: RETR, STOR, APPE, STOU, LIST, NLST or MLSD.
            representation: the parameters of TYPE, ``"I"`` or ``"A"``.
            offset: where in the file the transfer begins, in bytes; told by REST right before *command*.
            mode: ``"S"``, or ``"Z"`` for compressed data.
        """

        async def connect() -> Stream | Arrival:
            await self._control.transmit(mode)
            found = await (self.listen(representation) if self._settings.active else self.dial(representation))
            try:
                await self._restart(transfer, offset)
            except BaseException:
                found.close()
                raise
            return found

        async def secure(stream: Stream) -> None:
            try:
                await self.secure(stream)
            except TransferError as exc:
                await explain(self._control, transfer, command, exc)
                raise

        transfer = Transfer(
            self._control.channel,
            command,
            connect=connect,
            secure=secure if self._control.is_private else None,
        )
        return transfer

    def prefer(self, ways: tuple[str, ...]) -> None:
        """Try those of *ways* that may be tried at all in this order, before the others."""
        first = tuple(way for way in ways if way in self.ways)
        self.ways = first + tuple(way for way in self.ways if way not in first)

    # -- how it comes about --------------------------------------------------------------------------------------------

    async def dial(self, representation: str = "I", ways: tuple[str, ...] | None = None) -> Stream:
        """Return a passive data connection, not in TLS yet, after telling the server the representation type.

        A way that is refused, answered with nonsense or leads nowhere is followed by the next one; the first that
        works is where this connection begins from then on. While another one is left a way has a third of
        ``timeouts.connect``.

        Args:
            representation: the parameters of TYPE.
            ways: another order than the remembered one; nothing is remembered of it.

        Raises:
            StatusCodeError: the server refuses every way.
            FTPProtocolError: its reply can't be read; the connection is closed.
            FTPConnectError, FTPTimeoutError: the connection did not come about.

        Cancellation: the connection attempt is closed.
        """

        async def attempt(way: str, is_last: bool) -> Stream:
            return await self._connect(*await self._passive(way), is_last=is_last)

        await self._control.represent(representation)
        order = self.ways if ways is None else ways
        place, stream = await self._first(order, attempt)
        if ways is None:
            self.ways = order[place:] + order[:place]
        return stream

    async def listen(self, representation: str = "I") -> Doorway:
        """Listen for a data connection and tell the server where, after the representation type.

        Raises:
            NoAvailablePort: all of ``active_ports`` are in use; nothing was said of them.
            StatusCodeError: the server refuses to connect to this side.
            FTPConnectError: this side can't listen.

        Cancellation: nobody listens any more.
        """
        await self._control.represent(representation)
        settings, channel, server = self._settings, self._control.channel, self._control.data_host
        try:
            doorway = open_doorway(channel.stream, server, settings.active_ports, settings.timeouts.connect)
        except FTPDisconnected as exc:
            channel.abandon(exc)
            raise
        address = settings.active_address or doorway.address

        async def attempt(way: str, _is_last: bool) -> None:
            offer = commands.eprt if way == "eprt" else commands.port
            await self._control.ask(offer(address, doorway.port), "2xx")

        # RFC 959 has no words for IPv6.
        ways = ("eprt",) if ":" in address else self._active_ways
        try:
            place, _ = await self._first(ways, attempt)
        except BaseException:
            doorway.close()
            raise
        self._active_ways = self._active_ways[place:]
        return doorway

    async def _first(self, ways: tuple[str, ...], attempt: Callable[[str, bool], Awaitable[T]]) -> tuple[int, T]:
        """Return the place in *ways* of the first one that works, and what came of it."""
        failures: list[FTPException] = []
        for place, way in enumerate(ways):
            try:
                return place, await attempt(way, place == len(ways) - 1)
            except (StatusCodeError, FTPProtocolError, FTPConnectError, FTPTimeoutError) as exc:
                if not self._control.channel.is_open:
                    raise
                failures.append(exc)
        with self._control.closing_on_nonsense():
            raise _most_telling(failures)

    async def _passive(self, way: str) -> tuple[str, int]:
        host = self._control.data_host
        if way == "epsv":
            # Some servers answer the one command as they would the other.
            reply = await self._control.ask(commands.epsv(), "229", "227")
            if reply.code == 229:
                told, port = self._settings.read_epsv(reply.text)
                return told or host, port
        else:
            reply = await self._control.ask(commands.PASV, "227")
        # An address in a reply may be any: that of a machine behind the server's router, of another one that the server
        # would have us talk to, or of our own network.
        address, port = self._settings.read_pasv(reply.text)
        trusted = self._settings.trust_passive_address and address != _UNSPECIFIED
        return address if trusted else host, port

    async def _connect(self, host: str, port: int, *, is_last: bool) -> Stream:
        source, seconds = self._settings.source_address, self._settings.timeouts.connect
        if not is_last:
            seconds = _LIMIT_SECONDS if seconds is None else seconds / _SHARE
        return await connect_tcp(
            host,
            port,
            errors=FAMILY,
            deadline=Deadline(seconds, "data connection"),
            source_address=None if source is None else (source[0], 0),
            proxy=self._settings.proxy,
        )

    # -- what it is told -----------------------------------------------------------------------------------------------

    async def _restart(self, transfer: Transfer, offset: int) -> None:
        """Have *transfer* begin at *offset*; a marker that a refused one has left behind is taken back."""
        left_behind = self._restarted is not None and not self._restarted.has_begun
        self._restarted = None
        if offset:
            self._restarted = transfer
            await self._control.ask(commands.rest(offset), "3xx")
        elif left_behind:
            # RFC 3659 §5: the marker is for the next transfer, whichever that is. Whoever refuses a 0 keeps none.
            await self._control.converse(commands.rest(0), ("xxx",))

    async def secure(self, stream: Stream) -> None:
        """Bring the data connection *stream* into TLS, in the control connection's session if it leads to its host.

        Raises:
            FTPTLSError, FTPTimeoutError, FTPDisconnected: the handshake failed; *stream* is closed.
        """
        control = self._control.channel.stream
        if control.tls_context is None:
            stream.close()
            raise FTPConnectError("The control connection was lost before the data connection was secured")
        sessions = self._control.channel.sessions
        if sessions.newest is None:
            sessions.remember(control.tls)
        await stream.start_tls(
            control.tls_context,
            server_hostname=self._control.server_name,
            session=sessions.newest if self._leads_to_server(stream) else None,
            deadline=Deadline(self._settings.timeouts.tls, "TLS handshake of the data connection"),
        )

    def _leads_to_server(self, stream: Stream) -> bool:
        """Whether *stream* leads where the control connection does: no other host is shown a session of its."""
        if not self._settings.trust_passive_address:
            return True
        return remote_address(stream) == bare_address(self._control.data_host)


async def explain(control: Control, transfer: Transfer, command: Command, exc: TransferError) -> None:
    """Raise what the server says of a data connection that broke with *exc*, if it says why.

    Raises:
        StatusCodeError: it says so: "552 quota exceeded" beats "broken pipe".
    """
    reply = await transfer.outcome()
    if reply is not None and reply.code >= 400:
        try:
            check(reply, ("2xx",), command, peer=control.peer)
        except StatusCodeError as refusal:
            raise refusal from exc


def _most_telling(failures: list[FTPException]) -> FTPException:
    """Choose from what went wrong: "not implemented" says less than anything else."""

    def is_unknown(exc: FTPException) -> bool:
        return isinstance(exc, StatusCodeError) and exc.received_codes[-1].matches("50x")

    return next((exc for exc in failures if not is_unknown(exc)), failures[-1])
