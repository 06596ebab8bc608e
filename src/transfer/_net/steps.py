"""The system calls of a stream as steps, plain functions that return None where the socket would block.

How this works: a step tries its call once, says in ``_wait_for`` what it would have had to wait for, and spells what
goes wrong as an error of ours. What a cut-off write means for the next one is known here too.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
from collections.abc import Callable

import anyio

from transfer._errors import ErrorFamily, TransferError
from transfer._net.reasons import TLS_ENDS, concerns_connection, explain
from transfer._net.tls_layer import TlsLayer

__all__ = ["RECEIVE_BYTES", "Steps"]

# A reply rarely exceeds a few hundred octets; 64 KiB takes a whole pipelined group in one call.
RECEIVE_BYTES = 65536


class Steps:
    """What a :class:`~transfer._net.stream.Stream` consists of, the arguments included, but for the waiting."""

    def __init__(self, sock: socket.socket, *, peer: str, errors: ErrorFamily) -> None:
        sock.setblocking(False)
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            # Commands are small and wait for an answer: Nagle's algorithm would add up to 40 ms to each.
            with contextlib.suppress(OSError):  # a socket that the peer has reset already
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.peer = peer
        self.errors = errors
        self.tls_context: ssl.SSLContext | None = None
        """What TLS was started with; not the TLS socket's own ``context`` where that stands in for another."""
        self.truncated: bool = False
        """Whether the peer ended TLS without close_notify: bytes may be missing (RFC 8446 §6.1)."""
        self._socket = sock
        self._tls: TlsLayer | None = None
        self._octets: socket.socket | TlsLayer = sock
        self._wait_for: Callable[[socket.socket], object] = anyio.wait_readable
        self._closed = False
        self._half_written = False
        self._sending = False
        self._unwrapped = False

    def _put_on(self, layer: TlsLayer, context: ssl.SSLContext) -> None:
        self._octets = self._tls = layer
        self.tls_context = context

    # -- state ---------------------------------------------------------------------------------------------------

    @property
    def is_closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._closed

    @property
    def raw_socket(self) -> socket.socket:
        """The socket itself, which carries TLS records after :meth:`start_tls`; for looking only."""
        return self._socket

    @property
    def tls(self) -> ssl.SSLObject | None:
        """What TLS has agreed on, None while plain; for looking only."""
        return self._tls.object if self._tls is not None else None

    def keep_alive(self, idle_seconds: int) -> None:
        """Have the system probe a peer that has said nothing for *idle_seconds*, and notice when it is gone.

        Where it can't be told how long, it decides that itself (two hours, as a rule: RFC 9293 §3.8.4).
        """
        with contextlib.suppress(OSError):  # no TCP, or reset already
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name in ("TCP_KEEPIDLE", "TCP_KEEPALIVE", "TCP_KEEPINTVL"):  # the second is what macOS calls the first
                if hasattr(socket, name):
                    self._socket.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), idle_seconds)

    # -- steps: None where the socket would block -----------------------------------------------------------------

    def receive_nowait(self, max_bytes: int = RECEIVE_BYTES) -> bytes | None:
        """Return what has arrived, ``b""`` at the end, None when there is nothing yet.

        Raises:
            ValueError: *max_bytes* is not above 0: the answer could only look like the end.
        """
        if max_bytes < 1:
            raise ValueError(f"max_bytes is above 0, not {max_bytes}")
        if self._unwrapped:
            return b""
        try:
            return self._octets.recv(max_bytes)
        except OSError as exc:
            return None if self._would_block(exc, anyio.wait_readable) else self._ended(exc)

    def receive_into_nowait(self, buffer: memoryview) -> int | None:
        """Like :meth:`receive_nowait`, into *buffer*, which has room for at least one byte; 0 at the end."""
        if not buffer:
            raise ValueError("the buffer has no room")
        if self._unwrapped:
            return 0
        try:
            return self._octets.recv_into(buffer)
        except OSError as exc:
            return None if self._would_block(exc, anyio.wait_readable) else len(self._ended(exc))

    def send_nowait(self, data: memoryview) -> int | None:
        """Send a part of *data*, or all of it, and return how many bytes went.

        Inside TLS nothing but the same bytes may follow a None: OpenSSL has already encrypted them.
        """
        try:
            sent = self._octets.send(data)
        except OSError as exc:
            if not self._would_block(exc, anyio.wait_writable):
                raise self._lost(exc) from exc
            self._half_written = self._half_written or self.tls is not None
            return None
        self._half_written = False
        return sent

    def sendfile_nowait(self, descriptor: int, offset: int, count: int) -> int | None:
        """Send up to *count* bytes of a file from *offset* without copying them; 0 at the file's end. Plain only.

        Raises:
            DisconnectedError: the connection is lost.
            OSError: the file can't be read, or not in this way.
        """
        try:
            return os.sendfile(self._socket.fileno(), descriptor, offset, count)
        except OSError as exc:
            if self._would_block(exc, anyio.wait_writable):
                return None
            if self._closed or concerns_connection(exc):
                raise self._lost(exc) from exc
            raise

    def splice_nowait(self, pipe: int, count: int) -> int | None:
        """Move up to *count* arrived bytes into the writing end of *pipe*; 0 at the end. Plain only, pipe empty.

        Raises:
            DisconnectedError: the connection is lost.
            OSError: this socket can't be spliced.
        """
        try:
            return os.splice(self._socket.fileno(), pipe, count, flags=os.SPLICE_F_NONBLOCK | os.SPLICE_F_MOVE)
        except OSError as exc:
            if self._would_block(exc, anyio.wait_readable):
                return None
            if self._closed or concerns_connection(exc):
                raise self._lost(exc) from exc
            raise

    def _handshake_nowait(self, layer: TlsLayer) -> bool | None:
        try:
            layer.do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as exc:
            self._would_block(exc, anyio.wait_readable)
            return None
        except TLS_ENDS as exc:
            raise self._lost(exc) from exc
        return True

    def _leave_nowait(self, layer: TlsLayer) -> bytes | None:
        try:
            rest = layer.leave()
        except OSError as exc:
            if self._would_block(exc, anyio.wait_readable):
                return None
            raise self._lost(exc) from exc
        self._octets, self._tls = self._socket, None
        return rest

    def _end_nowait(self) -> bool | None:
        if self._tls is not None and not self._unwrapped and self._close_notify_nowait(self._tls) is None:
            return None
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        return True

    def _close_notify_nowait(self, layer: TlsLayer) -> bool | None:
        try:
            layer.unwrap()
        except ssl.SSLWantWriteError as exc:
            self._would_block(exc, anyio.wait_writable)
            return None
        except OSError:
            pass  # the peer is ahead of us
        # From here on the socket would give plain bytes, which anybody may have sent.
        self._unwrapped = True
        return True

    # -- translation of errors -------------------------------------------------------------------------------------

    def _would_block(self, exc: OSError, wait_for: Callable[[socket.socket], object]) -> bool:
        if isinstance(exc, BlockingIOError | InterruptedError):
            self._wait_for = wait_for
        elif isinstance(exc, ssl.SSLWantReadError):
            self._wait_for = anyio.wait_readable
        elif isinstance(exc, ssl.SSLWantWriteError):
            self._wait_for = anyio.wait_writable
        else:
            return False
        return True

    def _ended(self, exc: OSError) -> bytes:
        if isinstance(exc, ssl.SSLEOFError):
            self.truncated = True
            return b""
        raise self._lost(exc) from exc

    def _lost(self, exc: BaseException) -> TransferError:
        if isinstance(exc, ssl.SSLError) and not isinstance(exc, TLS_ENDS):
            return self.errors.tls(f"TLS failed: {explain(exc)}", peer=self.peer)
        if self._closed:
            return self._gone("The connection is closed")
        return self._gone(f"The connection was lost: {explain(exc)}", errno=getattr(exc, "errno", None))

    def _require_whole_writes(self) -> None:
        if self._half_written:
            raise self._busy() if self._sending else self._gone("An earlier write was cut short")

    def _busy(self) -> TransferError:
        return self.errors.local_protocol("Another task is already using this connection", peer=self.peer)

    def _gone(self, message: str, *, errno: int | None = None) -> TransferError:
        return self.errors.disconnected(message, peer=self.peer, errno=errno)
