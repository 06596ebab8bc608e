"""An event loop of its own for a program that has none: what the synchronous twins of the client run in."""

from __future__ import annotations

import contextvars
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

__all__ = ["run_alone"]

T = TypeVar("T")


def run_alone(function: Callable[[], Awaitable[T]], name: str) -> T:
    """Await ``function()`` in a new event loop of this thread and return what comes of it.

    Args:
        function: is called inside the loop.
        name: of the coroutine method that a program with a loop awaits instead, for the message.

    Raises:
        RuntimeError: a loop is running in this thread already; nothing was done.
    """
    has_begun = False

    async def run() -> T:
        nonlocal has_begun
        has_begun = True
        return await function()

    try:
        return anyio.run(run)
    except RuntimeError:
        if has_begun:
            raise
    try:
        # A thread that a loop has started may inherit the context variable that says which loop runs, and none does.
        return contextvars.Context().run(anyio.run, run)
    except RuntimeError as exc:
        if has_begun:
            raise
        raise RuntimeError(
            f"An event loop is running in this thread: await {name}(), or call {name}_sync() in another thread"
        ) from exc
