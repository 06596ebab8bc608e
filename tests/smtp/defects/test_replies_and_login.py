"""What must not be believed, and what must not be shown: D11, D12, D17 and D18.

Each test names the guard without which it fails.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable

import pytest

from tests.peers import MiniSMTP, ScriptedPeer, expect, expect_eof, send
from tests.smtp.support import (
    GO_ON,
    LONG,
    MAIL,
    MESSAGE,
    NAME,
    RECIPIENT,
    SENDER,
    TEXT,
    connected,
    opening,
    raises,
    rcpt,
    said,
)
from transfer import smtp

RCPT = rcpt(b"ben@example.net")


# -- D11, D12: what a reply says ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("reply", [b"550-nope\r\n250 ok", b"250-ok\r\n550 nope", b"250-ok\r\n251 well"], ids=repr)
async def test_d11_a_reply_that_contradicts_itself_is_none(peer: ScriptedPeer, reply: bytes) -> None:
    """Guard: transfer._wire.reply:ReplyParser, which wants one code on every line (RFC 5321 §4.2.1)."""
    peer.script(*opening(), expect(b"NOOP\r\n"), send(reply + b"\r\n"), expect_eof())
    async with connected(peer) as client:
        with raises(smtp.SMTPProtocolError) as caught:
            await client.noop()
        assert caught.value.code == -1
        assert not client.is_connected


@pytest.mark.parametrize(("to_rcpt", "to_the_end"), [(252, 250), (259, 250), (250, 251), (299, 259)])
async def test_d12_a_code_counts_by_its_first_digit(peer: ScriptedPeer, to_rcpt: int, to_the_end: int) -> None:
    """Guard: transfer.smtp._transaction, which asks for the severity of a reply, never for its code."""
    exchanges = (MAIL, b"250 ok"), (RCPT, b"%d fine" % to_rcpt), GO_ON
    peer.script(*opening(), *said(*exchanges), expect(MESSAGE), send(b"%d taken\r\n" % to_the_end), expect_eof())
    async with connected(peer) as client:
        assert await client.sendmail(SENDER, RECIPIENT, TEXT) == ({}, "taken")


# -- D17: no password in clear over a network --------------------------------------------------------------------------

Login = Callable[[smtp.SMTP], Awaitable[object]]


def over_a_network(server: MiniSMTP, **options: object) -> smtp.SMTP:
    """A client that cannot know where its socket leads to."""
    sock = socket.create_connection((server.host, server.port))
    return smtp.SMTP(sock=sock, local_hostname=NAME, timeout=LONG, **options)  # type: ignore[arg-type]  # any


@pytest.mark.parametrize("start_tls", [None, False])
async def test_d17_a_password_is_not_sent_in_clear(start_tls: bool | None) -> None:
    """Guard: transfer.smtp._session:Session.authenticate, which asks Session.is_private."""
    with MiniSMTP(users={"anna": "secret"}) as server:
        with raises(smtp.SMTPNotSupported, match="in clear"):
            await over_a_network(server, start_tls=start_tls, username="anna", password="secret").connect()
        assert not any(command.startswith("AUTH") for command in server.commands)


@pytest.mark.parametrize(
    "login",
    [
        lambda client: client.login("anna", "secret"),
        lambda client: client.auth_plain("anna", "secret"),
        lambda client: client.auth_login("anna", "secret"),
        lambda client: client.auth_xoauth2("anna", "token"),
    ],
    ids=["login", "plain", "login mechanism", "xoauth2"],
)
async def test_d17_nor_when_logging_in_step_by_step(login: Login) -> None:
    """Guard: as above."""
    with MiniSMTP(users={"anna": "secret"}) as server:
        client = over_a_network(server, start_tls=False)
        await client.connect()
        with raises(smtp.SMTPNotSupported, match="in clear"):
            await login(client)
        await client.quit()
        assert not any(command.startswith("AUTH") for command in server.commands)


# -- D18: port 465 speaks TLS ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "implicit"),
    [
        ({"port": 465}, True),
        ({"port": 465, "start_tls": False}, True),
        ({"port": 465, "use_tls": False}, False),
        ({"port": 465, "start_tls": True}, False),
        ({"port": 587}, False),
    ],
    ids=str,
)
def test_d18_port_465_means_tls_from_the_first_octet(given: dict[str, int], implicit: bool) -> None:
    """Guard: transfer.smtp._options:ConnectOptions.is_implicit_tls (RFC 8314 §3.3)."""
    assert smtp.SMTP(**given).use_tls is implicit  # type: ignore[arg-type]  # ports and booleans
