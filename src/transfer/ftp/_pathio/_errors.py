"""What decorates the methods of storages."""

from __future__ import annotations

import functools
import sys
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from transfer.ftp._errors import PathIOError
from transfer.ftp._pathio._context import AsyncPathIOContext

__all__ = ["defend_file_methods", "universal_exception"]

P = ParamSpec("P")
R = TypeVar("R")


def universal_exception(coro: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Let a coroutine function fail with :class:`PathIOError` only; its ``reason`` is what really happened.

    NotImplementedError and StopAsyncIteration stay what they are, and so do cancellations.
    """

    @functools.wraps(coro)
    async def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await coro(*args, **kwargs)
        except (NotImplementedError, StopAsyncIteration, PathIOError):
            raise
        except Exception as exc:
            raise PathIOError(reason=sys.exc_info()) from exc  # type: ignore[arg-type]  # inside except it is complete

    return wrapper


def defend_file_methods(coro: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Let a storage's method that takes a file refuse what ``open`` returns, which has such methods of its own.

    Raises, when the method is called:
        ValueError: the file is an :class:`AsyncPathIOContext`.
    """

    @functools.wraps(coro)
    async def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        if isinstance(args[1], AsyncPathIOContext):
            raise ValueError("a file opened by open() is read and written by its own methods, not by its storage's")
        return await coro(*args, **kwargs)

    return wrapper
