"""Both sides as far as they are known, and the server asked again where there is a doubt."""

from __future__ import annotations

from datetime import timedelta

import attrs

from transfer.ftp import _commands as commands
from transfer.ftp._errors import StatusCodeError
from transfer.ftp._listing import EntryType, parse_time_value
from transfer.ftp._mirror._action import Direction, MirrorAction, MirrorActionKind
from transfer.ftp._mirror._compare import Rules, plan_actions
from transfer.ftp._mirror._remote import RemoteTree
from transfer.ftp._mirror._snapshot import ROOT, Kind, Node, Snapshot, directory_of, name_of

__all__ = ["Survey"]

# What is shown to the minute or the day is also in a zone that is not said.
_EXACT = timedelta(seconds=1)


@attrs.define(eq=False)
class Survey:
    """What is known of both sides, and what follows from that."""

    tree: RemoteTree
    direction: Direction
    rules: Rules
    local: Snapshot
    remote: Snapshot

    @property
    def destination(self) -> Snapshot:
        """The side that is to be changed."""
        return self.local if self.direction == "download" else self.remote

    def actions(self) -> list[MirrorAction]:
        """Return what makes the destination like the source."""
        if self.direction == "download":
            return plan_actions(self.remote, self.local, self.rules)
        return plan_actions(self.local, self.remote, self.rules)

    # -- times -------------------------------------------------------------------------------------------------------

    async def ask_for_times(self) -> None:
        """Ask for the exact times (MDTM) of files that differ only in a time that was listed inexactly."""
        changed: dict[str, Node] = {}
        for path in self._files_in_doubt() if self.rules.compare == "size+time" else ():
            try:
                session = await self.tree.client._ready()
                reply = await session.control.ask(commands.mdtm(self.tree.join(path)), "213")
            except StatusCodeError as exc:
                if exc.retryable:
                    raise
                if exc.received_codes[-1].matches("50x"):
                    break
                continue
            moment = parse_time_value(reply.text.strip())
            if moment is not None:
                changed[path] = attrs.evolve(
                    self.remote.nodes[path], modify=moment.clock, modify_precision=moment.precision
                )
        self.remote = self.remote.changed(changed)

    def _files_in_doubt(self) -> list[str]:
        paths = [action.path for action in self.actions() if action.kind is MirrorActionKind.UPDATE]
        return [
            path
            for path in paths
            if (ours := self.local.nodes.get(path)) is not None
            and (theirs := self.remote.nodes.get(path)) is not None
            and theirs.modify_precision > _EXACT
            and theirs.size == ours.size
        ]

    # -- links -------------------------------------------------------------------------------------------------------

    async def ask_for_links(self) -> None:
        """Find out by LIST which directories of the server, in which something would change, are links.

        MLSD mostly does not say. What LIST does not show at all is left alone, with everything in it.
        """
        if self.direction == "download" or "MLSD" in (await self.tree.client._ready()).control.lacks:
            return
        verified: set[str] = set()
        while unknown := self._directories_to_change() - verified:
            # From the top: what is in a link is nobody's business any more.
            depth = min(path.count("/") for path in unknown)
            next_ones = {path for path in unknown if path.count("/") == depth}
            changed: dict[str, Node] = {}
            for parent in sorted({directory_of(path) for path in next_ones}):
                changed |= await self._find_links(parent, {path for path in next_ones if directory_of(path) == parent})
            self.remote = self.remote.changed(changed)
            verified |= next_ones

    def _directories_to_change(self) -> set[str]:
        """Return the directories that are there and in which, or with which, something would be done."""
        found: set[str] = set()
        for action in self.actions():
            path = ROOT if action.kind is MirrorActionKind.SKIP else action.path
            while path != ROOT and path not in found:
                node = self.remote.nodes.get(path)
                if node is not None and node.kind is Kind.DIRECTORY:
                    found.add(path)
                path = directory_of(path)
        return found

    async def _find_links(self, parent: str, directories: set[str]) -> dict[str, Node]:
        """Return nodes for those of *directories*, all in *parent*, that are links or can't be verified."""
        kinds = await self._listed_kinds(parent)
        changed: dict[str, Node] = {}
        for path in directories:
            kind = kinds.get(name_of(path))
            if kind is None:
                changed[path] = Node(Kind.OTHER, trouble="the server does not show whether it is a link")
            elif kind is EntryType.LINK:
                changed[path] = Node(Kind.LINK)
        return changed

    async def _listed_kinds(self, directory: str) -> dict[str, EntryType]:
        """Return what LIST says of what is in *directory*; nothing, if the server refuses it."""
        try:
            entries = await self.tree.client.entries(self.tree.join(directory), raw_command="LIST -a")
        except StatusCodeError as exc:
            if exc.retryable:
                raise
            return {}
        return {entry.name: entry.type for entry in entries}
