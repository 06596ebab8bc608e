"""What stream and pump make of time, on trio with a clock of the test's own that jumps whenever everybody waits."""

from __future__ import annotations

import io
import socket
from collections.abc import Awaitable, Callable

import pytest
import trio
import trio.testing

from tests.net.support import ERRORS
from transfer._errors import TransferTimeoutError
from transfer._net.pump import receive_file, send_file
from transfer._net.stream import Stream
from transfer._net.throttle import Throttle
from transfer._net.timeouts import Deadline

SECONDS = 100.0
SIZE = 2_000_000


def run(scenario: Callable[[Stream, socket.socket], Awaitable[None]]) -> float:
    """Run *scenario* with both ends of a connection; the seconds that it took by the jumping clock."""

    async def main() -> float:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        stream = Stream(ours, peer="peer", errors=ERRORS)
        started = trio.current_time()
        try:
            await scenario(stream, theirs)
        finally:
            stream.close()
            theirs.close()
        return trio.current_time() - started

    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


async def take_every(seconds: float, peer: socket.socket, count: int) -> None:
    """Read up to *count* bytes every so often, for ever."""
    while True:
        await trio.sleep(seconds)
        try:
            peer.recv(count)
        except BlockingIOError:
            continue


async def give_every(seconds: float, peer: socket.socket, count: int, total: int) -> None:
    """Send up to *count* bytes every so often, *total* in all, and the end."""
    while total:
        await trio.sleep(seconds)
        try:
            total -= peer.send(bytes(min(count, total)))
        except BlockingIOError:
            continue
    peer.shutdown(socket.SHUT_WR)


def test_R3_a_dripping_peer_runs_into_the_deadline_of_the_exchange() -> None:
    """Every wait is shorter than the deadline; the deadline is for all of them."""
    line = bytearray()

    async def scenario(stream: Stream, peer: socket.socket) -> None:
        def step() -> bytes | None:
            while not line.endswith(b"\n"):
                data = stream.receive_nowait()
                if data is None:
                    return None
                line.extend(data)
            return bytes(line)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(give_every, SECONDS / 10, peer, 1, SIZE)
            with pytest.raises(TransferTimeoutError):
                await stream.perform(step, Deadline(SECONDS, "reply"))
            nursery.cancel_scope.cancel()

    assert run(scenario) == pytest.approx(SECONDS)
    assert len(line) >= 9


def test_R3_a_slow_reader_that_moves_on_is_not_cut_off() -> None:
    async def scenario(stream: Stream, peer: socket.socket) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(take_every, SECONDS / 10, peer, 100_000)
            assert await send_file(stream, io.BytesIO(bytes(SIZE)), seconds=SECONDS) == SIZE
            nursery.cancel_scope.cancel()

    assert run(scenario) > SECONDS, "all of it took longer than any block may"


def test_R3_a_slow_sender_that_moves_on_is_not_cut_off() -> None:
    async def scenario(stream: Stream, peer: socket.socket) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(give_every, SECONDS / 10, peer, 100_000, SIZE)
            assert await receive_file(stream, io.BytesIO(), seconds=SECONDS) == SIZE

    assert run(scenario) > SECONDS


def test_R3_a_dripping_reader_is_cut_off() -> None:
    async def scenario(stream: Stream, peer: socket.socket) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(take_every, SECONDS / 10, peer, 1000)
            with pytest.raises(TransferTimeoutError):
                await send_file(stream, io.BytesIO(bytes(SIZE)), seconds=SECONDS)
            nursery.cancel_scope.cancel()

    assert run(scenario) < 3 * SECONDS


def test_R3_a_dripping_sender_is_cut_off_and_what_came_is_kept() -> None:
    file = io.BytesIO()

    async def scenario(stream: Stream, peer: socket.socket) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(give_every, SECONDS / 10, peer, 1000, SIZE)
            with pytest.raises(TransferTimeoutError):
                await receive_file(stream, file, seconds=SECONDS)
            nursery.cancel_scope.cancel()

    assert run(scenario) < 3 * SECONDS
    assert len(file.getvalue()) > 5000


def test_without_a_limit_a_peer_may_take_its_time() -> None:
    async def scenario(stream: Stream, peer: socket.socket) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(give_every, 1e7, peer, 1000, 3000)
            assert await receive_file(stream, io.BytesIO(), seconds=None) == 3000

    assert run(scenario) >= 3e7


class Pausing(Throttle):
    """Blocks of 100 bytes, and after each a pause that is longer than any peer may take."""

    def __init__(self) -> None:
        super().__init__(limit=1000)

    def reserve(self, count: int, now: float) -> float:
        assert count <= 100
        return 3 * SECONDS


def test_the_throttles_pauses_are_not_the_peers_standing_still() -> None:
    async def scenario(stream: Stream, peer: socket.socket) -> None:
        assert await send_file(stream, io.BytesIO(bytes(300)), seconds=SECONDS, throttle=Pausing()) == 300
        peer.send(bytes(300))
        peer.shutdown(socket.SHUT_WR)
        assert await receive_file(stream, io.BytesIO(), seconds=SECONDS, throttle=Pausing()) == 300

    assert run(scenario) == pytest.approx(6 * 3 * SECONDS)


def test_after_a_pause_the_peer_has_its_time() -> None:
    async def scenario(stream: Stream, peer: socket.socket) -> None:
        peer.send(bytes(100))
        with pytest.raises(TransferTimeoutError):
            await receive_file(stream, io.BytesIO(), seconds=SECONDS, throttle=Pausing())

    assert run(scenario) == pytest.approx(4 * SECONDS, rel=0.01)
