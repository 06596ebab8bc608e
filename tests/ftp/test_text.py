"""Line ends on their way to the network and back, wherever the octets are torn apart."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from transfer.ftp._text import TextDecoder, TextEncoder

PIECES = st.lists(st.lists(st.sampled_from([b"\r", b"\n", b"a", b"\r\n", b"\xff"]), max_size=6).map(b"".join))


def encoded(*pieces: bytes) -> bytes:
    encoder = TextEncoder()
    return b"".join(b"".join(encoder.feed(piece)) for piece in pieces) + b"".join(encoder.finish())


def decoded(*pieces: bytes, line_end: bytes = b"\n") -> bytes:
    decoder = TextDecoder(line_end)
    return b"".join(b"".join(decoder.feed(piece)) for piece in pieces) + b"".join(decoder.finish())


@pytest.mark.parametrize(
    ("local", "network"),
    [
        (b"", b""),
        (b"one\ntwo\n", b"one\r\ntwo\r\n"),
        (b"no end", b"no end"),
        (b"\n\n", b"\r\n\r\n"),
        (b"a\rb\r", b"a\rb\r"),
        (b"one\r\ntwo\n", b"one\r\ntwo\r\n"),
    ],
)
def test_every_line_ends_in_crlf_on_the_network(local: bytes, network: bytes) -> None:
    assert encoded(local) == network
    assert decoded(network) == local.replace(b"\r\n", b"\n")


def test_a_line_end_of_another_side_is_put_in_its_place() -> None:
    assert decoded(b"one\r\ntwo\r", b"\nthree\r", line_end=b"\r\n") == b"one\r\ntwo\r\nthree\r"


@given(PIECES)
def test_where_text_is_torn_apart_does_not_matter(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    assert encoded(*pieces) == encoded(whole)
    assert decoded(*pieces) == decoded(whole) == whole.replace(b"\r\n", b"\n")


@given(PIECES)
def test_text_of_this_side_comes_back_as_it_was(pieces: list[bytes]) -> None:
    text = b"".join(pieces).replace(b"\r\n", b"\n")
    # A CR right before a line end is the one thing that can't be told from a line end afterwards.
    assume(b"\r\n" not in text)
    assert decoded(encoded(text)) == text


@given(PIECES)
def test_no_lf_leaves_without_a_cr_before_it(pieces: list[bytes]) -> None:
    network = encoded(*pieces)
    assert network.replace(b"\r\n", b"").count(b"\n") == 0
