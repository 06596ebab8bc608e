"""TLS in place: rules R5 to R7 at the stream, the traps of `ssl`, resumption, and the settings."""

from __future__ import annotations

import datetime
import gc
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from tests.net.support import (
    ERRORS,
    asyncio_only,
    in_time,
    pair,
    pattern,
    played,
    read_all,
    server_tls,
    soon,
    tcp_pair,
    tls_server,
    until_waiting,
)
from transfer._errors import DisconnectedError, LocalProtocolError, TLSError, TransferTimeoutError
from transfer._net.stream import Stream
from transfer._net.tls import TLS, SessionStore

IGNORE_UNEXPECTED_EOF = getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["tls1.2", "tls1.3"])
def context(request: pytest.FixtureRequest, ca_file: Path) -> ssl.SSLContext:
    """A client's context of this test's own that speaks one version only."""
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = context.maximum_version = request.param
    return context


async def shake_hands(stream: Stream, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> None:
    await stream.start_tls(context, server_hostname="localhost", session=session, deadline=in_time("TLS handshake"))


# -- in place -----------------------------------------------------------------------------------------------------------


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


# -- traps: writing -------------------------------------------------------------------------------------------------------


async def test_R6_a_slow_reader_gets_every_byte_although_writes_block(
    context: ssl.SSLContext, server_tls_context: ssl.SSLContext
) -> None:
    """After WANT_WRITE the same bytes are offered again: no BAD_LENGTH, nothing twice, nothing missing."""
    data = pattern(3_000_000)
    with tcp_pair(buffer_bytes=4096) as (stream, peer):
        with tls_server(peer, server_tls_context, read_all) as read:
            await shake_hands(stream, context)
            await stream.send(data, in_time())
            await stream.send_eof(in_time())
        assert read.result == data


async def test_R6_a_cancelled_tls_write_breaks_the_stream_even_where_nothing_seems_to_have_left(
    context: ssl.SSLContext, server_tls_context: ssl.SSLContext
) -> None:
    """OpenSSL holds an encrypted record back: other bytes after it would be the end of the connection."""
    release = socket.socketpair()
    with (
        release[0] as held,
        release[1] as holder,
        tcp_pair(buffer_bytes=4096) as (stream, peer),
        tls_server(peer, server_tls_context, lambda _: holder.recv(1)),
    ):
        await shake_hands(stream, context)
        while (block := stream.send_nowait(memoryview(bytes(16384)))) is not None:
            assert block == 16384
        with pytest.raises(DisconnectedError, match="cut short"):
            await stream.send(b"QUIT\r\n")
        stream.close()
        held.sendall(b"x")


# -- traps: reading -------------------------------------------------------------------------------------------------------


async def test_pending_bytes_after_a_read_are_not_waited_for(
    context: ssl.SSLContext, server_tls_context: ssl.SSLContext
) -> None:
    """What OpenSSL has deciphered already makes no socket readable."""
    with pair() as (stream, peer), tls_server(peer, server_tls_context, _say_and_wait):
        await shake_hands(stream, context)
        assert await stream.receive(in_time(), 3) == b"abc"
        assert stream.tls is not None
        assert stream.tls.pending() == 3
        assert await stream.receive(in_time(), 3) == b"def"
        await stream.send(b"x")


def _say_and_wait(secured: ssl.SSLSocket) -> None:
    secured.sendall(b"abcdef")
    secured.recv(1)


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
    with pair() as (stream, peer), tls_server(peer, server_tls_context, _say_and_wait):
        await shake_hands(stream, context)
        with pytest.raises(ValueError, match="room"):
            stream.receive_into_nowait(memoryview(bytearray(8))[8:])
        assert await stream.receive(in_time()) == b"abcdef"
        await stream.send(b"x")


# -- traps: the end ---------------------------------------------------------------------------------------------------------


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
    with pair() as (stream, peer), tls_server(peer, server_tls_context, _say_and_wait):
        await shake_hands(stream, context)
        await anyio.wait_readable(stream.raw_socket)
        await stream.send_eof(in_time())
        await stream.send_eof(in_time())


async def test_send_eof_ends_tls_in_both_directions(
    context: ssl.SSLContext, server_tls_context: ssl.SSLContext
) -> None:
    """What arrives while close_notify is said may be lost, so nothing is handed out rather than a part."""
    with pair() as (stream, peer), tls_server(peer, server_tls_context, _say_and_wait):
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


# -- resumption ---------------------------------------------------------------------------------------------------------------


async def _session(
    stream: Stream, peer: socket.socket, context: ssl.SSLContext, server: ssl.SSLContext
) -> SessionStore:
    store = SessionStore()
    with tls_server(peer, server, _say_and_wait):
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

    with (
        tcp_pair() as (stream, peer),
        tls_server(
            peer, server_tls_context, lambda secured: (secured.session_reused, _say_and_wait(secured))
        ) as served,
    ):
        await shake_hands(stream, context, store.newest)
        assert stream.tls is not None
        assert stream.tls.session_reused
        assert await stream.receive(in_time()) == b"abcdef"
        await stream.send(b"x")
    assert served.result[0]


async def test_a_session_of_another_context_is_left_out(
    context: ssl.SSLContext, client_tls_context: ssl.SSLContext, server_tls_context: ssl.SSLContext
) -> None:
    with tcp_pair() as (stream, peer):
        store = await _session(stream, peer, context, server_tls_context)

    with pair() as (stream, peer), tls_server(peer, server_tls_context, _say_and_wait):
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
    with pair() as (stream, peer), tls_server(peer, server_tls_context, _say_and_wait):
        await shake_hands(stream, context)
        store.remember(stream.tls)
        assert store.newest is None
        assert await stream.receive(in_time()) == b"abcdef"
        store.remember(stream.tls)
        assert store.newest is not None
        await stream.send(b"x")


# -- failing ---------------------------------------------------------------------------------------------------------------------


@contextmanager
def _own_certificate(ca: trustme.CA, certificate: trustme.LeafCert | None = None) -> Iterator[ssl.SSLContext]:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (certificate or ca.issue_cert("localhost")).configure_cert(server)
    yield server


def _wrong_host(ca: trustme.CA) -> ssl.SSLContext:
    with _own_certificate(ca, ca.issue_cert("elsewhere.example")) as server:
        return server


def _unknown_authority(_: trustme.CA) -> ssl.SSLContext:
    with _own_certificate(trustme.CA()) as server:
        return server


def _expired(ca: trustme.CA) -> ssl.SSLContext:
    past = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)
    with _own_certificate(ca, ca.issue_cert("localhost", not_before=past, not_after=past)) as server:
        return server


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
    make: object, words: str, context: ssl.SSLContext, certificate_authority: trustme.CA
) -> None:
    server = make(certificate_authority)  # type: ignore[operator]  # one of the three above

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


