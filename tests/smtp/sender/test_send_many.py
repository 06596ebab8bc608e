"""Many mails: reports for each, one round trip per mail, back-pressure, and leaving at any time."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from email.message import EmailMessage
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from tests.peers import CLOSE, MiniSMTP, ScriptedPeer, expect, hang, send
from tests.smtp.sender.support import awaited, deliveries, mail, mails, number_of, numbers, sender, verbs
from tests.smtp.support import LONG, PARTING, RECIPIENT, SENDER, letter, opening
from transfer import smtp

Source = Callable[[Iterable[smtp.Mail]], Iterable[smtp.Mail] | AsyncIterable[smtp.Mail]]


@pytest.fixture(params=["plain", "awaited"])
def source(request: pytest.FixtureRequest) -> Source:
    """Turns mails into what they come from: a plain iterable, or an asynchronous one."""
    if request.param == "awaited":
        return awaited
    return iter


# -- one round trip per mail -------------------------------------------------------------------------------------------

ENVELOPE = b"MAIL FROM:<anna@example.org>\r\nRCPT TO:<ben@example.net>\r\nDATA\r\n"
BODY = b"Subject: %d\r\n\r\nx\r\n.\r\n"
YES = b"250 ok\r\n250 ok\r\n354 go on\r\n"


@pytest.mark.parametrize("count", [1, 2, 3, 10])
async def test_the_next_envelope_travels_with_the_final_dot(peer: ScriptedPeer, count: int) -> None:
    """The peer answers nothing before a whole flight is there, so one that is cut in two would hang."""
    steps = [expect(ENVELOPE), send(YES)]
    for number in range(count - 1):
        steps += [expect(BODY % number + ENVELOPE), send(b"250 taken\r\n" + YES)]
    peer.script(*opening(b"PIPELINING"), *steps, expect(BODY % (count - 1)), send(b"250 taken\r\n"), *PARTING)
    async with sender(peer, max_connections=1) as many:
        reports = [report async for report in many.send_many(mails(count))]
    assert [number_of(report) for report in reports] == list(range(count))
    assert all(report.text == "taken" for report in reports)


async def test_without_pipelining_mails_follow_each_other(source: Source) -> None:
    with MiniSMTP(extensions=()) as server:
        async with sender(server, max_connections=1) as many:
            reports = [report async for report in many.send_many(source(mails(5)))]
    assert numbers(server) == [number_of(report) for report in reports] == list(range(5))
    assert verbs(server) == ["EHLO", *["MAIL", "RCPT", "DATA"] * 5, "QUIT"]


async def test_large_mails_go_by_chunks_one_after_the_other() -> None:
    body = b"Subject: %d\r\n\r\n" + b"x" * 70 + b"\r\n" + b"y\r\n" * 30_000
    with MiniSMTP() as server:
        async with sender(server, max_connections=1) as many:
            each = (smtp.Mail(body % number, sender=SENDER, recipients=RECIPIENT) for number in range(4))
            async for report in many.send_many(each):
                assert report.accepted
    assert [message.content for message in server.messages] == [body % number for number in range(4)]
    assert "BDAT" in verbs(server)


async def test_a_refused_mail_between_others_costs_the_others_nothing(source: Source) -> None:
    with MiniSMTP() as server:
        server.replies["MAIL"] = ["250 ok", "550 5.7.1 no", "250 ok", "250 ok", "250 ok"]
        server.replies["RCPT"] = ["250 ok", "503 MAIL first", "550 5.1.1 nobody", "250 ok", "250 ok"]
        server.replies["DATA"] = ["354 go", "503 MAIL first", "554 nobody", "354 go", "354 go"]
        server.replies["."] = ["250 ok", "554 5.6.0 no", "250 ok"]
        async with sender(server, max_connections=1) as many:
            reports = [report async for report in many.send_many(source(mails(5)))]
    errors = [type(report.error) for report in reports]
    assert errors == [type(None), smtp.SMTPSenderRefused, smtp.SMTPRecipientsRefused, smtp.SMTPDataError, type(None)]
    assert numbers(server) == [0, 4]
    assert server.accepted == 1


async def test_recipients_that_were_too_many_get_their_mail_before_the_next_one() -> None:
    with MiniSMTP() as server:
        server.replies["RCPT"] = ["250 ok", "452 4.5.3 too many"]
        async with sender(server, max_connections=1) as many:
            two = [mail(0, "a@x.example", "b@x.example"), mail(1)]
            reports = [report async for report in many.send_many(two)]
    assert all(report.error is None and not report.deferred for report in reports)
    assert deliveries(server) == [(0, "a@x.example"), (0, "b@x.example"), (1, RECIPIENT)]
    assert numbers(server) == [0, 0, 1]


async def test_message_objects_and_mails_may_be_mixed() -> None:
    with MiniSMTP() as server:
        async with sender(server) as many:
            async for report in many.send_many([letter(), mail(1), letter(To="eva@example.net")]):
                assert report.accepted
    assert len(server.messages) == 3


# -- what goes wrong with a mail ---------------------------------------------------------------------------------------


async def test_a_mail_that_cannot_be_sent_is_a_report(source: Source) -> None:
    wrong: list[Any] = [mail(0), smtp.Mail(b"x", sender=SENDER, recipients="not one"), None, EmailMessage(), mail(4)]
    with MiniSMTP() as server:
        async with sender(server, max_connections=1) as many:
            reports = [report async for report in many.send_many(source(wrong))]
    by_mail = {id(report.mail): report for report in reports}
    errors = [type(by_mail[id(item)].error) for item in wrong]
    assert errors == [type(None), smtp.SMTPAddressError, smtp.SMTPMessageError, smtp.SMTPMessageError, type(None)]
    assert numbers(server) == [0, 4]


async def test_what_a_source_of_octets_raises_is_its_mails_failure() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"Subject: 1\r\n"
        raise LookupError("no more")

    with MiniSMTP() as server:
        async with sender(server, max_connections=1) as many:
            three = [mail(0), smtp.Mail(broken(), sender=SENDER, recipients=RECIPIENT), mail(2)]
            reports = [report async for report in many.send_many(three)]
    assert [report.delivery for report in reports] == [
        smtp.Delivery.ACCEPTED,
        smtp.Delivery.NOT_SENT,
        smtp.Delivery.ACCEPTED,
    ]
    assert isinstance(reports[1].error, smtp.SMTPMessageError)
    assert isinstance(reports[1].error.__cause__, LookupError)
    assert numbers(server) == [0, 2]


async def test_a_connection_lost_in_the_middle_is_one_mails_doubt_and_nobody_elses(source: Source) -> None:
    with MiniSMTP() as server:
        server.replies["."] = ["250 ok", CLOSE]
        async with sender(server, max_connections=1) as many:
            reports = [report async for report in many.send_many(source(mails(6)))]
    fates = {number_of(report): report.delivery for report in reports}
    assert fates[1] is smtp.Delivery.UNKNOWN
    assert all(fates[number] is smtp.Delivery.ACCEPTED for number in (0, 2, 3, 4, 5))
    assert sorted(numbers(server)) == [0, 2, 3, 4, 5]
    assert server.accepted == 2


async def test_a_server_that_ends_connections_by_itself_loses_no_mail(source: Source) -> None:
    """Each connection takes three mails, and says 421 to the next, whose envelope is on its way already."""
    with MiniSMTP() as server:
        server.replies["MAIL"] = ["250 ok"] * 3 + ["421 4.7.0 enough"] + ["250 ok"] * 3 + ["421 4.7.0 enough"]
        async with sender(server, max_connections=1) as many:
            reports = [report async for report in many.send_many(source(mails(8)))]
    assert all(report.accepted for report in reports)
    assert numbers(server) == list(range(8))


async def test_a_server_that_is_not_there_fails_each_mail() -> None:
    with MiniSMTP() as server:
        server.replies["GREETING"] = "554 5.3.2 no service"
        async with sender(server, max_connections=2) as many:
            reports = [report async for report in many.send_many(mails(10))]
    assert sorted(map(number_of, reports)) == list(range(10))
    assert all(isinstance(report.error, smtp.SMTPConnectResponseError) for report in reports)
    assert all(report.delivery is smtp.Delivery.NOT_SENT for report in reports)


# -- what goes wrong with the source -----------------------------------------------------------------------------------


async def test_what_the_source_raises_comes_out_after_the_reports(source: Source) -> None:
    def broken() -> Iterator[smtp.Mail]:
        yield from mails(3)
        raise LookupError("no more")

    seen: list[int] = []
    with MiniSMTP() as server:
        async with sender(server) as many:
            reports = many.send_many(source(broken()))
            with pytest.raises(LookupError, match="no more"):
                seen += [number_of(report) async for report in reports]
            assert [report async for report in reports] == []
    assert len(numbers(server)) == 3


@pytest.mark.parametrize("one", ["text", b"octets", EmailMessage(), mail()])
async def test_one_mail_is_not_many(one: Any) -> None:
    async with sender(smtp.Relay(hostname="127.0.0.1", port=1)) as many:
        with pytest.raises(TypeError, match="iterable of mails"):
            many.send_many(one)


async def test_no_mails_are_no_reports(source: Source) -> None:
    async with sender(smtp.Relay(hostname="127.0.0.1", port=1)) as many:
        assert [report async for report in many.send_many(source([]))] == []


# -- back-pressure -----------------------------------------------------------------------------------------------------


class Counted:
    """An iterable that knows how many were taken from it."""

    def __init__(self, count: int) -> None:
        self.taken = 0
        self._count = count

    def __iter__(self) -> Iterator[smtp.Mail]:
        for number in range(self._count):
            self.taken += 1
            yield mail(number)


@pytest.mark.parametrize("connections", [1, 3])
async def test_mails_are_pulled_no_faster_than_reports_are_taken(source: Source, connections: int) -> None:
    counted = Counted(200)
    with MiniSMTP() as server:
        async with sender(server, max_connections=connections) as many:
            seen = 0
            async for report in many.send_many(source(counted)):
                assert report.accepted
                if seen < 5:
                    await anyio.sleep(0.01)  # a slow consumer
                seen += 1
                assert counted.taken <= seen + 8 * connections + 1
    assert (seen, counted.taken) == (200, 200)


async def test_mails_that_come_one_by_one_are_sent_at_once() -> None:
    feed, mailbox = anyio.create_memory_object_stream[smtp.Mail](1)
    with MiniSMTP() as server, feed, mailbox:
        async with sender(server, max_connections=2) as many:
            reports = many.send_many(mailbox)
            for number in range(5):
                await feed.send(mail(number))
                with anyio.fail_after(LONG):
                    assert number_of(await anext(reports)) == number
            feed.close()
            assert [report async for report in reports] == []


# -- leaving early -----------------------------------------------------------------------------------------------------


async def test_leaving_the_loop_early_sends_what_was_begun_and_no_more(source: Source) -> None:
    counted = Counted(1000)
    with MiniSMTP() as server:
        with anyio.fail_after(LONG):
            async with sender(server, max_connections=2) as many:
                async for report in many.send_many(source(counted)):
                    assert report.accepted
                    break
        await server.served()
    sent = len(numbers(server))
    assert sorted(numbers(server)) == list(range(sent))
    # An asynchronous source that is ended in the middle may have one in its hands.
    assert counted.taken - sent <= (source is awaited)
    assert counted.taken <= 1 + 8 * 2
    assert verbs(server)[-1] == "QUIT"


async def test_reports_can_be_closed_and_taken_afterwards(source: Source) -> None:
    counted = Counted(1000)
    with MiniSMTP() as server:
        async with sender(server, max_connections=2) as many:
            async with many.send_many(source(counted)) as reports:
                first = await anext(reports)
            rest = [report async for report in reports]
            assert counted.taken - 1 - len(rest) <= (source is awaited)
            assert {number_of(report) for report in (first, *rest)} == set(numbers(server))


async def test_reports_can_be_taken_after_the_sender_was_left() -> None:
    with MiniSMTP() as server:
        async with sender(server, max_connections=1) as many:
            reports = many.send_many(mails(100))
            first = await anext(reports)
        rest = [report async for report in reports]
    assert {number_of(report) for report in (first, *rest)} == set(numbers(server))


async def test_reports_that_nobody_asked_for_send_nothing(source: Source) -> None:
    counted = Counted(3)
    with MiniSMTP() as server:
        async with sender(server) as many:
            reports = many.send_many(source(counted))
            unused = many.send_many(source(counted))
            await unused.aclose()
        with pytest.raises(smtp.SMTPServerDisconnected, match="left"):
            await anext(reports)
    assert counted.taken == server.accepted == 0


async def test_an_asynchronous_source_is_closed_with_the_reports() -> None:
    closed = anyio.Event()

    async def endless() -> AsyncIterator[smtp.Mail]:
        try:
            while True:
                yield mail()
                await anyio.lowlevel.checkpoint()
        finally:
            closed.set()

    with MiniSMTP() as server:
        async with sender(server) as many, many.send_many(endless()) as reports:
            await anext(reports)
        assert closed.is_set()


async def test_a_source_that_waits_for_ever_keeps_nobody_from_leaving() -> None:
    async def stuck() -> AsyncIterator[smtp.Mail]:
        yield mail(0)
        await anyio.sleep_forever()

    with MiniSMTP() as server, anyio.fail_after(LONG):
        async with sender(server) as many:
            async for _ in many.send_many(stuck()):
                break
    assert numbers(server) == [0]


async def test_an_exception_in_the_loop_comes_out_as_it_is(peer: ScriptedPeer) -> None:
    """Even while other mails are stuck at a server that does not answer."""
    peer.client_may_leave = True
    steps = [expect(ENVELOPE), send(YES), expect(BODY % 0 + ENVELOPE), send(b"250 taken\r\n")]
    peer.script(*opening(b"PIPELINING"), *steps, hang())

    async def block() -> None:
        async with sender(peer, max_connections=1) as many:
            async for _ in many.send_many(mails(9)):
                raise LookupError("mine")

    with anyio.fail_after(LONG), pytest.raises(LookupError, match="mine"):
        await block()


async def test_two_bulks_share_a_sender() -> None:
    with MiniSMTP() as server:
        async with sender(server, max_connections=2) as many, anyio.create_task_group() as tasks:

            async def bulk(start: int) -> None:
                count = 0
                async for report in many.send_many(map(mail, range(start, start + 50))):
                    assert start <= number_of(report) < start + 50
                    count += 1
                assert count == 50

            for start in (0, 100, 200):
                tasks.start_soon(bulk, start)
    assert len(numbers(server)) == 150
    assert server.accepted <= 4
