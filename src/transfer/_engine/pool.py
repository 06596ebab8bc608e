"""A pool of connections, of whatever protocol: opens, lends, keeps and closes what :mod:`places` has decided on.

How this works: what may fail or wait is only the opening, in the task of whoever needs the connection, and the closing,
in a task of its own; so giving a connection back is no coroutine, and cannot be interrupted. Whether a connection that
was idle is still there is seen by looking at what it has received, never by asking the server.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import anyio
import anyio.abc
import attrs
from anyio.lowlevel import checkpoint_if_cancelled

from transfer._engine.places import Place, Places, PlaceState, PoolLimits, Ticket
from transfer._errors import ErrorFamily, TransferError

__all__ = ["Handling", "Pool", "PoolLimits"]

T = TypeVar("T")


def _never_full(_: Exception) -> bool:
    return False


@attrs.frozen(kw_only=True)
class Handling(Generic[T]):
    """How one kind of connection is handled.

    Attributes:
        open: makes one that is ready for use; interrupted, it leaves nothing open.
        part: says goodbye on one that is idle; what it raises of ours is nobody's concern any more.
        close: closes one at once.
        is_alive: tells, without sending or waiting, whether one that was idle can be used.
        is_full: tells whether an error of *open* says that the server bears no more connections.
    """

    open: Callable[[], Awaitable[T]]
    part: Callable[[T], Awaitable[object]]
    close: Callable[[T], object]
    is_alive: Callable[[T], bool]
    is_full: Callable[[Exception], bool] = _never_full


class Pool(Generic[T]):
    """Lends connections, each to one task at a time, first come first served.

    Args:
        handling: what to do with a connection.
        limits: how many and for how long.
        tasks: where connections are closed; entered, and left only after :meth:`drain`.
        errors: how to spell the categories of errors.
        close_seconds: for one goodbye; None for as long as it takes.
        clock: counts seconds.

    To be made inside a running event loop, and used in that one.
    """

    def __init__(
        self,
        handling: Handling[T],
        *,
        limits: PoolLimits,
        tasks: anyio.abc.TaskGroup,
        errors: ErrorFamily,
        close_seconds: float | None = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._handling = handling
        self._places: Places[T] = Places(limits)
        self._tasks = tasks
        self._errors = errors
        self._close_seconds = close_seconds
        self._clock = clock
        self._keeper: anyio.CancelScope | None = None
        self._is_closed = False
        self._emptied: anyio.Event | None = None

    @property
    def connections(self) -> int:
        """How many connections the peer may see: open, being opened, being closed."""
        return len(self._places)

    @property
    def waiting(self) -> int:
        """How many tasks wait for a connection."""
        return self._places.waiting

    # -- lending -----------------------------------------------------------------------------------------------------

    async def acquire(self) -> Place[T]:
        """Return a place whose ``resource`` is open and alive; to be given back by :meth:`release` in any case.

        Raises:
            DisconnectedError: the pool is being drained.
            Others: whatever opening a connection raises, if it does not mean that others have to come back first.

        Cancellation: nothing is taken.
        """
        await checkpoint_if_cancelled()
        ticket: Ticket[T] = Ticket()
        self._places.ask(ticket)
        while True:
            place = await self._wait(ticket)
            if place.state is PlaceState.BUSY:
                return place
            if await self._open(place, ticket):
                return place

    async def _wait(self, ticket: Ticket[T]) -> Place[T]:
        if self._places.is_draining:
            self._places.withdraw(ticket)
            raise self._refusal()
        self._serve()
        if ticket.place is None:
            event = anyio.Event()
            ticket.wake = event.set
            try:
                await event.wait()
            except BaseException:
                self._leave(ticket)
                raise
        if ticket.is_refused:
            raise self._refusal()
        assert ticket.place is not None
        return ticket.place

    def _leave(self, ticket: Ticket[T]) -> None:
        """Wait no longer; what *ticket* has got meanwhile goes to others."""
        self._places.withdraw(ticket)
        if ticket.place is None:
            return
        if ticket.place.state is PlaceState.BUSY:
            self.release(ticket.place)
        else:
            self._forget(ticket.place)

    async def _open(self, place: Place[T], ticket: Ticket[T]) -> bool:
        """Open the connection of *place*; False if *ticket* has to wait for one that others have."""
        try:
            resource = await self._handling.open()
        except BaseException as exc:
            is_full = isinstance(exc, Exception) and self._handling.is_full(exc) and not self._places.is_draining
            if is_full and self._places.shrink(place, self._clock()):
                ticket.place = ticket.wake = None
                self._places.ask(ticket, first=True)
                self._forget(place)
                return False
            self._forget(place)
            raise
        self._places.opened(place, resource, self._clock())
        return True

    def used(self, place: Place[T]) -> None:
        """Count one use of a connection."""
        self._places.used(place)

    def may_go_on(self, place: Place[T]) -> bool:
        """Tell whether *place* may be used once more before it is given back: its limits, and others who wait."""
        return self._places.may_go_on(place, self._clock())

    def release(self, place: Place[T]) -> None:
        """Give a connection back; it is kept, or closed if it is spent, in a task of its own, or was lost meanwhile."""
        assert place.resource is not None
        if self._is_closed or not self._handling.is_alive(place.resource):
            self._handling.close(place.resource)
            self._forget(place)
            return
        if not self._places.give_back(place, self._clock()):
            self._tasks.start_soon(self._close, place)
        self._serve()
        self._keep()

    # -- deciding and closing ----------------------------------------------------------------------------------------

    def _serve(self) -> None:
        decision = self._places.assign(self._clock(), self._handling.is_alive)
        for place in decision.dead:
            assert place.resource is not None
            self._handling.close(place.resource)
        for place in decision.expired:
            self._tasks.start_soon(self._close, place)
        for ticket in decision.served:
            if ticket.wake is not None:
                ticket.wake()

    def _forget(self, place: Place[T]) -> None:
        self._places.remove(place)
        if not self._is_closed:
            self._serve()
        if self._emptied is not None and not self._places:
            self._emptied.set()

    async def _close(self, place: Place[T]) -> None:
        assert place.resource is not None
        try:
            # Shielded: the server is told even where whoever had the connection was cancelled.
            with anyio.move_on_after(self._close_seconds, shield=self._close_seconds is not None):
                with contextlib.suppress(TransferError):
                    await self._handling.part(place.resource)
        finally:
            self._handling.close(place.resource)
            self._forget(place)

    def _keep(self) -> None:
        """See to it that somebody watches over the idle connections' time."""
        if self._keeper is None and self._places.next_expiry() < math.inf:
            self._keeper = anyio.CancelScope()
            self._tasks.start_soon(self._close_expired, self._keeper)

    async def _close_expired(self, keeper: anyio.CancelScope) -> None:
        try:
            with keeper:
                while (expiry := self._places.next_expiry()) < math.inf:
                    await anyio.sleep(max(0.0, expiry - self._clock()))
                    self._serve()
        finally:
            self._keeper = None

    # -- the end -----------------------------------------------------------------------------------------------------

    async def drain(self) -> None:
        """Lend nothing any more, wait for what is lent, and part with everything.

        Whoever waits for a connection gets DisconnectedError. Idle connections are closed at once, the others when they
        come back, each within ``close_seconds``.

        Cancellation: every connection that is not lent is closed at once, the others when they come back.
        """
        try:
            await checkpoint_if_cancelled()
            for ticket in self._places.drain():
                assert ticket.wake is not None  # or it would have been served, or gone
                ticket.wake()
            if self._keeper is not None:
                self._keeper.cancel()
            self._serve()
            if self._places:
                self._emptied = anyio.Event()
                await self._emptied.wait()
        finally:
            self.close()

    def close(self) -> None:
        """Close every connection that is not lent at once, the others when they come back; lend nothing any more."""
        self._is_closed = True
        for ticket in self._places.drain():
            assert ticket.wake is not None  # or it would have been served, or gone
            ticket.wake()
        for place in self._places.unlent():
            assert place.resource is not None  # they are open
            self._handling.close(place.resource)
            self._places.remove(place)

    def _refusal(self) -> TransferError:
        return self._errors.disconnected("Nothing more is sent here: it is being closed", retryable=False)
