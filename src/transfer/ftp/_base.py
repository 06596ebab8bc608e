"""What every client has: its settings, one connection at a time, and the way to send any command."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, overload

import anyio

from transfer._errors import TransferError
from transfer._net.stream import Stream
from transfer._net.timeouts import Deadline, Timeouts
from transfer._net.tls import TLS
from transfer._wire.command import Command
from transfer.ftp import _commands as commands
from transfer.ftp._code import Code, wrap_into_codes
from transfer.ftp._connection._protection import agree_on_protection, change_protection, clear_commands
from transfer.ftp._errors import FTPDisconnected, InvalidCommand, StatusCodeError
from transfer.ftp._listing import ListingParser
from transfer.ftp._login import log_in
from transfer.ftp._parsers import Parsers
from transfer.ftp._pathio import AbstractPathIO, PathIO
from transfer.ftp._profile import ServerProfile
from transfer.ftp._replies import info_lines
from transfer.ftp._session import Session, open_session, upgrade
from transfer.ftp._settings import (
    DEFAULT_ACCOUNT,
    DEFAULT_PASSWORD,
    DEFAULT_PORT,
    DEFAULT_USER,
    PASSIVE_COMMANDS,
    ListingLimits,
    Settings,
    StreamThrottle,
    choose_proxy,
    choose_timeouts,
    choose_tls,
    make_throttle,
)
from transfer.ftp._streams._stream import ThrottleStreamIO

if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = ["BaseClient", "Codes", "parse_command"]

_SECRET_VERBS = frozenset({"PASS", "ACCT"})
Codes = str | tuple[str, ...]


class BaseClient(Parsers):
    """What :class:`Client` does about its connection; the arguments are explained there."""

    def __init__(
        self,
        *,
        socket_timeout: float | None = None,
        connection_timeout: float | None = None,
        read_speed_limit: float | None = None,
        write_speed_limit: float | None = None,
        path_timeout: float | None = None,
        path_io_factory: Callable[..., AbstractPathIO[Any]] = PathIO,
        encoding: str = "utf-8",
        ssl: bool | SSLContext | None = None,
        parse_list_line_custom: Callable[[bytes], Any] | None = None,
        parse_list_line_custom_first: bool = True,
        passive_commands: tuple[str, ...] = PASSIVE_COMMANDS,
        trust_server_pasv_ipv4_address: bool = False,
        timeouts: Timeouts | None = None,
        tls: TLS | None = None,
        trust_passive_address: bool = False,
        allow_cleartext_auth: bool = False,
        require_close_notify: bool = True,
        active: bool = False,
        active_ports: Iterable[int] | None = None,
        active_address: str | None = None,
        protect_data: bool = True,
        noop_interval: float | None = None,
        virtual_host: str | None = None,
        client_name: str | None = None,
        negotiate: bool = False,
        profile: ServerProfile | None = None,
        reconnect: bool = False,
        listing_limits: ListingLimits | None = None,
        proxy: str | None = None,
        source_address: tuple[str, int] | None = None,
        socks_host: str | None = None,
        socks_port: int | None = None,
        socks_version: int = 5,
        username: str | None = None,
        password: str | None = None,
    ) -> None:
        parser = ListingParser(
            encoding=encoding,
            custom=parse_list_line_custom,
            custom_first=parse_list_line_custom_first,
            overrides=self._overriding_parsers(),
        )
        self._settings = Settings(
            timeouts=choose_timeouts(timeouts, socket_timeout, connection_timeout),
            tls=choose_tls(tls, ssl),
            implicit_tls=ssl is not None and ssl is not False,
            encoding=encoding,
            passive_commands=passive_commands,
            trust_passive_address=trust_passive_address or trust_server_pasv_ipv4_address,
            allow_cleartext_auth=allow_cleartext_auth,
            require_close_notify=require_close_notify,
            active=active,
            active_ports=None if active_ports is None else tuple(active_ports),
            active_address=active_address,
            protect_data=protect_data,
            noop_interval=noop_interval,
            virtual_host=virtual_host,
            client_name=client_name,
            negotiate=negotiate or client_name is not None,
            profile=profile,
            reconnect=reconnect,
            proxy=choose_proxy(proxy, socks_host, socks_port, socks_version, username, password),
            source_address=source_address,
            throttle=make_throttle(read_speed_limit, write_speed_limit),
            parser=parser,
            read_epsv=self.parse_epsv_response,
            read_pasv=self.parse_pasv_response,
            limits=listing_limits or ListingLimits(),
        )
        self.throttle: StreamThrottle = self._settings.throttle
        self.encoding: str = encoding
        self.path_io: AbstractPathIO[Any] = path_io_factory(timeout=path_timeout)
        self.server_host: str | None = None
        self.server_port: int | None = None
        self._last_session: Session | None = None
        self._by_hand: tuple[Stream, ThrottleStreamIO] | None = None

    def __repr__(self) -> str:
        if self._last_session is None:
            return f"<{type(self).__name__}, not connected>"
        state = "connected" if self.is_connected else "closed"
        return f"<{type(self).__name__} {self._last_session.control.peer}, {state}>"

    # -- the connection ----------------------------------------------------------------------------------------------

    @property
    def is_connected(self) -> bool:
        """Whether the connection can be used, as far as this side knows without looking."""
        return self._last_session is not None and self._last_session.control.channel.is_open

    @property
    def _session(self) -> Session:
        if self._last_session is None:
            raise FTPDisconnected("Not connected: connect() comes first")
        return self._last_session

    async def _ready(self) -> Session:
        """Return the session that the next command goes to.

        Raises:
            FTPDisconnected: there is none.
        """
        return self._session

    async def connect(self, host: str, port: int = DEFAULT_PORT) -> list[str]:
        """Connect, with TLS if *ssl* was given, and return the lines of the greeting.

        Raises:
            InvalidCommand: the client is connected already.
            FTPConnectError, FTPTimeoutError, FTPTLSError: no connection came about.
            StatusCodeError: the server does not greet with 220.
        """
        if self.is_connected:
            raise InvalidCommand(f"already connected to {self._session.control.peer}: quit() or close() comes first")
        self.server_host, self.server_port = host, port
        self._last_session, reply = await open_session(host, port, self._settings)
        return info_lines(reply)

    async def upgrade_to_tls(self, sslcontext: SSLContext | None = None) -> None:
        """Bring the connection into TLS (RFC 4217), with *sslcontext* if one is given; data connections follow.

        Raises:
            StatusCodeError: the server refuses AUTH TLS; or it refuses PBSZ or PROT, and the connection is closed.
            FTPTLSError, FTPProtocolError: the handshake failed, or plain text came before it; the connection is closed.
            InvalidCommand: the connection is inside TLS already.
        """
        await upgrade(self._session, self.server_host or "", sslcontext)

    async def set_data_protection(self, private: bool) -> None:
        """Have data connections inside TLS (PROT P), or in clear (PROT C), from the next one on.

        Raises:
            StatusCodeError: the server refuses, and nothing changes.
            InvalidCommand: commands are not inside TLS; nothing was sent.

        RFC 4217 §9.
        """
        await change_protection(self._session.control, private=private)

    async def clear_command_channel(self) -> None:
        """Send commands in clear from here on (CCC), so that routers on the way can read the ports in them.

        Data connections stay inside TLS if they are. Names are legible for everybody on the way from here on, and
        whoever can change what is on its way can send commands of his own; a password is not sent any more.

        Raises:
            StatusCodeError: the server refuses, and nothing changes.
            InvalidCommand: commands are not inside TLS; nothing was sent.
            FTPDisconnected, FTPTimeoutError, FTPTLSError, FTPProtocolError: TLS did not end in order within
                ``timeouts.close``; the connection is closed.

        RFC 2228 §3.
        """
        await clear_commands(self._session.control)

    async def login(
        self, user: str = DEFAULT_USER, password: str = DEFAULT_PASSWORD, account: str = DEFAULT_ACCOUNT
    ) -> None:
        """Log in.

        Raises:
            FTPAuthenticationError: the server refuses.
            FTPNotSupported: the password would go over a network in clear; nothing was sent.
        """
        allow_cleartext = self._settings.allow_cleartext_auth
        control = self._session.control
        await log_in(control, user, password, account, allow_cleartext=allow_cleartext)
        if control.protection_is_postponed:
            await agree_on_protection(control, private=self._settings.protect_data)

    async def quit(self) -> None:
        """Say QUIT, wait for the answer, and close in any case."""
        try:
            await self._session.control.ask(commands.QUIT, "2xx")
        finally:
            self.close()

    def close(self) -> None:
        """Close the connection, and the data connection of a transfer, at once. Idempotent."""
        if self._last_session is not None:
            self._last_session.control.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if self._last_session is not None:
                await _leave(self._last_session, failed=exc is not None)
        finally:
            self.close()

    # -- any command -------------------------------------------------------------------------------------------------

    @overload
    async def command(
        self,
        command: str | None = None,
        expected_codes: tuple[()] = (),
        wait_codes: tuple[()] = (),
        censor_after: None = None,
    ) -> None: ...

    @overload
    async def command(
        self,
        command: str | None = None,
        expected_codes: Codes = (),
        wait_codes: Codes = (),
        censor_after: int | None = None,
    ) -> tuple[Code, list[str]]: ...

    async def command(
        self,
        command: str | None = None,
        expected_codes: Codes = (),
        wait_codes: Codes = (),
        censor_after: int | None = None,
    ) -> tuple[Code, list[str]] | None:
        """Send *command* if there is one, and return the code and the lines of its reply.

        Args:
            command: a whole line; without one, the next reply is read.
            expected_codes: masks such as ``"2xx"``; another code is an error. Without any, all are welcome.
            wait_codes: masks of replies after which another one comes.
            censor_after: from this letter on the command is a secret. PASS and ACCT are secrets without it.

        Returns:
            None where no codes are given: the reply is then kept for a call without a command.

        Raises:
            StatusCodeError: the code is not among those expected.
            InvalidCommand: *command* holds CR, LF or NUL or is not one, or a transfer is under way.
        """
        expected, wait = wrap_into_codes(expected_codes), wrap_into_codes(wait_codes)
        line = parse_command(command, censor_after) if command else None
        control = (await self._ready()).control
        if not expected and not wait:
            if line is not None:
                await control.tell(line)
            return None
        reply = await control.converse(line, expected, wait)
        if expected:
            try:
                self.check_codes(expected, Code(reply.code), info_lines(reply))
            except StatusCodeError as exc:
                exc.reply, exc.command, exc.peer = reply, None if line is None else str(line), control.peer
                raise
        return Code(reply.code), info_lines(reply)

    # -- replies -----------------------------------------------------------------------------------------------------

    @property
    def stream(self) -> ThrottleStreamIO:
        """The control connection. Whoever reads from it or writes to it speaks the protocol alone from there on.

        Raises:
            FTPDisconnected: there is none.
        """
        channel = self._session.control.channel
        if self._by_hand is None or self._by_hand[0] is not channel.stream:
            by_hand = ThrottleStreamIO(channel.stream, {"_": self.throttle}, seconds=channel.timeouts.reply)
            self._by_hand = channel.stream, by_hand
        return self._by_hand[1]

    async def parse_response(self) -> tuple[Code, list[str]]:
        """Return the code and the lines of the next reply, which may be a preliminary one.

        Raises:
            InvalidCommand: a transfer is under way, and the reply is its own.
            FTPException: as the exchange of a command.
        """
        reply = await (await self._ready()).control.next_reply()
        return Code(reply.code), info_lines(reply)

    async def parse_line(self) -> tuple[Code, str]:
        """Return the first three letters and the rest of the next line of a reply; the rest as for a whole one."""
        line = (await (await self._ready()).control.next_line()).rstrip()
        return Code(line[:3]), line[3:]


async def _leave(session: Session, *, failed: bool) -> None:
    """Say QUIT within ``timeouts.close`` if that can be said; what happens then matters to nobody."""
    control, seconds = session.control, session.settings.timeouts.close
    with anyio.CancelScope(shield=failed and seconds is not None), suppress(TransferError):
        if not failed:
            await control.under_way.reclaim()
        if control.channel.is_in_step:
            await control.channel.exchange(commands.QUIT, Deadline(seconds, "reply to QUIT"))


def parse_command(line: str, censor_after: int | None) -> Command:
    """Return the command that a whole *line* is; from the letter *censor_after* on it is a secret.

    Raises:
        InvalidCommand: it is none.
    """
    verb, space, argument = line.partition(" ")
    secret = bool(censor_after) or verb.upper() in _SECRET_VERBS
    if not verb:
        raise InvalidCommand("a command does not begin with a space; nothing was sent")
    if censor_after and censor_after < len(verb):
        # The secret is where a verb would be; without one, the whole line is kept out of sight.
        return Command("", line, secret=True)
    return Command(verb, argument if space else None, secret=secret)
