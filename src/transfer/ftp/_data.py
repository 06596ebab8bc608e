"""Data connections: asked for by EPSV or PASV, dialled, and brought into the control connection's TLS."""

from __future__ import annotations

from transfer._engine.transfer import Transfer
from transfer._errors import TransferError
from transfer._net.connect import connect_tcp
from transfer._net.stream import Stream
from transfer._net.timeouts import Deadline
from transfer._wire.command import Command
from transfer.ftp import _commands as commands
from transfer.ftp._control import Control, check
from transfer.ftp._errors import (
    FAMILY,
    FTPConnectError,
    FTPException,
    FTPProtocolError,
    FTPTimeoutError,
    StatusCodeError,
)
from transfer.ftp._replies import parse_epsv, parse_pasv
from transfer.ftp._settings import Settings

__all__ = ["DataConnections", "explain"]

_UNSPECIFIED = "0.0.0.0"  # noqa: S104  # some servers write it where they mean "where you are connected to already"


class DataConnections:
    """Opens the data connections of one control connection, and remembers which way works."""

    def __init__(self, control: Control, settings: Settings) -> None:
        self._control = control
        self._settings = settings
        self._ways = settings.passive_commands

    def transfer(self, command: Command, *, representation: str = "I", offset: int = 0) -> Transfer:
        """Return the transfer of *command*, not started.

        Args:
            command: RETR, STOR, APPE, STOU, LIST, NLST or MLSD.
            representation: the parameters of TYPE, ``"I"`` or ``"A"``.
            offset: where in the file the transfer begins, in bytes; told by REST right before *command*.
        """

        async def connect() -> Stream:
            stream = await self.dial(representation)
            if offset:
                try:
                    await self._control.ask(commands.rest(offset), "3xx")
                except BaseException:
                    stream.close()
                    raise
            return stream

        async def secure(stream: Stream) -> None:
            try:
                await self._secure(stream)
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

    async def dial(self, representation: str = "I") -> Stream:
        """Return a data connection, not in TLS yet, after telling the server the representation type.

        A way that is refused, answered with nonsense or leads nowhere is followed by the next one; the first that
        works is where this connection begins from then on.

        Raises:
            StatusCodeError: the server refuses every way.
            FTPProtocolError: its reply can't be read; the connection is closed.
            FTPConnectError, FTPTimeoutError: the connection did not come about.

        Cancellation: the connection attempt is closed.
        """
        await self._control.represent(representation)
        failures: list[FTPException] = []
        for place, way in enumerate(self._ways):
            try:
                stream = await self._connect(*await self._passive(way))
            except (StatusCodeError, FTPProtocolError, FTPConnectError, FTPTimeoutError) as exc:
                if not self._control.channel.is_open:
                    raise
                failures.append(exc)
            else:
                self._ways = self._ways[place:]
                return stream
        with self._control.closing_on_nonsense():
            raise _most_telling(failures)

    async def _passive(self, way: str) -> tuple[str, int]:
        host = self._control.data_host
        if way == "epsv":
            reply = await self._control.ask(commands.epsv(), "229")
            return host, parse_epsv(reply.text)
        reply = await self._control.ask(commands.PASV, "227")
        # An address in a reply may be any: that of a machine behind the server's router, of another one that the server
        # would have us talk to, or of our own network.
        address, port = parse_pasv(reply.text)
        trusted = self._settings.trust_passive_address and address != _UNSPECIFIED
        return address if trusted else host, port

    async def _connect(self, host: str, port: int) -> Stream:
        source = self._settings.source_address
        return await connect_tcp(
            host,
            port,
            errors=FAMILY,
            deadline=Deadline(self._settings.timeouts.connect, "data connection"),
            source_address=None if source is None else (source[0], 0),
            proxy=self._settings.proxy,
        )

    async def _secure(self, stream: Stream) -> None:
        control = self._control.channel.stream
        if control.tls is None or control.tls_context is None:
            raise FTPConnectError("The control connection was lost before the data connection was secured")
        sessions = self._control.channel.sessions
        if sessions.newest is None:
            sessions.remember(control.tls)
        await stream.start_tls(
            control.tls_context,
            server_hostname=self._control.server_name,
            session=sessions.newest,
            deadline=Deadline(self._settings.timeouts.tls, "TLS handshake of the data connection"),
        )


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
