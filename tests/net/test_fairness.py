"""Invariant I10, counted: however fast the other side is, whoever moves a MiB lets everybody else have a turn."""

from __future__ import annotations

import io
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import TaskStatus

from tests.net.streams import UnblockedStream, both_paths, unblocked
from tests.net.support import in_time
from transfer._net.movers import BLOCK_BYTES, FastPaths
from transfer._net.pump import receive_file, send_file
from transfer._net.stream import FAIR_BYTES
from transfer._net.throttle import Throttle

MEBIBYTES = 12
SIZE = MEBIBYTES * 1024 * 1024
# trio shuffles the tasks that are ready, so up to two budgets may be spent between two turns of somebody else; a budget
# ends with the block that exceeds it.
MOST_BETWEEN_TURNS = 2 * (FAIR_BYTES + BLOCK_BYTES)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of SIZE bytes, most of them a hole."""
    path = tmp_path / "data"
    with path.open("wb") as file:
        file.truncate(SIZE)
    return path


async def moved_between_turns(stream: UnblockedStream, move: Callable[[], Awaitable[object]]) -> list[int]:
    """Await *move* beside a task that takes every turn it gets; how many bytes were moved between its turns."""
    seen = [0]

    async def take_turns(*, task_status: TaskStatus[None]) -> None:
        task_status.started()
        while True:
            await anyio.lowlevel.checkpoint()
            seen.append(stream.moved)

    async with anyio.create_task_group() as group:
        await group.start(take_turns)
        await move()
        group.cancel_scope.cancel()
    assert stream.moved == SIZE
    return [after - before for before, after in zip(seen, [*seen[1:], SIZE], strict=True)]


def assert_fair(moves: list[int]) -> None:
    assert len(moves) >= MEBIBYTES - 2
    assert max(moves) <= MOST_BETWEEN_TURNS


@both_paths
async def test_I10_sending_a_file_yields_once_per_mebibyte(paths: FastPaths, path: Path) -> None:
    with unblocked() as stream, path.open("rb") as file:
        assert_fair(await moved_between_turns(stream, lambda: send_file(stream, file, seconds=10, fast_paths=paths)))


@both_paths
async def test_I10_receiving_a_file_yields_once_per_mebibyte(paths: FastPaths, path: Path) -> None:
    with unblocked(SIZE) as stream, path.open("wb") as file:
        assert_fair(await moved_between_turns(stream, lambda: receive_file(stream, file, seconds=10, fast_paths=paths)))


async def test_I10_so_does_one_long_send() -> None:
    with unblocked() as stream:
        assert_fair(await moved_between_turns(stream, lambda: stream.send(bytes(SIZE), in_time())))


@both_paths
async def test_I10_a_throttle_that_does_not_bind_changes_nothing(paths: FastPaths, path: Path) -> None:
    with unblocked() as stream, path.open("rb") as file:
        throttle = Throttle(limit=1e15)
        assert_fair(
            await moved_between_turns(
                stream, lambda: send_file(stream, file, seconds=10, throttle=throttle, fast_paths=paths)
            )
        )


async def test_R2_a_transfer_that_never_blocks_can_be_cancelled(path: Path) -> None:
    with unblocked() as stream, path.open("rb") as file:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(_cancel_in_a_moment, scope)
                await send_file(stream, file, seconds=10)
        assert scope.cancelled_caught
        assert 0 < file.tell() == stream.moved < SIZE


async def _cancel_in_a_moment(scope: anyio.CancelScope) -> None:
    await anyio.lowlevel.checkpoint()
    scope.cancel()


class _ThreadAware(io.BytesIO):
    """Notes the threads in which it is read and written."""

    def __init__(self, data: bytes = b"") -> None:
        super().__init__(data)
        self.threads: set[int] = set()

    def readinto(self, buffer: Any) -> int:
        self.threads.add(threading.get_ident())
        return super().readinto(buffer)

    def write(self, data: Any) -> int:
        self.threads.add(threading.get_ident())
        return super().write(data)


async def test_R9_no_block_takes_a_hop_to_another_thread() -> None:
    with unblocked(1_000_000) as stream:
        target = _ThreadAware()
        await receive_file(stream, target, seconds=10)
        source = _ThreadAware(target.getvalue())
        await send_file(stream, source, seconds=10)

    assert target.threads == source.threads == {threading.get_ident()}


async def test_R2_a_transfer_of_nothing_passes_a_checkpoint() -> None:
    turns = 0

    async def take_a_turn() -> None:
        nonlocal turns
        turns += 1

    for move in (send_file, receive_file):
        with unblocked() as stream:
            async with anyio.create_task_group() as group:
                group.start_soon(take_a_turn)
                # Twice, because trio shuffles the tasks that are ready.
                await move(stream, io.BytesIO(), seconds=10)
                await move(stream, io.BytesIO(), seconds=10)
                assert turns == 1
        turns = 0
