"""The body of a message: how it goes out, what a refusal in the middle comes to, and what is known of its fate."""

from __future__ import annotations

import array
import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel
import pytest

from tests.engine.support import NOOP, SOON, Gate, arrival, client_and_packets, client_of, client_on, drain
from tests.harness import ALL_MODES, Outcome, cancel_everywhere
from tests.net.support import asyncio_only, pattern, until_waiting
from tests.peers import ScriptedPeer, Step, close, expect, expect_eof, expect_until, half_close, hang, reset, send
from transfer._engine.channel import ChannelState
from transfer._engine.client import ClientChannel
from transfer._engine.payload import BLOCK_BYTES, Octets, Payload
from transfer._errors import DisconnectedError, LocalProtocolError, RemoteProtocolError, TransferTimeoutError
from transfer._net.timeouts import Timeouts
from transfer._wire.reply import Reply

DOT = b"\r\n.\r\n"
LARGE = pattern(3 * BLOCK_BYTES + 1000).replace(b"\r", b"r")


def taken() -> tuple[Step, ...]:
    """The peer takes a message up to its dot and accepts it."""
    return expect_until(DOT, "body"), send(b"250 queued\r\n"), hang()


async def pieces(*chunks: Octets) -> AsyncIterator[Octets]:
    for chunk in chunks:
        await anyio.lowlevel.checkpoint()
        yield chunk


def reusing_one_buffer(data: bytes, size: int) -> Iterator[memoryview]:
    """Pieces of *data*, each in the place of the one before, as ``readinto`` gives them."""
    buffer = bytearray(size)
    for start in range(0, len(data), size):
        piece = data[start : start + size]
        buffer[: len(piece)] = piece
        yield memoryview(buffer)[: len(piece)]


# -- how it goes out ---------------------------------------------------------------------------------------------------


BODIES: dict[str, tuple[Callable[[], Payload], bytes]] = {
    "bytes": (lambda: b"hello", b"hello"),
    "bytearray": (lambda: bytearray(b"hello"), b"hello"),
    "memoryview": (lambda: memoryview(b"hello"), b"hello"),
    "items of two octets": (lambda: memoryview(array.array("H", [0x6568, 0x6C6C])), b"hell"),
    "nothing": (lambda: b"", b""),
    "a block": (lambda: LARGE[:BLOCK_BYTES], LARGE[:BLOCK_BYTES]),
    "a block and one": (lambda: LARGE[: BLOCK_BYTES + 1], LARGE[: BLOCK_BYTES + 1]),
    "many blocks": (lambda: LARGE, LARGE),
    "a large bytearray": (lambda: bytearray(LARGE), LARGE),
    "an iterable": (lambda: [b"hel", bytearray(b""), memoryview(b"lo")], b"hello"),
    "an empty iterable": (lambda: iter(()), b""),
    "large pieces": (lambda: [LARGE[:300_000], b"x", LARGE[300_000:]], LARGE[:300_000] + b"x" + LARGE[300_000:]),
    "an asynchronous iterable": (lambda: pieces(b"hel", b"", bytearray(b"lo")), b"hello"),
    "large asynchronous pieces": (lambda: pieces(LARGE, LARGE), LARGE * 2),
    "one buffer again and again": (lambda: reusing_one_buffer(LARGE, 100_000), LARGE),
}


@pytest.mark.parametrize("body", BODIES)
async def test_every_kind_of_body_arrives_whole(peer: ScriptedPeer, body: str) -> None:
    make, octets = BODIES[body]
    peer.script(*taken())
    with client_of(peer) as channel:
        assert await channel.payload(make(), end=DOT) == Reply(250, ("queued",))
        assert channel.is_in_step
        assert channel.payload_ended
    assert peer.captured["body"] == octets


@pytest.mark.parametrize("body", ["bytes", "items of two octets", "many blocks", "large asynchronous pieces"])
async def test_a_body_may_bring_its_own_end(peer: ScriptedPeer, body: str) -> None:
    make, octets = BODIES[body]
    peer.script(expect(octets), send(b"250 chunk taken\r\n"), hang())
    with client_of(peer) as channel:
        assert (await channel.payload(make())).code == 250
        assert channel.payload_ended


