"""The server's side of a mirror, by what every client can do there."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import attrs

from transfer.ftp import _commands as commands
from transfer.ftp._errors import FTPProtocolError, StatusCodeError
from transfer.ftp._listing import Entry, EntryType
from transfer.ftp._mirror._snapshot import ROOT, Kind, LeaveOut, Node, Snapshot, join

if TYPE_CHECKING:
    from transfer.ftp._client_transfers import TransfersClient

__all__ = ["RemoteTree"]

# Deeper trees are links that lead back to where they are.
_DEPTH_LIMIT = 128
_KINDS = {EntryType.FILE: Kind.FILE, EntryType.DIRECTORY: Kind.DIRECTORY, EntryType.LINK: Kind.LINK}
_UNSENDABLE = frozenset("\r\n\0")


@attrs.frozen(eq=False)
class RemoteTree:
    """The tree *root* on the server of *client*."""

    client: TransfersClient
    root: PurePosixPath

    async def look(self, leave_out: LeaveOut) -> Snapshot:
        """Return what is there; nothing, if *root* is not.

        Raises:
            StatusCodeError: *root* can't be listed, or the server is busy.
            FTPProtocolError: a listed name leads elsewhere, or there is too much; the connection is closed.
            FTPException: as for listings.
        """
        try:
            # The directory that the session is in, the root, and those above are always there.
            info = await self.client.stat(self.root) if self.root.name else {}
        except StatusCodeError as exc:
            if exc.received_codes[-1].matches("550"):
                return Snapshot({})
            raise
        if info.get("type") == "file":
            raise self._error(f"{self.root} is a file, and not a directory")
        session = await self.client._ready()
        with session.control.closing_on_nonsense():
            return await _Look(self, leave_out, session.settings.limits.entries).all()

    def name_problem(self, name: str) -> str:
        """Say why there can't be a file of this name, or ""."""
        if _UNSENDABLE & set(name):
            return "its name holds CR, LF or NUL, which can't be sent"
        try:
            name.encode(self.client.encoding, "surrogateescape")
        except UnicodeEncodeError:
            return f"its name does not exist in {self.client.encoding}"
        return ""

    def missing(self) -> StatusCodeError:
        """Return the error for a source that is not there."""
        return self._error(f"{self.root} is not there")

    async def make_directory(self, path: str) -> None:
        """Make the directory *path*; one that is there is no error."""
        place = self.join(path)
        if path == ROOT:
            await self.client.make_directory(place)
            return
        session = await self.client._ready()
        try:
            # It is not there, as far as the plan knows: to ask first would be a command more for each.
            await session.control.ask(commands.mkd(place), "2xx")
        except StatusCodeError as exc:
            if exc.retryable or not await self.client.exists(place):
                raise

    async def delete_file(self, path: str) -> None:
        """Delete the file *path*, or the link itself."""
        await self.client.remove_file(self.join(path))

    async def delete_directory(self, path: str) -> None:
        """Delete the empty directory *path*."""
        await self.client.remove_directory(self.join(path))

    def join(self, path: str) -> PurePosixPath:
        """Return the server's path of *path*."""
        return self.root if path == ROOT else self.root / path

    def _error(self, about: str) -> StatusCodeError:
        return StatusCodeError("2xx", "550", about)


class _Look:
    """Lists a tree directory by directory, so that one that can't be listed does not end it."""

    def __init__(self, tree: RemoteTree, leave_out: LeaveOut, limit_entries: int) -> None:
        self._tree = tree
        self._limit = limit_entries
        self._leave_out = leave_out
        self._nodes = {ROOT: Node(Kind.DIRECTORY)}

    async def all(self) -> Snapshot:
        waiting: list[tuple[str, tuple[object, ...]]] = [(ROOT, ())]
        while waiting:
            directory, above = waiting.pop()
            for entry in await self._list(directory):
                path = join(directory, entry.name)
                is_directory = self._add(path, entry, above)
                if is_directory:
                    waiting.append((path, (*above, entry.facts.get("unique"))))
        return Snapshot(self._nodes)

    async def _list(self, directory: str) -> list[Entry]:
        try:
            listing = aiter(self._tree.client.entries(self._tree.join(directory)))
            entries = await listing.collect()
        except StatusCodeError as exc:
            if directory == ROOT or exc.retryable:
                raise
            self._nodes[directory] = Node(Kind.DIRECTORY, trouble=str(exc))
            return []
        if listing.skipped:
            self._nodes[directory] = Node(Kind.DIRECTORY, trouble=f"lines of its listing not read: {listing.skipped}")
        return entries

    def _add(self, path: str, entry: Entry, above: tuple[object, ...]) -> bool:
        """Take *entry* down; whether it is a directory to be listed as well."""
        if len(self._nodes) > self._limit:
            raise FTPProtocolError(f"the tree has more than {self._limit} entries")
        kind = _KINDS.get(entry.type, Kind.OTHER)
        is_directory = kind is Kind.DIRECTORY
        if self._leave_out(path, is_directory):
            self._nodes[path] = Node(Kind.EXCLUDED)
            return False
        # RFC 3659 §7.5.2: two names with the same "unique" fact are one file; here, of a directory above.
        unique = entry.facts.get("unique")
        if is_directory and unique is not None and unique in above:
            self._nodes[path] = Node(Kind.LINK, target="a directory above it")
            return False
        if len(above) >= _DEPTH_LIMIT:
            raise FTPProtocolError(f"{path} is more than {_DEPTH_LIMIT} directories deep")
        self._nodes[path] = Node(
            kind,
            entry.size if kind is Kind.FILE else None,
            modify=entry.modify,
            modify_precision=entry.modify_precision or Node(kind).modify_precision,
            target=entry.link_target,
        )
        return is_directory
