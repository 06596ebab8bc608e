"""This side of a mirror: a tree in a storage. Nothing is done through a link that is in it."""

from __future__ import annotations

import errno
import os
import stat
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import attrs

from transfer.ftp._errors import FTPProtocolError, PathIOError
from transfer.ftp._mirror._snapshot import ROOT, Kind, LeaveOut, Node, Snapshot, directory_of, join, name_of
from transfer.ftp._names import check_name, safe_relative
from transfer.ftp._pathio import AbstractPathIO, PathEntry

__all__ = ["LocalTree"]


@attrs.frozen(eq=False)
class LocalTree:
    """The tree *root* in *storage*; that *root* itself may be a link is its owner's choice."""

    storage: AbstractPathIO[Path]
    root: Path

    async def look(self, leave_out: LeaveOut) -> Snapshot:
        """Return what is there; nothing, if *root* is not.

        Raises:
            PathIOError: *root* is no directory or can't be read.
        """
        if not await self.storage.exists(self.root):
            return Snapshot({})
        nodes = {ROOT: Node(Kind.DIRECTORY)}
        waiting = [ROOT]
        while waiting:
            directory = waiting.pop()
            try:
                entries = await self.storage.scan(self._join(directory))
            except PathIOError as exc:
                if directory == ROOT:
                    raise
                nodes[directory] = Node(Kind.DIRECTORY, trouble=str(exc))
                continue
            for entry in entries:
                path = join(directory, entry.path.name)
                nodes[path] = _node(entry)
                is_directory = nodes[path].kind is Kind.DIRECTORY
                if leave_out(path, is_directory):
                    nodes[path] = Node(Kind.EXCLUDED)
                elif is_directory:
                    waiting.append(path)
        return Snapshot(nodes)

    def name_problem(self, name: str) -> str:
        """Say why there can't be a file of this name, or ""."""
        try:
            check_name(name)
        except FTPProtocolError as exc:
            return str(exc)
        return ""

    def missing(self) -> PathIOError:
        """Return the error for a source that is not there."""
        return PathIOError(
            f"{self.root} is not there", errno=errno.ENOENT, strerror=os.strerror(errno.ENOENT), filename=str(self.root)
        )

    async def place(self, path: str) -> Path:
        """Return where *path* is, if no link leads there.

        Raises:
            FTPProtocolError: it would be outside, or can't be a name here.
            PathIOError: a directory above it is a link, or it is one itself.
        """
        place = self._join(path)
        above = [parent for parent in place.parents if parent != self.root and parent.is_relative_to(self.root)]
        for step in [*reversed(above), place]:
            if step != self.root and await self.storage.is_link(step):
                raise PathIOError(f"{step} is a link: nothing is read or written through it", filename=str(step))
        return place

    async def make_directory(self, path: str) -> None:
        """Make the directory *path*; one that is there is no error."""
        await self.storage.mkdir(await self.place(path), parents=path == ROOT, exist_ok=True)

    async def delete_file(self, path: str) -> None:
        """Delete the file *path*, or the link itself."""
        await self.storage.unlink(safe_relative(await self.place(directory_of(path)), name_of(path)))

    async def delete_directory(self, path: str) -> None:
        """Delete the empty directory *path*."""
        await self.storage.rmdir(await self.place(path))

    def _join(self, path: str) -> Path:
        return self.root if path == ROOT else safe_relative(self.root, PurePosixPath(path))


def _node(entry: PathEntry[Path]) -> Node:
    if entry.is_link:
        return Node(Kind.LINK)
    status = entry.status
    if stat.S_ISDIR(status.st_mode):
        return Node(Kind.DIRECTORY)
    if not stat.S_ISREG(status.st_mode):
        return Node(Kind.OTHER)
    return Node(Kind.FILE, status.st_size, modify=_time(status.st_mtime))


def _time(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):  # a time that no calendar has
        return None
