"""``AbstractPathIO``: a storage with what transfers profit from, made of what it has in any case."""

from __future__ import annotations

import stat
from typing import Any, BinaryIO, Generic

import attrs

from transfer.ftp._common._iterating import AbstractAsyncLister
from transfer.ftp._errors import PathIOError
from transfer.ftp._pathio._errors import defend_file_methods, universal_exception
from transfer.ftp._pathio._required import File, PathType, RequiredPathIO

__all__ = ["AbstractPathIO", "PathEntry"]


@attrs.frozen(kw_only=True)
class PathEntry(Generic[PathType]):
    """One thing in a directory of a storage, and what was known of it when the directory was read.

    Attributes:
        path: where it is.
        status: as ``stat`` gives it, links followed; None for a link to nothing.
        is_link: whether it is a symbolic link itself.
    """

    path: PathType
    status: Any
    is_link: bool = False

    @property
    def is_dir(self) -> bool:
        """Whether it is a directory, or a link to one."""
        return self.status is not None and stat.S_ISDIR(self.status.st_mode)

    @property
    def is_file(self) -> bool:
        """Whether it is a file, or a link to one."""
        return self.status is not None and stat.S_ISREG(self.status.st_mode)


class AbstractPathIO(RequiredPathIO[PathType]):
    """Base of every storage: a subclass has the abstract methods, and the others where it can do better.

    Args:
        timeout: seconds for each operation, None for ever, where the storage goes by it.
        connection: the server's connection that the storage serves, None on a client's side.
        state: what the storages of one :class:`PathIONursery` share.

    Attributes:
        block_bytes: how much transfers should read or write at once.
    """

    block_bytes: int = 256 * 1024

    def scan(self, path: PathType) -> AbstractAsyncLister[PathEntry[PathType]]:
        """Return a lister of everything in the directory *path*, each a :class:`PathEntry`.

        It is ``list``, ``stat`` and ``is_link`` together, and takes fewer steps where a storage can.
        """
        return _Scan(self, path)

    @universal_exception
    async def is_link(self, path: PathType) -> bool:  # noqa: ARG002  # as in what follows: for those who do better
        """Tell whether *path* is a symbolic link itself; a storage that says nothing of it has none."""
        return False

    @universal_exception
    async def replace(self, source: PathType, destination: PathType) -> None:
        """Give the file *source* the name *destination*, in place of a file that has it.

        As one step where a storage can; by default the older file is removed first.
        """
        if source != destination:
            if await self.is_file(destination):
                await self.unlink(destination)
            await self.rename(source, destination)

    @universal_exception
    async def utime(self, path: PathType, mtime: float) -> bool:  # noqa: ARG002
        """Set the modification time of *path* to *mtime*, in seconds since 1970.

        Returns:
            False where the storage keeps times by itself.
        """
        return False

    @universal_exception
    @defend_file_methods
    async def sync(self, file: File) -> None:
        """Make sure, as far as the storage can, that what was written to *file* survives a failure of power."""

    def direct_file(self, file: File) -> BinaryIO | None:  # noqa: ARG002
        """Return the object that may be read, written and moved in place of *file*, by blocking calls, if there is one.

        A transfer then leaves the methods of the storage out, and does by sendfile what can be done by it. By default
        there is none.
        """
        return None


class _Scan(AbstractAsyncLister[PathEntry[PathType]]):
    """``scan`` by the methods that every storage has."""

    def __init__(self, storage: AbstractPathIO[PathType], path: PathType) -> None:
        super().__init__(timeout=storage.timeout)
        self._storage = storage
        self._paths = aiter(storage.list(path))

    @universal_exception
    async def __anext__(self) -> PathEntry[PathType]:
        path = await anext(self._paths)
        is_link = await self._storage.is_link(path)
        try:
            status = await self._storage.stat(path)
        except PathIOError:
            if not is_link:
                raise
            status = None
        return PathEntry(path=path, status=status, is_link=is_link)
