"""The pool: connections are opened, lent, kept and closed, and no interruption loses one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import anyio
import anyio.lowlevel
import pytest

from tests.harness import ALL_MODES, Outcome, cancel_everywhere
from transfer._engine.pool import Handling, Pool, PoolLimits
from transfer._errors import ConnectError, DisconnectedError, ErrorFamily, ReplyError

ERRORS = ErrorFamily()
LONG = 10.0
SHORT = 0.02


class Wire:
    """A connection that knows what was done to it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.closed = anyio.Event()
        self.has_parted = False
        self.uses = 0

    @property
    def is_open(self) -> bool:
        return not self.closed.is_set()


class Peer:
    """Opens wires, and counts those that are open at the same time."""

    def __init__(self) -> None:
        self.wires: list[Wire] = []
        self.opening = 0
        self.most = 0
        self.failures: list[Exception] = []
        """Raised by the next openings, in this order."""
        self.bears = 1_000
        self.part_hangs = False
        self.part_fails: Exception | None = None

    @property
    def open_wires(self) -> list[Wire]:
        return [wire for wire in self.wires if wire.is_open]

    async def open(self) -> Wire:
        self.opening += 1
        try:
            self.most = max(self.most, self.opening + len(self.open_wires))
            await anyio.lowlevel.checkpoint()
            await anyio.lowlevel.checkpoint()
            if self.failures:
                raise self.failures.pop(0)
            if len(self.open_wires) >= self.bears:
                raise ReplyError("421 too many")
        finally:
            self.opening -= 1
        self.wires.append(Wire(len(self.wires)))
        return self.wires[-1]

    async def part(self, wire: Wire) -> None:
        await anyio.lowlevel.checkpoint()
        if self.part_hangs:
            await wire.closed.wait()
            raise DisconnectedError("closed in the middle of it")
        if self.part_fails is not None:
            raise self.part_fails
        wire.has_parted = True

    def close(self, wire: Wire) -> None:
        wire.closed.set()

    def is_alive(self, wire: Wire) -> bool:
        return wire.is_open

    def is_full(self, exc: Exception) -> bool:
        return isinstance(exc, ReplyError)

    @property
    def handling(self) -> Handling[Wire]:
        return Handling(open=self.open, part=self.part, close=self.close, is_alive=self.is_alive, is_full=self.is_full)


class Rig:
    """A pool with its peer."""

    def __init__(self, peer: Peer, pool: Pool[Wire]) -> None:
        self.peer, self.pool = peer, pool
        self.order: list[object] = []

    async def use(self, name: object = None, *, work: Callable[[Wire], object] = lambda wire: None) -> Wire:
        """Take a connection, hold it for a moment, and give it back."""
        place = await self.pool.acquire()
        assert place.resource is not None
        try:
            self.order.append(name)
            self.pool.used(place)
            place.resource.uses += 1
            work(place.resource)
            await anyio.lowlevel.checkpoint()
        finally:
            self.pool.release(place)
        return place.resource


@asynccontextmanager
async def rig(*, close_seconds: float | None = LONG, drains: bool = True, **limits: float) -> AsyncIterator[Rig]:
    """A pool in a task group of its own, drained at the end."""
    peer = Peer()
    async with anyio.create_task_group() as tasks:
        pool = Pool(
            peer.handling,
            limits=PoolLimits(**limits),  # type: ignore[arg-type]  # of each its own kind
            tasks=tasks,
            errors=ERRORS,
            close_seconds=close_seconds,
        )
        yield Rig(peer, pool)
        if drains:
            await pool.drain()
    assert not peer.open_wires
    assert pool.connections == 0


# -- lending -----------------------------------------------------------------------------------------------------------


async def test_a_connection_is_used_again() -> None:
    async with rig() as desk:
        assert await desk.use() is await desk.use()
        assert len(desk.peer.wires) == 1
    assert desk.peer.wires[0].has_parted


