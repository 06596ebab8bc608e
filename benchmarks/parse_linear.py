"""Parsing is linear: what one octet costs when 10 MiB arrive octet by octet, against 1 MiB.

Three shapes of input. "short": lines as they come, within the default limits. "line": one single line of the whole
size. "whole": one reply of the whole size in many lines, or all commands waiting before the first is taken; the
limits are lifted for the last two, because they exist to make such input impossible. CPU time, best of several for
the small size. Ratios above 2 fail.
"""

from __future__ import annotations

import gc
import json
import platform
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypedDict

import attrs

from transfer._wire.command import CommandParser
from transfer._wire.dialect import FTP_CLIENT, FTP_SERVER, SMTP_CLIENT, Dialect
from transfer._wire.reply import ReplyParser

MIB = 1 << 20
SMALL, LARGE = 1 * MIB, 10 * MIB
ROUNDS = 3
RATIO_LIMIT = 2.0

REPLY_LINE = b"250 2.1.5 recipient ok\r\n"
OPEN_LINE = b"250-2.1.5 recipient ok\r\n"
COMMAND_LINE = b"RETR some/file/name.txt\r\n"
_OCTETS = [bytes([octet]) for octet in range(256)]


class Case(TypedDict):
    """Nanoseconds for one octet at both sizes, and how many items came out of the large one."""

    name: str
    small_ns: float
    large_ns: float
    ratio: float
    items: int


def _unlimited(dialect: Dialect) -> Dialect:
    most = sys.maxsize
    return attrs.evolve(
        dialect, line_limit=most, reply_limit=most, reply_lines_limit=most, queue_limit=most, queue_octets_limit=most
    )


def _feed(parser: ReplyParser | CommandParser, data: bytes, *, take_at_end: bool) -> int:
    """Feed *data* octet by octet, as a peer that drips would, and count what comes out."""
    feed = parser.feed
    step: Callable[[], object] = parser.next_reply if isinstance(parser, ReplyParser) else parser.next_command
    items = 0
    if take_at_end:
        for octet in data:
            feed(_OCTETS[octet])
    else:
        for octet in data:
            feed(_OCTETS[octet])
            if step() is not None:
                items += 1
    while step() is not None:
        items += 1
    return items


def _one_line(start: bytes, size: int) -> bytes:
    return start + b"x" * (size - len(start) - 2) + b"\r\n"


def _repeated(line: bytes, size: int) -> bytes:
    return line * (size // len(line))


def _one_reply(size: int) -> bytes:
    return _repeated(OPEN_LINE, size - len(REPLY_LINE)) + REPLY_LINE


@attrs.frozen
class Input:
    """A parser, octets of a given size for it, and whether all of them are fed before anything is taken."""

    name: str
    make: Callable[[], ReplyParser | CommandParser]
    build: Callable[[int], bytes]
    take_at_end: bool = False

    def nanoseconds(self, size: int) -> tuple[float, int]:
        """Return the CPU time for one octet, and the number of items that came out."""
        data, parser = self.build(size), self.make()
        gc.collect()
        start = time.process_time_ns()
        items = _feed(parser, data, take_at_end=self.take_at_end)
        return (time.process_time_ns() - start) / len(data), items


def _inputs() -> Iterator[Input]:
    for name, dialect in (("smtp", SMTP_CLIENT), ("ftp", FTP_CLIENT)):
        normal, roomy = partial(ReplyParser, dialect), partial(ReplyParser, _unlimited(dialect))
        yield Input(f"{name} reply, short", normal, partial(_repeated, REPLY_LINE))
        yield Input(f"{name} reply, line", roomy, partial(_one_line, b"250 "))
        yield Input(f"{name} reply, whole", roomy, _one_reply)
    patient = partial(CommandParser, _unlimited(FTP_SERVER))
    yield Input("command, short", CommandParser, partial(_repeated, COMMAND_LINE))
    yield Input("command, line", patient, partial(_one_line, b"RETR "))
    yield Input("command, whole", patient, partial(_repeated, COMMAND_LINE), take_at_end=True)


def measure(small: int = SMALL, large: int = LARGE) -> dict[str, object]:
    """Measure every case at *small* and *large* octets; ``"passed"`` says whether every ratio is at most 2."""
    cases: list[Case] = []
    for each in _inputs():
        small_ns = min(each.nanoseconds(small)[0] for _ in range(ROUNDS))
        large_ns, items = each.nanoseconds(large)
        cases.append(
            Case(
                name=each.name,
                small_ns=round(small_ns, 1),
                large_ns=round(large_ns, 1),
                ratio=round(large_ns / small_ns, 3),
                items=items,
            )
        )
    worst = max(case["ratio"] for case in cases)
    return {
        "benchmark": "parse_linear",
        "python": platform.python_version(),
        "machine": platform.machine(),
        "small_octets": small,
        "large_octets": large,
        "cases": cases,
        "worst_ratio": worst,
        "limit": RATIO_LIMIT,
        "passed": worst <= RATIO_LIMIT,
    }


if __name__ == "__main__":
    result = measure()
    print(json.dumps(result, indent=2))
    sys.exit(0 if result["passed"] else 1)
