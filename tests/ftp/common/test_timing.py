"""``with_timeout``."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from transfer.ftp import FTPException, FTPTimeoutError, with_timeout


class Waiter:
    """Has several limits."""

    timeout: float | None = 0.01
    read_timeout: float | None = None

    @with_timeout
    async def wait(self, seconds: float) -> str:
        """Wait."""
        await anyio.sleep(seconds)
        return "done"

    @with_timeout("read_timeout")
    async def read(self, *, seconds: float) -> str:
        await anyio.sleep(seconds)
        return "read"


async def test_a_method_that_takes_too_long_is_cancelled() -> None:
    cancelled = []

    class Noting(Waiter):
        @with_timeout
        async def wait(self, seconds: float) -> str:
            try:
                await anyio.sleep(seconds)
            except anyio.get_cancelled_exc_class():
                cancelled.append(seconds)
                raise
            return "done"

    with pytest.raises(FTPTimeoutError) as caught:
        await Noting().wait(100)

    assert cancelled == [100]
    assert isinstance(caught.value, asyncio.TimeoutError)
    assert isinstance(caught.value, FTPException)
    assert (caught.value.phase, caught.value.seconds) == ("wait", 0.01)


async def test_in_time_is_in_time() -> None:
    waiter = Waiter()
    waiter.timeout = 30

    assert await waiter.wait(0.001) == "done"


async def test_none_is_for_ever() -> None:
    assert await Waiter().read(seconds=0.02) == "read"


async def test_the_attribute_is_read_at_each_call() -> None:
    waiter = Waiter()
    assert await waiter.read(seconds=0.001) == "read"
    waiter.read_timeout = 0.001
    with pytest.raises(FTPTimeoutError, match=r"0\.001 seconds"):
        await waiter.read(seconds=100)


async def test_a_cancellation_from_outside_is_no_timeout() -> None:
    waiter = Waiter()
    waiter.timeout = 30
    with anyio.move_on_after(0.01) as scope:
        await waiter.wait(100)

    assert scope.cancelled_caught


async def test_a_timeout_of_the_methods_own_stays_what_it_is() -> None:
    class Failing(Waiter):
        @with_timeout
        async def wait(self, seconds: float) -> str:
            raise TimeoutError("my own")

    with pytest.raises(TimeoutError, match="my own") as caught:
        await Failing().wait(0)

    assert not isinstance(caught.value, FTPException)


def test_a_decorated_method_keeps_its_name_and_words() -> None:
    assert (Waiter.wait.__name__, Waiter.wait.__doc__) == ("wait", "Wait.")
