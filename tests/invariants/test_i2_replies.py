"""I2: a reply belongs to its command or the channel is BROKEN."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import attrs
import pytest

from tests.engine.support import client_of, client_on, server_on, stream_on
from tests.harness import ALL_MODES, CutOutcome, Outcome, cancel_everywhere, cut_everywhere
from tests.peers import MiniFTP, PeerServer, ScriptedPeer, half_close, hang, send
from tests.peers.loopback import LOOPBACK
from tests.peers.wire import Wire
from transfer._engine.channel import ChannelState
from transfer._engine.client import ClientChannel
from transfer._engine.server import ServerChannel
from transfer._engine.transfer import Transfer
from transfer._errors import DisconnectedError
from transfer._net.stream import Stream
from transfer._wire.command import Command
from transfer._wire.dialect import FTP_CLIENT
from transfer._wire.reply import Severity, encode_reply

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
CONTENT = bytes(range(256)) * 4096  # more than the sockets take at once


def say(text: str) -> Command:
    return Command("SAY", text)


class Echo(PeerServer):
    """Answers every line with its own text, SAY in two pieces, so that no reply can pass for another."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(client_may_leave=True)
        self.tls = tls
        self.answers: list[str] = []
        """What the client of a cut run was told."""

    def serve(self, wire: Wire) -> None:
        wire.send(b"220 welcome\r\n")
        while True:
            line = wire.read_line()
            code = {b"DATA": 354, b"RETR": 150, b"PWD": 257}.get(line, 250)
            wire.send(b"%d-%b\r\n" % (code, line))
            wire.send(b"%d end\r\n" % code)
            if line == b"DATA":
                wire.read_until(b"\r\n.\r\n")
                wire.send(b"250 body\r\n")
            elif line == b"RETR":
                wire.send(b"226 over\r\n")
            elif line == b"STARTTLS" and self.tls is not None:
                wire.start_tls(self.tls)


@asynccontextmanager
async def connected(peer: Echo, *, greeted: bool = True) -> AsyncIterator[ClientChannel]:
    async with peer:
        with client_on(peer.socketpair()) as channel:
            if greeted:
                await channel.greeting()
            yield channel


# -- the client's coroutines -------------------------------------------------------------------------------------------

Talk = Callable[[ClientChannel, ssl.SSLContext], Awaitable[list[str]]]


async def greeting(channel: ClientChannel, context: ssl.SSLContext) -> list[str]:
    return [(await channel.greeting()).text]


async def exchange(channel: ClientChannel, context: ssl.SSLContext) -> list[str]:
    return [(await channel.exchange(say(number))).text for number in "12"]


async def pipeline(channel: ClientChannel, context: ssl.SSLContext) -> list[str]:
    return [reply.text for reply in await channel.pipeline([say("1"), say("2"), say("3")])]


async def payload(channel: ClientChannel, context: ssl.SSLContext) -> list[str]:
    opened = await channel.exchange(Command("DATA"))
    return [opened.text, (await channel.payload([CONTENT, b"last"], end=b"\r\n.\r\n")).text]


async def next_reply(channel: ClientChannel, context: ssl.SSLContext) -> list[str]:
    opened = await channel.exchange(Command("RETR"))
    channel.owe_reply()
    return [opened.text, (await channel.next_reply()).text]


async def settle(channel: ClientChannel, context: ssl.SSLContext) -> list[str]:
    opened = await channel.exchange(Command("RETR"))
    channel.owe_reply()
    said = await channel.settle(Command("ABOR"))
    await channel.catch_up(Command("PWD"), 257)
    return [opened.text, said[0].text]


async def start_tls(channel: ClientChannel, context: ssl.SSLContext) -> list[str]:
    opened = await channel.exchange(Command("STARTTLS"))
    await channel.start_tls(context, "localhost")
    return [opened.text, (await channel.exchange(say("in private"))).text]


def echoed(*lines: str) -> list[str]:
    return [f"{line}\nend" for line in lines]


TALKS: dict[Talk, list[str]] = {
    greeting: ["welcome"],
    exchange: echoed("SAY 1", "SAY 2"),
    pipeline: echoed("SAY 1", "SAY 2", "SAY 3"),
    payload: [*echoed("DATA"), "body"],
    next_reply: [*echoed("RETR"), "over"],
    settle: [*echoed("RETR"), "over"],
    start_tls: echoed("STARTTLS", "SAY in private"),
}


