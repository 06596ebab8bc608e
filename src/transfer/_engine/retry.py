"""One retry policy for mail and files, on stamina."""

from __future__ import annotations

import functools
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import anyio
import attrs

from transfer._errors import TransferError, TransferTimeoutError

if TYPE_CHECKING:
    import stamina

__all__ = ["RetryPolicy", "is_retryable"]

T = TypeVar("T")
P = ParamSpec("P")


def is_retryable(exc: Exception) -> bool:
    """Tell whether *exc* says of itself that the same call may succeed later."""
    return isinstance(exc, TransferError) and exc.retryable


def _count(_instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ValueError(f"{attribute.name} is a whole number above 0 or None for no limit, not {value!r}")


def _limit(_instance: object, attribute: attrs.Attribute[Any], value: float | None) -> None:
    if value is not None and not value > 0:
        raise ValueError(f"{attribute.name} is a number above 0 or None for no limit, not {value!r}")


def _at_least(least: float) -> Callable[[object, attrs.Attribute[Any], float], None]:
    def check(_instance: object, attribute: attrs.Attribute[Any], value: float) -> None:
        if not least <= value < math.inf:
            raise ValueError(f"{attribute.name} is a finite number from {least} on, not {value!r}")

    return check


def _predicate(_instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    # A class can be called too, and every exception that it makes counts as true.
    if isinstance(value, type) or not callable(value):
        raise TypeError(f"{attribute.name} is a function that takes an exception, not {value!r}")


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """When and how often to try again: exponential back-off with jitter, under asyncio and trio alike.

    A refusal for good (5yz), a bad certificate, a refused login and a mistake of this side are never repeated, nor is a
    mail whose fate is unknown: their errors say so by ``retryable``.

    Attributes:
        attempts: how often to try in all; None for as often as *timeout* allows.
        timeout: seconds for all attempts and waits together; also cuts off an attempt that hangs. None for no limit.
        wait_initial: seconds before the second attempt.
        wait_max: the longest wait, in seconds.
        wait_jitter: up to so many seconds are added at random.
        wait_exp_base: each wait is so many times the one before.
        retry_on: decides by the exception whether to try again.

    Use it as ``await policy.call(function, *args)``, as the decorator ``@policy``, or as
    ``async for attempt in policy: with attempt: ...`` (there a hanging attempt is not cut off).
    Retries are reported by stamina: to ``logging``, structlog and Prometheus where they are installed.
    """

    attempts: int | None = attrs.field(default=5, validator=_count)
    timeout: float | None = attrs.field(default=300.0, validator=_limit)
    wait_initial: float = attrs.field(default=0.5, validator=_at_least(0))
    wait_max: float = attrs.field(default=30.0, validator=_at_least(0))
    wait_jitter: float = attrs.field(default=1.0, validator=_at_least(0))
    wait_exp_base: float = attrs.field(default=2.0, validator=_at_least(1))
    retry_on: Callable[[Exception], bool] = attrs.field(default=is_retryable, validator=_predicate)

    async def call(self, function: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call *function* until it succeeds, fails for good, or the policy is exhausted; return its result.

        Raises:
            TransferTimeoutError: an attempt was still running when *timeout* had passed; ``__cause__`` is what the one
                before it raised.
            Exception: what the last attempt raised, also if *timeout* passed while the next one was waited for.

        Cancellation: ends the current attempt or wait.
        """
        failure: Exception | None = None
        is_waiting = False
        with anyio.CancelScope(deadline=self._deadline()):
            async for attempt in self:
                is_waiting = False
                with attempt:
                    try:
                        return await function(*args, **kwargs)
                    except Exception as exc:
                        failure, is_waiting = exc, True
                        raise
        if is_waiting and failure is not None:
            raise failure
        raise TransferTimeoutError(
            f"Not done within {self.timeout} seconds", phase="retries", seconds=self.timeout, retryable=False
        ) from failure

    def __call__(self, function: Callable[P, Awaitable[T]], /) -> Callable[P, Awaitable[T]]:
        """Decorate the coroutine *function*: each call of it goes through :meth:`call`."""

        @functools.wraps(function)
        async def repeated(*args: P.args, **kwargs: P.kwargs) -> T:
            return await self.call(function, *args, **kwargs)

        return repeated

    def __aiter__(self) -> AsyncIterator[stamina.Attempt]:
        """Iterate over attempts; each is a context manager that takes a retryable exception and waits."""
        import stamina  # together with tenacity half of what importing this package would cost

        return aiter(
            stamina.retry_context(
                on=self._is_worth_repeating,
                attempts=self.attempts,
                timeout=self.timeout,
                wait_initial=self.wait_initial,
                wait_max=self.wait_max,
                wait_jitter=self.wait_jitter,
                wait_exp_base=self.wait_exp_base,
            )
        )

    def _is_worth_repeating(self, exc: BaseException) -> bool:
        # stamina asks about cancellations as well, which no policy may swallow.
        return isinstance(exc, Exception) and bool(self.retry_on(exc))

    def _deadline(self) -> float:
        return math.inf if self.timeout is None else anyio.current_time() + self.timeout
