"""Wall time, CPU time and peak memory of a part of this process."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

Measured = dict[str, float | int | None]
"""One turn's ``benchmarks.model.Sample``, which the processes do not import."""

_T = TypeVar("_T")
_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


class Usage:
    """Create it in the idle process, enter it around what is to be measured, ask it for the sample."""

    def __init__(self) -> None:
        self.value: float | None = None
        self.cpu_seconds = self._wall = 0.0
        gc.collect()
        self._idle_bytes = _reset_peak()
        self._peak_bytes: int | None = None

    def __enter__(self) -> Self:
        self.cpu_seconds = time.process_time()
        self._wall = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._wall = time.perf_counter() - self._wall
        self.cpu_seconds = time.process_time() - self.cpu_seconds
        peak = _peak_bytes()
        if peak is not None and self._idle_bytes is not None:
            self._peak_bytes = max(0, peak - self._idle_bytes)

    def sample(self) -> Measured:
        """Return the measurements."""
        return {
            "wall_seconds": self._wall,
            "cpu_seconds": self.cpu_seconds,
            "peak_bytes": self._peak_bytes,
            "value": self.value,
        }


def _reset_peak() -> int | None:
    """Forget the peak so far and return the resident size; where neither works, the peak so far."""
    try:
        # proc(5): "To reset the peak resident set size ("high water mark") to the process's current …, write 5".
        _CLEAR.write_text("5", encoding="ascii")
    except OSError:
        return _peak_bytes()
    return _status("VmRSS")


def _peak_bytes() -> int | None:
    if _STATUS.exists():
        return _status("VmHWM")
    if sys.platform == "win32":
        return None
    import resource

    # Kilobytes everywhere but on macOS.
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _status(key: str) -> int | None:
    for line in _STATUS.read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == key:
            return int(value.split()[0]) * 1024
    return None


def run_on(loop: str, main: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
    """Run *main* on "asyncio", "uvloop" or "trio" and return what it returns."""
    import anyio

    options: dict[str, Any] = {"use_uvloop": True} if loop == "uvloop" else {}
    return anyio.run(main, backend="trio" if loop == "trio" else "asyncio", backend_options=options)


def run_on_asyncio(loop: str, main: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
    """Run *main* on "asyncio" or "uvloop", for those who do without anyio."""
    import asyncio

    factory = None
    if loop == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main())
