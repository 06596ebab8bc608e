"""One connected socket: plain, then TLS in place, with one way to wait and one way to close.

How this works: every operation is a *step*, a plain function that tries a system call on the non-blocking socket and
returns None where it would block. :meth:`Stream.perform` repeats a step and waits in between. So waiting, deadlines,
cancellation and the translation of errors are written once, and whatever consists of many system calls (a pipelined
group of replies, a TLS handshake) still has one deadline and one cancel scope.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from collections.abc import Callable
from typing import TypeVar

import anyio
from anyio.lowlevel import cancel_shielded_checkpoint, checkpoint_if_cancelled

from transfer._errors import TransferError
from transfer._net.reasons import explain
from transfer._net.steps import RECEIVE_BYTES, Steps
from transfer._net.timeouts import Deadline
from transfer._net.tls import wrap

__all__ = ["FAIR_BYTES", "RECEIVE_BYTES", "Stream"]

T = TypeVar("T")

# A full checkpoint for every MiB that never blocked keeps other tasks within 10 ms at a cost of about a tenth; without
# any, an unthrottled transfer on a fast link can't be cancelled and starves everybody else.
FAIR_BYTES = 1024 * 1024
_FOREVER = Deadline(None, "data")


class Stream(Steps):
    """A connected socket that this object owns.

    Args:
        sock: a connected stream socket (TCP or Unix); it becomes non-blocking and belongs to the stream.
        peer: ``"host:port"`` or a path, for messages and errors.
        errors: how to spell the categories of errors.

    One task may receive while another sends; two receivers, or two senders, are refused. Not a public class.
    """

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
            self._put_on(layer, context)
            await self.perform(lambda: self._handshake_nowait(layer), deadline)
        except BaseException as exc:
            lost = self._lost(exc)  # made before close(), after which it would say no more than that
            self.close()
            if isinstance(exc, TransferError) or not isinstance(exc, OSError | ValueError):
                raise
            if isinstance(exc, ssl.SSLError | ValueError):
                raise self.errors.tls(f"TLS handshake failed: {explain(exc)}", peer=self.peer) from exc
            raise lost from exc

    async def stop_tls(self, deadline: Deadline = _FOREVER) -> bytes:
        """Say close_notify, wait for the peer's, and go on in clear; return what it has said in clear since.

        Raises:
            LocalProtocolError: it is no TLS stream.
            TLSError: the peer sent something else than its close_notify; the stream is closed.
            DisconnectedError, TransferTimeoutError: as everywhere; the stream is closed.

        Cancellation: the stream is closed.
        """
        layer = self._tls
        if layer is None:
            raise self.errors.local_protocol("TLS has not been started", peer=self.peer)
        self._require_whole_writes()
        try:
            return await self.perform(lambda: self._leave_nowait(layer), deadline)
        except BaseException:
            self.close()
            raise

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
