from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.smtp._dot import DotStuffer, Normaliser, normalise, stuff_normalised

# Few different octets, so that line ends and dots meet.
BODIES = st.lists(st.sampled_from([b"\r", b"\n", b".", b"a", b"\r\n", b"\r\n.", b"bc"]), max_size=20).map(b"".join)
SMUGGLING = [
    b"a\n.\nb",
    b"a\r.\rb",
    b"a\r.\r\nb",
    b"a\n.\r\nb",
    b"a\r\n.\nb",
    b"a\r\n.\rb",
    b"a\r\r\n.\r\r\nb",
    b"a\r\n\r\n.\r\n\r\nb",
    b"a\r\n.\r\nMAIL FROM:<evil@x>\r\nb",
    b".",
    b".\r\n",
    b"..",
    b"\n.",
    b"\r.",
    b"\r",
    b"\n",
    b"\r\n",
    b"\n\r",
    b"\r\r\n",
    b"",
]


def unstuff(wire: bytes) -> bytes:
    """What a strict server makes of the octets after DATA: RFC 5321 §4.5.2, and CRLF alone ends a line."""
    *lines, dot, rest = wire.split(b"\r\n")
    assert (dot, rest) == (b".", b"")
    assert b"." not in lines
    return b"".join(line.removeprefix(b".") + b"\r\n" for line in lines)


def by_hand(data: bytes) -> bytes:
    lines = re.split(rb"\r\n|\r|\n", data)
    if lines[-1] == b"":
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


def assert_safe(wire: bytes) -> None:
    assert re.search(rb"\r(?!\n)|(?<!\r)\n", wire) is None
    assert (b"\r\n" + wire).count(b"\r\n.\r\n") == 1
    assert (b"\r\n" + wire).endswith(b"\r\n.\r\n")


def stuff(data: bytes | bytearray | memoryview) -> bytes:
    return stuff_normalised(normalise(data))


def stream(chunks: list[bytes]) -> bytes:
    normaliser, stuffer = Normaliser(), DotStuffer()
    pieces = [normaliser.feed(chunk) for chunk in chunks] + [normaliser.finish()]
    return b"".join([stuffer.feed(piece) for piece in pieces] + [stuffer.finish()])


@pytest.mark.parametrize(
    ("data", "wire"),
    [
        (b"", b".\r\n"),
        (b"hello", b"hello\r\n.\r\n"),
        (b"hello\r\n", b"hello\r\n.\r\n"),
        (b"hello\r\n\r\n", b"hello\r\n\r\n.\r\n"),
        (b".", b"..\r\n.\r\n"),
        (b"..\r\n.x\r\ny.z", b"...\r\n..x\r\ny.z\r\n.\r\n"),
        (b"one\ntwo\rthree", b"one\r\ntwo\r\nthree\r\n.\r\n"),
        (b"a\r\r\nb", b"a\r\n\r\nb\r\n.\r\n"),
    ],
)
def test_a_message_is_normalised_stuffed_and_ended(data: bytes, wire: bytes) -> None:
    assert stuff(data) == wire
    assert stuff(bytearray(data)) == stuff(memoryview(data)) == wire


@pytest.mark.parametrize("data", SMUGGLING, ids=repr)
def test_no_message_holds_its_own_end_wherever_it_is_cut(data: bytes) -> None:
    wire = stuff(data)
    assert_safe(wire)
    assert unstuff(wire) == by_hand(data)
    for first, second in itertools.combinations_with_replacement(range(len(data) + 1), 2):
        assert stream([data[:first], data[first:second], data[second:]]) == wire
    assert stream([bytes([octet]) for octet in data]) == wire


@given(BODIES)
def test_unstuffing_gives_back_the_normalised_message(data: bytes) -> None:
    wire = stuff(data)
    assert_safe(wire)
    assert unstuff(wire) == normalise(data) == by_hand(data)


@given(st.lists(BODIES, max_size=6))
def test_any_cut_gives_the_whole(chunks: list[bytes]) -> None:
    assert stream(chunks) == stuff(b"".join(chunks))


def test_a_clean_message_is_not_copied() -> None:
    data = b"Subject: x\r\n\r\nbody\r\n"
    assert normalise(data) is data


@pytest.mark.parametrize("ending", [b"", b"\r\n", b"\r", b"\n", b"\r\nab\n"])
@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_large_message_is_judged_as_a_small_one(missing: int, ending: bytes) -> None:
    data = b"x" * (262_144 - missing) + b"\r\n." + ending
    assert normalise(data) == by_hand(data)


@given(BODIES, st.integers(1, 5))
def test_a_normalised_message_may_be_cut_anywhere_even_within_a_line_end(data: bytes, every: int) -> None:
    whole, stuffer = normalise(data), DotStuffer()
    pieces = [stuffer.feed(whole[start : start + every]) for start in range(0, len(whole), every)]
    assert b"".join(pieces) + stuffer.finish() == stuff_normalised(whole)


def test_both_start_afresh_after_the_end() -> None:
    normaliser, stuffer = Normaliser(), DotStuffer()
    assert normaliser.feed(b"a\r") + normaliser.finish() == b"a\r\n"
    assert normaliser.feed(bytearray(b"b")) + normaliser.feed(memoryview(b"")) + normaliser.finish() == b"b\r\n"
    assert stuffer.feed(b"a\r\n") + stuffer.finish() == b"a\r\n.\r\n"
    assert stuffer.feed(b".") + stuffer.finish() == b"...\r\n"
