"""The answering side: one command in, one reply out."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl

import anyio
import anyio.lowlevel
import pytest

from tests.engine.support import SOON, arrival, client_and_server, drain, server_and_socket
from tests.net.support import asyncio_only, until_waiting
from transfer._engine.channel import ChannelState
from transfer._errors import (
    DisconnectedError,
    LocalProtocolError,
    RemoteProtocolError,
    TLSError,
    TransferTimeoutError,
)
from transfer._net.timeouts import Deadline, Timeouts
from transfer._wire.command import Command
from transfer._wire.reply import Reply

# -- commands ----------------------------------------------------------------------------------------------------------


async def test_commands_sent_ahead_are_handed_out_one_at_a_time() -> None:
    with server_and_socket() as (channel, client):
        client.sendall(b"user alice\r\nPASS  s3cret \r\n\r\nNOOP\nQU")

        assert await channel.next_command() == Command("USER", "alice")
        assert await channel.next_command() == Command("PASS", " s3cret ", secret=True)
        assert await channel.next_command() == Command("")
        assert await channel.next_command() == Command("NOOP")
        with pytest.raises(TransferTimeoutError):
            await channel.next_command(Deadline(SOON, "command"))


async def test_a_command_may_come_octet_by_octet() -> None:
    with server_and_socket() as (channel, client):

        async def send() -> None:
            for octet in b"NOOP\r\n":
                client.send(bytes([octet]))
                await until_waiting()

        async with anyio.create_task_group() as group:
            group.start_soon(send)
            assert await channel.next_command() == Command("NOOP")


async def test_the_end_between_commands_is_no_command() -> None:
    with server_and_socket() as (channel, client):
        client.sendall(b"NOOP\r\n")
        client.close()

        assert await channel.next_command() == Command("NOOP")
        assert await channel.next_command() is None
        assert channel.state is ChannelState.CLOSED


async def test_the_end_in_the_middle_of_a_command_is_a_lost_connection() -> None:
    with server_and_socket() as (channel, client):
        client.sendall(b"DELE everyth")
        client.close()

        with pytest.raises(DisconnectedError, match="in mid-command"):
            await channel.next_command()
        assert channel.state is ChannelState.BROKEN


async def test_an_idle_client_is_given_up() -> None:
    with server_and_socket(timeouts=Timeouts(reply=SOON)) as (channel, _):
        with pytest.raises(TransferTimeoutError) as caught:
            await channel.next_command()
        assert (caught.value.phase, caught.value.seconds) == ("command", SOON)
        assert channel.state is ChannelState.BROKEN


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"x" * 5000, "line is longer than 4096 octets"),
        (b"NO\0OP\r\n", "command holds a NUL"),
        (b"NOOP\r\n" * 65, "more than 64 commands wait"),
        (b"STOR a\r\n" + b"x" * 20_000, "more than 16384 octets of commands wait"),
    ],
)
async def test_what_no_client_has_reasons_for_breaks_the_channel(octets: bytes, why: str) -> None:
    with server_and_socket() as (channel, client):
        client.sendall(octets)
        with pytest.raises(RemoteProtocolError, match=why) as caught:
            await channel.next_command()
        assert caught.value.peer == "peer:25"
        assert channel.state is ChannelState.BROKEN
        assert client.recv(1) == b""


async def test_an_endless_line_ends_at_the_limit() -> None:
    with server_and_socket() as (channel, client):

        async def flood() -> None:
            client.setblocking(False)
            while not channel.stream.is_closed:
                with contextlib.suppress(BlockingIOError, BrokenPipeError):
                    client.send(b"x" * 1000)
                await anyio.lowlevel.checkpoint()

        async with anyio.create_task_group() as group:
            group.start_soon(flood)
            with pytest.raises(RemoteProtocolError, match="line is longer than 4096 octets"):
                await channel.next_command()


async def test_a_second_task_that_waits_is_refused_and_the_first_goes_on() -> None:
    with server_and_socket() as (channel, client):
        commands = []

        async def first() -> None:
            commands.append(await channel.next_command())

        async with anyio.create_task_group() as group:
            group.start_soon(first)
            await until_waiting()
            with pytest.raises(LocalProtocolError, match="already using"):
                await channel.next_command()
            client.sendall(b"NOOP\r\n")
        assert commands == [Command("NOOP")]
        assert channel.is_open


async def test_a_cancellation_loses_no_part_of_a_command() -> None:
    with server_and_socket() as (channel, client):
        client.sendall(b"NO")
        with anyio.move_on_after(SOON):
            await channel.next_command()
        client.sendall(b"OP\r\n")

        assert channel.is_open
        assert await channel.next_command() == Command("NOOP")


# -- replies -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "octets"),
    [
        ("ok", b"211 ok\r\n"),
        ("", b"211 \r\n"),
        (
            ["Features:", " SIZE", "150 is no code here", "End"],
            b"211-Features:\r\n SIZE\r\n 150 is no code here\r\n211 End\r\n",
        ),
        ("caf\u00e9 \udcff", b"211 caf\xc3\xa9 \xff\xff\r\n"),
    ],
)
async def test_a_reply_is_sent_as_its_lines(lines: str | list[str], octets: bytes) -> None:
    with server_and_socket() as (channel, client):
        await channel.reply(211, lines)

        assert client.recv(1000) == octets


@pytest.mark.parametrize(("code", "text"), [(250, "a\r\n250 b"), (250, "a\nb"), (250, "a\0b"), (99, "x"), (600, "x")])
async def test_a_reply_that_can_t_be_sent_is_refused_before_anything_is_written(code: int, text: str) -> None:
    with server_and_socket() as (channel, client):
        with pytest.raises(LocalProtocolError):
            await channel.reply(code, text)
        await channel.reply(200, "the first")

        assert client.recv(1000) == b"200 the first\r\n"


async def test_a_client_that_does_not_read_is_given_up() -> None:
    with server_and_socket(timeouts=Timeouts(data=SOON)) as (channel, _):
        with pytest.raises(TransferTimeoutError) as caught:
            await channel.reply(211, ["x" * 4000] * 1000)
        assert (caught.value.phase, caught.value.seconds) == ("room for a reply", SOON)
        assert channel.state is ChannelState.BROKEN


async def test_a_reply_to_a_client_that_has_gone_is_a_lost_connection() -> None:
    with server_and_socket() as (channel, client):
        client.close()
        with pytest.raises(DisconnectedError):
            await channel.reply(200, "anybody there?")
        assert channel.state is ChannelState.BROKEN


async def test_a_second_reply_at_the_same_time_is_refused_and_the_first_goes_on() -> None:
    with server_and_socket() as (channel, client):
        channel.stream.raw_socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 5000)
        long = [*["x" * 1000] * 500, "end"]

        async with anyio.create_task_group() as group:
            group.start_soon(channel.reply, 211, long)
            await until_waiting()
            with pytest.raises(LocalProtocolError, match="Another reply is under way"):
                await channel.reply(200, "me first")
            received = b""
            while not received.endswith(b"\r\n211 end\r\n"):
                received += drain(client)
                await anyio.lowlevel.checkpoint()
        await channel.reply(200, "now")

        assert b"me first" not in received
        assert drain(client) == b"200 now\r\n"


async def test_commands_wait_while_a_reply_is_sent() -> None:
    with client_and_server() as (client, server):

        async def serve() -> None:
            while (command := await server.next_command()) is not None:
                await server.reply(200, f"{command} it is")

        async with anyio.create_task_group() as group:
            group.start_soon(serve)
            for text in ("a", "b"):
                assert await client.exchange(Command("ECHO", text)) == Reply(200, (f"ECHO {text} it is",))
            client.close()


# -- TLS: RFC 3207 §4.2, RFC 4217 §4 -----------------------------------------------------------------------------------


async def test_a_conversation_goes_on_inside_tls(
    server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    with client_and_server() as (client, server):

        async def serve() -> None:
            assert await server.next_command() == Command("AUTH", "TLS")
            await server.reply(234, "go ahead")
            await server.start_tls(server_tls_context)
            assert await server.next_command() == Command("NOOP")
            await server.reply(200, "in private")

        async with anyio.create_task_group() as group:
            group.start_soon(serve)
            await client.exchange(Command("AUTH", "TLS"))
            await client.start_tls(client_tls_context, "localhost")
            assert await client.exchange(Command("NOOP")) == Reply(200, ("in private",))
        assert client.stream.tls is not None
        assert server.stream.tls is not None


@pytest.mark.parametrize("ahead", [b"USER mallory\r\n", b"USER mal", b"\n", b"USER mallory\r\nPASS x\r\n"])
async def test_commands_sent_ahead_in_clear_are_never_executed(
    ahead: bytes, server_tls_context: ssl.SSLContext
) -> None:
    with server_and_socket() as (channel, client):
        client.sendall(b"AUTH TLS\r\n" + ahead)
        assert await channel.next_command() == Command("AUTH", "TLS")
        with pytest.raises(RemoteProtocolError, match=f"{len(ahead)} octets of plain text came before"):
            await channel.start_tls(server_tls_context)
        assert channel.state is ChannelState.BROKEN
        assert client.recv(1) == b""
        with pytest.raises(DisconnectedError):
            await channel.next_command()


@asyncio_only
async def test_a_command_whose_delivery_was_cancelled_counts_as_sent_in_clear(
    server_tls_context: ssl.SSLContext,
) -> None:
    with server_and_socket() as (channel, client):
        client.sendall(b"AUTH TLS\r\nUSER mallory\r\n")
        assert await channel.next_command() == Command("AUTH", "TLS")
        task = asyncio.get_running_loop().create_task(channel.next_command())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(RemoteProtocolError, match="plain text"):
            await channel.start_tls(server_tls_context)


async def test_plain_text_in_place_of_the_handshake_is_never_executed(server_tls_context: ssl.SSLContext) -> None:
    with server_and_socket() as (channel, client):
        client.sendall(b"AUTH TLS\r\n")
        assert await channel.next_command() == Command("AUTH", "TLS")
        client.sendall(b"USER mallory\r\nPASS x\r\n")
        await arrival(channel)
        with pytest.raises(TLSError):
            await channel.start_tls(server_tls_context)
        assert channel.state is ChannelState.BROKEN


async def test_a_handshake_that_stalls_is_given_up(server_tls_context: ssl.SSLContext) -> None:
    with server_and_socket(timeouts=Timeouts(tls=SOON)) as (channel, _):
        with pytest.raises(TransferTimeoutError) as caught:
            await channel.start_tls(server_tls_context)
        assert caught.value.phase == "TLS handshake"
        assert channel.state is ChannelState.BROKEN
