"""Who gets which connection, how many there may be, and when one has had its day: decisions, without I/O.

How this works: a *place* stands for one connection from before it is opened until it is closed, so that the number of
places is the number of connections that the server may see. Whoever needs one has a *ticket*; tickets are served in
the order in which they came. Whatever changes (a ticket, a connection that comes back, one that is gone) is told to
:class:`Places`, and its ``assign`` then says who gets what and which connections are to be closed.
"""

from __future__ import annotations

import enum
import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import attrs

__all__ = ["Decision", "Place", "PlaceState", "Places", "PoolLimits", "Ticket"]

T = TypeVar("T")

# How many uses whoever holds a connection may make of it while others wait: enough to profit from having it, and few
# enough that nobody waits for long.
_TURN_USES = 8
# How long a server that had "too many connections" is asked for no more than it bore.
_SHRUNK_SECONDS = 60.0


def _check_count(_instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ValueError(f"{attribute.name} is a whole number above 0, not {value!r}")


def _check_seconds(_instance: object, attribute: attrs.Attribute[Any], value: float | None) -> None:
    if value is not None and not value > 0:
        raise ValueError(f"{attribute.name} is a number of seconds above 0 or None for no limit, not {value!r}")


@attrs.frozen(kw_only=True)
class PoolLimits:
    """How many connections, and how long each; None is no limit.

    Attributes:
        connections: open ones, those being opened and those being closed together.
        uses: of one connection.
        idle_seconds: without any use.
        age_seconds: since it was opened; it is closed after the use in which it gets so old.
    """

    connections: int = attrs.field(default=4, validator=[attrs.validators.instance_of(int), _check_count])
    uses: int | None = attrs.field(default=None, validator=_check_count)
    idle_seconds: float | None = attrs.field(default=None, validator=_check_seconds)
    age_seconds: float | None = attrs.field(default=None, validator=_check_seconds)


class PlaceState(enum.Enum):
    """What becomes of a place."""

    OPENING = "opening"
    BUSY = "busy"
    IDLE = "idle"
    CLOSING = "closing"


@attrs.define(eq=False)
class Place(Generic[T]):
    """One connection, or one that is about to be: ``resource`` is None until it is open."""

    state: PlaceState = PlaceState.OPENING
    resource: T | None = None
    uses: int = 0
    turn: int = 0
    """Uses since it was last assigned."""
    opened_at: float = 0.0
    idle_at: float = 0.0


@attrs.define(eq=False)
class Ticket(Generic[T]):
    """Somebody who needs a connection; ``place`` is what was assigned, OPENING if it is still to be opened."""

    place: Place[T] | None = None
    is_refused: bool = False
    wake: Callable[[], object] | None = None
    """Wakes the owner, where that one waits."""


@attrs.define(eq=False)
class Decision(Generic[T]):
    """What is to be done: who has got a place, which connections part politely, and which are gone already."""

    served: list[Ticket[T]] = attrs.field(factory=list)
    expired: list[Place[T]] = attrs.field(factory=list)
    dead: list[Place[T]] = attrs.field(factory=list)


class Places(Generic[T]):
    """All connections to one peer, and who waits for one. ``now`` is seconds by any one clock."""

    def __init__(self, limits: PoolLimits) -> None:
        self.limits: PoolLimits = limits
        self.is_draining: bool = False
        """Whether connections that come back are closed, and nobody gets one any more."""
        self._all: set[Place[T]] = set()
        self._idle: list[Place[T]] = []
        self._waiting: OrderedDict[Ticket[T], None] = OrderedDict()
        self._cap = limits.connections
        self._cap_until = math.inf

    # -- what is known -----------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """Count the connections that the peer may see."""
        return len(self._all)

    def count(self, *states: PlaceState) -> int:
        """Count the places in *states*."""
        return sum(place.state in states for place in self._all)

    @property
    def waiting(self) -> int:
        """How many tickets wait."""
        return len(self._waiting)

    def cap(self, now: float) -> int:
        """Return how many connections there may be."""
        if now >= self._cap_until:
            self._cap, self._cap_until = self.limits.connections, math.inf
        return self._cap

    def next_expiry(self) -> float:
        """Return when an idle connection has to be closed, ``inf`` for never."""
        return min(map(self._expiry, self._idle), default=math.inf)

    def may_go_on(self, place: Place[T], now: float) -> bool:
        """Tell whether the holder of *place* may use it once more without giving it back in between."""
        if self._waiting and place.turn >= _TURN_USES:
            return False
        return not self._is_spent(place, now)

    # -- what happens ------------------------------------------------------------------------------------------------

    def ask(self, ticket: Ticket[T], *, first: bool = False) -> None:
        """Let *ticket* wait, as the last one or as the *first*."""
        self._waiting[ticket] = None
        if first:
            self._waiting.move_to_end(ticket, last=False)

    def withdraw(self, ticket: Ticket[T]) -> None:
        """Forget *ticket*, which waits or not."""
        self._waiting.pop(ticket, None)

    def opened(self, place: Place[T], resource: T, now: float) -> None:
        """Note that the connection of *place* is open, and is whoever's *place* was assigned to."""
        place.resource, place.state, place.opened_at = resource, PlaceState.BUSY, now

    def used(self, place: Place[T]) -> None:
        """Count one use."""
        place.uses += 1
        place.turn += 1

    def give_back(self, place: Place[T], now: float) -> bool:
        """Take back a connection that works; False if it is to be closed instead of being kept."""
        if self.is_draining or self._is_spent(place, now):
            place.state = PlaceState.CLOSING
            return False
        place.state, place.idle_at = PlaceState.IDLE, now
        self._idle.append(place)
        return True

    def remove(self, place: Place[T]) -> None:
        """Forget a connection that is closed, or was never opened."""
        self._all.discard(place)

    def shrink(self, place: Place[T], now: float) -> bool:
        """Ask, for a minute, for no more connections than there are without *place*, which could not be opened.

        False if there are no others, so that nobody can wait for them.
        """
        others = sum(other is not place and other.state is not PlaceState.CLOSING for other in self._all)
        if others:
            self._cap, self._cap_until = min(others, self.cap(now)), now + _SHRUNK_SECONDS
        return others > 0

    def drain(self) -> list[Ticket[T]]:
        """Give out nothing any more; return the tickets that wait in vain. ``assign`` names the idle connections."""
        self.is_draining = True
        refused, self._waiting = list(self._waiting), OrderedDict()
        for ticket in refused:
            ticket.is_refused = True
        return refused

    def unlent(self) -> list[Place[T]]:
        """Return the open connections that nobody holds."""
        return [place for place in self._all if place.state in (PlaceState.IDLE, PlaceState.CLOSING)]

    # -- what follows ------------------------------------------------------------------------------------------------

    def assign(self, now: float, is_alive: Callable[[T], bool]) -> Decision[T]:
        """Decide; whoever waits gets the connection that was used last, or one to open while there may be more."""
        decision: Decision[T] = Decision()
        self._expire(now, decision)
        while self._waiting:
            place = self._take_idle(is_alive, decision)
            if place is None:
                if len(self._all) >= self.cap(now):
                    break
                place = Place()
                self._all.add(place)
            ticket, _ = self._waiting.popitem(last=False)
            place.turn, ticket.place = 0, place
            decision.served.append(ticket)
        return decision

    def _expire(self, now: float, decision: Decision[T]) -> None:
        surplus = self._surplus(now)
        # The front of the list was used longest ago.
        for place in tuple(self._idle):
            if self.is_draining or surplus > 0 or self._expiry(place) <= now:
                self._idle.remove(place)
                place.state = PlaceState.CLOSING
                decision.expired.append(place)
                surplus -= 1

    def _take_idle(self, is_alive: Callable[[T], bool], decision: Decision[T]) -> Place[T] | None:
        while self._idle:
            place = self._idle.pop()
            assert place.resource is not None  # it was open to become idle
            if is_alive(place.resource):
                place.state = PlaceState.BUSY
                return place
            self._all.discard(place)
            decision.dead.append(place)
        return None

    def _expiry(self, place: Place[T]) -> float:
        idle = math.inf if self.limits.idle_seconds is None else place.idle_at + self.limits.idle_seconds
        age = math.inf if self.limits.age_seconds is None else place.opened_at + self.limits.age_seconds
        return min(idle, age)

    def _is_spent(self, place: Place[T], now: float) -> bool:
        uses, age = self.limits.uses, self.limits.age_seconds
        if uses is not None and place.uses >= uses:
            return True
        if age is not None and now - place.opened_at >= age:
            return True
        return self._surplus(now) > 0

    def _surplus(self, now: float) -> int:
        """Count the connections above the cap that are not being closed already."""
        surplus = len(self._all) - self.cap(now)
        return surplus - self.count(PlaceState.CLOSING) if surplus > 0 else surplus
