"""The client's single commands, TLS and login: what is sent, what is returned, what is raised."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from tests.peers import MiniSMTP, ScriptedPeer, expect_eof, hang, send, start_tls
from tests.smtp.support import (
    HELLO,
    PARTING,
    SHORT,
    connected,
    expect_any,
    hurry,
    offer,
    opening,
    raises,
    said,
)
from transfer import smtp

Call = Callable[[smtp.SMTP], Awaitable[object]]


def rows(table: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Parameters, under their names."""
    return [pytest.param(*row[1:], id=row[0]) for row in table]


def calls(table: Sequence[tuple[Any, ...]], *without: str) -> list[Any]:
    """The calls alone."""
    return [pytest.param(row[1], id=row[0]) for row in table if row[0] not in without]


# -- single commands ---------------------------------------------------------------------------------------------------

COMMANDS: list[tuple[str, Call, bytes, bytes, object]] = [
    ("noop", lambda client: client.noop(), b"NOOP", b"250 ok", (250, "ok")),
    ("rset", lambda client: client.rset(), b"RSET", b"250 2.0.0 ok", (250, "2.0.0 ok")),
    ("help", lambda client: client.help(), b"HELP", b"214-one\r\n214 two", "one\ntwo"),
    ("vrfy", lambda client: client.vrfy("ben@x"), b"VRFY ben@x", b"252 try it", (252, "try it")),
    ("vrfy a name", lambda client: client.vrfy("ben"), b"VRFY ben", b"251 elsewhere", (251, "elsewhere")),
    ("vrfy <>", lambda client: client.vrfy("<ben@x>"), b"VRFY ben@x", b"250 Ben <ben@x>", (250, "Ben <ben@x>")),
    ("expn", lambda client: client.expn("list@x"), b"EXPN list@x", b"250-a@x\r\n250 b@x", (250, "a@x\nb@x")),
    ("mail", lambda client: client.mail("anna@x"), b"MAIL FROM:<anna@x>", b"250 ok", (250, "ok")),
    ("mail <>", lambda client: client.mail(""), b"MAIL FROM:<>", b"250 ok", (250, "ok")),
    (
        "mail options",
        lambda client: client.mail("anna@x", options=["RET=HDRS", "ENVID=q1"]),
        b"MAIL FROM:<anna@x> RET=HDRS ENVID=q1",
        b"250 ok",
        (250, "ok"),
    ),
    ("rcpt", lambda client: client.rcpt("ben@x"), b"RCPT TO:<ben@x>", b"251 forwarded", (251, "forwarded")),
    (
        "rcpt options",
        lambda client: client.rcpt("ben@x", options=["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;ben@x"]),
        b"RCPT TO:<ben@x> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;ben@x",
        b"259 fine",
        (259, "fine"),
    ),
    (
        "mail utf-8",
        lambda client: client.mail("grün@x", options=["SMTPUTF8"], encoding="utf-8"),
        "MAIL FROM:<grün@x> SMTPUTF8".encode(),
        b"250 ok",
        (250, "ok"),
    ),
    (
        "rcpt utf-8",
        lambda client: client.rcpt("grün@x", encoding="UTF_8"),
        "RCPT TO:<grün@x>".encode(),
        b"250 ok",
        (250, "ok"),
    ),
    ("ehlo", lambda client: client.ehlo(hostname="x.example"), b"EHLO x.example", b"250 hi", (250, "hi")),
    ("helo", lambda client: client.helo(), b"HELO client.example", b"250 hi", (250, "hi")),
    ("raw", lambda client: client.execute_command(b"XYZ", b"a", b"b"), b"XYZ a b", b"599 no", (599, "no")),
]


@pytest.mark.parametrize(
    ("call", "line", "reply", "result"), [row[1:] for row in COMMANDS], ids=[row[0] for row in COMMANDS]
)
async def test_each_command_is_sent_as_it_should_be(
    peer: ScriptedPeer, call: Call, line: bytes, reply: bytes, result: object
) -> None:
    peer.script(*opening(), *said((line, reply)), *PARTING)
    async with connected(peer) as client:
        returned = await call(client)
        assert returned == result
        assert type(returned) in {smtp.SMTPResponse, str}
        await client.quit()


REFUSALS: list[tuple[str, Call, type[smtp.SMTPResponseException]]] = [
    ("noop", lambda client: client.noop(), smtp.SMTPResponseException),
    ("rset", lambda client: client.rset(), smtp.SMTPResponseException),
    ("help", lambda client: client.help(), smtp.SMTPResponseException),
    ("vrfy", lambda client: client.vrfy("ben@x"), smtp.SMTPResponseException),
    ("expn", lambda client: client.expn("list"), smtp.SMTPResponseException),
    ("quit", lambda client: client.quit(), smtp.SMTPResponseException),
    ("mail", lambda client: client.mail("anna@x"), smtp.SMTPSenderRefused),
    ("rcpt", lambda client: client.rcpt("ben@x"), smtp.SMTPRecipientRefused),
    ("data", lambda client: client.data(b"x"), smtp.SMTPDataError),
    ("ehlo", lambda client: client.ehlo(), smtp.SMTPHeloError),
    ("helo", lambda client: client.helo(), smtp.SMTPHeloError),
]


