"""Long lines in message objects, and eight bits where only seven pass: encoded in a copy, or refused with a reason."""

from __future__ import annotations

import base64
import email
import email.policy
from email.message import EmailMessage, Message
from email.mime.application import MIMEApplication
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.smtp.test_flatten import message_state
from transfer.smtp import LinePolicy, SMTPMessageError
from transfer.smtp._lines import LINE_LIMIT, has_long_line
from transfer.smtp._message import flatten_message

LONG = "y" * (LINE_LIMIT + 1)


def part_of(text: str, *headers: tuple[str, str]) -> Message:
    part: Message = Message()
    for name, value in headers:
        part[name] = value
    part.set_payload(text)
    return part


def mended(message: Any, **options: Any) -> Any:
    """What a reader makes of *message* after it was sent; the object was left alone."""
    before = message_state(message)
    flat = flatten_message(message, **options)
    assert message_state(message) == before
    assert not has_long_line(flat)
    assert flat.count(b"\r") == flat.count(b"\n") == flat.count(b"\r\n")
    return email.message_from_bytes(flat, policy=email.policy.default)


def content_of(part: Any) -> bytes:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.removesuffix(b"\r\n")


# -- parts -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "encoding"),
    [(LONG, "quoted-printable"), ("\u20ac" * 999, "base64"), ("a\n" + LONG + "\n\nb =20", "quoted-printable")],
    ids=["ascii", "other", "lines"],
)
@pytest.mark.parametrize("before", [None, "7bit", "8bit", "binary"])
def test_a_long_line_is_encoded_as_is_shorter(text: str, encoding: str, before: str | None) -> None:
    headers = [] if before is None else [("Content-Transfer-Encoding", before)]
    message = part_of(text.encode().decode("ascii", "surrogateescape"), ("Subject", "x"), *headers)
    found = mended(message)

    assert found["Content-Transfer-Encoding"] == encoding
    assert found["MIME-Version"] == "1.0"
    assert found.items()[0] == ("Subject", "x")
    assert content_of(found) == text.replace("\n", "\r\n").encode()


def test_only_the_part_with_the_long_line_changes() -> None:
    short, attached = MIMEText("short\n"), MIMEApplication(bytes(2000))
    inner = MIMEMultipart("alternative", boundary="inner")
    inner.attach(short)
    inner.attach(part_of(f"<p>{LONG}</p>", ("Content-Type", "text/html; charset=utf-8")))
    message = MIMEMultipart(boundary="outer")
    message.attach(inner)
    message.attach(attached)
    found = list(mended(message).walk())

    assert found[3]["Content-Transfer-Encoding"] == "quoted-printable"
    assert "MIME-Version" not in found[3]
    assert content_of(found[3]) == f"<p>{LONG}</p>".encode()
    plain, octets = flatten_message(short), flatten_message(attached)
    assert plain.strip() in flatten_message(message)
    assert octets.strip() in flatten_message(message)


def test_a_message_in_a_message_is_encoded_inside() -> None:
    found = mended(MIMEMessage(part_of(LONG, ("Subject", "inner"))))
    inner = found.get_payload(0)
    assert inner["MIME-Version"] == "1.0"
    assert content_of(inner) == LONG.encode()


def test_an_encoding_with_long_lines_gets_short_ones() -> None:
    octets = bytes(range(256)) * 8
    packed = part_of(base64.b64encode(octets).decode(), ("Content-Transfer-Encoding", "BASE64 "))
    assert mended(packed).get_payload(decode=True) == octets

    quoted = part_of(
        "a=3D=\nb " + "=C3=A9x." * 300 + "=\n c =20\n=0D=0Ad\n", ("Content-Transfer-Encoding", "quoted-printable")
    )
    assert content_of(mended(quoted)).replace(b"\r\n", b"\n") == quoted.get_payload(decode=True).rstrip(  # type: ignore[union-attr]
        b"\n"
    ).replace(b"\r\n", b"\n")


