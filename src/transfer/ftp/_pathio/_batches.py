"""``BatchLister``: a lister of what is found some at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from transfer.ftp._common._iterating import AbstractAsyncLister
from transfer.ftp._pathio._errors import universal_exception

__all__ = ["BatchLister"]

T = TypeVar("T")


class BatchLister(AbstractAsyncLister[T]):
    """Goes over what *next_batch* returns, until that is nothing."""

    def __init__(self, next_batch: Callable[[], Awaitable[Sequence[T]]], timeout: float | None) -> None:
        super().__init__(timeout=timeout)
        self._next_batch = next_batch
        self._ready: deque[T] = deque()

    @universal_exception
    async def __anext__(self) -> T:
        """Return the next item or raise StopAsyncIteration."""
        if not self._ready:
            self._ready.extend(await self._next_batch())
            if not self._ready:
                raise StopAsyncIteration
        return self._ready.popleft()