@pytest.mark.parametrize(("call", "error"), rows(REFUSALS))
@pytest.mark.parametrize(("code", "is_open"), [(b"550", True), (b"451", True), (b"421", False)])
async def test_each_command_has_its_refusal(
    peer: ScriptedPeer, call: Call, error: type[smtp.SMTPResponseException], code: bytes, is_open: bool
) -> None:
    peer.script(*opening(), expect_any(), send(code + b" 4.3.2 no\r\n"), *(PARTING if is_open else [expect_eof()]))
    async with connected(peer) as client:
        with raises(error) as caught:
            await call(client)
        assert (caught.value.code, caught.value.message) == (int(code), "4.3.2 no")
        assert caught.value.retryable is (code != b"550")
        assert getattr(caught.value, "sender", "anna@x") == "anna@x"
        assert getattr(caught.value, "recipient", "ben@x") == "ben@x"
        assert client.is_connected is is_open
        if is_open:
            await client.quit()


@pytest.mark.parametrize("call", calls(REFUSALS, "quit", "ehlo", "helo"))
async def test_ehlo_comes_before_the_first_command(peer: ScriptedPeer, call: Call) -> None:
    peer.script(HELLO, *offer(), expect_any(), send(b"550 no\r\n"), expect_eof())
    async with connected(peer, start_tls=False) as client:
        with pytest.raises(smtp.SMTPResponseException):
            await call(client)
        assert client.supports_esmtp


@pytest.mark.parametrize("call", calls(REFUSALS))
async def test_each_command_has_its_time(peer: ScriptedPeer, call: Call) -> None:
    peer.script(*opening(), hang())
    async with connected(peer) as client:
        hurry(client)
        with raises(smtp.SMTPReadTimeoutError) as caught:
            await call(client)
        assert caught.value.seconds == SHORT
        assert not client.is_connected


@pytest.mark.parametrize("call", calls(REFUSALS))
async def test_without_a_connection_there_are_no_commands(call: Call) -> None:
    with raises(smtp.SMTPServerDisconnected, match="Not connected"):
        await call(smtp.SMTP())


@pytest.mark.parametrize("verb", ["vrfy", "expn"])
async def test_an_address_outside_of_ascii_needs_smtputf8(peer: ScriptedPeer, verb: str) -> None:
    line = f"{verb.upper()} grün@x SMTPUTF8".encode()
    peer.script(*opening(), *PARTING)
    peer.script(*opening(b"SMTPUTF8"), *said((line, "252 grün".encode())), *PARTING)
    async with connected(peer) as client:
        ask = getattr(client, verb)
        with raises(smtp.SMTPAddressError, match="SMTPUTF8"):
            await ask("grün@x")
        with raises(smtp.SMTPNotSupported, match="SMTPUTF8"):
            await ask("grün@x", options=["SMTPUTF8"])
        await client.quit()
        await client.connect()
        assert await ask("grün@x", options=["SMTPUTF8"]) == (252, "grün")
        await client.quit()


async def test_replies_need_not_be_utf_8(peer: ScriptedPeer) -> None:
    peer.script(*opening(), *said((b"NOOP", b"250 gr\xfcn")), expect_eof())
    async with connected(peer) as client:
        assert (await client.noop()).message.encode("utf-8", "surrogateescape") == b"gr\xfcn"


# -- STARTTLS ----------------------------------------------------------------------------------------------------------


