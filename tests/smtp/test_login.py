"""Which mechanism a login takes, and what comes out when none works."""

from __future__ import annotations

import base64
import hmac

import pytest

from tests.peers import expect_eof
from tests.smtp.scram import scram_with
from tests.smtp.support import PARTING, Begin, offer, raises, said
from transfer import smtp
from transfer.smtp._login import check_credentials, login
from transfer.smtp._mechanism import Mechanism

PLAIN = (b"AUTH PLAIN " + base64.b64encode(b"\0anna\0secret"), b"235 in")
NO_PLAIN = (PLAIN[0], b"535 5.7.8 no")
LOGIN = [(b"AUTH LOGIN", b"334 VXNlcg=="), (b"YW5uYQ==", b"334 UGFzcw=="), (b"c2VjcmV0", b"235 in")]
NO_CRAM = (b"AUTH CRAM-MD5", b"504 5.5.4 not for you")


async def test_the_best_mechanism_comes_first(begin: Begin) -> None:
    proof = hmac.new(b"secret", b"<1@x>", "md5").hexdigest().encode()
    session = begin(
        *offer(b"AUTH LOGIN PLAIN CRAM-MD5 NTLM"),
        *said(
            (b"AUTH CRAM-MD5", b"334 " + base64.b64encode(b"<1@x>")), (base64.b64encode(b"anna " + proof), b"235 in")
        ),
        expect_eof(),
    )

    assert await login(session, "anna", "secret") == (235, "in")


@pytest.mark.parametrize("keyword", [b"AUTH PLAIN", b"AUTH=PLAIN", b"auth plain LOGIN"])
async def test_plain_is_taken_where_it_is_offered(begin: Begin, keyword: bytes) -> None:
    session = begin(*offer(keyword), *said(PLAIN), *PARTING)

    assert await login(session, "anna", "secret") == (235, "in")
    await session.quit()


async def test_login_is_taken_where_there_is_nothing_else(begin: Begin) -> None:
    session = begin(*offer(b"AUTH NTLM LOGIN"), *said(*LOGIN), expect_eof())

    assert await login(session, b"anna", b"secret") == (235, "in")


async def test_a_refused_mechanism_leads_on_to_the_next(begin: Begin) -> None:
    session = begin(
        *offer(b"AUTH PLAIN LOGIN CRAM-MD5"), *said(NO_CRAM, (PLAIN[0], b"534 too weak"), *LOGIN), expect_eof()
    )

    assert await login(session, "anna", "secret") == (235, "in")


async def test_a_senseless_challenge_leads_on_to_the_next(begin: Begin) -> None:
    session = begin(
        *offer(b"AUTH CRAM-MD5 PLAIN"), *said((b"AUTH CRAM-MD5", b"334 ?"), (b"*", b"501 off"), PLAIN), expect_eof()
    )

    assert await login(session, "anna", "secret") == (235, "in")


@pytest.mark.parametrize(
    ("offered", "taken"),
    [
        (b"LOGIN PLAIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256", b"SCRAM-SHA-256"),
        (b"PLAIN CRAM-MD5 SCRAM-SHA-1", b"SCRAM-SHA-1"),
        (b"PLAIN SCRAM-SHA-512 SCRAM-SHA-1", b"SCRAM-SHA-1"),
        # Without TLS there is nothing to tie the exchange to.
        (b"PLAIN SCRAM-SHA-256-PLUS SCRAM-SHA-256", b"SCRAM-SHA-256"),
    ],
)
async def test_scram_comes_before_all_others(begin: Begin, offered: bytes, taken: bytes) -> None:
    session = begin(*offer(b"AUTH " + offered), scram_with(taken), expect_eof())

    assert await login(session, "anna", "secret") == (235, "in")


async def test_no_name_is_a_name_to_those_mechanisms_that_can_send_it(begin: Begin) -> None:
    """SCRAM can't."""
    line = b"AUTH PLAIN " + base64.b64encode(b"\0\0")
    session = begin(*offer(b"AUTH PLAIN SCRAM-SHA-256"), *said((line, b"535 no")), *PARTING)
    with raises(smtp.SMTPAuthenticationError, match="535 no"):
        await login(session, "", "")
    await session.quit()


async def test_a_password_that_only_plain_can_send_goes_by_plain(begin: Begin) -> None:
    line = b"AUTH PLAIN " + base64.b64encode("\0anna\0\U0001f511".encode())
    session = begin(*offer(b"AUTH PLAIN SCRAM-SHA-256"), *said((line, b"235 in")), expect_eof())
    await login(session, "anna", "\U0001f511")


async def test_what_is_said_where_nothing_but_scram_is_offered_and_it_cannot_be(begin: Begin) -> None:
    session = begin(*offer(b"AUTH SCRAM-SHA-256"), *PARTING)
    with raises(smtp.SMTPAddressError, match="SCRAM-SHA-256 is not possible"):
        await login(session, "", "secret")
    await session.quit()


# -- by the caller's own choice ----------------------------------------------------------------------------------------


async def test_a_choice_is_an_order(begin: Begin) -> None:
    session = begin(*offer(b"AUTH LOGIN PLAIN CRAM-MD5"), *said(PLAIN), expect_eof())
    await login(session, "anna", "secret", mechanisms=["SCRAM-SHA-256", "Plain", "LOGIN", "CRAM-MD5"])


