"""The tree of a :class:`MemoryPathIO`, and its open files."""

from __future__ import annotations

import io
import os
import stat
import time
from collections.abc import Sequence
from pathlib import PurePath, PurePosixPath
from typing import Literal

__all__ = ["MemoryFile", "Node", "find_node", "path_error", "status_of"]


class Node:
    """A file or a directory in memory.

    Attributes:
        type: ``"file"`` or ``"dir"``.
        name: in its directory; that of the uppermost one is ``"/"``.
        ctime: when it was made, in seconds since 1970.
        mtime: when it was last written to.
        content: of a file a BytesIO, of a directory the list of its nodes.
    """

    def __init__(
        self,
        type: Literal["dir", "file"],  # noqa: A002  # the name that programs use
        name: str,
        ctime: float | None = None,
        mtime: float | None = None,
        *,
        content: list[Node] | io.BytesIO,
    ) -> None:
        now = int(time.time())
        self.type: Literal["dir", "file"] = type
        self.name: str = name
        self.ctime: float = now if ctime is None else ctime
        self.mtime: float = now if mtime is None else mtime
        self.content: list[Node] | io.BytesIO = content

    def __repr__(self) -> str:
        facts = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({facts})"


class MemoryFile(io.RawIOBase):
    """A file that is open: its own position in a content that others may have open as well.

    What replaces the file (``"wb"``) gives it another content; who has it open goes on with the one that it was.
    """

    def __init__(self, node: Node, content: io.BytesIO, *, appends: bool) -> None:
        super().__init__()
        self._node = node
        self._content = content
        self._appends = appends
        self._position = content.seek(0, io.SEEK_END) if appends else 0

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def writable(self) -> bool:
        """Tell that it can be written."""
        return True

    def seekable(self) -> bool:
        """Tell that it has a position."""
        return True

    def _at(self, position: int, whence: int = io.SEEK_SET) -> io.BytesIO:
        if self.closed:
            raise ValueError("the file is closed")
        self._content.seek(position, whence)
        return self._content

    def read(self, size: int | None = -1, /) -> bytes:
        """Return up to *size* bytes, all without one."""
        content = self._at(self._position)
        data = content.read(size)
        self._position = content.tell()
        return data

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]  # the buffers that are used
        """Fill *buffer* as far as the file goes and return the number of bytes."""
        count = self._at(self._position).readinto(buffer)
        self._position += count
        return count

    def write(self, data: bytes | bytearray | memoryview, /) -> int:  # type: ignore[override]  # as above
        """Write all of *data*."""
        content = self._at(0, io.SEEK_END) if self._appends else self._at(self._position)
        count = content.write(data)
        self._position = content.tell()
        self._node.mtime = int(time.time())
        return count

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to a position."""
        if whence == io.SEEK_CUR:
            offset, whence = self._position + offset, io.SEEK_SET
        self._position = self._at(offset, whence).tell()
        return self._position


def path_error(code: int, path: PurePath) -> OSError:
    """Return what an operating system raises."""
    return OSError(code, os.strerror(code), str(path))


def find_node(root: Sequence[Node], path: PurePosixPath) -> Node | None:
    """Return what is at *path*, which is absolute and has no ``..``, None if there is nothing."""
    nodes: Sequence[Node] | io.BytesIO = root
    node = None
    for part in path.parts:
        if isinstance(nodes, io.BytesIO):
            return None
        node = next((one for one in nodes if one.name == part), None)
        if node is None:
            return None
        nodes = node.content
    return node


def status_of(node: Node) -> os.stat_result:
    """Return the status of *node* as an operating system would."""
    if isinstance(node.content, io.BytesIO):
        mode, size = stat.S_IFREG | 0o666, node.content.getbuffer().nbytes
    else:
        mode, size = stat.S_IFDIR | 0o777, 0
    return os.stat_result((mode, id(node), 0, 1, 0, 0, size, node.mtime, node.mtime, node.ctime))
