"""Ten gibibytes by FTP, beside a task that wants to run every millisecond: memory, and how late that task comes.

Measured: ``download`` and ``upload`` of ``transfer.ftp.Client``, in the clear, as fast as it goes and with a speed
limit of 1 GB/s, against vsftpd; what the transfer adds to the memory of the process at its peak, and the longest time
between two ticks less the millisecond. One round, because ten gibibytes are many. What is downloaded is a file of the
full size without any data in it, which reads as zeros and takes no place; what arrives takes as much.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.children import run_program, say, take_turns
from benchmarks.ftp import DIRECTIONS
from benchmarks.ftp_servers import PLAIN, Server, prepare, vsftpd
from benchmarks.model import LOOPS, MIB, OURS, Contestant, Report, Sample, Series, Settings, Skip, Target

FILE_BYTES = 10 * 1024 * MIB
WARM_UP_BYTES = 64 * MIB
LIMITS = {"unlimited": None, "at most 1 GB/s": 1_000_000_000}
PEAK_MIB, LATENESS_MS = 4.0, 20.0


def _turn(server: Server, local: Path, direction: str, loop: str, limit: int | None, warm_up: bool) -> Sample:
    source = server.root / ("small" if warm_up else "large")
    target = (local if direction == "download" else server.root / "incoming") / "arrived"
    ends = (source.name, str(target)) if direction == "download" else (str(source), "incoming/arrived")
    try:
        sample = run_program(
            "ftp:beside_ticker", loop=loop, port=server.port, direction=direction, ends=ends, limit=limit
        )
        if target.stat().st_size != source.stat().st_size:
            raise RuntimeError(f"{direction}: not everything has arrived")
    finally:
        target.unlink(missing_ok=True)
    return sample


def measure(settings: Settings) -> Report:
    """Measure both directions, with and without a limit."""
    root = prepare(settings)
    local = settings.folder / "local"
    local.mkdir()
    for name, size in (("small", WARM_UP_BYTES), ("large", settings.scaled(FILE_BYTES, WARM_UP_BYTES))):
        with (root / name).open("wb") as file:
            file.truncate(size)
    peaks: list[Series] = []
    late: list[Series] = []
    notes: list[str] = []
    try:
        with vsftpd(settings, PLAIN) as server:
            for direction in DIRECTIONS:
                for pace, limit in LIMITS.items():
                    case = f"{direction}, {pace}"
                    say(f"ftp_endurance: {case}")
                    turn = partial(_turn, server, local, direction)
                    contestants = [Contestant(f"{OURS}, {loop}", partial(turn, loop, limit)) for loop in LOOPS]
                    for name, samples in take_turns(contestants, 1).items():
                        peaks.append(_series(case, name, "peak MiB", [_mebibytes(each) for each in samples]))
                        late.append(_series(case, name, "ms late", [each["value"] for each in samples]))
    except Skip as skip:
        notes.append(f"Not measured: {skip}.")
    return Report(
        name="ftp_endurance",
        title="Ten gibibytes by FTP",
        method=__doc__ or "",
        series=(*peaks, *late),
        targets=tuple(compare(peaks, late)),
        notes=tuple(notes),
    )


def _mebibytes(sample: Sample) -> float | None:
    return None if sample["peak_bytes"] is None else sample["peak_bytes"] / MIB


def _series(case: str, name: str, unit: str, values: list[float | None]) -> Series:
    return Series(
        case=f"{case}: {unit}", contestant=name, unit=unit, values=tuple(value for value in values if value is not None)
    )


def compare(peaks: list[Series], late: list[Series]) -> Iterator[Target]:
    """Yield the targets, given what was measured."""
    for found, wanted, unit in ((peaks, PEAK_MIB, "MiB"), (late, LATENESS_MS, "ms")):
        for each in found:
            reached = max(each.values) if each.values else None
            loop = each.contestant.removeprefix(f"{OURS}, ")
            yield Target(what=f"{each.case}, {loop}", relation="≤", wanted=wanted, reached=reached, unit=unit)
