"""The picture of a run: what is in it, and that it changes with the numbers only."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from benchmarks import plot
from benchmarks.model import Report, Series


def series(case: str, contestant: str, *values: float, unit: str = "MB/s") -> Series:
    return Series(case=case, contestant=contestant, unit=unit, values=values or (1.0,))


def results(*found: Series) -> dict[str, Any]:
    return {"reports": [Report(name="some", title="Title", method="", series=found).as_json()]}


COMPARED = results(
    series("row, asyncio", "transfer", 1, 2, 9),
    series("row, trio", "transfer, file", 4),
    series("row, no loop", "smtplib", 3),
)


def test_picture_takes_the_loop_from_the_case_or_from_the_contestant() -> None:
    (panel,) = plot.panels(
        results(
            series("row, asyncio", "transfer", 2),
            series("row", "transfer, default blocks, uvloop", 3),
            series("row", "smtplib", 4),
        )
    )

    assert [(dot.row, dot.contestant, dot.loop, dot.median) for dot in panel.dots] == [
        ("row", "transfer", "asyncio", 2),
        ("row", "transfer, default blocks", "uvloop", 3),
        ("row", "smtplib", "no loop", 4),
    ]


def test_picture_leaves_out_what_is_not_compared_and_what_is_no_speed() -> None:
    (panel,) = plot.panels(
        results(
            series("both, trio", "transfer"),
            series("both, trio", "smtpproto"),
            series("we alone, trio", "transfer"),
            series("they alone, trio", "smtpproto"),
            series("late, trio", "transfer", unit="ms late"),
            series("late, trio", "smtpproto", unit="ms late"),
        )
    )

    assert panel.rows == ["both"]
    assert plot.panels(results(series("late", "transfer", unit="ms late"))) == []


def test_this_library_comes_first_in_the_picture_and_plain_before_its_variants() -> None:
    (panel,) = plot.panels(
        results(
            series("row", "smtpproto"),
            series("row", "transfer, send_many"),
            series("row", "aiosmtplib"),
            series("row", "transfer"),
        )
    )

    assert panel.contestants == ["transfer", "transfer, send_many", "smtpproto", "aiosmtplib"]


def test_same_results_make_the_same_picture_and_others_another(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="in the dependency group bench")
    one, same, other = (tmp_path / name for name in ("one.svg", "same.svg", "other.svg"))
    assert plot.draw(COMPARED, one)
    assert plot.draw(COMPARED, same)
    assert plot.draw(results(series("row", "transfer", 5), series("row", "smtplib", 3)), other)

    assert one.read_bytes() == same.read_bytes() != other.read_bytes()
    text = "".join(ET.parse(one).getroot().itertext())
    assert all(word in text for word in ("Title (some)", "row", "transfer, file", "smtplib", "MB/s", "trio"))


def test_nothing_to_compare_makes_no_picture(tmp_path: Path) -> None:
    path = tmp_path / "picture.svg"

    assert not plot.draw(results(), path)
    assert not path.exists()
