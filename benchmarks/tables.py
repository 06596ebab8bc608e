"""Results as Markdown, for the terminal and for the documentation."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.model import paired_ratio

BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"
_Row = Sequence[str]
_Json = Mapping[str, Any]


def markdown(results: _Json, plot: str | None = None) -> str:
    """Return everything as Markdown: the machine and the verdict, all targets, then each benchmark's numbers.

    Args:
        plot: the name of a picture to show at the top.
    """
    parts = [_preamble(results), f"**{verdict(results).capitalize()}.**"]
    parts += [f"![Everybody's medians, from the lowest to the highest of the rounds]({plot})"] if plot else []
    reports = [report for report in results["reports"] if report["targets"]]
    parts += [f"### Targets: {report['name']}\n\n{_targets_table(report['targets'])}" for report in reports]
    for report in results["reports"]:
        parts.append(f"### {report['title']}\n\n`{report['name']}`: {_one_line(report['method'])}")
        if report["series"]:
            parts.append(_series_table(report["series"]))
        parts += report["notes"]
    return "\n\n".join(parts) + "\n"


def verdict(results: _Json) -> str:
    """Return how many of the targets were held, in words."""
    held = [target["is_held"] for report in results["reports"] for target in report["targets"]]
    return f"{sum(held)} of {len(held)} targets were held"


def put_into(page: Path, text: str) -> None:
    """Replace what is between the markers of *page* by *text*.

    Raises:
        ValueError: *page* lacks a marker.
    """
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} lacks a marker")
    page.write_text(f"{before}{begin}\n\n{text}\n{end}{after}", encoding="utf-8")


def _preamble(results: _Json) -> str:
    machine, versions, settings = results["machine"], results["versions"], results["settings"]
    names = ", ".join(f"{name} {version}" for name, version in versions.items() if name not in ("python", "openssl"))
    machine_text = (
        f"{machine['system']} {machine['kernel']}, {machine['processor']} ({machine['cores']} cores, "
        f"{machine['architecture']})"
    )
    parts = [
        f"Measured on {results['date']}, in {results['seconds'] / 60:.0f} minutes.",
        f"{machine_text}; {versions['python']} with {versions['openssl']}; {names}.",
        f"Medians of {settings['rounds']} rounds where nothing else is said, the lowest and the highest in brackets.",
    ]
    if settings["scale"] != 1:
        parts.append(f"Sizes were reduced to {settings['scale']:g} of the full ones.")
    if not settings["ram_disk"]:
        parts.append("There was no RAM disk.")
    return " ".join(parts)


def _one_line(docstring: str) -> str:
    return " ".join(docstring.split())


def _targets_table(targets: Sequence[_Json]) -> str:
    rows = [
        (
            each["what"],
            f"{each['relation']} {_number(each['wanted'])} {each['unit']}",
            "not measured" if each["reached"] is None else f"{_number(each['reached'])} {each['unit']}",
            "held" if each["is_held"] else "**missed**",
        )
        for each in targets
    ]
    return _table(("what", "target", "reached", ""), rows)


def _series_table(series: Sequence[_Json]) -> str:
    """Return the numbers; where they are speeds, also how many times as fast the first of each case is."""
    unit = series[0]["unit"]
    cpu_unit = next((each["cpu_unit"] for each in series if each["cpu"]), "")
    has_peak = any(each["peak_mib"] for each in series)
    head = ["", "", unit]
    head += ["the first is … as fast"] if unit.endswith("/s") else []
    head += [f"CPU {cpu_unit}"] if cpu_unit else []
    head += ["peak MiB"] if has_peak else []
    rows: list[_Row] = []
    for case, group in groupby(series, key=lambda each: each["case"]):
        first, *others = group
        for each in (first, *others):
            row = [case if each is first else "", each["contestant"], _spread(each["values"])]
            if unit.endswith("/s"):
                row.append("" if each is first else f"{_number(paired_ratio(first['values'], each['values']))} ×")
            if cpu_unit:
                row.append(_number(statistics.median(each["cpu"])) if each["cpu"] else "")
            if has_peak:
                row.append(_number(max(each["peak_mib"])) if each["peak_mib"] else "")
            rows.append(row)
    return _table(head, rows)


def _spread(values: Sequence[float]) -> str:
    middle = _number(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({_number(min(values))}–{_number(max(values))})"


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _table(head: _Row, rows: Sequence[_Row]) -> str:
    lines = [head, ["---"] * 2 + ["---:"] * (len(head) - 2), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
