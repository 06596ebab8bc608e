"""The plan of a mirror: what is done, in order. A pure value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

import attrs

from transfer.ftp._mirror._action import (
    Compare,
    Direction,
    MirrorAction,
    MirrorActionKind,
    format_size,
    printable,
)
from transfer.ftp._mirror._plan_json import read_plan, write_plan

__all__ = ["MirrorPlan"]


@attrs.frozen(kw_only=True)
class MirrorPlan:
    """What makes one side like the other; ``print(plan)`` shows it.

    Attributes:
        direction: ``"download"`` or ``"upload"``.
        local: the tree on this side.
        remote: the tree on the server.
        compare: how files were compared.
        keeps_times: whether the destination takes on the times of what goes there. If not, a file that is newer at the
            destination counts as up to date.
        actions: in the order in which they are done: what is in the way is deleted and directories are made, then files
            go over, then what is only at the destination is deleted.
    """

    direction: Direction
    local: str
    remote: str
    compare: Compare
    keeps_times: bool
    actions: tuple[MirrorAction, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return all(action.kind is MirrorActionKind.SKIP for action in self.actions)

    @property
    def file_count(self) -> int:
        """How many files go over."""
        return sum(action.kind.is_transfer for action in self.actions)

    @property
    def byte_count(self) -> int:
        """How many octets go over, as far as sizes are known."""
        return sum(action.size or 0 for action in self.actions if action.kind.is_transfer)

    @property
    def deletion_count(self) -> int:
        """How many files and directories are deleted."""
        return sum(action.kind.is_deletion for action in self.actions)

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        source, destination = self.remote or ".", self.local or "."
        if self.direction == "upload":
            source, destination = destination, source
        yield f"{self.direction} {printable(source)} to {printable(destination)}, by {self.compare}"
        for action in self.actions:
            yield f"  {action}"
        made = sum(action.kind is MirrorActionKind.MAKE_DIRECTORY for action in self.actions)
        skipped = sum(action.kind is MirrorActionKind.SKIP for action in self.actions)
        yield (
            f"files: {self.file_count} ({format_size(self.byte_count)}), directories: {made}, "
            f"deletions: {self.deletion_count}, skipped: {skipped}"
        )

    def to_json(self) -> str:
        """Write the plan as JSON, for :meth:`from_json`; names that are not valid text survive."""
        return write_plan(attrs.asdict(self, recurse=False))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what :meth:`to_json` has written.

        Raises:
            ValueError: *text* is no such plan, or of a later version; or a path in it leads out of the tree.
        """
        return cls(**read_plan(text))
