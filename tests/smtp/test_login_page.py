"""The programs of the page on logging in do what it says."""

from __future__ import annotations

import base64
import ssl
import textwrap
import time
from typing import Any, ClassVar

import pytest

from tests.peers import ScriptedPeer, Step, start_tls
from tests.smtp.scram import scram_with
from tests.smtp.support import PARTING, letter, opening, said
from tests.smtp.test_tutorial import python_of
from transfer import smtp

CHOICE, TOKEN, TOKENS, CERTIFICATE, OWN = python_of("docs/howto/login.md")


def b64(octets: bytes) -> bytes:
    return base64.b64encode(octets)


class Elsewhere(smtp.SMTP):
    """A client that goes to the peer, whatever server the page names."""

    there: ClassVar[dict[str, Any]]

    def __init__(self, **given: Any) -> None:
        super().__init__(**(given | self.there))


@pytest.fixture
def page(peer: ScriptedPeer, client_tls_context: ssl.SSLContext) -> Any:
    """The module ``smtp`` of the page, whose servers are *peer*."""

    class There(Elsewhere):
        there: ClassVar[dict[str, Any]] = {"hostname": peer.host, "port": peer.port, "local_hostname": "client.example"}

    class Page:
        SMTP, Mechanism, TokenSource = There, smtp.Mechanism, smtp.TokenSource

        @staticmethod
        async def send(message: Any, **given: Any) -> object:
            return await smtp.send(message, **(given | There.there | {"start_tls": False}))

    return Page


async def play(block: str, page: Any, **names: Any) -> dict[str, Any]:
    """Run *block* as the body of a coroutine; what it defines."""
    scope = {"smtp": page, "time": time, "message": letter(), "password": "secret"} | names
    exec(f"async def program():\n{textwrap.indent(block, '    ')}\n    return locals()", scope)
    found: dict[str, Any] = await scope["program"]()
    return found


async def test_a_choice_keeps_to_scram(peer: ScriptedPeer, page: Any) -> None:
    peer.script(
        *opening(b"AUTH PLAIN SCRAM-SHA-256"), scram_with(b"SCRAM-SHA-256", username=b"me@example.org"), *PARTING
    )
    client = (await play(CHOICE, page))["client"]
    async with client:
        assert client.is_connected


def xoauth2(token: bytes, reply: bytes) -> list[Step]:
    return said((b"AUTH XOAUTH2 " + b64(b"user=me@example.org\1auth=Bearer %b\1\1" % token), reply))


async def fetch_token() -> dict[str, Any]:
    return {"access_token": "fresh", "expires_in": 3600}


async def test_a_function_gives_the_token(peer: ScriptedPeer, page: Any) -> None:
    envelope = [(b"MAIL FROM:<anna@example.org>", b"250 ok"), (b"RCPT TO:<ben@example.net>", b"550 enough")]
    peer.script(
        *opening(b"AUTH XOAUTH2"), *xoauth2(b"fresh", b"235 in"), *said(*envelope, (b"RSET", b"250 ok")), *PARTING
    )
    with pytest.raises(smtp.SMTPRecipientsRefused):
        await play(TOKEN, page, fetch_token=fetch_token)


async def test_a_source_is_asked_to_refresh(peer: ScriptedPeer, page: Any) -> None:
    peer.script(*opening(b"AUTH XOAUTH2"), *xoauth2(b"stale", b"535 no"), *xoauth2(b"fresh", b"235 in"), *PARTING)
    tokens: Any = (await play(TOKENS, page, fetch_token=fetch_token))["Tokens"]()
    assert await tokens() == "fresh"
    tokens.token = "stale"
    async with page.SMTP(username="me@example.org", oauth_token_generator=tokens):
        pass
    assert tokens.token == "fresh"


async def test_a_certificate_needs_no_name(
    peer: ScriptedPeer, page: Any, server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    peer.script(
        *(start_tls(server_tls_context), *opening(b"AUTH EXTERNAL PLAIN"), *said((b"AUTH EXTERNAL =", b"235 in"))),
        *PARTING,
    )
    page.SMTP.there |= {"tls_context": client_tls_context, "use_tls": True, "client_cert": None, "client_key": None}
    async with (await play(CERTIFICATE, page))["client"]:
        pass


async def test_a_mechanism_of_ones_own(peer: ScriptedPeer, page: Any) -> None:
    async def device_sign(challenge: bytes) -> bytes:
        return challenge[::-1]

    peer.script(
        *opening(b"AUTH X-SIGNED"),
        *said((b"AUTH X-SIGNED bWU=", b"334 " + b64(b"abc")), (b64(b"cba"), b"235 in")),
        *PARTING,
    )
    async with (await play(OWN, page, device_sign=device_sign))["client"]:
        pass
