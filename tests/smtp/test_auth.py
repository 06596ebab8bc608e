from __future__ import annotations

import base64

import pytest

from transfer.smtp import _auth as sasl
from transfer.smtp._errors import SMTPAddressError, SMTPAuthenticationError, SMTPNotSupported
from transfer.smtp._mechanism import Mechanism

# RFC 2195 §2 gives this exchange.
RFC_2195_CHALLENGE = b"<1896.697170952@postoffice.reston.mci.net>"
RFC_2195_ANSWER = b"tim b913a602c7eda7a495b4e6e7334d3890"


def test_plain_says_everything_at_once() -> None:
    assert sasl.PLAIN("tim", "tanstaaftanstaaf").initial() == b"\0tim\0tanstaaftanstaaf"


def test_plain_repeats_itself_once_for_a_server_that_did_not_listen() -> None:
    mechanism = sasl.PLAIN("tim", "pass")

    assert mechanism.respond(b"") == mechanism.initial()
    with pytest.raises(SMTPAuthenticationError, match="no second step"):
        mechanism.respond(b"")
    with pytest.raises(SMTPAuthenticationError, match="no second step"):
        sasl.PLAIN("tim", "pass").respond(b"more?")


@pytest.mark.parametrize(("username", "password", "what"), [("a\0b", "c", "user name"), ("a", b"\0", "password")])
def test_plain_has_no_place_for_a_nul(username: str, password: str | bytes, what: str) -> None:
    with pytest.raises(SMTPAddressError, match=f"NUL in the {what}"):
        sasl.PLAIN(username, password).initial()
    with pytest.raises(SMTPAddressError, match=f"NUL in the {what}"):
        sasl.auth_plain_encode(username, password)


def test_login_answers_in_order_whatever_is_asked() -> None:
    mechanism: Mechanism = sasl.LOGIN("tim", b"p\xe4ss")

    assert mechanism.initial() is None
    assert mechanism.respond(b"Benutzer?") == b"tim"
    assert mechanism.respond(b"") == b"p\xe4ss"
    with pytest.raises(SMTPAuthenticationError, match="no third step"):
        mechanism.respond(b"Password:")


def test_cram_md5_answers_the_standards_example() -> None:
    mechanism: Mechanism = sasl.CRAMMD5("tim", "tanstaaftanstaaf")

    assert mechanism.initial() is None
    assert mechanism.respond(RFC_2195_CHALLENGE) == RFC_2195_ANSWER
    with pytest.raises(SMTPAuthenticationError, match="no second step"):
        mechanism.respond(RFC_2195_CHALLENGE)


def test_external_names_whom_to_act_as_or_nobody() -> None:
    assert sasl.EXTERNAL().initial() == b""
    assert sasl.EXTERNAL("anna").initial() == b"anna"
    assert sasl.EXTERNAL(b"\xc3\xa4").initial() == sasl.EXTERNAL("\u00e4").initial()
    with pytest.raises(SMTPAddressError, match="NUL"):
        sasl.EXTERNAL("an\0na").initial()


def test_external_repeats_itself_once_for_a_server_that_did_not_listen() -> None:
    mechanism = sasl.EXTERNAL("anna")

    assert mechanism.respond(b"") == b"anna"
    with pytest.raises(SMTPAuthenticationError, match="no second step"):
        mechanism.respond(b"")
    with pytest.raises(SMTPAuthenticationError, match="no second step"):
        sasl.EXTERNAL("anna").respond(b"who?")


def test_only_what_shows_the_password_is_revealing() -> None:
    assert sasl.PLAIN("a", "b").is_revealing
    assert sasl.LOGIN("a", "b").is_revealing
    assert not sasl.CRAMMD5("a", "b").is_revealing
    assert not sasl.EXTERNAL("a").is_revealing


def test_cram_md5_says_so_where_its_digest_is_missing() -> None:
    with pytest.raises(SMTPNotSupported, match="needs MD5"):
        sasl._join_crammd5("tim", "pass", b"", digest="no-such-digest")


@pytest.mark.parametrize(
    "mechanism",
    [
        sasl.PLAIN("tim", "sesame"),
        sasl.LOGIN("tim", "sesame"),
        sasl.CRAMMD5("tim", "sesame"),
        sasl.EXTERNAL("tim"),
    ],
    ids=["PLAIN", "LOGIN", "CRAM-MD5", "EXTERNAL"],
)
def test_a_mechanism_knows_its_name_and_hides_its_secret(mechanism: Mechanism, request: pytest.FixtureRequest) -> None:
    assert mechanism.name == request.node.callspec.id
    assert "tim" in repr(mechanism)
    assert "sesame" not in repr(mechanism)


def test_credentials_are_utf8() -> None:
    assert sasl.PLAIN("j\u00f6rg", "p\u00e4ss").initial() == "\0j\u00f6rg\0p\u00e4ss".encode()


def test_the_helpers_that_programs_import_encode_in_base64() -> None:
    challenge = base64.b64encode(RFC_2195_CHALLENGE)

    assert sasl.auth_plain_encode("tim", b"pass") == base64.b64encode(b"\0tim\0pass")
    assert sasl.auth_login_encode("tim", "pass") == (b"dGlt", b"cGFzcw==")
    for given in (challenge, challenge.decode()):
        answer = sasl.auth_crammd5_verify("tim", "tanstaaftanstaaf", given)
        assert answer == base64.b64encode(RFC_2195_ANSWER)


@pytest.mark.parametrize("challenge", ["abc", b"abc", "\u00e4"])
def test_the_cram_md5_helper_refuses_what_is_not_base64(challenge: str | bytes) -> None:
    with pytest.raises(SMTPAuthenticationError, match="not base64"):
        sasl.auth_crammd5_verify("tim", "pass", challenge)
