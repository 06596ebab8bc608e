"""``import transfer`` in a fresh interpreter, against what it stands on: ``import anyio, attrs, ssl, email.message``.

Measured: the time of the import statement alone, byte code cached; beside it that of each of the two protocol packages.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from typing import cast

from benchmarks.children import ROOT, say, take_turns
from benchmarks.model import OURS, Contestant, Report, Sample, Series, Settings, Target, paired_ratio

BASE = "anyio, attrs, ssl, email.message"
WANTED_RATIO = 1.5
_TURNS_PER_ROUND = 5
"""One takes a tenth of a second."""
_SCRIPT = """\
import time
cpu, wall = time.process_time(), time.perf_counter()
import {modules}
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
import json
print(json.dumps({{"wall_seconds": wall, "cpu_seconds": cpu, "peak_bytes": None, "value": None}}))
"""


def _turn(modules: str, _warm_up: bool) -> Sample:
    script = _SCRIPT.format(modules=modules)
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return cast("Sample", json.loads(done.stdout))


def measure(settings: Settings) -> Report:
    """Import everything in turn."""
    say("import_time")
    contestants = [Contestant(name, partial(_turn, name)) for name in (BASE, OURS, "transfer.smtp", "transfer.ftp")]
    samples = take_turns(contestants, settings.rounds * _TURNS_PER_ROUND)
    series = {
        name: Series(
            case="import",
            contestant=name,
            unit="ms",
            values=tuple(each["wall_seconds"] * 1e3 for each in found),
            cpu=tuple(each["cpu_seconds"] * 1e3 for each in found),
            cpu_unit="ms",
        )
        for name, found in samples.items()
    }
    target = Target(
        what=f"import {OURS}: time against import {BASE}",
        relation="≤",
        wanted=WANTED_RATIO,
        reached=paired_ratio(series[OURS].values, series[BASE].values),
    )
    return Report(
        name="import_time", title="Importing", method=__doc__ or "", series=tuple(series.values()), targets=(target,)
    )
