"""EPLF, the "easily parsed LIST format": facts that end in commas, a tab, and the name."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from transfer.ftp._listing._dates import Moment, format_clock
from transfer.ftp._listing._line import ListedLine, UnreadableLineError, decode_line, excerpt

__all__ = ["read_eplf_line"]

_LINE = re.compile(r"\+((?:[^\t,]*,)*)\t(.+)", re.DOTALL)
# Eleven digits go to the year 5138.
_SECONDS = re.compile(r"m([0-9]{1,11})")
_SIZE = re.compile(r"s([0-9]{1,20})")
_MODE = re.compile(r"up([0-7]{3,4})")
_SECOND = timedelta(seconds=1)
_START = datetime(1970, 1, 1, tzinfo=UTC)


def read_eplf_line(raw: bytes | str, encoding: str = "utf-8") -> ListedLine:
    """Read a line of EPLF, such as ``+i8388621.29609,m824255902,/,<TAB>name``.

    The facts are ``type`` (``dir`` for ``/``, ``file`` for ``r``, else ``unknown``), ``size``, ``modify`` (14 digits,
    UTC), ``unix.mode`` and ``unique`` (``i``), as far as they are shown.

    Raises:
        UnreadableLineError: the line does not begin with a plus sign, or has no tab or no name.
    """
    text = decode_line(raw, encoding)
    match = _LINE.fullmatch(text)
    if match is None:
        raise UnreadableLineError(f"not a line of EPLF: {excerpt(text)}")
    facts: dict[str, str | int] = {"type": "unknown"}
    moment = None
    for fact in match[1].split(","):
        if fact == "/":
            facts["type"] = "dir"
        elif fact == "r":
            facts["type"] = "file"
        elif fact.startswith("i") and len(fact) > 1:
            facts["unique"] = fact[1:]
        elif size := _SIZE.fullmatch(fact):
            facts["size"] = size[1]
        elif seconds := _SECONDS.fullmatch(fact):
            moment = Moment(_START + timedelta(seconds=int(seconds[1])), _SECOND)
        elif mode := _MODE.fullmatch(fact):
            facts["unix.mode"] = int(mode[1], 8)
    if moment is not None:
        facts["modify"] = format_clock(moment.clock)
    return ListedLine(match[2], facts, raw=raw if isinstance(raw, bytes) else b"", moment=moment)