async def test_starttls_upgrades(
    peer: ScriptedPeer, server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    peer.script(
        HELLO,
        *offer(b"STARTTLS", b"SIZE 5"),
        *said((b"STARTTLS", b"220 go")),
        start_tls(server_tls_context),
        *offer(b"AUTH PLAIN"),
        *said((b"NOOP", b"250 ok")),
        *PARTING,
    )
    async with connected(peer, start_tls=False) as client:
        assert await client.starttls(tls_context=client_tls_context) == (220, "go")
        assert client.is_ehlo_or_helo_needed
        assert client.esmtp_extensions == {}
        await client.noop()
        assert client.esmtp_extensions == {"auth": "PLAIN"}
        with raises(smtp.SMTPException, match="already"):
            await client.starttls()
        await client.quit()


async def test_the_name_to_check_can_be_given(
    peer: ScriptedPeer, server_tls_context: ssl.SSLContext, ca_file: object
) -> None:
    for fails in (False, True):
        peer.script(
            HELLO,
            *offer(b"STARTTLS"),
            *said((b"STARTTLS", b"220 go")),
            start_tls(server_tls_context, fails=fails),
            expect_eof(),
        )
    async with connected(peer, start_tls=False, cert_bundle=ca_file) as client:
        await client.starttls(server_hostname="localhost")
    async with connected(peer, start_tls=False, cert_bundle=ca_file) as client:
        with raises(smtp.SMTPTLSError):
            await client.starttls(server_hostname="other.example")
        assert not client.is_connected


async def test_a_refused_starttls_leaves_the_connection_as_it_was(peer: ScriptedPeer) -> None:
    peer.script(HELLO, *offer(b"STARTTLS", b"SIZE 5"), *said((b"STARTTLS", b"454 no")), *PARTING)
    async with connected(peer, start_tls=False) as client:
        with raises(smtp.SMTPResponseException):
            await client.starttls()
        assert client.esmtp_extensions == {"starttls": "", "size": "5"}
        await client.quit()


async def test_starttls_that_is_not_offered_is_not_sent(peer: ScriptedPeer) -> None:
    peer.script(*opening(), *PARTING)
    async with connected(peer) as client:
        with raises(smtp.SMTPNotSupported):
            await client.starttls()
        await client.quit()


async def test_a_handshake_that_stalls_is_a_timeout(peer: ScriptedPeer) -> None:
    peer.script(HELLO, *offer(b"STARTTLS"), *said((b"STARTTLS", b"220 go")), hang())
    async with connected(peer, start_tls=False) as client:
        hurry(client, tls=SHORT)
        with raises(smtp.SMTPReadTimeoutError) as caught:
            await client.starttls()
        assert caught.value.phase == "TLS handshake"
        assert not client.is_connected


# -- logging in --------------------------------------------------------------------------------------------------------


def b64(text: bytes) -> bytes:
    return base64.b64encode(text)


LOGINS: list[tuple[str, Call, list[tuple[bytes, bytes]]]] = [
    (
        "login",
        lambda client: client.login("anna", "secret"),
        [(b"AUTH PLAIN " + b64(b"\0anna\0secret"), b"235 in")],
    ),
    (
        "auth_plain",
        lambda client: client.auth_plain(b"anna", b"secret"),
        [(b"AUTH PLAIN " + b64(b"\0anna\0secret"), b"235 in")],
    ),
    (
        "auth_login",
        lambda client: client.auth_login("anna", "secret"),
        [(b"AUTH LOGIN", b"334 VXNlcg=="), (b64(b"anna"), b"334 UGFzcw=="), (b64(b"secret"), b"235 in")],
    ),
    (
        "auth_crammd5",
        # The example of RFC 2195 §2.
        lambda client: client.auth_crammd5("tim", "tanstaaftanstaaf"),
        [
            (b"AUTH CRAM-MD5", b"334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+"),
            (b"dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw", b"235 in"),
        ],
    ),
    (
        "auth_xoauth2",
        lambda client: client.auth_xoauth2("anna", "token"),
        [(b"AUTH XOAUTH2 " + b64(b"user=anna\1auth=Bearer token\1\1"), b"235 in")],
    ),
]


@pytest.mark.parametrize(("call", "exchanges"), rows(LOGINS))
async def test_each_way_to_log_in(peer: ScriptedPeer, call: Call, exchanges: list[tuple[bytes, bytes]]) -> None:
    peer.script(HELLO, *offer(b"AUTH PLAIN"), *said(*exchanges), *PARTING)
    async with connected(peer, start_tls=False) as client:
        assert await call(client) == (235, "in")
        await client.quit()


@pytest.mark.parametrize(("call", "exchanges"), rows(LOGINS))
async def test_each_way_to_be_refused(peer: ScriptedPeer, call: Call, exchanges: list[tuple[bytes, bytes]]) -> None:
    exchanges = [*exchanges[:-1], (exchanges[-1][0], b"535 5.7.8 no")]
    peer.script(HELLO, *offer(b"AUTH PLAIN"), *said(*exchanges), *PARTING)
    async with connected(peer, start_tls=False) as client:
        with raises(smtp.SMTPAuthenticationError) as caught:
            await call(client)
        assert (caught.value.code, caught.value.message) == (535, "5.7.8 no")
        await client.quit()


@pytest.mark.parametrize("call", calls(LOGINS, "auth_crammd5"))
async def test_no_way_shows_a_password_to_a_network(peer: ScriptedPeer, call: Call) -> None:
    peer.script(*opening(b"AUTH PLAIN LOGIN XOAUTH2"), *PARTING)
    options = {"hostname": None, "port": None, "sock": peer.socketpair()}
    async with connected(peer, **options) as client:
        with raises(smtp.SMTPNotSupported, match="allow_cleartext_auth"):
            await call(client)
        await client.quit()


async def test_the_caller_may_allow_it(peer: ScriptedPeer) -> None:
    peer.script(*opening(b"AUTH PLAIN"), *said(LOGINS[0][2][0]), *PARTING)
    options = {"hostname": None, "port": None, "sock": peer.socketpair()}
    async with connected(peer, allow_cleartext_auth=True, **options) as client:
        await client.login("anna", "secret")
        await client.quit()


async def test_over_tls_a_password_may_leave(
    server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    with MiniSMTP(tls=server_tls_context, users={"anna": "secret"}) as server:
        sock = server.socketpair()
        options = {"hostname": "localhost", "port": None, "sock": sock, "tls_context": client_tls_context}
        async with connected(server, **options) as client:
            assert (await client.login("anna", "secret")).code == 235
            with raises(smtp.SMTPAuthenticationError):
                await client.auth_login("anna", "wrong")
        assert server.logins == ["anna"]
