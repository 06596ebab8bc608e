from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.ftp._listing._line import UnreadableLineError
from transfer.ftp._listing._windows import read_windows_line

# The line, then: type, modify, size, name, and the link's target.
LINES: list[tuple[str, str, str, str | None, str, str | None]] = [
    ("06-07-22  12:55PM       <DIR>          docs", "dir", "20220607125500", None, "docs", None),
    ("06-07-22  12:55AM                 1234 a.txt", "file", "20220607005500", "1234", "a.txt", None),
    ("06-07-22  01:05PM                    0 a b c.txt", "file", "20220607130500", "0", "a b c.txt", None),
    ("06-07-2022  12:55PM       <DIR>          four digits", "dir", "20220607125500", None, "four digits", None),
    ("06/07/2022 12:55 PM 123 f", "file", "20220607125500", "123", "f", None),
    ("06/07/2022  12:55 pm    <dir>          lower", "dir", "20220607125500", None, "lower", None),
    ("06-07-22  12:55P  123 one letter", "file", "20220607125500", "123", "one letter", None),
    ("06-07-22  23:55       <DIR>          24 hours", "dir", "20220607235500", None, "24 hours", None),
    ("06-07-22  23:55:12              5 seconds", "file", "20220607235500", "5", "seconds", None),
    ("2022-06-07  12:55       <DIR>          iso", "dir", "20220607125500", None, "iso", None),
    ("2022/06/07  12:55               1,234,567 commas", "file", "20220607125500", "1234567", "commas", None),
    ("07.06.2022  12:55               1.234.567 dots", "file", "20220607125500", "1234567", "dots", None),
    ("07.06.22  00:00    <DIR>          day first", "dir", "20220607000000", None, "day first", None),
    ("31-12-22  00:00    <DIR>          day first", "dir", "20221231000000", None, "day first", None),
    ("01-02-69  12:55PM  1 old", "file", "19690102125500", "1", "old", None),
    ("01-02-68  12:55PM  1 new", "file", "20680102125500", "1", "new", None),
    ("02-29-20  12:55PM  1 leap", "file", "20200229125500", "1", "leap", None),
    ("06-07-22  12:55PM       <JUNCTION>     Data [C:\\Data Store]",
     "dir", "20220607125500", None, "Data", "C:\\Data Store"),
    ("06-07-22  12:55PM       <SYMLINKD>     d [..\\x]", "dir", "20220607125500", None, "d", "..\\x"),
    ("06-07-22  12:55PM       <SYMLINK>      f [x.txt]", "file", "20220607125500", None, "f", "x.txt"),
    ("06-07-22  12:55PM       <SYMLINK>      bare", "file", "20220607125500", None, "bare", None),
    ("06-07-22  12:55PM       <DIR>          a [b]", "dir", "20220607125500", None, "a [b]", None),
    ("06-07-22  12:55PM       <DIR>            two spaces", "dir", "20220607125500", None, "  two spaces", None),
    ("06-07-22  12:55PM       <DIR> narrow", "dir", "20220607125500", None, "narrow", None),
    ("06-07-22  12:55PM  12  lead and trail ", "file", "20220607125500", "12", " lead and trail ", None),
    ("06-07-22  12:55PM  12 34 56", "file", "20220607125500", "12", "34 56", None),
    ("06-07-22  12:55PM  12 <DIR> x", "file", "20220607125500", "12", "<DIR> x", None),
    ("06-07-22  12:55PM  12 grüße", "file", "20220607125500", "12", "grüße", None),
    ("06-07-22  12:55PM  12 caf\udce9", "file", "20220607125500", "12", "caf\udce9", None),
]  # fmt: skip


@pytest.mark.parametrize("ending", ["", "\r\n", "\n"])
@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_lines_are_read(line: tuple[str, str, str, str | None, str, str | None], ending: str) -> None:
    text, kind, modify, size, name, target = line
    raw = (text + ending).encode("utf-8", "surrogateescape")
    facts = {"type": kind, "modify": modify, "size": size, "link_dst": target}
    read = read_windows_line(raw)
    assert read.name == name
    assert read.facts == {key: value for key, value in facts.items() if value is not None}
    assert read.raw == raw


@pytest.mark.parametrize(
    "text",
    [
        "",
        "junk",
        "06-07-22",
        "06-07-22  12:55PM",
        "06-07-22  12:55PM  12",
        "06-07-22  12:55PM  12 ",
        "06-07-22  12:55PM  <DIR>",
        "06-07-22  12:55PM  <FOO>  x",
        "06-07-22  12:55PM  x",
        "06-07-22  13:55PM  12 x",
        "06-07-22  00:55AM  12 x",
        "06-07-22  24:00  12 x",
        "06-07-22  12:60  12 x",
        "13-13-22  12:55PM  12 x",
        "02-30-22  12:55PM  12 x",
        "06-07/22  12:55PM  12 x",
        "٠٦-07-22  12:55PM  12 x",
        "-rw-r--r-- 1 o g 12 Jan  5  2020 x",
    ],
)
def test_what_is_no_line_of_dir_is_refused(text: str) -> None:
    with pytest.raises(UnreadableLineError):
        read_windows_line(text)


def test_the_encoding_is_the_callers() -> None:
    assert read_windows_line(b"06-07-22  12:55PM  12 \x84", "cp437").name == "ä"


PIECES = st.sampled_from(
    [
        "06-07-22",
        "2022-06-07",
        "31.12.22",
        "  ",
        " ",
        "12:55",
        "PM",
        "A",
        "<DIR>",
        "<SYMLINK>",
        "1,2",
        " [",
        "]",
        "x",
        "\n",
    ]
)


@given(st.binary(max_size=200) | st.lists(PIECES, max_size=12).map(lambda pieces: "".join(pieces).encode()))
def test_any_octets_are_read_or_refused(raw: bytes) -> None:
    try:
        line = read_windows_line(raw)
    except UnreadableLineError:
        return
    assert line.name
    assert str(line.facts.get("size", "0")).isdecimal()
