"""The lines of DIR, which IIS and other servers on Windows send for LIST."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from transfer.ftp._listing._dates import Moment, format_clock, make_clock, parse_numbers
from transfer.ftp._listing._line import ListedLine, UnreadableLineError, decode_line, excerpt

__all__ = ["read_windows_line"]

_LINE = re.compile(
    r"(?P<date>(?:[0-9]{4}|[0-9]{1,2})(?P<separator>[-/.])[0-9]{1,2}(?P=separator)(?:[0-9]{4}|[0-9]{2}))"
    r"[ \t]+(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::[0-9]{2})?[ \t]?(?P<half>[AP]M?)?"
    # DIR writes "<DIR>" and ten spaces, so that more of them belong to the name; a size is followed by one space.
    r"(?:[ \t]+<(?P<kind>DIR|JUNCTION|SYMLINKD?)>(?: {10}|[ \t]+)|[ \t]+(?P<size>[0-9][0-9.,]{0,26}) )(?P<name>.+)",
    re.IGNORECASE | re.DOTALL,
)
_MINUTE = timedelta(minutes=1)


def read_windows_line(raw: bytes | str, encoding: str = "utf-8") -> ListedLine:
    """Read a line of DIR.

    The facts are ``type`` (``file`` or ``dir``), ``modify`` (14 digits, the server's clock), of a file ``size`` and of
    a junction or link ``link_dst``. Years have two or four digits, hours 12 or 24. The month is first, as IIS writes
    it, unless dots separate the numbers or the first is above 12.

    Args:
        raw: the line, with or without its end.
        encoding: of the line; invalid octets become lone surrogates.

    Raises:
        UnreadableLineError: the line does not begin with a date that exists, or has no size or no name.
    """
    text = decode_line(raw, encoding)
    match = _LINE.fullmatch(text)
    clock = _clock(match) if match is not None else None
    if match is None or clock is None:
        raise UnreadableLineError(f"not a line of DIR: {excerpt(text)}")
    name, kind = match["name"], (match["kind"] or "").upper()
    facts: dict[str, str | int] = {
        "modify": format_clock(clock),
        "type": "dir" if kind in {"DIR", "JUNCTION", "SYMLINKD"} else "file",
    }
    if match["size"] is not None:
        facts["size"] = re.sub("[.,]", "", match["size"])
    if kind not in {"", "DIR"} and name.endswith("]") and name.find(" [") > 0:
        name, _, target = name[:-1].partition(" [")
        facts["link_dst"] = target
    return ListedLine(name, facts, raw=raw if isinstance(raw, bytes) else b"", moment=Moment(clock, _MINUTE))


def _clock(match: re.Match[str]) -> datetime | None:
    hour, half = int(match["hour"]), (match["half"] or "").upper()
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half.startswith("P") else 0)
    return make_clock(*parse_numbers(match["date"]), (hour, int(match["minute"]), 0))
