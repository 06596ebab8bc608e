"""One connected socket: plain, then TLS in place, with one way to wait and one way to close.

How this works: every operation is a *step*, a plain function that tries a system call on the non-blocking socket and
returns None where it would block. :meth:`Stream.perform` repeats a step and waits in between. So waiting, deadlines,
cancellation and the translation of errors are written once, and whatever consists of many system calls (a pipelined
group of replies, a TLS handshake) still has one deadline and one cancel scope.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import struct
from collections.abc import Callable
from typing import TypeVar

import anyio
from anyio.lowlevel import cancel_shielded_checkpoint, checkpoint_if_cancelled

from transfer._errors import ErrorFamily, TransferError
from transfer._net.reasons import TLS_ENDS, concerns_connection, explain
from transfer._net.timeouts import Deadline
from transfer._net.tls import wrap
from transfer._net.tls_layer import TlsLayer

__all__ = ["FAIR_BYTES", "RECEIVE_BYTES", "Stream"]

T = TypeVar("T")

# A reply rarely exceeds a few hundred octets; 64 KiB takes a whole pipelined group in one call.
RECEIVE_BYTES = 65536
# A full checkpoint for every MiB that never blocked keeps other tasks within 10 ms at a cost of about a tenth; without
# any, an unthrottled transfer on a fast link can't be cancelled and starves everybody else.
FAIR_BYTES = 1024 * 1024
_FOREVER = Deadline(None, "data")


class Stream:
    """A connected socket that this object owns.

    Args:
        sock: a connected stream socket (TCP or Unix); it becomes non-blocking and belongs to the stream.
        peer: ``"host:port"`` or a path, for messages and errors.
        errors: how to spell the categories of errors.

    One task may receive while another sends; two receivers, or two senders, are refused. Not a public class.
    """

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

    # -- the one way to wait -------------------------------------------------------------------------------------

    async def perform(self, step: Callable[[], T | None], deadline: Deadline = _FOREVER, *, yields: bool = True) -> T:
        """Repeat *step* until it returns something else than None; wait for the socket whenever it returns None.

        Args:
            step: see the module.
            deadline: for all of it.
            yields: False where the caller goes on with another step at once: one full checkpoint for both will do.

        Raises:
            TransferTimeoutError: *deadline* came first; ``phase`` and ``seconds`` are the deadline's.
            DisconnectedError: the stream was closed meanwhile.

        Cancellation: between two steps; the caller's own passes through untouched. A native ``task.cancel()`` may also
        come in the turn after the last step, whose result is then lost unless the step itself keeps it.
        """
        await checkpoint_if_cancelled()
        result = step()
        if result is not None:
            if yields:
                await cancel_shielded_checkpoint()
            return result
        with anyio.CancelScope(deadline=deadline.at):
            while result is None:
                await self.wait()
                result = step()
            return result
        raise self.timed_out(deadline)

    def timed_out(self, deadline: Deadline) -> TransferError:
        """Return the error that says that *deadline* has passed."""
        return self.errors.timeout(
            f"No {deadline.phase} within {deadline.seconds:g} seconds",
            phase=deadline.phase,
            seconds=deadline.seconds,
            peer=self.peer,
        )

    async def wait(self) -> None:
        """Wait until the socket is ready for what the last step that returned None had tried."""
        if self._closed:
            raise self._gone("The connection was closed while in use")
        try:
            await self._wait_for(self._socket)  # type: ignore[misc]  # anyio.wait_readable or anyio.wait_writable
        except anyio.ClosedResourceError as exc:
            raise self._gone("The connection was closed while in use") from exc
        except anyio.BusyResourceError as exc:
            raise self._busy() from exc

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

    # -- coroutines ----------------------------------------------------------------------------------------------

    async def receive(self, deadline: Deadline = _FOREVER, max_bytes: int = RECEIVE_BYTES) -> bytes:
        """Return 1 to *max_bytes* bytes, or ``b""`` at the end (see :attr:`truncated`)."""
        return await self.perform(lambda: self.receive_nowait(max_bytes), deadline)

    async def send(self, data: bytes | bytearray | memoryview, deadline: Deadline = _FOREVER) -> None:
        """Send all of *data*.

        Raises:
            LocalProtocolError: another task is sending; nothing of *data* was written.
            DisconnectedError, TransferTimeoutError, TLSError: as everywhere.

        Cancellation and errors: the stream can't be written to any more once a part has gone.
        """
        if self._sending:
            raise self._busy()
        step = self.sending(data)
        self._sending = True
        try:
            await self.perform(step, deadline)
        finally:
            self._sending = False

    def sending(self, data: bytes | bytearray | memoryview) -> Callable[[], bool | None]:
        """Return the step that sends all of *data*, for callers that combine it with others."""
        self._require_whole_writes()
        rest = memoryview(data).cast("B")

        def step() -> bool | None:
            nonlocal rest
            unblocked = 0
            while rest:
                if unblocked >= FAIR_BYTES:
                    self._wait_for = anyio.wait_writable
                    return None
                # The same slice after every None, as send_nowait demands.
                sent = self.send_nowait(rest[:FAIR_BYTES])
                if sent is None:
                    return None
                rest = rest[sent:]
                unblocked += sent
                self._half_written = bool(rest)
            return True

        return step

    async def start_tls(
        self,
        context: ssl.SSLContext,
        *,
        server_hostname: str | None = None,
        session: ssl.SSLSession | None = None,
        server_side: bool = False,
        deadline: Deadline = _FOREVER,
    ) -> None:
        """Turn the plain stream into a TLS one, resuming *session* if the peer agrees.

        The caller has seen to it that no plain byte is left to be read (RFC 3207 §4.2). That a peer ends TLS without
        close_notify is noticed whatever *context* says; it keeps its settings.

        Args:
            context: belongs to the caller.
            server_hostname: the name to send (SNI) and, if *context* says so, to check.
            session: from an earlier connection with the same context; any other is left out.
            server_side: shake hands as the server.
            deadline: for the whole handshake.

        Raises:
            TLSError: the handshake failed, or the certificate was not accepted, or *server_hostname* is no name; the
                stream is closed.
            LocalProtocolError: it is a TLS stream already.
            DisconnectedError, TransferTimeoutError: as everywhere; the stream is closed.

        Cancellation: the stream is closed.
        """
        if self.tls is not None:
            raise self.errors.local_protocol("TLS has been started already", peer=self.peer)
        try:
            layer = wrap(context, self._socket, server_hostname, session, server_side=server_side)
            self._octets = self._tls = layer
            self.tls_context = context
            await self.perform(lambda: self._handshake_nowait(layer), deadline)
        except BaseException as exc:
            lost = self._lost(exc)  # made before close(), after which it would say no more than that
            self.close()
            if isinstance(exc, TransferError) or not isinstance(exc, OSError | ValueError):
                raise
            if isinstance(exc, ssl.SSLError | ValueError):
                raise self.errors.tls(f"TLS handshake failed: {explain(exc)}", peer=self.peer) from exc
            raise lost from exc

    def _handshake_nowait(self, layer: TlsLayer) -> bool | None:
        try:
            layer.do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as exc:
            self._would_block(exc, anyio.wait_readable)
            return None
        except TLS_ENDS as exc:
            raise self._lost(exc) from exc
        return True

    async def send_eof(self, deadline: Deadline = _FOREVER) -> None:
        """Tell the peer that no more will come: close_notify inside TLS, then a half-closed socket.

        The peer's own parting words are not awaited; many never send any. Errors at this point are the peer's haste:
        whether everything arrived is for the protocol's final reply to say. A plain stream can still receive; a TLS one
        is at its end in both directions, because OpenSSL throws away what arrives while it says close_notify.

        Raises:
            DisconnectedError: an earlier write was cut short, and the peer is not to take that for the end.
            TransferTimeoutError: close_notify did not fit into a socket that nobody reads.
        """
        self._require_whole_writes()
        await self.perform(self._end_nowait, deadline)

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

    def close(self) -> None:
        """Close at once, without a word to the peer; whoever waits on the stream gets DisconnectedError. Idempotent."""
        if self._closed:
            return
        self._closed = True
        # Without a running loop nobody can be waiting, and anyio has nobody to tell.
        with contextlib.suppress(RuntimeError):
            anyio.notify_closing(self._socket)
        self._socket.close()

    def reset(self) -> None:
        """Close at once by RST, so that the peer can't take what it got for the whole. Idempotent."""
        if not self._closed:
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close()

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
