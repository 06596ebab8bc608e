"""A sender that is cancelled at every point, in every way there is: no mail and no connection is lost sight of."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import attrs
import pytest

from tests.harness import ALL_MODES, Outcome, cancel_everywhere
from tests.peers import MiniSMTP
from tests.smtp.sender.support import AT_ONCE, Log, awaited, mail, mails, number_of, numbers, sender
from transfer import smtp

LAST = 99
ACCEPTED, UNKNOWN = smtp.Delivery.ACCEPTED, smtp.Delivery.UNKNOWN


@attrs.frozen
class Setting:
    """What a run works on; the sender is entered, unless the run does that itself."""

    many: smtp.Sender
    server: MiniSMTP
    log: Log
    cleanup: AsyncExitStack


@asynccontextmanager
async def setting(
    *, entered: bool = True, replies: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[Setting]:
    """A server, and a sender to it; one that is entered has no task of its own, which the harness would find left."""
    options |= {"idle_seconds": None, "age_seconds": None} if entered else {}
    log = Log()
    with MiniSMTP(extensions=("PIPELINING",), client_may_leave=True) as server:
        server.replies |= {key: list(value) for key, value in (replies or {}).items()}
        async with AsyncExitStack() as cleanup:
            many = sender(server, on_event=log, **options)
            if entered:
                await cleanup.enter_async_context(many)
            yield Setting(many, server, log, cleanup)


def fates(log: Log) -> dict[int, smtp.Delivery]:
    """What became of each mail, as the events tell; each has told it once."""
    ends = [*log.of(smtp.Sent), *log.of(smtp.Refused), *log.of(smtp.Failed)]
    counted = Counter(number_of(event.report) for event in ends)
    assert set(counted.values()) <= {1}, counted
    return {number_of(event.report): event.report.delivery for event in ends}


async def nothing_was_lost(outcome: Outcome) -> None:
    """The sender works on, and what it says of each mail is what became of it."""
    subject: Setting = outcome.subject
    if subject.many._running is not None:
        await subject.many.send(mail(LAST))
    await subject.cleanup.aclose()
    await subject.server.served()
    taken = Counter(numbers(subject.server))
    assert set(taken.values()) <= {1}, taken
    told = fates(subject.log)
    for number, fate in told.items():
        assert fate is UNKNOWN or (fate is ACCEPTED) is (number in taken), (number, fate)
    assert set(taken) <= set(told)


async def sweep(scenario: Callable[[Setting], Awaitable[object]], **options: Any) -> None:
    done = await cancel_everywhere(
        scenario,
        around=lambda: setting(**options),
        check=nothing_was_lost,
        modes=ALL_MODES,
        clean_up_points=2,
    )
    assert done.points > 0


async def test_a_single_mail() -> None:
    await sweep(lambda subject: subject.many.send(mail(0)))


async def test_a_single_mail_on_a_connection_that_was_used() -> None:
    async def twice(subject: Setting) -> None:
        await subject.many.send(mail(0))
        await subject.many.send(mail(1))

    await sweep(twice, max_connections=1)


async def test_a_mail_that_is_tried_again() -> None:
    await sweep(lambda subject: subject.many.send(mail(0)), retry=AT_ONCE, replies={"MAIL": ["451 4.3.0 later"]})


async def test_many_mails_from_an_asynchronous_source_are_given_up_in_the_middle() -> None:
    async def two_of_them(subject: Setting) -> None:
        async with subject.many, subject.many.send_many(awaited(mails(6))) as reports:
            await anext(reports)
            await anext(reports)

    await sweep(two_of_them, entered=False, max_connections=1)


@pytest.mark.parametrize("connections", [1, 2])
async def test_a_sender_from_entering_to_leaving(connections: int) -> None:
    """Everything is cancelled: the workers, the connections, the goodbye."""

    async def everything(subject: Setting) -> None:
        async with subject.many:
            async for _ in subject.many.send_many(mails(3)):
                pass

    await sweep(everything, entered=False, max_connections=connections)


async def test_leaving_while_mails_are_under_way() -> None:
    async def leave(subject: Setting) -> None:
        async with subject.many:
            async for _ in subject.many.send_many(mails(9)):
                break

    await sweep(leave, entered=False, max_connections=2, messages_per_connection=2)


async def test_checking_the_relays() -> None:
    await sweep(lambda subject: subject.many.check())
