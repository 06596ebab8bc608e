"""``PathIO``: this side's disk, at once and in the event loop's own thread."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, BinaryIO, ParamSpec, TypeVar

from anyio.lowlevel import checkpoint

from transfer.ftp._pathio._errors import defend_file_methods, universal_exception
from transfer.ftp._pathio._files import moves_like, open_file, sync_file, write_all
from transfer.ftp._pathio._names import LocalNames
from transfer.ftp._pathio._required import Connection, Octets, State
from transfer.ftp._pathio._turns import Turns

__all__ = ["PathIO"]

P = ParamSpec("P")
R = TypeVar("R")


class PathIO(LocalNames):
    """This side's disk; every operation blocks the event loop for as long as it takes.

    For a local disk that is less than a step to another thread costs; for others there is :class:`AsyncPathIO`. Files
    are not buffered, and transfers have the system copy them.
    """

    def __init__(self, timeout: float | None = None, connection: Connection = None, state: State = None) -> None:
        super().__init__(timeout, connection, state)
        self._turns = Turns()

    async def _call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        await checkpoint()
        return function(*args, **kwargs)

    @universal_exception
    async def _open(
        self,
        path: Path,
        mode: str = "rb",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        return await self._call(open_file, path, mode, buffering, encoding, errors, newline)

    @universal_exception
    @defend_file_methods
    async def seek(self, file: IO[Any], offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position, as :meth:`io.IOBase.seek` does."""
        await self._turns.take()
        return file.seek(offset, whence)

    @universal_exception
    @defend_file_methods
    async def write(self, file: IO[Any], data: Octets) -> int:
        """Write all of *data*."""
        await self._turns.take()
        count = write_all(file, data)
        self._turns.moved += count
        return count

    @universal_exception
    @defend_file_methods
    async def read(self, file: IO[Any], block_size: int = -1) -> Any:  # noqa: ANN401  # text, if it was opened for that
        """Return up to *block_size* bytes, everything if it is negative, none at the end of the file."""
        await self._turns.take()
        data = file.read(block_size)
        self._turns.moved += len(data)
        return data

    @universal_exception
    @defend_file_methods
    async def close(self, file: IO[Any]) -> None:
        """Close *file*."""
        file.close()

    @universal_exception
    @defend_file_methods
    async def sync(self, file: IO[Any]) -> None:
        """Make sure that what was written to *file* survives a failure of power."""
        await self._call(sync_file, file)

    def direct_file(self, file: BinaryIO) -> BinaryIO | None:
        """Return *file* itself, unless a subclass reads or writes in a way of its own."""
        return file if moves_like(self, PathIO) else None
