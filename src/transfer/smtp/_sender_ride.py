"""One connection in use: a mail, and the next one's envelope in the flight of the first one's end."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from anyio.lowlevel import checkpoint

from transfer._engine.places import Place
from transfer._errors import DisconnectedError
from transfer.smtp._content import MemoryContent
from transfer.smtp._dispatch import Dispatch
from transfer.smtp._errors import SMTPDeliveryUncertain, SMTPException
from transfer.smtp._mail import Draft, prepare, sign
from transfer.smtp._relays import Line, is_service_closing, is_unreachable
from transfer.smtp._sender_job import Job
from transfer.smtp._transaction import Transaction

if TYPE_CHECKING:
    from transfer.smtp._sender_courier import Courier, Stream

__all__ = ["Ride"]

T = TypeVar("T")

# Where a server answers before it is waited for, nobody else would ever have a turn. So many are enough for reports to
# be taken, and then for mails to be brought, whatever the order in which a loop runs its tasks.
_TURNS = 3


class Ride:
    """One connection in use: the mail under way, and the one that was pulled to go next."""

    def __init__(self, courier: Courier, place: Place[Line], stream: Stream, waiting: deque[Job]) -> None:
        assert place.resource is not None  # it is open
        self._courier = courier
        self._pool = courier.pool
        self._place = place
        self._line: Line = place.resource
        self._session = self._line.session
        self._stream = stream
        self._waiting = waiting
        """Pulled for an earlier connection; they go first."""
        self._held: Job | None = None
        """Pulled, and not begun."""
        self._ahead: tuple[Job, Dispatch] | None = None
        """Begun: its envelope goes, or has gone, with the end of the mail before it."""

    async def run(self, job: Job) -> list[Job]:
        """Send *job* and those that follow; return what has to go to another connection at once."""
        again: list[Job] = []
        current: Job | None = job
        try:
            while current is not None:
                following, self._ahead = self._ahead, None
                dispatch = following[1] if following is not None else await self._begin(current)
                if dispatch is not None and not await self._send(current, dispatch):
                    again.append(current)
                current = self._next()
        except BaseException as exc:
            if not self._session.channel.is_in_step:
                self._session.channel.abandon(exc)
            for left in (current, *self._take_left()):
                if left is not None:
                    self._courier.give_up(left, self._stream)
            raise
        return again + self._take_left()

    def _take_left(self) -> list[Job]:
        left = [self._ahead[0]] if self._ahead is not None else []
        if self._held is not None:
            left.append(self._held)
        self._ahead = self._held = None
        return left

    def _next(self) -> Job | None:
        """Return the mail that goes next on this connection, None where there is none or the connection is spent."""
        if not self._session.channel.is_open:
            return None
        if self._ahead is not None:
            return self._ahead[0]
        if self._held is None:
            return self._pull()
        if self._pool.may_go_on(self._place):
            job, self._held = self._held, None
            return job
        return None

    # -- one mail ------------------------------------------------------------------------------------------------------

    async def _begin(self, job: Job) -> Dispatch | None:
        """Fit *job* to the server; None if that can't be done, and is told."""
        try:
            made = self._check(job)
            if not isinstance(made.content, MemoryContent):
                await made.content.measure()
            if job.signer is not None:
                job.draft = await sign(made, job.signer, self._session.extensions)
                job.signer = None
            return self._fit(job)
        except Exception as exc:  # noqa: BLE001  # whatever it is, it is this mail's failure alone
            self._fail(job, exc)
            return None

    def _fit(self, job: Job, *, follows: Transaction | None = None) -> Dispatch:
        made, session = self._check(job), self._session
        is_verified_tls = made.mail.asked is not None and session.is_verified
        mail = prepare(made, session.extensions, is_verified_tls=is_verified_tls)
        return Dispatch(session, job.still_to_send(mail), follows=follows)

    def _fail(self, job: Job, exc: Exception) -> None:
        job.note_unsent(exc)
        self._courier.settle(job, self._stream)

    async def _send(self, job: Job, dispatch: Dispatch) -> bool:
        """Send one mail; False if it has to go to another connection at once."""
        error: Exception | None = None
        self._pool.used(self._place)
        self._line.mails += 1
        try:
            await self._hold_next()
            await dispatch.current.open()
            self._look_ahead(dispatch)
            await dispatch.current.deliver(then=self._ahead[1].current if self._ahead is not None else None)
            await self._send_rest(dispatch)
        except Exception as exc:  # noqa: BLE001  # what an iterable of octets raises is its mail's failure alone
            error = exc
        except BaseException:
            job.note(dispatch, None)
            raise
        job.note(dispatch, error)
        if error is not None and self._goes_elsewhere(job, error):
            return False
        self._courier.settle(job, self._stream)
        return True

    async def _send_rest(self, dispatch: Dispatch) -> None:
        """Send the mail to those for whom the transaction had no room; how that fails is in the report."""
        while dispatch.advance():
            try:
                await dispatch.current.run()
            except SMTPDeliveryUncertain:
                raise
            except SMTPException:
                break

    async def _hold_next(self) -> None:
        """Pull the next mail and check it, while the server is busy."""
        turns = 0
        while self._held is None:
            job = self._pull()
            if job is not None:
                if self._guarded(self._check, job) is not None:
                    self._held = job
            elif turns == _TURNS or not self._stream.may_have_more:
                return
            else:
                await checkpoint()
                turns += 1

    def _pull(self) -> Job | None:
        if not self._pool.may_go_on(self._place):
            return None
        if self._waiting:
            return self._waiting.popleft()
        if not self._courier.pace.is_due():
            return None
        job = self._stream.next_nowait()
        if job is not None:
            self._courier.pace.count()
        return job

    def _check(self, job: Job) -> Draft:
        return job.make_draft(self._courier.policy)

    def _guarded(self, make: Callable[[Job], T], job: Job) -> T | None:
        try:
            return make(job)
        except Exception as exc:  # noqa: BLE001  # whatever it is, it is this mail's failure alone
            self._fail(job, exc)
            return None

    def _look_ahead(self, dispatch: Dispatch) -> None:
        """Begin the mail that is held, if its envelope can go with the end of the one under way."""
        job = self._held
        # Recipients for whom there was no room come first.
        if job is None or not job.is_quick or dispatch.current.has_refusals:
            return
        self._held = None
        following = self._guarded(partial(self._fit, follows=dispatch.current), job)
        if following is not None:
            self._ahead = job, following

    def _goes_elsewhere(self, job: Job, error: Exception) -> bool:
        """Tell whether the connection or the relay is to blame, and *job* may have more luck elsewhere at once."""
        failure, line, relays = job.failure, self._line, self._courier.relays
        if failure is None or not job.is_repeatable or self._session.channel.is_open:
            return False
        was_lost = is_service_closing(error) or isinstance(error, DisconnectedError)
        if was_lost and line.mails > 1 and job.elsewhere == 0:
            # The server had had enough of this connection, which says nothing against the relay.
            job.elsewhere += 1
            return True
        if not is_unreachable(error):
            return False
        has_other = relays.has_other(line.relay)
        relays.rest(line.relay)
        if has_other and job.elsewhere <= len(relays.entries):
            job.elsewhere += 1
            return True
        return False
