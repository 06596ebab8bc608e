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

    __slots__ = ("_callback", "_failure", "_reported", "_resumed", "_started", "_whole", "total", "transferred")

    def __init__(
        self, callback: ProgressCallback | None = None, *, total: int | None = None, transferred: int = 0
    ) -> None:
        self.transferred = transferred
        self.total = total
        self._failure: BaseException | None = None
        self._whole: Meter | None = None
        self._resumed = transferred
        self._callback = callback
        self._started = self._reported = time.perf_counter()

    @property
    def progress(self) -> Progress:
        """The reading at this moment."""
        seconds = time.perf_counter() - self._started
        return Progress(transferred=self.transferred, total=self.total, seconds=seconds, resumed=self._resumed)

    @property
    def failure(self) -> BaseException | None:
        """What *callback* has raised, so that it can be told from what the transfer itself does."""
        return self._failure if self._whole is None else self._whole.failure

    def part(self) -> Meter:
        """Return a meter that begins at 0 and whose bytes count here, too: that of one file of several."""
        part = Meter()
        part._whole = self
        return part

    def add(self, count: int) -> None:
        """Account for *count* more bytes."""
        self.transferred += count
        if self._whole is not None:
            self._whole.add(count)
        elif self._callback is not None and time.perf_counter() - self._reported >= _REPORT_SECONDS:
            self._report(self._callback)

    def add_present(self, count: int) -> None:
        """Account for *count* bytes that were there before: they count as transferred, and not as fast."""
        self.transferred += count
        self._resumed += count
        if self._whole is not None:
            self._whole.add_present(count)

    def begin_anew(self) -> None:
        """Forget all bytes: what they belong to is begun again, or judged again by what is there."""
        if self._whole is not None:
            self._whole.transferred -= self.transferred
            self._whole._resumed -= self._resumed
        self.transferred = self._resumed = 0

    def finish(self) -> None:
        """Give the last reading."""
        if self._callback is not None:
            self._report(self._callback)

    def _report(self, callback: ProgressCallback) -> None:
        self._reported = time.perf_counter()
        try:
            callback(self.progress)
        except BaseException as exc:
            self._failure = exc
            raise
