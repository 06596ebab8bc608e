"""How far a transfer has come."""

from __future__ import annotations

import time
from collections.abc import Callable

import attrs

__all__ = ["Meter", "Progress", "ProgressCallback"]

# Often enough for a smooth bar, rarely enough to cost nothing.
_REPORT_SECONDS = 0.05


@attrs.frozen(kw_only=True)
class Progress:
    """One reading: ``transferred`` of ``total`` bytes (None where unknown) after ``seconds``.

    ``resumed`` of the transferred bytes were there before this transfer began.
    """

    transferred: int
    total: int | None
    seconds: float
    resumed: int = 0

    @property
    def rate(self) -> float:
        """Bytes per second since this transfer began."""
        return (self.transferred - self.resumed) / self.seconds if self.seconds > 0 else 0.0


ProgressCallback = Callable[[Progress], object]


class Meter:
    """Counts the bytes of one transfer and tells *callback* about 20 times a second, and once at the end.

    Args:
        callback: a plain function, called in the transferring task; an exception of it ends the transfer.
        total: the expected number of bytes.
        transferred: bytes that were there before, for a transfer that is resumed.
    """

    __slots__ = ("_callback", "_reported", "_resumed", "_started", "failure", "total", "transferred")

    def __init__(
        self, callback: ProgressCallback | None = None, *, total: int | None = None, transferred: int = 0
    ) -> None:
        self.transferred = transferred
        self.total = total
        self.failure: BaseException | None = None
        """What *callback* has raised, so that it can be told from what the transfer itself does."""
        self._resumed = transferred
        self._callback = callback
        self._started = self._reported = time.perf_counter()

    @property
    def progress(self) -> Progress:
        """The reading at this moment."""
        seconds = time.perf_counter() - self._started
        return Progress(transferred=self.transferred, total=self.total, seconds=seconds, resumed=self._resumed)

    def add(self, count: int) -> None:
        """Account for *count* more bytes."""
        self.transferred += count
        if self._callback is not None and time.perf_counter() - self._reported >= _REPORT_SECONDS:
            self._report(self._callback)

    def finish(self) -> None:
        """Give the last reading."""
        if self._callback is not None:
            self._report(self._callback)

    def _report(self, callback: ProgressCallback) -> None:
        self._reported = time.perf_counter()
        try:
            callback(self.progress)
        except BaseException as exc:
            self.failure = exc
            raise
