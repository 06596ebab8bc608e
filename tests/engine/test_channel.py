"""What both ends share: states, who is told of what went wrong, and in whose words."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Coroutine
from typing import Any

import anyio
import pytest

from tests.engine.support import NOOP, SOON, client_and_server, client_of, client_on, server_on
from tests.net.support import until_waiting
from tests.peers import ScriptedPeer, expect, hang, send
from transfer._engine.channel import ChannelState
from transfer._errors import (
    DisconnectedError,
    ErrorFamily,
    LocalProtocolError,
    RemoteProtocolError,
    TransferError,
    TransferTimeoutError,
)
from transfer._net.timeouts import Timeouts
from transfer._wire.command import Command
from transfer._wire.reply import Reply

# -- states ------------------------------------------------------------------------------------------------------------


async def test_a_new_channel_is_open_and_in_step() -> None:
    with client_and_server() as (client, server):
        assert client.state is server.state is ChannelState.OPEN
        assert client.is_open
        assert client.is_in_step
        assert client.peer == "peer:25"


async def test_close_is_final_and_may_be_repeated() -> None:
    with client_and_server() as (client, server):
        client.close()
        client.close()
        client.abandon(ValueError("too late to break it"))

        assert client.state is ChannelState.CLOSED
        assert client.stream.is_closed
        assert not client.is_open
        assert not client.is_in_step
        assert await server.next_command() is None


async def test_a_broken_channel_stays_broken() -> None:
    with client_and_server() as (client, _):
        client.abandon(ValueError("first"))
        client.abandon(ValueError("second"))
        client.close()

        assert client.state is ChannelState.BROKEN
        assert client.stream.is_closed
        with pytest.raises(DisconnectedError, match="first"):
            await client.exchange(NOOP)


# -- who is told what --------------------------------------------------------------------------------------------------


async def test_a_closed_channel_says_that_it_is_not_connected() -> None:
    with client_and_server() as (client, server):
        client.close()
        server.close()

        uses: list[Coroutine[Any, Any, object]] = [
            client.greeting(),
            client.exchange(NOOP),
            client.pipeline([NOOP]),
            client.payload(b"x"),
            server.next_command(),
            server.reply(200, "ok"),
        ]
        for use in uses:
            with pytest.raises(DisconnectedError, match=r"^Not connected \[peer:25\]$"):
                await use
        with pytest.raises(DisconnectedError, match="Not connected"):
            client.look_for_news()


async def test_later_users_of_a_broken_channel_learn_why_it_broke(peer: ScriptedPeer) -> None:
    peer.script(expect(b"NOOP\r\n"), send(b"hello?\r\n"))
    with client_of(peer) as channel:
        with pytest.raises(RemoteProtocolError) as first:
            await channel.exchange(NOOP)
        with pytest.raises(DisconnectedError, match="Not connected: reply does not begin with a code") as later:
            await channel.exchange(NOOP)

    assert later.value.__cause__ is first.value


async def test_a_cancellation_is_nobody_else_s_cause(peer: ScriptedPeer) -> None:
    peer.script(expect(b"NOOP\r\n"), hang())
    with client_of(peer) as channel:
        async with anyio.create_task_group() as group:
            group.start_soon(channel.exchange, NOOP)
            await until_waiting()
            group.cancel_scope.cancel()
        with pytest.raises(DisconnectedError, match="an earlier command was cancelled") as later:
            await channel.exchange(NOOP)

    assert channel.state is ChannelState.BROKEN
    assert later.value.__cause__ is None


async def test_a_parting_421_is_shown_to_everybody_who_comes_later(peer: ScriptedPeer) -> None:
    peer.script(expect(b"NOOP\r\n"), send(b"421 closing\r\n"))
    with client_of(peer) as channel:
        await channel.exchange(NOOP)
        for _ in range(2):
            with pytest.raises(DisconnectedError, match="421 closing") as caught:
                await channel.exchange(NOOP)
            assert caught.value.reply == Reply(421, ("closing",))


async def test_whoever_waits_on_a_channel_that_is_closed_is_woken(peer: ScriptedPeer) -> None:
    peer.script(expect(b"NOOP\r\n"), hang())
    with client_of(peer) as channel:
        async with anyio.create_task_group() as group:

            async def wait() -> None:
                with pytest.raises(DisconnectedError, match="closed while in use"):
                    await channel.exchange(NOOP)

            group.start_soon(wait)
            await until_waiting()
            channel.close()


# -- in whose words ----------------------------------------------------------------------------------------------------


class House(TransferError):
    """A protocol's own root."""


class HouseLost(House, DisconnectedError):
    pass


class HouseTimeout(House, TransferTimeoutError):
    pass


class HouseLocal(House, LocalProtocolError):
    pass


class HouseRemote(House, RemoteProtocolError):
    pass


HOUSE = ErrorFamily(
    disconnected=HouseLost, timeout=HouseTimeout, local_protocol=HouseLocal, remote_protocol=HouseRemote
)


async def test_every_category_is_raised_in_the_protocol_s_own_class(peer: ScriptedPeer) -> None:
    peer.script(expect(b"NOOP\r\n"), send(b"garbage\r\n"))
    with client_on(peer.socketpair(), errors=HOUSE) as channel:
        with pytest.raises(HouseLocal):
            await channel.exchange(Command("NO OP"))
        with pytest.raises(HouseLocal):
            await channel.pipeline([])
        with pytest.raises(HouseRemote) as caught:
            await channel.exchange(NOOP)
        assert caught.value.peer == "peer:25"
        with pytest.raises(HouseLost):
            await channel.exchange(NOOP)


async def test_time_outs_come_in_the_protocol_s_own_class_too(peer: ScriptedPeer) -> None:
    peer.script(expect(b"NOOP\r\n"), hang())
    with (
        client_on(peer.socketpair(), errors=HOUSE, timeouts=Timeouts(reply=SOON)) as channel,
        pytest.raises(HouseTimeout),
    ):
        await channel.exchange(NOOP)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
async def test_text_is_encoded_as_told_and_other_octets_survive(encoding: str) -> None:
    octets = "é".encode(encoding) + b"\xfe"
    text = octets.decode(encoding, "surrogateescape")
    ours, theirs = socket.socketpair()
    with theirs, client_on(ours, encoding=encoding) as client, server_on(theirs, encoding=encoding) as server:

        async def serve() -> None:
            command = await server.next_command()
            assert command == Command("STAT", text)
            await server.reply(211, text)

        async with anyio.create_task_group() as group:
            group.start_soon(serve)
            assert await client.exchange(Command("STAT", text)) == Reply(211, (text,))


# -- TLS ---------------------------------------------------------------------------------------------------------------


async def test_tls_starts_once(server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext) -> None:
    with client_and_server() as (client, server):
        async with anyio.create_task_group() as group:
            group.start_soon(server.start_tls, server_tls_context)
            await client.start_tls(client_tls_context, "localhost")
        for again in (client.start_tls(client_tls_context, "localhost"), server.start_tls(server_tls_context)):
            with pytest.raises(LocalProtocolError, match="started already"):
                await again

        assert client.is_in_step
        assert server.is_open
