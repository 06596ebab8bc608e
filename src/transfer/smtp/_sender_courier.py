"""Mails over a pool's connections: one after the other, as fast as the server answers, each as often as is safe.

How this works: a :class:`Courier` takes a connection for a mail and stays on it (a :class:`Ride`) as long as it may
and more mails follow. While the server works on one mail the next is prepared, and its envelope goes in the flight of
the first one's final dot, so that a mail costs one round trip. Whatever goes wrong with a mail is noted in its
:class:`Job`; then it is concluded, or left for later, or, where the connection is to blame, taken to another one at
once.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Iterator
from typing import Protocol

import anyio

from transfer._engine.pool import Pool
from transfer._engine.retry import RetryPolicy
from transfer._net.throttle import Throttle
from transfer.smtp._events import Failed, Listener, Refused, Sent
from transfer.smtp._lines import LinePolicy
from transfer.smtp._relays import Line, Relays
from transfer.smtp._report import Delivery
from transfer.smtp._sender_job import Job
from transfer.smtp._sender_retry import Persistence
from transfer.smtp._sender_ride import Ride

__all__ = ["Courier", "Pace", "Stream"]

_GIVEN_UP = "The mail was given up before its end"


class Stream(Protocol):
    """Where mails come from, and where what became of them goes."""

    @property
    def may_have_more(self) -> bool:
        """Whether there may be more mails once other tasks had their turn."""
        ...

    def next_nowait(self) -> Job | None:
        """Return a mail that may be sent now, if there is one."""
        ...

    def concluded(self, job: Job, /) -> None:
        """Take a mail that will not be tried again."""
        ...

    def postponed(self, job: Job, /) -> None:
        """Take a mail that is to be tried again later."""
        ...


class Pace:
    """How fast mails may follow each other.

    Args:
        per_second: mails of all connections together; None for no limit.
    """

    def __init__(self, per_second: float | None) -> None:
        self._throttle = Throttle(limit=per_second) if per_second is not None else None

    def is_due(self) -> bool:
        """Tell whether a mail may begin at once."""
        return self._throttle is None or not self._throttle.reserve(0, time.monotonic())

    def count(self) -> None:
        """Note that a mail begins."""
        if self._throttle is not None:
            self._throttle.reserve(1, time.monotonic())

    async def wait(self) -> None:
        """Wait until one more mail may begin, and note it. Cancellation: its turn is lost."""
        if self._throttle is not None:
            pause = self._throttle.reserve(0, time.monotonic())
            self.count()
            await anyio.sleep(pause)


class Courier:
    """Carries mails.

    Args:
        pool: of connections to *relays*.
        relays: are told which of them is in trouble.
        listener: is told what becomes of the mails.
        policy: what lines a message may have.
        retry: when to try again; None for never.
        pace: how fast mails may follow each other.
    """

    def __init__(
        self,
        pool: Pool[Line],
        relays: Relays,
        listener: Listener,
        *,
        policy: LinePolicy,
        retry: RetryPolicy | None,
        pace: Pace,
    ) -> None:
        self.pool = pool
        self.relays = relays
        self.listener = listener
        self.policy = policy
        self.pace = pace
        self._retry = retry
        self._persisting: set[Persistence] = set()
        self._is_closing = False

    # -- one attempt ---------------------------------------------------------------------------------------------------

    async def carry(self, job: Job, stream: Stream) -> None:
        """Send *job*, and whatever follows in *stream* as long as the connection is good for it.

        No error of a mail comes out; each mail is handed back to *stream* exactly once.

        Cancellation: the connection is closed, and the mails are handed back as they are.
        """
        waiting = deque([job])
        try:
            while waiting:
                waiting.extendleft(reversed(await self._carry_first(waiting.popleft(), stream, waiting)))
        finally:
            # Only a cancellation leaves any.
            for left in waiting:
                self.give_up(left, stream)

    async def _carry_first(self, job: Job, stream: Stream, waiting: deque[Job]) -> list[Job]:
        """Take a connection for *job*, *waiting* and those that follow; return what has to go to another one."""
        with self._giving_up_if_cancelled(job, stream):
            try:
                job.make_draft(self.policy)
                await self.pace.wait()
                place = await self.pool.acquire()
            except Exception as exc:  # noqa: BLE001  # whatever it is, it is this mail's failure alone
                job.note_unsent(exc)
                self.settle(job, stream)
                return []
        try:
            return await Ride(self, place, stream, waiting).run(job)
        finally:
            self.pool.release(place)

    @contextlib.contextmanager
    def _giving_up_if_cancelled(self, job: Job, stream: Stream) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.give_up(job, stream)
            raise

    def give_up(self, job: Job, stream: Stream) -> None:
        """Hand *job* back as it is: nobody waits for its end."""
        job.note_given_up(_GIVEN_UP)
        stream.concluded(job)

    def settle(self, job: Job, stream: Stream) -> None:
        """Hand *job* back after an attempt, for good or until later."""
        if job.failure is not None and self.may_persist(job, job.failure):
            job.failed_at = anyio.current_time()
            stream.postponed(job)
        else:
            stream.concluded(job)

    def announce(self, job: Job) -> None:
        """Tell the hook what has become of *job*, once."""
        if self.listener.is_there:
            report = job.report
            what = {Delivery.ACCEPTED: Sent, Delivery.REFUSED: Refused}.get(report.delivery, Failed)
            self.listener.tell(what(relay=report.relay, report=report))

    # -- further attempts ----------------------------------------------------------------------------------------------

    def may_persist(self, job: Job, failure: Exception) -> bool:
        """Tell whether the policy wants one more attempt after *failure*."""
        retry = self._retry
        if retry is None or self._is_closing or not job.is_repeatable:
            return False
        return (retry.attempts is None or retry.attempts > 1) and retry.retry_on(failure)

    async def persist(self, job: Job) -> None:
        """Try *job*, which has failed once, again as the policy says; no connection is held in between.

        No error of the mail comes out: its report tells the end.

        Cancellation: the attempt under way is given up.
        """
        assert self._retry is not None  # may_persist has said so
        persistence = Persistence(self, job)
        self._persisting.add(persistence)
        try:
            await persistence.run(self._retry)
        finally:
            self._persisting.discard(persistence)

    @property
    def is_closing(self) -> bool:
        """Whether nothing is tried again any more."""
        return self._is_closing

    def stop_persisting(self) -> None:
        """End every wait for another attempt; attempts that are under way go on, as the last ones."""
        self._is_closing = True
        for persistence in self._persisting:
            persistence.stop()