async def test_there_are_never_more_connections_than_allowed() -> None:
    async with rig(connections=3, uses=2) as desk:
        async with anyio.create_task_group() as tasks:
            for _ in range(40):
                tasks.start_soon(desk.use)
        assert desk.peer.most == 3
        assert all(wire.uses <= 2 for wire in desk.peer.wires)
        assert sum(wire.uses for wire in desk.peer.wires) == 40


async def test_who_comes_first_is_served_first() -> None:
    async with rig(connections=1) as desk:
        place = await desk.pool.acquire()
        async with anyio.create_task_group() as tasks:
            for number in range(5):
                tasks.start_soon(desk.use, number)
                await anyio.wait_all_tasks_blocked()
            desk.pool.release(place)
        assert desk.order == list(range(5))


async def test_a_connection_that_was_lost_while_idle_is_replaced() -> None:
    async with rig() as desk:
        wire = await desk.use()
        wire.closed.set()
        assert await desk.use() is not wire
        assert not wire.has_parted


async def test_a_connection_that_was_lost_in_use_is_not_kept() -> None:
    async with rig() as desk:
        wire = await desk.use(work=desk.peer.close)
        assert desk.pool.connections == 0
        assert await desk.use() is not wire


async def test_a_spent_connection_is_closed_without_keeping_its_user_waiting() -> None:
    async with rig(uses=1, close_seconds=SHORT) as desk:
        desk.peer.part_hangs = True
        wire = await desk.use()
        with anyio.fail_after(LONG):
            await wire.closed.wait()
        assert desk.pool.connections == 0


async def test_an_idle_connection_is_closed_by_itself() -> None:
    async with rig(idle_seconds=SHORT) as desk:
        wire = await desk.use()
        with anyio.fail_after(LONG):
            await wire.closed.wait()
        assert wire.has_parted
        assert desk.pool.connections == 0
        assert await desk.use() is not wire


# -- opening fails -----------------------------------------------------------------------------------------------------


async def test_the_next_in_line_is_served_when_opening_fails() -> None:
    async with rig(connections=1) as desk:
        desk.peer.failures = [ConnectError("refused")]
        caught: list[ConnectError] = []

        async def use(name: int) -> None:
            try:
                await desk.use(name)
            except ConnectError as exc:
                caught.append(exc)

        async with anyio.create_task_group() as tasks:
            for number in range(3):
                tasks.start_soon(use, number)
        assert len(caught) == 1
        assert len(desk.order) == 2


async def test_a_server_that_bears_fewer_connections_gets_no_more() -> None:
    """Whoever was turned away waits for those that there are, at the head of the queue."""
    async with rig(connections=4) as desk:
        desk.peer.bears = 2
        async with anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(desk.use, number)
        assert sorted(map(str, desk.order)) == sorted(map(str, range(20)))
        assert len(desk.peer.wires) == 2


async def test_a_server_that_bears_none_is_an_error() -> None:
    async with rig(connections=4) as desk:
        desk.peer.bears = 0
        with pytest.raises(ReplyError, match="too many"):
            await desk.use()


# -- the end -----------------------------------------------------------------------------------------------------------


async def test_draining_waits_for_what_is_lent() -> None:
    async with rig(drains=False) as desk:
        place = await desk.pool.acquire()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(desk.pool.drain)
            await anyio.wait_all_tasks_blocked()
            assert desk.peer.open_wires
            desk.pool.release(place)
        assert desk.peer.wires[0].has_parted


async def test_draining_closes_idle_connections_at_once() -> None:
    async with rig(connections=2, drains=False) as desk:
        lent, idle = await desk.pool.acquire(), await desk.pool.acquire()
        desk.pool.release(idle)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(desk.pool.drain)
            await anyio.wait_all_tasks_blocked()
            assert idle.resource is not None
            assert not idle.resource.is_open
            desk.pool.release(lent)


