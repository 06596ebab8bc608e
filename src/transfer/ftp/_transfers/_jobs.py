"""The files of a tree, one job each, and who does them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

import anyio

__all__ = ["Job", "Jobs", "Runner", "one_by_one", "several_at_once"]

Job = Callable[[], Awaitable[None]]
Jobs = AsyncGenerator[Job, None]
Runner = Callable[[Jobs], Awaitable[None]]


async def one_by_one(jobs: Jobs) -> None:
    """Do each of *jobs* when the one before is done."""
    async with aclosing(jobs):
        async for job in jobs:
            await job()


def several_at_once(workers: int) -> Runner:
    """Return what has so many *workers* do the jobs; they are asked for when somebody can begin.

    The first error of a job, or of the iteration over them, cancels the others and is raised by itself.
    """

    async def run(jobs: Jobs) -> None:
        failures: list[Exception] = []
        sender, receiver = anyio.create_memory_object_stream[Job](0)

        async def guarded(task: Callable[[], Awaitable[None]]) -> None:
            try:
                await task()
            except Exception as exc:  # noqa: BLE001  # it is raised below, outside of the group
                failures.append(exc)
                group.cancel_scope.cancel()

        async def hand_out() -> None:
            async with sender, aclosing(jobs):
                async for job in jobs:
                    await sender.send(job)

        async def take() -> None:
            async with receiver.clone() as own:
                async for job in own:
                    await job()

        async with receiver, anyio.create_task_group() as group:
            for _ in range(workers):
                group.start_soon(guarded, take)
            group.start_soon(guarded, hand_out)
        if failures:
            raise failures[0]

    return run
