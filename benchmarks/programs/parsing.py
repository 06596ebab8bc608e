"""A parser that is fed octet by octet, as by a peer that drips."""

from __future__ import annotations

import sys
from collections.abc import Callable

import attrs

from benchmarks.programs.usage import Measured, Usage
from transfer._wire.command import CommandParser
from transfer._wire.dialect import FTP_CLIENT, FTP_SERVER, SMTP_CLIENT, Dialect
from transfer._wire.reply import ReplyParser

REPLY_LINE = b"250 2.1.5 recipient ok\r\n"
OPEN_LINE = b"250-2.1.5 recipient ok\r\n"
COMMAND_LINE = b"RETR some/file/name.txt\r\n"
_OCTETS = [bytes([octet]) for octet in range(256)]
_DIALECTS = {"smtp reply": SMTP_CLIENT, "ftp reply": FTP_CLIENT, "command": FTP_SERVER}


def _unlimited(dialect: Dialect) -> Dialect:
    most = sys.maxsize
    return attrs.evolve(
        dialect, line_limit=most, reply_limit=most, reply_lines_limit=most, queue_limit=most, queue_octets_limit=most
    )


def _input(parser: str, shape: str, size: int) -> bytes:
    line = COMMAND_LINE if parser == "command" else REPLY_LINE
    if shape == "line":
        start = line[:5]
        return start + b"x" * (size - len(start) - 2) + b"\r\n"
    if shape == "whole" and parser != "command":
        return OPEN_LINE * ((size - len(REPLY_LINE)) // len(OPEN_LINE)) + REPLY_LINE
    return line * (size // len(line))


def _feed(feed: Callable[[bytes], object], take: Callable[[], object], data: bytes, *, take_at_end: bool) -> int:
    items = 0
    if take_at_end:
        for octet in data:
            feed(_OCTETS[octet])
    else:
        for octet in data:
            feed(_OCTETS[octet])
            items += take() is not None
    while take() is not None:
        items += 1
    return items


def drip(parser: str, shape: str, size: int) -> Measured:
    """Feed *size* octets of a *shape* to a *parser*; ``value`` is the CPU time for one, in nanoseconds.

    Raises:
        RuntimeError: nothing came out.
    """
    data = _input(parser, shape, size)
    dialect = _DIALECTS[parser] if shape == "short" else _unlimited(_DIALECTS[parser])
    feed: Callable[[bytes], object]
    take: Callable[[], object]
    if parser == "command":
        commands = CommandParser(dialect)
        feed, take = commands.feed, commands.next_command
    else:
        replies = ReplyParser(dialect)
        feed, take = replies.feed, replies.next_reply
    usage = Usage()
    with usage:
        items = _feed(feed, take, data, take_at_end=parser == "command" and shape == "whole")
    if not items:
        raise RuntimeError(f"{parser}, {shape}: nothing was parsed")
    usage.value = usage.cpu_seconds / len(data) * 1e9
    return usage.sample()
