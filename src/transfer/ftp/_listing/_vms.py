"""The lines of DIRECTORY, which servers on OpenVMS send for LIST.

How this works: a line is ``NAME.EXT;VERSION  used/allocated  12-JAN-2026 10:00:00  [GROUP,OWNER]  (RWED,…)``; what is
behind the date may be missing, and so may the number of blocks. A long name has a line of its own, and the rest of its
entry is on the next: :func:`is_vms_name` and :func:`is_vms_rest` tell who holds the first line back until the second.
"""

from __future__ import annotations

import re

from transfer.ftp._listing._dates import format_clock, make_moment
from transfer.ftp._listing._line import ListedLine, UnreadableLineError, decode_line, excerpt
from transfer.ftp._listing._months import ENGLISH

__all__ = ["is_vms_name", "is_vms_rest", "read_vms_line"]

_NAME = r"[^\s;/\[\]]{1,200}(?: [^\s;/\[\]]{1,200}){0,20};[0-9]{1,5}"
_BLOCKS = "[0-9]{1,12}(?:/[0-9]{1,12})?"
_REST = (
    rf"(?:(?P<blocks>{_BLOCKS})[ \t]+)?"
    rf"(?P<day>[0-9]{{1,2}})-(?P<month>{'|'.join(ENGLISH)})-(?P<year>[0-9]{{4}})"
    r"(?:[ \t]+(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.[0-9]{1,7})?)?)?"
    r"(?:[ \t]+\[(?:(?P<group>[^\[\],]{1,64}),)?(?P<owner>[^\[\],]{1,64})\])?"
    r"(?:[ \t]+\((?P<protection>[RWEDrwed,]{0,32})\))?[ \t]*"
)
_LINE = re.compile(rf"[ \t]*(?P<name>{_NAME})[ \t]+{_REST}", re.IGNORECASE)
_IS_NAME = re.compile(rf"[ \t]*{_NAME}[ \t]*".encode(), re.IGNORECASE)
_IS_REST = re.compile(rf"[ \t]+{_REST}".encode(), re.IGNORECASE)
_DIRECTORY = re.compile(r"(.+)\.DIR;[0-9]+", re.IGNORECASE | re.DOTALL)
_MONTHS = {name: number for number, name in enumerate(ENGLISH, 1)}


def is_vms_name(raw: bytes) -> bool:
    """Tell whether *raw* is a name with a version and nothing else: its entry may go on in the next line."""
    return _IS_NAME.fullmatch(raw.rstrip(b"\r\n")) is not None


def is_vms_rest(raw: bytes) -> bool:
    """Tell whether *raw* is what follows a name that has a line of its own."""
    return _IS_REST.fullmatch(raw.rstrip(b"\r\n")) is not None


def read_vms_line(raw: bytes | str, encoding: str = "utf-8") -> ListedLine:
    """Read an entry of DIRECTORY, both lines in one where it has two.

    The facts are ``type``, ``modify`` (14 digits, the server's clock), and as far as they are shown ``vms.blocks``
    (used, of 512 octets), ``unix.owner``, ``unix.group`` and ``vms.protection``. There is no ``size``: blocks do not
    say how many octets there are. ``SUB.DIR;1`` is the directory ``SUB``; files keep their versions, so that no two
    have one name.

    Raises:
        UnreadableLineError: the line does not begin with a name and its version, or a date does not follow.
    """
    text = decode_line(raw, encoding)
    match = _LINE.fullmatch(text)
    if match is None:
        raise UnreadableLineError(f"not a line of DIRECTORY: {excerpt(text)}")
    shown = match["hour"], match["minute"], match["second"]
    moment = make_moment(int(match["year"]), _MONTHS[match["month"].lower()], int(match["day"]), shown)
    if moment is None:
        raise UnreadableLineError(f"line of DIRECTORY has an impossible date: {excerpt(text)}")
    directory = _DIRECTORY.fullmatch(match["name"])
    facts: dict[str, str | int] = {
        "type": "file" if directory is None else "dir",
        "modify": format_clock(moment.clock),
    }
    shown_facts = {
        "vms.blocks": (match["blocks"] or "").partition("/")[0],
        "unix.owner": match["owner"],
        "unix.group": match["group"],
        "vms.protection": match["protection"],
    }
    facts |= {key: value for key, value in shown_facts.items() if value}
    name = match["name"] if directory is None else directory[1]
    return ListedLine(name, facts, raw=raw if isinstance(raw, bytes) else b"", moment=moment)
