"""Harnesses that run a scenario again and again, disturbed at another point each time."""

from __future__ import annotations

from tests.harness.cancel import ALL_MODES, MODES, Mode, Outcome, Sweep, cancel_everywhere
from tests.harness.cut import CutOutcome, cut_everywhere

__all__ = [
    "ALL_MODES",
    "MODES",
    "CutOutcome",
    "Mode",
    "Outcome",
    "Sweep",
    "cancel_everywhere",
    "cut_everywhere",
]
