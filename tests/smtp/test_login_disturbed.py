"""Logins of several steps, cancelled at every checkpoint, cut off after every octet, and searched for secrets."""

from __future__ import annotations

import base64
import logging
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from tests.harness import ALL_MODES, Outcome, cancel_everywhere, cut_everywhere
from tests.peers import ScriptedPeer, Step, expect_line, send
from tests.smtp.scram import scram_with
from tests.smtp.support import EHLO, client_of, connected, offer, opening, said
from transfer import smtp

SECRET = "open-sesame-42"


def b64(octets: bytes) -> bytes:
    return base64.b64encode(octets)


class Tokens:
    """Gives one token that is refused, and one that is not."""

    async def __call__(self) -> str:
        return SECRET + "-old"

    async def refresh(self) -> str:
        return SECRET


def bearer(reply: bytes) -> list[Step]:
    """OAUTHBEARER with any token."""
    return [expect_line(rb"AUTH OAUTHBEARER .*"), send(reply + b"\r\n")]


ERROR = b"334 " + b64(b"{}")
RENEWED = [*bearer(ERROR), *said((b"AQ==", b"535")), *bearer(b"235")]
PASSWORD: dict[str, Any] = {"username": "anna", "password": SECRET}
TOKEN: dict[str, Any] = {"username": "anna", "oauth_token_generator": Tokens()}


# -- cancelled ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "steps",
    [
        [*offer(b"AUTH SCRAM-SHA-1"), scram_with(b"SCRAM-SHA-1", password=SECRET.encode())],
        [*offer(b"AUTH SCRAM-SHA-1"), scram_with(b"SCRAM-SHA-1", password=SECRET.encode(), iterations=20_000)],
        [*offer(b"AUTH SCRAM-SHA-1"), *[expect_line(rb"AUTH .*"), send(b"334 !\r\n")], *said((b"*", b"501 off"))],
    ],
    ids=["inline", "in a thread", "called off"],
)
async def test_a_cancelled_scram_never_shifts_the_replies(steps: list[Step]) -> None:
    @asynccontextmanager
    async def setting() -> AsyncIterator[tuple[smtp.SMTP, ScriptedPeer]]:
        with ScriptedPeer(client_may_leave=True) as peer:
            peer.script(send(b"220 mini.example\r\n"), *steps, *said((b"NOOP", b"250 noop")))
            async with connected(peer, start_tls=False) as client:
                yield client, peer

    async def login(subject: tuple[smtp.SMTP, ScriptedPeer]) -> None:
        with suppress(smtp.SMTPAuthenticationError):
            await subject[0].login("anna", SECRET)

    async def check(outcome: Outcome) -> None:
        client, peer = outcome.subject
        if outcome.exception is None:
            assert client.is_connected
        # Where it came to no AUTH, neither does the script come to NOOP.
        if client.is_connected and b"AUTH" in peer.received:
            assert (await client.noop()).message == "noop"

    done = await cancel_everywhere(login, around=setting, check=check, modes=ALL_MODES, clean_up_points=2)
    assert done.points > 0


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        (PASSWORD, [*offer(b"AUTH SCRAM-SHA-256"), scram_with(b"SCRAM-SHA-256", password=SECRET.encode())]),
        (TOKEN, [*offer(b"AUTH OAUTHBEARER"), *RENEWED]),
    ],
    ids=["SCRAM", "OAUTHBEARER"],
)
async def test_a_cancelled_connect_that_logs_in_leaves_nothing(options: dict[str, Any], steps: list[Step]) -> None:
    @asynccontextmanager
    async def setting() -> AsyncIterator[smtp.SMTP]:
        with ScriptedPeer(client_may_leave=True) as peer:
            peer.always(send(b"220 mini.example\r\n"), *steps, *said((b"NOOP", b"250 noop")))
            client = client_of(peer, **options)
            try:
                yield client
            finally:
                client.close()

    async def check(outcome: Outcome) -> None:
        if outcome.exception is not None:
            assert not outcome.subject.is_connected
            await outcome.subject.connect()
        assert (await outcome.subject.noop()).message == "noop"

    done = await cancel_everywhere(
        lambda client: client.connect(), around=setting, check=check, modes=ALL_MODES, clean_up_points=2
    )
    assert done.points > 0


