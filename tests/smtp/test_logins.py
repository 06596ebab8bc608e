"""Logging in by a client: at connecting, by a choice of mechanisms, and by methods that a subclass brings."""

from __future__ import annotations

import base64
import ssl
from typing import Any

import pytest

from tests.peers import ScriptedPeer, Step, start_tls
from tests.smtp.scram import scram_with
from tests.smtp.support import (
    HELLO,
    LONG,
    PARTING,
    RECIPIENT,
    SENDER,
    client_of,
    connected,
    offer,
    opening,
    raises,
    said,
)
from transfer import smtp


def b64(octets: bytes) -> bytes:
    return base64.b64encode(octets)


PLAIN = b"AUTH PLAIN " + b64(b"\0anna\0secret")
LOGIN: dict[str, Any] = {"username": "anna", "password": "secret"}


# -- at connecting -----------------------------------------------------------------------------------------------------


async def test_a_client_logs_in_by_scram_as_it_connects(peer: ScriptedPeer) -> None:
    peer.script(*opening(b"AUTH PLAIN SCRAM-SHA-256"), scram_with(b"SCRAM-SHA-256"), *PARTING)
    async with client_of(peer, **LOGIN):
        pass


@pytest.mark.parametrize("mechanisms", [["PLAIN"], ("scram-sha-256-plus", "plain")])
async def test_the_choice_of_the_constructor_counts_at_connecting_and_later(
    peer: ScriptedPeer, mechanisms: list[str]
) -> None:
    peer.script(*opening(b"AUTH PLAIN SCRAM-SHA-256"), *said((PLAIN, b"235 in"), (PLAIN, b"503 again?")), *PARTING)
    async with client_of(peer, mechanisms=mechanisms, **LOGIN) as client:
        with raises(smtp.SMTPAuthenticationError, match="again"):
            await client.login("anna", "secret")


