from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta, timezone
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.ftp._listing import Entry, EntryType, ListedLine, read_mlsx_line, read_unix_line, read_windows_line

NOW = datetime(2024, 6, 15, 12, 0)  # noqa: DTZ001
TOKYO = timezone(timedelta(hours=9))


def test_an_entry_of_mlsd() -> None:
    raw = (
        b"Type=file;Size=1234;Modify=20240102030405.678;UNIX.mode=0644;UNIX.ownername=me;UNIX.owner=1000;"
        b"UNIX.gid=5;X=y; a b"
    )
    entry = Entry.from_line(read_mlsx_line(raw), path=PurePosixPath("/pub/a b"), clock_offset=timedelta(hours=9))
    assert entry == Entry(
        name="a b",
        path=PurePosixPath("/pub/a b"),
        type=EntryType.FILE,
        size=1234,
        modify=datetime(2024, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC),
        modify_precision=timedelta(milliseconds=1),
        mode=0o644,
        owner="me",
        group="5",
        raw=raw,
        facts=entry.facts,
    )
    assert entry.facts["x"] == "y"


def test_an_entry_of_list() -> None:
    raw = b"lrwxrwxrwx 1 root staff 7 Apr 30  2020 bin -> usr/bin"
    entry = Entry.from_line(read_unix_line(raw, now=NOW), clock_offset=timedelta(hours=9))
    assert entry == Entry(
        name="bin",
        path=PurePosixPath("bin"),
        type=EntryType.LINK,
        size=7,
        modify=datetime(2020, 4, 30, tzinfo=TOKYO),
        modify_precision=timedelta(days=1),
        mode=0o777,
        owner="root",
        group="staff",
        link_target="usr/bin",
        raw=raw,
        facts=entry.facts,
    )


def test_an_entry_of_dir() -> None:
    entry = Entry.from_line(read_windows_line(b"06-07-22  12:55PM       <DIR>          docs"))
    assert (entry.type, entry.size, entry.mode, entry.owner) == (EntryType.DIRECTORY, None, None, None)
    assert entry.modify == datetime(2022, 6, 7, 12, 55, tzinfo=UTC)
    assert entry.modify_precision == timedelta(minutes=1)


def test_the_zone_that_a_line_says_wins() -> None:
    line = read_unix_line("-rw-r--r-- 1 o g 12 2020-01-05 12:30:15.0 +0200 x", now=NOW)
    assert Entry.from_line(line, clock_offset=timedelta(hours=9)).modify == datetime(2020, 1, 5, 10, 30, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected", "target"),
    [
        ("file", EntryType.FILE, None),
        ("FILE", EntryType.FILE, None),
        ("dir", EntryType.DIRECTORY, None),
        ("cdir", EntryType.CURRENT, None),
        ("pdir", EntryType.PARENT, None),
        ("link", EntryType.LINK, None),
        ("OS.unix=slink:/a:b", EntryType.LINK, "/a:b"),
        ("os.UNIX=SLINK:x", EntryType.LINK, "x"),
        ("OS.unix=slink", EntryType.LINK, None),
        ("OS.unix=slink:", EntryType.LINK, None),
        ("OS.unix=symlink", EntryType.LINK, None),
        ("OS.unix=symlink:x", EntryType.LINK, "x"),
        ("OS.unix=chr-13/29", EntryType.OTHER, None),
        ("OS.unix=slinky", EntryType.OTHER, None),
        ("", EntryType.OTHER, None),
        ("x", EntryType.OTHER, None),
    ],
)
def test_types_are_told_apart(text: str, expected: EntryType, target: str | None) -> None:
    entry = Entry.from_line(ListedLine("x", {"type": text}))
    assert (entry.type, entry.link_target) == (expected, target)


def test_a_link_without_a_shown_target_is_a_link() -> None:
    line = read_unix_line("lrwxrwxrwx 1 root staff 7 Apr 30  2020 bin", now=NOW)
    assert Entry.from_line(line).type is EntryType.LINK


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"size": "", "modify": "", "unix.mode": "", "unix.owner": ""},
        {"size": "-1", "modify": "yesterday", "unix.mode": "rw-"},
        {"size": "9" * 5000, "modify": "2" * 5000, "unix.mode": "9" * 5000},
        {"size": "١٢", "unix.mode": "0b1"},
        {"size": -1},
    ],
)
def test_what_cannot_be_read_is_none(facts: dict[str, str | int]) -> None:
    entry = Entry.from_line(ListedLine("x", facts))
    read = [entry.size, entry.modify, entry.modify_precision, entry.mode, entry.owner, entry.group]
    assert read == [None] * 6


@pytest.mark.parametrize(
    ("text", "mode"), [("0644", 0o644), ("644", 0o644), ("4755", 0o4755), ("0100644", 0o644), ("0o7", 7)]
)
def test_a_mode_is_octal(text: str, mode: int) -> None:
    assert Entry.from_line(ListedLine("x", {"unix.mode": text})).mode == mode


def test_numbers_of_a_custom_parser_are_taken() -> None:
    entry = Entry.from_line(ListedLine("x", {"size": 5, "unix.mode": 0o600}))
    assert (entry.size, entry.mode) == (5, 0o600)


def test_entries_are_values() -> None:
    entry = Entry.from_line(read_mlsx_line(b"type=dir; x"))
    assert pickle.loads(pickle.dumps(entry)) == entry
    assert len({entry, pickle.loads(pickle.dumps(entry))}) == 1


@given(
    st.dictionaries(st.sampled_from(["type", "size", "modify", "unix.mode", "unix.owner"]), st.text() | st.integers())
)
def test_any_facts_make_an_entry(facts: dict[str, str | int]) -> None:
    assert Entry.from_line(ListedLine("x", facts)).name == "x"
