"""A limit on bytes, or whatever else is counted, per second; shared by as many users as hold it."""

from __future__ import annotations

import time
from collections.abc import Sized

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

__all__ = ["Throttle"]

# How far the budget may run ahead of the clock: short enough for a steady flow, long enough to sleep rarely.
_BURST_SECONDS = 0.1
# A shorter sleep costs more than it brings; the account keeps the debt.
_LEAST_SECONDS = 0.001


class Throttle:
    """A token bucket: ``limit`` bytes per second over all users together; may be changed at any time.

    Transfers that are not limited are given no throttle at all, so that they do not even ask.

    Args:
        limit: bytes per second; None, or a number not above 0, is no limit.
        reset_rate: kept for programs that give it; the account needs no rounding.
    """

    __slots__ = ("_free_at", "_limit", "reset_rate")

    def __init__(self, *, limit: float | None = None, reset_rate: float = 10) -> None:
        self._limit: float | None = limit
        self.reset_rate: float = reset_rate
        self._free_at = 0.0

    def __repr__(self) -> str:
        return f"{type(self).__name__}(limit={self._limit!r}, reset_rate={self.reset_rate!r})"

    @property
    def limit(self) -> float | None:
        """Bytes per second; setting it begins a new account."""
        return self._limit

    @limit.setter
    def limit(self, value: float | None) -> None:
        self._limit = value
        self._free_at = 0.0

    def clone(self) -> Throttle:
        """Return a throttle with the same limit and an account of its own."""
        return Throttle(limit=self._limit, reset_rate=self.reset_rate)

    @property
    def block_bytes(self) -> int | None:
        """How many bytes to move between two calls of :meth:`reserve` for a steady flow; None when not limited."""
        return max(1, int(self._limit * _BURST_SECONDS)) if self._limit is not None and self._limit > 0 else None

    def reserve(self, count: int, now: float) -> float:
        """Account for *count* bytes that were moved and return the seconds to wait before more may follow.

        Args:
            count: in bytes.
            now: in seconds, by a clock that all users share: an event loop's own starts anew with every loop.
        """
        if self._limit is None or self._limit <= 0:
            return 0.0
        self._free_at = max(self._free_at, now) + count / self._limit
        pause = self._free_at - now - _BURST_SECONDS
        return pause if pause >= _LEAST_SECONDS else 0.0

    async def spend(self, count: int) -> None:
        """Account for *count* bytes that were moved and sleep until more may follow. Cancellation: safe."""
        pause = self.reserve(count, time.monotonic())
        if pause:
            await anyio.sleep(pause)
        else:
            await checkpoint_if_cancelled()

    # -- as programs call it -----------------------------------------------------------------------------------------

    async def wait(self) -> None:
        """Sleep until more bytes may be moved. Cancellation: safe."""
        await self.spend(0)

    def append(self, data: Sized, start: float) -> None:
        """Account for *data* that was moved.

        Args:
            data: counted, not looked at.
            start: when the move began, by the event loop's clock; the time that it took is not waited for again.
        """
        if self._limit is None or self._limit <= 0:
            return
        elapsed = max(0.0, anyio.current_time() - start)
        self.reserve(len(data), time.monotonic() - elapsed)
