"""Time limits and deadlines."""

from __future__ import annotations

import math

import anyio
import pytest

from transfer._net.timeouts import Deadline, Timeouts


def test_defaults_are_the_minima_of_rfc_5321_and_finite() -> None:
    limits = Timeouts()

    assert (limits.greeting, limits.reply, limits.initiation, limits.data, limits.termination) == (
        300,
        300,
        120,
        180,
        600,
    )
    assert all(0 < seconds < math.inf for seconds in (limits.connect, limits.tls, limits.close) if seconds)


@pytest.mark.parametrize("seconds", [0, -1, math.nan])
def test_limits_are_above_zero(seconds: float) -> None:
    with pytest.raises(ValueError, match="reply"):
        Timeouts(reply=seconds)


def test_none_and_infinity_wait_for_ever() -> None:
    limits = Timeouts(reply=None, data=math.inf)

    assert limits.reply is None
    assert limits.data == math.inf


def test_uniform_limits_everything_and_keeps_clean_up_short() -> None:
    assert Timeouts.uniform(60).termination == 60
    assert Timeouts.uniform(60).close == 5
    assert Timeouts.uniform(1).close == 1
    assert Timeouts.uniform(None).connect is None
    assert Timeouts.uniform(None).close == 5


async def test_deadline_is_fixed_when_first_asked_for_and_stays() -> None:
    deadline = Deadline(10, "reply")
    before = anyio.current_time()

    first = deadline.at

    assert before + 10 <= first <= anyio.current_time() + 10
    await anyio.lowlevel.checkpoint()
    assert deadline.at == first


async def test_deadline_without_limit_never_comes() -> None:
    assert Deadline(None, "reply").at == math.inf
