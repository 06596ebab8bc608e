"""Header injection: no value begins another header or the body (CVE-2026-1299, List-* with CRLF, on every Python).

The standard library refuses some of it from certain releases on; what it lets in does not get out.
"""

from __future__ import annotations

import email.policy
from collections.abc import Callable
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage, Message
from email.mime.multipart import MIMEMultipart
from typing import Any

import pytest

from tests.smtp.advisories.support import BREAKS, LOCAL, greeted
from tests.smtp.support import RECIPIENT, SENDER, letter
from transfer.smtp._message import flatten_message

NAMES = [
    *("From", "Sender", "To", "Cc", "Bcc", "Reply-To", "Resent-From", "Resent-To", "Subject", "Comments", "Date"),
    *("Message-ID", "In-Reply-To", "References", "List-Unsubscribe", "List-ID", "List-Help", "X-Other", "MIME-Version"),
    *("Content-Type", "Content-Disposition", "Content-ID", "Content-Transfer-Encoding", "Content-Description"),
]
TAILS = [break_ + tail for break_ in BREAKS for tail in ("Evil: x", "\r\nbody", "")]
KINDS: dict[str, Callable[[str], Any]] = {
    "compat32": lambda value: value,
    "octets that were parsed": lambda value: f"\udcff{value}",
    "Header": Header,
    "Header in UTF-8": lambda value: Header(f"\u00e9{value}", "utf-8"),
}


def older(name: str, value: Any) -> Message:
    message: Message = Message()
    message["A"] = "b"
    message[name] = value
    message.set_payload("text")
    return message


def assert_contained(message: Message) -> None:
    """*message* is refused, or written without a header or a body that is not its own."""
    for cte_type in ("8bit", "7bit"):
        try:
            flat = flatten_message(message, cte_type=cte_type)
        except LOCAL:
            continue
        head = flat.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ").split(b"\r\n")
        assert not any(line.lower().startswith((b"evil", b"body")) for line in head)
        assert not flat.partition(b"\r\n\r\n")[2].startswith(b"body")
        assert b"\0" not in flat


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_a_value_of_the_older_kind_stays_a_value(name: str, kind: Callable[[str], Any]) -> None:
    """CVE-2026-1299."""
    for tail in TAILS:
        try:
            value = kind(f"a@x{tail}")
            message = older(name, value)
        except ValueError:
            continue
        assert_contained(message)
        nested = MIMEMultipart()
        nested.attach(message)
        assert_contained(nested)


@pytest.mark.parametrize("tail", [break_ + "Evil: x" for break_ in BREAKS], ids=repr)
@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("Bcc", "Content-Transfer-Encoding")])
def test_a_plain_value_with_a_break_is_refused(name: str, tail: str) -> None:
    with pytest.raises(LOCAL):
        flatten_message(older(name, f"a@x{tail}"))


@pytest.mark.parametrize("name", NAMES)
def test_a_value_of_the_newer_kind_stays_a_value(name: str) -> None:
    for tail in TAILS:
        for policy in (email.policy.default, email.policy.SMTPUTF8):
            message = EmailMessage(policy)
            try:
                message[name] = f"a@x{tail}"
            except (ValueError, LookupError, AttributeError, TypeError):
                continue
            message.set_payload("text")
            assert_contained(message)


@pytest.mark.parametrize("tail", TAILS, ids=repr)
def test_names_files_and_identifiers_stay_values(tail: str) -> None:
    def build(make: Callable[[EmailMessage], object]) -> None:
        message = letter()
        try:
            make(message)
        except (ValueError, LookupError, AttributeError):
            return
        assert_contained(message)

    octets: dict[str, Any] = {"maintype": "application", "subtype": "x"}
    build(lambda message: message.add_attachment(b"x", **octets, filename=f"a{tail}"))
    build(lambda message: message.add_attachment(b"x", **octets, filename="a", cid=f"<a{tail}>"))
    build(lambda message: message.add_attachment(b"x", **octets, params={"name": f"a{tail}"}))
    build(lambda message: message.add_header("X-A", "b", key=f"a{tail}"))
    build(lambda message: message.add_header(f"X{tail}", "b"))
    build(lambda message: message.__setitem__("Cc", Address(f"a{tail}", "b", "c.d")))
    build(lambda message: message.set_boundary(f"b{tail}"))


def test_a_header_that_is_parsed_and_encoded_stays_a_value() -> None:
    for policy in (email.policy.default, email.policy.compat32):
        for name in NAMES:
            source = f"{name}: =?utf-8?q?a=0D=0AEvil=3A_x=0D=0A=0D=0Abody?= <a@b.c>\r\n\r\ntext"
            assert_contained(email.message_from_string(source, policy=policy))


@pytest.mark.parametrize("bad", BREAKS, ids=repr)
async def test_a_header_is_refused_before_a_word_is_said(bad: str) -> None:
    def sender_and(name: str, value: str) -> Message:
        message = older(name, value)
        message["From"], message["To"] = SENDER, RECIPIENT
        return message

    async with greeted() as (client, _):
        for name, value in (("Subject", f"a{bad}Bcc: e@x"), (f"X{bad}Y", "a"), ("Cc", f'"a{bad}b"@x')):
            with pytest.raises(LOCAL):
                await client.send_message(sender_and(name, value))
        for name in ("Subject", "Cc", "X-Other", "Message-ID", "Reply-To"):
            try:
                newer = letter(**{name.replace("-", "_"): f"a@x{bad}RSET"})
            except ValueError:
                continue
            with pytest.raises(LOCAL):
                await client.send_message(newer)


def test_a_message_with_a_writer_of_its_own_cannot_end_the_mail() -> None:
    """A child of the library's class may write its headers; bare line ends of it are mended all the same."""

    class Own(Message):
        def _write_headers(self, generator: Any) -> None:
            generator.write("A: b\n.\n\n")

    message = Own()
    message.set_payload("x")
    assert flatten_message(message) == b"A: b\r\n.\r\n\r\nx\r\n"
