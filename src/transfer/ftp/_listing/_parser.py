"""Which parser reads a line of a listing: the first of several that understands it.

How this works: a listing is in one format as a rule, so the format of the line before is tried first; what is in none
of them is skipped, and a line in another format, or of a server that mixes them, is still found. No line is in two
formats, so that the order does not change what a line is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import PurePosixPath

import attrs

from transfer.ftp._listing._as400 import read_as400_line
from transfer.ftp._listing._dates import parse_time_value
from transfer.ftp._listing._eplf import read_eplf_line
from transfer.ftp._listing._line import (
    Facts,
    LineParser,
    ListedLine,
    SkippedLine,
    UnreadableLineError,
    decode_line,
    excerpt,
)
from transfer.ftp._listing._mlsx import parse_mlst_reply, read_mlsx_line, read_mlsx_lines
from transfer.ftp._listing._mvs import after_mvs_header, read_mvs_line
from transfer.ftp._listing._unix import read_unix_line
from transfer.ftp._listing._vms import is_vms_name, is_vms_rest, read_vms_line
from transfer.ftp._listing._windows import read_windows_line

__all__ = ["LineReader", "ListingParser"]

# What is in a listing and is no entry of it: nothing at all; the number of blocks that `ls` begins with, in some of the
# languages it speaks; and what DIRECTORY of OpenVMS says before and after.
_NO_ENTRY = re.compile(
    rb"(?:(?:totale?|totaal|insgesamt|razem|celkem|yhteens\xc3\xa4|\xc3\xb6sszesen|toplam|"
    + "итого|всего|总用量|總用量|總計|合計|합계".encode()
    + rb")\s+[0-9][0-9.,]*[a-z]*|Directory\s+\S+\[[^\[\]\s]*\]|(?:Grand )?total of [0-9].*)?",
    re.IGNORECASE,
)


class LineReader:
    """Reads the lines of one listing, in order.

    Args:
        dialects: one parser for each format; the order does not matter.
        skip: told of each line that none of the parsers understands.
        before: parsers of the program's own that are asked before *dialects*.
        after: and those that are asked last.

    A parser says that the line is not in its format by raising ValueError or LookupError; others pass through.
    """

    def __init__(
        self,
        dialects: Sequence[LineParser],
        skip: Callable[[SkippedLine], object],
        *,
        before: Sequence[LineParser] = (),
        after: Sequence[LineParser] = (),
    ) -> None:
        self._dialects = list(dialects)
        self._skip = skip
        self._before = tuple(before)
        self._after = tuple(after)
        self._latest: LineParser | None = None
        self._parsers = (*self._before, *self._dialects, *self._after)

    def read(self, raw: bytes) -> ListedLine | None:
        """Read one line.

        Returns:
            The entry; None for a line that holds none, that was skipped, or that the next one completes.
        """
        reasons: list[str] | None = None
        for parser in self._parsers:
            try:
                result = parser(raw)
            except (ValueError, LookupError) as exc:
                reasons = [*(reasons or ()), str(exc) or type(exc).__name__]
                continue
            if parser is not self._latest:
                self._prefer(parser)
            return result if isinstance(result, ListedLine) else _listed(raw, result)
        if _NO_ENTRY.fullmatch(raw.strip()) is None:
            self._give_up(raw, "; ".join(reasons or ()))
        return None

    def read_all(self, lines: Iterable[bytes]) -> list[ListedLine]:
        """Read several lines, and return the entries in them."""
        return [line for raw in lines if (line := self.read(raw)) is not None]

    def finish(self) -> None:
        """Say that the listing has come to its end."""

    def _prefer(self, parser: LineParser) -> None:
        self._latest = parser
        self._dialects.sort(key=lambda each: each is not parser)
        self._parsers = (*self._before, *self._dialects, *self._after)

    def _give_up(self, raw: bytes, reason: str) -> None:
        self._skip(SkippedLine(raw, reason))


class MlsdReader(LineReader):
    """Reads the lines of MLSD."""

    def __init__(self, encoding: str, skip: Callable[[SkippedLine], object]) -> None:
        super().__init__([partial(read_mlsx_line, encoding=encoding)], skip)
        self._encoding = encoding

    def read_all(self, lines: Iterable[bytes]) -> list[ListedLine]:
        """Read several lines, and return the entries in them."""
        return read_mlsx_lines(lines, self._encoding, self.read)


class ListReader(LineReader):
    """Reads the lines of LIST, some of which only the line before explains."""

    def __init__(
        self,
        dialects: Sequence[LineParser],
        skip: Callable[[SkippedLine], object],
        *,
        encoding: str,
        before: Sequence[LineParser] = (),
        after: Sequence[LineParser] = (),
    ) -> None:
        super().__init__(dialects, skip, before=before, after=after)
        self._encoding = encoding
        self._told_after = tuple(after)
        self._held: bytes | None = None
        """A name whose entry may go on in the next line."""

    def read(self, raw: bytes) -> ListedLine | None:
        """Read one line, as :class:`LineReader` does."""
        if self._held is not None:
            if is_vms_rest(raw):
                raw, self._held = self._held.rstrip() + b" " + raw.lstrip(), None
            else:
                self.finish()
        return super().read(raw)

    def finish(self) -> None:
        """Say that the listing, or an entry of it, has come to its end."""
        held, self._held = self._held, None
        if held is not None:
            self._skip(SkippedLine(held, f"the entry {excerpt(held)} does not go on in the next line"))

    def _give_up(self, raw: bytes, reason: str) -> None:
        below = after_mvs_header(raw)
        if below is not None:
            self._after = (*self._told_after, partial(below, encoding=self._encoding))
            self._parsers = (*self._before, *self._dialects, *self._after)
        elif is_vms_name(raw):
            self._held = raw
        else:
            super()._give_up(raw, reason)


def _listed(raw: bytes, result: tuple[PurePosixPath, Facts]) -> ListedLine:
    path, facts = result
    return ListedLine(str(path), facts, raw=raw)


@attrs.frozen(kw_only=True)
class ListingParser:
    """How listings are read: the formats, and what the program has to say about them.

    Attributes:
        encoding: of the names; octets that are invalid in it become lone surrogates.
        custom: a parser of the program's own, from octets to ``(path, facts)``; it raises ValueError or LookupError
            for a line that is not in its format.
        custom_first: whether *custom* is asked before the built-in parsers, or after them.
        overrides: parsers in place of the built-in ones, by the names of the client's methods that they come from:
            ``parse_list_line`` (in place of all of LIST), ``parse_list_line_unix``, ``parse_list_line_windows`` and
            ``parse_mlsx_line``.
        clock_offset: how much later than UTC the server's clock is, as LIST shows it; MLSD shows UTC.
        now: the time near which dates without a year are; the present where it is None.
    """

    encoding: str = "utf-8"
    custom: LineParser | None = None
    custom_first: bool = True
    overrides: Mapping[str, LineParser] = attrs.field(factory=dict)
    clock_offset: timedelta = timedelta()
    now: datetime | None = None

    def read_list(self, skip: Callable[[SkippedLine], object]) -> LineReader:
        """Return what reads one listing of LIST; *skip* is told of each line that can't be read."""
        whole = self.overrides.get("parse_list_line")
        if whole is not None:
            return LineReader([partial(self._timed, whole)], skip)
        custom = () if self.custom is None else (partial(self._timed, self.custom),)
        return ListReader(
            self._dialects(),
            skip,
            encoding=self.encoding,
            before=custom if self.custom_first else (),
            after=() if self.custom_first else custom,
        )

    def read_mlsd(self, skip: Callable[[SkippedLine], object]) -> LineReader:
        """Return what reads one listing of MLSD; *skip* is told of each line that can't be read."""
        override = self.overrides.get("parse_mlsx_line")
        return MlsdReader(self.encoding, skip) if override is None else LineReader([override], skip)

    def read_mlst(self, lines: Sequence[str]) -> ListedLine:
        """Find the entry in the *lines* of a reply to MLST.

        Raises:
            UnreadableLineError: no line is an entry.
        """
        override = self.overrides.get("parse_mlsx_line")
        if override is None:
            return parse_mlst_reply(lines)

        def read(line: str) -> ListedLine:
            raw = line.encode(self.encoding, "surrogateescape")
            result = override(raw)
            return result if isinstance(result, ListedLine) else _listed(raw, result)

        return parse_mlst_reply(lines, read)

    def read_nlst(self, skip: Callable[[SkippedLine], object]) -> LineReader:
        """Return what reads one listing of NLST, whose lines are names and nothing else."""
        return LineReader([self._bare], skip)

    def parse(self, raw: bytes) -> ListedLine | SkippedLine | None:
        """Read one line of LIST alone; None where it holds no entry."""
        skipped: list[SkippedLine] = []
        reader = self.read_list(skipped.append)
        line = reader.read(raw)
        reader.finish()
        return line or next(iter(skipped), None)

    def read_line(self, raw: bytes) -> ListedLine:
        """Read one line of LIST alone.

        Raises:
            UnreadableLineError: it holds no entry, or no parser understands it.
        """
        line = self.parse(raw)
        if isinstance(line, ListedLine):
            return line
        reason = "it is not an entry" if line is None else line.reason
        raise UnreadableLineError(f"listing line {excerpt(raw)} was not understood: {reason}")

    def clock(self) -> datetime:
        """Return the time on the server's clock, as it shows it: without a zone."""
        now = datetime.now(UTC) if self.now is None else self.now
        return now if now.tzinfo is None else now.astimezone(UTC).replace(tzinfo=None) + self.clock_offset

    def _dialects(self) -> list[LineParser]:
        encoding, now = self.encoding, self.clock()
        unix = self.overrides.get("parse_list_line_unix")
        windows = self.overrides.get("parse_list_line_windows")
        return [
            partial(self._timed, unix) if unix else partial(read_unix_line, encoding=encoding, now=now),
            partial(self._timed, windows) if windows else partial(read_windows_line, encoding=encoding),
            partial(read_eplf_line, encoding=encoding),
            partial(read_vms_line, encoding=encoding),
            partial(read_as400_line, encoding=encoding),
            partial(read_mvs_line, encoding=encoding),
        ]

    def _bare(self, raw: bytes) -> ListedLine:
        return ListedLine(decode_line(raw, self.encoding), {}, raw=raw)

    @staticmethod
    def _timed(parser: LineParser, raw: bytes) -> ListedLine:
        """Read a line of LIST by *parser*, whose 14 digits are the server's clock here, and UTC only in MLSx."""
        result = parser(raw)
        line = result if isinstance(result, ListedLine) else _listed(raw, result)
        moment = None if line.moment is not None else parse_time_value(str(line.facts.get("modify", "")))
        return line if moment is None else attrs.evolve(line, moment=moment.without_zone())
