from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer._errors import LocalProtocolError
from transfer.smtp._address import NULL_SENDER, Mailbox, parse_mailbox, to_ascii_domain
from transfer.smtp._errors import SMTPAddressError, SMTPException

CONTROLS = [*map(chr, range(0x20)), "\x7f", "\x85", "\x9f", "\u2028", "\u2029", "\ufeff", "\udc80"]


@pytest.mark.parametrize(
    ("text", "local_part", "domain"),
    [
        ("a@b.example", "a", "b.example"),
        ("MiXed.Case+tag@Example.ORG", "MiXed.Case+tag", "Example.ORG"),
        ("!#$%&'*+-/=?^_`{|}~@x", "!#$%&'*+-/=?^_`{|}~", "x"),
        ("root@localhost", "root", "localhost"),
        ("a@my_host.internal", "a", "my_host.internal"),
        ("a@1.2.3.4", "a", "1.2.3.4"),
        ("a@xn--bcher-kva.example", "a", "xn--bcher-kva.example"),
        ('"a b"@x.y', '"a b"', "x.y"),
        ('"a@b> c\\"d\\\\"@x.y', '"a@b> c\\"d\\\\"', "x.y"),
        ('""@x.y', '""', "x.y"),
        ("a@[192.0.2.1]", "a", "[192.0.2.1]"),
        ("a@[IPv6:2001:db8::1]", "a", "[IPv6:2001:db8::1]"),
        ("a@[ipv6:::1]", "a", "[ipv6:::1]"),
        ("a@[x25:1234-5]", "a", "[x25:1234-5]"),
        ("  a@b.c ", "a", "b.c"),
        ("<a@b.c>", "a", "b.c"),
        (" <a@b.c> ", "a", "b.c"),
    ],
)
def test_an_address_is_sent_as_it_was_written(text: str, local_part: str, domain: str) -> None:
    mailbox = parse_mailbox(text, allow_bare=False)

    assert (mailbox.local_part, mailbox.domain, mailbox.ascii_domain) == (local_part, domain, domain)
    assert mailbox.text == text
    assert mailbox.for_wire() == mailbox.for_wire(utf8=True) == str(mailbox) == f"{local_part}@{domain}"
    assert mailbox.is_ascii
    assert not mailbox.needs_smtputf8
    assert not mailbox.is_null


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "it is empty"),
        ("<>", "it is empty"),
        ("   ", "it is empty"),
        ("a@x.y> NOTIFY=NEVER ORCPT=rfc822;z@z.z", "outside of quotes it holds '>'"),
        ("a@x SIZE=1", "outside of quotes it holds a space"),
        ("<a@x", "it holds '<'"),
        ("a@x>", "outside of quotes it holds '>'"),
        ("a>b@x", "it holds '>'"),
        ("<<a@x>>", "it holds '<'"),
        ("a b@x.y", "it holds a space"),
        ("a@x.y, b@x.y", "holds a comma; give several addresses one by one, as a list"),
        ("a,b@x.y", "it holds a comma"),
        ("Ann <a@b.c>", "it has a display name ('Ann'); give the address alone, 'a@b.c'"),
        ('"Doe, Ann" <a@b.c>', "it has a display name"),
        ("a@b.c <a@b.c>", "outside of quotes it holds '<'"),
        ("@x.y", "it has no local part"),
        (".a@x.y", "neither a dot-string nor a quoted string"),
        ("a.@x.y", "neither a dot-string nor a quoted string"),
        ("a..b@x.y", "neither a dot-string nor a quoted string"),
        ("a(c)@x.y", "neither a dot-string nor a quoted string"),
        ('"a@x.y', "is not closed"),
        ('"a"b@x.y', "is not closed, or not followed"),
        ("..@", "neither a dot-string nor a quoted string"),
        ("a@", "it has no domain after '@'"),
        ("a@b@c", "'b@c' is no domain"),
        ("a@.b", "is no domain"),
        ("a@b.", "is no domain"),
        ("a@b..c", "is no domain"),
        ("a@-b.c", "is no domain"),
        ("a@b-.c", "is no domain"),
        ("a@" + "b" * 64 + ".c", "is no domain"),
        ("a@b\\c", "is no domain"),
        ("a@[192.0.2]", "is no address literal"),
        ("a@[192.0.2.1", "is no address literal"),
        ("a@[2001:db8::1]", "is no address literal"),
        ("a@[IPv6:2001:db8::1%eth0]", "is no address literal"),
        ("a@[IPv6:nonsense]", "is no address literal"),
        ("a@[x:a>b]", "is no address literal"),
        ("a@[x:]", "is no address literal"),
        ("a\u00a0b@x.y", "neither a dot-string nor a quoted string"),
        ("a\u200b@x.y", "neither a dot-string nor a quoted string"),
        ("a@\u2603.\u2603\u0000", "U+0000 is not allowed"),
        ("a@x y\u00e9", "no international domain name"),
        ("a@\u2024\u2024", "no international domain name"),
        ("a@" + "\u00e9" * 300, "no international domain name"),
    ],
)
def test_what_is_no_address_is_refused_with_the_rule_it_breaks(text: str, rule: str) -> None:
    with pytest.raises(SMTPAddressError, match=re.escape(rule)) as caught:
        parse_mailbox(text)

    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, LocalProtocolError)
    assert isinstance(caught.value, SMTPException)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: f"U+{ord(control):04X}")
@pytest.mark.parametrize("template", ["a{}@x.y", "a@x{}.y", "a@x.y{}", "{}a@x.y", '"a{}b"@x.y', '"a\\{}b"@x.y', "a{}"])
def test_a_control_character_is_refused_wherever_it_stands(template: str, control: str) -> None:
    with pytest.raises(SMTPAddressError, match=rf"U\+{ord(control):04X} is not allowed"):
        parse_mailbox(template.format(control))


