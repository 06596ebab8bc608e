"""Enhanced status codes: RFC 2034, RFC 3463."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer import smtp
from transfer._wire.reply import Reply
from transfer.smtp._enhanced import EnhancedCode, parse_enhanced_code, strip_enhanced_code
from transfer.smtp._response import response_from

NUMBERS = st.integers(0, 999)


def test_a_code_compares_as_a_tuple_and_reads_as_on_the_wire() -> None:
    code = smtp.EnhancedCode(5, 1, 1)

    assert code == (5, 1, 1)
    assert str(code) == "5.1.1"
    assert (code.class_, code.subject, code.detail) == (5, 1, 1)
    assert pickle.loads(pickle.dumps(code)) == code
    assert smtp.EnhancedCode.__module__ == "transfer.smtp"


@pytest.mark.parametrize(
    ("code", "message", "expected", "explanation"),
    [
        # RFC 2034 §5
        (250, "2.1.0 Originator <ned@ymir.claremont.edu> ok", "2.1.0", "Originator <ned@ymir.claremont.edu> ok"),
        (251, "2.1.5 Recipient ok; forwarding", "2.1.5", "Recipient ok; forwarding"),
        (
            550,
            '5.1.1 Mailbox "nosuchuser" does not exist\n5.1.1 try another',
            "5.1.1",
            'Mailbox "nosuchuser" does not exist\ntry another',
        ),
        (551, "5.7.1 Forwarding to remote hosts disabled", "5.7.1", "Forwarding to remote hosts disabled"),
        (535, "5.7.8 Bad credentials", "5.7.8", "Bad credentials"),
        (454, "4.7.0 later", "4.7.0", "later"),
        (550, "5.7.1", "5.7.1", ""),
        (550, "5.7.509  two spaces", "5.7.509", "two spaces"),
        (550, "5.999.999\ttab", "5.999.999", "tab"),
        (452, "4.2.2 quota 4.2.2 twice", "4.2.2", "quota 4.2.2 twice"),
    ],
)
def test_a_code_is_read_and_taken_off_the_text(code: int, message: str, expected: str, explanation: str) -> None:
    response = smtp.SMTPResponse(code, message)

    assert str(response.enhanced_code) == expected
    assert response.explanation == explanation
    assert response == (code, message)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (250, "OK"),
        (250, ""),
        (535, "4.7.0 the class is another's"),
        (250, "5.1.1 so is this"),
        (354, "3.0.0 there is no class 3"),
        (-1, "5.1.1 no reply of the server's"),
        (550, "5.1.1 on the first line\nonly"),
        (550, "on the last line\n5.1.1 only"),
        (550, "5.1.1 one\n5.1.2 another"),
        (550, "5.1.1 and then nothing\n"),
        (550, "5.1.1234 too many digits"),
        (550, "5.1000.1 too many digits"),
        (550, "5.01.1 a leading zero"),
        (550, "5.1.01 a leading zero"),
        (550, "5.1 of two parts"),
        (550, "5.1.1.1 of four parts"),
        (550, "5.1.1: no space"),
        (550, " 5.1.1 not at the beginning"),
        (550, "5.1.\u0661 another script's digit"),
        (220, "5.1.1.example ESMTP"),
    ],
)
def test_what_is_no_code_stays_text(code: int, message: str) -> None:
    response = smtp.SMTPResponse(code, message)

    assert response.enhanced_code is None
    assert response.explanation == message


def test_the_code_of_a_reply_of_several_lines_is_on_each() -> None:
    response = response_from(Reply(550, ("5.7.1 spam", "5.7.1 see https://example.org")))

    assert response.enhanced_code == (5, 7, 1)
    assert response.explanation == "spam\nsee https://example.org"


def test_errors_tell_it_too() -> None:
    error = smtp.SMTPRecipientRefused(550, "5.1.1 no such user", "ben@example.net")

    assert error.enhanced_code == (5, 1, 1)
    assert error.explanation == "no such user"
    assert error.message == "5.1.1 no such user"
    assert smtp.SMTPProtocolError(-1, "5.1.1 garbage").enhanced_code is None


@given(st.sampled_from([2, 4, 5]), NUMBERS, NUMBERS, st.lists(st.text().map(lambda text: text.replace("\n", ""))))
def test_any_code_is_found_on_any_text(digit: int, subject: int, detail: int, lines: list[str]) -> None:
    code = EnhancedCode(digit, subject, detail)
    stripped = [line.lstrip(" \t") for line in lines] or [""]
    message = "\n".join(f"{code} {line}" for line in stripped)

    assert parse_enhanced_code(digit * 100 + 50, message) == code
    assert strip_enhanced_code(digit * 100 + 50, message) == "\n".join(stripped)


@given(st.integers(100, 599), st.text(alphabet="0123456789. \n\ta"))
def test_any_text_is_read_or_left_alone(code: int, message: str) -> None:
    found = parse_enhanced_code(code, message)

    if found is None:
        assert strip_enhanced_code(code, message) == message
    else:
        assert found.class_ == code // 100
        assert all(line.startswith(str(found)) for line in message.split("\n"))
