"""Listers, blocks and what is entered without being awaited."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import anyio
import anyio.lowlevel
import pytest

from transfer.ftp import (
    AbstractAsyncLister,
    AsyncListerMixin,
    AsyncStreamIterator,
    FTPTimeoutError,
    async_enterable,
    with_timeout,
)


class Countdown(AbstractAsyncLister[int]):
    """Counts down from three, and takes its time for the last one."""

    left = 4

    @with_timeout
    async def __anext__(self) -> int:
        self.left -= 1
        if not self.left:
            raise StopAsyncIteration
        if self.left == 1:
            await anyio.sleep(0.02)
        return self.left


async def test_a_lister_is_iterated_over_or_awaited() -> None:
    assert [number async for number in Countdown()] == [3, 2, 1]
    assert await Countdown() == [3, 2, 1]
    assert isinstance(Countdown(), AsyncListerMixin)
    assert Countdown().timeout is None


async def test_each_item_has_the_listers_timeout() -> None:
    lister = Countdown(timeout=0.001)
    assert await anext(lister) == 3
    assert await anext(lister) == 2
    with pytest.raises(FTPTimeoutError):
        await anext(lister)
    assert await Countdown(timeout=10) == [3, 2, 1]


class Again(AsyncListerMixin[str]):
    """Begins anew each time."""

    def __aiter__(self) -> AbstractAsyncLister[str]:
        class Letters(AbstractAsyncLister[str]):
            left = iter("ab")

            async def __anext__(self) -> str:
                try:
                    return next(self.left)
                except StopIteration:
                    raise StopAsyncIteration from None

        return Letters()


async def test_a_mixin_needs_no_more_than_an_iterator() -> None:
    letters = Again()
    assert await letters == ["a", "b"]
    assert await letters == ["a", "b"]


def test_what_is_abstract_is_not_made() -> None:
    abstract: Any
    for abstract in (AbstractAsyncLister, AsyncListerMixin):
        with pytest.raises(TypeError, match="abstract"):
            abstract()


async def test_blocks_come_until_one_is_empty() -> None:
    blocks = [b"", b"cd", b"ab"]

    async def read() -> bytes:
        return blocks.pop()

    assert [block async for block in AsyncStreamIterator(read)] == [b"ab", b"cd"]


# -- async_enterable ---------------------------------------------------------------------------------------------------


class Entered:
    """Notes how it is used, and keeps KeyErrors for itself."""

    def __init__(self, name: str) -> None:
        self.events = [name]

    async def __aenter__(self) -> Self:
        self.events.append("in")
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        self.events.append(f"out {exc!r}")
        return isinstance(exc, KeyError)


@async_enterable
async def make(name: str, *, suffix: str = "") -> Entered:
    """Make one."""
    await anyio.lowlevel.checkpoint()
    return Entered(name + suffix)


async def test_a_result_is_entered_with_or_without_an_await() -> None:
    async with make("a", suffix="b") as entered:
        assert entered.events == ["ab", "in"]
    assert entered.events == ["ab", "in", "out None"]

    async with await make("c") as entered:
        assert entered.events == ["c", "in"]
    assert (await make("d")).events == ["d"]


async def test_an_error_in_the_block_is_for_what_was_entered() -> None:
    one = Entered("a")

    @async_enterable
    async def give() -> Entered:
        return one

    async def enter_and_raise(error: Exception) -> None:
        async with give():
            raise error

    await enter_and_raise(KeyError())
    with pytest.raises(ValueError, match="no"):
        await enter_and_raise(ValueError("no"))
    assert one.events == ["a", "in", "out KeyError()", "in", "out ValueError('no')"]


async def test_nothing_is_done_before_it_is_awaited_or_entered() -> None:
    calls: list[str] = []

    @async_enterable
    async def note() -> Entered:
        calls.append("called")
        return Entered("a")

    enterable = note()
    before = len(calls)
    await enterable
    assert (before, calls) == (0, ["called"])


async def test_what_can_not_be_made_is_not_entered() -> None:
    @async_enterable
    async def fail() -> Entered:
        raise ValueError("no luck")

    with pytest.raises(ValueError, match="no luck"):
        async with fail():
            pass


def test_a_decorated_function_keeps_its_name_and_words() -> None:
    assert (make.__name__, make.__doc__) == ("make", "Make one.")
