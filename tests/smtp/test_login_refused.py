"""What follows a refused login: one failed AUTH does not become ten."""

from __future__ import annotations

import base64
import hmac
import ssl
from collections.abc import Callable

import pytest

from tests.peers import Connection, ScriptedPeer, Step, call, expect, expect_eof, expect_line, send, start_tls
from tests.smtp.scram import ScramPeer, scram, scram_with
from tests.smtp.support import HELLO, PARTING, Begin, Open, offer, options_for, raises, said
from transfer import smtp
from transfer.smtp._login import login
from transfer.smtp._mechanism import Mechanism


def b64(octets: bytes) -> bytes:
    return base64.b64encode(octets)


PLAIN = b"AUTH PLAIN " + b64(b"\0anna\0secret")
ALL = b"AUTH PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256"
PROOF = hmac.new(b"secret", b"<1@x>", "md5").hexdigest().encode()


def cram(reply: bytes) -> list[Step]:
    """CRAM-MD5 up to its end."""
    return said((b"AUTH CRAM-MD5", b"334 " + b64(b"<1@x>")), (b64(b"anna " + PROOF), reply))


# -- credentials, or the mechanism -------------------------------------------------------------------------------------


async def test_after_plain_there_is_no_login(begin: Begin) -> None:
    session = begin(*offer(b"AUTH PLAIN LOGIN"), *said((PLAIN, b"535 5.7.8 no")), *PARTING)
    with raises(smtp.SMTPAuthenticationError, match="535 5.7.8 no"):
        await login(session, "anna", "secret")
    await session.quit()


@pytest.mark.parametrize("reply", [b"535 no", b"550 5.7.30 not by password", b"554 no", b"599 no"])
async def test_after_cram_md5_plain_has_the_last_word(begin: Begin, reply: bytes) -> None:
    """The server may have no password stored that it could compute the digest from."""
    session = begin(*offer(b"AUTH LOGIN PLAIN CRAM-MD5"), *cram(reply), *said((PLAIN, b"535 last")), *PARTING)
    with raises(smtp.SMTPAuthenticationError, match="535 last"):
        await login(session, "anna", "secret")
    await session.quit()


async def test_after_scram_plain_has_the_last_word(begin: Begin) -> None:
    """Of all the mechanisms that are offered two are tried."""
    wrong = scram_with(b"SCRAM-SHA-256", password=b"another")
    session = begin(*offer(ALL), wrong, *said((PLAIN, b"535 last")), *PARTING)
    with raises(smtp.SMTPAuthenticationError, match="535 last"):
        await login(session, "anna", "secret")
    await session.quit()


async def test_a_password_that_scram_lacks_still_logs_in_by_plain(begin: Begin) -> None:
    unknown = [expect_line(rb"AUTH SCRAM-SHA-256 .*"), send(b"535 5.7.8 no such verifier\r\n")]
    session = begin(*offer(ALL), *unknown, *said((PLAIN, b"235 in")), expect_eof())

    assert await login(session, "anna", "secret") == (235, "in")


@pytest.mark.parametrize("code", [432, 500, 501, 502, 503, 504, 534, 538])
async def test_a_mechanism_that_is_refused_says_nothing_of_the_others(begin: Begin, code: int) -> None:
    """RFC 4954 §4 and §6; 432 asks for PLAIN by its meaning."""
    refused = [step for name in (b"256", b"1") for step in refuse(b"SCRAM-SHA-" + name, code)]
    session = begin(*offer(ALL), *refused, *said((b"AUTH CRAM-MD5", b"%d no" % code), (PLAIN, b"235 in")), expect_eof())

    assert await login(session, "anna", "secret") == (235, "in")


def refuse(mechanism: bytes, code: int) -> list[Step]:
    """Refuse *mechanism* at once."""
    return [expect_line(rb"AUTH " + mechanism + b" .*"), send(b"%d no\r\n" % code)]


@pytest.mark.parametrize("code", [421, 454, 451])
async def test_later_is_later_for_all(begin: Begin, code: int) -> None:
    session = begin(*offer(ALL), *refuse(b"SCRAM-SHA-256", code), expect_eof())
    with raises(smtp.SMTPAuthenticationError) as caught:
        await login(session, "anna", "secret")

    assert caught.value.retryable


@pytest.mark.parametrize(
    "wrong",
    [{"sign": lambda _: b"false"}, {"nonce": lambda _: b"another"}, {"iterations": 1}],
    ids=["signature", "nonce", "iterations"],
)
async def test_who_cannot_prove_that_it_knows_the_password_is_not_told_it(
    begin: Begin, wrong: dict[str, Callable[[bytes], bytes]]
) -> None:
    session = begin(*offer(ALL), scram_with(b"SCRAM-SHA-256", **wrong), *PARTING)
    with raises(smtp.SMTPAuthenticationError):
        await login(session, "anna", "secret")
    await session.quit()


