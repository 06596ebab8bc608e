from __future__ import annotations

import copy
import pickle
from pathlib import PurePosixPath

import pytest

from transfer._errors import RemoteProtocolError
from transfer.ftp._listing import BasicListInfo, ListedLine, SkippedLine, UnixListInfo, UnreadableLineError
from transfer.ftp._listing._line import decode_line, excerpt


@pytest.mark.parametrize(
    ("raw", "text"), [(b"a \r\n", "a "), (b"a\n", "a"), (b"a\r", "a"), (b"a\r\r\n", "a\r"), (b"\xff", "\udcff")]
)
def test_only_the_line_end_is_taken_off(raw: bytes, text: str) -> None:
    assert decode_line(raw, "utf-8") == text


def test_the_name_is_kept_beside_the_path() -> None:
    line = ListedLine("./a//b/", {})
    assert line.name == "./a//b/"
    assert line.path == PurePosixPath("a/b")


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        (".", "dir", True),
        ("..", "dir", True),
        ("/x", "cdir", True),
        ("/", "PDIR", True),
        ("x", "dir", False),
        ("...", "", False),
    ],
)
def test_the_directory_itself_is_told_apart(name: str, kind: str, expected: bool) -> None:
    assert ListedLine(name, {"type": kind}).is_dot is expected


def test_the_error_is_ours_and_a_value_error() -> None:
    error = UnreadableLineError("x", peer="h:21")
    assert isinstance(error, RemoteProtocolError)
    assert isinstance(error, ValueError)
    assert not error.retryable
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert (type(twin), twin.args, twin.peer) == (UnreadableLineError, ("x",), "h:21")


def test_values_pickle() -> None:
    assert pickle.loads(pickle.dumps(SkippedLine(b"x", "y"))) == SkippedLine(b"x", "y")
    line = pickle.loads(pickle.dumps(ListedLine("a", "Type=file;", raw=b"a")))
    assert (line.name, line.facts, line.raw) == ("a", {"type": "file"}, b"a")


def test_facts_are_taken_apart_when_they_are_asked_for() -> None:
    line = ListedLine("a", "Type=CDIR;;size=1;Size=2;x==;y=")
    assert line.is_dot
    assert line.facts == {"type": "CDIR", "size": "2", "x": "=", "y": ""}
    assert line.facts is line.facts
    assert not ListedLine("a", "type=dir;").is_dot
    assert not ListedLine("a", "").facts


def test_an_excerpt_is_short_ascii() -> None:
    assert excerpt("é" * 1000).isascii()
    assert len(excerpt(b"\xff" * 1000)) < 400
    assert excerpt(b"ab") == "b'ab'"


def test_the_shapes_of_facts_have_the_known_keys() -> None:
    assert UnixListInfo.__annotations__.keys() == {
        "type", "unix.mode", "unix.links", "unix.owner", "unix.group", "size", "modify", "link_dst",
    }  # fmt: skip
    assert BasicListInfo.__annotations__.keys() == {"modify", "type", "create", "size"}
