"""``Sender``: mails over as many connections as are useful, to whichever relay can be reached."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import anyio
import anyio.abc

from transfer._engine.places import PoolLimits
from transfer._engine.pool import Pool
from transfer._engine.retry import RetryPolicy
from transfer._net.timeouts import Timeouts
from transfer.smtp._check import Check
from transfer.smtp._errors import FAMILY, SMTPException, SMTPServerDisconnected
from transfer.smtp._events import EventHook, Listener
from transfer.smtp._mail import Mail, MailContent, Signer
from transfer.smtp._options import ConnectOptions
from transfer.smtp._relays import Line, Relays, with_timeouts
from transfer.smtp._report import Delivery, Report
from transfer.smtp._sender_bulk import Mails, Reports
from transfer.smtp._sender_courier import Courier, Pace
from transfer.smtp._sender_job import Job

__all__ = ["Relay", "Sender"]

Relay = ConnectOptions


class Sender:
    """Sends mails over a pool of connections, to be entered with ``async with``.

    Args:
        relays: the servers, in order: each as a :class:`Relay` or a URL. One that cannot be reached, is too slow or
            says 421 is spared for half a minute while another is there. A refused login is remembered and raised
            again, so that it is tried only once.
        max_connections: at most so many at a time, those that are being opened and closed included; fewer for a minute
            where a server bears no more.
        messages_per_connection: afterwards a connection is closed; None for no limit.
        idle_seconds: a connection that was not used for so long is closed; None for never.
        age_seconds: so is one that was opened so long ago, at its next rest; None for never.
        messages_per_second: of all connections together; None for no limit.
        retry: when to try again, for those recipients who have not got the mail and to whom sending again is safe.
            None tries once, but on another connection or relay at once where the first is to blame.
        timeouts: for relays that have no ``timeout`` of their own.
        on_event: is called with an :class:`Event` whenever something happens, in the task to which it happens.
        dkim: signs every mail that has no signer of its own.

    Raises:
        ValueError: there is no relay, a relay has a socket, or a number is none that makes sense.

    A mail is sent once: what was taken by a server, and what nobody knows of, is never repeated. How lines of messages
    are treated is the first relay's ``line_policy``. Several tasks may use one sender. Works under asyncio and trio.

    Leaving the block waits for the mails that are under way, without their further attempts, and says QUIT; leaving it
    by an exception closes every connection.
    """

    def __init__(
        self,
        *relays: ConnectOptions | str,
        max_connections: int = 4,
        messages_per_connection: int | None = 100,
        idle_seconds: float | None = 30.0,
        age_seconds: float | None = 600.0,
        messages_per_second: float | None = None,
        retry: RetryPolicy | None = None,
        timeouts: Timeouts | None = None,
        on_event: EventHook | None = None,
        dkim: Signer | None = None,
    ) -> None:
        if not relays:
            raise ValueError("a Sender needs at least one relay")
        if messages_per_second is not None and not messages_per_second > 0:
            raise ValueError(f"messages_per_second is a number above 0 or None, not {messages_per_second!r}")
        self._timeouts = Timeouts() if timeouts is None else timeouts
        options = [ConnectOptions.from_url(relay) if isinstance(relay, str) else relay for relay in relays]
        self._listener = Listener(on_event)
        self._relays = Relays([with_timeouts(one, self._timeouts) for one in options], listener=self._listener)
        self._limits = PoolLimits(
            connections=max_connections,
            uses=messages_per_connection,
            idle_seconds=idle_seconds,
            age_seconds=age_seconds,
        )
        self._pace = Pace(messages_per_second)
        self._retry = retry
        self._policy = options[0].line_policy
        self._signer = dkim
        self._running: _Running | None = None

    def __repr__(self) -> str:
        names = ", ".join(relay.name for relay in self._relays.entries)
        return f"<{type(self).__name__} to {names}, {'open' if self._running else 'not open'}>"

    # -- entering and leaving ------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        if self._running is not None:
            raise RuntimeError("the Sender has been entered already")
        tasks = anyio.create_task_group()
        await tasks.__aenter__()
        pool = Pool(
            self._relays.handling,
            limits=self._limits,
            tasks=tasks,
            errors=FAMILY,
            close_seconds=self._timeouts.close,
        )
        courier = Courier(pool, self._relays, self._listener, policy=self._policy, retry=self._retry, pace=self._pace)
        self._running = _Running(tasks, pool, courier)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Wait for the mails under way and part with the servers; after an exception close everything at once."""
        running = self._require_running()
        self._running = None
        if exc is None:
            await running.leave()
        else:
            await running.break_off()

    def _require_running(self) -> _Running:
        if self._running is None:
            raise SMTPServerDisconnected("The Sender is not open: it sends inside of its async with", retryable=False)
        return self._running

    # -- sending -------------------------------------------------------------------------------------------------------

    async def send(self, mail: Mail | MailContent, /) -> Report:
        """Send one mail.

        Args:
            mail: a :class:`Mail`, or a message object whose headers give the envelope.

        Returns:
            What became of each recipient; somebody has got the mail.

        Raises:
            SMTPException: nobody gets the mail; ``report`` on it tells the same for each recipient, ``delivery`` in a
                word.
            SMTPDeliveryUncertain: nobody knows whether the mail was taken.
            Exception: whatever the message's own source has raised.

        Cancellation: the connection is closed; the mail was taken or not.
        """
        courier = self._require_running().courier
        job = Job(mail, self._signer)
        single = _Single()
        try:
            await courier.carry(job, single)
            if single.is_postponed:
                await courier.persist(job)
        finally:
            courier.announce(job)
        report = job.report
        error = report.error
        if error is None or report.delivery is Delivery.ACCEPTED:
            return report
        error.report = report
        raise job.fault or error

    def send_many(self, mails: Mails, /) -> Reports:
        """Send many mails; iterate over the result for one report of each, in the order of their ends.

        Args:
            mails: a plain or asynchronous iterable. It is pulled when mails can be sent and reports are taken, at most
                about eight mails for each connection ahead; a plain one is not to block.

        Raises:
            TypeError: *mails* is one mail, or cannot be iterated.
            SMTPServerDisconnected: the sender is not entered.
        """
        running = self._require_running()
        reports = Reports(running.courier, running.tasks, mails, workers=self._limits.connections, signer=self._signer)
        running.note(reports)
        return reports

    async def check(self) -> dict[str, Check | SMTPException]:
        """Find out what each relay offers and whether its credentials work, without a mail.

        Each relay is connected to once, one after the other, beside the pool; the sender need not be entered. One that
        answers is asked in its turn again, whatever was known of it, and a login that is refused is remembered.

        Returns:
            For each relay, by ``host:port`` or path, what it has shown, or why no mail could be sent through it.

        Cancellation: nothing stays open.
        """
        found: dict[str, Check | SMTPException] = {}
        for relay in self._relays.entries:
            try:
                found[relay.name] = await self._relays.check(relay)
            except SMTPException as exc:
                found[relay.name] = exc
        return found


