"""Count where a scenario is suspended, and do something there.

How this works: ``Stepped`` stands in for a coroutine and passes everything through between it and the event loop. Each
time the inner coroutine yields to the loop is one suspension. Tasks that the scenario starts are counted as well: on
asyncio through a task factory that wraps their coroutines, on trio through an instrument.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Callable, Coroutine, Generator, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import trio

Suspended = Callable[["Stepped | None", object], None]
"""Called at every suspension with the stand-in (None for a child on trio) and what was yielded."""


class AbandonedError(BaseException):
    """Ends a scenario that would not end by itself."""


class Stepped(Coroutine[Any, Any, Any]):
    """A coroutine that tells when it is suspended and what is thrown into it.

    *thrown* records the exceptions that came in from the loop: asyncio throws them, trio sends an Outcome.
    """

    def __init__(self, inner: Coroutine[Any, Any, Any], suspended: Suspended) -> None:
        self._inner, self._suspended = inner, suspended
        self.thrown: list[BaseException] = []
        self.value: object = None
        self.exception: BaseException | None = None
        self.ended = False
        self.abandoned = False
        self.is_scenario = False
        self.__name__ = getattr(inner, "__name__", "coroutine")
        self.__qualname__ = getattr(inner, "__qualname__", "coroutine")

    def _step(self, resume: Callable[[], object]) -> object:
        if self.abandoned:
            with contextlib.suppress(BaseException):
                self._inner.close()
            raise AbandonedError
        try:
            yielded = resume()
        except StopIteration as exc:
            self.value, self.ended = exc.value, True
            raise
        except BaseException as exc:
            self.exception, self.ended = exc, True
            raise
        self._suspended(self, yielded)
        return yielded

    def send(self, value: Any) -> Any:
        error = getattr(value, "error", None)  # outcome.Error
        if isinstance(error, BaseException):
            self.thrown.append(error)
        return self._step(lambda: self._inner.send(value))

    def throw(self, kind: Any, value: Any = None, trace: TracebackType | None = None) -> Any:
        error = value if isinstance(value, BaseException) else kind
        error = error() if isinstance(error, type) else error
        self.thrown.append(error)
        return self._step(lambda: self._inner.throw(error))

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self  # type: ignore[return-value]  # an iterator with send, throw and close is what `await` needs

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return self.send(None)

    # What inspect.getcoroutinestate() asks, and anyio through it.
    cr_running = property(lambda self: self._inner.cr_running)
    cr_suspended = property(lambda self: self._inner.cr_suspended)
    cr_frame = property(lambda self: self._inner.cr_frame)
    cr_code = property(lambda self: self._inner.cr_code)
    cr_await = property(lambda self: self._inner.cr_await)

    def where(self) -> str:
        """Where the coroutine is suspended, innermost frame last: for messages."""
        places: list[str] = []
        awaited: Any = self._inner
        while awaited is not None:
            frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
            if frame is not None:
                places.append(f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno} {frame.f_code.co_name}")
            awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
        return " → ".join(places)


_watching: contextvars.ContextVar[list[asyncio.Task[Any]] | None] = contextvars.ContextVar("watching", default=None)


@contextlib.contextmanager
def asyncio_children(suspended: Suspended) -> Iterator[tuple[contextvars.Context, list[asyncio.Task[Any]]]]:
    """Count the suspensions of tasks born, directly or not, in the context that this gives; and list them."""
    loop = asyncio.get_running_loop()
    previous = loop.get_task_factory()
    family: list[asyncio.Task[Any]] = []
    context = contextvars.copy_context()
    context.run(_watching.set, family)

    def factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> Any:
        mine = _watching.get() is family
        if mine and not isinstance(coroutine, Stepped):
            coroutine = Stepped(coroutine, suspended)
        if previous is not None:
            task = previous(loop, coroutine, **options)
        else:
            task = asyncio.Task(coroutine, loop=loop, **options)
        if isinstance(coroutine, Stepped) and coroutine.is_scenario:
            # Python 3.11's wait_for does not look at its task's exception when it is itself cancelled.
            task.add_done_callback(lambda task: task.cancelled() or task.exception())
        if mine:
            family.append(task)  # type: ignore[arg-type]  # a Future of a foreign factory has done() as well
        return task

    loop.set_task_factory(factory)
    try:
        yield context, family
    finally:
        loop.set_task_factory(previous)


@contextlib.contextmanager
def trio_children(suspended: Suspended) -> Iterator[Callable[[trio.lowlevel.Task], None]]:
    """Count the suspensions of the tasks below the one that is handed to what this gives, itself not included."""
    import trio

    roots: list[trio.lowlevel.Task] = []

    class Watcher(trio.abc.Instrument):
        def after_task_step(self, task: trio.lowlevel.Task) -> None:
            if task in roots or task.coro.cr_frame is None:  # the latter has just ended
                return
            ancestor: trio.lowlevel.Task | None = task
            while ancestor is not None and ancestor not in roots:
                nursery = ancestor.parent_nursery
                ancestor = nursery.parent_task if nursery is not None else None
            if ancestor is not None:
                suspended(None, None)

    watcher = Watcher()
    trio.lowlevel.add_instrument(watcher)
    try:
        yield roots.append
    finally:
        trio.lowlevel.remove_instrument(watcher)
