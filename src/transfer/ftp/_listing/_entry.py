"""Entry, a listed name with typed facts.

How this works: an entry of a listing holds its line, and each attribute is made of that when it is asked for first: a
program that looks at the names of a long listing does not wait for its dates. Whoever compares, pickles or shows an
entry asks for all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs

from transfer.ftp._listing._dates import parse_time_value
from transfer.ftp._listing._line import Facts, ListedLine

__all__ = ["Entry", "EntryType"]

# 2**64 - 1 has 20 digits; int() refuses more than 4300 with an error of its own.
_SIZE = re.compile(r"[0-9]{1,20}")
_MODE = re.compile(r"(?:0o)?[0-7]{1,7}")
_MODE_BITS = 0o7777
_NO_OFFSET = timedelta()
# Where an entry keeps what it will be made of.
_SOURCE = " source"
# RFC 3659 §7.5.1.5 has types of operating systems as "OS.name=type"; those for links are "slink" and "symlink", with
# the target after a colon or without.
_LINK_TYPE = re.compile(r"os\.unix=(?:slink|symlink)(?::(?P<target>.*))?", re.IGNORECASE | re.DOTALL)


class EntryType(Enum):
    """What an entry is: RFC 3659 §7.5.1, and links."""

    FILE = "file"
    DIRECTORY = "dir"
    CURRENT = "cdir"
    PARENT = "pdir"
    LINK = "link"
    OTHER = "unknown"


_TYPES = {kind.value: kind for kind in EntryType}


@attrs.frozen(kw_only=True, slots=False)
class Entry:
    """One entry of a directory; what the server did not say, or said unreadably, is None.

    Attributes:
        name: exactly as it came; octets that are invalid in the encoding are lone surrogates.
        path: where it is on the server.
        type: what it is; :attr:`EntryType.OTHER` also where the server did not say.
        size: in octets.
        modify: when it was modified, aware, in UTC.
        modify_precision: how exact *modify* is: a day, a minute, a second or less.
        mode: the twelve Unix mode bits.
        owner: the owner's name, or else the number.
        group: the group's name, or else the number.
        link_target: where a link leads to, as the server wrote it.
        raw: the line's octets.
        facts: everything that the server said, as :meth:`Client.list` returns it.
    """

    name: str
    path: PurePosixPath
    type: EntryType
    size: int | None = None
    modify: datetime | None = None
    modify_precision: timedelta | None = None
    mode: int | None = None
    owner: str | None = None
    group: str | None = None
    link_target: str | None = None
    raw: bytes = attrs.field(default=b"", repr=False)
    facts: Facts = attrs.field(factory=dict, repr=False, hash=False)

    @classmethod
    def from_line(
        cls, line: ListedLine, *, path: PurePosixPath | None = None, clock_offset: timedelta = _NO_OFFSET
    ) -> Entry:
        """Make an entry of a *line*; facts that cannot be read are left out, so that this never fails.

        Args:
            line: of MLSD, MLST or LIST.
            path: of the entry; the name alone where it is None.
            clock_offset: how much later than UTC the server's clock is, for LIST, which does not say; MLSx is in UTC
                (RFC 3659 §2.3).
        """
        source = _Source(PurePosixPath(), clock_offset, line)
        values: dict[str, Any] = {name: make(source) for name, make in _ATTRIBUTES.items()}
        if path is not None:
            values["path"] = path
        return cls(**values)

    @classmethod
    def in_directory(cls, directory: PurePosixPath, clock_offset: timedelta, line: ListedLine) -> Entry:
        """Make an entry of a *line* of the listing of *directory*, as :meth:`from_line` does."""
        entry = cls.__new__(cls)
        entry.__dict__[_SOURCE] = directory, clock_offset, line
        return entry

    if not TYPE_CHECKING:  # else every misspelt attribute would pass

        def __getattr__(self, name: str) -> object:
            source, make = self.__dict__.get(_SOURCE), _ATTRIBUTES.get(name)
            if source is None or make is None:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            value = self.__dict__[name] = make(_Source(*source))
            return value

    def __getstate__(self) -> dict[str, object]:
        """Be pickled and copied as a whole."""
        return {name: getattr(self, name) for name in _ATTRIBUTES}


def _owner(facts: Facts) -> str | None:
    return _first(facts, "unix.ownername", "unix.owner", "unix.uid")


def _group(facts: Facts) -> str | None:
    return _first(facts, "unix.groupname", "unix.group", "unix.gid")


class _Source(NamedTuple):
    """What an entry is made of."""

    directory: PurePosixPath
    clock_offset: timedelta
    line: ListedLine


_ATTRIBUTES: dict[str, Callable[[_Source], Any]] = {
    "name": lambda of: of.line.name,
    "path": lambda of: of.directory / (of.line.name.rstrip("/") or of.line.name),
    "type": lambda of: _type(of.line.facts)[0],
    "size": lambda of: _size(of.line.facts.get("size")),
    "modify": lambda of: _modify(of.line, of.clock_offset)[0],
    "modify_precision": lambda of: _modify(of.line, of.clock_offset)[1],
    "mode": lambda of: _mode(of.line.facts.get("unix.mode")),
    "owner": lambda of: _owner(of.line.facts),
    "group": lambda of: _group(of.line.facts),
    "link_target": lambda of: _type(of.line.facts)[1],
    "raw": lambda of: of.line.raw,
    "facts": lambda of: of.line.facts,
}


def _type(facts: Facts) -> tuple[EntryType, str | None]:
    text = str(facts.get("type", ""))
    kind = _TYPES.get(text)
    if kind is not None and "link_dst" not in facts:
        return kind, None
    link = _LINK_TYPE.fullmatch(text)
    if link is not None:
        return EntryType.LINK, link["target"] or None
    if "link_dst" in facts:
        return EntryType.LINK, str(facts["link_dst"])
    return _TYPES.get(text.lower(), EntryType.OTHER), None


def _size(value: str | int | None) -> int | None:
    if isinstance(value, int):
        return value if value >= 0 else None
    return int(value) if value is not None and _SIZE.fullmatch(value) else None


def _mode(value: str | int | None) -> int | None:
    if isinstance(value, str):
        return int(value, 8) & _MODE_BITS if _MODE.fullmatch(value) else None
    return value


def _first(facts: Facts, *keys: str) -> str | None:
    """The first of *keys* that has a value."""
    return next((str(facts[key]) for key in keys if facts.get(key)), None)


def _modify(line: ListedLine, clock_offset: timedelta) -> tuple[datetime | None, timedelta | None]:
    moment = line.moment or parse_time_value(str(line.facts.get("modify", "")))
    if moment is None:
        return None, None
    clock = moment.clock
    if clock.tzinfo is UTC:
        return clock, moment.precision
    try:
        if clock.tzinfo is None:
            return (clock - clock_offset).replace(tzinfo=UTC), moment.precision
        return clock.astimezone(UTC), moment.precision
    except OverflowError:  # it is before the year 1 there, or after the year 9999
        return None, None
