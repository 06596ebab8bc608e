"""Which parser reads a line of LIST: the first of several that understands it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import PurePosixPath

import attrs

from transfer.ftp._listing._dates import parse_time_value
from transfer.ftp._listing._line import Facts, LineParser, ListedLine, SkippedLine, UnreadableLineError, excerpt
from transfer.ftp._listing._unix import read_unix_line
from transfer.ftp._listing._windows import read_windows_line

__all__ = ["ListingParser", "parse_list_line", "read_line"]

# What is in a listing and is no entry of it: nothing at all, and the number of blocks that `ls` begins with.
_HEADER = re.compile(rb"\s*(?:total\s+[0-9][0-9.,]*[a-z]*\s*)?", re.IGNORECASE)


def read_line(raw: bytes, parsers: Sequence[LineParser]) -> ListedLine | SkippedLine | None:
    """Give *raw* to each of *parsers* until one understands it.

    Returns:
        What the parser made of the line; None for an empty line and for the header of ``ls``; a :class:`SkippedLine`
        where no parser understood it, so that one strange line never costs the rest of the listing.

    A parser says that the line is not in its format by raising ValueError or LookupError; others pass through.
    """
    reasons = []
    for parser in parsers:
        try:
            result = parser(raw)
        except (ValueError, LookupError) as exc:
            reasons.append(str(exc) or type(exc).__name__)
            continue
        if isinstance(result, ListedLine):
            return result
        path, facts = result
        return ListedLine(str(path), facts, raw=raw)
    return None if _HEADER.fullmatch(raw) else SkippedLine(raw, "; ".join(reasons))


@attrs.frozen(kw_only=True)
class ListingParser:
    """Reads the lines of LIST.

    Attributes:
        encoding: of the names; octets that are invalid in it become lone surrogates.
        custom: a parser of the program's own, from octets to ``(path, facts)``; it raises ValueError or LookupError
            for a line that is not in its format.
        custom_first: whether *custom* is asked before the built-in parsers, or after them.
        zone: in which the server shows its clock; LIST does not say.
        now: the time near which dates without a year are; the present where it is None.
    """

    encoding: str = "utf-8"
    custom: LineParser | None = None
    custom_first: bool = True
    zone: tzinfo = UTC
    now: datetime | None = None

    def parse(self, raw: bytes) -> ListedLine | SkippedLine | None:
        """Read one line, as :func:`read_line` describes."""
        parsers: list[LineParser] = [self._unix, self._windows]
        if self.custom is not None:
            parsers.insert(0 if self.custom_first else len(parsers), self.custom)
        line = read_line(raw, parsers)
        if not isinstance(line, ListedLine) or line.moment is not None:
            return line
        # From a parser that gives facts alone: 14 digits are UTC in MLSx only, here they are the server's clock.
        moment = parse_time_value(str(line.facts.get("modify", "")))
        return line if moment is None else attrs.evolve(line, moment=moment.without_zone())

    def _unix(self, raw: bytes) -> ListedLine:
        return read_unix_line(raw, self.encoding, now=self._clock())

    def _windows(self, raw: bytes) -> ListedLine:
        return read_windows_line(raw, self.encoding)

    def _clock(self) -> datetime:
        """The server's clock, as it shows it: without a zone."""
        now = datetime.now(self.zone) if self.now is None else self.now
        return (now if now.tzinfo is None else now.astimezone(self.zone)).replace(tzinfo=None)


def parse_list_line(
    raw: bytes,
    encoding: str = "utf-8",
    custom: LineParser | None = None,
    *,
    custom_first: bool = True,
    now: datetime | None = None,
) -> tuple[PurePosixPath, Facts]:
    """Read one line of LIST into a path and its facts.

    Raises:
        UnreadableLineError: no parser understands the line.
    """
    parser = ListingParser(encoding=encoding, custom=custom, custom_first=custom_first, now=now)
    line = parser.parse(raw)
    if isinstance(line, ListedLine):
        return line.path, line.facts
    reason = "it is not an entry" if line is None else line.reason
    raise UnreadableLineError(f"listing line {excerpt(raw)} was not understood: {reason}")
