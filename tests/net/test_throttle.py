"""The arithmetic of the limit, with a clock of the test's own, and that it sleeps for what it computes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import pytest
import trio
import trio.testing

from transfer._net.throttle import Throttle


def test_the_rate_is_kept_however_the_bytes_are_cut() -> None:
    for block in (1, 10, 1000):
        throttle = Throttle(limit=1000)
        now = 50.0
        for _ in range(10_000 // block):
            now += throttle.reserve(block, now)

        assert now - 50 == pytest.approx(10, abs=0.11)  # all but the burst of a tenth of a second


def test_a_burst_of_a_tenth_of_a_second_is_free() -> None:
    throttle = Throttle(limit=1000)

    assert throttle.reserve(100, 50.0) == 0
    assert throttle.reserve(100, 50.0) == pytest.approx(0.1)


def test_idle_time_is_not_saved_up() -> None:
    throttle = Throttle(limit=1000)
    throttle.reserve(100, 50.0)

    assert throttle.reserve(1100, 1000.0) == pytest.approx(1.0)


def test_all_users_together_have_the_rate() -> None:
    throttle = Throttle(limit=1000)
    clocks = [50.0, 50.0]
    for _ in range(100):
        clocks = [now + throttle.reserve(50, now) for now in clocks]

    assert max(clocks) - 50 == pytest.approx(10, abs=0.2)


@pytest.mark.parametrize("limit", [None, 0, -1])
async def test_no_limit_takes_no_time_and_no_block(limit: float | None) -> None:
    throttle = Throttle(limit=limit)

    await throttle.spend(1 << 40)

    assert throttle.block_bytes is None
    assert throttle.reserve(1 << 40, 50.0) == 0


def test_the_limit_may_be_changed_at_any_time() -> None:
    throttle = Throttle(limit=1000)
    throttle.reserve(200, 50.0)
    throttle.limit = 10_000

    assert throttle.limit == 10_000
    assert throttle.block_bytes == 1000
    assert throttle.reserve(1000, 50.1) == 0, "what was owed at the old rate is forgotten"
    assert throttle.reserve(1000, 50.1) == pytest.approx(0.1)
    throttle.limit = None
    assert throttle.reserve(1000, 50.1) == 0


def test_a_block_is_at_least_one_byte() -> None:
    assert Throttle(limit=0.5).block_bytes == 1


def test_spending_sleeps_for_as_long_as_the_account_says() -> None:
    async def main() -> float:
        throttle = Throttle(limit=1000)
        started = trio.current_time()
        await throttle.spend(2100)
        return trio.current_time() - started

    clock = trio.testing.MockClock(autojump_threshold=0)

    assert trio.run(main, clock=clock) == pytest.approx(2.0, abs=0.01)


def test_a_throttle_outlives_the_loop_it_was_used_in() -> None:
    """Each trio loop has a clock with a beginning of its own."""
    throttle = Throttle(limit=1_000_000)

    async def main() -> None:
        with anyio.fail_after(5):
            await throttle.spend(1000)

    for _ in range(4):
        anyio.run(main, backend="trio")
        anyio.run(main, backend="asyncio")


async def test_spending_is_cancelled_in_its_sleep_and_keeps_the_account() -> None:
    throttle = Throttle(limit=1000)
    with anyio.move_on_after(0) as scope:
        await throttle.spend(10_000)

    assert scope.cancelled_caught
    assert throttle.block_bytes == 100


# -- as programs call it -----------------------------------------------------------------------------------------------


def on_a_jumping_clock(main: Callable[[], Awaitable[float]]) -> float:
    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_what_was_appended_is_waited_for() -> None:
    async def main() -> float:
        throttle = Throttle(limit=1000)
        started = trio.current_time()
        await throttle.wait()
        assert trio.current_time() == started, "nothing was moved yet"
        throttle.append(bytes(2100), started)
        await throttle.wait()
        return trio.current_time() - started

    assert on_a_jumping_clock(main) == pytest.approx(2.0, abs=0.01)


def test_the_time_that_a_move_took_is_not_waited_for_again() -> None:
    async def main() -> float:
        throttle = Throttle(limit=1000)
        started = trio.current_time()
        await trio.sleep(1.5)
        throttle.append(bytes(2100), started)
        await throttle.wait()
        return trio.current_time() - started

    assert on_a_jumping_clock(main) == pytest.approx(2.0, abs=0.01)


@pytest.mark.parametrize("limit", [None, 0])
def test_without_a_limit_nothing_is_counted(limit: int | None) -> None:
    throttle = Throttle(limit=limit)
    throttle.append(bytes(1 << 20), 0.0)
    throttle.limit = 1

    assert throttle.reserve(0, 50.0) == 0


def test_a_clone_has_an_account_of_its_own() -> None:
    throttle = Throttle(limit=1000, reset_rate=3)
    throttle.reserve(10_000, 50.0)
    clone = throttle.clone()

    assert (clone.limit, clone.reset_rate) == (1000, 3)
    assert clone.reserve(0, 50.0) == 0
    assert repr(clone) == "Throttle(limit=1000, reset_rate=3)"
