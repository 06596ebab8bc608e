from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import anyio
import anyio.lowlevel
import pytest

from tests.conftest import BACKENDS
from tests.harness import ALL_MODES, MODES, Mode, Outcome, cancel_everywhere
from tests.harness.channel import Channel, connected
from tests.harness.drive import on_asyncio

checkpoint = anyio.lowlevel.checkpoint


@contextlib.contextmanager
def reported(sentence: str) -> Iterator[list[str]]:
    """The harness raises *sentence*; gives the notes."""
    notes: list[str] = []
    with pytest.raises(AssertionError, match=sentence) as caught:
        yield notes
    notes += getattr(caught.value, "__notes__", [])


async def three_steps() -> str:
    for _ in range(3):
        await checkpoint()
    return "done"


# -- what is good passes


async def test_every_suspension_is_hit_once_per_mode() -> None:
    seen: list[Outcome] = []
    sweep = await cancel_everywhere(three_steps, check=seen.append, modes=[Mode.SCOPE])
    assert sweep.points == 3
    assert sweep.runs == 6
    assert [outcome.point for outcome in seen] == [None, 0, 1, 2, 3, 4]
    assert [outcome.cancelled for outcome in seen] == [False, True, True, True, True, False]
    assert [outcome.value for outcome in seen] == ["done", None, None, None, None, "done"]
    assert "three_steps" in seen[2].where


async def test_every_mode_cancels_at_every_suspension() -> None:
    seen: list[Outcome] = []
    await cancel_everywhere(three_steps, check=seen.append, modes=ALL_MODES)
    for mode in ALL_MODES if on_asyncio() else [Mode.SCOPE]:
        cancelled = {outcome.point for outcome in seen if outcome.mode is mode and outcome.cancelled}
        # Python 3.11's wait_for returns a result that came in the same turn of the loop as the timeout.
        assert cancelled >= ({1, 2} if mode is Mode.WAIT_FOR else {1, 2, 3})


async def test_a_channel_that_breaks_when_cancelled_passes() -> None:
    async def check(outcome: Outcome) -> None:
        channel: Channel = outcome.subject
        assert channel.broken or outcome.value == b"one" or await channel.exchange(b"ONE\n") == b"one"

    sweep = await cancel_everywhere(lambda channel: channel.exchange(b"ONE\n"), around=connected, check=check)
    assert sweep.points >= 1


async def test_suspensions_of_children_count() -> None:
    async def scenario() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(three_steps)

    sweep = await cancel_everywhere(scenario)
    assert sweep.points >= 4


async def test_a_child_that_never_started_is_no_leak() -> None:
    async def scenario() -> None:
        async with anyio.create_task_group() as group:
            await checkpoint()
            group.start_soon(three_steps)
            group.start_soon(three_steps)

    assert (await cancel_everywhere(scenario)).runs > 5


async def test_scopes_and_deadlines_of_the_scenario_are_its_own() -> None:
    async def scenario() -> None:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await checkpoint()
        with anyio.move_on_after(0.001):
            await anyio.sleep_forever()

    assert (await cancel_everywhere(scenario)).points >= 2


async def test_a_shielded_clean_up_with_a_deadline_passes() -> None:
    async def scenario() -> None:
        try:
            await three_steps()
        finally:
            with anyio.move_on_after(0.001, shield=True):
                await anyio.sleep_forever()

    assert (await cancel_everywhere(scenario)).points >= 4


async def test_allowed_exceptions_may_come_out() -> None:
    async def scenario() -> None:
        try:
            await three_steps()
        except anyio.get_cancelled_exc_class():
            raise LookupError from None

    assert (await cancel_everywhere(scenario, allowed=(LookupError,))).points == 3


# -- what is bad is reported


async def test_a_swallowed_cancellation_is_reported() -> None:
    async def scenario() -> None:
        with contextlib.suppress(anyio.get_cancelled_exc_class()):
            await checkpoint()

    for mode in MODES if on_asyncio() else [Mode.SCOPE]:
        with reported("swallowed"):
            await cancel_everywhere(scenario, modes=[mode])


async def test_another_exception_in_its_place_is_reported() -> None:
    async def scenario() -> None:
        try:
            await checkpoint()
        except anyio.get_cancelled_exc_class():
            raise ValueError("no") from None

    with reported(r"in place of the cancellation came ValueError\('no'\)") as notes:
        await cancel_everywhere(scenario)
    assert "cancel_everywhere: anyio.CancelScope.cancel() before the first step" in notes[0]


async def test_an_exception_group_is_reported() -> None:
    async def child() -> None:
        try:
            await three_steps()
        except anyio.get_cancelled_exc_class():
            raise ValueError from None

    async def scenario() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(child)

    with reported("ExceptionGroup"):
        await cancel_everywhere(scenario, allowed=(Exception,))


@pytest.mark.parametrize("mode", MODES)
async def test_a_leaked_socket_is_reported(mode: Mode) -> None:
    kept = []

    async def scenario() -> None:
        sock = socket.socket()
        kept.append(sock)
        await checkpoint()
        sock.close()

    if mode is Mode.SCOPE or on_asyncio():
        with reported(r"descriptor .* was left open: socket"):
            await cancel_everywhere(scenario, modes=[mode], settle_seconds=0.01)
    for sock in kept:
        sock.close()


