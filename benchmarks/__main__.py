"""``python -m benchmarks [NAME ...] [--json FILE]``: run the benchmarks, print tables, write one JSON file."""

from __future__ import annotations

import argparse
import importlib
import json
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import plot, tables
from benchmarks.children import ROOT, say
from benchmarks.machine import describe_machine, describe_versions
from benchmarks.model import Report, Settings, Skip

NAMES = ("data_plane", "ticker", "smtp", "import_time", "parse_linear")
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "explanation" / "performance.md"
PICTURE = PAGE.with_suffix(".svg")
RAM_DISK = Path("/dev/shm")
_QUICK_SCALE = 0.05


def main() -> None:
    """Do what the command line says; the exit status tells of errors, never of speed."""
    options = _parser().parse_args()
    if options.render:
        results = json.loads(options.render.read_text(encoding="utf-8"))
    else:
        results = _measure(options)
        path = options.json or RESULTS / f"{datetime.now(tz=UTC):%Y-%m-%dT%H%M%S}.json"
        _write(path, results)
        say(f"wrote {path}")
    print(tables.markdown(results))
    if options.publish:
        _publish(results)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Run benchmarks; nothing passes or fails."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which ones: {', '.join(NAMES)} (default: all)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to (default: benchmarks/results/DATE.json)")
    parser.add_argument("--rounds", type=int, default=3, help="counted rounds (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="small sizes: does it run? The numbers mean little")
    parser.add_argument("--render", type=Path, metavar="FILE", help="measure nothing, show the results in FILE")
    parser.add_argument(
        "--publish", action="store_true", help="make these the results in the documentation and in latest.json"
    )
    return parser


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    names = options.names or NAMES
    if unknown := set(names) - set(NAMES):
        raise SystemExit(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    machine = describe_machine()
    scale = _QUICK_SCALE if options.quick else 1.0
    started = time.monotonic()
    reports = []
    for name in names:
        with tempfile.TemporaryDirectory(prefix="transfer-benchmark-", dir=_ram_disk()) as folder:
            report = _run(name, Settings(scale=scale, rounds=options.rounds, folder=Path(folder)))
        reports.append(report.as_json())
    return {
        "date": f"{datetime.now(tz=UTC):%Y-%m-%d}",
        "machine": machine,
        "versions": describe_versions(),
        "settings": {"scale": scale, "rounds": options.rounds, "ram_disk": _ram_disk() is not None},
        "seconds": round(time.monotonic() - started),
        "reports": reports,
    }


def _run(name: str, settings: Settings) -> Report:
    module = importlib.import_module(f"benchmarks.{name}")
    try:
        report: Report = module.measure(settings)
    except Skip as skip:
        say(f"{name}: skipped, {skip}")
        return Report(name=name, title=name, method=module.__doc__ or "", skipped=(str(skip),))
    return report


def _ram_disk() -> Path | None:
    return RAM_DISK if RAM_DISK.is_dir() else None


def _write(path: Path, results: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _publish(results: dict[str, Any]) -> None:
    _write(RESULTS / "latest.json", results)
    drawn = plot.draw(results, PICTURE)
    tables.put_into(PAGE, tables.markdown(results))
    say(f"published in {PAGE}" + ("" if drawn else "; no picture was drawn"))


main()
