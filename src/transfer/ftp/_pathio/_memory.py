"""``MemoryPathIO``: files in memory, for tests and for what is gone when the program ends."""

from __future__ import annotations

import errno
import io
import os
import posixpath
from collections.abc import Sequence
from pathlib import PurePath, PurePosixPath
from typing import BinaryIO

from anyio.lowlevel import checkpoint

from transfer.ftp._common._iterating import AbstractAsyncLister
from transfer.ftp._pathio._abstract import AbstractPathIO
from transfer.ftp._pathio._batches import BatchLister
from transfer.ftp._pathio._errors import defend_file_methods, universal_exception
from transfer.ftp._pathio._files import moves_like
from transfer.ftp._pathio._memory_nodes import MemoryFile, Node, find_node, path_error, status_of
from transfer.ftp._pathio._required import Connection, Octets
from transfer.ftp._pathio._turns import Turns

__all__ = ["MemoryPathIO"]


class MemoryNames(AbstractPathIO[PurePosixPath]):
    """The methods that take paths."""

    fs: list[Node]
    cwd: PurePosixPath

    def get_node(self, path: PurePath) -> Node | None:
        """Return what is at *path*, None if there is nothing."""
        return find_node(self.fs, self._absolute(path))

    def _absolute(self, path: PurePath) -> PurePosixPath:
        return PurePosixPath("/" + posixpath.normpath(self.cwd / path.as_posix()).lstrip("/"))

    def _node(self, path: PurePath) -> Node:
        node = self.get_node(path)
        if node is None:
            raise path_error(errno.ENOENT, path)
        return node

    def _directory(self, path: PurePath) -> list[Node]:
        content = self._node(path).content
        if isinstance(content, io.BytesIO):
            raise path_error(errno.ENOTDIR, path)
        return content

    @universal_exception
    async def exists(self, path: PurePosixPath) -> bool:
        """Tell whether there is anything by this name."""
        await checkpoint()
        return self.get_node(path) is not None

    @universal_exception
    async def is_dir(self, path: PurePosixPath) -> bool:
        """Tell whether *path* is a directory."""
        await checkpoint()
        node = self.get_node(path)
        return node is not None and node.type == "dir"

    @universal_exception
    async def is_file(self, path: PurePosixPath) -> bool:
        """Tell whether *path* is a file."""
        await checkpoint()
        node = self.get_node(path)
        return node is not None and node.type == "file"

    @universal_exception
    async def mkdir(self, path: PurePosixPath, *, parents: bool = False, exist_ok: bool = False) -> None:
        """Make the directory *path*, and those above it if *parents*; *exist_ok*: unless it is there."""
        await checkpoint()
        self._mkdir(self._absolute(path), parents=parents, exist_ok=exist_ok)

    def _mkdir(self, path: PurePosixPath, *, parents: bool, exist_ok: bool) -> None:
        node = self.get_node(path)
        if node is not None:
            if node.type != "dir" or not exist_ok:
                raise path_error(errno.EEXIST, path)
            return
        if parents and self.get_node(path.parent) is None:
            self._mkdir(path.parent, parents=True, exist_ok=True)
        self._directory(path.parent).append(Node("dir", path.name, content=[]))

    @universal_exception
    async def rmdir(self, path: PurePosixPath) -> None:
        """Remove the empty directory *path*."""
        await checkpoint()
        if self._directory(path):
            raise path_error(errno.ENOTEMPTY, path)
        self._remove(path)

    @universal_exception
    async def unlink(self, path: PurePosixPath) -> None:
        """Remove the file *path*; who has it open goes on."""
        await checkpoint()
        if self._node(path).type != "file":
            raise path_error(errno.EISDIR, path)
        self._remove(path)

    def _remove(self, path: PurePosixPath) -> None:
        node = self._node(path)
        path = self._absolute(path)
        if path == path.parent:
            raise path_error(errno.EBUSY, path)
        self._directory(path.parent).remove(node)

    def list(self, path: PurePosixPath) -> AbstractAsyncLister[PurePosixPath]:
        """Return a lister of the paths of everything in the directory *path*.

        Raises, when awaited or iterated over:
            PathIOError: it is no directory.
        """
        is_over = False

        async def next_batch() -> Sequence[PurePosixPath]:
            nonlocal is_over
            await checkpoint()
            nodes = () if is_over else self._directory(path)
            is_over = True
            return [path / node.name for node in nodes]

        return BatchLister(next_batch, self.timeout)

    @universal_exception
    async def stat(self, path: PurePosixPath) -> os.stat_result:
        """Return the status of *path*."""
        await checkpoint()
        return status_of(self._node(path))

    @universal_exception
    async def utime(self, path: PurePosixPath, mtime: float) -> bool:
        """Set the modification time of *path* to *mtime*, in seconds since 1970."""
        await checkpoint()
        self._node(path).mtime = mtime
        return True

    @universal_exception
    async def rename(self, source: PurePosixPath, destination: PurePosixPath) -> PurePosixPath:
        """Give *source* the name *destination*, in place of a file or an empty directory that has it."""
        await checkpoint()
        node, new = self._node(source), self._absolute(destination)
        nodes = self._directory(new.parent)
        older = self.get_node(new)
        if older is node:
            return destination
        if self._absolute(source) in new.parents:
            raise path_error(errno.EINVAL, destination)
        if older is not None:
            if older.type != node.type:
                raise path_error(errno.EISDIR if older.type == "dir" else errno.ENOTDIR, destination)
            if older.content and older.type == "dir":
                raise path_error(errno.ENOTEMPTY, destination)
            nodes.remove(older)
        self._remove(source)
        node.name = new.name
        nodes.append(node)
        return destination


