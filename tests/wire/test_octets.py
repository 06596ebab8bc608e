from __future__ import annotations

import pytest

from transfer._errors import LocalProtocolError
from transfer._wire.dialect import LINE_BREAKERS
from transfer._wire.octets import encode_octets


def test_text_is_encoded_and_surrogates_give_their_octets_back() -> None:
    assert encode_octets("é\udcff", "utf-8", LINE_BREAKERS, "line") == b"\xc3\xa9\xff"
    assert encode_octets("é", "latin-1", LINE_BREAKERS, "line") == b"\xe9"
    assert encode_octets(b"\xfe\xff", "ascii", LINE_BREAKERS, "line") == b"\xfe\xff"


@pytest.mark.parametrize(("text", "octet", "position"), [("a\rb", "0D", 1), ("é\n", "0A", 2), (b"\0", "00", 0)])
def test_a_forbidden_octet_is_named_with_its_place(text: str | bytes, octet: str, position: int) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        encode_octets(text, "utf-8", LINE_BREAKERS, "argument of CWD")
    assert str(caught.value) == f"argument of CWD must not hold octet 0x{octet} (position {position})"


@pytest.mark.parametrize("encoding", ["utf-16-be", "utf-16", "utf-32"])
def test_an_encoding_cannot_make_a_line_end_of_a_character(encoding: str) -> None:
    with pytest.raises(LocalProtocolError, match="must not hold"):
        encode_octets("\u0d0a", encoding, LINE_BREAKERS, "line")


@pytest.mark.parametrize("surrogate", [0xDC0D, 0xDC0A, 0xDC00, 0xDC7F, 0xD800])
def test_surrogates_of_ascii_octets_do_not_exist(surrogate: int) -> None:
    with pytest.raises(LocalProtocolError, match="position 1"):
        encode_octets("a" + chr(surrogate), "utf-8", LINE_BREAKERS, "line")


@pytest.mark.parametrize("encoding", ["ascii", "no-such-encoding", "hex", "undefined", "idna"])
def test_what_cannot_be_encoded_is_the_callers_fault_and_stays_hidden(encoding: str) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        encode_octets("hunter\u2028", encoding, LINE_BREAKERS, "argument of PASS")
    assert encoding in str(caught.value)
    assert "hunter" not in str(caught.value)
    # An exception in the context would carry the whole text.
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
