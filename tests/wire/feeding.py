"""Feed a parser in every way, and tell what came out of it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable
from typing import Protocol

import attrs
from hypothesis import strategies as st

from transfer._errors import RemoteProtocolError
from transfer._wire.command import CommandParser
from transfer._wire.dialect import Dialect
from transfer._wire.reply import ReplyParser

# How much of a line had come when it was found to be too long depends on how it was cut.
_RECEIVED = re.compile(r"\(\d+ received\)")

# What parsers decide by, so that chance finds their corners.
FRAGMENTS = [
    *(b"250", b"550", b"226", b"999", b"\xd9\xa1\xd9\xa2\xd9\xa3", b"-", b" ", b"text", b"x" * 30),
    *(b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\0", b"PASS secret", b"noop"),
    *(b"\xff", b"\xff\xff", b"\xff\xf4", b"\xff\xfb", b"\xff\xfd\x01", b"\xc3\xa9", b"\xc3"),
]

OCTETS = st.binary(max_size=200) | st.lists(st.sampled_from(FRAGMENTS), max_size=40).map(b"".join)


class Parser(Protocol):
    @property
    def has_data(self) -> bool: ...
    def feed(self, data: bytes) -> None: ...
    def take_all(self) -> bytes: ...


@attrs.frozen
class Outcome:
    """What was parsed, then either the error's sentence or the octets that stayed."""

    items: list[object]
    error: str | None
    rest: bytes


def outcome(parser: Parser, chunks: Iterable[bytes]) -> Outcome:
    """Feed *chunks* and take what is complete after each; any error but RemoteProtocolError is the test's."""
    step: Callable[[], object]
    if isinstance(parser, ReplyParser):
        step = parser.next_reply
    elif isinstance(parser, CommandParser):
        step = parser.next_command
    else:
        raise TypeError(parser)
    items: list[object] = []
    try:
        for chunk in chunks:
            parser.feed(chunk)
            while (item := step()) is not None:
                items.append(item)
    except RemoteProtocolError as exc:
        return Outcome(items, _RECEIVED.sub("", str(exc)), b"")
    had_data = parser.has_data
    rest = parser.take_all()
    assert had_data is bool(rest)
    return Outcome(items, None, rest)


def one_by_one(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


@st.composite
def cut_octets(draw: st.DrawFn, octets: st.SearchStrategy[bytes] = OCTETS) -> tuple[bytes, list[bytes]]:
    """Octets, and the same in pieces, some of them empty."""
    data = draw(octets)
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=8)))
    edges = [0, *cuts, len(data)]
    return data, [data[start:end] for start, end in itertools.pairwise(edges)]


def tightened(dialect: Dialect) -> Dialect:
    """*dialect* with limits that short examples reach, but for the queue."""
    return attrs.evolve(dialect, line_limit=40, reply_limit=100, reply_lines_limit=6)
