from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.ftp._listing._line import UnreadableLineError
from transfer.ftp._listing._unix import parse_unix_mode, read_unix_line

NOW = datetime(2024, 6, 15, 12, 0)  # noqa: DTZ001

# The line, then: type, mode, links, owner, group, size, modify, name, and the link's target.
LINES: list[tuple[str, str, int, str | None, str | None, str | None, str, str, str, str | None]] = [
    # The plain forms.
    ("-rw-r--r--   1 owner    group         213 Aug 26 16:31 README",
     "file", 0o644, "1", "owner", "group", "213", "20240826163100", "README", None),
    ("-rw-r--r--   1 owner    group         213 Aug 26  2020 README",
     "file", 0o644, "1", "owner", "group", "213", "20200826000000", "README", None),
    ("drwxr-xr-x    2 0        0            4096 Feb 29  2020 pub",
     "dir", 0o755, "2", "0", "0", "4096", "20200229000000", "pub", None),
    ("drwxrwxrwt  17 root root 4096 Jun 15 11:58 tmp",
     "dir", 0o1777, "17", "root", "root", "4096", "20240615115800", "tmp", None),
    ("-rw-------   1 1000     1000     9007199254740993 Dec 20 09:05 big.iso",
     "file", 0o600, "1", "1000", "1000", "9007199254740993", "20231220090500", "big.iso", None),
    # Bits and marks.
    ("-rwsr-xr-x. 1 root root 12 Jan  5  2020 su",
     "file", 0o4755, "1", "root", "root", "12", "20200105000000", "su", None),
    ("-rwSr--r--+ 1 root root 12 Jan  5  2020 S",
     "file", 0o4644, "1", "root", "root", "12", "20200105000000", "S", None),
    ("-rwxr-sr-x@ 1 me staff 12 Jan  5  2020 g", "file", 0o2755, "1", "me", "staff", "12", "20200105000000", "g", None),
    ("-rw-r-Sr-T  1 me staff 12 Jan  5  2020 G", "file", 0o3644, "1", "me", "staff", "12", "20200105000000", "G", None),
    ("-rw-r-lr--  1 me staff 12 Jan  5  2020 lock",
     "file", 0o2644, "1", "me", "staff", "12", "20200105000000", "lock", None),
    ("---------- 1 me staff 0 Jan  5  2020 none", "file", 0, "1", "me", "staff", "0", "20200105000000", "none", None),
    # Links.
    ("lrwxrwxrwx   1 root root 7 Apr 30  2020 bin -> usr/bin",
     "file", 0o777, "1", "root", "root", "7", "20200430000000", "bin", "usr/bin"),
    ("lrwxrwxrwx   1 root root 8 Apr 30  2020 a b -> /c d/",
     "dir", 0o777, "1", "root", "root", "8", "20200430000000", "a b", "/c d/"),
    ("lrwxrwxrwx   1 root root 8 Apr 30  2020 a -> b -> c",
     "file", 0o777, "1", "root", "root", "8", "20200430000000", "a", "b -> c"),
    ("lrwxrwxrwx   1 root root 8 Apr 30  2020 bare",
     "link", 0o777, "1", "root", "root", "8", "20200430000000", "bare", None),
    ("-rw-r--r--   1 root root 8 Apr 30  2020 no -> link",
     "file", 0o644, "1", "root", "root", "8", "20200430000000", "no -> link", None),
    # Other types.
    ("crw-rw----   1 root tty 4, 64 Jan  5  2020 ttyS0",
     "unknown", 0o660, "1", "root", "tty", "0", "20200105000000", "ttyS0", None),
    ("brw-rw----   1 root disk 8,1 Jan  5  2020 sda1",
     "unknown", 0o660, "1", "root", "disk", "0", "20200105000000", "sda1", None),
    ("prw-r--r--   1 me me 0 Jan  5  2020 fifo",
     "unknown", 0o644, "1", "me", "me", "0", "20200105000000", "fifo", None),
    ("srwxr-xr-x   1 me me 0 Jan  5  2020 socket",
     "unknown", 0o755, "1", "me", "me", "0", "20200105000000", "socket", None),
    ("Drw-r--r--   1 root root 0 Jan  5  2020 door",
     "unknown", 0o644, "1", "root", "root", "0", "20200105000000", "door", None),
    # Owners and groups that are missing, joined or of several words.
    ("-rw-r--r--   1 owner 213 Aug 26  2020 x", "file", 0o644, "1", "owner", None, "213", "20200826000000", "x", None),
    ("-rw-r--r--   1 213 Aug 26  2020 x", "file", 0o644, "1", None, None, "213", "20200826000000", "x", None),
    ("-rw-r--r-- 213 Aug 26  2020 x", "file", 0o644, None, None, None, "213", "20200826000000", "x", None),
    ("-rw-r--r-- owner group 213 Aug 26  2020 x",
     "file", 0o644, None, "owner", "group", "213", "20200826000000", "x", None),
    ("-rwxr-xr-x   1 DOMAIN+me Domain Users 213 Aug 26  2020 x",
     "file", 0o755, "1", "DOMAIN+me", "Domain Users", "213", "20200826000000", "x", None),
    ("-rw-r--r--1000 owner group 213 Aug 26  2020 x",
     "file", 0o644, "1000", "owner", "group", "213", "20200826000000", "x", None),
    ("drwxr-xr-x\t2\towner\tgroup\t512\tAug 26  2020 tabs",
     "dir", 0o755, "2", "owner", "group", "512", "20200826000000", "tabs", None),
    # Dates.
    ("-rw-r--r-- 1 o g 12 2020-01-05 12:30 long-iso",
     "file", 0o644, "1", "o", "g", "12", "20200105123000", "long-iso", None),
    ("-rw-r--r-- 1 o g 12 2020-01-05 12:30:15.123456789 +0200 full-iso",
     "file", 0o644, "1", "o", "g", "12", "20200105123000", "full-iso", None),
    ("-rw-r--r-- 1 o g 12 2020-01-05  iso", "file", 0o644, "1", "o", "g", "12", "20200105000000", "iso", None),
    ("-rw-r--r-- 1 o g 12 01-05 12:30 iso", "file", 0o644, "1", "o", "g", "12", "20240105123000", "iso", None),
    ("-rw-r--r-- 1 o g 12 Jan  5 12:30:15 2020 ls -T",
     "file", 0o644, "1", "o", "g", "12", "20200105123000", "ls -T", None),
    ("-rw-r--r-- 1 o g 12 Jan  5 12:30:15 2020", "file", 0o644, "1", "o", "g", "12", "20240105123000", "2020", None),
    ("-rw-r--r-- 1 o g 12 22 Mar  2020 day first",
     "file", 0o644, "1", "o", "g", "12", "20200322000000", "day first", None),
    ("-rw-r--r-- 1 o 100 12 22 Mar 11:15 x", "file", 0o644, "1", "o", "100", "12", "20240322111500", "x", None),
    ("-rw-r--r-- 1 1000 1000 12 Mar 22 11:15 x", "file", 0o644, "1", "1000", "1000", "12", "20240322111500", "x", None),
    # Dates of other countries.
    ("-rw-r--r-- 1 o g 12 Mär 22 11:15 x", "file", 0o644, "1", "o", "g", "12", "20240322111500", "x", None),
    ("-rw-r--r-- 1 o g 12 22. März 2020 x", "file", 0o644, "1", "o", "g", "12", "20200322000000", "x", None),
    ("-rw-r--r-- 1 o g 12 22 f\udce9v 2020 x", "file", 0o644, "1", "o", "g", "12", "20200222000000", "x", None),
    ("-rw-r--r-- 1 o g 12 févr. 22  2020 x", "file", 0o644, "1", "o", "g", "12", "20200222000000", "x", None),
    ("-rw-r--r-- 1 o g 12 set 22 11:15 5 Feb  6  2021 x",
     "file", 0o644, "1", "o", "g", "12", "20240922111500", "5 Feb  6  2021 x", None),
    ("-rw-r--r-- 1 o g 12 12月 22 11:15 x", "file", 0o644, "1", "o", "g", "12", "20231222111500", "x", None),
    ("-rw-r--r-- 1 o g 12  1月  5  2020 2020 x",
     "file", 0o644, "1", "o", "g", "12", "20200105000000", "2020 x", None),
    ("drwxr-xr-x 2 o g 12 03-22-20 11:15 two digits",
     "dir", 0o755, "2", "o", "g", "12", "20200322111500", "two digits", None),
    ("-rw-r--r-- 1 mar 12 213 Aug 26  2020 x",
     "file", 0o644, "1", "mar", "12", "213", "20200826000000", "x", None),
    # Names.
    ("-rw-r--r-- 1 o g 12 Jan  5  2020  lead and trail ",
     "file", 0o644, "1", "o", "g", "12", "20200105000000", " lead and trail ", None),
    ("-rw-r--r-- 1 o g 12 Jan  5 12:30 2020", "file", 0o644, "1", "o", "g", "12", "20240105123000", "2020", None),
    ("-rw-r--r-- 1 o g 12 Jan  5  2020 12:30", "file", 0o644, "1", "o", "g", "12", "20200105000000", "12:30", None),
    ("-rw-r--r-- 1 o g 12 Jan  5  2020 3 Feb  6  2021 x",
     "file", 0o644, "1", "o", "g", "12", "20200105000000", "3 Feb  6  2021 x", None),
    ("-rw-r--r-- 1 o g 12 Jan  5  2020 total 12",
     "file", 0o644, "1", "o", "g", "12", "20200105000000", "total 12", None),
    ("-rw-r--r-- 1 o g 12 Jan  5  2020 a;b=c, 'd'",
     "file", 0o644, "1", "o", "g", "12", "20200105000000", "a;b=c, 'd'", None),
    ("-rw-r--r-- 1 o g 12 Jan  5  2020 grüße.txt",
     "file", 0o644, "1", "o", "g", "12", "20200105000000", "grüße.txt", None),
    ("-rw-r--r-- 1 o g 12 Jan  5  2020 caf\udce9",
     "file", 0o644, "1", "o", "g", "12", "20200105000000", "caf\udce9", None),
    ("-rw-r--r-- 1 o g 12 Jan  5  2020 ../../etc/passwd",
     "file", 0o644, "1", "o", "g", "12", "20200105000000", "../../etc/passwd", None),
]  # fmt: skip


