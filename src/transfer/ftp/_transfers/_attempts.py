"""The way to a session, and to another one when it is lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
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
        ready: gives the session that the client has.
        renew: gives it, or a new one in its place if it is lost.
        policy: when to try again; None for one attempt.
    """

    ready: Callable[[], Awaitable[Session]]
    renew: Callable[[], Awaitable[Session]]
    policy: RetryPolicy | None

    async def do(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """Do *work*, which may be repeated, and return its result."""
        if self.policy is None:
            return await work(await self.ready())

        async def attempt() -> T:
            return await work(await self.renew())

        return await self.policy.call(attempt)
