"""The retry policy: what it repeats, how often, how long it waits, and how it ends."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import anyio
import anyio.lowlevel
import attrs
import pytest
import stamina.instrumentation

from tests.engine.support import SOON
from tests.harness import ALL_MODES, Outcome, cancel_everywhere
from tests.net.support import asyncio_only
from transfer._engine.retry import RetryPolicy, is_retryable
from transfer._errors import (
    AuthenticationError,
    ConnectError,
    DisconnectedError,
    IncompleteTransferError,
    LocalProtocolError,
    RemoteProtocolError,
    ReplyError,
    TLSError,
    TransferTimeoutError,
    UnsupportedError,
)
from transfer._wire.reply import Reply

AT_ONCE = RetryPolicy(attempts=5, timeout=None, wait_initial=0, wait_max=0, wait_jitter=0)
NEVER = 3600.0
"""Seconds that no test waits."""

WORTH_IT = [
    ConnectError("refused"),
    DisconnectedError("lost"),
    TransferTimeoutError("late"),
    ReplyError("busy", reply=Reply(450, ("busy",))),
    AuthenticationError("later", reply=Reply(454, ("later",))),
    IncompleteTransferError("half", retryable=True),
]
POINTLESS = [
    ReplyError("no", reply=Reply(550, ("no",))),
    AuthenticationError("no", reply=Reply(535, ("no",))),
    TLSError("certificate"),
    LocalProtocolError("CR in an argument"),
    RemoteProtocolError("garbage"),
    UnsupportedError("not offered"),
    IncompleteTransferError("half"),
    DisconnectedError("after the final dot", retryable=False),
    ValueError("a mistake"),
    OSError("not ours"),
]


class Flaky:
    """Fails with *errors* in turn, then succeeds."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    async def __call__(self, *args: object, **kwargs: object) -> tuple[object, ...]:
        self.calls += 1
        await anyio.lowlevel.checkpoint()
        if self.errors:
            raise self.errors.pop(0)
        return (*args, *kwargs.items())


@pytest.fixture
def waits() -> Iterator[list[float]]:
    """Every wait that begins, in seconds."""
    found: list[float] = []
    before = stamina.instrumentation.get_on_retry_hooks()
    stamina.instrumentation.set_on_retry_hooks([lambda details: found.append(details.wait_for)])
    yield found
    stamina.instrumentation.set_on_retry_hooks(before)


# -- what is repeated --------------------------------------------------------------------------------------------------


async def test_a_success_is_returned_and_nothing_repeated() -> None:
    function = Flaky()
    assert await AT_ONCE.call(function, 1, two=2) == (1, ("two", 2))
    assert function.calls == 1


@pytest.mark.parametrize("error", WORTH_IT, ids=lambda error: type(error).__name__)
async def test_what_says_that_it_is_retryable_is_repeated(error: Exception) -> None:
    function = Flaky(error, error)
    assert is_retryable(error)
    assert await AT_ONCE.call(function, "done") == ("done",)
    assert function.calls == 3


@pytest.mark.parametrize("error", POINTLESS, ids=repr)
async def test_everything_else_comes_out_at_once(error: Exception) -> None:
    function = Flaky(error)
    with pytest.raises(type(error)) as caught:
        await AT_ONCE.call(function)
    assert caught.value is error
    assert not is_retryable(error)
    assert function.calls == 1


async def test_a_permanent_error_ends_what_a_transient_one_began() -> None:
    function = Flaky(WORTH_IT[0], POINTLESS[0], WORTH_IT[0])
    with pytest.raises(ReplyError):
        await AT_ONCE.call(function)
    assert function.calls == 2


async def test_the_caller_may_decide_what_is_repeated() -> None:
    policy = attrs.evolve(AT_ONCE, retry_on=lambda exc: isinstance(exc, LookupError))
    function = Flaky(LookupError(), LookupError())
    await policy.call(function)
    assert function.calls == 3
    with pytest.raises(DisconnectedError):
        await policy.call(Flaky(DisconnectedError()))


# -- how often, and how long -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attempts", [1, 2, 5])
async def test_the_last_attempt_s_error_comes_out(attempts: int) -> None:
    errors = [DisconnectedError(str(number)) for number in range(attempts + 1)]
    function = Flaky(*errors)
    with pytest.raises(DisconnectedError) as caught:
        await attrs.evolve(AT_ONCE, attempts=attempts).call(function)
    assert caught.value is errors[attempts - 1]
    assert function.calls == attempts


async def test_waits_grow_up_to_their_limit(waits: list[float]) -> None:
    policy = RetryPolicy(attempts=6, wait_initial=0.001, wait_max=0.005, wait_jitter=0, wait_exp_base=2)
    await policy.call(Flaky(*[DisconnectedError()] * 5))
    assert waits == pytest.approx([0.001, 0.002, 0.004, 0.005, 0.005])


async def test_jitter_is_added_within_its_bounds(waits: list[float]) -> None:
    policy = RetryPolicy(attempts=20, wait_initial=0, wait_max=0.0002, wait_jitter=0.0002)
    await policy.call(Flaky(*[DisconnectedError()] * 19))
    assert len(waits) == 19
    assert all(0 <= wait <= 0.0004 for wait in waits)
    assert len(set(waits)) > 1


