"""What programs rely on when they connect: C1 to C5, C19, C29 and C30."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from tests.peers import MiniSMTP, ScriptedPeer, Step, close, expect, expect_eof, send, start_tls
from tests.smtp.support import (
    HELLO,
    PARTING,
    RECIPIENT,
    SENDER,
    TEXT,
    client_of,
    connected,
    offer,
    opening,
    raises,
    said,
)
from transfer import smtp

STARTTLS = said((b"STARTTLS", b"220 go ahead"))

# -- C1: start_tls=None upgrades where STARTTLS is offered, and never goes on in clear after a failure -----------------


async def test_c01_starttls_is_taken_where_it_is_offered(
    peer: ScriptedPeer, server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    peer.script(*opening(b"STARTTLS"), *STARTTLS, start_tls(server_tls_context), expect_eof())
    async with connected(peer, tls_context=client_tls_context) as client:
        assert client.get_transport_info("sslcontext") is client_tls_context


async def test_c01_without_the_offer_the_connection_stays_clear(peer: ScriptedPeer) -> None:
    peer.script(*opening(b"SIZE"), *PARTING)
    async with client_of(peer) as client:
        assert client.get_transport_info("sslcontext") is None


async def test_c01_inside_tls_there_is_no_second_upgrade(
    server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    extensions = ("STARTTLS",)
    with MiniSMTP(tls=server_tls_context, implicit_tls=True, extensions=extensions) as server:
        async with connected(server, use_tls=True, tls_context=client_tls_context) as client:
            await client.noop()
    assert not any(command.startswith("STARTTLS") for command in server.commands)


async def test_c01_a_refused_upgrade_fails_the_connection(peer: ScriptedPeer) -> None:
    peer.script(*opening(b"STARTTLS"), *said((b"STARTTLS", b"454 4.7.0 not now")), expect_eof())
    client = client_of(peer)
    with raises(smtp.SMTPResponseException, match="not now") as caught:
        await client.connect()

    assert caught.value.code == 454
    assert not client.is_connected


async def test_c01_a_failed_handshake_fails_the_connection(
    peer: ScriptedPeer, server_tls_context: ssl.SSLContext
) -> None:
    peer.script(*opening(b"STARTTLS"), *STARTTLS, start_tls(server_tls_context, fails=True))
    client = client_of(peer)
    with raises(smtp.SMTPTLSError, match="certificate") as caught:
        await client.connect()

    assert isinstance(caught.value, smtp.SMTPConnectError)
    assert isinstance(caught.value.__cause__, ssl.SSLError)
    assert not client.is_connected


# -- C2: start_tls=True without the offer sends nothing else -----------------------------------------------------------


async def test_c02_a_required_upgrade_that_is_not_offered_ends_it(peer: ScriptedPeer) -> None:
    peer.script(*opening(b"AUTH PLAIN"), expect_eof())
    with raises(smtp.SMTPNotSupported, match="STARTTLS"):
        await client_of(peer, start_tls=True, username="anna", password="secret").connect()


# -- C3: what was learned in clear is forgotten ------------------------------------------------------------------------


async def test_c03_after_the_upgrade_everything_is_asked_anew(
    peer: ScriptedPeer, server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    peer.script(*opening(b"STARTTLS", b"SIZE 1", b"AUTH PLAIN"), *STARTTLS, start_tls(server_tls_context))
    peer.script(
        *opening(b"STARTTLS", b"SIZE 1", b"AUTH PLAIN"),
        *STARTTLS,
        start_tls(server_tls_context),
        *offer(b"8BITMIME"),
        *said((b"NOOP", b"250 ok")),
        expect_eof(),
    )
    async with connected(peer, tls_context=client_tls_context) as client:
        assert client.last_ehlo_response is client.last_helo_response is None
        assert client.esmtp_extensions == {}
        assert client.server_auth_methods == []
        assert client.is_ehlo_or_helo_needed
        assert not client.supports_esmtp
    async with connected(peer, tls_context=client_tls_context) as client:
        await client.noop()
        assert client.esmtp_extensions == {"8bitmime": ""}


async def test_c03_what_starttls_was_given_counts_for_the_next_connection(
    server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    with MiniSMTP(tls=server_tls_context) as server:
        client = client_of(server, start_tls=False)
        async with client:
            await client.starttls(tls_context=client_tls_context)
        assert client.tls_context is client_tls_context
        async with client:
            await client.starttls()
            assert client.get_transport_info("sslcontext") is client_tls_context


# -- C4, replaced: octets behind the go-ahead are not dropped silently, they end the connection ------------------------


@pytest.mark.parametrize("injected", [b"250-evil\r\n250 AUTH PLAIN\r\n", b"250", b"\n"], ids=repr)
async def test_c04_plain_text_behind_the_go_ahead_ends_the_connection(peer: ScriptedPeer, injected: bytes) -> None:
    peer.script(*opening(b"STARTTLS"), expect(b"STARTTLS\r\n"), send(b"220 go\r\n" + injected), expect_eof())
    client = client_of(peer)
    with raises(smtp.SMTPProtocolError, match="plain text"):
        await client.connect()

    assert not client.is_connected


# -- C5: EHLO is said when it is needed, and HELO where the server knows no EHLO ---------------------------------------


async def test_c05_ehlo_is_said_before_the_first_command_and_once(peer: ScriptedPeer) -> None:
    peer.script(HELLO, *offer(b"SIZE"), *said((b"NOOP", b"250 ok"), (b"RSET", b"250 ok")), expect_eof())
    async with connected(peer, start_tls=False) as client:
        needed = [client.is_ehlo_or_helo_needed]
        await client.noop()
        needed.append(client.is_ehlo_or_helo_needed)
        await client.rset()
    assert needed == [True, False]


@pytest.mark.parametrize("code", [b"500", b"502", b"550"])
async def test_c05_where_ehlo_is_refused_helo_is_said(peer: ScriptedPeer, code: bytes) -> None:
    ehlo, helo = b"EHLO client.example", b"HELO client.example"
    peer.script(HELLO, *said((ehlo, code + b" what"), (helo, b"250 hello"), (b"NOOP", b"250 ok")), expect_eof())
    async with connected(peer, start_tls=False) as client:
        await client.noop()
        assert client.last_helo_response == (250, "hello")
        assert client.last_ehlo_response is None
        assert not client.supports_esmtp


async def test_c05_where_both_are_refused_the_last_refusal_is_raised(peer: ScriptedPeer) -> None:
    peer.script(
        HELLO, *said((b"EHLO client.example", b"502 no"), (b"HELO client.example", b"503 nor that")), expect_eof()
    )
    async with connected(peer, start_tls=False) as client:
        with raises(smtp.SMTPHeloError, match="nor that"):
            await client.noop()
        assert client.last_helo_response is None


@pytest.mark.parametrize("command", ["ehlo", "helo"])
async def test_c05_an_empty_name_is_no_name(smtp_server: MiniSMTP, command: str) -> None:
    async with connected(smtp_server, start_tls=False) as client:
        with pytest.raises(ValueError, match="name"):
            await getattr(client, command)(hostname="")
    assert smtp_server.commands == []


# -- C19: a greeting that is none --------------------------------------------------------------------------------------


@pytest.mark.parametrize("greeting", [b"554 5.3.2 no service", b"421 4.3.2 later", b"250 ok"], ids=repr)
async def test_c19_a_greeting_other_than_220_is_a_connect_response_error(peer: ScriptedPeer, greeting: bytes) -> None:
    peer.script(send(greeting + b"\r\n"), expect_eof())
    with raises(smtp.SMTPConnectResponseError) as caught:
        await client_of(peer).connect()

    assert (caught.value.code, caught.value.message) == (int(greeting[:3]), greeting[4:].decode())
    assert isinstance(caught.value, ConnectionError)


@pytest.mark.parametrize("steps", [[close()], [send(b"220 re"), close()]], ids=["at once", "in the middle"])
async def test_c19_an_end_before_the_greeting_is_a_connect_error(peer: ScriptedPeer, steps: list[Step]) -> None:
    peer.script(*steps)
    with raises(smtp.SMTPConnectError):
        await client_of(peer).connect()


# -- C29: a login that the server does not offer -----------------------------------------------------------------------


async def test_c29_a_login_that_is_not_offered_in_clear_hints_at_tls(peer: ScriptedPeer) -> None:
    peer.script(*opening(b"SIZE"), expect_eof())
    async with connected(peer) as client:
        with raises(smtp.SMTPNotSupported, match=r"AUTH.*TLS"):
            await client.login("anna", "secret")
        assert client.is_connected


async def test_c29_inside_tls_there_is_no_such_hint(
    server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    with MiniSMTP(tls=server_tls_context, implicit_tls=True) as server:
        async with connected(server, use_tls=True, tls_context=client_tls_context) as client:
            with raises(smtp.SMTPNotSupported, match="AUTH") as caught:
                await client.login("anna", "secret")
    assert "TLS" not in caught.value.message


# -- C30: one object, many connections ---------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["quit", "close", "lost"])
async def test_c30_the_same_client_connects_again(smtp_server: MiniSMTP, how: str) -> None:
    client = client_of(smtp_server)
    for _ in range(2):
        assert (await client.connect()).code == 220
        await client.sendmail(SENDER, RECIPIENT, TEXT)
        if how == "quit":
            await client.quit()
        elif how == "close":
            client.close()
        else:
            smtp_server.replies["NOOP"] = "421 4.3.2 going down"
            with raises(smtp.SMTPResponseException, match="going down"):
                await client.noop()
        assert not client.is_connected
    assert len(smtp_server.messages) == 2


async def test_c30_what_connect_was_given_counts_for_the_next_connection(smtp_server: MiniSMTP) -> None:
    client = smtp.SMTP(start_tls=False)
    given: dict[str, Any] = {"hostname": smtp_server.host, "port": smtp_server.port, "local_hostname": "given.example"}
    await client.connect(**given)
    await client.quit()
    await client.connect()
    await client.ehlo()
    await client.quit()

    assert smtp_server.commands == ["QUIT", "EHLO given.example", "QUIT"]


async def test_c30_connect_while_connected_is_refused(peer: ScriptedPeer) -> None:
    peer.script(*opening(), *said((b"NOOP", b"250 ok")), expect_eof())
    async with connected(peer) as client:
        with raises(smtp.SMTPException, match="already"):
            await client.connect()
        await client.noop()
