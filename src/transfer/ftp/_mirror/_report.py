"""What became of a plan. Pure values."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

import attrs

from transfer._errors import TransferError
from transfer.ftp._mirror._action import MirrorAction, printable
from transfer.ftp._mirror._plan import MirrorPlan

__all__ = ["MirrorOutcome", "MirrorReport", "MirrorStatus"]


class MirrorStatus(Enum):
    """What became of one action."""

    DONE = "done"
    UNCHANGED = "unchanged"
    """It had been done before."""
    SKIPPED = "skipped"
    """The plan said so."""
    FAILED = "failed"
    LEFT = "left"
    """It was not tried: a deletion after something has failed, or anything in a dry run."""


@attrs.frozen
class MirrorOutcome:
    """One action and what became of it.

    Attributes:
        action: of the plan.
        status: what became of it.
        error: why it failed.
    """

    action: MirrorAction
    status: MirrorStatus
    error: TransferError | None = attrs.field(default=None, kw_only=True)

    def __str__(self) -> str:
        error = f": {printable(str(self.error))}" if self.error is not None else ""
        return f"{self.status.value} {self.action}{error}"


@attrs.frozen
class MirrorReport:
    """What became of a plan; ``print(report)`` shows what was not done, and counts.

    Attributes:
        plan: that was applied.
        outcomes: one for each of its actions, in the same order.
    """

    plan: MirrorPlan
    outcomes: tuple[MirrorOutcome, ...]

    @property
    def failed(self) -> tuple[MirrorOutcome, ...]:
        """The actions that failed."""
        return tuple(outcome for outcome in self.outcomes if outcome.status is MirrorStatus.FAILED)

    @property
    def is_complete(self) -> bool:
        """Whether everything that was planned is done."""
        return all(outcome.status not in {MirrorStatus.FAILED, MirrorStatus.LEFT} for outcome in self.outcomes)

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        for outcome in self.outcomes:
            if outcome.status not in {MirrorStatus.DONE, MirrorStatus.UNCHANGED}:
                yield str(outcome)
        statuses = [outcome.status for outcome in self.outcomes]
        counts = [f"{status.value}: {statuses.count(status)}" for status in MirrorStatus if status in statuses]
        yield ", ".join(counts) or "nothing to do"