async def test_external_asks_for_neither_name_nor_password(
    peer: ScriptedPeer, server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    peer.script(
        *(start_tls(server_tls_context), *opening(b"AUTH EXTERNAL PLAIN"), *said((b"AUTH EXTERNAL =", b"235 in"))),
        *PARTING,
    )
    async with client_of(peer, use_tls=True, tls_context=client_tls_context, mechanisms=["external"]):
        pass


@pytest.mark.parametrize("mechanisms", [["external"], ["external", "plain"], ["plain", "external"]])
async def test_external_names_the_user_where_there_is_no_password(peer: ScriptedPeer, mechanisms: list[str]) -> None:
    peer.script(*opening(b"AUTH EXTERNAL PLAIN"), *said((b"AUTH EXTERNAL YW5uYQ==", b"235 in")), *PARTING)
    async with client_of(peer, username="anna", mechanisms=mechanisms):
        pass


@pytest.mark.parametrize("mechanisms", [None, ["plain", "login"], []])
async def test_external_is_not_used_unasked(peer: ScriptedPeer, mechanisms: list[str] | None) -> None:
    peer.script(HELLO, *PARTING)
    async with client_of(peer, start_tls=False, mechanisms=mechanisms):
        pass


async def test_external_that_is_not_offered_fails_the_connect(peer: ScriptedPeer) -> None:
    peer.script(*opening(b"AUTH PLAIN"))
    with raises(smtp.SMTPNotSupported, match="the server offers plain"):
        await client_of(peer, mechanisms=["external"]).connect()


async def test_a_name_alone_needs_a_mechanism_that_is_content_with_it(peer: ScriptedPeer) -> None:
    with raises(smtp.SMTPAddressError, match="username needs a password"):
        await client_of(peer, username="anna", mechanisms=["plain", "scram-sha-256"]).connect()
    assert not peer.connections


class Knock(smtp.Mechanism):
    """A mechanism of a user's own."""

    name = "KNOCK"
    is_revealing = False

    def __init__(self, username: str | bytes, password: str | bytes) -> None:
        self.answer = f"{username!r} {password!r}".encode()

    async def respond(self, challenge: bytes) -> bytes:
        return challenge + self.answer


@pytest.mark.parametrize(
    ("given", "answer"), [(LOGIN, b"?'anna' 'secret'"), ({"username": "anna"}, b"?'anna' ''"), ({}, b"?'' ''")]
)
async def test_a_mechanism_of_a_users_own_logs_in(peer: ScriptedPeer, given: dict[str, Any], answer: bytes) -> None:
    peer.script(
        *opening(b"AUTH PLAIN KNOCK"), *said((b"AUTH KNOCK", b"334 " + b64(b"?")), (b64(answer), b"235 in")), *PARTING
    )
    async with client_of(peer, mechanisms=[Knock], **given):
        pass


async def test_send_takes_a_choice_too(peer: ScriptedPeer) -> None:
    peer.script(*opening(b"AUTH PLAIN LOGIN"), *said((b"AUTH LOGIN", b"535 not so")))
    with raises(smtp.SMTPAuthenticationError, match="not so"):
        await smtp.send(
            "x",
            sender=SENDER,
            recipients=RECIPIENT,
            hostname=peer.host,
            port=peer.port,
            local_hostname="client.example",
            timeout=LONG,
            mechanisms=["login"],
            **LOGIN,
        )


@pytest.mark.parametrize("offered", [b"XOAUTH2", b"OAUTHBEARER"])
async def test_a_token_logs_in_and_names_the_server(peer: ScriptedPeer, offered: bytes) -> None:
    async def give_token() -> str:
        return "token"

    target = f"host={peer.host}\1port={peer.port}\1".encode()
    message = {
        b"XOAUTH2": b"user=anna\1auth=Bearer token\1\1",
        b"OAUTHBEARER": b"n,a=anna,\1" + target + b"auth=Bearer token\1\1",
    }[offered]
    peer.script(*opening(b"AUTH " + offered), *said((b"AUTH " + offered + b" " + b64(message), b"235 in")), *PARTING)
    async with client_of(peer, username="anna", oauth_token_generator=give_token):
        pass


@pytest.mark.parametrize(
    ("mechanisms", "error"), [(["digest-md5"], ValueError), ("plain", TypeError), ([""], ValueError)]
)
def test_a_choice_that_is_none_is_found_at_once(mechanisms: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="mechanism"):
        smtp.SMTP(mechanisms=mechanisms)


async def test_auth_is_a_parameter_of_mail_as_well(peer: ScriptedPeer) -> None:
    """RFC 4954 §5."""
    peer.script(
        *opening(b"AUTH PLAIN"),
        *said((PLAIN, b"235 in"), (b"MAIL FROM:<anna@example.org> AUTH=<>", b"250 ok")),
        *PARTING,
    )
    async with client_of(peer, **LOGIN) as client:
        await client.mail(SENDER, options=["AUTH=<>"])


@pytest.mark.parametrize(
    "keywords",
    [[b"AUTH=PLAIN KNOCK_2", b"AUTH KNOCK_2 PLAIN"], [b"AUTH PLAIN X9-Y_Z PLAIN"]],
    ids=["both forms", "twice"],
)
async def test_a_mechanism_that_is_offered_twice_is_tried_once(peer: ScriptedPeer, keywords: list[bytes]) -> None:
    peer.script(*opening(*keywords), *said((PLAIN, b"504 no")), *PARTING)
    async with connected(peer) as client:
        with raises(smtp.SMTPAuthenticationError, match="504"):
            await client.login("anna", "secret")
        await client.quit()


# -- methods of a subclass ---------------------------------------------------------------------------------------------


class Ordered(smtp.SMTP):
    """Has an order of its own, and a mechanism of its own in it."""

    AUTH_METHODS = ("knock-1", "login", "scram-sha-1", "plain")

    async def auth_knock1(self, username: str | bytes, password: str | bytes, /, **_: Any) -> smtp.SMTPResponse:
        response = await self.execute_command(b"AUTH", b"KNOCK-1")
        if response.code != 235:
            raise smtp.SMTPAuthenticationError(response.code, response.message)
        return response


def of(peer: ScriptedPeer, kind: type[smtp.SMTP], **options: Any) -> smtp.SMTP:
    return kind(hostname=peer.host, port=peer.port, local_hostname="client.example", timeout=LONG, **options)


ORDERED: list[Step] = [
    *offer(b"AUTH PLAIN LOGIN KNOCK-1 SCRAM-SHA-1 SCRAM-SHA-256"),
    *said((b"AUTH KNOCK-1", b"504 no"), (b"AUTH LOGIN", b"504 no")),
    scram_with(b"SCRAM-SHA-1"),
]


async def test_a_subclass_has_an_order_and_methods_of_its_own(peer: ScriptedPeer) -> None:
    peer.script(HELLO, *ORDERED, *PARTING)
    async with of(peer, Ordered, start_tls=False) as client:
        assert await client.login("anna", "secret") == (235, "in")
        assert client.supported_auth_methods == ["knock-1", "login", "scram-sha-1", "plain"]


async def test_a_subclass_logs_in_by_its_methods_at_connecting_too(peer: ScriptedPeer) -> None:
    peer.script(HELLO, *ORDERED, *PARTING)
    async with of(peer, Ordered, **LOGIN) as client:
        assert client.is_connected


async def test_a_subclass_that_is_refused_at_connecting_leaves_nothing_open(peer: ScriptedPeer) -> None:
    peer.script(*opening(b"AUTH KNOCK-1"), *said((b"AUTH KNOCK-1", b"535 no")))
    client = of(peer, Ordered, **LOGIN)
    with raises(smtp.SMTPAuthenticationError, match="535 no"):
        await client.connect()
    assert not client.is_connected
    assert repr(client) == "<Ordered, not connected>"


async def test_mechanisms_that_are_chosen_win_over_the_order_of_a_subclass(peer: ScriptedPeer) -> None:
    peer.script(*opening(b"AUTH PLAIN KNOCK-1"), *said((PLAIN, b"235 in")), *PARTING)
    async with of(peer, Ordered, mechanisms=["plain"], **LOGIN):
        pass


async def test_an_object_can_have_an_order_of_its_own(peer: ScriptedPeer) -> None:
    peer.script(HELLO, *offer(b"AUTH CRAM-MD5 PLAIN SCRAM-SHA-1"), *said((PLAIN, b"235 in")), *PARTING)
    client = client_of(peer, start_tls=False)
    client.AUTH_METHODS = ("plain",)  # type: ignore[misc]  # as programs do it
    async with client:
        await client.login("anna", "secret")


async def test_a_method_that_a_subclass_replaces_is_called(peer: ScriptedPeer) -> None:
    class Replaced(smtp.SMTP):
        async def auth_plain(self, username: str | bytes, password: str | bytes, /, **_: Any) -> smtp.SMTPResponse:
            return await self.execute_command(b"AUTH PLAIN", str(password).encode())

    peer.script(*opening(b"AUTH PLAIN SCRAM-SHA-256"), *said((b"AUTH PLAIN secret", b"235 in")), *PARTING)
    async with of(peer, Replaced, **LOGIN):
        pass


async def test_a_login_that_a_subclass_replaces_is_called_at_connecting(peer: ScriptedPeer) -> None:
    class Careful(smtp.SMTP):
        async def login(
            self, username: str | bytes, password: str | bytes, /, timeout: Any = None
        ) -> smtp.SMTPResponse:
            await self.noop()
            return await super().login(username, "secret")

    peer.script(*opening(b"AUTH PLAIN"), *said((b"NOOP", b"250 ok"), (PLAIN, b"235 in")), *PARTING)
    async with of(peer, Careful, username="anna", password="x"):
        pass


async def test_a_method_that_is_missing_is_the_programs_fault(peer: ScriptedPeer) -> None:
    class Forgetful(smtp.SMTP):
        AUTH_METHODS = ("knock",)

    peer.script(HELLO, *offer(b"AUTH KNOCK"), *PARTING)
    async with of(peer, Forgetful, start_tls=False) as client:
        with pytest.raises(RuntimeError, match="Forgetful has no method auth_knock for the mechanism knock"):
            await client.login("anna", "secret")
