from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.feeding import cut_octets
from transfer._errors import RemoteProtocolError
from transfer._wire.lines import LineBuffer


def fed(data: bytes, limit: int = 8) -> LineBuffer:
    buffer = LineBuffer(limit)
    buffer.feed(data)
    return buffer


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_lines_end_in_crlf_or_lf(end: bytes) -> None:
    buffer = fed(b"one" + end + end + b"two" + end)
    assert [buffer.next_line() for _ in range(4)] == [b"one", b"", b"two", None]
    assert len(buffer) == 0


def test_a_cr_alone_ends_nothing() -> None:
    buffer = fed(b"a\rb\r\r\nc\r")
    assert buffer.next_line() == b"a\rb\r"
    assert buffer.next_line() is None
    assert buffer.take_all() == b"c\r"


def test_every_kind_of_buffer_can_be_fed_and_is_copied() -> None:
    source = bytearray(b"cd\n")
    buffer = fed(b"ab")
    buffer.feed(memoryview(source))
    source[:] = b"xxxx"
    assert buffer.next_line() == b"abcd"


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_a_line_of_exactly_the_limit_passes(end: bytes) -> None:
    buffer = LineBuffer(8)
    for octet in b"12345678" + end:
        assert buffer.next_line() is None
        buffer.feed(bytes([octet]))
    assert buffer.next_line() == b"12345678"


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (b"123456789\r\n", 9),
        (b"123456789\n", 9),
        (b"123456789", 9),
        (b"123456789\r", 9),
        (b"12345678\r\r", 9),
        (b"x" * 99, 99),
    ],
)
def test_an_overlong_line_names_limit_and_count(data: bytes, count: int) -> None:
    buffer = fed(data)
    for _ in range(2):
        with pytest.raises(RemoteProtocolError, match=rf"longer than 8 octets \({count} received\)"):
            buffer.next_line()
    assert buffer.take_all() == data


def test_lines_before_an_overlong_one_are_delivered() -> None:
    buffer = fed(b"ok\r\n123456789")
    assert buffer.next_line() == b"ok"
    with pytest.raises(RemoteProtocolError):
        buffer.next_line()


def test_octets_can_be_taken_between_lines() -> None:
    buffer = fed(b"line\nabcdef\ng", limit=100)
    assert buffer.next_line() == b"line"
    assert buffer.take(2) == b"ab"
    assert buffer.take(0) == b""
    assert buffer.next_line() == b"cdef"
    assert buffer.take(5) == b"g"
    assert len(buffer) == 0


def test_taking_octets_keeps_the_place_that_was_scanned() -> None:
    buffer = fed(b"abcd")
    assert buffer.next_line() is None
    assert buffer.take(3) == b"abc"
    buffer.feed(b"\n")
    assert buffer.next_line() == b"d"
    buffer.feed(b"abcd")
    assert buffer.next_line() is None
    assert buffer.take_all() == b"abcd"
    buffer.feed(b"\nx\n")
    assert [buffer.next_line(), buffer.next_line()] == [b"", b"x"]


@given(cut_octets(st.lists(st.sampled_from([b"a", b"bc", b"\r", b"\n", b"\r\n"]), max_size=30).map(b"".join)))
def test_lines_are_those_of_the_whole_however_it_is_cut(cut: tuple[bytes, list[bytes]]) -> None:
    data, chunks = cut
    buffer = LineBuffer(1000)
    lines = []
    for chunk in chunks:
        buffer.feed(chunk)
        while (line := buffer.next_line()) is not None:
            lines.append(line)
    *whole, rest = data.split(b"\n")
    assert lines == [line.removesuffix(b"\r") for line in whole]
    assert buffer.take_all() == rest


# -- all at once -----------------------------------------------------------------------------------------------------


def test_all_complete_lines_are_taken_and_the_rest_stays() -> None:
    buffer = fed(b"one\r\n\r\ntwo\nth")
    assert buffer.take_lines() == [b"one", b"", b"two"]
    assert buffer.take_lines() == []
    buffer.feed(b"ree\n")
    assert buffer.take_lines() == [b"three"]
    assert len(buffer) == 0


@pytest.mark.parametrize("data", [b"1\n123456789\n2\n", b"1\n2\r\n123456789", b"123456789", b"1\n12345678\r\r"])
def test_one_overlong_line_among_them_is_an_error(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="longer than 8 octets"):
        fed(data).take_lines()


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"1\n12345678\r\n2\n", [b"1", b"12345678", b"2"]),
        (b"12345678\r", []),
        (b"1\n12345678\r", [b"1"]),
    ],
)
def test_lines_of_exactly_the_limit_are_taken(data: bytes, lines: list[bytes]) -> None:
    assert fed(data).take_lines() == lines


@given(st.lists(st.text("ab\r\n", max_size=6).map(str.encode), max_size=10))
def test_taking_all_gives_what_taking_one_by_one_gives(pieces: list[bytes]) -> None:
    one_by_one, at_once = LineBuffer(100), LineBuffer(100)
    lines: list[bytes] = []
    taken: list[bytes] = []
    for piece in pieces:
        one_by_one.feed(piece)
        at_once.feed(piece)
        while (line := one_by_one.next_line()) is not None:
            lines.append(line)
        taken += at_once.take_lines()
    assert taken == lines
    assert at_once.take_all() == one_by_one.take_all()
