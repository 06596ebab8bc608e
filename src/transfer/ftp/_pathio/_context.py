"""``AsyncPathIOContext``: an open file of any storage."""

from __future__ import annotations

import io
from collections.abc import Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import anyio

from transfer._net.timeouts import Timeouts
from transfer.ftp._common._iterating import AsyncStreamIterator
from transfer.ftp._errors import PathIOError
from transfer.ftp._settings import DEFAULT_BLOCK_SIZE

if TYPE_CHECKING:
    from transfer.ftp._pathio._required import RequiredPathIO

__all__ = ["AsyncPathIOContext"]

_CLOSE_SECONDS = Timeouts().close


class AsyncPathIOContext:
    """A file that is opened when this is entered (and closed at the end of the block) or awaited.

    Attributes:
        pathio: the storage.
        file: what the storage's own methods call a file, once it is open.
        args: what ``open`` was given.
        kwargs: the same, by name.
    """

    def __init__(self, pathio: RequiredPathIO[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.pathio: RequiredPathIO[Any] = pathio
        self.args: tuple[Any, ...] = args
        self.kwargs: dict[str, Any] = kwargs
        self._file: Any = None

    @property
    def file(self) -> Any:  # noqa: ANN401  # each storage has files of its own kind
        """The storage's own file.

        Raises:
            PathIOError: it is not open.
        """
        if self._file is None:
            raise PathIOError("the file is not open: await it, or enter it with async with")
        return self._file

    def __await__(self) -> Generator[Any, Any, Self]:
        return self.__aenter__().__await__()

    async def __aenter__(self) -> Self:
        self._file = await self.pathio._open(*self.args, **self.kwargs)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._file is None:
            return
        if exc is None:
            with anyio.CancelScope(shield=True):
                await self.close()
            return
        # What the block has raised is what its caller is told of; a storage that hangs does not keep it from that.
        with anyio.move_on_after(_CLOSE_SECONDS, shield=True):
            try:
                await self.close()
            except PathIOError as failure:
                exc.add_note(f"The file could not be closed either: {failure}")

    async def read(self, count: int = -1) -> bytes:
        """Return up to *count* bytes, all there are if it is negative; none at the end of the file."""
        return await self.pathio.read(self.file, count)

    async def write(self, data: bytes | bytearray | memoryview) -> int:
        """Write all of *data*."""
        return await self.pathio.write(self.file, data)

    async def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to *offset* from the beginning, from here or from the end, as files do; return the new position."""
        return await self.pathio.seek(self.file, offset, whence)

    async def close(self) -> None:
        """Close the file."""
        await self.pathio.close(self.file)

    def iter_by_block(self, count: int = DEFAULT_BLOCK_SIZE) -> AsyncStreamIterator:
        """Go over the rest of the file in blocks of up to *count* bytes with ``async for``."""
        return AsyncStreamIterator(lambda: self.read(count))
