"""The helpers for addresses that programs import from ``transfer.smtp.email``."""

from __future__ import annotations

import aiosmtplib.email
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.smtp.support import raises
from transfer.smtp import SMTPAddressError
from transfer.smtp.email import parse_address, quote_address

SAME = [
    ("ben@x.example", "ben@x.example"),
    ("  ben@x.example ", "ben@x.example"),
    ("<ben@x.example>", "ben@x.example"),
    ("Ben <ben@x.example>", "ben@x.example"),
    ('"Smith, Ben" <ben+list@x.example>', "ben+list@x.example"),
    ("Ben (the second) <ben@x.example>", "ben@x.example"),
    ("Pepé Le Pew <pépe@x.example>", "pépe@x.example"),
    ('"a b"@x.example', '"a b"@x.example'),
    ('"a>b"@x.example', '"a>b"@x.example'),
    ('Ben <"a b"@x.example>', '"a b"@x.example'),
    ("ben@[192.0.2.1]", "ben@[192.0.2.1]"),
    ("postmaster", "postmaster"),
    ("", ""),
]
REFUSED = [
    "ben@x.example> NOTIFY=NEVER ORCPT=rfc822;eve@x.example",
    "Ben <ben@x.example> NOTIFY=NEVER",
    "Ben <ben@x.example>> <eve@x.example>",
    "ben@x.example SIZE=1",
    "ben@x.example\r\nRSET",
    "ben@x.example\tSIZE=1",
    "Ben <ben@x.example>\r\nRSET",
    "Ben\r\n <ben@x.example>",
    "<ben@x.example",
    "ben@x.example>",
    "B. Smith <ben@x.example",
    "ben@x.example, eve@x.example",
    "ben@x.example,eve@x.example",
    "Ben <ben@x.example>, Eve <eve@x.example>",
    "eve@x.example <ben@x.example>",
    "Friends: ben@x.example;",
    "@x.example",
]


@pytest.mark.parametrize(("text", "address"), SAME)
def test_the_address_is_found_as_programs_know_it(text: str, address: str) -> None:
    assert parse_address(text) == address == aiosmtplib.email.parse_address(text)
    assert quote_address(text) == f"<{address}>"


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_not_one_address_is_refused(text: str) -> None:
    for function in (parse_address, quote_address):
        with raises(SMTPAddressError, match="is not an address"):
            function(text)


def test_what_is_no_text_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="str"):
        parse_address(b"ben@x.example")  # type: ignore[arg-type]  # that is the point


@given(st.one_of(st.emails(), st.text(alphabet='ab@.<>" (),;\\\r\n\t\0é', max_size=30)))
@example("_______@x.example")
def test_whatever_comes_back_stands_alone_between_the_brackets(text: str) -> None:
    try:
        address = parse_address(text)
    except SMTPAddressError:
        return
    assert parse_address(address) == parse_address(f"<{address}>") == address
    assert address in text
    outside = address if not address.startswith('"') else address[address.rindex('"') + 1 :]
    assert not set(outside) & set('<>" \r\n\t\0')
