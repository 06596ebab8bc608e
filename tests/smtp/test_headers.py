from __future__ import annotations

import re
from email.header import Header
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.smtp._errors import SMTPAddressError
from transfer.smtp._headers import needs_utf8, parse_addresses, parse_header


def addresses(value: object) -> list[str]:
    return [str(mailbox) for mailbox in parse_header(value, "To")]


def assigned(value: object) -> object:
    message = EmailMessage()
    message["To"] = value
    return message["To"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        (" ,, ,", []),
        ("a@b.c", ["a@b.c"]),
        ("a@b.c, d@e.f", ["a@b.c", "d@e.f"]),
        ("Ann <a@b.c>,Bob<d@e.f>", ["a@b.c", "d@e.f"]),
        ("John Q. Public <a@b.c>", ["a@b.c"]),
        ('"Doe, Ann \\"x\\" <evil@x.y>" <a@b.c>', ["a@b.c"]),
        ('"a b"@c.d', ['"a b"@c.d']),
        ('<"a>b"@c.d>', ['"a>b"@c.d']),
        ('"a@b.c x"@internal.domain', ['"a@b.c x"@internal.domain']),
        ("a@[IPv6:::1]", ["a@[IPv6:::1]"]),
        ("[List] Ann <a@b.c>", ["a@b.c"]),
        ("a@b.c (Ann (the first) of \\) many)", ["a@b.c"]),
        ("(Ann) a@b.c, (evil@x.y,) d@e.f", ["a@b.c", "d@e.f"]),
        ("undisclosed-recipients:;", []),
        ("Team: a@b.c, Bob <d@e.f>; g@h.i", ["a@b.c", "d@e.f", "g@h.i"]),
        ('"Team; x: y": a@b.c;', ["a@b.c"]),
        ("a@b.c <A@B.C>", ["A@B.C"]),
        ("a@b.c,\r\n d@e.f", ["a@b.c", "d@e.f"]),
        ("J\u00f6rg <a@b\u00fccher.example>", ["a@b\u00fccher.example"]),
        ("=?utf-8?q?J=C3=B6rg=2C?= <a@b.c>", ["a@b.c"]),
    ],
)
def test_an_address_list_is_read(text: str, found: list[str]) -> None:
    assert addresses(text) == found


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("A, B <b@x.y>", "it has no domain"),
        ("Ann", "it has no domain"),
        ("postmaster", "it has no domain"),
        ("Ann Doe", "is no address; a name stands before"),
        ("a@b.c d@e.f", "is no address"),
        ("<a@b.c> <d@e.f>", "two addresses stand without a comma"),
        ("<a@b.c> d@e.f", "follows an address without a comma"),
        ("a@b.c <d@e.f>", "an address in the place of a name"),
        ('"x"@b.c <d@e.f>', "an address in the place of a name"),
        ("a(c)@b.c", "is no address"),
        ("a@(c)b.c", "is no address"),
        ("a @b.c", "is no address"),
        ("<(c)a@b.c>", "dot-string"),
        ("<@relay:a@b.c>", "it has no local part"),
        ("<>", "it is empty"),
        ("Ann <a@b.c", "has no meaning at position 4"),
        ("<a@b.c>>", "has no meaning"),
        ('"Ann <a@b.c>', "has no meaning"),
        ("Ann (x <a@b.c>", "a comment has no ')'"),
        (")", "has no meaning"),
        ("a@b.c\0", "has no meaning"),
        ("Team: a@b.c", "a group has no ';'"),
        ("Team: Inner: a@b.c;;", "a colon stands"),
        (": a@b.c;", "a colon stands"),
        ("<a@b.c>: d@e.f;", "a colon stands"),
        ("a@b.c; d@e.f", "a semicolon stands where no group ends"),
        ("=?utf-8?q?=C3=A9?=@x.y", "cannot be encoded"),
        ("Ann <=?utf-8?q?a=40b?=@x.y>", "cannot be encoded"),
    ],
)
def test_what_is_ambiguous_is_refused(text: str, fault: str) -> None:
    with pytest.raises(SMTPAddressError, match=re.escape(fault)) as caught:
        addresses(text)
    assert "header To" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("Ann <a@b.c>, d@e.f", ["a@b.c", "d@e.f"]),
        ("John Q. Public <a@b.c>", ["a@b.c"]),
        ('"a@b.c x"@internal.domain', ['"a@b.c x"@internal.domain']),
        ("a@b.c <a@b.c>", ["a@b.c"]),
        ("Team: a@b.c, d@e.f;", ["a@b.c", "d@e.f"]),
        (["a@b.c", "Ann <d@e.f>"], ["a@b.c", "d@e.f"]),
        ("j\u00f6rg@b.c", ["j\u00f6rg@b.c"]),
    ],
)
def test_a_header_object_gives_its_addresses(value: object, found: list[str]) -> None:
    assert addresses(assigned(value)) == found


