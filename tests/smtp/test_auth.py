from __future__ import annotations

import base64
import traceback

import pytest

from transfer.smtp import _auth as sasl
from transfer.smtp._errors import SMTPAddressError, SMTPAuthenticationError, SMTPNotSupported

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
    mechanism: sasl.Mechanism = sasl.LOGIN("tim", b"p\xe4ss")

    assert mechanism.initial() is None
    assert mechanism.respond(b"Benutzer?") == b"tim"
    assert mechanism.respond(b"") == b"p\xe4ss"
    with pytest.raises(SMTPAuthenticationError, match="no third step"):
        mechanism.respond(b"Password:")


def test_cram_md5_answers_the_standards_example() -> None:
    mechanism: sasl.Mechanism = sasl.CRAMMD5("tim", "tanstaaftanstaaf")

    assert mechanism.initial() is None
    assert mechanism.respond(RFC_2195_CHALLENGE) == RFC_2195_ANSWER
    with pytest.raises(SMTPAuthenticationError, match="no second step"):
        mechanism.respond(RFC_2195_CHALLENGE)


def test_cram_md5_says_so_where_its_digest_is_missing() -> None:
    with pytest.raises(SMTPNotSupported, match="needs MD5"):
        sasl._join_crammd5("tim", "pass", b"", digest="no-such-digest")


def test_xoauth2_keeps_the_servers_error_and_lets_it_refuse() -> None:
    mechanism = sasl.XOAUTH2("someuser@example.com", "ya29.vF9dft4")

    assert mechanism.initial() == b"user=someuser@example.com\x01auth=Bearer ya29.vF9dft4\x01\x01"
    assert mechanism.respond(b'{"status":"401"}') == b""
    assert mechanism.error == b'{"status":"401"}'
    with pytest.raises(SMTPAuthenticationError, match="no third step"):
        mechanism.respond(b"")


@pytest.mark.parametrize("control", [*map(chr, range(0x20)), "\x7f"], ids=ascii)
def test_xoauth2_has_no_place_for_a_control_character(control: str) -> None:
    with pytest.raises(SMTPAddressError, match="control character in the user name"):
        sasl.XOAUTH2(f"a{control}", "token").initial()
    with pytest.raises(SMTPAddressError, match="control character in the access token"):
        sasl.auth_xoauth2_encode("a", f"tok{control}en")


@pytest.mark.parametrize(
    "mechanism",
    [
        sasl.PLAIN("tim", "sesame"),
        sasl.LOGIN("tim", "sesame"),
        sasl.CRAMMD5("tim", "sesame"),
        sasl.XOAUTH2("tim", "sesame"),
    ],
    ids=["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"],
)
def test_a_mechanism_knows_its_name_and_hides_its_secret(
    mechanism: sasl.Mechanism, request: pytest.FixtureRequest
) -> None:
    assert mechanism.name == request.node.callspec.id
    assert "tim" in repr(mechanism)
    assert "sesame" not in repr(mechanism)


def test_credentials_are_utf8() -> None:
    assert sasl.PLAIN("j\u00f6rg", "p\u00e4ss").initial() == "\0j\u00f6rg\0p\u00e4ss".encode()


def test_a_credential_without_utf8_is_refused_without_showing_it() -> None:
    with pytest.raises(SMTPAddressError, match="lone surrogate") as caught:
        sasl.auth_login_encode("tim", "sesame\udc80")

    shown = "".join(traceback.format_exception(caught.value))
    assert "sesame" not in shown.replace('"sesame', "")
    assert caught.value.__context__ is None


def test_challenges_and_responses_are_base64() -> None:
    assert sasl.decode_challenge(" VXNlcm5hbWU6 ") == b"Username:"
    assert sasl.decode_challenge("") == b""
    assert sasl.encode_response(b"tim") == b"dGlt"
    assert sasl.encode_response(b"") == b""


@pytest.mark.parametrize("text", ["go ahead", "====", "dGl", "d\u00f6", "\udc80"])
def test_a_challenge_that_is_not_base64_is_refused(text: str) -> None:
    with pytest.raises(SMTPAuthenticationError, match="not base64") as caught:
        sasl.decode_challenge(text)
    assert caught.value.code == 334


def test_the_helpers_that_programs_import_encode_in_base64() -> None:
    challenge = base64.b64encode(RFC_2195_CHALLENGE)

    assert sasl.auth_plain_encode("tim", b"pass") == base64.b64encode(b"\0tim\0pass")
    assert sasl.auth_login_encode("tim", "pass") == (b"dGlt", b"cGFzcw==")
    assert sasl.auth_xoauth2_encode(b"a", b"b") == base64.b64encode(b"user=a\x01auth=Bearer b\x01\x01")
    for given in (challenge, challenge.decode()):
        answer = sasl.auth_crammd5_verify("tim", "tanstaaftanstaaf", given)
        assert answer == base64.b64encode(RFC_2195_ANSWER)


@pytest.mark.parametrize("challenge", ["abc", b"abc", "\u00e4"])
def test_the_cram_md5_helper_refuses_what_is_not_base64(challenge: str | bytes) -> None:
    with pytest.raises(SMTPAuthenticationError, match="not base64"):
        sasl.auth_crammd5_verify("tim", "pass", challenge)
