"""Logging in by an access token, and by another one if it is refused."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from tests.peers import Step, expect_eof
from tests.smtp.support import PARTING, Begin, offer, raises, said
from transfer import smtp
from transfer.smtp._login import login_by_token


def xoauth2(token: str, reply: bytes) -> list[Step]:
    """XOAUTH2 in one line."""
    return said((b"AUTH XOAUTH2 " + base64.b64encode(b"user=anna\1auth=Bearer %b\1\1" % token.encode()), reply))


def bearer(token: str, reply: bytes, target: bytes = b"") -> list[Step]:
    """OAUTHBEARER in one line."""
    message = b"n,a=anna,\1%bauth=Bearer %b\1\1" % (target, token.encode())
    return said((b"AUTH OAUTHBEARER " + base64.b64encode(message), reply))


class Tokens:
    """Gives one token after the other, and counts."""

    def __init__(self, *tokens: str) -> None:
        self._tokens: Iterator[str] = iter(tokens)
        self.given: list[str] = []

    async def __call__(self) -> str:
        self.given.append(next(self._tokens))
        return self.given[-1]


class Cache:
    """Gives the same token until it is told to refresh it."""

    def __init__(self) -> None:
        self.token, self.refreshed = "old", 0

    async def __call__(self) -> str:
        return self.token

    async def refresh(self) -> str:
        self.refreshed += 1
        self.token = f"new {self.refreshed}"
        return self.token


# -- which mechanism ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("offered", [b"AUTH PLAIN XOAUTH2", b"AUTH=XOAUTH2"])
async def test_xoauth2_is_taken_where_there_is_nothing_else(begin: Begin, offered: bytes) -> None:
    session = begin(*offer(offered), *xoauth2("token", b"235 in"), expect_eof())
    assert await login_by_token(session, "anna", Tokens("token")) == (235, "in")


@pytest.mark.parametrize("offered", [b"AUTH OAUTHBEARER PLAIN", b"AUTH XOAUTH2 OAUTHBEARER"])
async def test_oauthbearer_is_taken_where_it_is_offered(begin: Begin, offered: bytes) -> None:
    session = begin(*offer(offered), *bearer("token", b"235 in"), expect_eof())
    assert await login_by_token(session, "anna", Tokens("token")) == (235, "in")


async def test_oauthbearer_names_the_server(begin: Begin) -> None:
    session = begin(*offer(b"AUTH OAUTHBEARER"), *bearer("token", b"235 in", b"host=mx\1port=587\1"), expect_eof())
    await login_by_token(session, "anna", Tokens("token"), target=("mx", 587))


async def test_a_choice_is_an_order(begin: Begin) -> None:
    session = begin(*offer(b"AUTH OAUTHBEARER XOAUTH2 PLAIN"), *xoauth2("token", b"235 in"), expect_eof())
    await login_by_token(session, "anna", Tokens("token"), mechanisms=["plain", "XOAuth2", "oauthbearer"])


async def test_a_mechanism_that_is_refused_leads_on_to_the_other(begin: Begin) -> None:
    tokens = Tokens("token")
    session = begin(
        *offer(b"AUTH XOAUTH2 OAUTHBEARER"), *bearer("token", b"504 no"), *xoauth2("token", b"235 in"), expect_eof()
    )
    await login_by_token(session, "anna", tokens)
    assert tokens.given == ["token"]


@pytest.mark.parametrize("mechanisms", [None, ["plain", "external"], []])
async def test_a_token_is_not_asked_for_where_it_cannot_be_used(begin: Begin, mechanisms: list[str] | None) -> None:
    offered = b"plain" if mechanisms is None else b"plain xoauth2"
    session = begin(*offer(b"AUTH " + offered), *PARTING)
    with raises(smtp.SMTPNotSupported, match="the server offers plain"):
        await login_by_token(session, "anna", Tokens(), mechanisms=mechanisms)
    await session.quit()


@pytest.mark.parametrize("offered", [b"XOAUTH2", b"OAUTHBEARER"])
async def test_a_token_stays_out_of_the_clear(begin: Begin, offered: bytes) -> None:
    session = begin(*offer(b"AUTH " + offered), *PARTING, dialled=False)
    with raises(smtp.SMTPNotSupported, match="clear"):
        await login_by_token(session, "anna", Tokens("token"))
    await session.quit()


async def test_a_token_goes_in_clear_where_the_caller_says_so(begin: Begin) -> None:
    session = begin(*offer(b"AUTH XOAUTH2"), *xoauth2("token", b"235 in"), expect_eof(), dialled=False)
    await login_by_token(session, "anna", Tokens("token"), allow_cleartext=True)


async def test_a_token_with_a_line_break_is_refused(begin: Begin) -> None:
    session = begin(*offer(b"AUTH XOAUTH2 OAUTHBEARER"), *PARTING)
    with raises(smtp.SMTPAddressError) as caught:
        await login_by_token(session, "anna", Tokens("token\r\nRSET"))
    assert "RSET" not in str(caught.value)
    await session.quit()


# -- another one -------------------------------------------------------------------------------------------------------


async def test_a_refused_token_is_renewed_once(begin: Begin) -> None:
    tokens = Tokens("old", "new")
    session = begin(*offer(b"AUTH XOAUTH2"), *xoauth2("old", b"535 no"), *xoauth2("new", b"235 in"), expect_eof())

    assert await login_by_token(session, "anna", tokens) == (235, "in")
    assert tokens.given == ["old", "new"]


async def test_a_token_that_is_refused_with_an_error_is_renewed_once(begin: Begin) -> None:
    challenge = b"334 " + base64.b64encode(b'{"status":"invalid_token"}')
    refused = [*bearer("old", challenge), *said((b"AQ==", b"535 no"))]
    session = begin(*offer(b"AUTH OAUTHBEARER"), *refused, *bearer("new", b"235 in"), expect_eof())
    await login_by_token(session, "anna", Tokens("old", "new"))


async def test_a_source_with_a_cache_is_told_to_refresh_it(begin: Begin) -> None:
    cache = Cache()
    session = begin(*offer(b"AUTH XOAUTH2"), *xoauth2("old", b"535 no"), *xoauth2("new 1", b"235 in"), expect_eof())
    await login_by_token(session, "anna", cache)
    assert cache.refreshed == 1


async def test_a_second_refusal_is_the_last(begin: Begin) -> None:
    cache, error = Cache(), b"334 " + base64.b64encode(b'{"status":"400"}')
    session = begin(
        *offer(b"AUTH XOAUTH2 OAUTHBEARER"),
        *bearer("old", b"535 first"),
        *bearer("new 1", error),
        *said((b"AQ==", b"535 x")),
    )
    with raises(smtp.SMTPAuthenticationError) as caught:
        await login_by_token(session, "anna", cache)

    assert (caught.value.message, caught.value.detail) == ("x", '{"status":"400"}')
    assert cache.refreshed == 1


async def test_the_same_token_is_not_sent_again(begin: Begin) -> None:
    tokens = Tokens("same", "same")
    session = begin(*offer(b"AUTH XOAUTH2"), *xoauth2("same", b"535 no"), *PARTING)
    with raises(smtp.SMTPAuthenticationError, match="535 no"):
        await login_by_token(session, "anna", tokens)

    assert tokens.given == ["same", "same"]
    await session.quit()


@pytest.mark.parametrize("reply", [b"454 4.7.0 later", b"421 too many", b"534 not by this", b"504 no"])
async def test_no_other_token_is_asked_for_where_this_one_was_not_judged(begin: Begin, reply: bytes) -> None:
    tokens = Tokens("token")
    session = begin(*offer(b"AUTH XOAUTH2"), *xoauth2("token", reply), expect_eof())
    with raises(smtp.SMTPAuthenticationError):
        await login_by_token(session, "anna", tokens)
    assert tokens.given == ["token"]


async def test_what_a_source_raises_is_passed_on(begin: Begin) -> None:
    async def fail() -> str:
        raise LookupError("no refresh token")

    session = begin(*offer(b"AUTH XOAUTH2"), *PARTING)
    with pytest.raises(LookupError, match="no refresh token"):
        await login_by_token(session, "anna", fail)
    await session.quit()
