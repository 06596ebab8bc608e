from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.feeding import cut_octets, one_by_one
from transfer._wire.telnet import INTERRUPT, TelnetFilter, escape_telnet

TELNET_OCTETS = st.lists(
    st.sampled_from([b"a", b"\r\n", b"\xff", b"\xff", b"\xf4", b"\xfa", b"\xfb", b"\xfe", b"\xef", b"\x01"]),
    max_size=12,
).map(b"".join)

CASES = [
    (b"plain", b"plain", b""),
    (INTERRUPT + b"ABOR\r\n", b"ABOR\r\n", b""),
    (b"a\xff\xffb", b"a\xffb", b""),
    (b"\xff\xff\xff\xff", b"\xff\xff", b""),
    (b"\xff\xff\xff\xf4\xff\xff", b"\xff\xff", b""),
    (b"\xff\xfb\x03\xff\xfc\x03\xff\xfd\x03\xff\xfe\x03x", b"x", b""),
    (b"\xff\xfb\xffx", b"x", b""),
    (b"".join(b"\xff" + bytes([octet]) for octet in range(0xF0, 0xFB)), b"", b""),
    (b"na\xffme\xff\xef", b"na\xffme\xff\xef", b""),
    (b"\xff\xfb\r\n", b"\xff\xfb\r\n", b""),
    (b"name\xff", b"name", b"\xff"),
    (b"name\xff\xfd", b"name", b"\xff\xfd"),
]


@pytest.mark.parametrize(("data", "passed", "held"), CASES)
def test_commands_are_dropped_whole_or_octet_by_octet(data: bytes, passed: bytes, held: bytes) -> None:
    for chunks in ([data], one_by_one(data)):
        telnet = TelnetFilter()
        assert b"".join(map(telnet.feed, chunks)) == passed
        assert telnet.held == held


@given(cut_octets(TELNET_OCTETS))
def test_a_cut_changes_nothing(cut: tuple[bytes, list[bytes]]) -> None:
    data, chunks = cut
    whole, pieces = TelnetFilter(), TelnetFilter()
    assert b"".join(map(pieces.feed, chunks)) == whole.feed(data)
    assert pieces.held == whole.held


@given(TELNET_OCTETS | st.binary(max_size=50))
def test_escaped_octets_come_through(octets: bytes) -> None:
    telnet = TelnetFilter()
    assert telnet.feed(escape_telnet(octets)) == octets
    assert telnet.held == b""


def test_every_kind_of_buffer_can_be_fed() -> None:
    telnet = TelnetFilter()
    assert telnet.feed(bytearray(b"a\xff")) == b"a"
    assert telnet.feed(memoryview(b"\xffb")) == b"\xffb"
