"""Drive one coroutine in a task of its own, bounded in time, whatever it does to resist."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

import anyio

from tests.harness.stepping import AbandonedError, Stepped, Suspended, asyncio_children, trio_children

if TYPE_CHECKING:
    import trio

_KICKS = 20
_KICK_SECONDS = 0.05
_ENDS = (Exception, AbandonedError, BaseExceptionGroup)  # recorded in the Stepped; trio's Cancelled goes its way


def on_asyncio() -> bool:
    """Whether the running loop is asyncio's (or uvloop's) and not trio's."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class Drive:
    """One run of *coroutine*; afterwards ``stepped`` holds what came out.

    Args:
        coroutine: what is run.
        suspended: called at each of its suspensions and its children's.
        bound_seconds: afterwards it has hung, and is ended by force.
        surround: awaits ``stepped`` in the task of the run, inside whatever it likes.
    """

    def __init__(
        self,
        coroutine: Coroutine[Any, Any, Any],
        *,
        suspended: Suspended = lambda stepped, yielded: None,
        bound_seconds: float,
        surround: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self.stepped = Stepped(coroutine, suspended)
        self.stepped.is_scenario = True
        self.scope = anyio.CancelScope()
        """Around everything in the task of the run."""
        self.task: asyncio.Task[None] | None = None
        """The task of the run, on asyncio."""
        self.hung = ""
        """Where the coroutine hung, or nothing."""
        self.tasks_left: list[str] = []
        """Tasks that outlived the run."""
        self._suspended, self._bound = suspended, bound_seconds
        self._surround = surround if surround is not None else self._plain

    async def run(self) -> None:
        """Run to the end; raises nothing that the coroutine raised."""
        await (self._run_on_asyncio() if on_asyncio() else self._run_on_trio())

    async def _plain(self) -> None:
        await self.stepped

    async def _root(self) -> None:
        # CancelledError: a native cancel() ends the task of the run, not the harness.
        with contextlib.suppress(*_ENDS, *([asyncio.CancelledError] if self.task is not None else [])), self.scope:
            await self._surround()

    # -- asyncio

    async def _run_on_asyncio(self) -> None:
        with asyncio_children(self._suspended) as (context, family):
            self.task = asyncio.get_running_loop().create_task(self._root(), context=context)
            await asyncio.wait({self.task}, timeout=self._bound)
            if not self.task.done():
                self.hung = self.stepped.where() or "nowhere"
                await self._kick_on_asyncio(self.task)
            for _ in range(3):
                await asyncio.sleep(0)
            left = [task for task in family if not task.done()]
            self.tasks_left = [repr(task) for task in left]
            for task in left:
                task.cancel()
            if left:
                await asyncio.wait(left, timeout=_KICK_SECONDS)

    async def _kick_on_asyncio(self, task: asyncio.Task[None]) -> None:
        for kick in range(_KICKS):
            self.stepped.abandoned = kick > 1
            task.cancel()
            await asyncio.wait({task}, timeout=_KICK_SECONDS)
            if task.done():
                return

    # -- trio

    async def _run_on_trio(self) -> None:
        import trio

        before = trio.lowlevel.current_statistics().tasks_living
        ended, tasks = trio.Event(), []

        with trio_children(self._suspended) as count_below:

            async def root() -> None:
                tasks.append(trio.lowlevel.current_task())
                count_below(tasks[0])
                try:
                    await self._root()
                finally:
                    ended.set()

            async with trio.open_nursery() as nursery:
                nursery.start_soon(root)
                with trio.move_on_after(self._bound):
                    await ended.wait()
                if not ended.is_set():
                    self.hung = self.stepped.where() or "nowhere"
                    await self._kick_on_trio(tasks[0], ended)
        with trio.move_on_after(_KICK_SECONDS):
            while trio.lowlevel.current_statistics().tasks_living > before:
                await trio.lowlevel.checkpoint()
        more = trio.lowlevel.current_statistics().tasks_living - before
        self.tasks_left = [f"{more} task(s) of trio"] if more > 0 else []

    async def _kick_on_trio(self, root: trio.lowlevel.Task, ended: trio.Event) -> None:
        import trio

        for kick in range(_KICKS):
            self.stepped.abandoned = kick > 1
            _unshield(root)
            self.scope.cancel()
            with trio.move_on_after(_KICK_SECONDS):
                await ended.wait()
            if ended.is_set():
                return


def _unshield(task: trio.lowlevel.Task) -> None:
    """Let cancellation through to *task* and everything below it: the only way out of a shielded wait on trio."""
    status: Any = task._cancel_status
    while status is not None:
        status._scope.shield = False
        status = status._parent
    for nursery in task.child_nurseries:
        nursery.cancel_scope.shield = False
        for child in nursery.child_tasks:
            _unshield(child)
