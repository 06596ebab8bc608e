"""Parsing is linear: what one octet costs when 10 MiB arrive octet by octet, against 1 MiB.

Measured: CPU time in the parsers of replies and commands, best of several for the small size. Three shapes of input.
"short": lines as they come, within the default limits. "line": one single line of the whole size. "whole": one reply of
the whole size in many lines, or all commands waiting before the first is taken; the limits are lifted for the last two,
because they exist to make such input impossible.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

import attrs

from benchmarks.children import say
from benchmarks.model import MIB, Report, Series, Settings, Target
from transfer._wire.command import CommandParser
from transfer._wire.dialect import FTP_CLIENT, FTP_SERVER, SMTP_CLIENT, Dialect
from transfer._wire.reply import ReplyParser

SMALL, LARGE = 1 * MIB, 10 * MIB
ROUNDS = 3
RATIO_LIMIT = 2.0

REPLY_LINE = b"250 2.1.5 recipient ok\r\n"
OPEN_LINE = b"250-2.1.5 recipient ok\r\n"
COMMAND_LINE = b"RETR some/file/name.txt\r\n"
_OCTETS = [bytes([octet]) for octet in range(256)]


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

    def nanoseconds(self, size: int) -> float:
        """Return the CPU time for one octet.

        Raises:
            RuntimeError: nothing came out.
        """
        data, parser = self.build(size), self.make()
        gc.collect()
        start = time.process_time_ns()
        items = _feed(parser, data, take_at_end=self.take_at_end)
        spent = time.process_time_ns() - start
        if not items:
            raise RuntimeError(f"{self.name}: nothing was parsed")
        return spent / len(data)


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


def measure(settings: Settings) -> Report:
    """Measure every case at both sizes, large and small in turn."""
    small, large = settings.scaled(SMALL), settings.scaled(LARGE)
    series: list[Series] = []
    targets: list[Target] = []
    for each in _inputs():
        say(f"parse_linear: {each.name}")
        small_ns = min(each.nanoseconds(small) for _ in range(ROUNDS))
        large_ns = each.nanoseconds(large)
        series += [
            Series(case=each.name, contestant="1 MiB", unit="ns/octet", values=(small_ns,)),
            Series(case=each.name, contestant="10 MiB", unit="ns/octet", values=(large_ns,)),
        ]
        targets.append(
            Target(
                what=f"{each.name}: an octet of 10 MiB against one of 1 MiB",
                relation="≤",
                wanted=RATIO_LIMIT,
                reached=large_ns / small_ns,
            )
        )
    return Report(
        name="parse_linear",
        title="Parsing what drips in",
        method=__doc__ or "",
        series=tuple(series),
        targets=tuple(targets),
    )