async def test_a_short_body_and_its_end_are_one_send() -> None:
    with client_and_packets(Timeouts(termination=SOON)) as (channel, other):
        with pytest.raises(TransferTimeoutError):
            await channel.payload(b"hello", end=DOT)
        assert other.recv(1000) == b"hello" + DOT
        assert other.recv(1000) == b""


@pytest.mark.parametrize("code", [250, 354, 450, 552])
async def test_the_reply_is_returned_whatever_its_code(peer: ScriptedPeer, code: int) -> None:
    peer.script(expect(b"x" + DOT), send(b"%d that\r\n" % code), hang())
    with client_of(peer) as channel:
        assert await channel.payload(b"x", end=DOT) == Reply(code, ("that",))
        assert channel.is_in_step


async def test_what_an_iterable_raises_comes_out_and_the_end_is_never_sent(peer: ScriptedPeer) -> None:
    def failing() -> Iterator[bytes]:
        yield b"one"
        yield b"two"
        raise LookupError("no third")

    peer.script(expect(b"one"), expect_eof())
    with client_of(peer) as channel:
        with pytest.raises(LookupError, match="no third"):
            await channel.payload(failing(), end=DOT)
        assert channel.state is ChannelState.BROKEN
        assert not channel.payload_ended


@pytest.mark.parametrize("last_words", [b"421 shutting down\r\n", b""])
async def test_nothing_is_sent_when_the_server_has_gone_before(peer: ScriptedPeer, last_words: bytes) -> None:
    peer.script(send(last_words), half_close(), expect_eof())
    with client_of(peer) as channel:
        channel.payload_ended = True  # the one before
        await arrival(channel)
        if last_words:
            assert (await channel.payload(b"hello", end=DOT)).code == 421
        else:
            with pytest.raises(DisconnectedError, match="The server closed the connection"):
                await channel.payload(b"hello", end=DOT)
        assert not channel.payload_ended
        assert not channel.is_open


async def test_another_task_s_body_is_not_touched(peer: ScriptedPeer) -> None:
    gate = Gate()
    peer.script(expect(b"first" + DOT), gate.step, send(b"250 first\r\n"), hang())
    with client_of(peer) as channel:
        async with anyio.create_task_group() as group:
            group.start_soon(channel.payload, b"first" + DOT)
            await until_waiting()
            with pytest.raises(LocalProtocolError, match="under way"):
                await channel.payload(b"second" + DOT)
            assert channel.payload_ended
            gate.open()
        assert channel.is_in_step


# -- a server that has had enough --------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [close(), reset()], ids=["closes", "resets"])
async def test_an_early_refusal_is_the_answer_and_no_broken_pipe(peer: ScriptedPeer, end: Step) -> None:
    peer.script(expect(LARGE[:1000]), send(b"552-quota\r\n552 exceeded\r\n"), end)
    with client_of(peer, tcp=True) as channel:
        reply = await channel.payload(itertools.repeat(LARGE), end=DOT)
        assert reply == Reply(552, ("quota", "exceeded"))
        assert channel.state is ChannelState.BROKEN
        assert not channel.payload_ended


async def test_a_refusal_is_found_when_the_server_reads_no_further(peer: ScriptedPeer) -> None:
    peer.script(expect(LARGE[:1000]), send(b"451 disk full\r\n"), hang(reading=False))
    with client_of(peer, timeouts=Timeouts(data=0.3)) as channel:
        assert await channel.payload(LARGE * 4, end=DOT) == Reply(451, ("disk full",))
        assert channel.state is ChannelState.BROKEN
        assert not channel.payload_ended


async def test_a_421_in_the_middle_is_the_answer(peer: ScriptedPeer) -> None:
    peer.script(expect(LARGE[:1000]), send(b"421 too slow\r\n"), close())
    with client_of(peer, tcp=True) as channel:
        assert (await channel.payload(itertools.repeat(LARGE), end=DOT)).code == 421
        assert not channel.is_open
        with pytest.raises(DisconnectedError):
            await channel.exchange(NOOP)


@pytest.mark.parametrize("words", [b"", b"250 lovely\r\n", b"552 quo", b"bye\r\n"])
async def test_what_refuses_nothing_is_no_answer(peer: ScriptedPeer, words: bytes) -> None:
    peer.script(expect(LARGE[:1000]), send(words), reset())
    with client_of(peer, tcp=True) as channel:
        with pytest.raises(DisconnectedError):
            await channel.payload(itertools.repeat(LARGE), end=DOT)
        assert channel.state is ChannelState.BROKEN
        assert not channel.payload_ended


