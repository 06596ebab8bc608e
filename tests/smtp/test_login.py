"""Which mechanism a login takes, and what comes out when none works."""

from __future__ import annotations

import base64
import hmac

import pytest

from tests.peers import expect_eof
from tests.smtp.support import PARTING, Begin, offer, raises, said
from transfer import smtp
from transfer.smtp._login import check_credentials, login, login_by_token

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


# -- tokens ------------------------------------------------------------------------------------------------------------


async def give_token() -> str:
    return "token"


async def test_a_token_goes_by_xoauth2(begin: Begin) -> None:
    line = b"AUTH XOAUTH2 " + base64.b64encode(b"user=anna\1auth=Bearer token\1\1")
    session = begin(*offer(b"AUTH PLAIN XOAUTH2"), *said((line, b"235 in")), expect_eof())

    assert await login_by_token(session, "anna", give_token) == (235, "in")


async def test_a_token_is_not_asked_for_where_it_cannot_be_used(begin: Begin) -> None:
    async def unused() -> str:
        raise NotImplementedError

    session = begin(*offer(b"AUTH PLAIN"), *PARTING)
    with raises(smtp.SMTPNotSupported, match="the server offers plain"):
        await login_by_token(session, "anna", unused)
    await session.quit()


async def test_a_token_stays_out_of_the_clear(begin: Begin) -> None:
    session = begin(*offer(b"AUTH XOAUTH2"), *PARTING, dialled=False)
    with raises(smtp.SMTPNotSupported, match="clear"):
        await login_by_token(session, "anna", give_token)
    await session.quit()


async def test_a_token_with_a_line_break_is_refused(begin: Begin) -> None:
    async def bad_token() -> str:
        return "token\r\nRSET"

    session = begin(*offer(b"AUTH XOAUTH2"), *PARTING)
    with raises(smtp.SMTPAddressError):
        await login_by_token(session, "anna", bad_token)
    await session.quit()
