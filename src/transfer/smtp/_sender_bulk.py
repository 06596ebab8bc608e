"""``send_many``: mails in, reports out, as many at a time as there are connections, and no more than can be used.

How this works: as many workers as there may be connections pull mails, each by itself: from a plain iterable directly,
from an asynchronous one out of a short queue that a feeder fills. Every mail counts from when it is pulled until its
report is taken; when eight for each worker are on their way, nobody pulls any more until the consumer has taken one.
Mails that wait for another attempt hold neither a worker nor a connection, and there is a limit for them of their own.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from email.message import Message
from functools import partial
from types import TracebackType
from typing import Self, TypeAlias

import anyio
import anyio.abc
from anyio.lowlevel import checkpoint, checkpoint_if_cancelled

from transfer.smtp._errors import SMTPServerDisconnected
from transfer.smtp._mail import Mail, MailContent, Signer
from transfer.smtp._report import Report
from transfer.smtp._sender_courier import Courier
from transfer.smtp._sender_job import Job

__all__ = ["Mails", "Reports"]

Mails: TypeAlias = "Iterable[Mail | MailContent] | AsyncIterable[Mail | MailContent]"

# The mail under way, the one whose envelope goes ahead, and enough besides for a feeder that fetches several at a time:
# to wake it for each costs as much as sending one.
_AHEAD_PER_WORKER = 8
# Mails that wait for another attempt; their octets are in memory.
_PERSISTING_LIMIT = 100
_CLOSE_SECONDS = 5.0


class _Signal:
    """Wakes everybody who waits for a change. Made without a running loop."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event: anyio.Event | None = None

    async def wait(self) -> None:
        if self._event is None:
            self._event = anyio.Event()
        await self._event.wait()

    def notify(self) -> None:
        if self._event is not None:
            event, self._event = self._event, None
            event.set()


