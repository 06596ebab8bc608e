from __future__ import annotations

import ntpath
import posixpath
import sys
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.ftp._errors import FTPProtocolError
from transfer.ftp._names import check_name, safe_relative

BASE = PurePosixPath("/downloads/here")
WINDOWS_BASE = PureWindowsPath("D:/downloads/here")

REFUSED_EVERYWHERE = ["", ".", "..", "/", "//", "a/", "/abs", "a/b", "../x", "a/../../x", "x\0y", "\0"]
REFUSED_ON_WINDOWS = [
    "..\\x",
    "a\\b",
    "\\",
    "\\\\srv\\share",
    "\\\\?\\C:\\x",
    "C:",
    "C:x",
    "C:\\x",
    "a:stream",
    "a::$DATA",
    "con",
    "CON",
    "Con.txt",
    "con .txt",
    "NUL",
    "nul.tar.gz",
    "COM1",
    "com9.log",
    "LPT1",
    "COM¹",
    "CONIN$",
    "aux",
    "prn",
    "..  ",
    "...",
    "trailing.",
    "trailing ",
    " ",
    "a\x01b",
    "a\nb",
    'a"b',
    "a*b",
    "a?b",
    "a<b",
    "a|b",
]
TAKEN_EVERYWHERE = [
    "x",
    " x",
    "..x",
    "10..mp3",
    ".hidden",
    "a.b.c",
    "-rf",
    "~",
    "$HOME",
    "%2e%2e%2f",
    "con-man.txt",
    "console",
    "COM10",
    "grüße",
    "\udcff\udcfe.bin",
    "a;b=c",
    "％",
    "a" * 300,
]


@pytest.mark.parametrize("windows", [False, True])
@pytest.mark.parametrize("name", REFUSED_EVERYWHERE)
def test_a_name_that_leads_elsewhere_is_refused(name: str, windows: bool) -> None:
    with pytest.raises(FTPProtocolError, match="refused"):
        check_name(name, windows=windows)
    with pytest.raises(FTPProtocolError, match="refused"):
        safe_relative(BASE, name, windows=windows)


@pytest.mark.parametrize("name", REFUSED_ON_WINDOWS)
def test_a_name_with_a_meaning_on_windows_is_refused_there_only(name: str) -> None:
    with pytest.raises(FTPProtocolError, match="refused"):
        check_name(name, windows=True)
    assert check_name(name, windows=False) == name
    assert safe_relative(BASE, name, windows=False).name == name


@pytest.mark.parametrize("windows", [False, True])
@pytest.mark.parametrize("name", TAKEN_EVERYWHERE)
def test_a_name_is_taken_as_it_is(name: str, windows: bool) -> None:
    assert check_name(name, windows=windows) == name
    joined = safe_relative(BASE, name, windows=windows)
    assert joined.name == name
    assert joined.parent == BASE


@pytest.mark.parametrize("path", ["/abs/x", "//srv/x", "../x", "a/../x", "a/b/..", ".", ""])
def test_a_path_is_refused_by_any_of_its_parts(path: str) -> None:
    with pytest.raises(FTPProtocolError):
        safe_relative(BASE, PurePosixPath(path), windows=False)


def test_a_relative_path_is_joined() -> None:
    assert safe_relative(BASE, PurePosixPath("a/b/c"), windows=False) == BASE / "a/b/c"
    assert safe_relative(WINDOWS_BASE, PurePosixPath("a/b"), windows=True) == WINDOWS_BASE / "a" / "b"
    with pytest.raises(FTPProtocolError):
        safe_relative(WINDOWS_BASE, PurePosixPath("a/C:b"), windows=True)


def test_the_message_shows_the_name_as_ascii() -> None:
    with pytest.raises(FTPProtocolError) as caught:
        check_name("\x1b[31m/" + "é" * 10_000)
    assert str(caught.value).isascii()
    assert len(str(caught.value)) < 1000


ALPHABET = st.text() | st.text("./\\:aC~ \0", max_size=12)


@given(ALPHABET)
def test_no_name_leaves_the_destination(name: str) -> None:
    """What is taken is exactly one component below the destination, by the rules of the system's own join."""
    try:
        check_name(name, windows=False)
    except FTPProtocolError:
        return
    joined = posixpath.join("/base", name)
    assert posixpath.normpath(joined) == joined == f"/base/{name}"


@given(ALPHABET)
def test_no_name_leaves_the_destination_on_windows(name: str) -> None:
    try:
        check_name(name, windows=True)
    except FTPProtocolError:
        return
    joined = ntpath.join("D:\\base", name)
    assert ntpath.normpath(joined) == joined == f"D:\\base\\{name}"
    if sys.version_info >= (3, 13):
        assert not ntpath.isreserved(joined)
    else:
        assert not PureWindowsPath(joined).is_reserved()
