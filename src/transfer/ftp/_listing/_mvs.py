"""The lines that z/OS sends for LIST: data sets, members of a partitioned data set, jobs.

How this works: each of the three kinds of listing begins with a header. Jobs, members with statistics and most data
sets are known by their columns. A member without statistics is a bare name, and a data set on tape little more: these
could be anything, and are only read below their header (:func:`after_mvs_header`).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from transfer.ftp._listing._dates import format_clock, make_moment
from transfer.ftp._listing._line import ListedLine, UnreadableLineError, decode_line, excerpt

__all__ = ["after_mvs_header", "read_mvs_line"]

_DATA_SETS_HEADER = re.compile(rb"[ ]*Volume[ ]+Unit[ ]+Referred[ ].*", re.IGNORECASE | re.DOTALL)
_MEMBERS_HEADER = re.compile(rb"[ ]*Name[ ]+(?:VV\.MM[ ]+Created|Size[ ]+TTR)[ ].*", re.IGNORECASE | re.DOTALL)
_JOBS_HEADER = re.compile(rb"[ ]*JOBNAME[ ]+JOBID[ ]+OWNER[ ]+STATUS.*", re.IGNORECASE | re.DOTALL)

_QUALIFIER = "[A-Z@#$][A-Z0-9@#$-]{0,7}"
_DATA_SET = rf"'?(?P<name>{_QUALIFIER}(?:\.{_QUALIFIER}){{0,21}})'?"
_ON_DISK = re.compile(
    r"(?P<volume>[A-Z0-9@#$+]{1,6}) +(?P<unit>[0-9A-Z]{4}) +"
    r"(?P<referred>[0-9]{4}/[0-9]{2}/[0-9]{2}|\*\*NONE\*\*) +(?P<extents>[0-9]{1,6}) +(?P<used>[0-9]{1,10}\+?) +"
    rf"(?P<format>[A-Z?]{{1,4}}) +(?P<length>[0-9]{{1,6}}) +(?P<block>[0-9]{{1,6}}) +(?P<organization>[A-Z-]{{2,4}}) +"
    rf"{_DATA_SET} *"
)
_ELSEWHERE = (
    re.compile(rf"(?:[A-Z0-9@#$+]{{1,6}} +)?(?P<organization>VSAM|GDG|PATH|AIX|CLUSTER|DATA|INDEX) +{_DATA_SET} *"),
    re.compile(rf"(?P<organization>Pseudo Directory) +{_DATA_SET} *"),
    re.compile(rf"(?P<organization>Migrated|ARCIVE|Not Mounted) +(?:Not Direct Access Device +)?{_DATA_SET} *"),
    re.compile(rf"[A-Z0-9@#$+]{{1,6}} +(?P<organization>Tape|Not Direct Access Device|Not Mounted) +{_DATA_SET} *"),
)
_PARTITIONED = frozenset({"PO", "PO-E", "POU", "PSEUDO DIRECTORY"})
_SEQUENTIAL = frozenset({"PS", "PS-E", "PSU", "DA", "DAU"})

_MEMBER_NAME = "[A-Z@#$][A-Z0-9@#${]{0,7}"
_MEMBER = re.compile(
    rf" ?(?P<name>{_MEMBER_NAME}) +(?P<version>[0-9]{{2}}\.[0-9]{{2}}) +(?P<created>[0-9]{{4}}/[0-9]{{2}}/[0-9]{{2}}) +"
    r"(?P<year>[0-9]{4})/(?P<month>[0-9]{2})/(?P<day>[0-9]{2}) +"
    r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}))?"
    r"(?: +(?P<records>[0-9]{1,10}) +[0-9]{1,10} +[0-9]{1,10})?(?: +(?P<owner>[A-Z0-9@#$-]{1,8}))? *"
)
# Under the other header, of load modules, columns of hexadecimal digits and attributes follow.
_BARE_MEMBER = re.compile(rf" ?(?P<name>{_MEMBER_NAME})(?: +[0-9A-F]{{6,8}} +[0-9A-F]{{6}}(?: .{{0,200}})?)? *")

_JOB = re.compile(
    r"(?P<job>[A-Z@#$][A-Z0-9@#$]{0,7}) +(?P<name>(?:JOB|TSU|STC|J|T|S)[0-9]{5,7}) +(?:(?P<owner>[A-Z0-9@#$*]{1,8}) +)?"
    r"(?P<status>INPUT|HELD|ACTIVE|OUTPUT)(?: .{0,200})?"
)


def after_mvs_header(raw: bytes) -> Callable[..., ListedLine] | None:
    """Return what reads the lines that are known only below the header *raw*; None where *raw* is no header."""
    if _DATA_SETS_HEADER.fullmatch(raw) is not None:
        return _read_data_set
    if _MEMBERS_HEADER.fullmatch(raw) is not None:
        return _read_bare_member
    return read_mvs_line if _JOBS_HEADER.fullmatch(raw) is not None else None


def read_mvs_line(raw: bytes | str, encoding: str = "utf-8") -> ListedLine:
    """Read a data set, a member with statistics, or a job.

    The facts of a data set are ``type`` (``dir`` of a partitioned one, ``file`` of a sequential one, else ``unknown``),
    ``mvs.organization``, and as far as they are shown ``mvs.volume``, ``mvs.referred``, ``mvs.format`` and
    ``mvs.length``; quotes around its name are left out. Those of a member are ``type``, ``modify`` (14 digits, the
    server's clock), ``unix.owner`` and ``mvs.records``. A job is a file of the name that RETR takes, its id, with
    ``mvs.job``, ``mvs.status`` and ``unix.owner``. None has a ``size``: z/OS does not say how many octets there are.

    Raises:
        UnreadableLineError: the line is none of these.
    """
    text = decode_line(raw, encoding)
    line = _member(text) or _job(text) or _data_set(text)
    if line is None:
        raise UnreadableLineError(f"not a line of z/OS: {excerpt(text)}")
    return line if isinstance(raw, str) else ListedLine(line.name, line.facts, raw=raw, moment=line.moment)


def _read_bare_member(raw: bytes | str, encoding: str) -> ListedLine:
    text = decode_line(raw, encoding)
    match = _BARE_MEMBER.fullmatch(text)
    if match is None:
        raise UnreadableLineError(f"not a member of a data set: {excerpt(text)}")
    return ListedLine(match["name"], {"type": "file"}, raw=raw if isinstance(raw, bytes) else b"")


def _read_data_set(raw: bytes | str, encoding: str) -> ListedLine:
    text = decode_line(raw, encoding)
    match = next((match for form in _ELSEWHERE if (match := form.fullmatch(text))), None)
    if match is None:
        raise UnreadableLineError(f"not a data set: {excerpt(text)}")
    return ListedLine(match["name"], _data_set_facts(match), raw=raw if isinstance(raw, bytes) else b"")


def _member(text: str) -> ListedLine | None:
    match = _MEMBER.fullmatch(text)
    if match is None:
        return None
    shown = match["hour"], match["minute"], match["second"]
    moment = make_moment(int(match["year"]), int(match["month"]), int(match["day"]), shown)
    if moment is None:
        return None
    facts = {"type": "file", "modify": format_clock(moment.clock)}
    facts |= _shown(match, {"unix.owner": "owner", "mvs.records": "records"})
    return ListedLine(match["name"], facts, moment=moment)


def _job(text: str) -> ListedLine | None:
    match = _JOB.fullmatch(text)
    if match is None:
        return None
    facts = _shown(match, {"mvs.job": "job", "mvs.status": "status", "unix.owner": "owner"})
    return ListedLine(match["name"], {"type": "file"} | facts)


def _data_set(text: str) -> ListedLine | None:
    match = _ON_DISK.fullmatch(text)
    return None if match is None else ListedLine(match["name"], _data_set_facts(match))


def _data_set_facts(match: re.Match[str]) -> dict[str, str]:
    organization = match["organization"].upper()
    kind = "dir" if organization in _PARTITIONED else "file" if organization in _SEQUENTIAL else "unknown"
    columns = ("organization", "volume", "referred", "format", "length")
    return {"type": kind} | _shown(match, {f"mvs.{column}": column for column in columns})


def _shown(match: re.Match[str], columns: dict[str, str]) -> dict[str, str]:
    """The facts that *match* has, by the names of its groups."""
    found = match.groupdict()
    return {fact: value for fact, column in columns.items() if (value := found.get(column))}
