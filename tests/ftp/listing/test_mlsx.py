from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.ftp._errors import FTPException
from transfer.ftp._listing._line import UnreadableLineError
from transfer.ftp._listing._mlsx import parse_mlst_reply, read_mlsx_line

LINES = [
    (b"type=file;size=3; x", {"type": "file", "size": "3"}, "x"),
    (b"Type=file;SIZE=3;Modify=20240102030405.678; x",
     {"type": "file", "size": "3", "modify": "20240102030405.678"}, "x"),
    (b"type=dir;UNIX.mode=0755;UNIX.owner=0;x.y=z; d",
     {"type": "dir", "unix.mode": "0755", "unix.owner": "0", "x.y": "z"}, "d"),
    (b"type=cdir;perm=el; .", {"type": "cdir", "perm": "el"}, "."),
    (b"type=pdir; ..", {"type": "pdir"}, ".."),
    (b"type=cdir; /pub/here", {"type": "cdir"}, "/pub/here"),
    (b"type=OS.unix=slink:/a/b; l", {"type": "OS.unix=slink:/a/b"}, "l"),
    (b"type=OS.unix=slink:/a dir/b; l", {"type": "OS.unix=slink:/a dir/b"}, "l"),
    (b"type=OS.unix=symlink; l", {"type": "OS.unix=symlink"}, "l"),
    (b"type=file; a;b=c", {"type": "file"}, "a;b=c"),
    (b"type=file; a=b; c=d; e", {"type": "file"}, "a=b; c=d; e"),
    (b"type=file;   lead", {"type": "file"}, "  lead"),
    (b"type=file; trail  ", {"type": "file"}, "trail  "),
    (b"type=file;  ", {"type": "file"}, " "),
    (b" only a name", {}, "only a name"),
    (b"  lead", {}, " lead"),
    (b" a=b;c", {}, "a=b;c"),
    (b"type=;size=; empty values", {"type": "", "size": ""}, "empty values"),
    (b"type=file;size=3 no semicolon", {"type": "file", "size": "3"}, "no semicolon"),
    (b"type=file;;size=3; twice", {"type": "file", "size": "3"}, "twice"),
    (b"type=file;type=dir; last", {"type": "dir"}, "last"),
    (b"type=file; caf\xc3\xa9", {"type": "file"}, "café"),
    (b"type=file; caf\xe9", {"type": "file"}, "caf\udce9"),
    (b"type=file; a\rb", {"type": "file"}, "a\rb"),
    (b"media-type=a=b;lang=en; m", {"media-type": "a=b", "lang": "en"}, "m"),
]  # fmt: skip


@pytest.mark.parametrize("ending", [b"", b"\r\n", b"\n"])
@pytest.mark.parametrize(("raw", "facts", "name"), LINES)
def test_lines_are_read(raw: bytes, facts: dict[str, str], name: str, ending: bytes) -> None:
    line = read_mlsx_line(raw + ending)
    assert (line.name, line.facts, line.raw) == (name, facts, raw + ending)


def test_a_line_may_be_text() -> None:
    line = read_mlsx_line("type=dir; ünd\r\n")
    assert (line.name, line.facts) == ("ünd", {"type": "dir"})


def test_the_encoding_is_the_callers() -> None:
    assert read_mlsx_line(b"type=dir; \xe4", "latin-1").name == "ä"


@pytest.mark.parametrize(
    "raw",
    [b"", b"\r\n", b" ", b"junk", b"type=file;", b"type=file; ", b"type=file;size=3;name", b"some words here",
     b"=x; name", b"\xff; x", b"-rw-r--r-- 1 o g 3 Jan  5  2020 x", b"250 End"],
)  # fmt: skip
def test_what_is_no_entry_is_refused(raw: bytes) -> None:
    with pytest.raises(UnreadableLineError) as caught:
        read_mlsx_line(raw)
    assert isinstance(caught.value, FTPException)
    assert isinstance(caught.value, ValueError)


def test_octets_outside_the_encoding_are_refused() -> None:
    with pytest.raises(UnreadableLineError, match="utf-16"):
        read_mlsx_line(b"type=file; x!", "utf-16")


NAMES = st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), min_size=1)
KEYS = st.from_regex(r"[a-z][a-z0-9.-]{0,8}", fullmatch=True)
VALUES = st.text("abcXYZ019.,:/=-_", max_size=8)


@given(st.dictionaries(KEYS, VALUES, max_size=5), NAMES)
def test_any_conforming_line_comes_through(facts: dict[str, str], name: str) -> None:
    text = "".join(f"{key.upper()}={value};" for key, value in facts.items())
    line = read_mlsx_line(f"{text} {name}".encode())
    assert (line.name, line.facts) == (name, facts)


@given(st.binary(max_size=200) | st.text("=; ab/\r\n", max_size=40).map(str.encode))
def test_any_octets_are_read_or_refused(raw: bytes) -> None:
    try:
        line = read_mlsx_line(raw)
    except UnreadableLineError:
        return
    assert line.name
    assert raw.rstrip(b"\r\n").endswith(line.name.encode("utf-8", "surrogateescape").rstrip(b"\r\n"))


@pytest.mark.parametrize(
    "lines",
    [
        ("Listing x", " type=dir;size=3; /a/x y", "End"),
        ("Listing x", "type=dir;size=3; /a/x y", "End"),
        ("Listing x", "250-type=dir;size=3; /a/x y", "End"),
        ("Listing x", "250- type=dir;size=3; /a/x y", "End"),
        ("Listing", "junk", " type=dir;size=3; /a/x y", "End"),
        ("type=dir;size=3; /a/x y",),
    ],
)
def test_the_entry_of_an_mlst_reply_is_found(lines: tuple[str, ...]) -> None:
    line = parse_mlst_reply(lines)
    assert (line.name, line.facts) == ("/a/x y", {"type": "dir", "size": "3"})


def test_an_entry_of_mlst_may_have_no_facts() -> None:
    assert parse_mlst_reply(("Listing", "  /x", "End")).name == "/x"
    assert parse_mlst_reply(("Listing", " /x", "End")).name == "/x"


@pytest.mark.parametrize("lines", [("ok",), ("",), ("Listing", "End"), ("Listing", "junk", "End"), ("a", "", "b"), ()])
def test_an_mlst_reply_without_an_entry_is_refused(lines: tuple[str, ...]) -> None:
    with pytest.raises(UnreadableLineError):
        parse_mlst_reply(lines)
