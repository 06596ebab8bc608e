"""The way to a session, and to another one when it is lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

import attrs

from transfer._engine.retry import RetryPolicy
from transfer.ftp._session import Session

__all__ = ["Attempts"]

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Attempts:
    """Runs pieces of work on a session, once or as often as a policy says.

    Attributes:
        lend: gives a session that can be used, for as long as a block lasts.
        policy: when to try again; None for one attempt.
    """

    lend: Callable[[], AbstractAsyncContextManager[Session]]
    policy: RetryPolicy | None

    async def once(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """Do *work* and return its result."""
        async with self.lend() as session:
            return await work(session)

    async def do(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """Do *work*, which may be repeated, and return its result."""
        if self.policy is None:
            return await self.once(work)
        return await self.policy.call(self.once, work)