class MemoryPathIO(MemoryNames):
    """Files in memory; every open file has a position of its own.

    Args:
        timeout: kept for programs that give it; nothing here takes time.
        connection: the server's, on a server's side.
        state: the tree of another one, to share it; a new one by default.
        cwd: the directory that relative paths begin at.

    Attributes:
        fs: the tree, a list of one :class:`Node`.
        cwd: as given.
    """

    def __init__(
        self,
        timeout: float | None = None,
        connection: Connection = None,
        state: list[Node] | None = None,
        cwd: str | PurePosixPath | None = None,
    ) -> None:
        super().__init__(timeout, connection, state)
        self.cwd: PurePosixPath = PurePosixPath(cwd or "/")
        self.fs: list[Node] = [Node("dir", "/", content=[])] if state is None else state
        self._turns = Turns()

    def __repr__(self) -> str:
        return repr(self.fs)

    @property
    def state(self) -> list[Node]:
        """The tree."""
        return self.fs

    @universal_exception
    async def _open(self, path: PurePosixPath, mode: str = "rb") -> MemoryFile:
        await checkpoint()
        if mode not in {"rb", "wb", "ab", "r+b"}:
            raise ValueError(f'a mode is "rb", "wb", "ab" or "r+b", not {mode!r}')
        node = self.get_node(path)
        if node is None and mode != "rb":
            nodes = self._directory(self._absolute(path).parent)
            node = Node("file", self._absolute(path).name, content=io.BytesIO())
            nodes.append(node)
        elif node is None:
            raise path_error(errno.ENOENT, path)
        elif node.type == "dir":
            raise path_error(errno.EISDIR, path)
        elif mode == "wb":
            node.content = io.BytesIO()
        assert isinstance(node.content, io.BytesIO)  # its type says so
        return MemoryFile(node, node.content, appends=mode == "ab")

    @universal_exception
    @defend_file_methods
    async def seek(self, file: MemoryFile, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position, as :meth:`io.IOBase.seek` does."""
        await self._turns.take()
        return file.seek(offset, whence)

    @universal_exception
    @defend_file_methods
    async def write(self, file: MemoryFile, data: Octets) -> int:
        """Write all of *data*."""
        await self._turns.take()
        count = file.write(data)
        self._turns.moved += count
        return count

    @universal_exception
    @defend_file_methods
    async def read(self, file: MemoryFile, block_size: int = -1) -> bytes:
        """Return up to *block_size* bytes, everything if it is negative, none at the end of the file."""
        await self._turns.take()
        data = file.read(block_size)
        self._turns.moved += len(data)
        return data

    @universal_exception
    @defend_file_methods
    async def close(self, file: MemoryFile) -> None:
        """Close *file*; its content stays."""
        file.close()

    def direct_file(self, file: BinaryIO) -> BinaryIO | None:
        """Return *file* itself, unless a subclass reads or writes in a way of its own."""
        return file if moves_like(self, MemoryPathIO) else None
