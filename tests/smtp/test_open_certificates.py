"""Certificates, whichever way leads to the server and whenever TLS begins: the right one, the wrong ones, one's own."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.peers import MiniSMTP, ScriptedPeer, Step, expect, expect_eof, send, start_tls
from tests.smtp.support import HELLO, LONG, NAME, RECIPIENT, SENDER, TEXT, client_of, offer, opening, raises, said
from transfer import smtp

SERVER = "mail.example"
NAMES = ("localhost", "127.0.0.1", SERVER)


# -- ways to a server --------------------------------------------------------------------------------------------------


@attrs.frozen
class Route:
    """One way to a server: what comes before its first octet, and the options that take it."""

    name: str
    options: Callable[[ScriptedPeer], dict[str, Any]]
    before: tuple[Step, ...] = ()
    is_unix: bool = False
    sni: str | None = SERVER
    """The name that the server is sent; addresses are not sent (RFC 6066 §3)."""

    def __str__(self) -> str:
        return self.name

    @contextmanager
    def peer(self, path: Path) -> Iterator[ScriptedPeer]:
        """A peer at the end of this way."""
        with ScriptedPeer(path=str(path)) if self.is_unix else ScriptedPeer(host="127.0.0.1") as peer:
            yield peer


def _tunnel(peer: ScriptedPeer) -> dict[str, Any]:
    return {"hostname": SERVER, "port": 2525, "proxy": f"http://{peer.host}:{peer.port}"}


ROUTES = [
    Route("name", lambda peer: {"hostname": "localhost", "port": peer.port}, sni="localhost"),
    Route("address", lambda peer: {"hostname": "127.0.0.1", "port": peer.port}, sni=None),
    Route(
        "server_hostname", lambda peer: {"hostname": "127.0.0.1", "port": peer.port, "server_hostname": "mail.example"}
    ),
    Route(
        "proxy",
        _tunnel,
        before=(
            expect(b"CONNECT mail.example:2525 HTTP/1.1\r\nHost: mail.example:2525\r\n\r\n"),
            send(b"HTTP/1.1 200 go\r\n\r\n"),
        ),
    ),
    Route(
        "own socket",
        lambda peer: {"sock": socket.create_connection((peer.host, peer.port)), "hostname": SERVER},
    ),
    Route(
        "own socket and server_hostname",
        lambda peer: {"sock": socket.create_connection((peer.host, peer.port)), "server_hostname": SERVER},
    ),
    Route("Unix socket", lambda peer: {"socket_path": peer.path, "server_hostname": SERVER}, is_unix=True),
]
by_every_route = pytest.mark.parametrize("route", ROUTES, ids=str)


@attrs.frozen
class Beginning:
    """When TLS begins."""

    name: str
    options: dict[str, Any]
    before: tuple[Step, ...]
    after: tuple[Step, ...]

    def __str__(self) -> str:
        return self.name


IMPLICIT = Beginning("implicit TLS", {"use_tls": True}, (), (HELLO,))
UPGRADE = Beginning("STARTTLS", {"start_tls": True}, (*opening(b"STARTTLS"), *said((b"STARTTLS", b"220 go"))), ())
at_every_time = pytest.mark.parametrize("beginning", [IMPLICIT, UPGRADE], ids=str)


def client_for(peer: ScriptedPeer, route: Route, beginning: Beginning, **options: Any) -> smtp.SMTP:
    """A client that is about to take *route*."""
    given: dict[str, Any] = {"local_hostname": NAME, "timeout": LONG} | route.options(peer) | beginning.options
    return smtp.SMTP(**(given | options))


# -- certificates ------------------------------------------------------------------------------------------------------


def context_with(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """A server's context."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def wrong_host(ca: trustme.CA, _: Path) -> ssl.SSLContext:
    return context_with(ca.issue_cert("elsewhere.example", "192.0.2.1"))


