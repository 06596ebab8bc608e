"""STARTTLS: nothing that was said in clear counts inside, and no failure leads on in clear with credentials.

GHSA-vxj7-4xrp-5vr4, CVE-2026-41319, CVE-2020-14954, CVE-2021-38371; CVE-2016-0772, GHSA-3588-2mr7-vrcm.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence

import pytest

from tests.peers import ScriptedPeer, Step, close, expect, expect_eof, expect_line, send, start_tls
from tests.smtp.support import PARTING, client_of, offer, opening
from transfer import smtp

EVIL = b"250-evil\r\n250 AUTH PLAIN\r\n"
ASKED = [*opening(b"STARTTLS", b"AUTH PLAIN"), expect(b"STARTTLS\r\n")]


@pytest.mark.parametrize("behind", [EVIL, EVIL[:-2], b"2", b"\n", b"\r"], ids=repr)
async def test_what_follows_the_reply_in_clear_ends_it(
    peer: ScriptedPeer, client_tls_context: ssl.SSLContext, behind: bytes
) -> None:
    peer.script(*ASKED, send(b"220 go\r\n" + behind), expect_eof())
    client = client_of(peer, tls_context=client_tls_context, username="anna", password="secret")
    with pytest.raises(smtp.SMTPProtocolError, match="plain text"):
        await client.connect()
    assert client.esmtp_extensions == {}
    assert not client.is_connected


@pytest.mark.parametrize("behind", [EVIL, EVIL[:-2], b"2"], ids=repr)
async def test_what_comes_in_clear_during_the_handshake_ends_it(
    peer: ScriptedPeer, client_tls_context: ssl.SSLContext, behind: bytes
) -> None:
    """After the client has begun its part, what is no TLS is no TLS."""
    peer.script(*ASKED, send(b"220 go\r\n"), expect(b"\x16\x03\x01"), send(behind), close())
    client = client_of(peer, tls_context=client_tls_context, username="anna", password="secret")
    with pytest.raises((smtp.SMTPTLSError, smtp.SMTPServerDisconnected)):
        await client.connect()
    assert client.esmtp_extensions == {}
    assert b"AUTH" not in peer.received


async def test_what_was_offered_in_clear_is_not_offered_inside(
    peer: ScriptedPeer, client_tls_context: ssl.SSLContext, server_tls_context: ssl.SSLContext
) -> None:
    peer.script(*ASKED, send(b"220 go\r\n"), start_tls(server_tls_context), *offer(b"SIZE 10"), *PARTING)
    async with client_of(peer, tls_context=client_tls_context) as client:
        assert client.esmtp_extensions == {}
        await client.ehlo()
        assert client.esmtp_extensions == {"size": "10"}
        assert client.supported_auth_methods == []


FAILURES: dict[str, Sequence[Step]] = {
    "not offered": [*opening(b"AUTH PLAIN"), expect_line(rb"QUIT"), send(b"221 bye\r\n")],
    "454": [*ASKED, send(b"454 later\r\n"), expect_line(rb"QUIT"), send(b"221 bye\r\n")],
    "501": [*ASKED, send(b"501 no\r\n"), expect_line(rb"QUIT"), send(b"221 bye\r\n")],
    "end of file": [*ASKED, close()],
    "no handshake": [*ASKED, send(b"220 go\r\n"), expect(b"\x16\x03\x01"), send(b"500 what\r\n"), close()],
}


@pytest.mark.parametrize("required", [True, None], ids=["required", "opportunistic"])
@pytest.mark.parametrize("failure", FAILURES)
async def test_no_failure_leads_to_a_password_in_clear(failure: str, required: bool | None) -> None:
    """A host of a network, to which a password would have to be sent encrypted; here it is reached through a socket."""
    with ScriptedPeer(client_may_leave=True) as peer:
        peer.script(*FAILURES[failure])
        client = smtp.SMTP(
            sock=peer.socketpair(),
            local_hostname="client.example",
            hostname="mail.example",
            start_tls=required,
            username="anna",
            password="secret",
            timeout=10,
        )
        with pytest.raises(smtp.SMTPException):
            await client.connect()
        assert not client.is_connected
        await peer.served()
    commands = peer.received.partition(b"\x16")[0].split(b"\r\n")
    assert {command.partition(b" ")[0] for command in commands} <= {b"EHLO", b"STARTTLS", b"QUIT", b""}
