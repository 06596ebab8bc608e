"""Handshakes that fail: certificates, garbage, deadlines, cancellation."""

from __future__ import annotations

import datetime as dt
import errno
import gc
import socket
import ssl
import struct
from collections.abc import Callable

import anyio
import pytest
import trustme

from tests.net.support import (
    asyncio_only,
    in_time,
    pair,
    played,
    read_all,
    server_tls,
    shake_hands,
    soon,
    tcp_pair,
    until_waiting,
)
from transfer._errors import DisconnectedError, TLSError, TransferTimeoutError
from transfer._net.stream import Stream


def _server_with(certificate: trustme.LeafCert) -> ssl.SSLContext:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(server)
    return server


def _wrong_host(ca: trustme.CA) -> ssl.SSLContext:
    return _server_with(ca.issue_cert("elsewhere.example"))


def _unknown_authority(_: trustme.CA) -> ssl.SSLContext:
    return _server_with(trustme.CA().issue_cert("localhost"))


def _expired(ca: trustme.CA) -> ssl.SSLContext:
    past = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)
    return _server_with(ca.issue_cert("localhost", not_before=past, not_after=past))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_wrong_host, "Hostname mismatch|not valid for"),
        (_unknown_authority, "self-signed|unable to get|self signed"),
        (_expired, "expired"),
    ],
    ids=["wrong-host", "unknown-authority", "expired"],
)
async def test_certificate_errors_are_tls_errors_with_their_cause(
    make: Callable[[trustme.CA], ssl.SSLContext], words: str, context: ssl.SSLContext, certificate_authority: trustme.CA
) -> None:
    server = make(certificate_authority)

    def serve(peer: socket.socket) -> None:
        with pytest.raises((ssl.SSLError, ConnectionError)), server_tls(peer, server) as secured:
            secured.recv(1)

    with tcp_pair() as (stream, peer):
        with played(serve, peer), pytest.raises(TLSError, match=words) as caught:
            await shake_hands(stream, context)
        peer.close()

    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
    assert caught.value.peer == "peer"
    assert not caught.value.retryable
    assert stream.is_closed


async def test_a_missing_clients_certificate_is_a_tls_error_wherever_it_shows(
    context: ssl.SSLContext, certificate_authority: trustme.CA
) -> None:
    """A TLS 1.3 client has finished its handshake when the server refuses: the alert comes with the first read."""
    server = _server_with(certificate_authority.issue_cert("localhost"))
    certificate_authority.configure_trust(server)
    server.verify_mode = ssl.CERT_REQUIRED

    def refuse(peer: socket.socket) -> None:
        with pytest.raises(ssl.SSLError):
            server_tls(peer, server)

    async def shake_hands_and_read(stream: Stream) -> None:
        await shake_hands(stream, context)
        await stream.receive(in_time())

    with pair() as (stream, peer), played(refuse, peer), pytest.raises(TLSError):
        await shake_hands_and_read(stream)


async def test_a_peer_that_answers_garbage_is_a_tls_error(client_tls_context: ssl.SSLContext) -> None:
    with pair() as (stream, peer):
        peer.sendall(b"500 I do not speak TLS\r\n")
        with pytest.raises(TLSError, match="something other than TLS") as caught:
            await shake_hands(stream, client_tls_context)

    assert isinstance(caught.value.__cause__, ssl.SSLError)
    assert stream.is_closed


async def test_a_peer_that_leaves_during_the_handshake_is_disconnected(client_tls_context: ssl.SSLContext) -> None:
    with pair() as (stream, peer):
        peer.shutdown(socket.SHUT_WR)
        with pytest.raises(DisconnectedError):
            await shake_hands(stream, client_tls_context)

    assert stream.is_closed


async def test_a_reset_during_the_handshake_is_named(client_tls_context: ssl.SSLContext) -> None:
    with tcp_pair() as (stream, peer):
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        def refuse() -> None:
            peer.recv(1)
            peer.close()

        with played(refuse), pytest.raises(DisconnectedError, match="reset by peer") as caught:
            await shake_hands(stream, client_tls_context)

    assert caught.value.errno == errno.ECONNRESET
    assert stream.is_closed


async def test_a_handshake_has_its_deadline(client_tls_context: ssl.SSLContext) -> None:
    with pair() as (stream, _):
        with pytest.raises(TransferTimeoutError) as caught:
            await stream.start_tls(client_tls_context, server_hostname="localhost", deadline=soon("TLS handshake"))

        assert caught.value.phase == "TLS handshake"
        assert stream.is_closed


async def test_a_cancelled_handshake_closes_the_stream(client_tls_context: ssl.SSLContext) -> None:
    with pair() as (stream, peer):
        async with anyio.create_task_group() as group:
            group.start_soon(shake_hands, stream, client_tls_context)
            await until_waiting()
            group.cancel_scope.cancel()

        assert stream.is_closed
        assert read_all(peer)[:1] == b"\x16"


@asyncio_only
async def test_a_natively_cancelled_handshake_closes_the_stream(client_tls_context: ssl.SSLContext) -> None:
    import asyncio

    with pair() as (stream, _):
        task = asyncio.ensure_future(shake_hands(stream, client_tls_context))
        await until_waiting()
        task.cancel()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert stream.is_closed


@pytest.mark.parametrize("server_hostname", [None, "", ".example", "a" * 300, "nul\0.example"], ids=repr)
async def test_tls_that_cannot_begin_leaves_no_descriptor_open(
    server_hostname: str | None, client_tls_context: ssl.SSLContext
) -> None:
    with pair() as (stream, peer):
        with pytest.raises(TLSError) as caught:
            await stream.start_tls(client_tls_context, server_hostname=server_hostname, deadline=in_time())

        assert caught.value.__cause__ is not None
        assert stream.is_closed
        del caught
        gc.collect()
        assert read_all(peer) == b"", "closed on every path"


async def test_tls_on_a_closed_or_lost_connection_is_disconnected(client_tls_context: ssl.SSLContext) -> None:
    with pair() as (stream, _):
        stream.close()
        with pytest.raises(DisconnectedError):
            await shake_hands(stream, client_tls_context)
    with tcp_pair() as (stream, peer):
        peer.close()
        with pytest.raises(DisconnectedError):
            await shake_hands(stream, client_tls_context)
        assert stream.is_closed


async def test_a_cut_inside_a_tls_record_is_no_clean_end(
    context: ssl.SSLContext, server_tls_context: ssl.SSLContext
) -> None:
    def garble(peer: socket.socket) -> None:
        secured = server_tls(peer, server_tls_context)
        socket.socket.send(secured, b"\x17\x03\x03\x00\x20garbage-garbage-garbage-garbage-")
        secured.close()

    with pair() as (stream, peer), played(garble, peer):
        await shake_hands(stream, context)
        with pytest.raises(TLSError):
            await stream.receive(in_time())


async def test_a_peer_that_has_reset_before_the_handshake_leaves_no_socket_behind(context: ssl.SSLContext) -> None:
    """A handshake on a lost connection ends like any other failure."""
    with tcp_pair() as (stream, far):
        far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        far.close()
        with pytest.raises(DisconnectedError):
            await stream.start_tls(context, server_hostname="localhost")
        assert stream.is_closed
        gc.collect()  # an unclosed socket is a warning, and so an error