def test_binary_octets_stay_as_they_are() -> None:
    octets = b"a\nb\r" + LONG.encode() + b"\0\xff"
    message = part_of(
        octets.decode("ascii", "surrogateescape"),
        ("Content-Type", "application/x"),
        ("Content-Transfer-Encoding", "binary"),
    )
    assert mended(message).get_payload(decode=True) == octets


@given(st.lists(st.sampled_from(["a", " ", "\t", ".", "=", "\u00e9", "\n", "\r\n", "y" * 999, "From "]), max_size=12))
def test_whatever_is_encoded_reads_the_same(pieces: list[str]) -> None:
    text = LONG + "".join(pieces)
    message = part_of(text.encode().decode("ascii", "surrogateescape"), ("Content-Type", "text/plain; charset=utf-8"))
    wanted = text.replace("\r\n", "\n").encode()
    assert content_of(mended(message)).replace(b"\r\n", b"\n") == wanted.removesuffix(b"\n")


def test_a_message_of_the_newer_kind_is_mended_too() -> None:
    message = EmailMessage()
    message["From"] = "a@b.c"
    message.set_content("x\n")
    message.add_alternative(f"<p>{LONG}</p>\n", subtype="html", cte="7bit")
    found = mended(message)
    assert found.get_body(("html",)).get_content() == f"<p>{LONG}</p>\r\n"


# -- headers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", [email.policy.default, email.policy.compat32, email.policy.HTTP], ids=repr)
@pytest.mark.parametrize("name", ["Subject", "To", "References", "X-Other"])
def test_a_long_header_is_folded_at_its_white_space(name: str, policy: Any) -> None:
    value = ", ".join(f"reader{number}@x.example" for number in range(200))
    message = email.message_from_bytes(f"{name}: {value}\r\nA: b\r\n\r\nx\r\n".encode(), policy=policy)
    found = mended(message)
    assert found.items()[:2] == [(name, value), ("A", "b")]
    assert content_of(found) == b"x"


def test_a_header_without_white_space_is_named() -> None:
    message = email.message_from_string(f"X-Token: {LONG}\n\nx", policy=email.policy.default)
    for wrong in (message, part_of("x", ("X-Token", LONG)), parent(part_of("x", ("X-Token", LONG)))):
        with pytest.raises(SMTPMessageError, match=r"the header 'X-Token' has a line .* no white space to fold it at"):
            flatten_message(wrong)
        assert has_long_line(flatten_message(wrong, line_policy=LinePolicy.ANY))


# -- what is refused ---------------------------------------------------------------------------------------------------


def signed(part: Message) -> Message:
    message = MIMEMultipart("signed", boundary="s")
    message.attach(part)
    return message


def dkim(part: Message) -> Message:
    part["DKIM-Signature"] = "v=1; b=abc"
    return part


def parent(part: Message, **texts: str) -> MIMEMultipart:
    message = MIMEMultipart(boundary="b")
    message.attach(part)
    for name, text in texts.items():
        setattr(message, name, text)
    return message


REFUSED = {
    "signed": (signed(part_of(LONG)), r"part 1 \(text/plain\) has a line of more than 998 .* multipart/signed"),
    "signed below": (signed(parent(MIMEMessage(part_of(LONG)))), r"part 1\.1\.1 \(text/plain\) .* multipart/signed"),
    "signed header": (signed(part_of("x", ("X-A", "word " * 300))), r"the header 'X-A' has a line .* is signed"),
    "DKIM": (dkim(part_of(LONG)), r"the message \(text/plain\) has a line .* DKIM-Signature"),
    "DKIM above": (dkim(parent(part_of(LONG))), r"part 1 \(text/plain\) has a line .* DKIM-Signature"),
    "preamble": (
        parent(part_of("x"), preamble=LONG),
        r"the message \(multipart/mixed\) has a line .* before or behind",
    ),
    "epilogue": (
        parent(part_of("x"), epilogue=LONG),
        r"the message \(multipart/mixed\) has a line .* before or behind",
    ),
    "text of a message": (part_of(LONG, ("Content-Type", "message/partial")), r"\(message/partial\) .*RFC 2045 §6\.4"),
    "text of parts": (part_of(LONG, ("Content-Type", "multipart/x")), r"\(multipart/x\) .*RFC 2045 §6\.4"),
    "unknown": (part_of(LONG, ("Content-Transfer-Encoding", "x-own")), r"its encoding is 'x-own'"),
}


