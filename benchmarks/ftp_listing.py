"""A large directory listed by FTP: how many entries per second, and how much memory.

Measured: a directory of 100,000 files by MLSD, from a server that has the listing ready, by ``list`` and ``entries`` of
``transfer.ftp.Client``, entry by entry and all at once, by ``list`` of aioftp and by ``mlsd`` of ftplib, entry by
entry. Connecting and logging in are not counted. Memory: what a listing taken entry by entry adds to the peak of the
process, against the same with a tenth of the entries.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.children import python_peer, run_program, say, take_turns
from benchmarks.ftp import Found
from benchmarks.model import LOOPS, MIB, OURS, Contestant, Report, Sample, Series, Settings, Target, paired_ratio

ENTRIES = 100_000
TIMES_AIOFTP = 3
GROWTH_MIB = 1.0
WHAT = ("list", "entries")
PARTS = {"a tenth": 10, "all": 1}
_MOST_ROUNDS = 3


def contestants(port: int, count: int) -> Iterator[Contestant]:
    """Yield this library's ways on every loop, and the others."""

    def entry(name: str, program: str, **arguments: object) -> Contestant:
        return Contestant(name, lambda _: run_program(f"ftp_listing:by_{program}", port=port, count=count, **arguments))

    for what in WHAT:
        for loop in LOOPS:
            yield entry(f"{OURS}, {what}, {loop}", "transfer", what=what, loop=loop)
    for what in WHAT:
        yield entry(f"{OURS}, {what} at once, asyncio", "transfer_at_once", what=what, loop="asyncio")
    for loop in ("asyncio", "uvloop"):
        yield entry(f"aioftp, {loop}", "aioftp", loop=loop)
    yield entry("ftplib", "ftplib")


def measure(settings: Settings) -> Report:
    """Measure the whole directory and a tenth of it."""
    found: dict[tuple[str, str], Series] = {}
    for part, divisor in PARTS.items():
        say(f"ftp_listing: {part}")
        count = settings.scaled(ENTRIES, 100) // divisor
        with python_peer("listing_server", str(count)) as port:
            samples = take_turns(list(contestants(port, count)), min(settings.rounds, _MOST_ROUNDS))
        found |= {(part, name): _series(part, name, each, count) for name, each in samples.items()}
    return Report(
        name="ftp_listing",
        title="A large directory by FTP",
        method=__doc__ or "",
        series=tuple(found.values()),
        targets=tuple(compare(found)),
    )


def _series(part: str, name: str, samples: list[Sample], count: int) -> Series:
    return Series(
        case=part,
        contestant=name,
        unit="entries/s",
        values=tuple(count / sample["wall_seconds"] for sample in samples),
        cpu=tuple(sample["cpu_seconds"] / count * 1e6 for sample in samples),
        cpu_unit="µs/entry",
        peak_mib=tuple(sample["peak_bytes"] / MIB for sample in samples if sample["peak_bytes"] is not None),
    )


def compare(found: Found) -> Iterator[Target]:
    """Yield the targets, given what was measured."""
    for what in WHAT:
        for loop in LOOPS:
            name = f"{OURS}, {what}, {loop}"
            ours = found.get(("all", name))
            theirs = found.get(("all", f"aioftp, {loop if loop != 'trio' else 'asyncio'}"))
            yield Target(
                what=f"{what}, {loop}: speed against aioftp",
                relation="≥",
                wanted=TIMES_AIOFTP,
                reached=paired_ratio(ours.values, theirs.values) if ours and theirs else None,
            )
            less = found.get(("a tenth", name))
            known = ours and less and ours.peak_mib and less.peak_mib
            yield Target(
                what=f"{what}, {loop}: peak memory above that of a tenth of the entries",
                relation="≤",
                wanted=GROWTH_MIB,
                reached=max(ours.peak_mib) - max(less.peak_mib) if known and ours and less else None,
                unit="MiB",
            )