async def test_a_peer_that_answers_garbage_is_a_tls_error(client_tls_context: ssl.SSLContext) -> None:
    with pair() as (stream, peer):
        peer.sendall(b"500 I do not speak TLS\r\n")
        with pytest.raises(TLSError) as caught:
            await shake_hands(stream, client_tls_context)

    assert isinstance(caught.value.__cause__, ssl.SSLError)
    assert stream.is_closed


async def test_a_peer_that_leaves_during_the_handshake_is_disconnected(client_tls_context: ssl.SSLContext) -> None:
    with pair() as (stream, peer):
        peer.shutdown(socket.SHUT_WR)
        with pytest.raises(DisconnectedError):
            await shake_hands(stream, client_tls_context)

    assert stream.is_closed


async def test_a_handshake_has_its_deadline(client_tls_context: ssl.SSLContext) -> None:
    with pair() as (stream, _):
        with pytest.raises(TransferTimeoutError) as caught:
            await stream.start_tls(client_tls_context, server_hostname="localhost", deadline=soon("TLS handshake"))

        assert caught.value.phase == "TLS handshake"
        assert stream.is_closed


async def test_a_cancelled_handshake_closes_the_stream(client_tls_context: ssl.SSLContext) -> None:
    with pair() as (stream, peer):
        with anyio.move_on_after(0.01) as scope:
            await shake_hands(stream, client_tls_context)

        assert scope.cancelled_caught
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
async def test_wrap_socket_failing_leaves_no_descriptor_open(
    server_hostname: str | None, client_tls_context: ssl.SSLContext
) -> None:
    with pair() as (stream, peer):
        with pytest.raises(TLSError) as caught:
            await stream.start_tls(client_tls_context, server_hostname=server_hostname, deadline=in_time())

        assert caught.value.__cause__ is not None
        assert stream.is_closed
        del caught
        gc.collect()
        assert read_all(peer) == b"", "closed on every path, before and after the plain socket was detached"


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


# -- settings ---------------------------------------------------------------------------------------------------------------------


def test_servers_are_verified_by_default() -> None:
    context = TLS().client_context()

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert not context.options & IGNORE_UNEXPECTED_EOF


def test_equal_settings_share_one_context() -> None:
    assert TLS().client_context() is TLS().client_context()
    assert TLS().client_context() is not TLS(verify=False).client_context()


