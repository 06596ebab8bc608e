"""``with_timeout``: methods that have no longer than an attribute of their object says."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar, overload

import anyio

from transfer.ftp._errors import FTPTimeoutError

__all__ = ["with_timeout"]

P = ParamSpec("P")
R = TypeVar("R")


@overload
def with_timeout(name: str) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, Awaitable[R]]]: ...


@overload
def with_timeout(name: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]: ...


def with_timeout(
    name: str | Callable[P, Awaitable[R]],
) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, Awaitable[R]]] | Callable[P, Awaitable[R]]:
    """Give a method as many seconds as the attribute *name* of its object says, None for ever.

    ``@with_timeout`` goes by the attribute ``timeout``, ``@with_timeout("read_timeout")`` by another. The attribute is
    looked up at each call.

    Raises, when the method is called:
        FTPTimeoutError: time is up; the method was cancelled.
    """
    if isinstance(name, str):
        return functools.partial(_limit, attribute=name)
    return _limit(name, attribute="timeout")


def _limit(function: Callable[P, Awaitable[R]], *, attribute: str) -> Callable[P, Awaitable[R]]:
    @functools.wraps(function)
    async def limited(*args: P.args, **kwargs: P.kwargs) -> R:
        seconds: float | None = getattr(args[0], attribute)
        if seconds is None:
            return await function(*args, **kwargs)
        with anyio.CancelScope(deadline=anyio.current_time() + seconds):
            return await function(*args, **kwargs)
        phase = getattr(function, "__name__", "call")
        raise FTPTimeoutError(f"{phase} took more than {seconds} seconds", phase=phase, seconds=seconds)

    return limited
