"""A parser that is fed octet by octet, as by a peer that drips; or the lines of listings, in every format."""

from __future__ import annotations

import sys
from collections.abc import Callable

import attrs

from benchmarks.programs.usage import Measured, Usage
from transfer._wire.command import CommandParser
from transfer._wire.dialect import FTP_CLIENT, FTP_SERVER, SMTP_CLIENT, Dialect
from transfer._wire.reply import ReplyParser
from transfer.ftp._listing import ListingParser, SkippedLine

REPLY_LINE = b"250 2.1.5 recipient ok\r\n"
OPEN_LINE = b"250-2.1.5 recipient ok\r\n"
COMMAND_LINE = b"RETR some/file/name.txt\r\n"
_OCTETS = [bytes([octet]) for octet in range(256)]
_DIALECTS = {"smtp reply": SMTP_CLIENT, "ftp reply": FTP_CLIENT, "command": FTP_SERVER}


# One line of each format of LIST and one of MLSD, and lines that make a careless pattern go back and forth.
LISTING_LINES = (
    b"type=file;size=25730;modify=19940728095854;perm=r; cap.mpg",
    b"-rw-r--r--   1 owner    group         213 Aug 26 16:31 README",
    "-rw-r--r--+ 1 Domain Users of all 213 5. März 2020 x".encode(),
    "drwxr-xr-x 2 me us 4096 12月 31  2020 x".encode(),
    b"06-07-22  12:55PM       <JUNCTION>     Data [C:\\Data Store]",
    b"+i8388621.48594,m825718503,r,s280,\tdjb.html",
    b"README.TXT;3  2/4  12-JAN-2026 10:00:00.12  [GROUP,OWNER]  (RWED,RWED,RE,)",
    b"QSYS            77824 02/23/00 15:09:55 *DIR       QOpenSys/",
    b"B10142 3390   2006/03/20  2   31  F       80    80  PS  MDI.OKL.WORK",
    b"TBSHELF   01.03 2002/09/12 2002/10/11 09:37    11    11     0 KIL001",
    b"no line of any format",
)
LISTING_STARTS = (b"-rw-r--r-- ", b"06-07-22 ", b"+i1,", b"A;1 ", b"QSYS ", b"B10142 ", b"type=file;", b"")
LISTING_FILLERS = (b"1 ", b" ", b"1 Jan ", b"1 1-1-", b"a=b;", b"A.", b"[", b"x [")


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


def read_lines(shape: str, size: int) -> Measured:
    """Read *size* octets of listings; ``value`` is the CPU time for one, in nanoseconds.

    *shape* is "short" for lines as they come, in every format in turn, and "line" for lines that are each an equal
    share of the whole, one for each pair of a beginning and a filler.

    Raises:
        RuntimeError: nothing came out.
    """
    if shape == "short":
        lines = list(LISTING_LINES) * (size // sum(map(len, LISTING_LINES)) + 1)
    else:
        pairs = [(start, filler) for start in LISTING_STARTS for filler in LISTING_FILLERS]
        share = size // len(pairs)
        lines = [start + filler * (share // len(filler)) for start, filler in pairs]
    parser = ListingParser()
    skipped: list[SkippedLine] = []
    usage = Usage()
    with usage:
        read = [*parser.read_list(skipped.append).read_all(lines), *parser.read_mlsd(skipped.append).read_all(lines)]
    if not read and not skipped:
        raise RuntimeError(f"{shape}: no line was read")
    usage.value = usage.cpu_seconds / sum(map(len, lines)) * 1e9
    return usage.sample()