def test_a_bare_name_is_taken_where_it_is_allowed() -> None:
    assert parse_mailbox("root") == Mailbox("root", "root")
    assert parse_mailbox("root").for_wire() == "root"
    assert str(parse_mailbox("<postmaster>")) == "postmaster"
    with pytest.raises(SMTPAddressError, match="it has no domain"):
        parse_mailbox("root", allow_bare=False)


@pytest.mark.parametrize("text", ["", "<>"])
def test_the_null_path_is_taken_for_a_sender_only(text: str) -> None:
    sender = parse_mailbox(text, allow_null=True)

    assert sender is NULL_SENDER
    assert sender.is_null
    assert sender.for_wire() == ""
    with pytest.raises(SMTPAddressError, match="it is empty"):
        parse_mailbox(text)


def test_what_is_no_text_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="an address is a str, not NoneType"):
        parse_mailbox(None)  # type: ignore[arg-type]  # the point of the test


@pytest.mark.parametrize(
    ("local_octets", "domain_octets", "fault"),
    [
        (64, 189, None),
        (65, 10, "local part has 65 octets"),
        (64, 190, "it has 255 octets, more than 254"),
        (1, 252, None),
        (1, 255, "it has 257 octets"),
        (1, 256, "its domain has 256 octets"),
    ],
)
def test_the_limits_are_counted_in_octets(local_octets: int, domain_octets: int, fault: str | None) -> None:
    address = "l" * local_octets + "@" + (("d" * 62 + ".") * 5)[: domain_octets - 1] + "d"
    if fault is None:
        assert parse_mailbox(address, enforce_limits=True).for_wire() == address
    else:
        with pytest.raises(SMTPAddressError, match=fault):
            parse_mailbox(address, enforce_limits=True)


def test_the_limits_count_utf8_and_are_asked_for() -> None:
    address = "\u00e9" * 33 + "@x.y"
    with pytest.raises(SMTPAddressError, match="local part has 66 octets"):
        parse_mailbox(address, enforce_limits=True)

    assert parse_mailbox(address).for_wire(utf8=True) == address


@pytest.mark.parametrize(
    ("domain", "ascii_domain", "unicode_domain"),
    [
        ("b\u00fccher.example", "xn--bcher-kva.example", "b\u00fccher.example"),
        ("B\u00dcCHER.example", "xn--bcher-kva.example", "b\u00fccher.example"),
        ("stra\u00dfe.example", "xn--strae-oqa.example", "stra\u00dfe.example"),
        ("b\u00fccher\uff0eexample", "xn--bcher-kva.example", "b\u00fccher.example"),
        ("b\u00fc\u00adcher.example", "xn--bcher-kva.example", "b\u00fccher.example"),
        ("\uff45xample.org", "example.org", "example.org"),
    ],
)
def test_a_domain_becomes_a_labels_unless_smtputf8_is_in_force(
    domain: str, ascii_domain: str, unicode_domain: str
) -> None:
    mailbox = parse_mailbox(f"b@{domain}")

    assert mailbox.for_wire() == f"b@{ascii_domain}"
    assert mailbox.for_wire(utf8=True) == f"b@{unicode_domain}"
    assert not mailbox.is_ascii
    assert not mailbox.needs_smtputf8
    assert to_ascii_domain(ascii_domain) == ascii_domain


@pytest.mark.parametrize("text", ["\u00e9@x.y", '"\u00e9 \u00e8"@x.y', "jos\u00e9"])
def test_a_local_part_beyond_ascii_needs_smtputf8(text: str) -> None:
    mailbox = parse_mailbox(text)

    assert mailbox.needs_smtputf8
    assert mailbox.for_wire(utf8=True) == text
    with pytest.raises(SMTPAddressError, match="needs SMTPUTF8"):
        mailbox.for_wire()


def test_addresses_are_the_same_when_only_the_domains_case_differs() -> None:
    key = parse_mailbox("a@X.y").key
    assert key == parse_mailbox("<a@x.Y>").key == parse_mailbox("a@\uff38.y").key
    assert key != parse_mailbox("A@x.y").key
    assert key != parse_mailbox("a").key


def test_a_long_text_is_refused_at_once_and_shown_in_part() -> None:
    for text in (
        "a" * 1_000_000,
        "a." * 500_000,
        '"' * 1_000_000,
        "<" * 1_000_000,
        "a@" * 500_000,
        "\u00e9@" * 500_000,
    ):
        with pytest.raises(SMTPAddressError) as caught:
            parse_mailbox(text, enforce_limits=True)
        assert len(str(caught.value)) < 1000


@given(st.text(st.characters(min_codepoint=1, max_codepoint=0x2100), max_size=20))
def test_whatever_is_accepted_stands_alone_between_the_brackets(text: str) -> None:
    try:
        mailbox = parse_mailbox(text)
    except SMTPAddressError:
        return
    wire = mailbox.for_wire(utf8=True)
    assert parse_mailbox(f"<{wire}>").for_wire(utf8=True) == wire
    unquoted = re.sub(r'^"(?:[^"\\]|\\.)*"', "", wire)
    assert not re.search(r"[\s<>\x00-\x1f\x7f-\x9f]", unquoted)


@given(st.from_regex(r"[a-z<>\"\\@. \[\]]{1,12}", fullmatch=True))
def test_an_accepted_ascii_address_reaches_the_wire_unchanged(text: str) -> None:
    try:
        mailbox = parse_mailbox(text)
    except SMTPAddressError:
        return
    assert mailbox.for_wire() in (text.strip(" "), text.strip(" ")[1:-1])