async def test_a_socket_left_to_the_garbage_collector_is_reported() -> None:
    async def scenario() -> None:
        sock = socket.socket()
        try:
            await checkpoint()
        except BaseException:
            del sock
            raise
        sock.close()

    with reported("unclosed"):
        await cancel_everywhere(scenario, settle_seconds=0.01)


async def test_a_task_left_behind_is_reported() -> None:
    async def scenario() -> None:
        if on_asyncio():
            background.append(asyncio.get_running_loop().create_task(asyncio.sleep(0.2)))
        else:
            import trio

            trio.lowlevel.spawn_system_task(trio.sleep, 0.2)
        await checkpoint()

    background: list[object] = []
    with reported("a task was left"):
        await cancel_everywhere(scenario)


async def test_a_hang_in_the_clean_up_is_reported_and_ended() -> None:
    async def scenario() -> None:
        try:
            await checkpoint()
        except BaseException:
            with anyio.CancelScope(shield=True):
                await anyio.sleep_forever()
            raise

    with reported(r"hang: no end within 0.02 s, at .*sleep_forever"):
        await cancel_everywhere(scenario, bound_seconds=0.02)


async def test_a_scenario_that_resists_every_cancellation_is_ended() -> None:
    async def scenario() -> None:
        while True:
            with contextlib.suppress(anyio.get_cancelled_exc_class()):
                await anyio.sleep(0.01)

    with reported("hang"):
        await cancel_everywhere(scenario, bound_seconds=0.02)


async def test_a_timeout_of_the_check_is_its_own() -> None:
    async def check(outcome: Outcome) -> None:
        raise TimeoutError("the check's own")

    with pytest.raises(TimeoutError, match="the check's own"):
        await cancel_everywhere(three_steps, check=check)


async def test_a_scenario_without_a_checkpoint_is_reported() -> None:
    async def scenario() -> None:
        pass

    with reported("without a checkpoint"):
        await cancel_everywhere(scenario)
    assert (await cancel_everywhere(scenario, checkpoints=False)).points == 0


async def test_a_reply_that_answers_the_wrong_command_is_reported() -> None:
    async def forgets(channel: Channel) -> None:
        try:
            await channel.exchange(b"ONE\n")
        finally:
            channel.broken = False

    async def check(outcome: Outcome) -> None:
        if outcome.where and outcome.point:
            assert await outcome.subject.exchange(b"TWO\n") == b"two"

    with reported("b'one' == b'two'") as notes:
        await cancel_everywhere(forgets, around=connected, check=check)
    assert "at suspension 1" in "".join(notes)


async def test_an_undisturbed_run_that_fails_is_reported() -> None:
    async def scenario() -> None:
        raise LookupError("wrong from the start")

    with reported("wrong from the start") as notes:
        await cancel_everywhere(scenario)
    assert notes == ["cancel_everywhere: in the undisturbed run"]
    with reported("nothing was cancelled"):
        await cancel_everywhere(scenario, allowed=(LookupError,))


async def test_an_endless_scenario_is_reported() -> None:
    async def scenario() -> None:
        with anyio.CancelScope(shield=True):
            for _ in range(50):
                await checkpoint()

    with reported("more than 10 times"):
        await cancel_everywhere(scenario, limit=10, checkpoints=False, modes=[Mode.SCOPE])


# -- only on asyncio: native cancellation


only_asyncio = pytest.mark.parametrize("anyio_backend", BACKENDS[:-1])


@only_asyncio
async def test_a_clean_up_that_a_second_cancel_interrupts_is_reported() -> None:
    kept = []

    async def scenario() -> None:
        sock = socket.socket()
        kept.append(sock)
        try:
            await three_steps()
        except BaseException:
            with anyio.CancelScope(shield=True):
                await checkpoint()
            sock.close()
            raise
        sock.close()

    assert (await cancel_everywhere(scenario, modes=[Mode.SCOPE, Mode.NATIVE, Mode.WAIT_FOR])).runs > 10
    with reported(r"unclosed|left open") as notes:
        await cancel_everywhere(scenario, modes=[Mode.DOUBLE], settle_seconds=0.01)
    assert "and again 1 suspension(s) later" in notes[0]
    for sock in kept:
        sock.close()


@only_asyncio
async def test_a_result_that_a_late_cancel_loses_is_reported() -> None:
    made = []

    def make(future: asyncio.Future[socket.socket]) -> None:
        if not future.cancelled():
            made.append(socket.socket())
            future.set_result(made[-1])

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[socket.socket] = loop.create_future()
        loop.call_soon(make, future)
        (await future).close()

    # Not WAIT_FOR: since Python 3.12 its timeout can come just as late.
    assert (await cancel_everywhere(scenario, modes=[Mode.SCOPE, Mode.NATIVE, Mode.DOUBLE])).points == 1
    with reported(r"unclosed|left open"):
        await cancel_everywhere(scenario, modes=[Mode.LATE], settle_seconds=0.01)
    for sock in made:
        sock.close()
