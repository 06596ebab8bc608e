"""TLS settings: what is verified, by whom, and which contexts are shared."""

from __future__ import annotations

import os
import socket
import ssl
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from tests.net.support import (
    in_time,
    pair,
    played,
    say_and_wait,
    server_tls,
    shake_hands,
    tls_server,
)
from transfer._errors import ErrorFamily, TLSError
from transfer._net.stream import Stream
from transfer._net.tls import TLS, SessionStore

IGNORE_UNEXPECTED_EOF = getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)


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


async def test_an_international_host_is_checked_by_the_name_that_is_looked_up(
    certificate_authority: trustme.CA, client_tls_context: ssl.SSLContext
) -> None:
    """IDNA 2008 keeps ß; by RFC 3490 it would be somebody else's host."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate_authority.issue_cert("xn--strae-oqa.example").configure_cert(server)
    with pair() as (stream, peer), tls_server(peer, server, lambda secured: secured.recv(1)) as served:
        await stream.start_tls(client_tls_context, server_hostname="straße.example", deadline=in_time())
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


async def test_a_session_is_resumed_where_the_system_verifies(
    ca_file: Path, server_tls_context: ssl.SSLContext
) -> None:
    """What is given to the data connection is the context that the control connection was given."""
    pytest.importorskip("truststore")
    context: ssl.SSLContext | None = TLS(truststore=True, ca_file=ca_file).client_context()
    store = SessionStore()
    reused = []
    for _ in range(2):
        assert context is not None
        with pair() as (stream, peer), tls_server(peer, server_tls_context, say_and_wait):
            await shake_hands(stream, context, store.newest)
            assert await stream.receive(in_time()) == b"abcdef"
            assert stream.tls is not None
            reused.append(stream.tls.session_reused)
            store.remember(stream.tls)
            assert stream.tls_context is context
            context = stream.tls_context
            await stream.send(b"x")

    assert reused == [False, True]


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
    class Secured(TLSError):
        pass

    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(b"garbage, garbage, garbage")
        stream = Stream(ours, peer="here", errors=ErrorFamily(tls=Secured))
        with pytest.raises(Secured, match="here"):
            await stream.start_tls(TLS().client_context(), server_hostname="localhost", deadline=in_time())
