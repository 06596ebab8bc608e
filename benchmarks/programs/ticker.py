"""A task that wants to run every millisecond and remembers how late it came at worst."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator

import anyio

from benchmarks.programs.usage import Measured, Usage, run_on

_TICK_SECONDS = 0.001


class Lateness:
    """The longest time between two ticks, less the millisecond that it should be."""

    def __init__(self) -> None:
        self.worst_milliseconds = 0.0
        self._last = time.perf_counter()

    def tick(self) -> None:
        """Note the time; the next tick is due a millisecond from now, however late this one is."""
        now = time.perf_counter()
        self.worst_milliseconds = max(self.worst_milliseconds, (now - self._last - _TICK_SECONDS) * 1e3)
        self._last = now


@contextlib.asynccontextmanager
async def ticking_beside() -> AsyncIterator[Lateness]:
    """Let the ticker run beside the block, from its first statement to its last."""
    lateness = Lateness()

    async def tick() -> None:
        while True:
            await anyio.sleep(_TICK_SECONDS)
            lateness.tick()

    async with anyio.create_task_group() as group:
        group.start_soon(tick)
        yield lateness
        # The tick that is due and has not come counts as well.
        lateness.tick()
        group.cancel_scope.cancel()


def idle(loop: str, seconds: float) -> Measured:
    """Tick for *seconds* with nothing beside it: what the machine and the loop do by themselves."""

    async def main() -> Usage:
        usage = Usage()
        async with ticking_beside() as lateness:
            with usage:
                await anyio.sleep(seconds)
        usage.value = lateness.worst_milliseconds
        return usage

    return run_on(loop, main).sample()
