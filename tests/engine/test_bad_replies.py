"""Replies that are none, never end, or end too early: the exchange ends, and the channel is BROKEN."""

from __future__ import annotations

import pytest

from tests.engine.support import NOOP, client_of
from tests.peers import (
    ScriptedPeer,
    close,
    drip,
    expect,
    expect_eof,
    reset,
    send,
)
from transfer._engine.channel import ChannelState
from transfer._errors import (
    DisconnectedError,
    RemoteProtocolError,
)
from transfer._wire.command import Command
from transfer._wire.dialect import FTP_CLIENT, SMTP_CLIENT, Dialect

BOTH = pytest.mark.parametrize("dialect", [SMTP_CLIENT, FTP_CLIENT], ids=lambda dialect: dialect.name)


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "does not begin with a code"),
        (b"\r\n", "does not begin with a code"),
        (b"999 what\r\n", "does not begin with a code"),
        (b"250 o\0k\r\n", "NUL"),
        (b"250-one\r\n251 two\r\n", "goes on with"),
        (b"\x16\x03\x01\x02\x7f\n", "does not begin with a code"),
    ],
)
async def test_garbage_breaks_the_channel(peer: ScriptedPeer, octets: bytes, why: str) -> None:
    peer.script(expect(b"NOOP\r\n"), send(octets), expect_eof())
    with client_of(peer) as channel:
        with pytest.raises(RemoteProtocolError, match=why) as caught:
            await channel.exchange(NOOP)
        assert caught.value.peer == "peer:25"
        assert channel.state is ChannelState.BROKEN


@BOTH
async def test_an_endless_line_ends_the_exchange_at_the_limit(peer: ScriptedPeer, dialect: Dialect) -> None:
    peer.script(expect(b"NOOP\r\n"), send(b"250 "), drip(b"x" * 4096, every_seconds=0))
    with client_of(peer, dialect=dialect) as channel:
        with pytest.raises(RemoteProtocolError, match="line is longer than 8192 octets"):
            await channel.exchange(NOOP)
        assert channel.state is ChannelState.BROKEN


@BOTH
async def test_endless_continuation_lines_end_the_exchange_at_the_limit(peer: ScriptedPeer, dialect: Dialect) -> None:
    peer.script(expect(b"NOOP\r\n"), drip(b"250-x\r\n" * 500, every_seconds=0))
    with client_of(peer, dialect=dialect) as channel:
        with pytest.raises(RemoteProtocolError, match=f"more than {dialect.reply_lines_limit} lines"):
            await channel.exchange(NOOP)
        assert channel.state is ChannelState.BROKEN


async def test_a_flood_of_preliminary_replies_ends(peer: ScriptedPeer) -> None:
    peer.script(expect(b"RETR x\r\n"), drip(b"150 soon\r\n" * 50, every_seconds=0))
    with client_of(peer, dialect=FTP_CLIENT) as channel:
        await channel.exchange(Command("RETR", "x"))
        assert {(await channel.next_reply()).code for _ in range(99)} == {150}
        with pytest.raises(RemoteProtocolError, match="101 preliminary replies in a row"):
            await channel.next_reply()
        assert channel.state is ChannelState.BROKEN


@pytest.mark.parametrize("octets", [b"", b"25", b"250 ok", b"250-one\r\n", b"250-one\r\n25"])
async def test_an_end_in_the_middle_of_a_reply_is_a_lost_connection(peer: ScriptedPeer, octets: bytes) -> None:
    peer.script(expect(b"NOOP\r\n"), send(octets), close())
    with client_of(peer) as channel:
        with pytest.raises(DisconnectedError, match="The server closed the connection") as caught:
            await channel.exchange(NOOP)
        assert caught.value.reply is None
        assert channel.state is ChannelState.BROKEN


async def test_a_reset_in_place_of_a_reply_is_a_lost_connection(peer: ScriptedPeer) -> None:
    peer.script(expect(b"NOOP\r\n"), reset())
    with client_of(peer, tcp=True) as channel:
        with pytest.raises(DisconnectedError, match="The connection was lost"):
            await channel.exchange(NOOP)
        assert channel.state is ChannelState.BROKEN
