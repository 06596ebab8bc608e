"""``python -m benchmarks run [NAME ...]`` measures; ``python -m benchmarks table FILE`` publishes.

A full run publishes by itself: the documentation gets its tables and its picture.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import plot, tables
from benchmarks.children import ROOT, say
from benchmarks.machine import describe_machine, describe_versions
from benchmarks.model import Report, Settings

NAMES = (
    "data_plane",
    "ticker",
    "smtp",
    "smtp_bulk",
    "smtp_latency",
    "smtp_body",
    "ftp",
    "ftp_tree",
    "ftp_listing",
    "ftp_endurance",
    "import_time",
    "parse_linear",
)
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "explanation" / "performance.md"
PLOT = PAGE.with_suffix(".svg")
RAM_DISK = Path("/dev/shm")
ROUNDS = 5
QUICK_SCALE, QUICK_ROUNDS = 0.05, 1


def main() -> int:
    """Do what the command line says.

    Returns:
        The exit status: 0 if every target was held, 1 if one was missed or could not be measured; an error ends with
        a traceback, and status 1 as well.
    """
    options = _parser().parse_args()
    if options.command == "table":
        _publish(json.loads(options.file.read_text(encoding="utf-8")))
        return 0
    results = _measure(options.names, quick=options.quick)
    path = options.json or RESULTS / f"{datetime.now(tz=UTC):%Y-%m-%dT%H%M%S}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(tables.markdown(results))
    if not (options.names or options.quick):
        _publish(json.loads(path.read_text(encoding="utf-8")))
    say(f"wrote {path} after {results['seconds']} s; {tables.verdict(results)}")
    return 0 if results["is_held"] else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="measure; the exit status is 0 if every target was held")
    run.add_argument("names", nargs="*", metavar="NAME", help=f"which ones: {', '.join(NAMES)} (default: all)")
    run.add_argument("--json", type=Path, metavar="FILE", help="where to (default: benchmarks/results/DATE.json)")
    run.add_argument(
        "--quick", action="store_true", help="small sizes, one round: does it run? The numbers mean little"
    )
    table = commands.add_parser("table", help=f"put the results of a run into {PAGE.relative_to(ROOT)}, with a picture")
    table.add_argument("file", type=Path, metavar="FILE", help="what a run has written")
    return parser


def _measure(names: list[str], *, quick: bool) -> dict[str, Any]:
    if unknown := set(names) - set(NAMES):
        raise SystemExit(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    machine = describe_machine()
    scale, rounds = (QUICK_SCALE, QUICK_ROUNDS) if quick else (1.0, ROUNDS)
    started = time.monotonic()
    reports = []
    for name in names or NAMES:
        with tempfile.TemporaryDirectory(prefix="transfer-benchmark-", dir=_ram_disk()) as folder:
            reports.append(_run(name, Settings(scale=scale, rounds=rounds, folder=Path(folder))))
    return {
        "date": f"{datetime.now(tz=UTC):%Y-%m-%d}",
        "machine": machine,
        "versions": describe_versions(),
        "settings": {"scale": scale, "rounds": rounds, "ram_disk": _ram_disk() is not None},
        "seconds": round(time.monotonic() - started),
        "is_held": all(target.is_held for report in reports for target in report.targets),
        "reports": [report.as_json() for report in reports],
    }


def _publish(results: dict[str, Any]) -> None:
    tables.put_into(PAGE, tables.markdown(results, plot=PLOT.name if plot.draw(results, PLOT) else None))
    say(f"the results are in {PAGE}")


def _run(name: str, settings: Settings) -> Report:
    started = time.monotonic()
    report: Report = importlib.import_module(f"benchmarks.{name}").measure(settings)
    say(f"{name}: {time.monotonic() - started:.0f} s")
    return report


def _ram_disk() -> Path | None:
    return RAM_DISK if RAM_DISK.is_dir() else None


if __name__ == "__main__":
    sys.exit(main())
