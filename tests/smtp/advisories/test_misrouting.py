"""Addresses that readers understand differently: refused, or delivered where the standard library reads them to go.

CVE-2025-13033, CVE-2026-125755, CVE-2026-110870, CVE-2026-121424, CVE-2026-121425, CVE-2026-92598. Nobody is
ever made a recipient whose address is not one piece of the header.
"""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage, Message
from email.policy import EmailPolicy

import idna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.smtp import SMTPAddressError
from transfer.smtp._address import parse_mailbox
from transfer.smtp._message import extract_recipients

REFUSED, EVIL = None, "evil@evil.example"
# A header, and who gets the mail; REFUSED where no reading is certain.
CORPUS: dict[str, list[str] | None] = {
    # CVE-2025-13033: an address in the quotes of another one
    f'"{EVIL} x"@internal.example': [f'"{EVIL} x"@internal.example'],
    f'"{EVIL}"@internal.example': [f'"{EVIL}"@internal.example'],
    f'"<{EVIL}> x"@internal.example': [f'"<{EVIL}> x"@internal.example'],
    f'"{EVIL}" <a@b.c>': ["a@b.c"],
    f'"<{EVIL}>" <a@b.c>': ["a@b.c"],
    f'"{EVIL}, x" <a@b.c>': ["a@b.c"],
    f"{EVIL} <a@b.c>": REFUSED,
    f"<{EVIL}> <a@b.c>": REFUSED,
    f"<{EVIL}>, <a@b.c>": [EVIL, "a@b.c"],
    # CVE-2026-125755: folds and comments before a dot
    "a@internal\r\n .example": REFUSED,
    "a@internal(c).example": REFUSED,
    "a@internal (c).evil.example": REFUSED,
    "a@internal .example": REFUSED,
    "a\r\n .b@internal.example": REFUSED,
    # CVE-2026-110870: a comment inside the brackets
    f"<({EVIL})a@b.c>": REFUSED,
    "<a@b.c(.evil.example)>": REFUSED,
    "<a(c)@b.c>": REFUSED,
    # CVE-2026-121424: comments in comments
    f"a@b.c (((x) {EVIL}) y)": ["a@b.c"],
    f"((x) <{EVIL}>) a@b.c": ["a@b.c"],
    f"(x\\) {EVIL}, y) a@b.c": ["a@b.c"],
    f"(x)) {EVIL}": REFUSED,
    f"((x) {EVIL}": REFUSED,
    # CVE-2026-121425: a semicolon in a quoted name inside a group
    'Team: "x; y" <a@b.c>, d@e.f;': ["a@b.c", "d@e.f"],
    f'"Team; {EVIL}": a@b.c;': ["a@b.c"],
    f"Team: a@b.c; {EVIL}": ["a@b.c", EVIL],
    f"Team: Other: {EVIL};;": REFUSED,
    # D15, and what else has no domain
    "A, B <b@x.y>": REFUSED,
    "root": REFUSED,
    # routes and percent signs
    f"<@relay.example:{EVIL}>": REFUSED,
    f"<@relay.example,@b.c:{EVIL}>": REFUSED,
    "a%evil.example@b.c": ["a%evil.example@b.c"],
    "evil.example!a@b.c": ["evil.example!a@b.c"],
    "a@b.c@evil.example": REFUSED,
    '"a@b.c"@evil.example': ['"a@b.c"@evil.example'],
    # encoded words
    "=?utf-8?q?evil=40evil=2Eexample=3E?= <a@b.c>": ["a@b.c"],
    "=?utf-8?q?a?=@b.c": REFUSED,
    "=?utf-8?q?evil=40evil=2Eexample=2C?=a@b.c": REFUSED,
    "a@=?utf-8?q?evil=2Eexample?=": REFUSED,
    # domains that are none
    "a@b.c\u0000.evil.example": REFUSED,
    "a@b.c/evil.example": REFUSED,
    "a@b.c?evil.example": REFUSED,
    "a@[127.0.0.1].evil.example": REFUSED,
    "a@b..c": REFUSED,
    "a@.b.c": REFUSED,
    "a@b.c.": REFUSED,
}


def recipients(message: Message | EmailMessage) -> list[str] | None:
    try:
        return extract_recipients(message)
    except SMTPAddressError:
        return REFUSED


@pytest.mark.parametrize("header", CORPUS, ids=ascii)
def test_a_header_leads_to_whom_it_names_or_to_nobody(header: str) -> None:
    older = Message()
    older["To"] = header
    assert recipients(older) == CORPUS[header]
    for policy in (email.policy.default, email.policy.compat32):
        source = f"To: {header}\r\n\r\nx".encode()
        # What the parser already refuses, or cuts off at a NUL, names nobody else.
        found = recipients(email.message_from_bytes(source, policy=policy))
        assert found in (CORPUS[header], REFUSED)
        assert found is not None or CORPUS[header] is REFUSED


@pytest.mark.parametrize("header", [header for header in CORPUS if "\r" not in header], ids=ascii)
def test_an_object_leads_to_nobody_else(header: str) -> None:
    """What an assigned header means, the standard library has decided by then; it is that reading, or none."""
    message = EmailMessage()
    try:
        message["To"] = header
    except (ValueError, LookupError, AttributeError):
        return  # it fails on some
    found = recipients(message)
    assert found in (REFUSED, CORPUS[header]) or found == [address.addr_spec for address in message["To"].addresses]


PIECES = st.sampled_from(
    [
        "a@b.c",
        EVIL,
        "<",
        ">",
        '"',
        "(",
        ")",
        ",",
        ";",
        ":",
        " ",
        "\\",
        "\r\n ",
        ".",
        "@",
        "x",
        "=?utf-8?q?a=40b?=",
        "Team: ",
    ]
)


@given(st.lists(PIECES, max_size=10).map("".join))
def test_nobody_is_invented(header: str) -> None:
    """The oracle is the standard library's parser, where it has nothing to complain about."""
    message = Message()
    message["To"] = header
    found = recipients(message)
    if found is REFUSED:
        return
    assert all(address in header for address in found)
    unfolded = header.replace("\r\n ", " ")
    try:
        read = EmailPolicy().header_factory("To", unfolded)
    except (LookupError, ValueError, AttributeError):
        return  # the standard library fails on it
    if not read.defects:
        domains = {address.domain.lower() for address in read.addresses}
        assert {parse_mailbox(address).ascii_domain for address in found} <= domains


@pytest.mark.parametrize(
    "domain",
    [
        "stra\u00dfe.example",
        "b\u00fccher\uff0eexample",
        "b\u00fc\u00adcher.example",
        "\u2100.example",
        "\u212a.example",
    ],
)
def test_a_domain_is_read_as_uts_46_says(domain: str) -> None:
    """CVE-2026-92598: ``ß`` is not ``ss``, a full-width dot is a dot, and a sign that maps to a slash is refused."""
    try:
        wanted = idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        with pytest.raises(SMTPAddressError):
            parse_mailbox(f"a@{domain}")
    else:
        assert parse_mailbox(f"a@{domain}").ascii_domain == wanted


@pytest.mark.parametrize(
    "text", ["Ann <a@b.c>", '"Ann" <a@b.c>', "a@b.c (Ann)", "Ann", "Ann Doe", "a@b.c,", "Team: a@b.c;"]
)
def test_an_argument_takes_no_names(text: str) -> None:
    """A bare word alone may be a local user; in a header it is refused, as the corpus says."""
    if text == "Ann":
        assert str(parse_mailbox(text)) == "Ann"
    else:
        with pytest.raises(SMTPAddressError):
            parse_mailbox(text)