def expired(ca: trustme.CA, _: Path) -> ssl.SSLContext:
    past = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)
    return context_with(ca.issue_cert(*NAMES, not_before=past, not_after=past))


def other_authority(_: trustme.CA, __: Path) -> ssl.SSLContext:
    return context_with(trustme.CA().issue_cert(*NAMES))


def self_signed(_: trustme.CA, folder: Path) -> ssl.SSLContext:
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, SERVER)])
    alternatives = x509.SubjectAlternativeName([x509.DNSName(SERVER), x509.DNSName("localhost")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(alternatives, critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "self-signed.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(secret + certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@by_every_route
@at_every_time
@pytest.mark.parametrize(
    ("make_context", "reason"),
    [
        (wrong_host, "mismatch|not valid for"),
        (expired, "expired"),
        (other_authority, "unable to get|self.signed"),
        (self_signed, "self.signed"),
    ],
    ids=["wrong host", "expired", "other authority", "self-signed"],
)
async def test_a_wrong_certificate_ends_it_before_anything_is_said(
    certificate_authority: trustme.CA,
    ca_file: Path,
    socket_path: Path,
    tmp_path: Path,
    route: Route,
    beginning: Beginning,
    make_context: Callable[[trustme.CA, Path], ssl.SSLContext],
    reason: str,
) -> None:
    context = make_context(certificate_authority, tmp_path)
    with route.peer(socket_path) as peer:
        peer.script(*route.before, *beginning.before, start_tls(context, fails=True))
        client = client_for(peer, route, beginning, cert_bundle=ca_file, username="anna", password="secret")
        with raises(smtp.SMTPTLSError, match=reason) as caught:
            await client.connect()

    assert not client.is_connected
    assert not caught.value.retryable


@by_every_route
@at_every_time
async def test_the_name_that_is_checked_is_the_one_that_is_sent(
    certificate_authority: trustme.CA, ca_file: Path, socket_path: Path, route: Route, beginning: Beginning
) -> None:
    context = context_with(certificate_authority.issue_cert(*NAMES))
    names: list[str | None] = []
    context.sni_callback = lambda _, name, __: names.append(name)
    with route.peer(socket_path) as peer:
        talk = (*beginning.after, *offer(), *said((b"NOOP", b"250 ok")), expect_eof())
        peer.script(*route.before, *beginning.before, start_tls(context), *talk)
        client = client_for(peer, route, beginning, cert_bundle=ca_file)
        await client.connect()
        await client.noop()
        client.close()

    assert names == [route.sni]


async def test_starttls_by_hand_checks_the_same_name(
    certificate_authority: trustme.CA, ca_file: Path, socket_path: Path
) -> None:
    context = context_with(certificate_authority.issue_cert(SERVER))
    with ScriptedPeer() as peer:
        for fails in (False, True):
            talk = [] if fails else [*offer(), *said((b"NOOP", b"250 ok")), expect_eof()]
            peer.script(*UPGRADE.before, start_tls(context, fails=fails), *talk)
            client = client_of(peer, start_tls=False, cert_bundle=ca_file, server_hostname=None if fails else SERVER)
            await client.connect()
            if fails:
                with raises(smtp.SMTPTLSError, match=r"mismatch|not valid for"):
                    await client.starttls()
            else:
                await client.starttls()
                await client.noop()
            client.close()


# -- this side's own certificate ---------------------------------------------------------------------------------------


@pytest.fixture
def demanding(certificate_authority: trustme.CA, server_certificate: trustme.LeafCert) -> ssl.SSLContext:
    """A server that requires a certificate."""
    context = context_with(server_certificate)
    certificate_authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


@at_every_time
@pytest.mark.parametrize("has_key_apart", [False, True], ids=["one file", "two files"])
async def test_a_mail_goes_to_a_server_that_requires_a_certificate(
    certificate_authority: trustme.CA,
    ca_file: Path,
    tmp_path: Path,
    demanding: ssl.SSLContext,
    beginning: Beginning,
    has_key_apart: bool,
) -> None:
    mine = certificate_authority.issue_cert("client.example")
    files: dict[str, Path] = {"client_cert": tmp_path / "mine.pem"}
    if has_key_apart:
        files["client_key"] = tmp_path / "key.pem"
        mine.private_key_pem.write_to_path(files["client_key"])
        mine.cert_chain_pems[0].write_to_path(files["client_cert"])
    else:
        mine.private_key_and_cert_chain_pem.write_to_path(files["client_cert"])
    with MiniSMTP(tls=demanding, implicit_tls=beginning is IMPLICIT) as server:
        async with client_of(server, cert_bundle=ca_file, **beginning.options, **files) as client:
            await client.sendmail(SENDER, RECIPIENT, TEXT)

    assert [message.encrypted for message in server.messages] == [True]


@at_every_time
async def test_without_the_certificate_that_a_server_requires_there_is_no_mail(
    client_tls_context: ssl.SSLContext, demanding: ssl.SSLContext, beginning: Beginning
) -> None:
    """TLS 1.3 lets a client believe that the handshake is over; the refusal comes with the first thing read."""
    with MiniSMTP(tls=demanding, implicit_tls=beginning is IMPLICIT, client_may_leave=True) as server:
        with pytest.raises(smtp.SMTPException) as caught:
            async with client_of(server, tls_context=client_tls_context, **beginning.options) as client:
                await client.sendmail(SENDER, RECIPIENT, TEXT)
        assert server.messages == []

    assert caught.value.delivery is smtp.Delivery.NOT_SENT
    assert isinstance(caught.value, ConnectionError)


# -- ways without TLS --------------------------------------------------------------------------------------------------


async def test_a_mail_comes_from_the_source_address_that_was_given() -> None:
    with MiniSMTP() as server:
        async with client_of(server, source_address=("127.0.0.3", 0)) as client:
            assert client.get_transport_info("sockname")[0] == "127.0.0.3"
            await client.sendmail(SENDER, RECIPIENT, TEXT)
    assert len(server.messages) == 1


async def test_a_mail_goes_through_a_unix_socket_with_a_login(socket_path: Path) -> None:
    """Nobody listens to what does not leave the host."""
    with MiniSMTP(path=str(socket_path), users={"anna": "secret"}) as server:
        async with smtp.SMTP(
            socket_path=socket_path, local_hostname=NAME, timeout=LONG, username="anna", password="secret"
        ) as client:
            await client.sendmail(SENDER, RECIPIENT, TEXT)
    assert (server.logins, len(server.messages)) == (["anna"], 1)


async def test_a_mail_goes_through_a_socket_handed_in_and_the_socket_is_closed() -> None:
    with ExitStack() as stack:
        server = stack.enter_context(MiniSMTP())
        sock = stack.enter_context(socket.create_connection((server.host, server.port)))
        async with smtp.SMTP(sock=sock, local_hostname=NAME, timeout=LONG) as client:
            await client.sendmail(SENDER, RECIPIENT, TEXT)
        assert sock.fileno() == -1
    assert len(server.messages) == 1


@pytest.mark.parametrize("start_tls_option", [None, False])
async def test_a_socket_handed_in_never_carries_a_password_in_clear(start_tls_option: bool | None) -> None:
    with ScriptedPeer() as peer:
        steps = opening(b"AUTH PLAIN LOGIN") if start_tls_option is None else [HELLO, *offer(b"AUTH PLAIN LOGIN")]
        peer.script(*steps, expect_eof())
        sock = socket.create_connection((peer.host, peer.port))
        client = smtp.SMTP(
            sock=sock, local_hostname=NAME, timeout=LONG, start_tls=start_tls_option, username="a", password="b"
        )
        with raises(smtp.SMTPNotSupported, match="in clear"):
            await client.connect()
