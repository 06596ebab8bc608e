"""``RequiredPathIO``: what every storage has to be able to do."""

from __future__ import annotations

import abc
import io
import os
from collections.abc import AsyncIterable
from pathlib import PurePath
from typing import Any, Generic, TypeVar

from transfer.ftp._pathio._context import AsyncPathIOContext
from transfer.ftp._pathio._errors import defend_file_methods, universal_exception

__all__ = ["Connection", "File", "Octets", "PathType", "RequiredPathIO", "State"]

PathType = TypeVar("PathType", bound=PurePath)
# A file is whatever the storage's own _open returns; only the storage itself looks at it. Octets are
# in anything that a file can write. A connection is the server's, a state the storage's.
File = Any
Octets = Any
Connection = Any
State = Any


class RequiredPathIO(abc.ABC, Generic[PathType]):
    """The methods that a storage has to have: those of aioftp's, by the same names."""

    def __init__(
        self,
        timeout: float | None = None,
        connection: Connection = None,
        state: State = None,  # noqa: ARG002  # for storages that have one
    ) -> None:
        self.timeout: float | None = timeout
        self.connection: Any = connection

    @property
    def state(self) -> State:
        """What all storages made by one :class:`PathIONursery` share; None if they share nothing."""
        return None

    # -- names -------------------------------------------------------------------------------------------------------

    @universal_exception
    @abc.abstractmethod
    async def exists(self, path: PathType) -> bool:
        """Tell whether there is anything by this name; a link to nothing is nothing."""

    @universal_exception
    @abc.abstractmethod
    async def is_dir(self, path: PathType) -> bool:
        """Tell whether *path* is a directory, or a link to one."""

    @universal_exception
    @abc.abstractmethod
    async def is_file(self, path: PathType) -> bool:
        """Tell whether *path* is a file, or a link to one."""

    @universal_exception
    @abc.abstractmethod
    async def mkdir(self, path: PathType, *, parents: bool = False, exist_ok: bool = False) -> None:
        """Make the directory *path*, and those above it if *parents*; *exist_ok*: unless it is there."""

    @universal_exception
    @abc.abstractmethod
    async def rmdir(self, path: PathType) -> None:
        """Remove the empty directory *path*."""

    @universal_exception
    @abc.abstractmethod
    async def unlink(self, path: PathType) -> None:
        """Remove the file or link *path*."""

    @abc.abstractmethod
    def list(self, path: PathType) -> AsyncIterable[PathType]:
        """Return an :class:`AbstractAsyncLister` of the paths of everything in the directory *path*.

        ``async for`` goes over it, ``await`` makes a list of it.
        """

    @universal_exception
    @abc.abstractmethod
    async def stat(self, path: PathType) -> os.stat_result:
        """Return an object with st_size, st_mtime, st_ctime, st_nlink and st_mode; of a link, what it leads to."""

    @universal_exception
    @abc.abstractmethod
    async def rename(self, source: PathType, destination: PathType) -> PathType:
        """Give *source* the name *destination*."""

    # -- files -------------------------------------------------------------------------------------------------------

    @universal_exception
    @abc.abstractmethod
    async def _open(self, path: PathType, mode: str) -> File:
        """Open a file.

        Args:
            path: of the file.
            mode: ``"rb"``; ``"wb"``: new and empty; ``"ab"``: whatever is written goes to the end; ``"r+b"``: both.
        """

    def open(self, *args: Any, **kwargs: Any) -> AsyncPathIOContext:
        """Open a file: ``open(path, mode="rb")`` can be awaited, or entered with ``async with``."""
        return AsyncPathIOContext(self, args, kwargs)

    @universal_exception
    @defend_file_methods
    @abc.abstractmethod
    async def seek(self, file: File, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position, as :meth:`io.IOBase.seek` does."""

    @universal_exception
    @defend_file_methods
    @abc.abstractmethod
    async def write(self, file: File, data: Octets) -> int:
        """Write all of *data*, an object with octets in it, and return their number."""

    @universal_exception
    @defend_file_methods
    @abc.abstractmethod
    async def read(self, file: File, block_size: int) -> bytes:
        """Return up to *block_size* bytes, everything if it is negative, none at the end of the file."""

    @universal_exception
    @defend_file_methods
    @abc.abstractmethod
    async def close(self, file: File) -> None:
        """Close *file*, whatever else fails."""
