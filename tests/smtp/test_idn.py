"""Domains outside of ASCII in the headers of a message: A-labels, unless SMTPUTF8 is in force."""

from __future__ import annotations

import email
import email.policy
from email.header import Header
from email.headerregistry import Address, Group
from email.message import EmailMessage, Message
from typing import Any

import idna
import pytest

from transfer.smtp import SMTPAddressError
from transfer.smtp._message import extract_recipients, flatten_message, needs_smtputf8

KINDS = pytest.mark.parametrize("kind", [EmailMessage, Message], ids=lambda kind: kind.__name__)
BOOKS, BOOKS_ASCII = "b@b\u00fccher.example", b"b@xn--bcher-kva.example"


def header_of(message: Any, **options: Any) -> bytes:
    """The first header as it is sent, unfolded."""
    if message.get_payload() is None:
        message.set_payload("x\n")
    head = flatten_message(message, **options).partition(b"\r\n\r\n")[0]
    return head.replace(b"\r\n ", b" ").split(b"\r\n")[0]


def message_to(kind: Any, value: Any, name: str = "To") -> Any:
    message = kind()
    message[name] = value
    return message


@KINDS
@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (BOOKS, BOOKS_ASCII),
        (f"<{BOOKS}>", b"<" + BOOKS_ASCII + b">"),
        (f"Ann <{BOOKS}>", b"Ann <" + BOOKS_ASCII + b">"),
        (f"J\u00f6rg <{BOOKS}>", b"=?utf-8?q?J=C3=B6rg?= <" + BOOKS_ASCII + b">"),
        (f"a@b.c, {BOOKS}, d@e.f", b"a@b.c, " + BOOKS_ASCII + b", d@e.f"),
        (f"Team: {BOOKS}, a@b.c;", b"Team: " + BOOKS_ASCII + b", a@b.c;"),
        (f'"a b"@{BOOKS[2:]}', b'"a b"@' + BOOKS_ASCII[2:]),
        (f"{BOOKS} (Ann)", BOOKS_ASCII + b" (Ann)"),
        (f"{BOOKS} <{BOOKS}>", None),
        ("J\u00f6rg <a@b.c>", b"=?utf-8?q?J=C3=B6rg?= <a@b.c>"),
        ("a@b.c", b"a@b.c"),
    ],
)
def test_domains_become_a_labels_and_names_encoded_words(kind: Any, value: str, sent: bytes | None) -> None:
    message = message_to(kind, value)
    found = header_of(message)

    assert found.isascii()
    if sent is None:
        assert found.endswith(BOOKS_ASCII + b">")
        assert b"=?" not in found.partition(b"<")[2]
    else:
        assert found == b"To: " + sent
    assert str(message["To"]) == value or kind is EmailMessage
    assert not needs_smtputf8(message)


@KINDS
@pytest.mark.parametrize(
    "name",
    ["From", "Sender", "Reply-To", "To", "Cc", "Resent-From", "Resent-Sender", "Resent-To", "Resent-Cc", "reply-to"],
)
def test_every_header_of_addresses_is_written_so(kind: Any, name: str) -> None:
    assert header_of(message_to(kind, BOOKS, name)) == name.encode() + b": " + BOOKS_ASCII


@KINDS
def test_other_headers_are_text(kind: Any) -> None:
    found = header_of(message_to(kind, BOOKS, "Subject"))
    assert found.startswith(b"Subject: =?utf-8?")


@pytest.mark.parametrize("policy", [email.policy.default, email.policy.compat32], ids=repr)
@pytest.mark.parametrize("value", [BOOKS, f"a@b.c,\r\n {BOOKS}", f"J\u00f6rg\r\n <{BOOKS}>"], ids=ascii)
def test_what_was_parsed_is_written_so_too(policy: Any, value: str) -> None:
    message = email.message_from_bytes(f"To: {value}\r\n\r\nbody\r\n".encode(), policy=policy)
    found = header_of(message)
    assert found.isascii()
    assert BOOKS_ASCII in found
    assert not needs_smtputf8(message)


