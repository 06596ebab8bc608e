"""The messages of the mechanisms that take an access token, and where the token comes from."""

from __future__ import annotations

import base64

import pytest

from transfer.smtp import _oauth as oauth
from transfer.smtp._errors import SMTPAddressError, SMTPAuthenticationError

CONTROLS = [*map(chr, range(0x20)), "\x7f"]
BOTH = pytest.mark.parametrize("mechanism", [oauth.XOAUTH2, oauth.OAUTHBEARER], ids=["XOAUTH2", "OAUTHBEARER"])


def test_xoauth2_gives_name_and_token() -> None:
    message = oauth.XOAUTH2("someuser@example.com", "ya29.vF9dft4").initial()
    assert message == b"user=someuser@example.com\x01auth=Bearer ya29.vF9dft4\x01\x01"


def test_oauthbearer_gives_the_standards_example() -> None:
    """RFC 7628 §4.1."""
    mechanism = oauth.OAUTHBEARER("user@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==")
    mechanism.host, mechanism.port = "server.example.com", 143

    assert mechanism.initial() == base64.b64decode(
        "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyI"
        "HZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB"
    )


@pytest.mark.parametrize(
    ("username", "head"),
    [("", b"n,,"), ("a,b=c", b"n,a=a=2Cb=3Dc,"), ("j\u00f6rg", "n,a=j\u00f6rg,".encode()), (b"\xff", b"n,a=\xff,")],
)
def test_oauthbearer_writes_names_as_gs2_has_them(username: str | bytes, head: bytes) -> None:
    """RFC 5801 §4."""
    assert oauth.OAUTHBEARER(username, "token").initial() == head + b"\x01auth=Bearer token\x01\x01"


@pytest.mark.parametrize(("mechanism", "answer"), [(oauth.XOAUTH2, b""), (oauth.OAUTHBEARER, b"\x01")])
def test_the_servers_error_is_kept_and_answered_so_that_it_refuses(
    mechanism: type[oauth.XOAUTH2 | oauth.OAUTHBEARER], answer: bytes
) -> None:
    attempt = mechanism("anna", "token")

    assert mechanism("anna", "token").error is None
    assert attempt.respond(b'{"status":"401"}') == answer
    assert attempt.error == '{"status":"401"}'
    with pytest.raises(SMTPAuthenticationError, match="no third step"):
        attempt.respond(b"")


@BOTH
def test_an_error_shows_no_token_and_is_no_flood(mechanism: type[oauth.XOAUTH2 | oauth.OAUTHBEARER]) -> None:
    quoting, flooding = mechanism("anna", "ya29.token"), mechanism("anna", "")
    quoting.respond(b'{"bad":"ya29.token"}\xff')
    flooding.respond(b"x" * 6000)

    assert quoting.error == '{"bad":"****"}\ufffd'
    assert flooding.error == "x" * 1000


@BOTH
@pytest.mark.parametrize("control", CONTROLS, ids=ascii)
def test_no_control_character_gets_into_a_message(
    mechanism: type[oauth.XOAUTH2 | oauth.OAUTHBEARER], control: str
) -> None:
    with pytest.raises(SMTPAddressError, match="control character in the user name"):
        mechanism(f"a{control}", "token").initial()
    with pytest.raises(SMTPAddressError, match="control character in the access token"):
        mechanism("a", f"tok{control}en").initial()


@BOTH
def test_a_token_is_revealing_and_hidden(mechanism: type[oauth.XOAUTH2 | oauth.OAUTHBEARER]) -> None:
    attempt = mechanism("anna", "sesame")

    assert attempt.name == mechanism.__name__
    assert attempt.is_revealing
    assert "anna" in repr(attempt)
    assert "sesame" not in repr(attempt)


def test_the_helper_that_programs_import_encodes_in_base64() -> None:
    assert oauth.auth_xoauth2_encode(b"a", b"b") == base64.b64encode(b"user=a\x01auth=Bearer b\x01\x01")
    with pytest.raises(SMTPAddressError, match="control character"):
        oauth.auth_xoauth2_encode("a", "\n")


# -- where tokens come from --------------------------------------------------------------------------------------------


async def test_a_function_is_asked_again() -> None:
    tokens = iter(["first", "second"])

    async def give() -> str:
        return next(tokens)

    assert [await oauth.renew(give), await oauth.renew(give)] == ["first", "second"]


async def test_a_source_is_told_to_forget_the_token_that_it_keeps() -> None:
    class Source:
        async def __call__(self) -> str:
            return "cached"

        async def refresh(self) -> str:
            return "fresh"

    source: oauth.TokenSource = Source()
    assert await source() == "cached"
    assert await oauth.renew(source) == "fresh"
