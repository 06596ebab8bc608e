"""TlsLayer: between OpenSSL's memory and a socket that blocks, at every size. Both sides are driven here, by turns."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator

import pytest

from tests.net.support import pattern
from transfer._net.tls_layer import TlsLayer

RECORD = 16384
ROUNDS = 10_000


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    with near, far:
        for end in (near, far):
            end.setblocking(False)
        yield near, far


@pytest.fixture
def layers(
    sockets: tuple[socket.socket, socket.socket], context: ssl.SSLContext, server_tls_context: ssl.SSLContext
) -> tuple[TlsLayer, TlsLayer]:
    """A client and a server that have shaken hands."""
    near, far = sockets
    client = TlsLayer(near, context, server_hostname="localhost", server_side=False)
    server = TlsLayer(far, server_tls_context, server_hostname=None, server_side=True)
    waiting = [client, server]
    for _ in range(ROUNDS):
        for layer in list(waiting):
            with contextlib.suppress(ssl.SSLWantReadError):
                layer.do_handshake()
                waiting.remove(layer)
    assert not waiting
    return client, server


def would_block(act: Callable[[], object]) -> bool:
    try:
        act()
    except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return True
    return False


def drain(layer: TlsLayer, size: int) -> bytes:
    """Read with a buffer of *size* until nothing is left to read."""
    received, buffer = bytearray(), memoryview(bytearray(size))
    with contextlib.suppress(ssl.SSLWantReadError):
        while count := layer.recv_into(buffer):
            received += buffer[:count]
    return bytes(received)


@pytest.mark.parametrize("room", [1, 1000, RECORD, 70_000, 1 << 20])
def test_octets_arrive_once_and_in_order_whatever_the_rooms(layers: tuple[TlsLayer, TlsLayer], room: int) -> None:
    """The receiver's buffer is smaller and larger than a record, and than what the network brings at once."""
    client, server = layers
    data = pattern(3 * RECORD if room == 1 else 40 * RECORD + 7)
    rest, received = memoryview(data), bytearray()
    for _ in range(ROUNDS):
        with contextlib.suppress(ssl.SSLWantWriteError):
            while rest:
                rest = rest[client.send(rest) :]
        received += drain(server, room)
        if not rest:
            break
    assert received == data


def test_send_takes_no_more_than_it_has_encrypted(layers: tuple[TlsLayer, TlsLayer]) -> None:
    """Where the socket is full, the octets that were offered are counted once, when the last of them has gone."""
    client, server = layers
    data = memoryview(pattern(1 << 20))
    sent = 0
    with contextlib.suppress(ssl.SSLWantWriteError):
        while True:
            sent += client.send(data[sent:])
    assert would_block(lambda: client.send(data[sent:]))
    received = drain(server, RECORD)
    assert len(received) > sent, "records are on their way that do not count as sent yet"
    for _ in range(ROUNDS):
        try:
            sent += client.send(data[sent:])
            break
        except ssl.SSLWantWriteError:
            received += drain(server, RECORD)
    received += drain(server, RECORD)
    assert received == data[:sent]


def test_a_full_socket_in_one_direction_does_not_stop_the_other(layers: tuple[TlsLayer, TlsLayer]) -> None:
    client, server = layers
    data = memoryview(pattern(1 << 20))
    with contextlib.suppress(ssl.SSLWantWriteError):
        while True:
            client.send(data)
    assert server.send(memoryview(b"enough")) == 6
    assert client.recv(100) == b"enough"


def test_recv_into_fills_the_buffer_over_several_records(layers: tuple[TlsLayer, TlsLayer]) -> None:
    client, server = layers
    data = pattern(4 * RECORD)
    assert client.send(memoryview(data)) == len(data)
    buffer = memoryview(bytearray(10 * RECORD))
    assert server.recv_into(buffer) == len(data)
    assert buffer[: len(data)] == data
    assert would_block(lambda: server.recv_into(buffer))


def test_recv_gives_what_there_is(layers: tuple[TlsLayer, TlsLayer]) -> None:
    client, server = layers
    assert would_block(lambda: server.recv(10))
    client.send(memoryview(b"abcdef"))
    assert server.recv(4) == b"abcd"
    assert server.recv(4) == b"ef"
    assert would_block(lambda: server.recv(4))


def test_a_close_notify_is_an_end_that_stays(layers: tuple[TlsLayer, TlsLayer]) -> None:
    client, server = layers
    client.send(memoryview(b"last"))
    client.unwrap()
    client.unwrap()
    buffer = memoryview(bytearray(RECORD))
    assert server.recv_into(buffer) == 4
    assert server.recv_into(buffer) == 0
    assert server.recv(10) == b""


@pytest.mark.parametrize("read", [lambda layer: layer.recv(9), lambda layer: layer.recv_into(memoryview(bytearray(9)))])
def test_an_end_without_close_notify_is_an_error_after_the_data(
    layers: tuple[TlsLayer, TlsLayer], sockets: tuple[socket.socket, socket.socket], read: Callable[[TlsLayer], object]
) -> None:
    client, server = layers
    client.send(memoryview(b"half"))
    assert would_block(lambda: client.recv(1)), "tickets left unread would make the end a reset"
    sockets[0].close()
    assert read(server) in (b"half", 4)
    for _ in range(2):
        with pytest.raises(ssl.SSLEOFError):
            read(server)


def test_garbage_is_an_error_after_the_data(
    layers: tuple[TlsLayer, TlsLayer], sockets: tuple[socket.socket, socket.socket]
) -> None:
    client, server = layers
    client.send(memoryview(b"half"))
    sockets[0].send(b"\x17\x03\x03\x00\x20garbage-garbage-garbage-garbage-")
    buffer = memoryview(bytearray(RECORD))
    assert server.recv_into(buffer) == 4
    for _ in range(2):
        with pytest.raises(ssl.SSLError, match=r"(?i)mac|decryption"):
            server.recv_into(buffer)


def test_unwrap_waits_for_room_and_says_its_word_once(
    layers: tuple[TlsLayer, TlsLayer], sockets: tuple[socket.socket, socket.socket]
) -> None:
    client, server = layers
    sent = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            sent += sockets[0].send(bytes(65536))
    assert would_block(client.unwrap)
    assert would_block(client.unwrap)
    while sent:
        sent -= len(sockets[1].recv(min(sent, 65536)))
    client.unwrap()
    assert server.recv(10) == b""


def test_a_refused_certificate_is_told_to_the_peer(
    sockets: tuple[socket.socket, socket.socket], server_tls_context: ssl.SSLContext
) -> None:
    near, far = sockets
    distrustful = TlsLayer(near, ssl.create_default_context(), server_hostname="localhost", server_side=False)
    server = TlsLayer(far, server_tls_context, server_hostname=None, server_side=True)
    assert would_block(distrustful.do_handshake)
    assert would_block(server.do_handshake)
    with pytest.raises(ssl.SSLCertVerificationError):
        distrustful.do_handshake()
    with pytest.raises(ssl.SSLError, match=r"(?i)unknown ca"):
        server.do_handshake()
