"""Readings of a transfer's progress."""

from __future__ import annotations

import pytest

from transfer._net.progress import Meter, Progress


def test_rate_is_what_this_transfer_moved_per_second() -> None:
    assert Progress(transferred=3000, total=None, seconds=2, resumed=1000).rate == 1000
    assert Progress(transferred=3000, total=None, seconds=0).rate == 0


def test_last_reading_has_everything() -> None:
    readings: list[Progress] = []
    meter = Meter(readings.append, total=500, transferred=100)
    for _ in range(4):
        meter.add(100)
    meter.finish()

    assert (readings[-1].transferred, readings[-1].total, readings[-1].resumed) == (500, 500, 100)


def test_a_meter_without_callback_only_counts() -> None:
    meter = Meter()
    meter.add(5)
    meter.finish()

    assert meter.progress.transferred == 5
    assert meter.progress.total is None


def test_an_exception_of_the_callback_reaches_the_transfer() -> None:
    def fail(_: Progress) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        Meter(fail).finish()
