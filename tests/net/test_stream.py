"""The stream over plain sockets: rules R1 to R3, R6 and R10 of the architecture page."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from tests.net.support import (
    ERRORS,
    SOON,
    asyncio_only,
    in_time,
    pair,
    pattern,
    played,
    read_all,
    soon,
    until_waiting,
)
from transfer._errors import (
    DisconnectedError,
    LocalProtocolError,
    TransferTimeoutError,
)
from transfer._net.stream import FAIR_BYTES, Stream
from transfer._net.timeouts import Deadline

# -- R1: the system call first, then the wait --------------------------------------------------------------------------


async def test_R1_what_has_arrived_is_returned_without_a_wait() -> None:
    with pair() as (stream, peer):
        peer.sendall(b"220 ready\r\n")

        assert await stream.receive(Deadline(0, "reply")) == b"220 ready\r\n"


async def test_R1_what_has_not_arrived_is_waited_for() -> None:
    with pair() as (stream, peer):
        received: list[bytes] = []

        async def receive() -> None:
            received.append(await stream.receive(in_time()))

        async with anyio.create_task_group() as group:
            group.start_soon(receive)
            await until_waiting()
            assert received == []
            peer.sendall(b"220 ready\r\n")

        assert received == [b"220 ready\r\n"]


async def test_end_is_empty_bytes() -> None:
    with pair() as (stream, peer):
        peer.close()

        assert await stream.receive(in_time()) == b""
        assert not stream.truncated


async def test_send_longer_than_the_kernels_buffer_arrives_whole() -> None:
    data = pattern(3_000_000)
    with pair() as (stream, peer), played(read_all, peer) as read:
        await stream.send(data, in_time())
        await stream.send_eof()

    assert read.result == data


async def test_send_takes_every_kind_of_buffer() -> None:
    import array

    with pair() as (stream, peer):
        for data in (b"", bytearray(b"ab"), memoryview(b"cd"), memoryview(array.array("H", [0x6665]))):
            await stream.send(data, in_time())
        await stream.send_eof()

        assert read_all(peer) == b"abcdef"


async def test_max_bytes_limits_one_receive() -> None:
    with pair() as (stream, peer):
        peer.sendall(b"abcdef")

        assert await stream.receive(in_time(), 4) == b"abcd"
        assert await stream.receive(in_time(), 4) == b"ef"


async def test_a_buffer_without_room_is_refused_and_no_false_end() -> None:
    with pair() as (stream, peer):
        peer.sendall(b"x")
        with pytest.raises(ValueError, match="room"):
            stream.receive_into_nowait(memoryview(bytearray()))
        with pytest.raises(ValueError, match="above 0"):
            stream.receive_nowait(0)

        assert stream.receive_into_nowait(memoryview(bytearray(8))) == 1


# -- R2: checkpoints ---------------------------------------------------------------------------------------------------


async def test_R2_perform_in_a_cancelled_scope_does_nothing() -> None:
    steps = 0

    def step() -> bool:
        nonlocal steps
        steps += 1
        return True

    with pair() as (stream, peer):
        peer.sendall(b"x")
        with anyio.CancelScope() as scope:
            scope.cancel()
            await stream.perform(step)

        assert steps == 0
        assert scope.cancelled_caught
        assert stream.receive_nowait() == b"x"


async def test_R2_operations_that_never_block_let_others_run() -> None:
    with pair() as (stream, peer):
        peer.sendall(b"xxxx")
        # Twice, because trio shuffles the tasks that are ready.
        operations = (
            lambda: stream.receive(max_bytes=1),
            lambda: stream.send(b"y"),
            lambda: stream.perform(lambda: True),
            stream.send_eof,
        )
        for operation in operations:
            turns = 0

            async def take_a_turn() -> None:
                nonlocal turns
                turns += 1

            async with anyio.create_task_group() as group:
                group.start_soon(take_a_turn)
                await operation()
                await operation()
                assert turns == 1


async def test_R2_of_two_steps_at_once_the_second_lets_others_run() -> None:
    turns = 0

    async def take_a_turn() -> None:
        nonlocal turns
        turns += 1

    with pair() as (stream, _):
        async with anyio.create_task_group() as group:
            group.start_soon(take_a_turn)
            await stream.perform(lambda: True, yields=False)
            assert turns == 0
            await stream.perform(lambda: True)
            await stream.perform(lambda: True)
            assert turns == 1


async def test_R2_a_send_that_never_blocks_yields_once_per_mebibyte() -> None:
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await anyio.lowlevel.checkpoint()

    ours, theirs = socket.socketpair()
    with theirs:
        stream = BottomlessStream(ours, peer="peer", errors=ERRORS)
        async with anyio.create_task_group() as group:
            group.start_soon(count_turns)
            await stream.send(bytes(8 * FAIR_BYTES), in_time())
            group.cancel_scope.cancel()
        stream.close()

    assert stream.taken == 8 * FAIR_BYTES
    assert turns >= 6


class BottomlessStream(Stream):
    """Over a connection that always has room, as if the peer were faster than this side."""

    taken = 0

    def send_nowait(self, data: memoryview) -> int:
        self.taken += len(data)
        return len(data)


# -- R3: one absolute deadline -----------------------------------------------------------------------------------------


async def test_R3_deadline_is_named_in_the_error() -> None:
    with pair() as (stream, _), pytest.raises(TransferTimeoutError, match=r"No greeting within 0\.01 s") as caught:
        await stream.receive(soon("greeting"))

    assert (caught.value.phase, caught.value.seconds, caught.value.peer) == ("greeting", SOON, "peer")
    assert isinstance(caught.value, TimeoutError)


async def test_R3_the_callers_own_cancellation_passes_through() -> None:
    with pair() as (stream, peer):
        with anyio.move_on_after(SOON) as scope:
            await stream.receive(in_time())

        assert scope.cancelled_caught
        peer.sendall(b"x")
        assert await stream.receive(in_time()) == b"x", "a cancelled receive takes nothing"


async def test_R3_nothing_is_lost_when_data_and_deadline_come_together() -> None:
    with pair() as (stream, peer):
        got = bytearray()
        sent = 0
        while sent < 50:
            peer.sendall(b"x")
            sent += 1
            with contextlib.suppress(TransferTimeoutError):
                got += await stream.receive(Deadline(0, "reply"))
            with contextlib.suppress(TransferTimeoutError):
                got += await stream.receive(Deadline(0, "reply"))

        assert len(got) == sent


# -- R6: half-written means over ---------------------------------------------------------------------------------------


async def test_R6_after_a_cancelled_send_the_next_is_refused() -> None:
    with pair() as (stream, peer):
        async with anyio.create_task_group() as group:
            group.start_soon(stream.send, bytes(5_000_000), in_time())
            await until_waiting()
            group.cancel_scope.cancel()

        with pytest.raises(DisconnectedError, match="cut short"):
            await stream.send(b"QUIT\r\n")
        with pytest.raises(DisconnectedError, match="cut short"):
            stream.sending(b"QUIT\r\n")
        with pytest.raises(DisconnectedError, match="cut short"):
            await stream.send_eof()
        stream.close()
        assert b"QUIT" not in read_all(peer)


async def test_R6_a_send_of_which_nothing_left_may_be_repeated() -> None:
    with pair() as (stream, peer):
        while stream.send_nowait(memoryview(bytes(65536))) is not None:
            pass  # until the kernel's buffer is full
        with pytest.raises(TransferTimeoutError):
            await stream.send(b"NOOP\r\n", soon())
        with played(read_all, peer) as read:
            await stream.send(b"QUIT\r\n", in_time())
            stream.close()

    assert read.result.strip(b"\0") == b"QUIT\r\n"


@asyncio_only
async def test_R6_native_cancellation_of_a_send_breaks_the_stream() -> None:
    for cancels in (1, 2):
        with pair() as (stream, _):
            task = asyncio.ensure_future(stream.send(bytes(5_000_000), in_time()))
            await until_waiting()
            for _ in range(cancels):
                task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

            with pytest.raises(DisconnectedError, match="cut short"):
                await stream.send(b"QUIT\r\n")


@asyncio_only
async def test_wait_for_breaks_a_send_but_not_a_receive() -> None:
    with pair() as (stream, peer):
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(stream.receive(), SOON)
        peer.sendall(b"x")
        assert await asyncio.wait_for(stream.receive(), 10) == b"x"

        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(stream.send(bytes(5_000_000)), SOON)
        with pytest.raises(DisconnectedError, match="cut short"):
            await stream.send(b"x")


# -- one reader, one writer --------------------------------------------------------------------------------------------


async def test_two_receivers_are_refused_and_the_first_goes_on() -> None:
    with pair() as (stream, peer):
        received: list[bytes] = []

        async def receive() -> None:
            received.append(await stream.receive(in_time()))

        async with anyio.create_task_group() as group:
            group.start_soon(receive)
            await until_waiting()
            with pytest.raises(LocalProtocolError, match="Another task"):
                await stream.receive(in_time())
            peer.sendall(b"x")

    assert received == [b"x"]


async def test_two_senders_are_refused_and_the_first_goes_on() -> None:
    data = pattern(5_000_000)
    with pair() as (stream, peer):

        async def send() -> None:
            await stream.send(data, in_time())
            await stream.send_eof(in_time())

        async with anyio.create_task_group() as group:
            group.start_soon(send)
            await until_waiting()
            with pytest.raises(LocalProtocolError, match="Another task"):
                await stream.send(b"QUIT\r\n", in_time())
            with pytest.raises(LocalProtocolError, match="Another task"):
                await stream.send_eof(in_time())
            received = await anyio.to_thread.run_sync(read_all, peer)

    assert received == data


async def test_one_task_sends_while_another_receives() -> None:
    data = pattern(2_000_000)
    with pair() as (stream, peer):
        received = bytearray()

        async def receive() -> None:
            while block := await stream.receive(in_time()):
                received.extend(block)

        def echo() -> None:
            while block := peer.recv(65536):
                peer.sendall(block)
            peer.shutdown(socket.SHUT_WR)

        with played(echo):
            async with anyio.create_task_group() as group:
                group.start_soon(receive)
                await stream.send(data, in_time())
                await stream.send_eof(in_time())

    assert received == data
