"""Iterators that can also be awaited, and coroutines whose results can be entered at once."""

from __future__ import annotations

import abc
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from types import TracebackType
from typing import Any, Generic, ParamSpec, Protocol, Self, TypeVar

from transfer.ftp._common._timing import with_timeout

__all__ = ["AbstractAsyncLister", "AsyncEnterable", "AsyncListerMixin", "AsyncStreamIterator", "async_enterable"]

P = ParamSpec("P")
T = TypeVar("T")


class AsyncStreamIterator:
    """Goes over the blocks that a coroutine function returns, until it returns an empty one."""

    def __init__(self, read_coro: Callable[[], Awaitable[bytes]]) -> None:
        self.read_coro: Callable[[], Awaitable[bytes]] = read_coro

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        block = await self.read_coro()
        if not block:
            raise StopAsyncIteration
        return block


class AsyncListerMixin(abc.ABC, Generic[T]):
    """What can be iterated over with ``async for`` can be awaited, too, for a list of everything."""

    async def _to_list(self) -> list[T]:
        return [item async for item in self]

    def __await__(self) -> Generator[Any, Any, list[T]]:
        return self._to_list().__await__()

    @abc.abstractmethod
    def __aiter__(self) -> AsyncIterator[T]:
        """Return the iterator."""


class AbstractAsyncLister(AsyncListerMixin[T], abc.ABC):
    """An iterator that can be awaited; a subclass has ``__anext__``, which ``with_timeout`` may decorate.

    Args:
        timeout: seconds for each item, None for ever; the attribute that ``with_timeout`` goes by.
    """

    def __init__(self, *, timeout: float | None = None) -> None:
        super().__init__()
        self.timeout: float | None = timeout

    def __aiter__(self) -> Self:
        return self

    @with_timeout
    @abc.abstractmethod
    async def __anext__(self) -> T:
        """Return the next item or raise StopAsyncIteration."""


Entered_co = TypeVar("Entered_co", covariant=True)


class AsyncEnterable(Protocol[Entered_co]):
    """What :func:`async_enterable` functions return: ``await`` it for the result, or enter it with ``async with``."""

    async def __aenter__(self) -> Entered_co: ...
    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None, /
    ) -> bool | None: ...
    def __await__(self) -> Generator[Any, Any, Entered_co]: ...


class _Enterable(Generic[T]):
    """A call that is made when it is awaited or entered."""

    def __init__(self, call: Callable[[], Awaitable[T]]) -> None:
        self._call = call
        self._result: Any = None

    def __await__(self) -> Generator[Any, Any, T]:
        return self._call().__await__()

    async def __aenter__(self) -> T:
        self._result = await self._call()
        entered: T = await self._result.__aenter__()
        return entered

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None, /
    ) -> bool | None:
        suppressed: bool | None = await self._result.__aexit__(exc_type, exc, traceback)
        return suppressed


def async_enterable(function: Callable[P, Awaitable[T]]) -> Callable[P, AsyncEnterable[T]]:
    """Let the result of a coroutine function, an async context manager, be entered without awaiting it first.

    Both ``async with await function(): …`` and ``async with function(): …`` work then.
    """

    @functools.wraps(function)
    def enterable(*args: P.args, **kwargs: P.kwargs) -> AsyncEnterable[T]:
        return _Enterable(functools.partial(function, *args, **kwargs))

    return enterable
