"""What both ends of a control connection share: the stream, its state, TLS, the log, the spelling of errors."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from transfer._engine.wirelog import WireLog
from transfer._errors import DisconnectedError, ErrorFamily, LocalProtocolError, ProtocolError
from transfer._net.stream import Stream
from transfer._net.timeouts import Deadline, Timeouts
from transfer._net.tls import SessionStore
from transfer._wire.dialect import Dialect

if TYPE_CHECKING:
    import ssl

__all__ = ["Channel", "ChannelState"]


class ChannelState(enum.Enum):
    """Whether a channel can be used."""

    OPEN = "open"
    BROKEN = "broken"
    """Cut off in the middle of an exchange: closed, and never used again."""
    CLOSED = "closed"
    """Ended in order, by either side."""


class Channel:
    """A stream that speaks lines.

    Args:
        stream: connected; belongs to the channel.
        dialect: what a line may be.
        errors: how to spell the categories of errors.
        timeouts: how long to wait for what.
        encoding: of text on the wire; octets outside of it survive as lone surrogates.
    """

    def __init__(
        self, stream: Stream, *, dialect: Dialect, errors: ErrorFamily, timeouts: Timeouts, encoding: str = "utf-8"
    ) -> None:
        self.stream: Stream = stream
        self.peer: str = stream.peer
        self.timeouts: Timeouts = timeouts
        self.state: ChannelState = ChannelState.OPEN
        self.sessions: SessionStore = SessionStore()
        self.log: WireLog = WireLog(stream.peer, dialect.secret_verbs)
        self._dialect = dialect
        self._errors = errors
        self._encoding = encoding
        self._cause: Exception | None = None
        self._why = ""

    @property
    def is_open(self) -> bool:
        """Whether commands can still be exchanged, as far as this side knows without looking."""
        return self.state is ChannelState.OPEN

    @property
    def cause(self) -> Exception | None:
        """Why the connection ended, where it was neither closed in order nor cut off by a cancellation."""
        return self._cause

    def close(self) -> None:
        """Close the connection at once. Idempotent; a BROKEN channel stays BROKEN."""
        if self.state is ChannelState.OPEN:
            self.state = ChannelState.CLOSED
            self.log.event("closed")
        self.stream.close()

    def abandon(self, cause: BaseException) -> None:
        """Give the channel up in the middle of something: BROKEN, closed; *cause* is named to whoever uses it next."""
        if self.state is ChannelState.OPEN:
            self.state = ChannelState.BROKEN
            if isinstance(cause, Exception):
                self._cause = cause
            else:
                # A cancellation belongs to the task that it was meant for, and is nobody else's cause.
                self._why = "an earlier command was cancelled"
            self.log.event("given up: %s", type(cause).__name__)
        self.stream.close()

    def _require_open(self) -> None:
        if self.state is not ChannelState.OPEN:
            why = str(self._cause or self._why)
            reply = self._cause.reply if isinstance(self._cause, DisconnectedError) else None
            raise self._errors.disconnected(
                f"Not connected: {why}" if why else "Not connected", reply=reply, peer=self.peer
            ) from self._cause

    def _require_plain(self) -> None:
        if self.stream.tls is not None:
            raise self._errors.local_protocol("TLS has been started already", peer=self.peer)

    async def _upgrade(
        self,
        context: ssl.SSLContext,
        unread: bytes,
        *,
        server_side: bool,
        server_hostname: str | None = None,
    ) -> None:
        # RFC 3207 §4.2 and RFC 4217 §4.2: nothing learned in clear survives. Plain octets before the handshake are
        # either an attack or a confused peer; to drop them quietly would hide both.
        if unread:
            raise self._errors.remote_protocol(
                f"{len(unread)} octets of plain text came before the TLS handshake", peer=self.peer
            )
        self.sessions = SessionStore()  # those of another context
        deadline = Deadline(self.timeouts.tls, "TLS handshake")
        await self.stream.start_tls(
            context, server_hostname=server_hostname, server_side=server_side, deadline=deadline
        )
        if (tls_socket := self.stream.tls) is not None:
            self.log.event("%s %s", tls_socket.version(), (tls_socket.cipher() or ("?",))[0])

    @contextmanager
    def _giving_up_on_failure(self) -> Iterator[None]:
        """Leave the channel BROKEN if the body fails or is cancelled."""
        try:
            yield
        except BaseException as exc:
            self.abandon(exc)
            raise

    def _spelled(self, exc: ProtocolError) -> ProtocolError:
        """Return a plain protocol error of the pure layer as this protocol's own, with the peer's name."""
        if isinstance(exc, LocalProtocolError):
            return self._errors.local_protocol(str(exc))
        return self._errors.remote_protocol(str(exc), peer=self.peer)
