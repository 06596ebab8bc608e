from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from functools import partial

import pytest

from tests.peers import Step, close, expect, expect_eof, send
from tests.smtp.support import PARTING, Begin, raises, said
from transfer import smtp
from transfer.smtp._auth import CRAMMD5, LOGIN, PLAIN
from transfer.smtp._mechanism import Mechanism
from transfer.smtp._oauth import XOAUTH2


def b64(text: bytes) -> bytes:
    return base64.b64encode(text)


LOG_IN = b64(b"\0anna\0secret")
CRAMMD5_OF_1 = b64(b"anna " + hmac.new(b"secret", b"<1@x>", "md5").hexdigest().encode())


# -- mechanisms --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mechanism", "exchanges"),
    [
        (partial(PLAIN, "anna", "secret"), [(b"AUTH PLAIN " + LOG_IN, b"235 in")]),
        (partial(PLAIN, "anna", "secret"), [(b"AUTH PLAIN " + LOG_IN, b"334 "), (LOG_IN, b"235 in")]),
        (
            partial(LOGIN, "anna", "sécret"),
            [
                (b"AUTH LOGIN", b"334 " + b64(b"Username:")),
                (b64(b"anna"), b"334 " + b64(b"Password:")),
                (b64("sécret".encode()), b"235 in"),
            ],
        ),
        (partial(LOGIN, "", ""), [(b"AUTH LOGIN", b"334"), (b"", b"334"), (b"", b"235 in")]),
        # The example of RFC 2195 §2.
        (
            partial(CRAMMD5, "tim", "tanstaaftanstaaf"),
            [
                (b"AUTH CRAM-MD5", b"334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+"),
                (b"dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw", b"235 in"),
            ],
        ),
        (partial(XOAUTH2, "anna", "token"), [(b"AUTH XOAUTH2 " + b64(b"user=anna\1auth=Bearer token\1\1"), b"235 in")]),
    ],
    ids=["PLAIN", "PLAIN asked again", "LOGIN", "LOGIN with nothing", "CRAM-MD5", "XOAUTH2"],
)
async def test_each_mechanism_answers_as_it_should(
    begin: Begin, mechanism: Callable[[], Mechanism], exchanges: list[tuple[bytes, bytes]]
) -> None:
    steps = [step for line, reply in exchanges for step in (expect(line + b"\r\n"), send(reply + b"\r\n"))]
    session = begin(*steps, expect_eof())

    assert await session.authenticate(mechanism()) == (235, "in")


async def test_a_refused_token_brings_the_servers_own_error(begin: Begin) -> None:
    token = XOAUTH2("anna", "old")
    session = begin(
        expect(b"AUTH XOAUTH2 " + b64(b"user=anna\1auth=Bearer old\1\1") + b"\r\n"),
        send(b"334 " + b64(b'{"status":"400"}') + b"\r\n"),
        expect(b"\r\n"),
        send(b"535 5.7.8 no\r\n"),
        *PARTING,
    )
    with raises(smtp.SMTPAuthenticationError) as caught:
        await session.authenticate(token)

    assert caught.value.code == 535
    assert caught.value.detail == token.error == '{"status":"400"}'
    assert str(caught.value).startswith('AUTH **** was answered: 535 5.7.8 no ({"status":"400"})')
    await session.quit()


@pytest.mark.parametrize(("code", "retryable"), [(535, False), (534, False), (454, True), (432, True)])
async def test_a_refused_login_shows_no_secret(begin: Begin, code: int, retryable: bool) -> None:
    session = begin(*said((b"AUTH PLAIN " + LOG_IN, b"%d no" % code)), *PARTING)
    with raises(smtp.SMTPAuthenticationError) as caught:
        await session.authenticate(PLAIN("anna", "secret"))

    error = caught.value
    assert (error.code, error.retryable) == (code, retryable)
    assert error.command == "AUTH ****"
    for shown in (str(error), repr(error), repr(error.args), repr(error.__dict__)):
        assert "secret" not in shown
        assert LOG_IN.decode() not in shown
    await session.quit()


