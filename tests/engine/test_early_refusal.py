"""A server that answers a message before it has seen any of it."""

from __future__ import annotations

import pytest

from tests.engine.support import client_of
from tests.peers import ScriptedPeer, expect, expect_eof, send
from transfer._engine.channel import ChannelState
from transfer._errors import DisconnectedError, RemoteProtocolError
from transfer._wire.command import Command
from transfer._wire.reply import Reply

DATA = Command("DATA")


async def test_a_refusal_that_comes_with_the_go_ahead_is_the_reply_to_the_body(peer: ScriptedPeer) -> None:
    peer.script(expect(b"DATA\r\n"), send(b"354 go on\r\n552-no\r\n552 quota\r\n"), expect_eof())
    with client_of(peer) as channel:
        await channel.exchange(DATA)

        assert await channel.payload(b"body", end=b".\r\n") == Reply(552, ("no", "quota"))

        assert not channel.payload_ended
        assert channel.state is ChannelState.BROKEN
        with pytest.raises(DisconnectedError, match="552 no"):
            await channel.exchange(DATA)


@pytest.mark.parametrize("octets", [b"250 taken\r\n", b"150 wait\r\n", b"55"])
async def test_anything_else_that_comes_with_the_go_ahead_breaks_the_channel(peer: ScriptedPeer, octets: bytes) -> None:
    peer.script(expect(b"DATA\r\n"), send(b"354 go on\r\n" + octets), expect_eof())
    with client_of(peer) as channel:
        await channel.exchange(DATA)
        with pytest.raises(RemoteProtocolError, match="before it was sent"):
            await channel.payload(b"body", end=b".\r\n")

        assert not channel.payload_ended
        assert channel.state is ChannelState.BROKEN
