"""The lines that IBM i (AS/400) sends for LIST: owner, size, date, type with an asterisk, name."""

from __future__ import annotations

import re

from transfer.ftp._listing._dates import format_clock, make_moment, parse_numbers
from transfer.ftp._listing._line import ListedLine, UnreadableLineError, decode_line, excerpt

__all__ = ["read_as400_line"]

_LINE = re.compile(
    r"[ \t]*(?P<owner>[^\s*]{1,32})[ \t]+(?:(?P<size>[0-9]{1,20})[ \t]+)?"
    r"(?:(?P<date>(?:[0-9]{4}|[0-9]{1,2})(?P<separator>[-/.])[0-9]{1,2}(?P=separator)(?:[0-9]{4}|[0-9]{2}))[ \t]+"
    r"(?P<hour>[0-9]{1,2})[:.](?P<minute>[0-9]{2})[:.](?P<second>[0-9]{2})[ \t]+)?"
    r"\*(?P<kind>[A-Z0-9]{2,10})[ \t]+(?P<name>\S.*)",
    re.DOTALL,
)
_DIRECTORIES = frozenset({"DIR", "DDIR", "LIB", "FLR"})
# A physical file in a library is a file for whoever asks by library names, and else has a slash at its end.
_FILES = frozenset({"STMF", "DSTMF", "MEM", "FILE", "SAVF", "DOC", "USRSPC", "PGM"})


def read_as400_line(raw: bytes | str, encoding: str = "utf-8") -> ListedLine:
    """Read a line such as ``QSYS  77824 02/23/00 15:09:55 *DIR  QOpenSys/``.

    The facts are ``type`` (``dir``, ``file``, ``link``, else ``unknown``), ``unix.owner``, ``as400.type`` and, as far
    as they are shown, ``size`` and ``modify`` (14 digits, the server's clock). The name has no slash at its end.

    Raises:
        UnreadableLineError: the line has no type with an asterisk, or no name, or an impossible date.
    """
    text = decode_line(raw, encoding)
    match = _LINE.fullmatch(text)
    if match is None:
        raise UnreadableLineError(f"not a line of IBM i: {excerpt(text)}")
    kind, name = match["kind"], match["name"].rstrip(" ")
    if match["date"] is None and kind not in _DIRECTORIES | _FILES:
        raise UnreadableLineError(f"line of IBM i has an unknown type and no date: {excerpt(text)}")
    facts: dict[str, str | int] = {
        "type": _type(kind, name),
        "unix.owner": match["owner"],
        "as400.type": f"*{kind}",
    }
    if match["size"] is not None:
        facts["size"] = match["size"]
    moment = None
    if match["date"] is not None:
        moment = make_moment(*parse_numbers(match["date"]), (match["hour"], match["minute"], match["second"]))
        if moment is None:
            raise UnreadableLineError(f"line of IBM i has an impossible date: {excerpt(text)}")
        facts["modify"] = format_clock(moment.clock)
    name = name.removesuffix("/") or name
    return ListedLine(name, facts, raw=raw if isinstance(raw, bytes) else b"", moment=moment)


def _type(kind: str, name: str) -> str:
    if kind in _DIRECTORIES or name.endswith("/"):
        return "dir"
    if kind == "SYMLNK":
        return "link"
    return "file" if kind in _FILES else "unknown"
