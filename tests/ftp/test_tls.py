"""TLS on the control connection: asked for in clear (AUTH TLS) or there from the first octet."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.ftp.support import HELLO, answer, connected, impatient
from tests.peers import HANG, MiniFTP, ScriptedPeer, Step, close, expect, expect_eof, hang, send, start_tls
from transfer import ftp
from transfer._errors import TLSError
from transfer._net.tls import TLS


@pytest.fixture
def secure_server(server_tls_context: ssl.SSLContext) -> Any:
    """A server with TLS on request and one user."""
    with MiniFTP(tls=server_tls_context, users={"u": "s3cret"}, files={"/a.txt": b"content"}) as server:
        yield server


@pytest.fixture
def trusted(ca_file: Path) -> TLS:
    return TLS(ca_file=ca_file)


# -- AUTH TLS --------------------------------------------------------------------------------------------------------


async def test_everything_secret_comes_after_the_handshake(secure_server: MiniFTP, trusted: TLS) -> None:
    async with ftp.Client.context(
        secure_server.host, secure_server.port, "u", "s3cret", upgrade_to_tls=True, tls=trusted
    ) as client:
        await client.list()
        await client.list()
    assert secure_server.commands[:5] == ["AUTH TLS", "PBSZ 0", "PROT P", "USER u", "PASS s3cret"]
    assert secure_server.protected == [True, True]


async def test_the_system_s_authorities_are_trusted_unless_told_otherwise(
    secure_server: MiniFTP, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await connected(secure_server)
    with pytest.raises(ftp.FTPTLSError):
        await client.upgrade_to_tls()
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    await client.connect(secure_server.host, secure_server.port)
    await client.upgrade_to_tls()
    await client.login("u", "s3cret")
    await client.quit()


async def test_a_context_of_one_s_own_is_used(secure_server: MiniFTP, client_tls_context: ssl.SSLContext) -> None:
    client = await connected(secure_server)
    await client.upgrade_to_tls(client_tls_context)
    await client.login("u", "s3cret")
    await client.quit()


async def test_it_may_come_after_the_login(server_tls_context: ssl.SSLContext, trusted: TLS) -> None:
    with MiniFTP(tls=server_tls_context) as server:
        async with ftp.Client.context(server.host, server.port, tls=trusted) as client:
            await client.list()
            await client.upgrade_to_tls()
            await client.list()
        assert server.protected == [False, True]
        assert server.commands.count("TYPE I") == 2  # what was agreed on in clear is void


@pytest.mark.parametrize("implicit", [False, True])
async def test_a_second_handshake_is_refused(
    server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext, implicit: bool
) -> None:
    with MiniFTP(tls=server_tls_context, implicit_tls=implicit) as server:
        client = await connected(server, ssl=client_tls_context if implicit else None)
        if not implicit:
            await client.upgrade_to_tls(client_tls_context)
        with pytest.raises(ftp.InvalidCommand, match="already"):
            await client.upgrade_to_tls(client_tls_context)
        await client.quit()
        assert server.commands.count("AUTH TLS") == (0 if implicit else 1)


@pytest.mark.parametrize("refusal", ["500 what?", "534 not for you", "431 no certificate", "200 sure", "334 go on"])
async def test_without_234_there_is_no_tls_and_no_password(secure_server: MiniFTP, refusal: str) -> None:
    """Whoever is in the way of the answer does not get the password by changing it (RFC 4217 §4)."""
    secure_server.replies["AUTH"] = refusal
    with pytest.raises(ftp.StatusCodeError) as caught:
        async with ftp.Client.context(
            secure_server.host, secure_server.port, "u", "s3cret", upgrade_to_tls=True
        ) as client:
            await client.command("NOOP", "2xx")
    assert caught.value.received_codes == (refusal[:3],)
    await secure_server.served()
    assert secure_server.commands == ["AUTH TLS"]


async def test_a_refusal_leaves_the_connection_as_it_was(secure_server: MiniFTP) -> None:
    secure_server.replies["AUTH"] = "502 no"
    client = await connected(secure_server)
    with pytest.raises(ftp.StatusCodeError):
        await client.upgrade_to_tls()
    await client.command("NOOP", "2xx")
    await client.quit()


@pytest.mark.parametrize("verb", ["PBSZ", "PROT"])
@pytest.mark.parametrize("implicit", [False, True])
async def test_without_protected_data_the_connection_ends(
    server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext, verb: str, implicit: bool
) -> None:
    with MiniFTP(tls=server_tls_context, implicit_tls=implicit) as server:
        server.replies[verb] = "534 not for you"
        client = ftp.Client(ssl=client_tls_context if implicit else None)
        with pytest.raises(ftp.StatusCodeError) as caught:
            await _be_secured(client, server, client_tls_context)
        assert caught.value.received_codes == ("534",)
        assert not client.is_connected


async def _be_secured(client: ftp.Client, server: MiniFTP, context: ssl.SSLContext) -> None:
    await client.connect(server.host, server.port)
    await client.upgrade_to_tls(context)


@pytest.mark.parametrize("injected", [b"200 PBSZ=0\r\n200 ok\r\n230 in\r\n", b"2", b"\r\n", b"\x16\x03\x01"], ids=repr)
async def test_plain_octets_behind_the_234_are_never_used(peer: ScriptedPeer, injected: bytes, trusted: TLS) -> None:
    """No plain octet survives the upgrade (I1): the connection ends before the handshake."""
    peer.script(HELLO, expect(b"AUTH TLS\r\n"), send(b"234 go\r\n" + injected), expect_eof())
    client = await connected(peer, tls=trusted)
    with pytest.raises(ftp.FTPProtocolError, match="plain text"):
        await client.upgrade_to_tls()
    assert not client.is_connected


# -- the handshake that fails ----------------------------------------------------------------------------------------


async def test_an_unknown_authority_is_not_trusted(secure_server: MiniFTP) -> None:
    client = await connected(secure_server)
    with pytest.raises(ftp.FTPTLSError, match="certificate") as caught:
        await client.upgrade_to_tls(ssl.create_default_context())
    assert isinstance(caught.value, TLSError)
    assert isinstance(caught.value, ConnectionError)
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
    assert not caught.value.retryable
    assert caught.value.peer == f"{secure_server.host}:{secure_server.port}"
    assert not client.is_connected


@pytest.mark.parametrize("verify", [True, False])
async def test_the_name_in_the_certificate_counts(secure_server: MiniFTP, ca_file: Path, verify: bool) -> None:
    tls = TLS(ca_file=ca_file if verify else None, verify=verify, server_hostname="elsewhere.example")
    client = await connected(secure_server, tls=tls)
    if verify:
        with pytest.raises(ftp.FTPTLSError, match="elsewhere"):
            await client.upgrade_to_tls()
    else:
        await client.upgrade_to_tls()
        await client.quit()
    assert not client.is_connected


async def test_settings_that_name_no_file_are_an_error_of_tls(secure_server: MiniFTP, tmp_path: Path) -> None:
    client = await connected(secure_server, tls=TLS(ca_file=tmp_path / "none.pem"))
    with pytest.raises(ftp.FTPTLSError, match="set up"):
        await client.upgrade_to_tls()
    await client.quit()
    assert "AUTH TLS" not in secure_server.commands


@pytest.mark.parametrize(("instead", "error"), [(hang(), ftp.FTPTimeoutError), (close(), ftp.FTPDisconnected)], ids=str)
async def test_a_server_that_does_not_shake_hands(instead: Step, error: type[ftp.FTPException]) -> None:
    with ScriptedPeer(client_may_leave=True) as peer:
        peer.script(HELLO, *answer(b"AUTH TLS", b"234 go"), instead)
        peer.script(HELLO, expect_eof())
        client = await connected(peer, timeouts=impatient("tls"))
        with pytest.raises(error):
            await client.upgrade_to_tls()
        assert not client.is_connected
        await client.connect(peer.host, peer.port)
        client.close()


async def test_a_server_that_answers_the_handshake_in_plain_text(trusted: TLS) -> None:
    with ScriptedPeer(client_may_leave=True) as peer:
        # Three octets are the least that a ClientHello begins with: the answer comes after it, not before.
        peer.script(HELLO, *answer(b"AUTH TLS", b"234 go"), expect(b"\x16\x03\x01"), send(b"500 what?\r\n" * 10))
        client = await connected(peer, tls=trusted)
        with pytest.raises(ftp.FTPTLSError) as caught:
            await client.upgrade_to_tls()
        assert isinstance(caught.value.__cause__, ssl.SSLError)
        assert not client.is_connected


@pytest.mark.parametrize("verb", ["AUTH", "PBSZ", "PROT"])
async def test_a_stall_on_the_way_into_tls_ends_the_connection(
    server_tls_context: ssl.SSLContext, trusted: TLS, verb: str
) -> None:
    with MiniFTP(tls=server_tls_context) as server:
        server.replies[verb] = HANG
        client = await connected(server, tls=trusted, timeouts=impatient("reply"))
        with pytest.raises(ftp.FTPTimeoutError) as caught:
            await client.upgrade_to_tls()
        assert caught.value.phase == f"reply to {verb}"
        assert not client.is_connected


# -- implicit TLS ----------------------------------------------------------------------------------------------------


async def test_implicit_tls_is_there_before_the_greeting(
    server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    with MiniFTP(tls=server_tls_context, implicit_tls=True) as server:
        async with ftp.Client.context(server.host, server.port, ssl=client_tls_context) as client:
            await client.list()
        assert server.commands[:3] == ["PBSZ 0", "PROT P", "USER anonymous"]
        assert server.protected == [True]


async def test_ssl_true_trusts_the_system_s_authorities(
    server_tls_context: ssl.SSLContext, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with MiniFTP(tls=server_tls_context, implicit_tls=True) as server:
        client = ftp.Client(ssl=True)
        with pytest.raises(ftp.FTPTLSError):
            await client.connect(server.host, server.port)
        assert not client.is_connected
        monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
        await client.connect(server.host, server.port)
        await client.quit()


@pytest.mark.parametrize("first", ["server", "client"])
async def test_implicit_tls_with_a_plain_server_is_an_error_of_tls(first: str) -> None:
    """Whether its greeting has come before the handshake begins, or in its middle."""
    with ScriptedPeer(client_may_leave=True) as peer:
        if first == "server":
            peer.script(HELLO, hang())
        else:
            peer.script(expect(b"\x16\x03\x01"), HELLO, hang())
        client = ftp.Client(ssl=True)
        with pytest.raises(ftp.FTPTLSError):
            await client.connect(peer.host, peer.port)
        assert not client.is_connected


async def test_a_certificate_is_refused_in_the_handshake(
    peer: ScriptedPeer, server_tls_context: ssl.SSLContext
) -> None:
    peer.script(start_tls(server_tls_context, fails=True))
    with pytest.raises(ftp.FTPTLSError):
        await ftp.Client(ssl=True).connect(peer.host, peer.port)