@pytest.mark.parametrize("value", ["A, B <b@x.y>", "a@b.c <d@e.f>", "root", ["A, B <b@x.y>"]])
def test_what_a_header_object_had_to_guess_is_refused(value: object) -> None:
    with pytest.raises(SMTPAddressError):
        addresses(assigned(value))


def test_an_encoded_piece_of_a_header_is_a_name() -> None:
    header = Header("J\u00f6rg, <evil@x.y>,", "utf-8")
    header.append("<a@b.c>", "us-ascii")

    assert addresses(header) == ["a@b.c"]
    assert addresses(Header("Ann <a@b.c>, d@e.f")) == ["a@b.c", "d@e.f"]


def test_a_header_that_is_encoded_as_a_whole_is_read_as_its_author_wrote_it() -> None:
    assert addresses(Header("J\u00f6rg <a@b.c>", "utf-8")) == ["a@b.c"]


def test_octets_that_were_parsed_are_utf8_or_stay_unread() -> None:
    raw = "J\u00f6rg <a@b.c>, j\u00f6rg@b.c".encode().decode("ascii", "surrogateescape")
    assert addresses(raw) == ["a@b.c", "j\u00f6rg@b.c"]
    assert addresses("J\udcf6rg <a@b.c>") == ["a@b.c"]
    with pytest.raises(SMTPAddressError, match=r"U\+DCF6"):
        addresses("j\udcf6rg@b.c")


@pytest.mark.parametrize(
    ("value", "needed"),
    [
        ("Ann <a@b.c>", False),
        ("J\u00f6rg <a@b.c>", False),
        ("J\u00f6rg <j\u00f6rg@b.c>", True),
        ("a@b\u00fccher.example", False),
        ("no address at all \u00e9", False),
        (Header("J\u00f6rg <a@b.c>", "utf-8"), False),
        (Header("j\u00f6rg@b.c", "utf-8"), True),
        (assigned("J\u00f6rg <j\u00f6rg@b.c>"), True),
        (assigned("J\u00f6rg <a@b.c>"), False),
    ],
    ids=lambda value: ascii(str(value)),
)
def test_only_addresses_beyond_ascii_need_utf8(value: object, needed: bool) -> None:
    assert needs_utf8(value) is needed


@pytest.mark.parametrize("piece", ["(", "<", '"', "[", "\\", ":", "()(", "(\\", '<"a', '"a" ', "a ", "=?", "a."])
def test_a_hostile_header_is_refused_without_delay(piece: str) -> None:
    with pytest.raises(SMTPAddressError) as caught:
        list(parse_addresses(piece * (100_000 // len(piece)), "To"))
    assert len(str(caught.value)) < 1000


@given(st.text(st.sampled_from('ab@.,:;<>()" \\[]\r\n\u00e9='), max_size=25))
def test_any_text_gives_addresses_with_a_domain_or_the_one_error(text: str) -> None:
    try:
        found = list(parse_addresses(text, "To"))
    except SMTPAddressError:
        return
    # Nothing is put together: every address is a piece of the header.
    assert all(mailbox.domain and str(mailbox) in text for mailbox in found)
