"""A limit on bytes per second, shared by as many transfers as hold it."""

from __future__ import annotations

import anyio

__all__ = ["Throttle"]

# How far the budget may run ahead of the clock: short enough for a steady flow, long enough to sleep rarely.
_BURST_SECONDS = 0.1


class Throttle:
    """A token bucket: ``limit`` bytes per second over all users together, None for no limit; may be changed at any time.

    Transfers that are not limited are given no throttle at all, so that they do not even ask.
    """

    __slots__ = ("_free_at", "limit")

    def __init__(self, limit: float | None = None) -> None:
        self.limit = limit
        self._free_at = 0.0

    @property
    def block_bytes(self) -> int | None:
        """How many bytes to move between two calls of :meth:`spend` for a steady flow; None when not limited."""
        return None if not self.limit else max(1, int(self.limit * _BURST_SECONDS))

    async def spend(self, count: int) -> None:
        """Account for *count* bytes that were moved and sleep until more may follow. Cancellation: safe."""
        if not self.limit:
            return
        now = anyio.current_time()
        self._free_at = max(self._free_at, now) + count / self.limit
        ahead = self._free_at - now
        if ahead > _BURST_SECONDS:
            await anyio.sleep(ahead - _BURST_SECONDS)
