"""A picture of the data plane and of the mails, if matplotlib is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.model import LOOPS, OURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_Json = Mapping[str, Any]
_PANELS = ("send, plain", "receive, plain", "send, TLS 1.3", "receive, TLS 1.3")
_OUR_COLOUR, _OTHER_COLOURS = "#00695c", ("#90a4ae", "#cfd8dc")
_BAR_HEIGHT = 0.27


def draw(results: _Json, path: Path) -> bool:
    """Write an SVG to *path*; return False where matplotlib is missing or the results lack the numbers."""
    reports = {report["name"]: report for report in results["reports"]}
    if "data_plane" not in reports or "smtp" not in reports or not reports["smtp"]["series"]:
        return False
    try:
        import matplotlib as mpl
    except ImportError:
        return False
    mpl.use("svg")
    # The same numbers make the same file.
    mpl.rcParams.update({"svg.hashsalt": OURS, "svg.fonttype": "none", "font.size": 9})
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 8), layout="constrained")
    axes = figure.subplots(3, 2)
    panels: list[Axes] = list(axes.flat)
    for panel, case in zip(panels, _PANELS, strict=False):
        _draw_loops(panel, case, reports["data_plane"]["series"])
    _draw_list(panels[4], "2 kB messages, one connection (messages/s)", reports["smtp"]["series"])
    panels[0].legend(fontsize=8)
    panels[5].axis("off")
    figure.savefig(path, format="svg", metadata={"Date": None})
    return True


def _draw_loops(panel: Axes, case: str, series: Sequence[_Json]) -> None:
    names = list(dict.fromkeys(each["contestant"] for each in series))
    for number, name in enumerate(names):
        medians = [_median(series, f"{case}, {loop}", name) for loop in LOOPS]
        places = [row + (number - 1) * _BAR_HEIGHT for row in range(len(LOOPS))]
        colour = _OUR_COLOUR if name == OURS else _OTHER_COLOURS[(number - 1) % 2]
        panel.barh(places, medians, height=_BAR_HEIGHT, color=colour, label=name)
    panel.set_yticks(range(len(LOOPS)), LOOPS)
    _finish(panel, f"{case} (MB/s)")


def _draw_list(panel: Axes, title: str, series: Sequence[_Json]) -> None:
    names = [each["contestant"] for each in series]
    colours = [_OUR_COLOUR if name.startswith(OURS) else _OTHER_COLOURS[0] for name in names]
    panel.barh(names, [each["median"] for each in series], color=colours)
    _finish(panel, title)


def _finish(panel: Axes, title: str) -> None:
    panel.invert_yaxis()
    panel.set_title(title, fontsize=9)
    panel.spines[["top", "right"]].set_visible(False)


def _median(series: Sequence[_Json], case: str, contestant: str) -> float:
    found = (each["median"] for each in series if (each["case"], each["contestant"]) == (case, contestant))
    return float(next(found, 0.0))
