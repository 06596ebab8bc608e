"""A task that wants to run every millisecond, beside a transfer at full speed: how late it comes at worst.

Measured: the longest time between two ticks less the millisecond, during the transfers of ``data_plane`` by this
library, on every loop, each direction, in the clear and inside TLS 1.3; beside the same with anyio's streams in blocks
of 256 KiB, and with nothing running beside the ticker, which is what machine and loop do by themselves.
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


def contestants(site: Site, direction: str, loop: str) -> list[Contestant]:
    """Return this library, anyio, and nothing at all."""

    def turn(program: str, warm_up: bool, **arguments: object) -> Sample:
        return site.turn(program, direction, warm_up, loop=loop, ticking=True, **arguments)

    return [
        Contestant(OURS, partial(turn, "transfer")),
        Contestant(_PEER, partial(turn, "anyio", block_bytes=ANYIO_BLOCKS[_PEER])),
    ]


def _idle(loop: str, _warm_up: bool) -> Sample:
    return run_program("ticker:idle", loop=loop, seconds=_IDLE_SECONDS)


def _worst(case: str, samples: dict[str, list[Sample]]) -> list[Series]:
    return [
        Series(case=case, contestant=name, unit="ms late", values=tuple(each["value"] or 0.0 for each in found))
        for name, found in samples.items()
    ]


def measure(settings: Settings) -> Report:
    """Measure every transfer with a ticker beside it."""
    series: list[Series] = []
    for loop in LOOPS:
        say(f"ticker: nothing beside it, {loop}")
        series += _worst(f"idle, {loop}", take_turns([Contestant(_IDLE, partial(_idle, loop))], settings.rounds))
    with sites(settings) as found:
        for site in found:
            for direction in ("send", "receive"):
                for loop in LOOPS:
                    say(f"ticker: {direction}, {site.kind}, {loop}")
                    samples = take_turns(contestants(site, direction, loop), settings.rounds)
                    series += _worst(f"{direction}, {site.kind}, {loop}", samples)
    return Report(
        name="ticker",
        title="Another task beside a transfer",
        method=__doc__ or "",
        series=tuple(series),
        targets=tuple(
            Target(
                what=f"{one.case}: worst lateness in any round",
                relation="≤",
                wanted=LATENESS_MS,
                reached=max(one.values),
                unit="ms",
            )
            for one in series
            if one.contestant == OURS
        ),
    )
