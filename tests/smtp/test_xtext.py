"""Values of ESMTP parameters: xtext of RFC 3461 §4, and the form that RFC 6533 §3 has for addresses in UTF-8."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.smtp._commands import check_options
from transfer.smtp._xtext import encode_original_recipient, encode_xtext

# RFC 6533 §3: EmbeddedUnicodeChar of xtext-specials, "\", or 2 to 6 digits above ASCII, without leading zeros.
HEXPOINT = r"20|2B|3D|5C|[8-9A-F][0-9A-F]|[1-9A-F][0-9A-F]{2,4}|10[0-9A-F]{4}"
UTF8_XTEXT = re.compile(rf"(?:[!-*,-<>-\[\]-~]|\\x\{{(?:{HEXPOINT})\}})+")
ADDRESSES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="\ufeff"), min_size=1)


def decode_xtext(text: str) -> str:
    return re.sub(r"\+([0-9A-F]{2})", lambda match: chr(int(match[1], 16)), text)


def decode_utf8_xtext(text: str) -> str:
    return re.sub(r"\\x\{([0-9A-F]+)\}", lambda match: chr(int(match[1], 16)), text)


# -- xtext -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("QQ314159", "QQ314159"),
        ("+ =", "+2B+20+3D"),
        ("Bob+news=x@example.org", "Bob+2Bnews+3Dx@example.org"),
        ("a>b<c", "a+3Eb+3Cc"),
        ("~!", "~!"),
        ("\r\n\0\x7f", "+0D+0A+00+7F"),
    ],
)
def test_what_an_esmtp_value_may_not_hold_is_encoded(text: str, encoded: str) -> None:
    assert encode_xtext(text) == encoded
    assert decode_xtext(encoded) == text


@given(st.text(st.characters(max_codepoint=127), min_size=1))
def test_any_ascii_comes_back_and_is_one_parameter(text: str) -> None:
    encoded = encode_xtext(text)

    assert decode_xtext(encoded) == text
    assert re.fullmatch(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+", encoded)
    assert check_options([f"ENVID={encoded}"]) == (f"ENVID={encoded}",)


# -- ORCPT -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "encoded"),
    [
        # RFC 3461 §10.1
        ("Bob@Example.COM", "rfc822;Bob@Example.COM"),
        ("ben+list@example.net", "rfc822;ben+2Blist@example.net"),
        ("root", "rfc822;root"),
        ('"a;b c"@example.net', 'rfc822;"a;b+20c"@example.net'),
        ("jörg@example.net", r"utf-8;j\x{F6}rg@example.net"),
        ("用户+x=y@例子.example", r"utf-8;\x{7528}\x{6237}\x{2B}x\x{3D}y@\x{4F8B}\x{5B50}.example"),
        (r'"a\ \"b"@ü.example', r'utf-8;"a\x{5C}\x{20}\x{5C}"b"@\x{FC}.example'),
        ("\U0001f4e8@example.net", r"utf-8;\x{1F4E8}@example.net"),
        ("utf-8;ben@example.net", "utf-8;ben@example.net"),
        ("X400;/PN=Ben/O=x/", "X400;/PN+3DBen/O+3Dx/"),
        ("rfc822;ben+x@example.net", "rfc822;ben+2Bx@example.net"),
    ],
)
def test_an_original_recipient_has_its_type_before_it(address: str, encoded: str) -> None:
    assert encode_original_recipient(address) == encoded


@pytest.mark.parametrize(
    "address", ["", "rfc822;", "a\r\nb", "a\0b", "a\x7fb", "a\x85b", "a\u2028b", "a\ufeffb", "a\udcffb", "utf-8;\n"]
)
def test_what_cannot_be_printed_is_no_address(address: str) -> None:
    with pytest.raises(ValueError, match="printable"):
        encode_original_recipient(address)


def test_only_utf_8_has_more_than_ascii() -> None:
    with pytest.raises(ValueError, match="type rfc822 is ASCII"):
        encode_original_recipient("rfc822;jörg@example.net")


@given(ADDRESSES)
def test_any_address_comes_back_and_is_one_parameter(name: str) -> None:
    encoded = encode_original_recipient(f"utf-8;{name}")

    assert decode_utf8_xtext(encoded.removeprefix("utf-8;")) == name
    assert UTF8_XTEXT.fullmatch(encoded.removeprefix("utf-8;"))
    assert encoded.isascii()
    assert check_options([f"ORCPT={encoded}"]) == (f"ORCPT={encoded}",)
