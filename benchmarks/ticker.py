"""A task that wants to run every millisecond, beside a transfer at full speed: how late it comes at worst.

Measured: the longest time between two ticks less the millisecond, during the transfers of ``data_plane`` by this
library; beside the same with anyio's streams in blocks of 256 KiB, and with nothing running beside the ticker, which is
what machine and loop do by themselves. The target is for the worst of all rounds, of which there are three.
"""

from __future__ import annotations

from functools import partial

from benchmarks.children import run_program, say, take_turns
from benchmarks.data_plane import ANYIO_BLOCKS, Site, sites
from benchmarks.model import LOOPS, OURS, Contestant, Report, Sample, Series, Settings, Target

LATENESS_MS = 20.0
_PEER = "anyio, 256 KiB"
_IDLE = "nothing"
_IDLE_SECONDS = 1.0
_MOST_ROUNDS = 3


def contestants(site: Site, direction: str, loop: str) -> list[Contestant]:
    """Return this library, anyio, and nothing at all."""

    def turn(program: str, warm_up: bool, **arguments: object) -> Sample:
        return site.turn(program, direction, warm_up, loop=loop, ticking=True, **arguments)

    return [
        Contestant(OURS, partial(turn, "transfer")),
        Contestant(_PEER, partial(turn, "anyio", block_bytes=ANYIO_BLOCKS[_PEER])),
        Contestant(_IDLE, lambda _: run_program("ticker:idle", loop=loop, seconds=_IDLE_SECONDS)),
    ]


def measure(settings: Settings) -> Report:
    """Measure every transfer with a ticker beside it."""
    series: list[Series] = []
    with sites(settings) as found:
        for site in found:
            for direction in ("send", "receive"):
                for loop in LOOPS:
                    case = f"{direction}, {site.kind}, {loop}"
                    say(f"ticker: {case}")
                    samples = take_turns(contestants(site, direction, loop), min(settings.rounds, _MOST_ROUNDS))
                    series += [_lateness(case, name, each) for name, each in samples.items()]
    return Report(
        name="ticker",
        title="Another task beside a transfer",
        method=__doc__ or "",
        series=tuple(series),
        targets=tuple(_target(each) for each in series if each.contestant == OURS),
    )


def _lateness(case: str, contestant: str, samples: list[Sample]) -> Series:
    values = tuple(each["value"] for each in samples if each["value"] is not None)
    return Series(case=case, contestant=contestant, unit="ms late", values=values)


def _target(series: Series) -> Target:
    return Target(
        what=f"{series.case}: worst lateness",
        relation="≤",
        wanted=LATENESS_MS,
        reached=max(series.values),
        unit="ms",
    )
