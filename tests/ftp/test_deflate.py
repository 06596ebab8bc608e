"""Compressed transfers: any octets come back, and nothing that is wrong passes for right."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.ftp._deflate import Deflater, Inflater
from transfer.ftp._errors import FTPProtocolError


def deflated(*pieces: bytes) -> bytes:
    deflater = Deflater()
    return b"".join(b"".join(deflater.feed(piece)) for piece in pieces) + b"".join(deflater.finish())


def inflated(*pieces: bytes) -> bytes:
    inflater = Inflater()
    return b"".join(b"".join(inflater.feed(piece)) for piece in pieces) + b"".join(inflater.finish())


def one_by_one(data: bytes) -> list[bytes]:
    return [data[place : place + 1] for place in range(len(data))]


@given(st.lists(st.binary(max_size=50)))
def test_what_was_compressed_comes_back(pieces: list[bytes]) -> None:
    stream = deflated(*pieces)
    assert zlib.decompress(stream) == inflated(stream) == inflated(*one_by_one(stream)) == b"".join(pieces)


def test_a_piece_is_bounded_however_well_it_was_compressed() -> None:
    bomb = zlib.compress(bytes(50_000_000), 9)
    largest = total = 0
    inflater = Inflater()
    for piece in inflater.feed(bomb):
        largest, total = max(largest, len(piece)), total + len(piece)
    inflater.finish()

    assert len(bomb) < 60_000
    assert largest <= 256 * 1024
    assert total == 50_000_000


@pytest.mark.parametrize("kept", [0, 1, 5, -1])
def test_a_stream_that_is_cut_off_is_an_error(kept: int) -> None:
    with pytest.raises(FTPProtocolError, match="before its end"):
        inflated(deflated(b"some text")[:kept])


@pytest.mark.parametrize("pieces", [[b"x"], [b"", b"x"], [zlib.compress(b"more")]])
def test_octets_after_the_end_are_an_error(pieces: list[bytes]) -> None:
    for stream in ([deflated(b"text"), *pieces], [deflated(b"text") + b"".join(pieces)]):
        with pytest.raises(FTPProtocolError, match="after its end"):
            inflated(*stream)


def test_something_else_is_an_error() -> None:
    with pytest.raises(FTPProtocolError, match="can't be read"):
        inflated(b"plain text that nobody has compressed")
