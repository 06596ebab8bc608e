"""TLS in place: rules R5 to R7 at the stream, the traps of `ssl`, and resumption."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import anyio
import pytest

from tests.net.support import (
    in_time,
    pair,
    pattern,
    played,
    read_all,
    say_and_wait,
    server_tls,
    shake_hands,
    soon,
    tcp_pair,
    tls_server,
)
from transfer._errors import DisconnectedError, LocalProtocolError, TransferTimeoutError
from transfer._net.stream import Stream
from transfer._net.tls import SessionStore

IGNORE_UNEXPECTED_EOF = getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)


# -- in place ----------------------------------------------------------------------------------------------------------


async def test_R5_plain_then_tls_on_the_same_connection(
    context: ssl.SSLContext, server_tls_context: ssl.SSLContext
) -> None:
    def serve(peer: socket.socket) -> bytes:
        peer.sendall(b"220 go ahead\r\n")
        with server_tls(peer, server_tls_context) as secured:
            secured.sendall(b"250 inside\r\n")
            return secured.recv(100)

    with tcp_pair() as (stream, peer):
        with played(serve, peer) as served:
            assert await stream.receive(in_time()) == b"220 go ahead\r\n"
            await shake_hands(stream, context)
            assert stream.tls is not None
            assert stream.tls.version() == context.maximum_version.name.replace("_", ".").replace("v1.", "v1.")
            assert await stream.receive(in_time()) == b"250 inside\r\n"
            await stream.send(b"QUIT\r\n", in_time())
        assert served.result == b"QUIT\r\n"


async def test_the_servers_side_in_place(context: ssl.SSLContext, server_tls_context: ssl.SSLContext) -> None:
    def connect(peer: socket.socket) -> bytes:
        with context.wrap_socket(peer, server_hostname="localhost") as secured:
            secured.sendall(b"NOOP\r\n")
            return secured.recv(100)

    with tcp_pair() as (stream, peer):
        with played(connect, peer) as connected:
            await stream.start_tls(server_tls_context, server_side=True, deadline=in_time())
            assert await stream.receive(in_time()) == b"NOOP\r\n"
            await stream.send(b"250 OK\r\n", in_time())
        assert connected.result == b"250 OK\r\n"


async def test_tls_on_top_of_tls_is_refused(
    client_tls_context: ssl.SSLContext, server_tls_context: ssl.SSLContext
) -> None:
    with pair() as (stream, peer), tls_server(peer, server_tls_context, lambda secured: secured.recv(1)):
        await shake_hands(stream, client_tls_context)
        with pytest.raises(LocalProtocolError):
            await shake_hands(stream, client_tls_context)
        await stream.send(b"x")


# -- traps: writing ----------------------------------------------------------------------------------------------------


async def test_R6_a_slow_reader_gets_every_byte_although_writes_block(
    context: ssl.SSLContext, server_tls_context: ssl.SSLContext
) -> None:
    """After WANT_WRITE the same bytes are offered again: no BAD_LENGTH, nothing twice, nothing missing."""
    data = pattern(3_000_000)
    with pair(buffer_bytes=4096) as (stream, peer):
        with tls_server(peer, server_tls_context, read_all) as read:
            await shake_hands(stream, context)
            await stream.send(data, in_time())
            await stream.send_eof(in_time())
        assert read.result == data


async def test_nothing_to_send_is_sent_at_once(context: ssl.SSLContext, server_tls_context: ssl.SSLContext) -> None:
    with pair() as (stream, peer), tls_server(peer, server_tls_context, read_all) as read:
        assert stream.send_nowait(memoryview(b"")) == 0
        await shake_hands(stream, context)
        assert stream.send_nowait(memoryview(b"")) == 0
        await stream.send(b"", in_time())
        await stream.send(b"x", in_time())
        await stream.send_eof(in_time())
    assert read.result == b"x"


async def test_R6_a_cancelled_tls_write_breaks_the_stream_even_where_nothing_seems_to_have_left(
    context: ssl.SSLContext, server_tls_context: ssl.SSLContext
) -> None:
    """OpenSSL holds an encrypted record back: other bytes after it would be the end of the connection."""
    release = socket.socketpair()
    with (
        release[0] as held,
        release[1] as holder,
        pair(buffer_bytes=4096) as (stream, peer),
        tls_server(peer, server_tls_context, lambda _: holder.recv(1)),
    ):
        await shake_hands(stream, context)
        while (block := stream.send_nowait(memoryview(bytes(16384)))) is not None:
            assert block == 16384
        with pytest.raises(DisconnectedError, match="cut short"):
            await stream.send(b"QUIT\r\n")
        stream.close()
        held.sendall(b"x")


# -- traps: reading ----------------------------------------------------------------------------------------------------


async def test_pending_bytes_after_a_read_are_not_waited_for(
    context: ssl.SSLContext, server_tls_context: ssl.SSLContext
) -> None:
    """What OpenSSL has deciphered already makes no socket readable."""
    with pair() as (stream, peer), tls_server(peer, server_tls_context, say_and_wait):
        await shake_hands(stream, context)
        assert await stream.receive(in_time(), 3) == b"abc"
        assert stream.tls is not None
        assert stream.tls.pending() == 3
        assert await stream.receive(in_time(), 3) == b"def"
        await stream.send(b"x")


async def test_tickets_on_an_idle_connection_are_no_news(ca_file: Path, server_tls_context: ssl.SSLContext) -> None:
    """TLS 1.3 tickets make the socket readable; a look finds nothing and does not take it for the end."""
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    with pair() as (stream, peer), tls_server(peer, server_tls_context, lambda secured: secured.recv(1)):
        await shake_hands(stream, context)
        await anyio.wait_readable(stream.raw_socket)

        assert stream.receive_nowait() is None
        assert not stream.truncated
        await stream.send(b"x")


async def test_a_read_of_nothing_is_no_end_inside_tls(
    context: ssl.SSLContext, server_tls_context: ssl.SSLContext
) -> None:
    with pair() as (stream, peer), tls_server(peer, server_tls_context, say_and_wait):
        await shake_hands(stream, context)
        with pytest.raises(ValueError, match="room"):
            stream.receive_into_nowait(memoryview(bytearray(8))[8:])
        assert await stream.receive(in_time()) == b"abcdef"
        await stream.send(b"x")


# -- traps: the end ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ignoring", [False, True])
async def test_R7_an_end_without_close_notify_is_seen_whatever_the_context_says(
    context: ssl.SSLContext, server_tls_context: ssl.SSLContext, ignoring: bool
) -> None:
    if ignoring:
        context.options |= IGNORE_UNEXPECTED_EOF
    options = context.options
    with pair() as (stream, peer), tls_server(peer, server_tls_context, lambda secured: secured.sendall(b"half")):
        await shake_hands(stream, context)
        assert await stream.receive(in_time()) == b"half"
        assert await stream.receive(in_time()) == b""
        assert stream.truncated
        assert await stream.receive(in_time()) == b"", "an end stays one"

    assert context.options == options, "the context belongs to the caller"


async def test_R7_an_end_with_close_notify_is_no_truncation(
    context: ssl.SSLContext, server_tls_context: ssl.SSLContext
) -> None:
    def end(secured: ssl.SSLSocket) -> None:
        secured.sendall(b"all")
        secured.unwrap().close()

    with pair() as (stream, peer), tls_server(peer, server_tls_context, end):
        await shake_hands(stream, context)
        assert await stream.receive(in_time()) == b"all"
        assert await stream.receive(in_time()) == b""
        assert not stream.truncated
        await stream.send_eof(in_time())


async def test_send_eof_says_close_notify_and_does_not_wait_for_the_peers(
    context: ssl.SSLContext, server_tls_context: ssl.SSLContext
) -> None:
    with pair() as (stream, peer), tls_server(peer, server_tls_context, lambda secured: secured.recv(1)) as read:
        await shake_hands(stream, context)
        await stream.send_eof(in_time())
    assert read.result == b"", "with suppress_ragged_eofs=False anything but close_notify would have raised"


async def test_send_eof_with_unread_data_does_not_raise(
    context: ssl.SSLContext, server_tls_context: ssl.SSLContext
) -> None:
    with pair() as (stream, peer), tls_server(peer, server_tls_context, say_and_wait):
        await shake_hands(stream, context)
        assert await stream.receive(in_time(), 3) == b"abc", "and as much is left"
        await stream.send_eof(in_time())
        await stream.send_eof(in_time())


async def test_send_eof_ends_tls_in_both_directions(
    context: ssl.SSLContext, server_tls_context: ssl.SSLContext
) -> None:
    """What arrives while close_notify is said may be lost, so nothing is handed out rather than a part."""
    with pair() as (stream, peer), tls_server(peer, server_tls_context, say_and_wait):
        await shake_hands(stream, context)
        await stream.send_eof(in_time())
        assert await stream.receive(in_time()) == b""
        assert not stream.truncated


async def test_plain_bytes_after_both_close_notifies_are_never_handed_out(
    context: ssl.SSLContext, server_tls_context: ssl.SSLContext
) -> None:
    """I1 at the other end of TLS: what an attacker appends in clear is not data."""

    def inject(peer: socket.socket) -> None:
        secured = server_tls(peer, server_tls_context)
        plain = secured.unwrap()
        plain.sendall(b"injected")
        plain.close()

    with pair() as (stream, peer), played(inject, peer):
        await shake_hands(stream, context)
        assert await stream.receive(in_time()) == b""
        await stream.send_eof(in_time())
        assert await stream.receive(in_time()) == b""
        assert stream.receive_into_nowait(memoryview(bytearray(8))) == 0


async def test_send_eof_to_a_peer_that_reads_nothing_meets_its_deadline(
    context: ssl.SSLContext, server_tls_context: ssl.SSLContext
) -> None:
    held, holder = socket.socketpair()
    with held, holder, pair() as (stream, peer), tls_server(peer, server_tls_context, lambda _: holder.recv(1)):
        await shake_hands(stream, context)
        # The kernel's buffer is filled behind TLS's back: close_notify finds no room.
        while True:
            try:
                socket.socket.send(stream.raw_socket, bytes(65536))
            except BlockingIOError:
                break
        with pytest.raises(TransferTimeoutError):
            await stream.send_eof(soon())
        stream.close()
        held.sendall(b"x")


# -- resumption --------------------------------------------------------------------------------------------------------


async def _session(
    stream: Stream, peer: socket.socket, context: ssl.SSLContext, server: ssl.SSLContext
) -> SessionStore:
    store = SessionStore()
    with tls_server(peer, server, say_and_wait):
        await shake_hands(stream, context)
        assert await stream.receive(in_time()) == b"abcdef"
        store.remember(stream.tls)
        await stream.send(b"x")
        await stream.send_eof()
        store.remember(stream.tls)
    return store


async def test_a_session_is_resumed(context: ssl.SSLContext, server_tls_context: ssl.SSLContext) -> None:
    with tcp_pair() as (stream, peer):
        store = await _session(stream, peer, context, server_tls_context)
    assert store.newest is not None, "saved before unwrap, and not lost after it"

    def serve(secured: ssl.SSLSocket) -> bool | None:
        say_and_wait(secured)
        return secured.session_reused

    with (
        tcp_pair() as (stream, peer),
        tls_server(peer, server_tls_context, serve) as served,
    ):
        await shake_hands(stream, context, store.newest)
        assert stream.tls is not None
        assert stream.tls.session_reused
        assert await stream.receive(in_time()) == b"abcdef"
        await stream.send(b"x")
    assert served.result


async def test_a_session_of_another_context_is_left_out(
    context: ssl.SSLContext, client_tls_context: ssl.SSLContext, server_tls_context: ssl.SSLContext
) -> None:
    with tcp_pair() as (stream, peer):
        store = await _session(stream, peer, context, server_tls_context)

    with pair() as (stream, peer), tls_server(peer, server_tls_context, say_and_wait):
        await shake_hands(stream, client_tls_context, store.newest)
        assert stream.tls is not None
        assert not stream.tls.session_reused
        assert await stream.receive(in_time()) == b"abcdef"
        await stream.send(b"x")


async def test_a_session_that_cannot_be_resumed_is_not_remembered(
    ca_file: Path, server_tls_context: ssl.SSLContext
) -> None:
    """In TLS 1.3 there is a session before there is a ticket."""
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    store = SessionStore()
    store.remember(None)
    with pair() as (stream, peer), tls_server(peer, server_tls_context, say_and_wait):
        await shake_hands(stream, context)
        store.remember(stream.tls)
        assert _newest(store) is None
        assert await stream.receive(in_time()) == b"abcdef"
        store.remember(stream.tls)
        assert _newest(store) is not None
        await stream.send(b"x")


def _newest(store: SessionStore) -> ssl.SSLSession | None:
    return store.newest
