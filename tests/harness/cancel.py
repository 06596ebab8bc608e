"""Cancel a scenario at every point where it is suspended, one point per run, in every way there is.

    sweep = await cancel_everywhere(lambda channel: channel.exchange(NOOP), around=connected, check=broken_or_in_step)

The runs of one mode: cancelled before the first step (point 0), at the first suspension, at the second …, until a run
comes to its end untouched, and none was suspended more often than that. What each run is held to is in
``cancel_everywhere``.
"""

from __future__ import annotations

import asyncio
import enum
import gc
import inspect
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import anyio
import attrs

from tests.harness.drive import Drive, on_asyncio
from tests.harness.leaks import LeakWatch
from tests.harness.stepping import Stepped


class Mode(enum.Enum):
    """How a run is cancelled. On trio there is only SCOPE."""

    SCOPE = "anyio.CancelScope.cancel()"
    """On asyncio this cancels again at every turn of the loop until the scope ends."""
    NATIVE = "task.cancel()"
    """Pierces shielded scopes."""
    DOUBLE = "task.cancel() twice"
    """The second one comes at each of the first suspensions of the clean-up in turn."""
    WAIT_FOR = "asyncio.wait_for"
    """``wait_for`` under an ``asyncio.timeout`` that expires at the point."""
    LATE = "task.cancel() after the result"
    """What was waited for has happened already, and its result is lost."""


MODES = (Mode.SCOPE, Mode.NATIVE, Mode.DOUBLE, Mode.WAIT_FOR)
ALL_MODES = tuple(Mode)
_REASON = "requested by the harness"


@attrs.define(eq=False)
class Outcome:
    """One run, as ``check`` sees it."""

    mode: Mode
    point: int | None
    """The suspension at which it was to be cancelled; 0: before the first step; None: not at all."""
    subject: Any = None
    """What ``around`` gave."""
    touched: bool = False
    """The cancellation was requested: the scenario came as far as *point*."""
    landed: bool = False
    """It was raised inside the scenario."""
    where: str = ""
    """Where the scenario was suspended then."""
    value: Any = None
    exception: BaseException | None = None
    """What came out of the scenario."""
    cancelled: bool = False
    """*exception* is the backend's cancellation."""


@attrs.frozen
class Sweep:
    """What a harness did; ``points`` is the most that an undisturbed run counted."""

    points: int
    runs: int


