"""One connection to a server, from the dial to the login; a client that reconnects gets a new one."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import attrs

from transfer._engine.client import ClientChannel
from transfer._net.connect import connect_tcp
from transfer._net.hostname import is_loopback
from transfer._net.timeouts import Deadline
from transfer._net.tls import TLS
from transfer._wire.dialect import FTP_CLIENT
from transfer._wire.reply import Reply
from transfer.ftp import _commands as commands
from transfer.ftp._connection._protection import agree_on_protection
from transfer.ftp._control import Control
from transfer.ftp._data import DataConnections
from transfer.ftp._errors import FAMILY, FTPProtocolError, FTPTimeoutError, FTPTLSError, InvalidCommand
from transfer.ftp._profile import ServerProfile
from transfer.ftp._settings import Settings

if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = ["Session", "open_session", "upgrade"]

# Nothing is said on a control connection while a file is on its way, and routers forget connections within minutes
# (RFC 5382 §5 wants two hours and four minutes of them, few grant it).
_IDLE_SECONDS = 60


@attrs.frozen(eq=False)
class Session:
    """What belongs to one connection."""

    control: Control
    data: DataConnections
    settings: Settings

    def adopt(self, profile: ServerProfile) -> None:
        """Begin with what *profile* says of this server."""
        self.control.lacks |= profile.lacks
        self.control.features = profile.as_features()
        self.data.prefer(profile.ways)

    def profile(self, host: str, port: int) -> ServerProfile:
        """Return what has been found out about the server, which is *host* and *port*."""
        features = self.control.features
        return ServerProfile(
            host=host,
            port=port,
            ways=self.data.ways,
            lacks=frozenset(self.control.lacks),
            features=None if features is None else dict(features.parameters),
            clock_offset=self.settings.parser.clock_offset,
        )


async def open_session(host: str, port: int, settings: Settings) -> tuple[Session, Reply]:
    """Connect, with implicit TLS if that is set, and wait for the greeting.

    Returns:
        The session and the 220.

    Raises:
        ValueError: *host* or *port* can't be one.
        FTPConnectError, FTPTimeoutError, FTPTLSError: no connection came about.
        StatusCodeError: the greeting is none, or the server refuses to protect data connections.

    Cancellation: the connection is closed.
    """
    if not host or any(character <= " " or character == "\x7f" for character in host):
        raise ValueError(f"{host!r} is not the name of a host")
    if not 1 <= port <= 65535:
        raise ValueError(f"a port is from 1 to 65535, not {port!r}")
    context = _context(settings.tls) if settings.implicit_tls else None
    stream = await connect_tcp(
        host,
        port,
        errors=FAMILY,
        deadline=Deadline(settings.timeouts.connect, "connection"),
        source_address=settings.source_address,
        proxy=settings.proxy,
    )
    stream.keep_alive(_IDLE_SECONDS)
    channel = ClientChannel(
        stream, dialect=FTP_CLIENT, errors=FAMILY, timeouts=settings.timeouts, encoding=settings.encoding
    )
    try:
        address = host
        if settings.proxy is None:
            with contextlib.suppress(OSError):  # the peer has reset it already, as the next step will notice
                address = stream.raw_socket.getpeername()[0]
        control = Control(channel, data_host=address, is_local=settings.proxy is None and is_loopback(stream))
        if context is not None:
            try:
                await control.start_tls(context, settings.tls.server_hostname or host)
            except FTPProtocolError as exc:  # its greeting came before our handshake did
                raise FTPTLSError("The server speaks in clear where TLS was expected", peer=control.peer) from exc
        try:
            reply = await control.greeting()
        except FTPTimeoutError as exc:
            if context is None:
                exc.add_note("A server of implicit TLS (port 990, as a rule) waits for the handshake: give ssl=True.")
            raise
        if context is not None:
            await agree_on_protection(control, private=settings.protect_data, may_wait=True)
    except BaseException:
        channel.close()
        raise
    return Session(control, DataConnections(control, settings), settings), reply


async def upgrade(session: Session, host: str, context: SSLContext | None) -> None:
    """Bring a plain session into TLS, data connections included (RFC 4217 §4, §9).

    Raises:
        InvalidCommand: it is in TLS already; nothing was sent.
        StatusCodeError: the server refuses AUTH TLS and the connection is as it was; or it refuses PBSZ or PROT, and
            the connection is closed.
        FTPTLSError, FTPProtocolError: the handshake failed, or plain text came before it; the connection is closed.
    """
    control, settings = session.control, session.settings
    if control.is_encrypted:
        raise InvalidCommand("the connection is inside TLS already; nothing was sent", peer=control.peer)
    context = context or _context(settings.tls)
    # Nothing but 234 promises that TLS comes next: an answer that merely sounds friendly leaves everything in clear.
    await control.ask(commands.auth("TLS"), "234")
    await control.start_tls(context, settings.tls.server_hostname or host)
    await agree_on_protection(control, private=settings.protect_data)


def _context(tls: TLS) -> SSLContext:
    try:
        return tls.client_context()
    except OSError as exc:
        raise FTPTLSError(f"TLS can't be set up: {exc}") from exc
