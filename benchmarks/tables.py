"""Results as Markdown, for the terminal and for the documentation."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"
_Row = Sequence[str]
_Json = Mapping[str, Any]


def markdown(results: _Json) -> str:
    """Return everything as Markdown: machine, then for each benchmark its targets and its numbers."""
    parts = [_preamble(results)]
    for report in results["reports"]:
        parts.append(f"## {report['title']}\n\n`{report['name']}`: {_method(report['method'])}")
        if report["targets"]:
            parts.append(_targets_table(report["targets"]))
        if report["series"]:
            parts.append(_series_table(report["series"]))
        parts += [f"Left out: {reason}." for reason in report["skipped"]]
    return "\n\n".join(parts) + "\n"


def put_into(page: Path, text: str) -> None:
    """Replace what is between the markers of *page* by *text*.

    Raises:
        ValueError: *page* lacks a marker.
    """
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has no markers")
    page.write_text(f"{before}{begin}\n\n{text}\n{end}{after}", encoding="utf-8")


def _preamble(results: _Json) -> str:
    machine, versions, settings = results["machine"], results["versions"], results["settings"]
    names = ", ".join(f"{name} {version}" for name, version in versions.items() if name not in ("python", "openssl"))
    size = "" if settings["scale"] == 1 else f" Sizes were reduced to {settings['scale']:g} of the full ones."
    return (
        f"Measured on {results['date']}: {versions['python']} with {versions['openssl']}, {machine['system']} "
        f"{machine['kernel']}, {machine['processor']} ({machine['cores']} cores, {machine['architecture']}); {names}. "
        f"Medians of {settings['rounds']} rounds, the lowest and the highest in brackets.{size}"
    )


def _method(docstring: str) -> str:
    head, _, rest = docstring.strip().partition("\n\n")
    return " ".join(f"{head}\n{rest}".split())


def _targets_table(targets: Sequence[_Json]) -> str:
    rows = [
        (
            each["what"],
            f"{each['relation']} {_number(each['wanted'])} {each['unit']}",
            f"{_number(each['reached'])} {each['unit']}",
            "yes" if each["is_met"] else "no",
        )
        for each in targets
    ]
    return _table(("target", "wanted", "reached", "met"), rows)


def _series_table(series: Sequence[_Json]) -> str:
    unit = series[0]["unit"]
    cpu_unit = next((each["cpu_unit"] for each in series if each["cpu"]), "")
    has_peak = any(each["peak_mib"] for each in series)
    head = ["", "", unit, *([f"CPU {cpu_unit}"] if cpu_unit else []), *(["peak MiB"] if has_peak else [])]
    rows: list[_Row] = []
    for case, group in groupby(series, key=lambda each: each["case"]):
        for number, each in enumerate(group):
            row = ["" if number else case, each["contestant"], _spread(each["values"])]
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