@pytest.mark.parametrize("talk", TALKS, ids=lambda talk: talk.__name__)
async def test_a_reply_belongs_to_its_command_or_the_channel_is_broken(
    talk: Talk, server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    """Cancelled at every checkpoint, in every way there is."""

    async def check(outcome: Outcome) -> None:
        channel: ClientChannel = outcome.subject
        if outcome.exception is None:
            assert outcome.value == TALKS[talk]
            assert channel.is_in_step
        if channel.is_open and not (talk is greeting and outcome.point == 0):  # there it has still to be read
            assert (await channel.exchange(say("afterwards"))).text == "SAY afterwards\nend"
        elif not channel.is_open:
            assert channel.state is ChannelState.BROKEN
            with pytest.raises(DisconnectedError):
                await channel.exchange(say("afterwards"))

    sweep = await cancel_everywhere(
        lambda channel: talk(channel, client_tls_context),
        around=lambda: connected(Echo(server_tls_context), greeted=talk is not greeting),
        check=check,
        modes=ALL_MODES,
    )
    assert sweep.points >= 1


async def test_a_cut_connection_gives_each_command_its_own_reply_or_none() -> None:
    """Cut after every octet that the server sends."""

    async def talk(peer: Echo) -> None:
        with client_of(peer, tcp=True) as channel:
            for part in (greeting, exchange, pipeline, payload, next_reply):
                peer.answers += await part(channel, NO_TLS)

    def check(outcome: CutOutcome, peer: Echo) -> None:
        told = [answer for part in (greeting, exchange, pipeline, payload, next_reply) for answer in TALKS[part]]
        assert peer.answers == told[: len(peer.answers)]
        assert (len(peer.answers) == len(told)) == (outcome.exception is None)

    sweep = await cut_everywhere(talk, Echo, check=check)
    assert sweep.points > 150


# -- the server's coroutines -------------------------------------------------------------------------------------------


async def serve(channel: ServerChannel) -> None:
    while (command := await channel.next_command()) is not None:
        await channel.reply(200, [f"{command} {number}" for number in range(2000)])


async def test_a_command_is_answered_once_and_in_turn_or_the_channel_is_broken() -> None:
    """The server's coroutines, cancelled at every checkpoint."""
    expected = b"".join(
        encode_reply(200, [f"SAY {command} {number}" for number in range(2000)]) for command in range(3)
    )

    @asynccontextmanager
    async def talking() -> AsyncIterator[tuple[ServerChannel, ScriptedPeer]]:
        async with ScriptedPeer(client_may_leave=True) as peer:
            peer.script(send(b"SAY 0\r\nSAY 1\r\nSA"), send(b"Y 2\r\n"), half_close(), hang())
            with server_on(peer.socketpair()) as channel:
                yield channel, peer

    async def check(outcome: Outcome) -> None:
        channel, peer = outcome.subject
        if channel.is_open:
            await serve(channel)
        channel.close()
        await peer.served()
        if channel.state is ChannelState.CLOSED:
            assert peer.received == expected
        else:
            assert expected.startswith(peer.received)

    await cancel_everywhere(lambda subject: serve(subject[0]), around=talking, check=check, modes=ALL_MODES)


# -- transfers ---------------------------------------------------------------------------------------------------------


@attrs.frozen
class Opened:
    """A control connection that is logged in, and the port for data."""

    channel: ClientChannel
    port: int

    async def connect(self) -> Stream:
        return stream_on(socket.create_connection((LOOPBACK, self.port)))


@asynccontextmanager
async def logged_in(server: MiniFTP) -> AsyncIterator[Opened]:
    async with server:
        with client_of(server, dialect=FTP_CLIENT, tcp=True) as channel:
            yield await log_in(channel)


async def log_in(channel: ClientChannel) -> Opened:
    await channel.greeting()
    for line in (Command("USER", "u"), Command("PASS", "p")):
        await channel.exchange(line)
    found = re.search(r"\|\|\|(\d+)\|", (await channel.exchange(Command("EPSV"))).text)
    assert found is not None
    return Opened(channel, int(found[1]))


async def download(opened: Opened) -> bytes:
    content = bytearray()
    async with Transfer(opened.channel, Command("RETR", "/x"), connect=opened.connect) as transfer:
        while block := await transfer.stream.receive():
            content += block
    assert transfer.final is not None
    assert transfer.final.severity is Severity.COMPLETION
    return bytes(content)


async def upload(opened: Opened) -> bytes:
    async with Transfer(opened.channel, Command("STOR", "/y"), connect=opened.connect) as transfer:
        await transfer.stream.send(CONTENT)
    assert transfer.final is not None
    assert transfer.final.severity is Severity.COMPLETION
    return CONTENT


@pytest.mark.parametrize("move", [download, upload], ids=lambda move: move.__name__)
async def test_a_transfer_leaves_its_channel_in_step_or_broken(move: Callable[[Opened], Awaitable[bytes]]) -> None:
    """A transfer cancelled at every checkpoint: what comes next gets its own reply, or there is nothing next."""

    async def check(outcome: Outcome) -> None:
        channel = outcome.subject.channel
        if outcome.exception is None:
            assert outcome.value == CONTENT
            assert channel.is_in_step
        if channel.is_open:
            assert (await channel.exchange(Command("PWD"))).code == 257
            assert channel.is_in_step
        else:
            assert channel.state is ChannelState.BROKEN

    await cancel_everywhere(
        move,
        around=lambda: logged_in(MiniFTP(files={"/x": CONTENT}, client_may_leave=True)),
        check=check,
        modes=ALL_MODES,
    )
