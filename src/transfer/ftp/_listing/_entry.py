"""Entry, a listed name with typed facts."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import PurePosixPath

import attrs

from transfer.ftp._listing._dates import parse_time_value
from transfer.ftp._listing._line import Facts, ListedLine

__all__ = ["Entry", "EntryType"]

# 2**64 - 1 has 20 digits; int() refuses more than 4300 with an error of its own.
_SIZE = re.compile(r"[0-9]{1,20}")
_MODE = re.compile(r"(?:0o)?[0-7]{1,7}")
_MODE_BITS = 0o7777
_NO_OFFSET = timedelta()
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


@attrs.frozen(kw_only=True)
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
        facts = line.facts
        kind, target = _type(facts)
        modify, precision = _modify(line, clock_offset)
        return cls(
            name=line.name,
            path=line.path if path is None else path,
            type=kind,
            size=_size(facts.get("size")),
            modify=modify,
            modify_precision=precision,
            mode=_mode(facts.get("unix.mode")),
            owner=_first(facts, "unix.ownername", "unix.owner", "unix.uid"),
            group=_first(facts, "unix.groupname", "unix.group", "unix.gid"),
            link_target=target,
            raw=line.raw,
            facts=facts,
        )


def _type(facts: Facts) -> tuple[EntryType, str | None]:
    text = str(facts.get("type", ""))
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
