"""Who gets which connection: decisions without I/O, and whatever order things happen in."""

from __future__ import annotations

import math

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from transfer._engine.places import Decision, Place, Places, PlaceState, PoolLimits, Ticket


class Thing:
    """A connection, as far as decisions go."""

    def __init__(self) -> None:
        self.alive = True


def is_alive(thing: Thing) -> bool:
    return thing.alive


class Desk:
    """Places and a clock, for tests that ask and look."""

    def __init__(self, **limits: float | None) -> None:
        self.places: Places[Thing] = Places(PoolLimits(**limits))  # type: ignore[arg-type]  # of each its own kind
        self.now = 0.0

    def ask(self, count: int = 1) -> list[Ticket[Thing]]:
        tickets = [Ticket[Thing]() for _ in range(count)]
        for ticket in tickets:
            self.places.ask(ticket)
        return tickets

    def assign(self) -> Decision[Thing]:
        return self.places.assign(self.now, is_alive)

    def open(self, place: Place[Thing] | None) -> Place[Thing]:
        assert place is not None
        self.places.opened(place, Thing(), self.now)
        return place

    def take(self) -> Place[Thing]:
        """Ask for a connection, which there is, and open it if it is new."""
        (ticket,) = self.ask()
        self.assign()
        assert ticket.place is not None
        return self.open(ticket.place) if ticket.place.state is PlaceState.OPENING else ticket.place


# -- who gets what -----------------------------------------------------------------------------------------------------


def test_no_more_connections_are_opened_than_there_may_be() -> None:
    desk = Desk(connections=2)
    tickets = desk.ask(3)
    assert desk.assign().served == tickets[:2]
    assert [ticket.place is not None for ticket in tickets] == [True, True, False]
    assert len(desk.places) == 2


def test_who_came_first_is_served_first() -> None:
    desk = Desk(connections=1)
    place = desk.take()
    tickets = desk.ask(3)
    for ticket in tickets:
        assert desk.places.give_back(place, desk.now)
        assert desk.assign().served == [ticket]
        assert ticket.place is place


def test_a_ticket_may_be_put_first() -> None:
    desk = Desk(connections=1)
    place = desk.take()
    _, last = desk.ask(2)
    desk.places.ask(last, first=True)
    desk.places.give_back(place, desk.now)
    assert desk.assign().served == [last]


def test_the_connection_that_was_used_last_is_lent_first() -> None:
    desk = Desk(connections=2)
    one, two = desk.take(), desk.take()
    desk.places.give_back(two, desk.now)
    desk.places.give_back(one, desk.now)
    assert desk.take() is one


def test_a_connection_that_has_died_is_replaced() -> None:
    desk = Desk(connections=1)
    place = desk.take()
    desk.places.give_back(place, desk.now)
    assert place.resource is not None
    place.resource.alive = False
    (ticket,) = desk.ask()
    decision = desk.assign()
    assert (decision.dead, decision.served) == ([place], [ticket])
    assert ticket.place is not place


def test_a_ticket_that_was_withdrawn_gets_nothing() -> None:
    desk = Desk(connections=1)
    first, second = desk.ask(2)
    desk.places.withdraw(first)
    assert desk.assign().served == [second]


# -- limits ------------------------------------------------------------------------------------------------------------


def test_a_connection_is_given_up_after_its_uses() -> None:
    desk = Desk(uses=2)
    place = desk.take()
    desk.places.used(place)
    assert desk.places.may_go_on(place, desk.now)
    desk.places.used(place)
    assert not desk.places.may_go_on(place, desk.now)
    assert not desk.places.give_back(place, desk.now)
    assert place.state is PlaceState.CLOSING


def test_an_idle_connection_is_given_up_in_time() -> None:
    desk = Desk(idle_seconds=5)
    place = desk.take()
    desk.places.give_back(place, desk.now)
    assert desk.places.next_expiry() == 5
    desk.now = 4.9
    assert desk.assign().expired == []
    desk.now = 5
    assert desk.assign().expired == [place]
    assert desk.places.next_expiry() == math.inf


def test_an_old_connection_is_given_up_when_it_comes_back() -> None:
    desk = Desk(age_seconds=5)
    place = desk.take()
    desk.now = 5
    assert not desk.places.may_go_on(place, desk.now)
    assert not desk.places.give_back(place, desk.now)


def test_an_old_connection_is_given_up_while_it_is_idle() -> None:
    desk = Desk(age_seconds=5, idle_seconds=100)
    place = desk.take()
    desk.places.give_back(place, 3)
    assert desk.places.next_expiry() == 5