class _Running:
    """What an entered sender has: its tasks, its connections, and the bulks that are under way."""

    def __init__(self, tasks: anyio.abc.TaskGroup, pool: Pool[Line], courier: Courier) -> None:
        self.tasks = tasks
        self.courier = courier
        self._pool = pool
        self._bulks: list[Reports] = []

    def note(self, reports: Reports) -> None:
        """Remember *reports* to the end; those that have ended are forgotten."""
        self._bulks = [bulk for bulk in self._bulks if not bulk.has_ended]
        self._bulks.append(reports)

    async def leave(self) -> None:
        """Wait for what is under way, and part."""
        self.courier.stop_persisting()
        try:
            for bulk in self._bulks:
                bulk.stop()
            for bulk in self._bulks:
                await bulk.aclose()
            await self._pool.drain()
        except BaseException:
            await self.break_off()
            raise
        await self.tasks.__aexit__(None, None, None)

    async def break_off(self) -> None:
        """Cancel what is under way, and close."""
        self.courier.stop_persisting()
        for bulk in self._bulks:
            bulk.stop()
        scope = self.tasks.cancel_scope
        scope.cancel()
        # Whoever leaves has an exception already, which another cancellation is not to replace.
        scope.shield = True
        self._pool.close()
        await self.tasks.__aexit__(None, None, None)


class _Single:
    """The stream of one mail."""

    def __init__(self) -> None:
        self.is_postponed = False

    @property
    def may_have_more(self) -> bool:
        return False

    def next_nowait(self) -> Job | None:
        return None

    def concluded(self, job: Job, /) -> None:
        """The caller has the job."""

    def postponed(self, _: Job, /) -> None:
        self.is_postponed = True
