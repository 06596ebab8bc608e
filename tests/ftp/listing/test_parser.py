from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.ftp._listing import (
    Entry,
    Facts,
    ListedLine,
    ListingParser,
    SkippedLine,
    UnreadableLineError,
    read_mlsx_line,
)

NOW = datetime(2024, 6, 15, 12, 0, tzinfo=UTC)
UNIX = b"-rw-r--r-- 1 o g 12 Jan  5 12:30 x"
WINDOWS = b"06-07-22  12:55PM       <DIR>          x"


def custom(raw: bytes) -> tuple[PurePosixPath, Facts]:
    if not raw.startswith((b"*", b"-rw")):
        raise ValueError
    return PurePosixPath("mine"), {"type": "file", "modify": "20240102030405"}


@pytest.mark.parametrize("raw", [UNIX, WINDOWS])
def test_each_format_is_found(raw: bytes) -> None:
    line = ListingParser(now=NOW).parse(raw + b"\r\n")
    assert isinstance(line, ListedLine)
    assert line.name == "x"


@pytest.mark.parametrize(
    "raw", [b"", b"\r\n", b"  ", b"total 12", b"total 0\r\n", b"Total 1.5M\n", b"total\t12K", b"TOTAL 1,024 "]
)
def test_a_header_is_no_entry(raw: bytes) -> None:
    assert ListingParser().parse(raw) is None


@pytest.mark.parametrize(
    "raw", [b"junk", b"total eclipse", b"totals 5", b"/pub:", b"\xff\x00", b"-rw-r--r-- 1 o g 12 Feb 30  2020 x"]
)
def test_a_strange_line_is_skipped_with_its_octets(raw: bytes) -> None:
    skipped = ListingParser().parse(raw)
    assert isinstance(skipped, SkippedLine)
    assert skipped.raw == raw
    assert skipped.reason


def test_a_parser_of_the_programs_own_is_asked_first_or_last() -> None:
    first = ListingParser(custom=custom, now=NOW).parse(UNIX)
    last = ListingParser(custom=custom, custom_first=False, now=NOW).parse(UNIX)
    assert isinstance(first, ListedLine)
    assert isinstance(last, ListedLine)
    assert (first.name, last.name) == ("mine", "x")
    for custom_first in (True, False):
        parser = ListingParser(custom=custom, custom_first=custom_first, now=NOW)
        line, other = parser.parse(b"*strange"), parser.parse(WINDOWS)
        assert isinstance(line, ListedLine)
        assert isinstance(other, ListedLine)
        assert (line.name, line.raw, other.name) == ("mine", b"*strange", "x")


def test_a_fault_of_the_programs_own_parser_is_not_hidden() -> None:
    def broken(raw: bytes) -> tuple[PurePosixPath, Facts]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ListingParser(custom=broken).parse(UNIX)


@pytest.mark.parametrize("error", [ValueError, KeyError, IndexError, UnicodeDecodeError("x", b"", 0, 1, "y")])
def test_a_parser_declines_by_an_error(error: type[Exception] | Exception) -> None:
    def decline(raw: bytes) -> tuple[PurePosixPath, Facts]:
        raise error

    assert isinstance(ListingParser(custom=decline, now=NOW).parse(UNIX), ListedLine)
    assert isinstance(ListingParser(custom=decline).parse(b"junk"), SkippedLine)


def test_dates_are_near_to_the_present_of_the_servers_zone() -> None:
    line = ListingParser().parse(UNIX)
    assert isinstance(line, ListedLine)
    modify = Entry.from_line(line).modify
    assert modify is not None
    assert abs(modify - datetime.now(UTC)) < timedelta(days=184)


@pytest.mark.parametrize("now", [NOW, NOW.replace(tzinfo=None)])
def test_the_time_may_be_aware_or_naive(now: datetime) -> None:
    line = ListingParser(now=now).parse(UNIX)
    assert isinstance(line, ListedLine)
    assert line.facts["modify"] == "20240105123000"


