"""The further attempts of one mail, spread over time by a policy; no connection is held in between."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import anyio
import attrs

from transfer._engine.retry import RetryPolicy
from transfer.smtp._events import Retried
from transfer.smtp._sender_job import Job

if TYPE_CHECKING:
    from transfer.smtp._sender_courier import Courier

__all__ = ["Persistence"]


@attrs.define(eq=False)
class Persistence:
    """The further attempts of one mail; as a stream, it has no other mails."""

    _courier: Courier
    _job: Job
    _scope: anyio.CancelScope = attrs.field(factory=anyio.CancelScope)
    _is_trying: bool = False
    _is_first: bool = True

    async def run(self, policy: RetryPolicy) -> None:
        with self._scope, contextlib.suppress(Exception):
            # What comes out is in the job's report, or says that time is up.
            await policy.call(self._try)

    async def _try(self) -> None:
        job = self._job
        failure = job.failure
        assert failure is not None
        if self._is_first:
            # The policy counts the attempt that brought us here, and waits after it.
            self._is_first = False
            raise failure
        waited = anyio.current_time() - job.failed_at
        courier = self._courier
        courier.listener.tell(
            Retried(
                relay=job.report.relay, mail=job.given, error=failure, attempt=job.attempts + 1, waited_seconds=waited
            )
        )
        self._is_trying, job.elsewhere = True, 0
        try:
            await courier.carry(job, self)
        finally:
            self._is_trying = False
            job.failed_at = anyio.current_time()
        if job.failure is not None and job.is_repeatable:
            if courier.is_closing:
                self._scope.cancel()
            raise job.failure

    def stop(self) -> None:
        if not self._is_trying:
            self._scope.cancel()

    # -- the stream of one attempt

    @property
    def may_have_more(self) -> bool:
        return False

    def next_nowait(self) -> Job | None:
        return None

    def concluded(self, job: Job, /) -> None:
        """The policy's word is the last one, not this attempt's."""

    def postponed(self, job: Job, /) -> None:
        """As above."""