async def test_a_server_that_stops_reading_is_given_up(peer: ScriptedPeer) -> None:
    peer.script(hang(reading=False))
    with client_of(peer, timeouts=Timeouts(data=SOON)) as channel:
        with pytest.raises(TransferTimeoutError) as caught:
            await channel.payload(LARGE * 4, end=DOT)
        assert (caught.value.phase, caught.value.seconds) == ("progress of the message", SOON)
        assert channel.state is ChannelState.BROKEN
        assert not channel.payload_ended


async def test_a_server_that_stops_before_the_last_block_is_given_up_as_well() -> None:
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 20_000)
    with theirs, client_on(ours, timeouts=Timeouts(data=SOON)) as channel:
        with pytest.raises(TransferTimeoutError) as caught:
            await channel.payload(LARGE[:BLOCK_BYTES], end=DOT)
        assert caught.value.phase == "progress of the message"
        assert not channel.payload_ended


# -- the fate of what was sent -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", ["bytes", "many blocks"])
async def test_without_an_answer_it_is_known_that_the_whole_body_went_out(peer: ScriptedPeer, body: str) -> None:
    peer.script(expect_until(DOT), close())
    with client_of(peer) as channel:
        with pytest.raises(DisconnectedError):
            await channel.payload(BODIES[body][0](), end=DOT)
        assert channel.payload_ended
        assert channel.state is ChannelState.BROKEN


async def test_the_reply_has_its_own_time(peer: ScriptedPeer) -> None:
    peer.script(expect_until(DOT), hang())
    with client_of(peer, timeouts=Timeouts(termination=SOON)) as channel:
        with pytest.raises(TransferTimeoutError) as caught:
            await channel.payload(b"hello", end=DOT)
        assert (caught.value.phase, caught.value.seconds) == ("reply to the message", SOON)
        assert channel.payload_ended


async def test_garbage_in_place_of_the_reply_leaves_the_fate_open(peer: ScriptedPeer) -> None:
    peer.script(expect_until(DOT), send(b"thanks\r\n"), expect_eof())
    with client_of(peer) as channel:
        with pytest.raises(RemoteProtocolError):
            await channel.payload(b"hello", end=DOT)
        assert channel.payload_ended


FATES: dict[str, tuple[Callable[[], Payload], bytes]] = {
    "at once": (lambda: b"hello", DOT),
    "in pieces": (lambda: [b"hel", b"lo"], DOT),
    "with its own end": (lambda: b"hello" + DOT, b""),
    "in pieces with their own end": (lambda: [b"hel", b"lo" + DOT], b""),
    "in asynchronous pieces with their own end": (lambda: pieces(b"hel", b"lo" + DOT), b""),
    "larger than the socket": (lambda: LARGE, DOT),
}


@pytest.mark.parametrize("body", FATES)
async def test_no_cancellation_hides_that_the_server_has_it_all(body: str) -> None:
    """Whatever the moment: where the last octet is with the server, ``payload_ended`` says so."""
    make, end = FATES[body]

    @asynccontextmanager
    async def connected() -> AsyncIterator[tuple[ClientChannel, ScriptedPeer]]:
        async with ScriptedPeer(client_may_leave=True) as peer:
            peer.script(*taken())
            with client_of(peer) as channel:
                yield channel, peer

    async def check(outcome: Outcome) -> None:
        channel, peer = outcome.subject
        channel.close()
        await peer.served()
        assert channel.payload_ended or "body" not in peer.captured

    sweep = await cancel_everywhere(
        lambda subject: subject[0].payload(make(), end=end), around=connected, check=check, modes=ALL_MODES
    )
    assert sweep.points >= 1


@asyncio_only
async def test_a_cancellation_right_after_the_rest_has_gone_does_not_hide_it() -> None:
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 20_000)
    body = LARGE[:60_000]
    with theirs, client_on(ours) as channel:
        task = asyncio.get_running_loop().create_task(channel.payload(body))
        await asyncio.sleep(0)  # the socket has taken a part of it
        received = drain(theirs)
        assert 0 < len(received) < len(body)
        while len(received) < len(body):
            await asyncio.sleep(0)
            received += drain(theirs)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert channel.payload_ended
        assert channel.state is ChannelState.BROKEN