@pytest.mark.parametrize(("hours", "year"), [(0, "2022"), (12, "2023")])
def test_the_year_is_nearest_by_the_servers_clock(hours: int, year: str) -> None:
    now = datetime(2023, 7, 1, 18, 0, tzinfo=UTC)
    parser = ListingParser(now=now, clock_offset=timedelta(hours=hours))
    line = parser.parse(b"-rw-r--r-- 1 o g 12 Dec 31 12:00 x")
    assert isinstance(line, ListedLine)
    assert line.facts["modify"] == f"{year}1231120000"


def test_a_time_from_custom_facts_is_the_servers_clock() -> None:
    zone = timezone(timedelta(hours=3))
    line = ListingParser(custom=custom).parse(b"*")
    assert isinstance(line, ListedLine)
    assert Entry.from_line(line, clock_offset=timedelta(hours=3)).modify == datetime(2024, 1, 2, 3, 4, 5, tzinfo=zone)


def test_one_line_alone_is_read() -> None:
    line = ListingParser(now=NOW).read_line(UNIX)
    assert (line.name, line.facts["size"]) == ("x", "12")
    assert ListingParser(custom=custom).read_line(b"*").name == "mine"
    assert ListingParser(custom=custom, custom_first=False, now=NOW).read_line(UNIX).name == "x"


@pytest.mark.parametrize("raw", [b"junk", b"total 5", b""])
def test_one_line_alone_is_refused(raw: bytes) -> None:
    with pytest.raises(UnreadableLineError):
        ListingParser().read_line(raw)


def test_mlsx_lines_go_the_same_way() -> None:
    skipped: list[SkippedLine] = []
    reader = ListingParser().read_mlsd(skipped.append)
    found = [reader.read(raw) for raw in (b"type=dir; x", b"junk", b"\r\n", b" y")]
    reader.finish()
    assert [line and line.name for line in found] == ["x", None, None, "y"]
    assert [line.raw for line in skipped] == [b"junk"]


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1", "cp1251", "shift_jis", "gb18030"])
def test_undecodable_names_give_back_their_octets(encoding: str) -> None:
    name = b"caf\xe9 \xff\x81"
    line = ListingParser(encoding=encoding, now=NOW).parse(b"-rw-r--r-- 1 o g 12 Jan  5  2020 " + name)
    assert isinstance(line, ListedLine)
    assert line.name.encode(encoding, "surrogateescape") == name


@given(st.binary(max_size=200), st.sampled_from(["utf-8", "latin-1", "shift_jis", "utf-16", "iso2022_jp"]))
def test_any_octets_are_an_entry_or_skipped(raw: bytes, encoding: str) -> None:
    line = ListingParser(encoding=encoding, now=NOW).parse(raw)
    assert isinstance(line, ListedLine | SkippedLine | None)
    if isinstance(line, ListedLine):
        Entry.from_line(line)


@pytest.mark.parametrize(
    "raw",
    [
        b"-rw-r--r-- " + b"1 " * 8000,
        b"-rw-r--r-- " + b"1" * 16000,
        b"-rw-r--r-- 1" + b" " * 16000,
        b"-rw-r--r-- " + b"1 Jan " * 2500,
        b"-rw-r--r-- " + b"1 Jan 1 " * 2000,
        b"-rw-r--r-- 1 Jan" + b" " * 16000 + b"1",
        b"06-07-22  12:55PM  <SYMLINK>  " + b"x [" * 5000 + b"]",
        b"06-07-22" + b" " * 16000,
        b"a=b;" * 4000,
        b"a=" + b"=" * 16000,
    ],
)
def test_a_line_of_full_length_is_done_with(raw: bytes) -> None:
    """These make a pattern that backtracks take minutes; the run's time limit would end them."""
    assert isinstance(ListingParser(now=NOW).parse(raw), ListedLine | SkippedLine)
    with pytest.raises(UnreadableLineError):
        read_mlsx_line(raw)