class _Run:
    """Counts one run's suspensions and requests its cancellation."""

    def __init__(self, mode: Mode, point: int | None, second: int) -> None:
        self.mode, self.point, self.second = mode, point, second
        self.count = self.since = self.requests = self.before = 0
        self.where = ""
        self.drive: Drive | None = None
        self.limit: asyncio.Timeout | None = None

    def suspended(self, stepped: Stepped | None, yielded: object) -> None:
        assert self.drive is not None
        if self.drive.hung:
            return
        self.count += 1
        if self.requests == 0 and self.count == self.point:
            self.request(stepped, yielded)
        elif self.mode is Mode.DOUBLE and self.requests == 1 and self.landed():
            self.since += 1
            if self.since == self.second:
                self.request(stepped, yielded)

    def request(self, stepped: Stepped | None, yielded: object) -> None:
        assert self.drive is not None
        self.requests += 1
        if self.requests == 1:
            self.before = len(self.drive.stepped.thrown)
            self.where = " and ".join(one.where() for one in {self.drive.stepped, stepped} if one is not None)
        if self.mode is Mode.SCOPE:
            self.drive.scope.cancel(_REASON)
            return
        task = self.drive.task
        assert task is not None
        if self.mode is Mode.WAIT_FOR:
            assert self.limit is not None
            self.limit.reschedule(asyncio.get_running_loop().time())
        elif self.mode is Mode.LATE and isinstance(yielded, asyncio.Future):
            # Called before the task's own callback, so the result is there and the task does not have it.
            yielded.add_done_callback(lambda _: task.cancel())
        else:
            task.cancel()

    async def surround(self) -> None:
        assert self.drive is not None
        if self.mode is Mode.WAIT_FOR:
            async with asyncio.timeout(None) as self.limit:
                self.request_first()
                await asyncio.wait_for(self.drive.stepped, 3600)
        else:
            self.request_first()
            await self.drive.stepped

    def request_first(self) -> None:
        if self.point == 0:
            self.request(None, None)

    def landed(self) -> bool:
        """Whether our cancellation, not one of the scenario's own scopes, was raised inside the scenario."""
        assert self.drive is not None
        return self.requests > 0 and any(self._is_ours(error) for error in self.drive.stepped.thrown[self.before :])

    def _is_ours(self, error: BaseException) -> bool:
        assert self.drive is not None
        if not isinstance(error, anyio.get_cancelled_exc_class()):
            return False
        if self.mode is Mode.SCOPE:
            # Before 0.31 trio kept no reasons.
            return _REASON in str(error) or not (on_asyncio() or hasattr(error, "reason"))
        return not str(error).startswith("Cancelled via cancel scope")

    def outcome(self, subject: Any) -> Outcome:
        assert self.drive is not None
        stepped = self.drive.stepped
        cancelled = isinstance(stepped.exception, anyio.get_cancelled_exc_class())
        return Outcome(
            self.mode,
            self.point,
            subject,
            touched=self.requests > 0,
            landed=self.landed(),
            where=self.where,
            value=stepped.value,
            exception=stepped.exception,
            cancelled=cancelled,
        )


Check = Callable[[Outcome], Awaitable[None] | None]


@attrs.frozen(kw_only=True)
class _Rules:
    """What every run is held to."""

    scenario: Callable[..., Awaitable[Any]]
    around: Callable[[], AbstractAsyncContextManager[Any]] | None
    check: Check | None
    allowed: tuple[type[BaseException], ...]
    checkpoints: bool
    bound_seconds: float
    settle_seconds: float

    async def run(self, mode: Mode, point: int | None, second: int = 0) -> _Run:
        """Run once; AssertionError where a rule is broken, with a note that says which run it was."""
        run = _Run(mode, point, second)
        try:
            with LeakWatch(self.settle_seconds) as watch:
                # Twice, because a hang of the scenario is found and ended within.
                with anyio.move_on_after(2 * self.bound_seconds + 5) as guard:
                    await self._in_setting(run)
                assert not guard.cancelled_caught, "hang: in the set-up, the check or the clean-up"
                assert run.drive is not None
                problems = await watch.problems() + [f"a task was left: {task}" for task in run.drive.tasks_left]
            assert not problems, "\n".join(problems)
        except BaseException as exc:
            exc.add_note(_describe(run))
            raise
        return run

    async def _in_setting(self, run: _Run) -> None:
        if self.around is None:
            await self._play(run, None, self.scenario)
        else:
            async with self.around() as subject:
                await self._play(run, subject, lambda: self.scenario(subject))

    async def _play(self, run: _Run, subject: Any, scenario: Callable[[], Awaitable[Any]]) -> None:
        awaitable = scenario()
        coroutine = awaitable if inspect.iscoroutine(awaitable) else _as_coroutine(awaitable)
        run.drive = Drive(coroutine, suspended=run.suspended, bound_seconds=self.bound_seconds, surround=run.surround)
        await run.drive.run()
        assert not run.drive.hung, f"hang: no end within {self.bound_seconds} s, at {run.drive.hung}"
        outcome = run.outcome(subject)
        self.judge(outcome)
        if self.check is not None:
            result = self.check(outcome)
            if inspect.isawaitable(result):
                await result

    def judge(self, outcome: Outcome) -> None:
        """Hold one run's end against the rules."""
        error = outcome.exception
        assert not isinstance(error, BaseExceptionGroup), f"an ExceptionGroup came out: {error!r}"
        if outcome.cancelled:
            assert outcome.touched, "a cancellation came out that nobody had requested"
        elif error is not None:
            if not outcome.touched:
                raise AssertionError(f"nothing was cancelled, and still came {error!r}") from error
            if not isinstance(error, self.allowed):
                raise AssertionError(f"in place of the cancellation came {error!r}") from error
        else:
            assert not outcome.landed, "the cancellation was swallowed"
            # On asyncio a native cancel always lands where there is a suspension at all.
            entered_cancelled = outcome.point == 0 and outcome.mode is Mode.SCOPE and self.checkpoints
            assert not entered_cancelled, "entered with the scope cancelled, it ran to its end without a checkpoint"