class Reports:
    """The reports of many mails, in the order in which their fates are decided; made by ``Sender.send_many``.

    To be iterated by ``async for``; sending begins with the first step. What goes wrong with a mail is in its report
    and is not raised; what the iterable of mails raises comes out here, after the reports of the mails before it.

    An iteration that is left early leaves nothing behind that a later one, :meth:`aclose` or the end of the ``Sender``
    would not pick up: mails that are under way are sent, and none is pulled any more until somebody takes reports.
    """

    def __init__(
        self, courier: Courier, tasks: anyio.abc.TaskGroup, mails: Mails, *, workers: int, signer: Signer | None
    ) -> None:
        self._courier = courier
        self._tasks = tasks
        self._signer = signer
        self._plain: Iterator[Mail | MailContent] | None = None
        self._awaited: AsyncIterator[Mail | MailContent] | None = None
        if isinstance(mails, str | bytes | Message | Mail):
            raise TypeError(f"send_many() takes an iterable of mails, not one {type(mails).__name__}")
        if isinstance(mails, AsyncIterable):
            self._awaited = aiter(mails)
        else:
            self._plain = iter(mails)
        self._queue: deque[Job] = deque()
        self._reports: deque[Report] = deque()
        self._workers = workers
        self._limit = _AHEAD_PER_WORKER * workers
        self._out = 0
        """Mails that were pulled and whose reports have not been taken."""
        self._persisting = 0
        self._running = 0
        self._has_started = False
        self._is_exhausted = False
        self._is_stopped = False
        self._fault: Exception | None = None
        # Each wakes only those whom it concerns: with one for all, every report would wake every task.
        self._has_room_again = _Signal()
        self._has_more = _Signal()
        self._has_news = _Signal()
        self._feeding = anyio.CancelScope()

    @property
    def has_ended(self) -> bool:
        """Whether nothing is under way any more, nor will be."""
        return not self._running and (self._has_started or self._is_stopped)

    # -- the consumer's side -------------------------------------------------------------------------------------------

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Report:
        """Return the next report.

        Raises:
            SMTPServerDisconnected: the ``Sender`` is not entered, or was left.
            Exception: whatever the iterable of mails has raised, once every report was taken.

        Cancellation: no report is lost; the mails under way go on.
        """
        self._start()
        if self._reports:
            await checkpoint_if_cancelled()  # which waiting is as well
        while not self._reports:
            if not self._running:
                await checkpoint()
                self._raise_fault()
                raise StopAsyncIteration
            await self._has_news.wait()
        self._out -= 1
        self._note_room()
        return self._reports.popleft()

    async def aclose(self) -> None:
        """Pull no more mails, and wait for those that are under way; their reports can still be taken.

        A mail that waits for another attempt is not waited for. What the iterable of mails has raised is not raised.

        Cancellation: the mails under way go on.
        """
        self.stop()
        await checkpoint_if_cancelled()
        while self._running:
            await self._has_news.wait()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close as :meth:`aclose` does."""
        if exc is None:
            await self.aclose()
        else:
            self.stop()

    def stop(self) -> None:
        """Pull no more mails."""
        self._is_stopped = True
        self._feeding.cancel()
        self._has_more.notify()
        self._has_news.notify()

    def _raise_fault(self) -> None:
        if self._fault is not None:
            fault, self._fault = self._fault, None
            raise fault

    # -- what runs -----------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        if self._has_started:
            return
        if self._courier.is_closing:
            raise SMTPServerDisconnected("The Sender was left, and sends no more", retryable=False)
        if self._is_stopped:
            return
        self._has_started = True
        if self._awaited is not None:
            self._spawn(partial(self._feed, self._awaited))
        for _ in range(self._workers):
            self._spawn(self._work)

    def _spawn(self, function: Callable[[], Awaitable[None]]) -> None:
        self._running += 1
        self._tasks.start_soon(self._run, function)

    async def _run(self, function: Callable[[], Awaitable[None]]) -> None:
        try:
            await function()
        finally:
            self._running -= 1
            self._has_news.notify()

    async def _work(self) -> None:
        while (job := await self._next()) is not None:
            await self._courier.carry(job, self)

    async def _next(self) -> Job | None:
        while (job := self.next_nowait()) is None:
            if not self.may_have_more:
                return None
            await self._has_more.wait()
        return job

    async def _persist(self, job: Job) -> None:
        try:
            await self._courier.persist(job)
        finally:
            self._persisting -= 1
            self._note_room()
            self.concluded(job)

    # -- the couriers' side --------------------------------------------------------------------------------------------

    @property
    def may_have_more(self) -> bool:
        """Whether there may be more mails once other tasks had their turn."""
        return not (self._is_exhausted or self._is_stopped)

    def next_nowait(self) -> Job | None:
        """Return a mail that may be sent now, if there is one."""
        if self._queue:
            return self._queue.popleft()
        if self._plain is None or self._is_exhausted or self._is_stopped or not self._has_room():
            return None
        try:
            mail = next(self._plain)
        except StopIteration:
            self._end()
        except Exception as exc:  # noqa: BLE001  # it is the caller's own, and comes out at the caller's
            self._end(exc)
        else:
            return self._take_in(mail)
        return None

    def concluded(self, job: Job, /) -> None:
        """Take a mail that will not be tried again."""
        self._courier.announce(job)
        self._reports.append(job.report)
        self._has_news.notify()

    def postponed(self, job: Job, /) -> None:
        """Take a mail that is to be tried again later."""
        self._persisting += 1
        self._note_room()
        self._spawn(partial(self._persist, job))

    # -- the mails' side -----------------------------------------------------------------------------------------------

    def _has_room(self) -> bool:
        return self._out - self._persisting < self._limit and self._persisting < _PERSISTING_LIMIT

    def _note_room(self) -> None:
        """Wake whoever waits for room: the workers, who pull by themselves, or a feeder, once several fit."""
        if self._plain is not None:
            if self._has_room():
                self._has_more.notify()
        elif self._out - self._persisting <= self._limit // 2:
            self._has_room_again.notify()

    def _take_in(self, mail: Mail | MailContent) -> Job:
        self._out += 1
        return Job(mail, self._signer)

    def _end(self, fault: Exception | None = None) -> None:
        self._is_exhausted, self._fault = True, fault
        self._has_more.notify()
        self._has_news.notify()

    async def _feed(self, mails: AsyncIterator[Mail | MailContent]) -> None:
        """Pull from *mails* while there is room, and end them."""
        fault: Exception | None = None
        try:
            with self._feeding:
                while not self._is_stopped:
                    if not self._has_room():
                        await self._has_room_again.wait()
                        continue
                    self._queue.append(self._take_in(await anext(mails)))
                    self._has_more.notify()
        except StopAsyncIteration:
            pass
        except Exception as exc:  # noqa: BLE001  # it is the caller's own, and comes out at the caller's
            fault = exc
        finally:
            try:
                await _close(mails)
            finally:
                self._end(fault)


async def _close(mails: AsyncIterator[Mail | MailContent]) -> None:
    """End a generator that was left in the middle, as one has to."""
    aclose = getattr(mails, "aclose", None)
    if aclose is not None:
        with anyio.CancelScope(shield=True, deadline=anyio.current_time() + _CLOSE_SECONDS):
            with contextlib.suppress(Exception):
                await aclose()
