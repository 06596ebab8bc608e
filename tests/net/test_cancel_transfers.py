"""Sending, receiving and files, cancelled at each of their suspensions in every way: what goes on, and from where."""

from __future__ import annotations

import contextlib
import io
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.harness import ALL_MODES, Mode, Outcome, cancel_everywhere
from tests.net.streams import PacedStream, both_paths
from tests.net.support import in_time, pair_of, pattern, played, server_tls, shake_hands
from transfer._errors import DisconnectedError
from transfer._net.movers import FastPaths
from transfer._net.pump import receive_file, send_file

# Some five turns: a socket's buffer takes about 200 kB, and a giver gives 20 kB at a time.
UPLOAD = pattern(1_500_000)
DOWNLOAD = pattern(100_000)


class Taker:
    """A peer that takes what has come whenever the stream waits."""

    def __init__(self, sock: socket.socket) -> None:
        self.taken = bytearray()
        self.sock = sock
        sock.setblocking(False)

    def turn(self) -> None:
        with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError):
            while block := self.sock.recv(1 << 18):
                self.taken += block


class Giver:
    """A peer that gives 20 kB whenever the stream waits, and then the end."""

    def __init__(self, sock: socket.socket) -> None:
        self.rest = DOWNLOAD
        self.sock = sock

    def turn(self) -> None:
        self.sock.sendall(self.rest[:20_000])
        self.rest = self.rest[20_000:]
        if not self.rest:
            # Inside TLS this is the end without a word.
            socket.socket.shutdown(self.sock, socket.SHUT_WR)


@attrs.frozen
class Peered:
    """A stream and who is at its other end."""

    stream: PacedStream
    peer: Any
    file: Any = None


def paced(
    peer_kind: Callable[[socket.socket], Any], path: Path | None = None, mode: str = "rb"
) -> Callable[[], AbstractAsyncContextManager[Peered]]:
    """What the harness enters for every run: a new connection, and the file at *path* if there is one."""

    @asynccontextmanager
    async def entered() -> AsyncIterator[Peered]:
        with pair_of(PacedStream) as (stream, sock), contextlib.ExitStack() as stack:
            peer = peer_kind(sock)
            stream.turn = peer.turn
            yield Peered(stream, peer, stack.enter_context(path.open(mode)) if path is not None else None)

    return entered


def secured(
    peer_kind: Callable[[socket.socket], Any], file: Callable[[], Any], client: ssl.SSLContext, server: ssl.SSLContext
) -> Callable[[], AbstractAsyncContextManager[Peered]]:
    """The same inside TLS."""

    @asynccontextmanager
    async def entered() -> AsyncIterator[Peered]:
        with pair_of(PacedStream) as (stream, sock):
            with played(server_tls, sock, server) as handshake:
                await shake_hands(stream, client)
            with handshake.result as far_end:
                peer = peer_kind(far_end)
                stream.turn = peer.turn
                yield Peered(stream, peer, file())

    return entered


# -- the stream --------------------------------------------------------------------------------------------------------


async def test_R6_a_cancelled_send_went_whole_or_not_at_all_or_broke_the_stream() -> None:
    async def send(both: Peered) -> None:
        await both.stream.send(UPLOAD, in_time())

    async def check(outcome: Outcome) -> None:
        both: Peered = outcome.subject
        try:
            await both.stream.send(b"QUIT", in_time())
        except DisconnectedError:
            assert outcome.cancelled
            return
        both.peer.turn()
        assert both.peer.taken == UPLOAD + b"QUIT" or (outcome.cancelled and both.peer.taken == b"QUIT")

    sweep = await cancel_everywhere(send, around=paced(Taker), check=check, modes=ALL_MODES)
    assert sweep.points >= 4


