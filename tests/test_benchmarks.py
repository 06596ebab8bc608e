"""What the benchmarks make of their measurements: ratios, verdicts, tables. Nothing is measured here."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks import tables
from benchmarks.__main__ import NAMES, PAGE
from benchmarks.model import Report, Sample, Series, Target, paired_ratio, rates


def sample(seconds: float, *, cpu: float = 0.5, peak: int | None = None) -> Sample:
    return Sample(wall_seconds=seconds, cpu_seconds=cpu, peak_bytes=peak, value=None)


def target(relation: Any, wanted: float, reached: float | None) -> Target:
    return Target(what="speed", relation=relation, wanted=wanted, reached=reached)


def results(*reports: Report) -> dict[str, Any]:
    """What a run writes, read again."""
    written = {
        "date": "2030-01-02",
        "machine": {"system": "Linux", "kernel": "6.1", "processor": "Z80", "cores": 2, "architecture": "z80"},
        "versions": {"python": "cpython 3.11", "openssl": "OpenSSL 3", "transfer": "0.1"},
        "settings": {"scale": 1.0, "rounds": 3, "ram_disk": True},
        "seconds": 600,
        "reports": [report.as_json() for report in reports],
    }
    loaded: dict[str, Any] = json.loads(json.dumps(written))
    return loaded


def test_ratio_is_the_median_of_the_pairs_and_not_the_ratio_of_medians() -> None:
    """A machine that is four times as slow in the second half leaves it alone."""
    assert paired_ratio((8, 8, 2), (4, 4, 1)) == 2
    assert paired_ratio((10, 2, 30), (10, 1, 10)) == 2


def test_a_rate_counts_per_second_and_cpu_time_per_amount() -> None:
    series = rates("send", "we", [sample(2.0, cpu=0.5, peak=3 << 20)], amount=1000, unit="MB/s", cpu="s/GB")

    assert [*series.values] == [500]
    assert [*series.cpu] == [0.5]
    assert [*series.peak_mib] == [3]


@pytest.mark.parametrize(
    ("relation", "reached", "is_held"),
    [
        ("≥", 2.0, True),
        ("≥", 1.99, False),
        ("≤", 2.0, True),
        ("≤", 2.01, False),
        ("≥", None, False),
        ("≤", None, False),
    ],
)
def test_what_was_not_measured_is_not_held(relation: str, reached: float | None, is_held: bool) -> None:
    assert target(relation, 2.0, reached).is_held is is_held
    assert target(relation, 2.0, reached).as_json()["is_held"] is is_held


def test_table_shows_each_target_with_what_was_reached_and_whether_it_was_held() -> None:
    report = Report(
        name="smtp",
        title="Messages",
        method="One\n  two.",
        series=(
            Series(case="octets", contestant="transfer", unit="messages/s", values=(40, 50, 60)),
            Series(case="octets", contestant="other", unit="messages/s", values=(20, 25, 30)),
        ),
        targets=(target("≥", 2.5, 2.0), target("≥", 2.0, None), target("≤", 20, 3.0)),
        notes=("Not measured: a part.",),
    )

    text = tables.markdown(results(report))

    assert "**1 of 3 targets were held.**" in text
    assert "| speed | ≥ 2.50 × | 2.00 × | **missed** |" in text
    assert "| speed | ≥ 2.00 × | not measured | **missed** |" in text
    assert "| speed | ≤ 20.0 × | 3.00 × | held |" in text
    assert "| octets | transfer | 50.0 (40.0–60.0) |  |" in text
    assert "|  | other | 25.0 (20.0–30.0) | 2.00 × |" in text
    assert "One two." in text
    assert "Not measured: a part." in text


def test_table_replaces_what_is_between_the_markers_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{tables.BEGIN}\nold\n{tables.END}\nafter\n", encoding="utf-8")

    for text in ("new\n", "newer\n"):
        tables.put_into(page, text)

    assert page.read_text("utf-8") == f"before\n{tables.BEGIN}\n\nnewer\n\n{tables.END}\nafter\n"


def test_table_into_a_page_without_markers_is_an_error(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("text", encoding="utf-8")

    with pytest.raises(ValueError, match="marker"):
        tables.put_into(page, "new")
    assert page.read_text("utf-8") == "text"


def test_page_shows_the_picture_if_there_is_one() -> None:
    assert "](performance.svg)" in tables.markdown(results(), plot="performance.svg")
    assert ".svg" not in tables.markdown(results())


def test_documentation_names_every_benchmark_and_has_a_place_for_the_results() -> None:
    page = PAGE.read_text("utf-8")

    assert tuple(re.findall(r"^\| `(\w+)` \|", page.partition(tables.BEGIN)[0], re.MULTILINE)) == NAMES
    assert page.count(tables.BEGIN) == page.count(tables.END) == 1
