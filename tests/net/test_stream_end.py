"""How a stream ends: rule R4 of the architecture page, and what becomes of errors."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import tempfile

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from tests.net.support import (
    ERRORS,
    in_time,
    pair,
    reset,
    soon,
    tcp_pair,
    until_waiting,
)
from transfer._errors import (
    DisconnectedError,
    ErrorFamily,
    LocalProtocolError,
    TransferError,
    TransferTimeoutError,
)
from transfer._net.stream import Stream

# -- R4: closing -------------------------------------------------------------------------------------------------------


async def test_R4_close_wakes_whoever_waits_with_disconnected() -> None:
    with pair(buffer_bytes=4096) as (stream, _):
        ended = 0

        async def receive() -> None:
            nonlocal ended
            with pytest.raises(DisconnectedError, match="closed while in use"):
                await stream.receive(in_time())
            ended += 1

        async def send() -> None:
            nonlocal ended
            with pytest.raises(DisconnectedError, match="closed while in use"):
                await stream.send(bytes(50_000_000), in_time())
            ended += 1

        async with anyio.create_task_group() as group:
            group.start_soon(receive)
            group.start_soon(send)
            await until_waiting()
            stream.close()

    assert ended == 2


async def test_R4_a_closed_stream_refuses_everything() -> None:
    with pair() as (stream, _), tempfile.TemporaryFile() as file:
        stream.close()
        stream.close()
        stream.reset()

        assert stream.is_closed
        for operation in (
            stream.receive_nowait,
            lambda: stream.receive_into_nowait(memoryview(bytearray(1))),
            lambda: stream.send_nowait(memoryview(b"x")),
            lambda: stream.sendfile_nowait(file.fileno(), 0, 1),
            lambda: stream.splice_nowait(file.fileno(), 1),
        ):
            with pytest.raises(DisconnectedError, match="is closed"):
                operation()
        with pytest.raises(DisconnectedError):
            await stream.receive()
        with pytest.raises(DisconnectedError):
            await stream.perform(lambda: None)
        await stream.send_eof()


def test_R4_close_works_without_a_loop() -> None:
    ours, theirs = socket.socketpair()
    stream = Stream(ours, peer="peer", errors=ERRORS)
    stream.close()

    with theirs:
        assert theirs.recv(1) == b""
    assert stream.raw_socket.fileno() == -1


async def test_close_has_no_checkpoint_and_works_in_a_cancelled_scope() -> None:
    with pair() as (stream, peer):
        with anyio.CancelScope() as scope:
            scope.cancel()
            stream.close()
            assert peer.recv(1) == b""
            await anyio.lowlevel.checkpoint()


async def test_reset_sends_rst() -> None:
    with tcp_pair() as (stream, peer):
        await stream.send(b"half a file")
        stream.reset()

        with pytest.raises(ConnectionResetError):
            _read_to_the_end(peer)


def _read_to_the_end(sock: socket.socket) -> None:
    while sock.recv(100):
        pass


async def test_send_eof_half_closes_and_receiving_goes_on() -> None:
    with pair() as (stream, peer):
        await stream.send_eof(in_time())

        assert peer.recv(1) == b""
        peer.sendall(b"226 done\r\n")
        assert await stream.receive(in_time()) == b"226 done\r\n"


async def test_send_eof_of_a_lost_connection_is_silent() -> None:
    with tcp_pair() as (stream, peer):
        reset(peer)

        await stream.send_eof(in_time())


# -- errors ------------------------------------------------------------------------------------------------------------


async def test_a_reset_is_disconnected_with_errno_and_peer() -> None:
    with tcp_pair() as (stream, peer):
        reset(peer)
        with pytest.raises(DisconnectedError, match="lost") as caught:
            await stream.receive(in_time())

    assert caught.value.errno == errno.ECONNRESET
    assert caught.value.peer == "peer"
    assert isinstance(caught.value.__cause__, ConnectionResetError)


async def test_writing_to_a_peer_that_left_is_disconnected() -> None:
    with pair() as (stream, peer), tempfile.TemporaryFile() as file:
        file.write(b"data")
        file.flush()
        peer.close()
        with pytest.raises(DisconnectedError):
            await stream.send(b"x")
        with pytest.raises(DisconnectedError):
            stream.sendfile_nowait(file.fileno(), 0, 4)


async def test_splicing_from_a_reset_connection_is_disconnected() -> None:
    reader, writer = os.pipe2(os.O_NONBLOCK)
    try:
        with tcp_pair() as (stream, peer):
            reset(peer)
            with pytest.raises(DisconnectedError):
                await stream.perform(lambda: stream.splice_nowait(writer, 4096), in_time())
    finally:
        os.close(reader)
        os.close(writer)


async def test_errors_of_the_file_are_not_taken_for_the_connections() -> None:
    with pair() as (stream, _):
        with pytest.raises(OSError) as of_sendfile:
            stream.sendfile_nowait(1 << 20, 0, 1)
        with pytest.raises(OSError) as of_splice:
            stream.splice_nowait(1 << 20, 1)

    for caught in (of_sendfile, of_splice):
        assert caught.value.errno == errno.EBADF
        assert not isinstance(caught.value, TransferError)


async def test_errors_are_spelled_by_the_family() -> None:
    class Lost(DisconnectedError):
        pass

    class Late(TransferTimeoutError):
        pass

    class Wrong(LocalProtocolError):
        pass

    ours, theirs = socket.socketpair()
    with theirs:
        stream = Stream(ours, peer="peer", errors=ErrorFamily(disconnected=Lost, timeout=Late, local_protocol=Wrong))
        with pytest.raises(Late):
            await stream.receive(soon())
        async with anyio.create_task_group() as group:
            group.start_soon(_swallow_lost, stream)
            await until_waiting()
            with pytest.raises(Wrong):
                await stream.receive(in_time())
            stream.close()
        with pytest.raises(Lost):
            await stream.receive()


async def _swallow_lost(stream: Stream) -> None:
    with contextlib.suppress(DisconnectedError):
        await stream.receive()


async def test_R10_small_writes_are_not_held_back() -> None:
    with tcp_pair() as (stream, _):
        assert stream.raw_socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        assert stream.raw_socket.gettimeout() == 0
        assert stream.tls is None