def test_an_expired_connection_is_not_lent() -> None:
    desk = Desk(idle_seconds=5, connections=2)
    place = desk.take()
    desk.places.give_back(place, desk.now)
    desk.now = 6
    assert desk.take() is not place


def test_a_connection_that_is_being_closed_still_counts() -> None:
    """The server may see it until it is gone."""
    desk = Desk(connections=1, uses=1)
    place = desk.take()
    desk.places.used(place)
    desk.places.give_back(place, desk.now)
    (ticket,) = desk.ask()
    assert desk.assign().served == []
    desk.places.remove(place)
    assert desk.assign().served == [ticket]


def test_whoever_has_a_connection_gives_it_back_after_some_uses_if_others_wait() -> None:
    desk = Desk(connections=1)
    place = desk.take()
    for _ in range(100):
        desk.places.used(place)
    assert desk.places.may_go_on(place, desk.now)
    desk.ask()
    assert not desk.places.may_go_on(place, desk.now)
    desk.places.give_back(place, desk.now)
    desk.assign()
    assert desk.places.may_go_on(place, desk.now)


@pytest.mark.parametrize(
    "limits",
    [{"connections": 0}, {"connections": None}, {"connections": 1.5}, {"uses": 0}, {"uses": True}],
)
def test_a_number_that_is_none_is_refused(limits: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError), match=next(iter(limits))):
        PoolLimits(**limits)  # type: ignore[arg-type]  # what is wrong with it is the point


@pytest.mark.parametrize("name", ["idle_seconds", "age_seconds"])
@pytest.mark.parametrize("seconds", [0, -1, math.nan])
def test_a_time_that_is_none_is_refused(name: str, seconds: float) -> None:
    with pytest.raises(ValueError, match=name):
        PoolLimits(**{name: seconds})  # type: ignore[arg-type]  # these two take it


# -- a server that bears less ------------------------------------------------------------------------------------------


def test_the_cap_shrinks_to_what_the_server_bears_and_grows_again_later() -> None:
    desk = Desk(connections=4)
    places = [desk.take(), desk.take()]
    (ticket,) = desk.ask()
    desk.assign()
    assert ticket.place is not None
    assert desk.places.shrink(ticket.place, desk.now)
    desk.places.remove(ticket.place)
    desk.ask(2)
    assert desk.assign().served == []
    assert desk.places.cap(desk.now) == len(places)
    desk.now = 61
    assert len(desk.assign().served) == 2


def test_without_a_connection_there_is_nothing_to_shrink_to() -> None:
    desk = Desk(connections=4)
    (ticket,) = desk.ask()
    desk.assign()
    assert ticket.place is not None
    assert not desk.places.shrink(ticket.place, desk.now)
    assert desk.places.cap(desk.now) == 4


def test_connections_that_are_being_opened_can_be_waited_for() -> None:
    """A server that bears two refuses the other six before it has greeted the two."""
    desk = Desk(connections=8)
    tickets = desk.ask(8)
    desk.assign()
    for ticket in tickets[2:]:
        assert ticket.place is not None
        assert desk.places.shrink(ticket.place, desk.now)
        desk.places.remove(ticket.place)
    assert desk.places.cap(desk.now) == 2


def test_no_more_are_closed_than_are_too_many() -> None:
    desk = Desk(connections=3)
    places = [desk.take() for _ in range(3)]
    desk.places.give_back(places[0], desk.now)
    assert desk.places.shrink(places[0], desk.now)
    assert desk.places.cap(desk.now) == 2
    assert desk.assign().expired == [places[0]]
    assert desk.places.give_back(places[1], desk.now)
    assert desk.assign().expired == []


# -- the end -----------------------------------------------------------------------------------------------------------


def test_draining_refuses_who_waits_and_gives_up_what_is_idle_or_comes_back() -> None:
    desk = Desk(connections=2)
    idle, busy = desk.take(), desk.take()
    (waiting,) = desk.ask()
    assert desk.places.drain() == [waiting]
    assert waiting.is_refused
    assert desk.assign().served == []
    assert not desk.places.give_back(idle, desk.now)
    assert not desk.places.give_back(busy, desk.now)


def test_draining_names_the_idle_ones() -> None:
    desk = Desk(connections=2)
    idle = desk.take()
    desk.places.give_back(idle, desk.now)
    desk.places.drain()
    assert desk.assign().expired == [idle]