async def _as_coroutine(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def _describe(run: _Run) -> str:
    if run.point is None:
        return "cancel_everywhere: in the undisturbed run"
    place = f"at suspension {run.point}" if run.point else "before the first step"
    second = f", and again {run.since} suspension(s) later" if run.requests > 1 else ""
    return f"cancel_everywhere: {run.mode.value} {place}{second}" + (f", at {run.where}" if run.where else "")


async def cancel_everywhere(
    scenario: Callable[..., Awaitable[Any]],
    *,
    check: Check | None = None,
    around: Callable[[], AbstractAsyncContextManager[Any]] | None = None,
    modes: Sequence[Mode] = MODES,
    allowed: tuple[type[BaseException], ...] = (),
    checkpoints: bool = True,
    bound_seconds: float = 5.0,
    settle_seconds: float = 1.0,
    clean_up_points: int = 4,
    limit: int = 2_000,
) -> Sweep:
    """Run *scenario* undisturbed, then cancelled at each of its suspensions in turn, on the running event loop.

    Every run is held to: an end within *bound_seconds*; the cancellation coming out, or a normal end if it was not
    raised inside; no other exception than *allowed*, never an ExceptionGroup; no task, descriptor or ResourceWarning
    left.

    Args:
        scenario: makes fresh objects and awaits public coroutines; called with what *around* gives, if there is one.
            Undisturbed it comes to an end without exception.
        check: called after every run, inside *around*; may be a coroutine function.
        around: sets up and clears away without being cancelled itself: a peer, a connected channel.
        modes: see Mode; those that the event loop does not know are left out.
        allowed: exceptions that may come out in place of the cancellation.
        checkpoints: entered with its scope cancelled, the scenario has to raise; false for what closes things.
        bound_seconds: longer is a hang, which is ended by force and reported.
        settle_seconds: how long a descriptor may outlive its run before it counts as left.
        clean_up_points: at how many suspensions of the clean-up the second cancel of DOUBLE is tried.
        limit: suspensions after which the scenario is taken to be endless.

    Raises:
        AssertionError: a rule was broken; a note says in which run, and where the scenario was suspended.
    """
    gc.collect()  # what earlier tests dropped is not this scenario's
    rules = _Rules(
        scenario=scenario,
        around=around,
        check=check,
        allowed=allowed,
        checkpoints=checkpoints,
        bound_seconds=bound_seconds,
        settle_seconds=settle_seconds,
    )
    points, runs = (await rules.run(Mode.SCOPE, None)).count, 1
    for mode in modes if on_asyncio() else [mode for mode in modes if mode is Mode.SCOPE]:
        for point in range(limit):
            run = first = await rules.run(mode, point, 1)
            runs += 1
            while run.requests > 1 and run.second < clean_up_points:
                run = await rules.run(mode, point, run.second + 1)
                runs += 1
            if not first.requests:
                # A faster peer makes fewer suspensions: one short run is not yet the end.
                points = max(points, first.count)
                if point > points:
                    break
        else:
            raise AssertionError(f"the scenario was suspended more than {limit} times")
    with LeakWatch(settle_seconds) as watch:
        gc.collect()
        problems = await watch.problems()
    assert not problems, "\n".join(problems)
    return Sweep(points, runs)
