"""The comparisons of a run as one picture: a panel for each benchmark, a row for each thing that is compared.

The same results give the same octets, so the picture changes in the documentation when a number does.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from benchmarks.mailing import NO_LOOP
from benchmarks.model import LOOPS, OURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# What is better; other units are not about speed.
_UNITS = {
    "messages/s": "more is better",
    "MB/s": "more is better",
    "files/s": "more is better",
    "entries/s": "more is better",
    "round trips": "fewer is better",
}
_MARKERS = {"asyncio": "o", "uvloop": "^", "trio": "s", NO_LOOP: "D"}
# By the first word of a name; a second contestant with the same is paler, and so on.
_COLOURS = {
    OURS: "#08519c",
    "aiosmtplib": "#cb181d",
    "smtpproto": "#fd8d3c",
    "smtplib": "#238b45",
    "smtp-source": "#6a51a3",
    "anyio": "#cb181d",
    "kernel": "#6a51a3",
    "aioftp": "#cb181d",
    "ftplib": "#238b45",
    "curl": "#fd8d3c",
    "lftp": "#6a51a3",
}
_OTHER_COLOUR = "#525252"
_PALER = 0.45
_WIDTH, _PANEL_HEIGHT, _ROW_HEIGHT, _NAME_HEIGHT = 8.5, 0.75, 0.5, 0.16
_DODGE = 0.7


@attrs.frozen
class Dot:
    """The median of one contestant on one loop, between the lowest and the highest."""

    row: str
    contestant: str
    loop: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)


@attrs.frozen
class Panel:
    """One benchmark; *dots* are in the order in which it was measured."""

    title: str
    unit: str
    dots: Sequence[Dot]

    @property
    def rows(self) -> list[str]:
        return list(dict.fromkeys(dot.row for dot in self.dots))

    @property
    def contestants(self) -> list[str]:
        """This library's first, the plain one before its variants; then the others in their order."""
        names = list(dict.fromkeys(dot.contestant for dot in self.dots))
        return sorted(filter(is_ours, names)) + [name for name in names if not is_ours(name)]


def is_ours(contestant: str) -> bool:
    """Whether this is the library, however it was asked."""
    return contestant.partition(", ")[0] == OURS


def panels(results: Mapping[str, Any]) -> list[Panel]:
    """Return what is to be drawn: everything in which somebody else took part beside this library."""
    found = []
    for report in results["reports"]:
        series = [each for each in report["series"] if each["unit"] in _UNITS]
        dots = [_dot(each) for each in series]
        compared = {dot.row for dot in dots if is_ours(dot.contestant)} & {
            dot.row for dot in dots if not is_ours(dot.contestant)
        }
        if compared:
            kept = [dot for dot in dots if dot.row in compared]
            found.append(Panel(f"{report['title']} ({report['name']})", series[0]["unit"], kept))
    return found


def _dot(series: Mapping[str, Any]) -> Dot:
    # The loop is the end of the case, or that of the contestant.
    row, row_loop = _without_loop(series["case"])
    contestant, loop = _without_loop(series["contestant"])
    return Dot(row, contestant, row_loop or loop or NO_LOOP, tuple(series["values"]))


def _without_loop(text: str) -> tuple[str, str]:
    before, _, last = text.rpartition(", ")
    return (before, last) if last in (*LOOPS, NO_LOOP) else (text, "")


def draw(results: Mapping[str, Any], path: Path) -> bool:
    """Write the picture to *path*, as SVG; return False, and write nothing, if there is nothing to compare."""
    found = panels(results)
    if not found:
        return False
    # Tables need no matplotlib.
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    # Room for the rows, and beside them for the names.
    heights = [
        _PANEL_HEIGHT + max(_ROW_HEIGHT * len(panel.rows), _NAME_HEIGHT * len(panel.contestants)) for panel in found
    ]
    # The salt makes the ids in the file the same each time; text stays text.
    with mpl.rc_context({"svg.hashsalt": OURS, "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(_WIDTH, sum(heights) + 0.4), layout="constrained")
        grid = figure.subplots(len(found), 1, squeeze=False, height_ratios=heights)
        for panel, (axes,) in zip(found, grid, strict=True):
            _draw_panel(axes, panel)
        loops = [Line2D([], [], marker=mark, linestyle="", color="#525252") for mark in _MARKERS.values()]
        figure.legend(loops, list(_MARKERS), loc="outside upper center", ncols=len(_MARKERS), frameon=False)
        figure.savefig(path, format="svg", facecolor="white", metadata={"Date": None, "Creator": None})
    return True


def _draw_panel(axes: Axes, panel: Panel) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    names = panel.contestants
    colours = _colours(names)
    step = _DODGE / len(names)
    heights = {}
    for dot in panel.dots:
        heights[dot] = panel.rows.index(dot.row) + step * (names.index(dot.contestant) - (len(names) - 1) / 2)
    for name in names:
        for loop, mark in _MARKERS.items():
            dots = [dot for dot in panel.dots if (dot.contestant, dot.loop) == (name, loop)]
            if dots:
                at = [heights[dot] for dot in dots]
                lowest, highest = [min(dot.values) for dot in dots], [max(dot.values) for dot in dots]
                axes.hlines(at, lowest, highest, colors=colours[name], linewidth=1)
                medians = [dot.median for dot in dots]
                axes.plot(medians, at, marker=mark, color=colours[name], markersize=5, linestyle="")
    axes.set_title(panel.title, loc="left", fontsize=10)
    axes.set_xlabel(f"{panel.unit}, {_UNITS[panel.unit]}")
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks(range(len(panel.rows)), panel.rows)
    axes.set_ylim(len(panel.rows) - 0.5, -0.5)
    axes.grid(visible=True, axis="x", color="#e0e0e0", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    handles = [Line2D([], [], color=colours[name], linewidth=4) for name in names]
    axes.legend(handles, names, loc="upper left", bbox_to_anchor=(1.01, 1.05), frameon=False, fontsize=8)


def _colours(names: Sequence[str]) -> dict[str, str]:
    from matplotlib.colors import to_hex, to_rgb

    found: dict[str, str] = {}
    shares: Counter[str] = Counter()
    for name in names:
        family = name.replace(",", " ").split()[0]
        share = (1 - _PALER) ** shares[family]
        shares[family] += 1
        red, green, blue = (1 - share * (1 - part) for part in to_rgb(_COLOURS.get(family, _OTHER_COLOUR)))
        found[name] = to_hex((red, green, blue))
    return found