# -- anything in any order ---------------------------------------------------------------------------------------------


class AnyOrder(RuleBasedStateMachine):
    """Tasks that ask, give up, open, fail, use, give back and lose connections, while time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk(connections=3, uses=4, idle_seconds=10, age_seconds=25)
        self.queue: list[Ticket[Thing]] = []
        """Who has to be served, in order."""
        self.opening: list[Place[Thing]] = []
        self.busy: list[Place[Thing]] = []
        self.closing: list[Place[Thing]] = []
        self.drained = False

    def settle(self) -> None:
        decision = self.desk.assign()
        for place in decision.expired:
            assert place.state is PlaceState.CLOSING
        self.closing += decision.expired
        for place in decision.dead:
            assert place.resource is not None
            assert not place.resource.alive
        assert decision.served == self.queue[: len(decision.served)]
        self.queue = self.queue[len(decision.served) :]
        for ticket in decision.served:
            assert ticket.place is not None
            assert ticket.place not in (*self.opening, *self.busy, *self.closing)
            if ticket.place.state is PlaceState.OPENING:
                self.opening.append(ticket.place)
            else:
                assert ticket.place.resource is not None
                assert ticket.place.resource.alive
                assert ticket.place.uses < 4
                assert self.desk.now - ticket.place.opened_at < 25
                assert self.desk.now - ticket.place.idle_at < 10
                self.busy.append(ticket.place)

    @precondition(lambda self: not self.drained)
    @rule(first=st.booleans())
    def ask(self, first: bool) -> None:
        ticket: Ticket[Thing] = Ticket()
        self.desk.places.ask(ticket, first=first)
        self.queue.insert(0 if first else len(self.queue), ticket)
        self.settle()

    @precondition(lambda self: self.queue)
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        ticket = data.draw(st.sampled_from(self.queue))
        self.queue.remove(ticket)
        self.desk.places.withdraw(ticket)
        self.settle()

    @precondition(lambda self: self.opening)
    @rule(succeeds=st.booleans(), is_full=st.booleans())
    def open_one(self, succeeds: bool, is_full: bool) -> None:
        place = self.opening.pop()
        if succeeds:
            self.busy.append(self.desk.open(place))
            return
        if is_full:
            self.desk.places.shrink(place, self.desk.now)
        self.desk.places.remove(place)
        self.settle()

    @precondition(lambda self: self.busy)
    @rule()
    def use(self) -> None:
        if self.desk.places.may_go_on(self.busy[0], self.desk.now):
            self.desk.places.used(self.busy[0])

    @precondition(lambda self: self.busy)
    @rule(survives=st.booleans())
    def give_back(self, survives: bool) -> None:
        place = self.busy.pop()
        if not survives:
            self.desk.places.remove(place)
        elif not self.desk.places.give_back(place, self.desk.now):
            self.closing.append(place)
        self.settle()

    @precondition(lambda self: self.closing)
    @rule()
    def close_one(self) -> None:
        self.desk.places.remove(self.closing.pop())
        self.settle()

    @precondition(lambda self: self.desk.places._idle)
    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        place = data.draw(st.sampled_from(self.desk.places._idle))
        assert place.resource is not None
        place.resource.alive = False

    @rule(seconds=st.sampled_from([1.0, 5.0, 30.0, 61.0]))
    def tick(self, seconds: float) -> None:
        self.desk.now += seconds
        self.settle()

    @precondition(lambda self: not self.drained)
    @rule()
    def drain(self) -> None:
        assert self.desk.places.drain() == self.queue
        assert all(ticket.is_refused for ticket in self.queue)
        self.queue, self.drained = [], True
        self.settle()

    @invariant()
    def the_peer_never_sees_more_than_the_cap(self) -> None:
        assert len(self.desk.places) <= 3

    @invariant()
    def nothing_is_lost(self) -> None:
        idle = self.desk.places.count(PlaceState.IDLE)
        assert len(self.desk.places) == idle + len(self.opening) + len(self.busy) + len(self.closing)

    @invariant()
    def nobody_waits_for_what_is_free(self) -> None:
        assert self.desk.places.waiting == len(self.queue)
        if self.queue:
            assert len(self.desk.places) >= self.desk.places.cap(self.desk.now)
            assert not self.desk.places.count(PlaceState.IDLE)

    @invariant()
    def what_is_drained_keeps_nothing(self) -> None:
        assert not (self.drained and self.desk.places.count(PlaceState.IDLE))


TestAnyOrder = AnyOrder.TestCase
