"""Files through TLS, both ways: no short cut, no record lost, no cut that goes unnoticed (rules R6, R7, R8)."""

from __future__ import annotations

import io
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.net.streams import WatchedStream
from tests.net.support import pair, pair_of, pattern, played, read_all, server_tls, shake_hands, tls_server
from transfer._errors import TLSError
from transfer._net.pump import receive_file, send_file
from transfer._net.stream import Stream

DATA = pattern(3_000_001)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that holds DATA."""
    path = tmp_path / "data"
    path.write_bytes(DATA)
    return path


async def send(stream: Stream, file: Any) -> int:
    return await send_file(stream, file, seconds=10)


async def receive(stream: Stream, file: Any) -> int:
    return await receive_file(stream, file, seconds=10)


def content(path: Path) -> bytes:
    return path.read_bytes()


# -- sending -----------------------------------------------------------------------------------------------------------


async def test_R8_inside_tls_the_buffer_is_used_and_the_same_bytes_are_offered_again(
    context: ssl.SSLContext, server_tls_context: ssl.SSLContext, path: Path
) -> None:
    """R6: into a small kernel buffer every block meets WANT_WRITE; none is sent twice, none is missing."""
    with pair(buffer_bytes=4096) as (stream, peer), path.open("rb") as file:
        with tls_server(peer, server_tls_context, read_all) as read:
            await shake_hands(stream, context)
            assert await send(stream, file) == len(DATA)
            assert file.tell() == len(DATA)
            await stream.send_eof()
        assert read.result == DATA


# -- receiving ---------------------------------------------------------------------------------------------------------


async def test_R7_inside_tls_a_file_is_received_whole(
    context: ssl.SSLContext, server_tls_context: ssl.SSLContext, tmp_path: Path
) -> None:
    def serve(secured: ssl.SSLSocket) -> None:
        secured.sendall(DATA)
        secured.unwrap()

    with pair_of(WatchedStream) as (stream, peer), (tmp_path / "received").open("wb") as file:
        with tls_server(peer, server_tls_context, serve):
            await shake_hands(stream, context)
            assert await receive(stream, file) == len(DATA)
            await stream.send_eof()
        assert not stream.truncated

    assert content(tmp_path / "received") == DATA
    assert set(stream.calls) == {"recv_into"}


async def test_R7_a_cut_inside_tls_is_told_and_what_came_is_kept(
    context: ssl.SSLContext, server_tls_context: ssl.SSLContext, tmp_path: Path
) -> None:
    with pair() as (stream, peer), (tmp_path / "received").open("wb") as file:
        with tls_server(peer, server_tls_context, lambda secured: secured.sendall(DATA)):
            await shake_hands(stream, context)
            assert await receive(stream, file) == len(DATA)
        assert stream.truncated

    assert content(tmp_path / "received") == DATA


class _CountingFile(io.BytesIO):
    writes = 0

    def write(self, data: Any) -> int:
        self.writes += 1
        return super().write(data)


async def test_inside_tls_records_are_gathered_before_the_file_is_written(
    context: ssl.SSLContext, server_tls_context: ssl.SSLContext
) -> None:
    """One read gives 16 KiB at most; a write to a file for each would cost more than the read."""
    file = _CountingFile()
    with pair() as (stream, peer):
        with tls_server(peer, server_tls_context, lambda secured: secured.sendall(DATA[:100_000])):
            await shake_hands(stream, context)
        # The server has ended: everything is in the socket's buffer.
        assert await receive(stream, file) == 100_000

    assert file.getvalue() == DATA[:100_000]
    assert file.writes == 1


async def test_what_came_before_an_error_of_tls_is_in_the_file(
    context: ssl.SSLContext, server_tls_context: ssl.SSLContext
) -> None:
    def garble(peer: socket.socket) -> None:
        secured = server_tls(peer, server_tls_context)
        secured.sendall(DATA[:20_000])
        socket.socket.send(secured, b"\x17\x03\x03\x00\x20garbage-garbage-garbage-garbage-")
        secured.close()

    file = io.BytesIO()
    with pair() as (stream, peer):
        with played(garble, peer):
            await shake_hands(stream, context)
        with pytest.raises(TLSError):
            await receive(stream, file)

    assert file.getvalue() == DATA[:20_000]