@pytest.mark.parametrize("ending", ["", "\r\n", "\n"])
@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_lines_are_read(
    line: tuple[str, str, int, str | None, str | None, str | None, str, str, str, str | None], ending: str
) -> None:
    text, kind, mode, links, owner, group, size, modify, name, target = line
    raw = (text + ending).encode("utf-8", "surrogateescape")
    facts = {
        "type": kind,
        "unix.mode": mode,
        "unix.links": links,
        "unix.owner": owner,
        "unix.group": group,
        "size": size,
        "modify": modify,
        "link_dst": target,
    }
    read = read_unix_line(raw, now=NOW)
    assert read.name == name
    assert read.facts == {key: value for key, value in facts.items() if value is not None}
    assert read.raw == raw


@pytest.mark.parametrize(
    "text",
    [
        "",
        "total 12",
        "junk",
        "-rw-r--r--",
        "-rw-r--r-- 1 o g 12",
        "-rw-r--r-- 1 o g 12 Jan  5  2020",
        "-rw-r--r-- 1 o g 12 Jan  5  2020 ",
        "-rw-r--r-- 1 o g 12 Feb 30  2020 x",
        "-rw-r--r-- 1 o g 12 Feb 30  2020 3 Feb  6  2021 x",
        "-rw-r--r-- 1 o g 12 Foo 30  2020 x",
        "-rw-r--r-- 1 o g Jan  5  2020 x",
        "-rw-r--r-- 1 o g 123456789012345678901 Jan  5  2020 x",
        "-rw-r--r-- 1 o g ١٢ Jan  5  2020 x",
        "-rw-r--rZ- 1 o g 12 Jan  5  2020 x",
        "rw-r--r-- 1 o g 12 Jan  5  2020 x",
        "lrwxrwxrwx 1 o g 12 Jan  5  2020  -> b",
        "d [R----F--] supervisor 512 Jan 16 18:53 login",
        "06-07-22  12:55PM       <DIR>          x",
        "type=file; x",
    ],
)
def test_what_is_no_line_of_ls_is_refused(text: str) -> None:
    with pytest.raises(UnreadableLineError):
        read_unix_line(text, now=NOW)