# -- cut off -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "offered", "steps"),
    [
        (PASSWORD, b"250-\r\n250 AUTH SCRAM-SHA-1\r\n", [scram_with(b"SCRAM-SHA-1", password=SECRET.encode())]),
        (TOKEN, b"250-\r\n250 AUTH OAUTHBEARER\r\n", RENEWED),
    ],
    ids=["SCRAM", "OAUTHBEARER"],
)
async def test_a_login_notices_a_cut(options: dict[str, Any], offered: bytes, steps: list[Step]) -> None:
    def factory() -> ScriptedPeer:
        peer = ScriptedPeer(client_may_leave=True)
        peer.script(send(b"220\r\n"), EHLO, send(offered), *steps)
        return peer

    async def scenario(peer: ScriptedPeer) -> None:
        client = client_of(peer, **options)
        try:
            await client.connect()
        except smtp.SMTPException:
            assert not client.is_connected
            raise
        finally:
            client.close()

    assert (await cut_everywhere(scenario, factory)).points > 40


# -- secrets -----------------------------------------------------------------------------------------------------------

ANY = expect_line(rb".*")
REFUSED: dict[str, list[Step]] = {
    "PLAIN": [ANY, send(b"535 no\r\n")],
    "LOGIN": [*said((b"AUTH LOGIN", b"334 ")), ANY, send(b"334 \r\n"), ANY, send(b"535 no\r\n")],
    "CRAM-MD5": [*said((b"AUTH CRAM-MD5", b"334 " + b64(b"<1@x>"))), ANY, send(b"535 no\r\n")],
    "SCRAM-SHA-1": [scram_with(b"SCRAM-SHA-1", password=b"another")],
    "SCRAM-SHA-256": [scram_with(b"SCRAM-SHA-256", password=b"another")],
    "XOAUTH2": [ANY, send(b"334 " + b64(b'{"got":"' + SECRET.encode() + b'"}') + b"\r\n"), *said((b"", b"535 no"))],
    "OAUTHBEARER": [ANY, send(b"334 " + b64(SECRET.encode()) + b"\r\n"), *said((b"AQ==", b"535 no"))],
}
ACCEPTED: dict[str, list[Step]] = {
    "PLAIN": [ANY, send(b"235 in\r\n")],
    "LOGIN": [*said((b"AUTH LOGIN", b"334 ")), ANY, send(b"334 \r\n"), ANY, send(b"235 in\r\n")],
    "CRAM-MD5": [*said((b"AUTH CRAM-MD5", b"334 " + b64(b"<1@x>"))), ANY, send(b"235 in\r\n")],
    "SCRAM-SHA-1": [scram_with(b"SCRAM-SHA-1", password=SECRET.encode())],
    "SCRAM-SHA-256": [scram_with(b"SCRAM-SHA-256", password=SECRET.encode())],
    "XOAUTH2": [ANY, send(b"235 in\r\n")],
    "OAUTHBEARER": [ANY, send(b"235 in\r\n")],
}


@pytest.mark.parametrize("name", ACCEPTED)
@pytest.mark.parametrize("accepted", [True, False], ids=["accepted", "refused"])
async def test_no_mechanism_shows_its_secret(
    peer: ScriptedPeer, caplog: pytest.LogCaptureFixture, name: str, accepted: bool
) -> None:
    """Not the password, not what was sent in its place: neither in the log, nor in an error, nor in a repr."""
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []
    peer.script(*opening(b"AUTH " + name.encode()), *(ACCEPTED if accepted else REFUSED)[name])
    async with connected(peer, mechanisms=[name]) as client:
        try:
            await client.login("anna", SECRET)
        except smtp.SMTPAuthenticationError as exc:
            assert not accepted
            shown += [*traceback.format_exception(exc), repr(exc), str(exc), repr(vars(exc)), repr(exc.args)]
        shown += [repr(client), repr(client._options)]
    shown += caplog.messages

    sent = bytes(peer.received).partition(b"AUTH ")[2].decode().split()
    secrets = {word for word in sent if len(word) > 8 and word.upper() != name and word != "AUTH"}
    assert secrets
    for secret in {SECRET, b64(SECRET.encode()).decode(), *secrets}:
        assert not [text for text in shown if secret in text], secret
    assert any("AUTH ****" in text or f"AUTH {name}" in text for text in caplog.messages)
