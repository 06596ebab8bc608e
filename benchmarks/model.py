"""What a benchmark is told and what it returns; JSON and tables are made from these values."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypedDict

import attrs

LOOPS = ("asyncio", "uvloop", "trio")
OURS = "transfer"
MIB = 1 << 20


class Sample(TypedDict):
    """What one turn measured, as its process prints it.

    ``peak_bytes`` is the highest resident size during the measured part, less that of the idle process; None where the
    system does not tell. ``value`` is there when the benchmark measures something else than time.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int | None
    value: float | None


class Skip(Exception):  # not an error
    """A benchmark can't run here; the text says what is missing."""


@attrs.frozen(kw_only=True)
class Settings:
    """How much to measure.

    Attributes:
        scale: 1 for the sizes that the targets speak of, less for a quick look.
        rounds: counted rounds, after the one that is not.
        folder: an empty folder, on a RAM disk where there is one.
    """

    scale: float
    rounds: int
    folder: Path

    def scaled(self, amount: int, at_least: int = 1) -> int:
        """Return *amount* times the scale."""
        return max(at_least, round(amount * self.scale))


@attrs.frozen
class Contestant:
    """A name and what takes one turn; ``turn(True)`` is the round that is not counted."""

    name: str
    turn: Callable[[bool], Sample]


@attrs.frozen(kw_only=True)
class Series:
    """One contestant in one case, a number for each round.

    Attributes:
        case: what was done, such as ``"send, TLS 1.3, trio"``.
        contestant: by whom.
        unit: of *values*.
        values: what the benchmark is about.
        cpu: CPU time, user and system, in *cpu_unit*; empty where it means nothing.
        peak_mib: peak memory above the idle process; empty where it was not measured.
    """

    case: str
    contestant: str
    unit: str
    values: tuple[float, ...]
    cpu: tuple[float, ...] = ()
    cpu_unit: str = ""
    peak_mib: tuple[float, ...] = ()

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def as_json(self) -> dict[str, object]:
        numbers = {"values": self.values, "cpu": self.cpu, "peak_mib": self.peak_mib}
        return attrs.asdict(self) | {key: [round(each, 4) for each in series] for key, series in numbers.items()}


@attrs.frozen(kw_only=True)
class Target:
    """A number to reach, and the one that this library has reached in this run; None if that was not measured."""

    what: str
    relation: Literal["≥", "≤"]
    wanted: float
    reached: float | None
    unit: str = "×"

    @property
    def is_held(self) -> bool:
        if self.reached is None:
            return False
        return self.reached >= self.wanted if self.relation == "≥" else self.reached <= self.wanted

    def as_json(self) -> dict[str, object]:
        reached = None if self.reached is None else round(self.reached, 4)
        return attrs.asdict(self) | {"reached": reached, "is_held": self.is_held}


@attrs.frozen(kw_only=True)
class Report:
    """All that one benchmark has to say.

    Attributes:
        method: what was measured and how, for the reader.
        notes: what was different this time, such as a peer that was not there.
    """

    name: str
    title: str
    method: str
    series: tuple[Series, ...] = ()
    targets: tuple[Target, ...] = ()
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "title": self.title,
            "method": self.method,
            "series": [series.as_json() for series in self.series],
            "targets": [target.as_json() for target in self.targets],
            "notes": self.notes,
        }


def paired_ratio(ones: Sequence[float], others: Sequence[float]) -> float:
    """Return the median of the ratios within each round, which a machine that slows down meanwhile leaves alone."""
    return statistics.median(one / other for one, other in zip(ones, others, strict=True))


def rates(case: str, contestant: str, samples: Sequence[Sample], *, amount: float, unit: str, cpu: str) -> Series:
    """Return the series of *amount* per second.

    Args:
        amount: what one turn moves, in the *unit* "amount/s", such as 1073.7 for "MB/s".
        cpu: "s/GB" or "µs/message": seconds per thousand, or microseconds per one, of what *amount* counts.
    """
    per_amount = {"s/GB": 1e3, "µs/message": 1e6}[cpu]
    return Series(
        case=case,
        contestant=contestant,
        unit=unit,
        values=tuple(amount / sample["wall_seconds"] for sample in samples),
        cpu=tuple(sample["cpu_seconds"] / amount * per_amount for sample in samples),
        cpu_unit=cpu,
        peak_mib=tuple(sample["peak_bytes"] / MIB for sample in samples if sample["peak_bytes"] is not None),
    )
