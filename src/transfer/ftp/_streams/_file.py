"""A file on the server as a file object: what ``Client.open`` gives.

How this works: a file has one place, and at most one transfer that stands somewhere in the file. A transfer that stands
at the place serves the next read or write; another one is ended first, and a new one is begun there by REST (RFC 3659
§5). The place moves only when everything has gone well, so that what has failed can be tried again.
"""

from __future__ import annotations

import io
import os
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Literal, Self

from transfer._errors import TransferError
from transfer._wire.command import Command
from transfer.ftp import _commands as commands
from transfer.ftp._common._iterating import AsyncStreamIterator
from transfer.ftp._errors import FTPIncompleteTransfer
from transfer.ftp._settings import DEFAULT_BLOCK_SIZE
from transfer.ftp._streams._stream import DataConnectionThrottleStreamIO

__all__ = ["FileMode", "RemoteFile", "open_file"]

FileMode = Literal["rb", "wb", "ab", "r+b"]

# What is read and dropped to get forward in a file, rather than begin another transfer: a few round trips' worth.
_SKIP_BYTES = 256 * 1024

Start = Callable[[Command, int], Awaitable[DataConnectionThrottleStreamIO]]
Measure = Callable[[], Awaitable[int | None]]


class RemoteFile:
    """A file on the server; what :meth:`Client.open` gives.

    ``async with`` it: when the block has ended well what was written is complete and the server has said so, when it
    has failed or was cancelled the transfer is aborted. The client serves nothing else between the first read or write
    and the end of the file, :meth:`seek` or :meth:`aclose`, whichever comes first.

    Attributes:
        name: its path on the server, as it was given.
        mode: ``"rb"``, ``"wb"``, ``"ab"`` or ``"r+b"``.
        size: in bytes, as far as it is known; None where the server does not tell.
    """

    def __init__(
        self, path: commands.Path, mode: FileMode, size: int | None, *, start: Start, measure: Measure
    ) -> None:
        self.name: str = str(path)
        self.mode: FileMode = mode
        self.size: int | None = size
        self._path = path
        self._start = start
        self._measure = measure
        self._place = size or 0 if mode == "ab" else 0
        self._stream: DataConnectionThrottleStreamIO | None = None
        self._at = 0
        """Where in the file the stream stands."""
        self._is_writing = False
        self._is_torn = False
        """Whether it is unknown how much of the last write has gone."""
        self._is_closed = False

    # -- what it can do ----------------------------------------------------------------------------------------------

    def readable(self) -> bool:
        """Whether it can be read."""
        return self.mode in {"rb", "r+b"}

    def writable(self) -> bool:
        """Whether it can be written."""
        return self.mode != "rb"

    def seekable(self) -> bool:
        """Whether it has other places than the next one."""
        return self.mode != "ab"

    # -- reading -----------------------------------------------------------------------------------------------------

    async def read(self, count: int = -1) -> bytes:
        """Return *count* bytes, fewer only at the end of the file; everything that is left if *count* is negative.

        Raises:
            StatusCodeError: the server refuses.
            FTPIncompleteTransfer: the server ended the data before the end of the file.
            FTPException: as for data connections; the same bytes can be read again.
            io.UnsupportedOperation: the file is not open for reading.
            ValueError: it is closed.

        Cancellation: safe; the next call returns the same bytes.
        """
        self._allow(self.readable(), "reading")
        if count == 0:
            return b""
        return await self._next(lambda stream: stream.read() if count < 0 else stream.gather(count))

    async def readline(self) -> bytes:
        """Return the next line with its LF; the last one may have none, and none is left at the end.

        Raises:
            ValueError: the line is longer than 64 KiB, or the file is closed.
            The rest as :meth:`read`.
        """
        self._allow(self.readable(), "reading")
        return await self._next(DataConnectionThrottleStreamIO.readline)

    def __aiter__(self) -> AsyncStreamIterator:
        return AsyncStreamIterator(self.readline)

    def iter_by_block(self, count: int = DEFAULT_BLOCK_SIZE) -> AsyncStreamIterator:
        """Iterate over blocks of *count* bytes, the last of which may be smaller."""

        async def read() -> bytes:
            return await self.read(count)

        return AsyncStreamIterator(read)

    async def _next(self, receive: Callable[[DataConnectionThrottleStreamIO], Awaitable[bytes]]) -> bytes:
        """Return what *receive* takes from the place on; a stream that fails is not asked again."""
        if self._is_at_end():
            return b""
        try:
            stream = await self._reader()
            return await self._take(stream, await receive(stream))
        except TransferError:
            self._drop()
            raise

    def _is_at_end(self) -> bool:
        is_elsewhere = self._stream is None or self._at != self._place
        return is_elsewhere and self.size is not None and self._place >= self.size

    async def _reader(self) -> DataConnectionThrottleStreamIO:
        stream = self._stream
        if stream is not None and not self._is_writing:
            if 0 < self._place - self._at <= _SKIP_BYTES:
                self._at += len(await stream.gather(self._place - self._at))
            if self._place == self._at:
                return stream
        return await self._begin(commands.retr(self._path), writes=False)

    async def _take(self, stream: DataConnectionThrottleStreamIO, block: bytes) -> bytes:
        self._at += len(block)
        # The server's last word is asked for with the last bytes, where they can be known to be the last.
        if stream.has_ended or (self.size is not None and self._at >= self.size and await stream.at_end()):
            await self._leave()
            await self._check_end()
        self._place = self._at
        return block

    async def _check_end(self) -> None:
        if self.size is not None and self._at < self.size:
            size = await self._measure()
            if size is not None and self._at < size:
                raise FTPIncompleteTransfer(
                    f"{self.name} ended after {self._at} of {size} bytes", transferred=self._at, expected=size
                )
        self.size = self._at

    # -- writing -----------------------------------------------------------------------------------------------------

    async def write(self, data: bytes) -> int:
        """Send all of *data* and return its length. What the server has made of it is known after :meth:`aclose`.

        Raises:
            StatusCodeError: the server refuses to begin there, or to go on ("552 quota exceeded").
            FTPDisconnected, FTPTimeoutError, FTPTLSError: the data connection failed.
            io.UnsupportedOperation: the file is not open for writing; or it would be written from its beginning again,
                which FTP has no words for but to empty it: open it with ``"wb"`` for that.
            ValueError: it is closed.

        Cancellation: a part of it may have gone; nothing can be written any more.
        """
        self._allow(self.writable(), "writing")
        if self._is_torn:
            raise self._torn()
        stream = await self._writer()
        self._is_torn = True
        await stream.write(data)
        self._is_torn = False
        self._at += len(data)
        self._place = self._at
        self.size = max(self.size or 0, self._at)
        return len(data)

    async def _writer(self) -> DataConnectionThrottleStreamIO:
        if self._stream is not None and self._is_writing and self._place == self._at:
            return self._stream
        if self.mode == "ab":
            return await self._begin(commands.appe(self._path), writes=True)
        if self._place == 0 and self.size != 0:
            raise io.UnsupportedOperation(f"{self.name} can't be written from its beginning without emptying it")
        return await self._begin(commands.stor(self._path), writes=True)

    def _torn(self) -> FTPIncompleteTransfer:
        return FTPIncompleteTransfer(
            f"a write to {self.name} was cut short, and how much of it has gone is not known",
            transferred=self._place,
            expected=None,
            retryable=False,
        )

    # -- the place ---------------------------------------------------------------------------------------------------

    async def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to another place and return it; nothing is said to the server before the next read or write.

        Args:
            offset: in bytes.
            whence: from the beginning, from here (``os.SEEK_CUR``) or from the end (``os.SEEK_END``).

        Raises:
            io.UnsupportedOperation: the file is open for appending, or its end is not known.
            ValueError: the place would be before the beginning, there is no such *whence*, or the file is closed.
        """
        self._allow(self.seekable(), "seeking")
        if whence == os.SEEK_END and self.size is None:
            raise io.UnsupportedOperation(f"the server does not tell the size of {self.name}")
        bases = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self.size or 0}
        if whence not in bases:
            raise ValueError(f"whence is 0, 1 or 2, not {whence!r}")
        if bases[whence] + offset < 0:
            raise ValueError(f"there is nothing before the beginning of {self.name}")
        self._place = bases[whence] + offset
        return self._place

    def tell(self) -> int:
        """Return the place, in bytes from the beginning; counted from 0 in a file of unknown size that is appended."""
        return self._place

    def _allow(self, is_allowed: bool, what: str) -> None:
        if self._is_closed:
            raise ValueError(f"{self.name} is closed")
        if not is_allowed:
            raise io.UnsupportedOperation(f"{self.name} is not open for {what}: its mode is {self.mode!r}")

    async def _begin(self, command: Command, *, writes: bool) -> DataConnectionThrottleStreamIO:
        await self._leave()
        self._stream = await self._start(command, self._place if self.seekable() else 0)
        self._at, self._is_writing = self._place, writes
        return self._stream

    # -- the end -----------------------------------------------------------------------------------------------------

    async def aclose(self) -> None:
        """End what goes on, and wait for the server's word on what was written. Idempotent.

        Raises:
            StatusCodeError: the server has not stored it ("552 quota exceeded").
            FTPIncompleteTransfer: a write was cut short before, or TLS was cut off.
            FTPException: the connection failed.

        Cancellation: the transfer is aborted.
        """
        if self._is_closed:
            return
        self._is_closed = True
        if self._is_torn:
            self._drop()
            raise self._torn()
        await self._leave()

    async def _leave(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.finish()

    def _drop(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if exc is None:
            await self.aclose()
            return
        self._is_closed = True
        if self._stream is not None:
            await self._stream.__aexit__(exc_type, exc, traceback)


async def open_file(path: commands.Path, mode: str, *, start: Start, measure: Measure) -> RemoteFile:
    """Open *path*; its beginning is agreed on with the server, so that what is not there is noticed here.

    Raises:
        ValueError: there is no such *mode*.
        StatusCodeError: the server refuses.
    """
    known = _MODES.get(mode)
    if known is None:
        raise ValueError(f"a file on a server holds bytes and is opened with 'rb', 'wb', 'ab' or 'r+b', not {mode!r}")
    file = RemoteFile(path, known, 0 if known == "wb" else await measure(), start=start, measure=measure)
    if not file.readable():
        await file._writer()
    elif file.size is None:
        await file._reader()
    return file


_MODES: dict[str, FileMode] = {"rb": "rb", "wb": "wb", "ab": "ab", "r+b": "r+b", "rb+": "r+b"}
