"""Parsing is linear: what one octet costs when 10 MiB arrive octet by octet, against 1 MiB.

Measured: CPU time in the parsers of replies and of commands. Three shapes of input. "short": lines as they come, within
the default limits. "line": one single line of the whole size. "whole": one reply of the whole size in many lines, or
all commands waiting before the first is taken; the limits are lifted for the last two, because they exist to make such
input impossible. Of listings, the parsers of lines: "short" has all formats in turn, and in "line" each line is a 64th
of the whole, begun like one of the formats and filled with what makes a careless pattern go back and forth. Three
rounds.
"""

from __future__ import annotations

from functools import partial

from benchmarks.children import run_program, say, take_turns
from benchmarks.model import MIB, Contestant, Report, Sample, Series, Settings, Target, paired_ratio

SMALL, LARGE = 1 * MIB, 10 * MIB
RATIO_LIMIT = 2.0
PARSERS = ("smtp reply", "ftp reply", "command")
SHAPES = ("short", "line", "whole")
LISTING = "listing"
CASES = (*((parser, shape) for parser in PARSERS for shape in SHAPES), (LISTING, "short"), (LISTING, "line"))
_WARM_UP_OCTETS = 10_000
_MOST_ROUNDS = 3
"""CPU time hardly varies, and a turn takes seconds."""


def _turn(parser: str, shape: str, size: int, warm_up: bool) -> Sample:
    if parser == LISTING:
        return run_program("parsing:read_lines", shape=shape, size=_WARM_UP_OCTETS if warm_up else size)
    return run_program("parsing:drip", parser=parser, shape=shape, size=_WARM_UP_OCTETS if warm_up else size)


def measure(settings: Settings) -> Report:
    """Measure every parser with every shape at both sizes."""
    series: list[Series] = []
    targets: list[Target] = []
    for parser, shape in CASES:
        case = f"{parser}, {shape}"
        say(f"parse_linear: {case}")
        contestants = [
            Contestant(name, partial(_turn, parser, shape, settings.scaled(size)))
            for name, size in (("1 MiB", SMALL), ("10 MiB", LARGE))
        ]
        samples = take_turns(contestants, min(settings.rounds, _MOST_ROUNDS))
        small, large = (
            Series(
                case=case,
                contestant=name,
                unit="ns/octet",
                values=tuple(each["value"] for each in found if each["value"] is not None),
            )
            for name, found in samples.items()
        )
        series += [small, large]
        targets.append(
            Target(
                what=f"{case}: an octet of 10 MiB against one of 1 MiB",
                relation="≤",
                wanted=RATIO_LIMIT,
                reached=paired_ratio(large.values, small.values),
            )
        )
    return Report(
        name="parse_linear",
        title="Parsing what drips in",
        method=__doc__ or "",
        series=tuple(series),
        targets=tuple(targets),
    )