async def test_what_was_not_chosen_is_not_tried(begin: Begin) -> None:
    session = begin(*offer(b"AUTH PLAIN CRAM-MD5"), *PARTING)
    with raises(smtp.SMTPNotSupported, match="the server offers plain, cram-md5"):
        await login(session, "anna", "secret", mechanisms=["login"])
    await session.quit()


class Knock(Mechanism):
    """A mechanism of a user's own."""

    name = "KNOCK"

    def __init__(self, username: str | bytes, password: str | bytes) -> None:
        self.answer = f"{username!r} {password!r}".encode()

    def respond(self, challenge: bytes) -> bytes:
        return self.answer


async def test_a_factory_stands_where_a_name_does(begin: Begin) -> None:
    knock = (b"AUTH KNOCK", b"334 "), (base64.b64encode(b"'anna' 'secret'"), b"235 in")
    session = begin(*offer(b"AUTH PLAIN KNOCK"), *said(*knock), expect_eof())
    await login(session, "anna", "secret", mechanisms=["login", Knock, "plain"])


async def test_a_factory_for_what_is_not_offered_is_passed_over(begin: Begin) -> None:
    session = begin(*offer(b"AUTH PLAIN"), *said(PLAIN), expect_eof())
    await login(session, "anna", "secret", mechanisms=[Knock, "plain"])


async def test_a_token_can_stand_in_the_place_of_a_password(begin: Begin) -> None:
    line = b"AUTH XOAUTH2 " + base64.b64encode(b"user=anna\1auth=Bearer secret\1\1")
    session = begin(*offer(b"AUTH XOAUTH2"), *said((line, b"235 in")), expect_eof())
    await login(session, "anna", "secret", mechanisms=["xoauth2"])


# -- when there is none, or none works ---------------------------------------------------------------------------------


async def test_the_last_refusal_is_the_one_that_is_told(begin: Begin) -> None:
    session = begin(*offer(b"AUTH PLAIN CRAM-MD5"), *said(NO_CRAM, NO_PLAIN), *PARTING)
    with raises(smtp.SMTPAuthenticationError) as caught:
        await login(session, "anna", "secret")

    assert (caught.value.code, caught.value.message) == (535, "5.7.8 no")
    assert not caught.value.retryable
    await session.quit()


@pytest.mark.parametrize(("reply", "is_open"), [(b"454 4.7.0 later", True), (b"421 too many tries", False)])
async def test_later_means_later(begin: Begin, reply: bytes, is_open: bool) -> None:
    session = begin(*offer(b"AUTH PLAIN CRAM-MD5"), *said((b"AUTH CRAM-MD5", reply)), expect_eof())
    with raises(smtp.SMTPAuthenticationError) as caught:
        await login(session, "anna", "secret")

    assert caught.value.retryable
    assert session.channel.is_open is is_open


@pytest.mark.parametrize(
    ("keywords", "fault"),
    [
        ([], "does not offer AUTH; many servers offer it only inside TLS"),
        ([b"AUTH"], "does not offer AUTH"),
        ([b"AUTH GSSAPI NTLM"], "the server offers gssapi, ntlm"),
    ],
    ids=["no AUTH", "AUTH for nothing", "nothing in common"],
)
async def test_no_common_mechanism_is_not_supported(begin: Begin, keywords: list[bytes], fault: str) -> None:
    session = begin(*offer(*keywords), *PARTING)
    with raises(smtp.SMTPNotSupported, match=fault):
        await login(session, "anna", "secret")
    await session.quit()


async def test_no_password_is_sent_in_clear_over_a_network(begin: Begin) -> None:
    session = begin(*offer(b"AUTH PLAIN LOGIN"), *PARTING, dialled=False)
    with raises(smtp.SMTPNotSupported, match="clear"):
        await login(session, "anna", "secret")
    await session.quit()


async def test_what_the_server_said_tells_more_than_our_caution(begin: Begin) -> None:
    session = begin(*offer(b"AUTH PLAIN CRAM-MD5 LOGIN"), *said(NO_CRAM), *PARTING, dialled=False)
    with raises(smtp.SMTPAuthenticationError, match="not for you"):
        await login(session, "anna", "secret")
    await session.quit()


async def test_in_clear_where_the_caller_says_so(begin: Begin) -> None:
    session = begin(*offer(b"AUTH PLAIN LOGIN"), *said(PLAIN), expect_eof(), dialled=False)
    await login(session, "anna", "secret", allow_cleartext=True)


@pytest.mark.parametrize("bad", ["\r", "\n", "\0", "\ud800"], ids=["CR", "LF", "NUL", "surrogate"])
async def test_what_no_credential_has_is_refused_before_ehlo(begin: Begin, bad: str) -> None:
    session = begin(*PARTING)
    for username, password in ((f"an{bad}na", "secret"), ("anna", f"se{bad}cret")):
        with raises(smtp.SMTPAddressError) as caught:
            await login(session, username, password)
        assert "cret" not in str(caught.value)
        assert caught.value.__context__ is None
    await session.quit()


def test_octets_are_checked_as_well() -> None:
    check_credentials(b"anna\xff", "sécret \t")
    with raises(smtp.SMTPAddressError, match="user name"):
        check_credentials(b"an\nna", b"secret")
