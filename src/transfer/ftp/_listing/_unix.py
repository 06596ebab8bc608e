"""The lines of ``ls -l``, which most servers send for LIST.

How this works: the permissions are at the beginning; then the leftmost number that a date follows is the size. What
is between the two is links, owner and group, as far as the server gives them, and after the date one space and the
name. Looking for the date first makes owners with spaces, missing columns and device numbers harmless.
"""

from __future__ import annotations

import re
import stat
from datetime import datetime
from pathlib import PurePosixPath

from transfer.ftp._listing._dates import LIST_DATE, format_clock, parse_list_date
from transfer.ftp._listing._line import ListedLine, UnreadableLineError, decode_line, excerpt

__all__ = ["parse_unix_line", "parse_unix_mode", "read_unix_line"]

# Types beyond -, d and l: devices, fifo, socket, door, contiguous, migrated, network, event port, whiteout.
# After the nine bits: an ACL (+), SELinux (.), extended attributes (@).
_BITS = r"[-r][-w][-xsS][-r][-w][-xsSlL][-r][-w][-xtT]"
_IS_BITS = re.compile(_BITS)
_PERMISSIONS = re.compile(rf"([-a-zA-Z])({_BITS})[+.@]?(?=[ \t0-9])")
# The look-behind and the limit keep this linear; 20 digits hold 2**64.
_SIZE_AND_DATE = re.compile(rf"(?<=[ \t,])(?P<size>[0-9]{{1,20}})[ \t]+(?P<date>{LIST_DATE}) ", re.IGNORECASE)
_TYPES = {"-": "file", "d": "dir", "l": "link"}
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
    permissions = _PERMISSIONS.match(text)
    found = _SIZE_AND_DATE.search(text, permissions.end()) if permissions is not None else None
    if permissions is None or found is None:
        raise UnreadableLineError(f"not a line of ls: {excerpt(text)}")
    moment = parse_list_date(found["date"], now)
    if moment is None:
        raise UnreadableLineError(f"line of ls has an impossible date: {excerpt(text)}")
    name = text[found.end() :]
    columns = text[permissions.end() : found.start()].split()
    size = found["size"]
    if columns and _MAJOR.fullmatch(columns[-1]):
        del columns[-1]
        size = "0"
    facts: dict[str, str | int] = {
        "type": _TYPES.get(permissions[1], "unknown"),
        "unix.mode": _mode(permissions[2]),
        **_columns(columns),
        "size": size,
        "modify": format_clock(moment.clock),
    }
    if permissions[1] == "l":
        name, arrow, target = name.partition(_ARROW)
        if arrow:
            facts["type"] = "dir" if target.endswith("/") else "file"
            facts["link_dst"] = target
    if not name:
        raise UnreadableLineError(f"line of ls has no name: {excerpt(text)}")
    return ListedLine(name, facts, raw=raw if isinstance(raw, bytes) else b"", moment=moment)


def parse_unix_line(
    raw: bytes | str, encoding: str = "utf-8", *, now: datetime
) -> tuple[PurePosixPath, dict[str, str | int]]:
    """Read a line as :func:`read_unix_line` does, into a path and a dictionary of facts.

    Raises:
        UnreadableLineError: as there.
    """
    line = read_unix_line(raw, encoding, now=now)
    return line.path, dict(line.facts)


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