async def test_a_cancelled_receive_takes_nothing() -> None:
    """A native cancel() may come in the turn after the bytes did; it is for channels to break then, which is I2."""

    async def receive(both: Peered) -> bytes:
        return await both.stream.receive(in_time())

    async def check(outcome: Outcome) -> None:
        data = outcome.value or b""
        while block := await outcome.subject.stream.receive(in_time()):
            data += block
        assert data == DOWNLOAD

    await cancel_everywhere(receive, around=paced(Giver), check=check, modes=[Mode.SCOPE])


async def test_a_cancelled_end_may_be_said_again() -> None:
    async def end(both: Peered) -> None:
        await both.stream.send_eof(in_time())

    async def check(outcome: Outcome) -> None:
        await outcome.subject.stream.send_eof(in_time())
        assert outcome.subject.peer.sock.recv(1) == b""

    await cancel_everywhere(end, around=paced(Taker), check=check, modes=ALL_MODES)


# -- files -------------------------------------------------------------------------------------------------------------


@both_paths
async def test_a_cancelled_upload_goes_on_where_the_file_stands(paths: FastPaths, tmp_path: Path) -> None:
    path = _written(tmp_path)

    async def send(both: Peered) -> None:
        await send_file(both.stream, both.file, seconds=10, fast_paths=paths)

    async def check(outcome: Outcome) -> None:
        both: Peered = outcome.subject
        await send(both)
        assert both.file.tell() == len(UPLOAD)
        await both.stream.send_eof(in_time())
        both.peer.turn()
        assert both.peer.taken == UPLOAD

    sweep = await cancel_everywhere(send, around=paced(Taker, path), check=check, modes=ALL_MODES)
    assert sweep.points >= 4


def _written(folder: Path) -> Path:
    path = folder / "upload"
    path.write_bytes(UPLOAD)
    return path


async def test_R6_an_upload_cancelled_inside_tls_is_over_once_a_block_was_begun(
    client_tls_context: ssl.SSLContext, server_tls_context: ssl.SSLContext
) -> None:
    async def send(both: Peered) -> None:
        await send_file(both.stream, both.file, seconds=10)

    async def check(outcome: Outcome) -> None:
        both: Peered = outcome.subject
        if outcome.cancelled and len(both.peer.taken) > 0:
            with pytest.raises(DisconnectedError, match="cut short"):
                await both.stream.send_eof(in_time())
            return
        await send(both)
        both.peer.turn()
        assert both.peer.taken == UPLOAD

    around = secured(Taker, lambda: io.BytesIO(UPLOAD), client_tls_context, server_tls_context)
    await cancel_everywhere(send, around=around, check=check, modes=ALL_MODES)


@both_paths
async def test_a_cancelled_download_goes_on_with_what_is_in_the_file(paths: FastPaths, tmp_path: Path) -> None:
    """What was taken off the socket is in the file, not in a pipe or a buffer that nobody looks into."""
    path = tmp_path / "download"

    async def receive(both: Peered) -> None:
        await receive_file(both.stream, both.file, seconds=10, fast_paths=paths)

    async def check(outcome: Outcome) -> None:
        both: Peered = outcome.subject
        await receive(both)
        both.file.flush()
        assert _content(path) == DOWNLOAD

    sweep = await cancel_everywhere(receive, around=paced(Giver, path, "wb"), check=check, modes=ALL_MODES)
    assert sweep.points >= 5


def _content(path: Path) -> bytes:
    return path.read_bytes()


async def test_a_cancelled_download_inside_tls_goes_on_with_what_is_in_the_file(
    client_tls_context: ssl.SSLContext, server_tls_context: ssl.SSLContext
) -> None:
    async def receive(both: Peered) -> None:
        await receive_file(both.stream, both.file, seconds=10)

    async def check(outcome: Outcome) -> None:
        await receive(outcome.subject)
        assert outcome.subject.file.getvalue() == DOWNLOAD
        assert outcome.subject.stream.truncated

    around = secured(Giver, io.BytesIO, client_tls_context, server_tls_context)
    sweep = await cancel_everywhere(receive, around=around, check=check, modes=ALL_MODES)
    assert sweep.points >= 5
