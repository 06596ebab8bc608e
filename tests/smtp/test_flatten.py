"""What the writer makes of a message object is what the standard library's generator makes of it, but faster."""

from __future__ import annotations

import copy
import email
import email.policy
import io
from email.generator import BytesGenerator
from email.message import EmailMessage, Message
from email.mime.application import MIMEApplication
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.smtp import LinePolicy
from transfer.smtp._dot import normalise
from transfer.smtp._message import AnyMessage, flatten_message
from transfer.smtp._writer import choose_policy

TEXTS = st.lists(
    st.sampled_from(
        ["a", ".", "From x", "p\u00e4ss", "\r\n", "\n", "\r", "\u20ac", "--==", "x" * 90, " ", "\t", "=20"]
    ),
    max_size=12,
).map("".join)
OCTETS = st.binary(max_size=80)
NAMES = st.sampled_from(["Subject", "X-Other", "Comments", "Message-ID", "To", "Reply-To", "Date"])
VALUES = st.sampled_from(
    [
        "plain",
        "",
        "gr\u00fc\u00dfe",
        "many words " * 12 + "end",
        "Ann <a@b.c>, " * 9 + "d@e.f",
        '"Doe, J\u00f6rg" <a@b.c>',
        "=?utf-8?q?J=C3=B6rg?= <a@b.c>",
        "  two  spaces  ",
        "Mon, 01 Jan 2024 00:00:00 +0000",
    ]
)


def as_the_library_does(message: AnyMessage, *, utf8: bool = False, cte_type: str = "8bit") -> bytes:
    twin = copy.deepcopy(message)
    del twin["Bcc"]
    buffer = io.BytesIO()
    policy = choose_policy(message.policy, utf8=utf8, cte_type=cte_type)
    BytesGenerator(buffer, mangle_from_=False, policy=policy).flatten(twin)
    return normalise(buffer.getvalue())


def assert_same(message: AnyMessage) -> None:
    before = message_state(message)
    is_signed = any(part.get_content_type() == "multipart/signed" for part in message.walk())
    # In what is signed, eight bits are refused and not encoded.
    for cte_type in ("8bit",) if is_signed else ("8bit", "7bit"):
        for utf8 in (False, True):
            try:
                wanted = as_the_library_does(message, utf8=utf8, cte_type=cte_type)
            except UnicodeEncodeError:
                continue  # eight bits of which it does not know the character set
            found = flatten_message(message, utf8=utf8, cte_type=cte_type, line_policy=LinePolicy.ANY)
            assert found == wanted
            assert normalise(found) is found
    assert message_state(message) == before


def message_state(message: AnyMessage) -> list[Any]:
    """Everything that a user could see of *message* and its parts."""
    return [
        (part, id(part), part.items(), part.policy, part.preamble, part.epilogue, str(part.get_payload()))
        for part in message.walk()
    ]


@st.composite
def leaves(draw: st.DrawFn) -> Any:
    kind = draw(st.integers(0, 5))
    if kind == 0:
        return MIMEText(draw(TEXTS).replace("\r", ""), "plain", "utf-8")
    if kind == 1:
        return MIMEApplication(draw(OCTETS))
    if kind == 2:
        old = Message()
        old["Content-Type"] = draw(st.sampled_from(["text/plain; charset=utf-8", "text/html", "image/x; name=y"]))
        old["Content-Transfer-Encoding"] = draw(st.sampled_from(["7bit", "8bit", "binary"]))
        old.set_payload(draw(TEXTS).encode().decode("ascii", "surrogateescape"))
        return old
    message = EmailMessage()
    message[draw(NAMES)] = draw(VALUES)
    if kind == 3:
        message.set_content(draw(TEXTS).replace("\r", ""), cte=draw(st.sampled_from(["8bit", "base64", None])))
    elif kind == 4:
        message.set_content(draw(OCTETS), "application", "octet-stream", filename="gr\u00fc\u00dfe.bin")
    else:
        message.set_content(draw(TEXTS).encode("latin-1", "replace"), "text", "plain", cte="quoted-printable")
    return message


