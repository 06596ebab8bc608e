"""Streams over a data connection, under the names that programs know."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self

from transfer._engine.transfer import Transfer
from transfer._errors import DisconnectedError, TLSError, TransferError
from transfer._net.stream import Stream
from transfer._net.timeouts import Deadline
from transfer._wire.command import Command
from transfer.ftp._code import wrap_into_codes
from transfer.ftp._common._iterating import AsyncStreamIterator
from transfer.ftp._control import check
from transfer.ftp._data import explain
from transfer.ftp._errors import FTPIncompleteTransfer
from transfer.ftp._session import Session
from transfer.ftp._settings import DEFAULT_BLOCK_SIZE, StreamThrottle

if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = ["DataConnectionThrottleStreamIO", "StreamIO", "ThrottleStreamIO"]

_BLOCK_BYTES = 256 * 1024
_LINE_BYTES = 64 * 1024
Codes = str | tuple[str, ...]


class StreamIO:
    """Reads from and writes to a connection.

    Args:
        stream: the connection; made by this library.
        seconds: for each block; None for ever.
    """

    def __init__(self, stream: Stream, *, seconds: float | None = None) -> None:
        self._stream = stream
        self._seconds = seconds
        self._ahead = bytearray()
        """What has been received behind the end of a line."""
        self._is_at_end = False

    async def read(self, count: int = -1) -> bytes:
        """Return up to *count* bytes and at least one, none at the end; everything that is left if it is negative.

        Raises:
            FTPDisconnected, FTPTimeoutError, FTPTLSError: the data connection failed.

        Cancellation: what had been received of everything is kept for the next call.
        """
        if count < 0:
            while block := await self._receive(_BLOCK_BYTES):
                self._ahead += block
            return self._take(len(self._ahead))
        if count == 0 or self._ahead:
            return self._take(count)
        return await self._receive(count)

    async def readline(self) -> bytes:
        """Return the next line with its LF; the last one may have none, and none is left at the end.

        Raises:
            ValueError: the line is longer than 64 KiB.
            The rest as :meth:`read`.
        """
        searched = 0
        while (end := self._ahead.find(b"\n", searched)) < 0:
            searched = len(self._ahead)
            if searched > _LINE_BYTES:
                raise ValueError(f"a line is longer than {_LINE_BYTES} bytes")
            block = await self._receive(_LINE_BYTES)
            if not block:
                return self._take(searched)
            self._ahead += block
        return self._take(end + 1)

    async def readexactly(self, count: int) -> bytes:
        """Return exactly *count* bytes.

        Raises:
            FTPIncompleteTransfer: the stream ended before; ``transferred`` bytes are kept for the next call.
            The rest as :meth:`read`.
        """
        if not await self._has(count):
            raise FTPIncompleteTransfer(
                f"{len(self._ahead)} of {count} bytes came before the end of the stream",
                transferred=len(self._ahead),
                expected=count,
                peer=self._stream.peer,
                retryable=False,
            )
        return self._take(count)

    async def gather(self, count: int) -> bytes:
        """Return *count* bytes, fewer only at the end; errors and cancellation as :meth:`readexactly`."""
        await self._has(count)
        return self._take(count)

    @property
    def has_ended(self) -> bool:
        """Whether everything has been read, and the end was seen."""
        return self._is_at_end and not self._ahead

    async def at_end(self) -> bool:
        """Tell whether everything has been read; waits for more, or for the end. Errors as :meth:`read`."""
        return not await self._has(1)

    async def write(self, data: bytes) -> None:
        """Send all of *data*.

        Raises:
            FTPDisconnected, FTPTimeoutError, FTPTLSError: the data connection failed.

        Cancellation: a part of it may have gone; nothing can be written any more.
        """
        await self._stream.send(data, Deadline(self._seconds, "room for data"))

    async def start_tls(self, sslcontext: SSLContext, server_hostname: str | None) -> None:
        """Shake hands.

        Raises:
            FTPTLSError, FTPDisconnected, FTPTimeoutError: it failed; the connection is closed.

        Cancellation: the connection is closed.
        """
        deadline = Deadline(self._seconds, "TLS handshake")
        await self._stream.start_tls(sslcontext, server_hostname=server_hostname, deadline=deadline)

    def close(self) -> None:
        """Close the connection at once. Idempotent."""
        self._stream.close()

    async def _has(self, count: int) -> bool:
        """Whether there are *count* bytes, which are in ``_ahead`` now."""
        while len(self._ahead) < count:
            block = await self._receive(count - len(self._ahead))
            if not block:
                return False
            self._ahead += block
        return True

    async def _receive(self, most: int) -> bytes:
        if self._is_at_end:
            return b""
        block = await self._stream.receive(Deadline(self._seconds, "data"), most)
        self._is_at_end = not block
        return block

    def _take(self, count: int) -> bytes:
        taken = bytes(self._ahead[:count])
        del self._ahead[:count]
        return taken


class ThrottleStreamIO(StreamIO):
    """A stream with speed limits.

    Args:
        stream: the connection.
        throttles: by any names; all of them hold.
        seconds: for each block; None for ever.
    """

    def __init__(
        self, stream: Stream, throttles: Mapping[str, StreamThrottle] | None = None, *, seconds: float | None = None
    ) -> None:
        super().__init__(stream, seconds=seconds)
        self.throttles: Mapping[str, StreamThrottle] = throttles or {}

    async def wait(self, name: str) -> None:
        """Sleep until more may be moved; *name* is ``"read"`` or ``"write"``. Cancellation: safe."""
        for throttle in self.throttles.values():
            await getattr(throttle, name).wait()

    def append(self, name: str, data: bytes, start: float) -> None:
        """Account for *data* that was moved since *start*; *name* is ``"read"`` or ``"write"``."""
        for throttle in self.throttles.values():
            getattr(throttle, name).append(data, start)

    async def _receive(self, most: int) -> bytes:
        limits = [throttle.read for throttle in self.throttles.values() if throttle.read.limit]
        for limit in limits:
            most = min(most, limit.block_bytes or most)
        block = await super()._receive(most)
        for limit in limits:
            await limit.spend(len(block))
        return block

    async def write(self, data: bytes) -> None:
        """Send all of *data*, as slowly as the limits want it; errors and cancellation as for :class:`StreamIO`."""
        limits = [throttle.write for throttle in self.throttles.values() if throttle.write.limit]
        most = min((limit.block_bytes or len(data) for limit in limits), default=len(data))
        rest = memoryview(data)
        while rest:
            await super().write(bytes(rest[:most]) if limits else data)
            for limit in limits:
                await limit.spend(len(rest[:most]))
            rest = rest[most:]

    def iter_by_line(self) -> AsyncStreamIterator:
        """Iterate over the lines."""
        return AsyncStreamIterator(self.readline)

    def iter_by_block(self, count: int = DEFAULT_BLOCK_SIZE) -> AsyncStreamIterator:
        """Iterate over blocks of up to *count* bytes."""

        async def read() -> bytes:
            return await self.read(count)

        return AsyncStreamIterator(read)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class DataConnectionThrottleStreamIO(ThrottleStreamIO):
    """The data of one transfer; what ``upload_stream``, ``append_stream``, ``download_stream`` and ``get_stream`` give.

    ``async with`` it: when the block has ended well the transfer is finished, when it has failed or was cancelled it is
    aborted, and in both cases the client goes on with the next command, or has closed its connection and says so.
    """

    def __init__(self, session: Session, transfer: Transfer, command: Command, *, sends: bool) -> None:
        settings = session.settings
        super().__init__(transfer.stream, {"_": settings.throttle}, seconds=settings.timeouts.data)
        self._session = session
        self._transfer = transfer
        self._command = command
        self._sends = sends
        self._is_over = False
        session.control.under_way.begin(transfer, holder=self)

    async def finish(
        self,
        expected_codes: Codes = "2xx",
        wait_codes: Codes = "1xx",  # noqa: ARG002  # programs give it
    ) -> None:
        """End the data and wait for the server's word on it. A download that was not read to its end is aborted.

        Args:
            expected_codes: masks of the final reply.
            wait_codes: kept for programs that give it; preliminary replies are waited out in any case.

        Raises:
            StatusCodeError: the server says something else ("552 quota exceeded").
            FTPIncompleteTransfer: TLS was cut off.
            FTPException: the connection failed.

        Cancellation: the transfer is aborted.
        """
        if self._is_over or not self._session.control.under_way.has(self._transfer):
            return  # or it was aborted by the client
        if not self._sends and not await self._has_ended():
            await self._break_off()
            return
        control = self._session.control
        try:
            reply = await self._transfer.finish()
        except TransferError as exc:
            control.fated(self._command, exc)
            raise
        finally:
            self._end()
        check(reply, wrap_into_codes(expected_codes), self._command, peer=control.peer)
        if not self._sends and self._stream.truncated and self._session.settings.require_close_notify:
            raise FTPIncompleteTransfer(
                f"TLS was cut off in the answer to {self._command}", transferred=0, expected=None, peer=control.peer
            )

    def close(self) -> None:
        """Give the transfer up; the server is told so before the next command. Idempotent."""
        if not self._is_over:
            self._transfer.cut()
            self._session.control.under_way.give_up(self._transfer)
            self._is_over = True

    async def write(self, data: bytes) -> None:
        """Send all of *data*.

        Raises:
            StatusCodeError: the server has refused to go on ("552 quota exceeded").
            FTPDisconnected, FTPTimeoutError, FTPTLSError: the data connection failed.

        Cancellation: the transfer is of no further use.
        """
        try:
            await super().write(data)
        except TransferError as exc:
            await self._explain(exc)
            raise

    async def _receive(self, most: int) -> bytes:
        try:
            return await super()._receive(most)
        except TransferError as exc:
            await self._explain(exc)
            raise

    async def _explain(self, exc: TransferError) -> None:
        if isinstance(exc, DisconnectedError | TLSError):
            await explain(self._session.control, self._transfer, self._command, exc)

    async def _has_ended(self) -> bool:
        # The end may be there already, and not have been read.
        return self._is_at_end or (self._transfer.final is not None and not self._ahead and not await self._receive(1))

    async def _break_off(self) -> None:
        """Leave a download half-way: most servers say so by themselves when its data connection is gone.

        So there is one reply, where ABOR would bring one or two, and a second's wait for the other one.
        """
        try:
            await self._transfer.outcome()
        finally:
            self._end()

    async def _abort(self) -> None:
        if not self._is_over and self._session.control.under_way.has(self._transfer):
            try:
                await self._transfer.abort()
            finally:
                self._end()

    def _end(self) -> None:
        self._is_over = True
        self._session.control.under_way.end()

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if exc is None:
            await self.finish()
        else:
            await self._abort()