class Ticket(Mechanism):
    """By a credential that is not the password."""

    name = "TICKET"

    def respond(self, challenge: bytes) -> bytes:
        return b"ticket"


async def test_other_credentials_are_another_matter(begin: Begin) -> None:
    refused = said((b"AUTH TICKET", b"334"), (b64(b"ticket"), b"535 no"), (b"AUTH EXTERNAL YW5uYQ==", b"535 no"))
    session = begin(*offer(b"AUTH PLAIN EXTERNAL TICKET"), *refused, *said((PLAIN, b"235 in")), expect_eof())
    await login(session, "anna", "secret", mechanisms=[lambda *_: Ticket(), "external", "plain"])


# -- channel binding ---------------------------------------------------------------------------------------------------


class Bound:
    """The fixture ``bound``: sessions inside TLS, whose client could tie SCRAM to it."""

    def __init__(self, peer: ScriptedPeer, opened: Open, server: ssl.SSLContext, client: ssl.SSLContext) -> None:
        self.peer, self.opened, self.server, self.client = peer, opened, server, client

    async def __call__(self, *steps: Step) -> smtp.SMTPResponse:
        """Log in to a server that plays *steps*."""
        self.peer.script(start_tls(self.server), HELLO, *steps)
        session = await self.opened(options_for(self.peer, use_tls=True, tls_context=self.client))
        return await login(session, "anna", "secret")


@pytest.fixture
def bound(
    peer: ScriptedPeer, opened: Open, server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> Bound:
    """How to log in inside TLS."""
    return Bound(peer, opened, server_tls_context, client_tls_context)


async def test_a_server_that_seems_not_to_bind_is_told_that_we_could(bound: Bound) -> None:
    """RFC 5802 §6: "y" lets it find out that somebody has cut its offer."""
    await bound(*offer(b"AUTH PLAIN SCRAM-SHA-256"), scram_with(b"SCRAM-SHA-256", header=b"y,,"))


@pytest.mark.parametrize("error", [b"server-does-support-channel-binding", b"channel-bindings-dont-match"])
async def test_a_cut_offer_ends_the_login(bound: Bound, error: bytes) -> None:
    """Whoever cut it waits for the password in another form."""
    told = [
        expect_line(rb"AUTH SCRAM-SHA-256 eSws.*"),
        send(b"334 " + b64(b"e=" + error) + b"\r\n"),
        *said((b"", b"535 no")),
    ]
    with raises(smtp.SMTPAuthenticationError, match=error.decode()):
        await bound(*offer(b"AUTH PLAIN SCRAM-SHA-256"), *told)


async def test_plus_comes_first_inside_tls(bound: Bound) -> None:
    names: list[bytes] = []

    def note(connection: Connection) -> None:
        names.append(connection.wire.read_line().split()[1])
        connection.wire.send(b"504 no\r\n")

    offered = b"AUTH SCRAM-SHA-1 SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-256-PLUS PLAIN"
    await bound(*offer(offered), *[call(note)] * 4, *said((PLAIN, b"235 in")))
    assert names == [b"SCRAM-SHA-256-PLUS", b"SCRAM-SHA-1-PLUS", b"SCRAM-SHA-256", b"SCRAM-SHA-1"]


@pytest.mark.parametrize(
    "refusal",
    [
        [send(b"535 5.7.8 no\r\n")],
        [send(b"334 " + b64(b"e=unsupported-channel-binding-type") + b"\r\n"), expect(b"\r\n"), send(b"535 no\r\n")],
    ],
    ids=["at once", "in SCRAM's own words"],
)
async def test_a_server_that_binds_in_other_ways_is_met_without(bound: Bound, refusal: list[Step]) -> None:
    """It has not seen a proof, so it has not judged the password; "y" would be a lie to a server that binds."""
    plus = [expect_line(rb"AUTH SCRAM-SHA-256-PLUS .*"), *refusal]
    offered = offer(b"AUTH PLAIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS")
    await bound(*offered, *plus, scram_with(b"SCRAM-SHA-256", header=b"n,,"))


async def test_a_proof_that_was_refused_is_not_given_in_another_form(bound: Bound) -> None:
    def wrong(connection: Connection) -> ScramPeer:
        wire = connection.wire
        wire.fill()
        message = base64.b64decode(bytes(wire.buffer).split()[2])
        return Careless(header=message[: message.index(b",,") + 2], password=b"another")

    offered = offer(b"AUTH PLAIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS CRAM-MD5")
    with raises(smtp.SMTPAuthenticationError, match="last"):
        await bound(*offered, scram(b"SCRAM-SHA-256-PLUS", wrong), *said((PLAIN, b"535 last")))


class Careless(ScramPeer):
    """One that takes every proof for wrong, whatever it is tied to."""

    def final(self, message: bytes) -> None:
        assert b",p=" in message