def test_a_long_list_is_folded_and_whole() -> None:
    addresses = [f"reader{number}@b\u00fccher{number}.example" for number in range(300)]
    for message in (message_to(EmailMessage, ", ".join(addresses)), message_to(Message, ", ".join(addresses))):
        flat = flatten_message(message)
        parsed = email.message_from_bytes(flat, policy=email.policy.default)
        wanted = [idna.encode(address.partition("@")[2]).decode() for address in addresses]
        assert [found.partition("@")[2] for found in extract_recipients(parsed)] == wanted
        assert flat.isascii()


def test_objects_of_the_header_registry_are_written_so() -> None:
    value = [Address("J\u00f6rg, D", "b", "b\u00fccher.example"), Group("Team", (Address("", "c", "d.e"),))]
    found = header_of(message_to(EmailMessage, value))
    assert found.isascii()
    assert found.endswith(b"<" + BOOKS_ASCII + b">, Team: c@d.e;")


def test_a_header_that_is_put_together_from_pieces_keeps_its_names() -> None:
    header = Header("J\u00f6rg @b\u00fccher.example", "utf-8")
    header.append("<a@b.c>", "us-ascii")
    found = header_of(message_to(Message, header))
    assert found.endswith(b" <a@b.c>")
    assert str(email.header.make_header(email.header.decode_header(found.decode()))).startswith(
        "To: J\u00f6rg @b\u00fc"
    )
    assert BOOKS_ASCII in header_of(message_to(Message, Header(BOOKS, "utf-8")))


def test_with_smtputf8_domains_stay_as_they_are() -> None:
    found = header_of(message_to(EmailMessage, f"J\u00f6rg <j\u00f6rg@{BOOKS[2:]}>"), utf8=True)
    assert found == f"To: J\u00f6rg <j\u00f6rg@{BOOKS[2:]}>".encode()


def test_a_local_part_outside_of_ascii_needs_smtputf8() -> None:
    for kind in (EmailMessage, Message):
        assert needs_smtputf8(message_to(kind, f"a@b.c, j\u00f6rg@{BOOKS[2:]}"))


@KINDS
@pytest.mark.parametrize(
    "domain",
    [
        "stra\u00dfe.example",
        "B\u00dcCHER.example",
        "b\u00fccher\uff0eexample",
        "b\u00fccher\u3002example",
        "b\u00fc\u00adcher.example",
        "\uff42\u00fccher.example",
        "u\u0308ber.example",
        "\u0645\u062b\u0627\u0644.example",
        "\u0915\u094d\u200d\u0937.example",
        "\u65e5\u672c\u8a9e.\u30c6\u30b9\u30c8",
    ],
    ids=ascii,
)
def test_domains_are_mapped_as_uts_46_says(kind: Any, domain: str) -> None:
    sent = header_of(message_to(kind, f"Ann <a@{domain}>"))
    assert sent == b"To: Ann <a@" + idna.encode(domain, uts46=True) + b">"


@KINDS
@pytest.mark.parametrize("domain", ["n\u200d.example", "\u2603.example", "\u00fc" * 64 + ".example"], ids=ascii)
def test_what_is_no_domain_name_is_refused_with_the_headers_name(kind: Any, domain: str) -> None:
    with pytest.raises(SMTPAddressError, match=r"in the header Reply-To: .* is no international domain name"):
        header_of(message_to(kind, f"Ann <a@{domain}>", "Reply-To"))


@pytest.mark.parametrize("bad", ["\r\nBcc: e@x", "\nBcc: e@x", "\rBcc: e@x", "\0"], ids=repr)
def test_an_address_that_is_converted_cannot_begin_a_header(bad: str) -> None:
    for value in (f"Ann{bad} <{BOOKS}>", f"{BOOKS}{bad}", f"J\u00f6rg{bad} <a@b.c>"):
        with pytest.raises(ValueError, match=r"no header|international"):
            header_of(message_to(Message, value))