@pytest.mark.parametrize(("message", "text"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_encoded_is_refused_by_name(message: Message, text: str) -> None:
    before = message_state(message)
    with pytest.raises(SMTPMessageError, match=text):
        flatten_message(message)
    assert message_state(message) == before
    assert has_long_line(flatten_message(message, line_policy=LinePolicy.ANY)) or "header" in text


def test_what_is_signed_and_short_is_sent() -> None:
    message = parent(signed(part_of("x", ("X-A", "word " * 30))))
    message.attach(part_of(LONG))
    assert b"X-A: " + b"word " * 30 in flatten_message(message)


@pytest.mark.parametrize("source", [f"A: b\n\n{LONG}", f"Subject: {'word ' * 300}\n\nx"], ids=["body", "header"])
def test_the_strict_policy_mends_nothing(source: str) -> None:
    message = email.message_from_string(source, policy=email.policy.default)
    with pytest.raises(SMTPMessageError, match=r"line \d .* has \d+ octets, more than 998"):
        flatten_message(message, line_policy=LinePolicy.STRICT)
    assert flatten_message(part_of("a\nb"), line_policy=LinePolicy.STRICT) == b"\r\na\r\nb\r\n"
    with pytest.raises(SMTPMessageError, match="holds a NUL"):
        flatten_message(part_of("a\0b"), line_policy=LinePolicy.STRICT)


@pytest.mark.parametrize("kind", [str, bytes])
def test_text_and_octets_are_held_to_the_policy_as_they_came(kind: Any) -> None:
    def given(text: str) -> Any:
        return text if kind is str else text.encode()

    with pytest.raises(SMTPMessageError, match=r"line 3 .*999 octets.*Send a message object"):
        flatten_message(given(f"A: b\n\n{LONG}"))
    with pytest.raises(SMTPMessageError, match="bare LF"):
        flatten_message(given("A: b\n"), line_policy=LinePolicy.STRICT)
    assert flatten_message(given(LONG), line_policy=LinePolicy.ANY) == LONG.encode() + b"\r\n"


# -- seven bits --------------------------------------------------------------------------------------------------------

SEVEN_BITS: dict[str, tuple[str, ...]] = {
    "no type": (),
    "no character set": ("Content-Type: text/plain",),
    "an unknown one": ("Content-Type: text/plain; charset=nonsense",),
    "octets": ("Content-Type: application/x", "Content-Transfer-Encoding: binary"),
    "known": ("Content-Type: text/plain; charset=iso-8859-1", "Content-Transfer-Encoding: 8bit"),
}


@pytest.mark.parametrize("policy", [email.policy.default, email.policy.compat32], ids=repr)
@pytest.mark.parametrize("headers", SEVEN_BITS.values(), ids=SEVEN_BITS)
def test_eight_bits_are_encoded_where_seven_pass(headers: tuple[str, ...], policy: Any) -> None:
    source = "\r\n".join((*headers, "", "gr\u00fc\u00dfe")).encode("latin-1")
    message = email.message_from_bytes(source, policy=policy)
    assert b"gr\xfc\xdfe" in flatten_message(message)
    found = mended(message, cte_type="7bit")
    assert flatten_message(message, cte_type="7bit").isascii()
    assert content_of(found) == b"gr\xfc\xdfe"


def test_eight_bits_that_are_signed_are_refused_where_seven_pass() -> None:
    part = part_of("gr\udcc3\udcbc", ("Content-Type", "text/plain; charset=utf-8"))
    with pytest.raises(SMTPMessageError, match=r"part 1 .* octets above 127, .*RFC 6152 §3.* multipart/signed"):
        flatten_message(signed(part), cte_type="7bit")
    assert flatten_message(dkim(part), cte_type="7bit").isascii()
