"""``Client.walk``: a tree, directory by directory, from the top down."""

from __future__ import annotations

from pathlib import PurePosixPath

from transfer.ftp import _commands as commands
from transfer.ftp._errors import FTPProtocolError
from transfer.ftp._list import DEPTH_LIMIT, Ready, as_entry, list_all
from transfer.ftp._list_open import Count
from transfer.ftp._listing import Entry, EntryType

__all__ = ["Walk"]

Step = tuple[PurePosixPath, list[Entry], list[Entry]]


class Walk:
    """Goes through a tree; an error or a cancellation leaves out the directory that was being listed."""

    def __init__(self, ready: Ready, path: commands.Path) -> None:
        self._ready = ready
        self._waiting: list[tuple[commands.Path, int]] = [(path, 0)]
        self._latest: list[Entry] = []
        """The directories of the latest step, which the caller may have thinned out."""
        self._depth = 0
        self._count: Count | None = None

    def __aiter__(self) -> Walk:
        return self

    async def __anext__(self) -> Step:
        self._waiting += [(entry.path, self._depth + 1) for entry in reversed(self._latest)]
        self._latest = []
        if not self._waiting:
            raise StopAsyncIteration
        session = await self._ready()
        self._count = self._count or Count(session.settings.limits)
        path, self._depth = self._waiting.pop()
        if self._depth > DEPTH_LIMIT:
            with session.control.closing_on_nonsense():
                raise FTPProtocolError(f"{path} is more than {DEPTH_LIMIT} directories deep")
        entries = await list_all(session, path, as_entry, count=self._count)
        self._latest = [entry for entry in entries if entry.type is EntryType.DIRECTORY]
        return PurePosixPath(path), self._latest, [entry for entry in entries if entry.type is not EntryType.DIRECTORY]