async def test_draining_refuses_whoever_waits_or_comes_later() -> None:
    async with rig(connections=1, drains=False) as desk:
        place = await desk.pool.acquire()
        async with anyio.create_task_group() as tasks:

            async def refused() -> None:
                with pytest.raises(DisconnectedError, match="closed") as caught:
                    await desk.use()
                assert not caught.value.retryable

            tasks.start_soon(refused)
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(desk.pool.drain)
            await anyio.wait_all_tasks_blocked()
            await refused()
            desk.pool.release(place)


async def test_draining_is_bounded_where_the_peer_does_not_answer() -> None:
    async with rig(close_seconds=SHORT) as desk:
        desk.peer.part_hangs = True
        await desk.use()
        with anyio.fail_after(LONG):
            await desk.pool.drain()


async def test_an_error_of_the_goodbye_is_nobodys_concern() -> None:
    async with rig() as desk:
        desk.peer.part_fails = DisconnectedError("gone")
        await desk.use()


async def test_draining_that_is_cancelled_closes_everything() -> None:
    async with rig(connections=2, drains=False) as desk:
        lent, idle = await desk.pool.acquire(), await desk.pool.acquire()
        desk.peer.part_hangs = True
        desk.pool.release(idle)
        with anyio.move_on_after(SHORT):
            await desk.pool.drain()
        assert idle.resource is not None
        assert not idle.resource.is_open
        desk.pool.release(lent)
        assert not desk.peer.open_wires


async def test_the_pool_can_be_left_by_an_exception() -> None:
    peer = Peer()
    with anyio.move_on_after(LONG) as scope:
        async with anyio.create_task_group() as tasks:
            pool = Pool(peer.handling, limits=PoolLimits(idle_seconds=LONG), tasks=tasks, errors=ERRORS)
            place = await pool.acquire()
            pool.release(place)
            tasks.cancel_scope.cancel()
            await pool.drain()
    assert not scope.cancelled_caught
    assert not peer.open_wires


# -- cancellation ------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def lent_out(*, holder: bool) -> AsyncIterator[Rig]:
    """A pool of one connection, which another task *holder* has for a moment."""
    async with rig(connections=1, close_seconds=SHORT) as desk, anyio.create_task_group() as tasks:
        if holder:
            place = await desk.pool.acquire()

            async def hold() -> None:
                for _ in range(6):
                    await anyio.lowlevel.checkpoint()
                desk.pool.release(place)

            tasks.start_soon(hold)
        yield desk


async def nothing_is_lost(outcome: Outcome) -> None:
    """Whoever comes next gets a connection."""
    desk: Rig = outcome.subject
    with anyio.fail_after(LONG):
        await desk.use()
    assert desk.peer.most <= 1
    assert desk.pool.connections <= 1
    assert desk.pool.waiting == 0


@pytest.mark.parametrize("holder", [False, True], ids=["opening", "waiting"])
async def test_a_task_that_is_cancelled_takes_no_connection_with_it(holder: bool) -> None:
    await cancel_everywhere(
        lambda desk: desk.use(), around=partial(lent_out, holder=holder), check=nothing_is_lost, modes=ALL_MODES
    )


async def test_draining_can_be_cancelled_anywhere() -> None:
    @asynccontextmanager
    async def used() -> AsyncIterator[Rig]:
        async with rig(connections=2, close_seconds=SHORT, drains=False) as desk:
            one, two = await desk.pool.acquire(), await desk.pool.acquire()
            desk.pool.release(one)
            async with anyio.create_task_group() as tasks:

                async def hold() -> None:
                    for _ in range(3):
                        await anyio.lowlevel.checkpoint()
                    desk.pool.release(two)

                tasks.start_soon(hold)
                yield desk

    async def all_closed(outcome: Outcome) -> None:
        with anyio.fail_after(LONG):
            while outcome.subject.peer.open_wires:
                await anyio.lowlevel.checkpoint()

    await cancel_everywhere(lambda desk: desk.pool.drain(), around=used, check=all_closed, modes=ALL_MODES)