@pytest.mark.parametrize(
    ("mechanism", "first", "answers"),
    [
        (partial(PLAIN, "anna", "secret"), b"AUTH PLAIN " + LOG_IN, [b"334 what?"]),
        (partial(PLAIN, "anna", "secret"), b"AUTH PLAIN " + LOG_IN, [b"334 bW9yZQ=="]),
        (partial(PLAIN, "anna", "secret"), b"AUTH PLAIN " + LOG_IN, [b"334 \xff\xff"]),
        (partial(CRAMMD5, "anna", "secret"), b"AUTH CRAM-MD5", [b"334 ==="]),
    ],
    ids=["no base64", "a question that has no answer", "not even ASCII", "only padding"],
)
async def test_a_strange_challenge_is_called_off(
    begin: Begin, mechanism: Callable[[], Mechanism], first: bytes, answers: list[bytes]
) -> None:
    """RFC 4954 §4: "*" ends the exchange, and the connection goes on."""
    session = begin(*said((first, answers[0]), (b"*", b"501 cancelled")), *PARTING)
    with raises(smtp.SMTPAuthenticationError) as caught:
        await session.authenticate(mechanism())

    assert caught.value.code == 334
    await session.quit()


async def test_a_third_question_is_called_off(begin: Begin) -> None:
    session = begin(
        *said((b"AUTH LOGIN", b"334 VXNlcg=="), (b64(b"anna"), b"334 UGFzcw=="), (b64(b"secret"), b"334 TW9yZQ==")),
        *said((b"*", b"501 cancelled")),
        *PARTING,
    )
    with raises(smtp.SMTPAuthenticationError, match="third step"):
        await session.authenticate(LOGIN("anna", "secret"))
    await session.quit()


@pytest.mark.parametrize(
    ("end", "is_open"), [(send(b"334 more\r\n"), False), (send(b"nonsense\r\n"), False), (close(), False)], ids=str
)
async def test_a_server_that_does_not_let_go_is_left(begin: Begin, end: Step, is_open: bool) -> None:
    """What the caller hears of is the challenge, not what became of calling it off."""
    session = begin(*said((b"AUTH CRAM-MD5", b"334 ?")), expect(b"*\r\n"), end)
    with raises(smtp.SMTPAuthenticationError, match="not base64"):
        await session.authenticate(CRAMMD5("anna", "secret"))

    assert session.channel.is_open is is_open


@pytest.mark.parametrize(("username", "token"), [("an\1na", "t"), ("anna", "t\r\nRSET"), ("anna", "\ud800")])
async def test_credentials_that_a_mechanism_cannot_carry_are_refused_unsent(
    begin: Begin, username: str, token: str
) -> None:
    session = begin(*PARTING)
    with raises(smtp.SMTPAddressError) as caught:
        await session.authenticate(XOAUTH2(username, token))

    assert "RSET" not in str(caught.value)
    await session.quit()


async def test_an_answer_that_cannot_be_sent_is_called_off(begin: Begin) -> None:
    session = begin(*said((b"AUTH LOGIN", b"334 VXNlcg=="), (b"*", b"501 cancelled")), *PARTING)
    with raises(smtp.SMTPAddressError, match="longer than"):
        await session.authenticate(LOGIN("x" * 9000, "secret"))
    await session.quit()


async def test_an_answer_that_breaks_the_protocol_closes(begin: Begin) -> None:
    session = begin(*said((b"AUTH PLAIN " + LOG_IN, b"150 wait")), expect_eof())
    with raises(smtp.SMTPProtocolError):
        await session.authenticate(PLAIN("anna", "secret"))

    assert not session.channel.is_open


# -- privacy -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mechanism",
    [partial(PLAIN, "a", "b"), partial(LOGIN, "a", "b"), partial(XOAUTH2, "a", "b")],
    ids=["PLAIN", "LOGIN", "XOAUTH2"],
)
async def test_no_password_leaves_the_host_in_clear(begin: Begin, mechanism: Callable[[], Mechanism]) -> None:
    session = begin(*PARTING, dialled=False)
    assert not session.is_private
    with raises(smtp.SMTPNotSupported, match="allow_cleartext_auth"):
        await session.authenticate(mechanism())
    await session.quit()


async def test_a_password_leaves_in_clear_where_the_caller_says_so(begin: Begin) -> None:
    session = begin(*said((b"AUTH PLAIN " + LOG_IN, b"235 in")), expect_eof(), dialled=False)
    await session.authenticate(PLAIN("anna", "secret"), allow_cleartext=True)


async def test_a_proof_may_leave_in_clear(begin: Begin) -> None:
    session = begin(
        *said((b"AUTH CRAM-MD5", b"334 " + b64(b"<1@x>")), (CRAMMD5_OF_1, b"235 in")), expect_eof(), dialled=False
    )
    await session.authenticate(CRAMMD5("anna", "secret"))
