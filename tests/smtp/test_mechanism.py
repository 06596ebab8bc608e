"""What all mechanisms share, and how their messages look on the wire."""

from __future__ import annotations

import traceback

import pytest

from transfer.smtp import _mechanism as sasl
from transfer.smtp._errors import SMTPAddressError, SMTPAuthenticationError


class Knock(sasl.Mechanism):
    """As little as a mechanism of a user's own can be."""

    name = "KNOCK"

    def respond(self, challenge: bytes) -> bytes:
        return challenge[::-1]


class Stranger:
    """What is a mechanism by its members alone."""

    name = "STRANGER"
    is_revealing = False
    error: str | None = None

    def initial(self) -> bytes:
        return b"hello"

    async def respond(self, challenge: bytes) -> bytes:
        return challenge

    def finish(self) -> None:
        raise NotImplementedError


def test_a_mechanism_needs_a_name_and_an_answer_and_is_careful_otherwise() -> None:
    mechanism: sasl.Mechanism = Knock()

    assert mechanism.is_revealing
    assert mechanism.initial() is None
    assert mechanism.error is None
    mechanism.finish()


def test_a_mechanism_needs_no_base() -> None:
    mechanism: sasl.Mechanism = Stranger()
    assert mechanism.initial() == b"hello"


def test_a_mechanism_without_an_answer_is_none() -> None:
    class Silent(sasl.Mechanism):
        name = "SILENT"

    with pytest.raises(TypeError, match="respond"):
        Silent()  # type: ignore[abstract]  # that is what is tested


def test_a_credential_without_utf8_is_refused_without_showing_it() -> None:
    with pytest.raises(SMTPAddressError, match="lone surrogate") as caught:
        sasl.to_octets("sesame\udc80")

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
