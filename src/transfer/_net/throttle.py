"""A limit on bytes, or whatever else is counted, per second; shared by as many users as hold it."""

from __future__ import annotations

import time

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

__all__ = ["Throttle"]

# How far the budget may run ahead of the clock: short enough for a steady flow, long enough to sleep rarely.
_BURST_SECONDS = 0.1
# A shorter sleep costs more than it brings; the account keeps the debt.
_LEAST_SECONDS = 0.001


class Throttle:
    """A token bucket: ``limit`` bytes per second over all users together; may be changed at any time.

    None, or a number not above 0, is no limit. Transfers that are not limited are given no throttle at all, so that
    they do not even ask.
    """

    __slots__ = ("_free_at", "limit")

    def __init__(self, limit: float | None = None) -> None:
        self.limit: float | None = limit
        self._free_at = 0.0

    @property
    def block_bytes(self) -> int | None:
        """How many bytes to move between two calls of :meth:`reserve` for a steady flow; None when not limited."""
        return max(1, int(self.limit * _BURST_SECONDS)) if self.limit is not None and self.limit > 0 else None

    def reserve(self, count: int, now: float) -> float:
        """Account for *count* bytes that were moved and return the seconds to wait before more may follow.

        Args:
            count: in bytes.
            now: in seconds, by a clock that all users share: an event loop's own starts anew with every loop.
        """
        if self.limit is None or self.limit <= 0:
            return 0.0
        self._free_at = max(self._free_at, now) + count / self.limit
        pause = self._free_at - now - _BURST_SECONDS
        return pause if pause >= _LEAST_SECONDS else 0.0

    async def spend(self, count: int) -> None:
        """Account for *count* bytes that were moved and sleep until more may follow. Cancellation: safe."""
        pause = self.reserve(count, time.monotonic())
        if pause:
            await anyio.sleep(pause)
        else:
            await checkpoint_if_cancelled()
