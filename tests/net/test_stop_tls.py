"""TLS that ends in order while the connection goes on in clear."""

from __future__ import annotations

import os
import socket
import ssl
from pathlib import Path

import anyio
import pytest

from tests.net.support import in_time, pair, say_and_wait, shake_hands, soon, tcp_pair, tls_server
from transfer._errors import DisconnectedError, LocalProtocolError, TransferError, TransferTimeoutError


def end_and_go_on(secured: ssl.SSLSocket) -> bytes:
    """End TLS, say something in clear, and return what the other side says."""
    secured.unwrap()  # from here on the socket is a plain one
    secured.sendall(b"clear\r\n")
    return secured.recv(100)


def wait_for_the_end(secured: ssl.SSLSocket) -> None:
    """Say nothing more, not even that TLS has ended."""
    with socket.socket(fileno=os.dup(secured.fileno())) as raw:
        raw.settimeout(10)
        while raw.recv(1000):
            pass


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda version: version.name)
async def test_both_sides_go_on_in_clear(
    server_tls_context: ssl.SSLContext, ca_file: Path, version: ssl.TLSVersion
) -> None:
    context = ssl.create_default_context(cafile=str(ca_file))
    context.maximum_version = version
    with pair() as (stream, peer), tls_server(peer, server_tls_context, end_and_go_on) as played:
        await shake_hands(stream, context)
        rest = await stream.stop_tls(in_time())
        assert stream.tls is None
        assert stream.tls_context is context
        assert (rest or await stream.receive(in_time())) == b"clear\r\n"
        await stream.send(b"so it is", in_time())
    assert played.result == b"so it is"


async def test_tls_can_begin_again(server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext) -> None:
    def end_and_begin(secured: ssl.SSLSocket) -> bytes:
        secured.unwrap()
        descriptor = secured.detach()
        with server_tls_context.wrap_socket(socket.socket(fileno=descriptor), server_side=True) as again:
            return again.recv(100)

    with pair() as (stream, peer), tls_server(peer, server_tls_context, end_and_begin) as played:
        await shake_hands(stream, client_tls_context)
        assert await stream.stop_tls(in_time()) == b""
        await shake_hands(stream, client_tls_context)
        await stream.send(b"private", in_time())
    assert played.result == b"private"


async def test_a_plain_stream_has_no_tls_to_end() -> None:
    with pair() as (stream, _):
        with pytest.raises(LocalProtocolError, match="has not been started"):
            await stream.stop_tls(in_time())
        assert not stream.is_closed


async def test_a_peer_that_says_no_word_is_left_after_the_time_limit(
    server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    with pair() as (stream, peer), tls_server(peer, server_tls_context, wait_for_the_end):
        await shake_hands(stream, client_tls_context)
        with pytest.raises(TransferTimeoutError):
            await stream.stop_tls(soon("end of TLS"))
        assert stream.is_closed


async def test_a_peer_that_goes_is_a_lost_connection(
    server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    with tcp_pair() as (stream, peer), tls_server(peer, server_tls_context, lambda secured: None):
        await shake_hands(stream, client_tls_context)
        with pytest.raises(DisconnectedError):
            await stream.stop_tls(in_time())
        assert stream.is_closed


async def test_a_peer_that_goes_on_in_tls_is_not_understood(
    server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    """Nothing of it is lost in silence: the stream is closed."""
    with pair() as (stream, peer), tls_server(peer, server_tls_context, say_and_wait):
        await shake_hands(stream, client_tls_context)
        with pytest.raises(TransferError):
            await stream.stop_tls(soon("end of TLS"))
        assert stream.is_closed


async def test_a_cancellation_closes_the_stream(
    server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    with pair() as (stream, peer), tls_server(peer, server_tls_context, wait_for_the_end):
        await shake_hands(stream, client_tls_context)
        with anyio.move_on_after(0.05) as scope:
            await stream.stop_tls()
        assert scope.cancelled_caught
        assert stream.is_closed


async def test_the_system_is_told_to_probe_an_idle_peer() -> None:
    with tcp_pair() as (stream, _):
        stream.keep_alive(60)
        sock = stream.raw_socket
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        if hasattr(socket, "TCP_KEEPIDLE"):
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
    with pair() as (stream, _):
        stream.keep_alive(60)  # a Unix socket has nothing to probe
        assert not stream.is_closed