async def test_time_that_is_up_while_waiting_ends_with_the_last_failure() -> None:
    error = DisconnectedError("the last one")
    policy = RetryPolicy(attempts=None, timeout=0.2, wait_initial=NEVER, wait_max=NEVER)
    with pytest.raises(DisconnectedError) as caught:
        await policy.call(Flaky(error, error))
    assert caught.value is error


async def test_an_attempt_that_hangs_is_cut_off() -> None:
    async def hangs() -> None:
        if not failures:
            failures.append(DisconnectedError("first"))
            raise failures[0]
        await anyio.sleep_forever()

    failures: list[Exception] = []
    policy = RetryPolicy(timeout=0.2, wait_initial=0, wait_max=0, wait_jitter=0)
    with pytest.raises(TransferTimeoutError, match=r"Not done within 0\.2 seconds") as caught:
        await policy.call(hangs)
    assert (caught.value.phase, caught.value.seconds) == ("retries", 0.2)
    assert caught.value.__cause__ is failures[0]
    assert not caught.value.retryable


async def test_without_a_number_of_attempts_there_may_be_many() -> None:
    function = Flaky(*[DisconnectedError()] * 30)
    await attrs.evolve(AT_ONCE, attempts=None).call(function)
    assert function.calls == 31


# -- cancellation ------------------------------------------------------------------------------------------------------


async def test_a_cancellation_ends_the_wait() -> None:
    function = Flaky(DisconnectedError())
    with anyio.move_on_after(SOON) as scope:
        await RetryPolicy(wait_initial=NEVER, wait_max=NEVER, timeout=None).call(function)
    assert scope.cancelled_caught
    assert function.calls == 1


async def test_a_cancellation_ends_the_attempt_whatever_the_policy_repeats() -> None:
    calls = 0

    async def hangs() -> None:
        nonlocal calls
        calls += 1
        await anyio.sleep_forever()

    with anyio.move_on_after(SOON) as scope:
        await attrs.evolve(AT_ONCE, retry_on=lambda exc: True).call(hangs)
    assert scope.cancelled_caught
    assert calls == 1


@asyncio_only
async def test_a_native_cancellation_ends_the_wait_too() -> None:
    function = Flaky(DisconnectedError())
    policy = RetryPolicy(wait_initial=NEVER, wait_max=NEVER, timeout=None)
    task = asyncio.get_running_loop().create_task(policy.call(function))
    await asyncio.sleep(SOON)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert function.calls == 1


async def test_no_cancellation_is_swallowed_or_repeated_at_any_point() -> None:
    async def scenario() -> Flaky:
        function = Flaky(DisconnectedError(), DisconnectedError())
        functions.append(function)
        await AT_ONCE.call(function)
        return function

    def check(outcome: Outcome) -> None:
        assert functions[-1].calls == 3 or outcome.cancelled

    functions: list[Flaky] = []
    await cancel_everywhere(scenario, check=check, modes=ALL_MODES)


# -- the other two ways to use it --------------------------------------------------------------------------------------


async def test_as_a_decorator_it_keeps_the_function_s_face() -> None:
    function = Flaky(DisconnectedError())

    @AT_ONCE
    async def fetch(name: str, *, size: int = 1) -> object:
        """Fetch it."""
        return await function(name, size)

    assert (fetch.__name__, fetch.__doc__) == ("fetch", "Fetch it.")
    assert await fetch("a", size=2) == ("a", 2)
    assert function.calls == 2
    function.errors.append(DisconnectedError())
    assert await fetch("b") == ("b", 1)


async def test_as_a_loop_it_gives_attempts() -> None:
    numbers = []
    function = Flaky(DisconnectedError(), DisconnectedError())
    async for attempt in AT_ONCE:
        with attempt:
            numbers.append(attempt.num)
            await function()
    assert numbers == [1, 2, 3]


async def test_one_policy_serves_many_tasks() -> None:
    functions = [Flaky(*[DisconnectedError()] * number) for number in range(5)]
    async with anyio.create_task_group() as group:
        for function in functions:
            group.start_soon(AT_ONCE.call, function)
    assert [function.calls for function in functions] == [1, 2, 3, 4, 5]


# -- settings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"attempts": 0}, ValueError),
        ({"attempts": True}, ValueError),
        ({"attempts": 2.5}, ValueError),
        ({"timeout": 0}, ValueError),
        ({"timeout": float("nan")}, ValueError),
        ({"wait_initial": -1}, ValueError),
        ({"wait_max": float("inf")}, ValueError),
        ({"wait_jitter": -0.1}, ValueError),
        ({"wait_exp_base": 0.5}, ValueError),
        ({"retry_on": DisconnectedError}, TypeError),
        ({"retry_on": "always"}, TypeError),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(settings: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=next(iter(settings))):
        RetryPolicy(**settings)


def test_stamina_is_imported_when_the_first_retry_begins() -> None:
    """Together with tenacity it is half of what importing this package would cost."""
    script = (
        "import sys, transfer, anyio\n"
        "policy = transfer.RetryPolicy()\n"
        "assert not {'stamina', 'tenacity'} & set(sys.modules)\n"
        "anyio.run(policy.call, anyio.sleep, 0)\n"
        "assert 'stamina' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
