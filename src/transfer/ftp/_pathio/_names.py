"""``LocalNames``: what both storages on this side's disk do with names; they differ in where they do it."""

from __future__ import annotations

import abc
import itertools
import math
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from transfer.ftp._common._iterating import AbstractAsyncLister
from transfer.ftp._pathio._abstract import AbstractPathIO, PathEntry
from transfer.ftp._pathio._batches import BatchLister
from transfer.ftp._pathio._errors import universal_exception

if TYPE_CHECKING:
    from os import DirEntry

__all__ = ["LocalNames"]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
# Enough to pay for a step to a worker thread, and few enough that a directory of any size keeps nobody waiting.
_BATCH_ENTRIES = 256


class LocalNames(AbstractPathIO[Path]):
    """The methods that take paths, done by :meth:`_call`."""

    @abc.abstractmethod
    def _call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Awaitable[R]:
        """Call *function*, which blocks."""

    @universal_exception
    async def exists(self, path: Path) -> bool:
        """Tell whether there is anything by this name; a link to nothing is nothing."""
        return await self._call(path.exists)

    @universal_exception
    async def is_dir(self, path: Path) -> bool:
        """Tell whether *path* is a directory, or a link to one."""
        return await self._call(path.is_dir)

    @universal_exception
    async def is_file(self, path: Path) -> bool:
        """Tell whether *path* is a file, or a link to one."""
        return await self._call(path.is_file)

    @universal_exception
    async def is_link(self, path: Path) -> bool:
        """Tell whether *path* is a symbolic link itself."""
        return await self._call(path.is_symlink)

    @universal_exception
    async def mkdir(self, path: Path, *, parents: bool = False, exist_ok: bool = False) -> None:
        """Make the directory *path*, and those above it if *parents*; *exist_ok*: unless it is there."""
        await self._call(path.mkdir, parents=parents, exist_ok=exist_ok)

    @universal_exception
    async def rmdir(self, path: Path) -> None:
        """Remove the empty directory *path*."""
        await self._call(path.rmdir)

    @universal_exception
    async def unlink(self, path: Path) -> None:
        """Remove the file or link *path*."""
        await self._call(path.unlink)

    def list(self, path: Path) -> AbstractAsyncLister[Path]:
        """Return a lister of the paths of everything in the directory *path*.

        Raises, when awaited or iterated over:
            PathIOError: it is no directory, or can't be read.
        """
        return self._lister(_Batches(path, _join))

    def scan(self, path: Path) -> AbstractAsyncLister[PathEntry[Path]]:
        """Return a lister of everything in the directory *path*, each a :class:`PathEntry`.

        Raises, when awaited or iterated over:
            PathIOError: it is no directory, or can't be read.
        """
        return self._lister(_Batches(path, _status))

    @universal_exception
    async def stat(self, path: Path) -> os.stat_result:
        """Return the status of *path*; of a link, that of what it leads to."""
        return await self._call(path.stat)

    @universal_exception
    async def rename(self, source: Path, destination: Path) -> Path:
        """Give *source* the name *destination*; what is in the way is replaced where the system does so."""
        return await self._call(source.rename, destination)

    @universal_exception
    async def replace(self, source: Path, destination: Path) -> None:
        """Give the file *source* the name *destination*, in place of a file that has it, as one step."""
        await self._call(source.replace, destination)

    @universal_exception
    async def utime(self, path: Path, mtime: float) -> bool:
        """Set the modification time of *path* to *mtime*, in seconds since 1970; the time of access stays."""
        await self._call(_set_mtime, path, mtime)
        return True

    def _lister(self, batches: _Batches[T]) -> AbstractAsyncLister[T]:
        return BatchLister(lambda: self._call(batches.next), self.timeout)


def _set_mtime(path: Path, mtime: float) -> None:
    # In nanoseconds, which a float of seconds since 1970 can't count: the time of access stays exactly as it is.
    seconds = math.floor(mtime)
    nanoseconds = seconds * 1_000_000_000 + round((mtime - seconds) * 1_000_000_000)
    os.utime(path, ns=(path.stat().st_atime_ns, nanoseconds))


def _join(path: Path, entry: DirEntry[str]) -> Path:
    return path / entry.name


def _status(path: Path, entry: DirEntry[str]) -> PathEntry[Path] | None:
    """Return None for what is gone since the directory was read."""
    is_link = entry.is_symlink()
    try:
        status = entry.stat()
    except OSError as exc:
        if not is_link:
            if isinstance(exc, FileNotFoundError):
                return None
            raise
        status = None
    return PathEntry(path=path / entry.name, status=status, is_link=is_link)


class _Batches(Generic[T]):
    """Reads a directory some entries at a time; *convert* returns None for what is to be left out."""

    def __init__(self, path: Path, convert: Callable[[Path, DirEntry[str]], T | None]) -> None:
        self._path = path
        self._convert = convert
        self._entries: Any = None  # typeshed hides the class of what scandir returns
        self._is_over = False

    def __del__(self) -> None:
        # Whoever leaves an iteration half-way does not tell.
        self.close()

    def close(self) -> None:
        """Give back what the system holds for a directory that is being read."""
        self._is_over = True
        if self._entries is not None:
            self._entries.close()

    def next(self) -> Sequence[T]:
        """Return at least one, none at the end."""
        batch: list[T] = []
        try:
            if self._entries is None and not self._is_over:
                self._entries = os.scandir(self._path)
            while not batch and not self._is_over:
                batch = self._take()
        except BaseException:
            self.close()
            raise
        return batch

    def _take(self) -> list[T]:
        entries = list(itertools.islice(self._entries, _BATCH_ENTRIES))
        if len(entries) < _BATCH_ENTRIES:
            self.close()
        converted = (self._convert(self._path, entry) for entry in entries)
        return [item for item in converted if item is not None]
