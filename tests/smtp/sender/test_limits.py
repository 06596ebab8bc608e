"""How many connections there are, how long they last, and how fast mails follow each other."""

from __future__ import annotations

import anyio
import pytest

from tests.peers import MiniSMTP, ScriptedPeer, Step, expect, expect_eof, send
from tests.smtp.sender.support import Crowd, Log, mail, mails, numbers, sender, verbs
from tests.smtp.support import LONG, PARTING, opening, until
from transfer import smtp
from transfer.smtp._sender_courier import Pace

# -- the cap -----------------------------------------------------------------------------------------------------------


async def test_two_hundred_mails_over_four_connections() -> None:
    with MiniSMTP() as server:
        crowd = Crowd(server)
        async with sender(server, max_connections=4, messages_per_connection=9) as many:
            reports = [report async for report in many.send_many(mails(200))]
    assert all(report.accepted for report in reports)
    assert sorted(numbers(server)) == list(range(200))
    assert 1 < crowd.most <= 4
    assert server.accepted >= 200 / 9


async def test_single_mails_and_many_share_one_cap() -> None:
    with MiniSMTP() as server:
        crowd = Crowd(server)
        options = {"max_connections": 2, "messages_per_connection": 3}
        async with sender(server, **options) as many, anyio.create_task_group() as tasks:
            for number in range(100, 120):
                tasks.start_soon(many.send, mail(number))
            async for report in many.send_many(mails(40)):
                assert report.accepted
    assert sorted(numbers(server)) == [*range(40), *range(100, 120)]
    assert crowd.most <= 2


async def test_a_server_that_bears_fewer_connections_gets_no_more() -> None:
    """A 421 to a further connection makes the others wait for those that there are; no mail is lost."""
    with MiniSMTP() as server:
        greetings = iter([None, None])
        server.replies["GREETING"] = lambda _: next(greetings, "421 4.7.0 too many connections")
        async with sender(server, max_connections=8, messages_per_connection=None) as many:
            reports = [report async for report in many.send_many(mails(60))]
    assert all(report.accepted for report in reports)
    assert sorted(numbers(server)) == list(range(60))


async def test_a_single_mail_does_not_wait_for_the_end_of_many() -> None:
    async def everything() -> None:
        async for report in many.send_many(mails(300)):
            assert report.accepted

    with MiniSMTP() as server:
        options = {"max_connections": 1, "messages_per_connection": None}
        async with sender(server, **options) as many, anyio.create_task_group() as tasks:
            tasks.start_soon(everything)
            await until(lambda: server.messages)
            await many.send(mail(1000))
    assert numbers(server).index(1000) < 150


# -- how long a connection lasts ---------------------------------------------------------------------------------------


async def test_a_connection_ends_after_its_messages() -> None:
    log = Log()
    with MiniSMTP() as server:
        async with sender(server, max_connections=1, messages_per_connection=2, on_event=log) as many:
            async for report in many.send_many(mails(5)):
                assert report.accepted
    assert [event.mails for event in log.of(smtp.Disconnected)] == [2, 2, 1]
    assert verbs(server).count("QUIT") == server.accepted == 3
    assert all(event.error is None for event in log.of(smtp.Disconnected))


async def test_an_idle_connection_is_closed_in_order() -> None:
    with MiniSMTP() as server:
        async with sender(server, idle_seconds=0.02) as many:
            await many.send(mail(0))
            with anyio.fail_after(LONG):
                await server.served()
            assert verbs(server)[-1] == "QUIT"
            await many.send(mail(1))
    assert server.accepted == 2


async def test_an_old_connection_is_closed_after_its_mail() -> None:
    with MiniSMTP() as server:
        async with sender(server, age_seconds=0.001) as many:
            for number in range(3):
                await many.send(mail(number))
                await anyio.sleep(0.002)
    assert server.accepted == 3


# -- whether it is still there -----------------------------------------------------------------------------------------

MAIL = (
    b"MAIL FROM:<anna@example.org>\r\nRCPT TO:<ben@example.net>\r\nDATA\r\n",
    b"Subject: %d\r\n\r\nx\r\n.\r\n",
)


def one_mail(number: int) -> list[Step]:
    """The steps of one mail in two flights."""
    return [
        *(expect(MAIL[0]), send(b"250 ok\r\n250 ok\r\n354 go on\r\n")),
        *(expect(MAIL[1] % number), send(b"250 taken\r\n")),
    ]


@pytest.mark.parametrize("parting", [b"421 4.4.2 idle for too long\r\n", b""], ids=["421", "end"])
async def test_what_a_server_said_while_idle_is_noticed_without_asking(peer: ScriptedPeer, parting: bytes) -> None:
    """No NOOP goes out, and the next mail gets a connection of its own."""
    hello = opening(b"PIPELINING")
    end = [send(parting)] if parting else []
    peer.script(*hello, *one_mail(0), *end)
    peer.script(*hello, *one_mail(1), *PARTING)
    async with sender(peer) as many:
        await many.send(mail(0))
        await until(lambda: peer.connections[0].played == len(peer.connections[0].script))
        await anyio.sleep(0.02)  # what was said is on its way
        report = await many.send(mail(1))
    assert report.attempts == 1
    assert len(peer.connections) == 2


async def test_a_server_that_talks_out_of_turn_is_not_listened_to(peer: ScriptedPeer) -> None:
    hello = opening(b"PIPELINING")
    peer.script(*hello, *one_mail(0), send(b"250 and another thing\r\n"), expect_eof())
    peer.script(*hello, *one_mail(1), *PARTING)
    async with sender(peer) as many:
        await many.send(mail(0))
        await until(lambda: peer.connections[0].played >= len(peer.connections[0].script) - 1)
        await anyio.sleep(0.02)
        await many.send(mail(1))


# -- the rate ----------------------------------------------------------------------------------------------------------


def test_the_pace_adds_up(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("transfer.smtp._sender_courier.time.monotonic", lambda: now)
    pace = Pace(10)
    sent = 0
    for tick in range(1000):
        now = 100.0 + tick / 100
        if pace.is_due():
            pace.count()
            sent += 1
    assert sent == pytest.approx(10 * 10, abs=3)


async def test_the_rate_holds_for_all_connections_together() -> None:
    """A lower bound that the pace itself guarantees: 30 mails at 100 per second, but for the first ones."""
    with MiniSMTP() as server:
        async with sender(server, max_connections=4, messages_per_second=100) as many:
            start = anyio.current_time()
            async for report in many.send_many(mails(30)):
                assert report.accepted
            for number in range(5):
                await many.send(mail(number))
            took = anyio.current_time() - start
    assert took >= (35 - 1) / 100 - 0.1 - 0.01


async def test_no_connection_is_taken_while_the_rate_makes_mails_wait() -> None:
    with MiniSMTP() as server:
        async with sender(server, max_connections=1, messages_per_second=0.5) as many:
            await many.send(mail(0))
            with anyio.move_on_after(0.02) as scope:
                await many.send(mail(1))
            assert scope.cancelled_caught
    assert numbers(server) == [0]