def test_another_authority_in_the_environment_is_noticed(
    ca_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    usual = TLS().client_context()
    store = tmp_path / "store.pem"
    store.write_bytes(ca_file.read_bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(store))
    ours = TLS().client_context()

    assert ours is not usual
    assert len(ours.get_ca_certs()) == 1
    trustme.CA().cert_pem.write_to_path(store, append=True)
    os.utime(store, ns=(1, 1))
    assert len(TLS().client_context().get_ca_certs()) == 2
    monkeypatch.delenv("SSL_CERT_FILE")
    assert TLS().client_context() is usual


def test_a_file_written_anew_is_noticed(ca_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes(ca_file.read_bytes())
    settings = TLS(ca_file=path)
    before = settings.client_context()
    os.utime(path, ns=(1, 1))

    assert settings.client_context() is not before


async def test_authorities_from_a_file_and_no_verification(ca_file: Path, server_tls_context: ssl.SSLContext) -> None:
    for settings in (TLS(ca_file=ca_file), TLS(verify=False)):
        with pair() as (stream, peer), tls_server(peer, server_tls_context, lambda secured: secured.recv(1)) as served:
            await shake_hands(stream, settings.client_context())
            await stream.send(b"x")
        assert served.result == b"x"


async def test_the_systems_own_verification(
    ca_file: Path, server_tls_context: ssl.SSLContext, certificate_authority: trustme.CA
) -> None:
    pytest.importorskip("truststore")
    context = TLS(truststore=True, ca_file=ca_file).client_context()
    with pair() as (stream, peer), tls_server(peer, server_tls_context, lambda secured: secured.recv(1)):
        await shake_hands(stream, context)
        await stream.send(b"x")

    def refused(peer: socket.socket) -> None:
        with pytest.raises((ssl.SSLError, ConnectionError)), server_tls(peer, server_tls_context) as secured:
            secured.recv(1)

    with pair() as (stream, peer):
        with played(refused, peer), pytest.raises(TLSError):
            await shake_hands(stream, TLS(truststore=True).client_context())
        peer.close()


async def test_a_clients_certificate(
    certificate_authority: trustme.CA, server_certificate: trustme.LeafCert, ca_file: Path, tmp_path: Path
) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_certificate.configure_cert(server)
    certificate_authority.configure_trust(server)
    server.verify_mode = ssl.CERT_REQUIRED
    own = certificate_authority.issue_cert("client.example")
    certificate, key = tmp_path / "client.pem", tmp_path / "client.key"
    own.cert_chain_pems[0].write_to_path(certificate)
    key.write_bytes(_encrypted(own.private_key_pem.bytes(), b"secret"))
    settings = TLS(ca_file=ca_file, certificate=certificate, key=key, key_password="secret")

    with pair() as (stream, peer), tls_server(peer, server, lambda secured: secured.getpeercert()) as served:
        await shake_hands(stream, settings.client_context())
        assert await stream.receive(in_time()) == b""
    assert ("DNS", "client.example") in served.result["subjectAltName"]
    assert "secret" not in repr(settings)


async def test_a_missing_clients_certificate_is_a_tls_error_wherever_it_shows(
    context: ssl.SSLContext, certificate_authority: trustme.CA
) -> None:
    """A TLS 1.3 client has finished its handshake when the server refuses: the alert comes with the first read."""
    with _own_certificate(certificate_authority) as server:
        certificate_authority.configure_trust(server)
        server.verify_mode = ssl.CERT_REQUIRED

    def refuse(peer: socket.socket) -> None:
        with pytest.raises(ssl.SSLError):
            server_tls(peer, server)

    with pair() as (stream, peer), played(refuse, peer), pytest.raises(TLSError):
        await shake_hands(stream, context)
        await stream.receive(in_time())


def _encrypted(key: bytes, password: bytes) -> bytes:
    return serialization.load_pem_private_key(key, None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password),
    )


def test_an_encrypted_key_without_its_password_fails_and_asks_nobody(
    certificate_authority: trustme.CA, tmp_path: Path
) -> None:
    own = certificate_authority.issue_cert("client.example")
    both = tmp_path / "both.pem"
    both.write_bytes(own.cert_chain_pems[0].bytes() + _encrypted(own.private_key_pem.bytes(), b"secret"))

    for password in (None, "wrong"):
        with pytest.raises(ssl.SSLError):
            TLS(certificate=both, key_password=password).client_context()


def test_files_that_cannot_be_read_are_errors(tmp_path: Path) -> None:
    text = tmp_path / "text.pem"
    text.write_text("no certificate")

    with pytest.raises(FileNotFoundError):
        TLS(ca_file=tmp_path / "missing.pem").client_context()
    with pytest.raises(FileNotFoundError):
        TLS(certificate=tmp_path / "missing.pem").client_context()
    with pytest.raises(ssl.SSLError):
        TLS(ca_file=text).client_context()
    with pytest.raises(ssl.SSLError):
        TLS(certificate=text).client_context()


def test_a_context_of_ones_own_is_used_as_it_is(client_tls_context: ssl.SSLContext) -> None:
    assert TLS(context=client_tls_context, server_hostname="other").client_context() is client_tls_context


@pytest.mark.parametrize(
    "settings",
    [{"verify": False}, {"ca_file": "ca.pem"}, {"certificate": "own.pem"}, {"truststore": True}, {"key_password": "x"}],
    ids=lambda settings: next(iter(settings)),
)
def test_settings_beside_a_context_contradict_it(settings: dict[str, object]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with pytest.raises(ValueError, match="context"):
        TLS(context=context, **settings)  # type: ignore[arg-type]  # one of each kind


def test_contradicting_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="truststore"):
        TLS(truststore=True, verify=False)
    with pytest.raises(ValueError, match="certificate"):
        TLS(key="own.key")


async def test_errors_are_the_familys_own() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(b"garbage, garbage, garbage")
        stream = Stream(ours, peer="here", errors=ERRORS)
        with pytest.raises(ERRORS.tls, match="here"):  # type: ignore[arg-type]  # the default family holds classes
            await stream.start_tls(TLS().client_context(), server_hostname="localhost", deadline=in_time())