# -- methods of the program's own ------------------------------------------------------------------------------------


def mine(raw: bytes) -> tuple[PurePosixPath, Facts]:
    if not raw.startswith((b"-", b"type=", b"06")):
        raise ValueError("not mine")
    return PurePosixPath("mine"), {"type": "file", "modify": "20240102030405"}


def names(parser: ListingParser, *lines: bytes) -> list[str]:
    reader = parser.read_list(lambda line: None)
    return [line.name for raw in lines if (line := reader.read(raw)) is not None]


def test_a_method_that_is_overridden_reads_its_own_format_only() -> None:
    assert names(ListingParser(overrides={"parse_list_line_unix": mine}, now=NOW), UNIX, WINDOWS) == ["mine", "mine"]
    assert names(ListingParser(overrides={"parse_list_line_windows": mine}, now=NOW), UNIX, WINDOWS) == ["x", "mine"]
    assert names(ListingParser(overrides={"parse_mlsx_line": mine}, now=NOW), UNIX, WINDOWS) == ["x", "x"]


def test_a_parse_list_line_of_the_programs_own_is_all_there_is() -> None:
    parser = ListingParser(overrides={"parse_list_line": mine}, custom=custom, now=NOW)
    assert names(parser, UNIX, b"+/,\tx", b"*strange") == ["mine"]


def test_the_time_of_such_a_method_is_the_servers_clock_in_list_and_utc_in_mlsd() -> None:
    overrides = {"parse_list_line_unix": mine, "parse_mlsx_line": mine}
    parser = ListingParser(overrides=overrides, now=NOW)
    listed = parser.read_list(lambda line: None).read(UNIX)
    facts = parser.read_mlsd(lambda line: None).read(b"type=file; x")
    assert listed is not None
    assert facts is not None
    offset = timedelta(hours=3)
    assert Entry.from_line(listed, clock_offset=offset).modify == datetime(2024, 1, 2, 0, 4, 5, tzinfo=UTC)
    assert Entry.from_line(facts, clock_offset=offset).modify == datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_a_time_beyond_what_there_is_is_none() -> None:
    line = ListingParser().parse(b"-rw-r--r-- 1 o g 12 9999-12-31 23:00 x")
    assert isinstance(line, ListedLine)
    assert Entry.from_line(line, clock_offset=timedelta(hours=-3)).modify is None


def test_a_method_that_is_overridden_reads_the_reply_to_mlst() -> None:
    parser = ListingParser(overrides={"parse_mlsx_line": mine})
    line = parser.read_mlst(["begin", " type=file; x", "end"])
    assert (line.name, line.raw) == ("mine", b"type=file; x")
    with pytest.raises(UnreadableLineError):
        parser.read_mlst(["begin", " other", "end"])
    assert ListingParser().read_mlst(["begin", " type=file; x", "end"]).name == "x"


MLSD_LINES = st.binary(max_size=40) | st.sampled_from(
    [b"type=file; a", b"type=file; a\r", b"Type=DIR;size=1; b c", b"type=a b;x=y; c", b" d", b"junk", b"", b"x=1 e"]
)


@given(st.lists(MLSD_LINES, max_size=12), st.sampled_from(["utf-8", "latin-1", "shift_jis", "utf-16", "iso2022_jp"]))
def test_many_lines_of_mlsd_are_read_as_one_by_one(lines: list[bytes], encoding: str) -> None:
    at_once: list[SkippedLine] = []
    one_by_one: list[SkippedLine] = []
    parser = ListingParser(encoding=encoding)
    found = parser.read_mlsd(at_once.append).read_all(lines)
    reader = parser.read_mlsd(one_by_one.append)
    expected = [line for raw in lines if (line := reader.read(raw)) is not None]
    assert [(line.name, line.facts, line.raw) for line in found] == [
        (line.name, line.facts, line.raw) for line in expected
    ]
    assert at_once == one_by_one
