"""The lines of ``ls -l``, which most servers send for LIST.

How this works: the permissions are at the beginning; then the leftmost number that a date follows is the size. What
is between the two is links, owner and group, as far as the server gives them, and after the date one space and the
name. Looking for the date first makes owners with spaces, missing columns and device numbers harmless. Lines with the
usual columns, and the month in English, are read by one pattern, with the same result.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache

from transfer.ftp._listing._dates import ENGLISH, Moment, find_list_date, format_clock, make_moment
from transfer.ftp._listing._line import ListedLine, UnreadableLineError, decode_line, excerpt

__all__ = ["parse_unix_mode", "read_unix_columns", "read_unix_line"]

# Types beyond -, d and l: devices, fifo, socket, door, contiguous, migrated, network, event port, whiteout.
# After the nine bits: an ACL (+), SELinux (.), extended attributes (@).
_BITS = r"[-r][-w][-xsS][-r][-w][-xsSlL][-r][-w][-xtT]"
_IS_BITS = re.compile(_BITS)
_PERMISSIONS = re.compile(rf"([-a-zA-Z])({_BITS})[+.@]?(?=[ \t0-9])")
# The look-behind and the limit keep this linear; 20 digits hold 2**64.
_SIZE = re.compile(r"(?<=[ \t,])([0-9]{1,20})[ \t]+")
_USUAL = re.compile(
    rf"([-dl])({_BITS})[+.@]?[ \t]+([0-9]{{1,20}})[ \t]+([^ \t]+)[ \t]+([^ \t]+)[ \t]+([0-9]{{1,20}})[ \t]+"
    rf"({'|'.join(name.capitalize() for name in ENGLISH)}) +([0-9]{{1,2}}) +"
    r"(?:([12][0-9]{3})|([0-9]{1,2}):([0-5][0-9])) (.+)",
    re.DOTALL,
)
# The usual columns up to the size; `ls` gives twelve letters to the date, whatever its language.
_COLUMNS = re.compile(
    r"([-a-zA-Z])([-a-zA-Z]{9})[+.@]?[ \t]+([0-9]{1,20})[ \t]+([^ \t]+)[ \t]+([^ \t]+)[ \t]+([0-9]{1,20})[ \t]+"
    r"(.{12}) (.+)",
    re.DOTALL,
)
_MONTHS = {name.capitalize(): number for number, name in enumerate(ENGLISH, 1)}
_TYPES = {"-": "file", "d": "dir", "l": "link"}
# Type, permissions, columns between them and the size, size, time, name.
_Parts = tuple[str, str, dict[str, str], str, Moment, str]
_ARROW = " -> "
# Of "4, 64", which a device has in place of a size.
_MAJOR = re.compile(r"[0-9]+,")

# The execute letters, and what each adds besides: S and T are without execute, l is mandatory locking (setgid without
# execute, as System V writes it).
_EXECUTE = frozenset("xst")
_SPECIAL = {2: ("sS", stat.S_ISUID), 5: ("sSlL", stat.S_ISGID), 8: ("tT", stat.S_ISVTX)}


def parse_unix_mode(text: str) -> int:
    """Turn nine letters such as ``rwxr-xr-x`` into the twelve mode bits.

    Raises:
        UnreadableLineError: *text* is not nine such letters.
    """
    if _IS_BITS.fullmatch(text) is None:
        raise UnreadableLineError(f"{excerpt(text)} is not a list of permissions")
    return _mode(text)


def read_unix_line(raw: bytes | str, encoding: str = "utf-8", *, now: datetime) -> ListedLine:
    """Read a line of ``ls -l``.

    The facts are ``type`` (``file``, ``dir``, ``unknown``; of a link ``dir`` where its target ends with a slash, else
    ``file``, and ``link`` where no target is shown), ``unix.mode`` (an int), ``size``, ``modify`` (14 digits, the
    server's clock) and, where they are shown, ``unix.links``, ``unix.owner``, ``unix.group`` and ``link_dst``. A
    device has the size 0.

    Args:
        raw: the line, with or without its end.
        encoding: of the line; invalid octets become lone surrogates.
        now: the server's clock, naive, which dates without a year are near to.

    Raises:
        UnreadableLineError: the line has no permissions, no date or no name.
    """
    text = decode_line(raw, encoding)
    kind, letters, columns, size, moment, name = _usual(text, now) or _unusual(text, now)
    facts: dict[str, str | int] = {
        "type": _TYPES.get(kind, "unknown"),
        "unix.mode": _mode(letters),
        **columns,
        "size": size,
        "modify": format_clock(moment.clock),
    }
    return _listed(raw, name, facts, moment, is_link=kind == "l")


def read_unix_columns(
    raw: bytes | str, encoding: str, *, read_mode: Callable[[str], int], read_date: Callable[[str], str]
) -> ListedLine:
    """Read a line of ``ls -l`` that has all of its columns, and whose permissions and date the program reads itself.

    Args:
        raw: the line, with or without its end.
        encoding: of the line.
        read_mode: makes the mode of nine letters.
        read_date: makes 14 digits of the twelve letters after the size, without the spaces around them.

    Raises:
        UnreadableLineError: the line has other columns; the rest as the two raise.
    """
    text = decode_line(raw, encoding)
    match = _COLUMNS.fullmatch(text)
    if match is None:
        raise UnreadableLineError(f"not a line of ls: {excerpt(text)}")
    kind, letters, links, owner, group, size, date, name = match.groups()
    facts: dict[str, str | int] = {
        "type": _TYPES.get(kind, "unknown"),
        "unix.mode": read_mode(letters),
        "unix.links": links,
        "unix.owner": owner,
        "unix.group": group,
        "size": size,
        "modify": read_date(date.strip()),
    }
    return _listed(raw, name, facts, None, is_link=kind == "l")


def _listed(
    raw: bytes | str, name: str, facts: dict[str, str | int], moment: Moment | None, *, is_link: bool
) -> ListedLine:
    if is_link:
        name, arrow, target = name.partition(_ARROW)
        if arrow:
            facts["type"] = "dir" if target.endswith("/") else "file"
            facts["link_dst"] = target
    if not name:
        raise UnreadableLineError(f"line of ls has no name: {excerpt(raw)}")
    return ListedLine(name, facts, raw=raw if isinstance(raw, bytes) else b"", moment=moment)


def _usual(text: str, now: datetime) -> _Parts | None:
    match = _USUAL.fullmatch(text)
    if match is None:
        return None
    kind, letters, links, owner, group, size, month, day, year, hour, minute, name = match.groups()
    moment = make_moment(int(year) if year else None, _MONTHS[month], int(day), (hour, minute, None), now)
    if moment is None:
        raise UnreadableLineError(f"line of ls has an impossible date: {excerpt(text)}")
    return kind, letters, {"unix.links": links, "unix.owner": owner, "unix.group": group}, size, moment, name


def _unusual(text: str, now: datetime) -> _Parts:
    permissions = _PERMISSIONS.match(text)
    if permissions is None:
        raise UnreadableLineError(f"not a line of ls: {excerpt(text)}")
    for found in _SIZE.finditer(text, permissions.end()):
        dated = find_list_date(text, found.end(), now)
        if dated is None:
            continue
        moment, end = dated
        columns = text[permissions.end() : found.start()].split()
        size = found[1]
        if columns and _MAJOR.fullmatch(columns[-1]):
            del columns[-1]
            size = "0"
        return permissions[1], permissions[2], _columns(columns), size, moment, text[end + 1 :]
    raise UnreadableLineError(f"line of ls has no date that exists: {excerpt(text)}")


@lru_cache(maxsize=256)
def _mode(letters: str) -> int:
    mode = 0
    for position, letter in enumerate(letters):
        is_set = letter in _EXECUTE if position % 3 == 2 else letter != "-"
        mode |= is_set << (8 - position)
        special, bit = _SPECIAL.get(position, ("", 0))
        if letter in special:
            mode |= bit
    return mode


def _columns(columns: list[str]) -> dict[str, str]:
    """Name what is between the permissions and the size; a group may be several words, or missing."""
    facts: dict[str, str] = {}
    if columns and columns[0].isdecimal():
        facts["unix.links"] = columns.pop(0)
    if columns:
        facts["unix.owner"] = columns.pop(0)
    if columns:
        facts["unix.group"] = " ".join(columns)
    return facts
