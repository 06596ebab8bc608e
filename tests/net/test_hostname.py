"""What this host calls itself, and who is a neighbour."""

from __future__ import annotations

import socket

import anyio
import pytest

from tests.harness import cancel_everywhere
from tests.net.support import ERRORS, asyncio_only, pair, reset, tcp_pair
from transfer._net import hostname
from transfer._net.hostname import _is_qualified, _literal, is_loopback, own_hostname
from transfer._net.names import ascii_host
from transfer._net.stream import Stream


async def test_the_name_is_qualified_or_an_address_literal() -> None:
    with tcp_pair() as (stream, _):
        name = await own_hostname(stream)

    assert name == "[127.0.0.1]" or "." in name
    assert name.isascii()
    assert await own_hostname(stream) == name, "asked for once; the connection may be gone by now"


@pytest.mark.parametrize(
    ("name", "qualified"),
    [
        ("mail.example", True),
        ("printer.home.arpa", True),
        ("localhost", False),
        ("", False),
        ("straße.example", False),
        ("Joe's machine.local", False),
        ("1.0.0.127.in-addr.arpa", False),
        ("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa", False),
    ],
)
def test_a_name_that_says_nothing_is_no_name(name: str, qualified: bool) -> None:
    assert _is_qualified(name) is qualified


def test_literals_of_each_family() -> None:
    """RFC 5321 §4.1.3."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert _literal(listener) == "[127.0.0.1]"
    assert _literal(listener) == "[127.0.0.1]", "closed"
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        assert _literal(listener) == "[IPv6:::1]"
    with socket.socket(socket.AF_UNIX) as sock:
        assert _literal(sock) == "[127.0.0.1]"


async def test_a_peer_on_this_host_is_on_loopback() -> None:
    with tcp_pair() as (stream, _):
        assert is_loopback(stream)
    with pair() as (stream, _):
        assert is_loopback(stream)


async def test_a_mapped_address_counts_as_the_one_that_it_maps() -> None:
    with (
        socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as listener,
        socket.create_connection(("127.0.0.1", listener.getsockname()[1])),
    ):
        stream = Stream(listener.accept()[0], peer="peer", errors=ERRORS)
        assert stream.raw_socket.getpeername()[0] == "::ffff:127.0.0.1"
        assert is_loopback(stream)
        stream.close()


async def test_a_peer_that_has_gone_is_nowhere() -> None:
    with tcp_pair() as (stream, peer):
        reset(peer)
        await anyio.wait_readable(stream.raw_socket)
        assert not is_loopback(stream)


@asyncio_only
async def test_cancelled_anywhere_the_name_can_be_asked_for_again() -> None:
    async def forget_and_ask() -> None:
        hostname._known = None
        with pair() as (stream, _):
            await own_hostname(stream)

    await cancel_everywhere(forget_and_ask)


def test_names_in_ascii_are_left_alone() -> None:
    for name in ("mail.example", "MAIL.example.", "_dmarc.example", "127.0.0.1", "::1", "", "a..b"):
        assert ascii_host(name) == name


def test_international_names_are_idna_2008() -> None:
    assert ascii_host("Straße.example") == "xn--strae-oqa.example"
    assert ascii_host("bücher.example") == "xn--bcher-kva.example"
    for name in ("ä" * 64, "a\u200d.example", "\ufffd.example"):
        with pytest.raises(UnicodeError):
            ascii_host(name)