def test_the_zone_and_the_seconds_of_full_iso_are_kept() -> None:
    line = read_unix_line("-rw-r--r-- 1 o g 12 2020-01-05 12:30:15.0 +0200 x", now=NOW)
    assert line.moment is not None
    assert line.moment.clock == datetime.fromisoformat("2020-01-05T12:30:15+02:00")


def test_the_encoding_is_the_callers() -> None:
    assert read_unix_line(b"-rw-r--r-- 1 o g 1 Jan  5  2020 \xe4", "latin-1", now=NOW).name == "ä"


@given(st.integers(0, 0o7777))
def test_any_mode_comes_through(mode: int) -> None:
    letters = ["rwxrwxrwx"[position] if mode >> (8 - position) & 1 else "-" for position in range(9)]
    for position, bit, pair in ((2, 0o4000, "sS"), (5, 0o2000, "sS"), (8, 0o1000, "tT")):
        if mode & bit:
            letters[position] = pair[letters[position] == "-"]
    assert parse_unix_mode("".join(letters)) == mode


@pytest.mark.parametrize(
    "text", ["", "rwx", "rwxrwxrwxr", "rwxrwxrwx+", "xwrrwxrwx", "rwtrwxrwx", "rwxrwxrws", "lwxrwxrwx"]
)
def test_what_is_no_mode_is_refused(text: str) -> None:
    with pytest.raises(UnreadableLineError):
        parse_unix_mode(text)


PIECES = st.sampled_from(
    [
        "-rw-r--r--",
        "d",
        "l",
        " ",
        "  ",
        "\t",
        "1",
        "12",
        "4,",
        "Jan",
        "5",
        "2020",
        "12:30",
        "-> ",
        "x",
        "Feb 30",
        "\r\n",
    ]
)


@given(st.binary(max_size=200) | st.lists(PIECES, max_size=16).map(lambda pieces: "".join(pieces).encode()))
def test_any_octets_are_read_or_refused(raw: bytes) -> None:
    try:
        line = read_unix_line(raw, now=NOW)
    except UnreadableLineError:
        return
    assert line.name
    assert str(line.facts["size"]).isdecimal()


NAMES = st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), min_size=1)


@given(NAMES)
def test_any_name_comes_through(name: str) -> None:
    assert read_unix_line(f"-rw-r--r-- 1 o g 12 Jan  5  2020 {name}\r\n".encode(), now=NOW).name == name