@st.composite
def trees(draw: st.DrawFn, parts: st.SearchStrategy[Any]) -> Any:
    if draw(st.booleans()):
        return MIMEMessage(draw(parts))
    subtype = draw(st.sampled_from(["mixed", "alternative", "signed", "report"]))
    tree = MIMEMultipart(subtype, boundary=f"=={draw(st.integers(0, 99))}")
    tree.preamble = draw(st.none() | TEXTS.filter(str.isascii))
    tree.epilogue = draw(st.none() | TEXTS.filter(str.isascii))
    for part in draw(st.lists(parts, max_size=3)):
        tree.attach(part)
    return tree


@given(st.recursive(leaves(), lambda parts: trees(parts), max_leaves=5))
def test_any_object_is_written_as_the_standard_library_does(message: Any) -> None:
    message["Bcc"] = "blind@x.y"
    assert_same(message)


HEAD = b"From: a@b.c\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
SOURCES = {
    "plain": b"From: a@b.c\n\nbody\n.\nFrom x\r\ry",
    "no body": b"From: a@b.c\n",
    "nothing": b"",
    "eight bits": HEAD + "Content-Type: text/plain; charset=utf-8\n\np\u00e4ss\n".encode(),
    "eight bits of no charset": b"Subject: x\n\np\xe4ss\n",
    "a raw name": "From: J\u00f6rg <a@b.c>\nSubject: gr\u00fc\u00dfe\n\nx\n".encode(),
    "parts": HEAD + b'Content-Type: multipart/mixed; boundary="b"\n\npre\n--b\n\none\n--b\n\ntwo\n--b--\nend\n',
    "parts without a boundary": HEAD + b"Content-Type: multipart/mixed\n\nno parts\nhere\n",
    "parts without an end": HEAD + b'Content-Type: multipart/mixed; boundary="b"\n\n--b\n\none\n',
    "a folded boundary": HEAD + b'Content-Type: multipart/mixed;\n boundary="b"\n\n--b\n\none\n--b--\n',
    "signed": HEAD
    + b'Content-Type: multipart/signed; boundary="b"\n\n--b\nX-Long: '
    + b"word " * 40
    + b"\n\none\n--b\nContent-Type: application/pgp-signature\n\nsig\n--b--\n",
    "a message in a message": HEAD + b"Content-Type: message/rfc822\n\nSubject: in\nBcc: kept@x\n\ninner\n",
    "a report": HEAD + b"Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nAction: failed\nStatus: 5\n",
    "an unknown encoding": HEAD + b"Content-Transfer-Encoding: x-other\n\nabc\n",
    "broken base64": HEAD + b"Content-Transfer-Encoding: base64\n\nab*c\n",
}


@pytest.mark.parametrize("policy", [email.policy.default, email.policy.compat32, email.policy.SMTP], ids=repr)
@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_what_was_parsed_is_written_as_the_standard_library_does(source: bytes, policy: Any) -> None:
    message = email.message_from_bytes(source, policy=policy)
    assert_same(message)


def test_a_part_that_is_text_and_calls_itself_a_message_is_mended() -> None:
    """The standard library passes its line ends, and fails on eight bits."""
    for kind in ("message/rfc822", "message/partial", "multipart/mixed"):
        message = Message()
        message["Content-Type"] = kind
        message.set_payload("Subject: x\n\np\udce4ss\r.\r\n.\n")
        assert flatten_message(message).endswith(b"\r\n\r\nSubject: x\r\n\r\np\xe4ss\r\n.\r\n.\r\n")


@pytest.mark.parametrize("is_nested", [False, True], ids=["outer", "inner"])
def test_a_boundary_is_found_and_not_left_on_the_object(is_nested: bool) -> None:
    inner = MIMEMultipart()
    inner.attach(MIMEText("text"))
    message = inner
    if is_nested:
        message = MIMEMultipart()
        message.attach(inner)
    before = message_state(message)
    flat = flatten_message(message)

    assert message_state(message) == before
    parsed = email.message_from_bytes(flat)
    assert [part.get_content_type() for part in parsed.walk()] == [part.get_content_type() for part in message.walk()]
    assert not any(part.defects for part in parsed.walk())


def test_a_boundary_that_stands_in_a_part_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = iter([7, 8])
    monkeypatch.setattr("transfer.smtp._writer.random.getrandbits", lambda bits: next(numbers))
    message = MIMEMultipart()
    message.attach(MIMEText(f"--==============={7:019d}==\n"))
    parsed = email.message_from_bytes(flatten_message(message))

    assert parsed.get_boundary() == f"==============={8:019d}=="
    assert len(parsed.get_payload()) == 1
