"""What is tried again: only what is safe, only for those who have not got the mail, and without holding anything."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator

import anyio
import pytest

from tests.peers import CLOSE, MiniSMTP
from tests.smtp.sender.support import (
    AT_ONCE,
    LATER,
    Crowd,
    Log,
    deliveries,
    mail,
    mails,
    number_of,
    numbers,
    sender,
)
from tests.smtp.support import LONG, RECIPIENT, SENDER, until
from transfer import RetryPolicy, smtp

# -- what is repeated --------------------------------------------------------------------------------------------------


VERBS = ("GREETING", "EHLO", "MAIL", "RCPT", "DATA")
LATER_REPLY = "451 4.3.0 later"
# Nobody knows what became of a mail whose final dot got no answer.
NOT_TAKEN = [*((verb, reply) for verb in VERBS for reply in (LATER_REPLY, CLOSE)), (".", LATER_REPLY)]


@pytest.mark.parametrize(("verb", "reply"), NOT_TAKEN)
async def test_what_is_not_taken_for_now_is_tried_again(verb: str, reply: str) -> None:
    with MiniSMTP() as server:
        server.replies[verb] = [reply, reply]
        async with sender(server, retry=AT_ONCE) as many:
            report = await many.send(mail(1))
    assert report.attempts == 3
    assert report.error is None
    assert numbers(server) == [1]


async def test_after_the_last_attempt_its_error_comes_out() -> None:
    with MiniSMTP() as server:
        server.replies["MAIL"] = "451 4.3.0 later"
        async with sender(server, retry=AT_ONCE) as many:
            with pytest.raises(smtp.SMTPSenderRefused) as caught:
                await many.send(mail())
    assert caught.value.report is not None
    assert caught.value.report.attempts == 3
    assert [one.status for one in caught.value.report.recipients] == [smtp.RecipientStatus.DEFERRED]


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "."])
async def test_what_is_refused_for_good_is_not_repeated(verb: str) -> None:
    with MiniSMTP() as server:
        server.replies[verb] = ["550 5.7.1 no"]
        async with sender(server, retry=AT_ONCE) as many:
            with pytest.raises(smtp.SMTPException) as caught:
                await many.send(mail())
    assert caught.value.report is not None
    assert caught.value.report.attempts == 1
    assert numbers(server) == []


async def test_a_mail_of_unknown_fate_is_never_repeated() -> None:
    with MiniSMTP() as server:
        server.replies["."] = [CLOSE]
        always = RetryPolicy(attempts=3, wait_initial=0, wait_jitter=0, retry_on=lambda exc: True)
        async with sender(server, retry=always) as many:
            with pytest.raises(smtp.SMTPDeliveryUncertain):
                await many.send(mail())
    assert server.accepted == 1


async def test_an_iterator_that_was_used_is_not_sent_again() -> None:
    async def octets() -> AsyncIterator[bytes]:
        yield b"Subject: 0\r\n\r\nx\r\n"

    with MiniSMTP() as server:
        server.replies["."] = ["451 4.3.0 later"]
        async with sender(server, retry=AT_ONCE) as many:
            with pytest.raises(smtp.SMTPDataError):
                await many.send(smtp.Mail(octets(), sender=SENDER, recipients=RECIPIENT))
    assert numbers(server) == []


async def test_an_iterator_that_was_not_begun_is_sent_after_all() -> None:
    async def octets() -> AsyncIterator[bytes]:
        yield b"Subject: 0\r\n\r\nx\r\n"

    with MiniSMTP() as server:
        server.replies["MAIL"] = ["451 4.3.0 later"]
        async with sender(server, retry=AT_ONCE) as many:
            await many.send(smtp.Mail(octets(), sender=SENDER, recipients=RECIPIENT))
    assert numbers(server) == [0]


async def test_without_a_policy_nothing_is_repeated() -> None:
    with MiniSMTP() as server:
        server.replies["MAIL"] = ["451 4.3.0 later"]
        async with sender(server) as many:
            with pytest.raises(smtp.SMTPSenderRefused):
                await many.send(mail())


async def test_an_attempt_that_takes_too_long_is_given_up() -> None:
    policy = RetryPolicy(attempts=3, timeout=0.1, wait_initial=0, wait_jitter=0)
    with MiniSMTP() as server:
        server.replies["MAIL"] = ["451 4.3.0 later"]
        server.replies["."] = "<hang>"
        async with sender(server, retry=policy) as many:
            with anyio.fail_after(LONG), pytest.raises(smtp.SMTPDeliveryUncertain) as caught:
                await many.send(mail())
            assert caught.value.report is not None
            assert caught.value.report.delivery is smtp.Delivery.UNKNOWN


# -- for whom ----------------------------------------------------------------------------------------------------------


async def test_only_those_are_tried_again_who_have_not_got_the_mail() -> None:
    with MiniSMTP() as server:
        server.replies["RCPT"] = ["250 ok", "450 4.2.0 greylisted", "550 5.1.1 nobody", "450 4.2.0 still", "250 ok"]
        async with sender(server, retry=AT_ONCE) as many:
            report = await many.send(mail(0, "a@x.example", "b@x.example", "c@x.example"))
    statuses = [one.status.name for one in report.recipients]
    assert statuses == ["ACCEPTED", "ACCEPTED", "REFUSED"]
    assert (report.attempts, report.error) == (3, None)
    assert deliveries(server) == [(0, "a@x.example"), (0, "b@x.example")]
    asked = Counter(command for command in server.commands if command.startswith("RCPT"))
    assert asked == {"RCPT TO:<a@x.example>": 1, "RCPT TO:<b@x.example>": 3, "RCPT TO:<c@x.example>": 1}


async def test_who_is_deferred_to_the_end_is_in_the_report_of_a_mail_that_others_got() -> None:
    with MiniSMTP() as server:
        server.replies["RCPT"] = lambda argument: "450 4.2.0 later" if "b@" in argument else None
        async with sender(server, retry=AT_ONCE) as many:
            report = await many.send(mail(0, "a@x.example", "b@x.example"))
    assert [one.address for one in report.deferred] == ["b@x.example"]
    assert report.delivery is smtp.Delivery.ACCEPTED
    assert report.text == "2.0.0 accepted"


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_a_server_defers_or_loses_each_recipient_gets_each_mail_once(seed: int) -> None:
    """Checked against what the server has taken, mail by mail and recipient by recipient."""
    dice = random.Random(seed)
    addresses = [f"{name}@x.example" for name in "abcd"]

    def sometimes(reply: str, *others: str) -> object:
        return lambda _: dice.choice([None, None, None, None, reply, *others])

    with MiniSMTP() as server:
        server.replies["RCPT"] = sometimes("450 4.2.0 later", "452 4.5.3 too many", "550 5.1.1 nobody", CLOSE)  # type: ignore[assignment]  # a callable
        server.replies["MAIL"] = sometimes("451 4.3.0 later", "421 4.3.2 closing")  # type: ignore[assignment]  # too
        server.replies["."] = sometimes("451 4.3.0 later")  # type: ignore[assignment]  # too
        policy = RetryPolicy(attempts=4, wait_initial=0, wait_jitter=0, wait_max=0)
        async with sender(server, retry=policy, max_connections=3) as many:
            reports = [report async for report in many.send_many(mail(number, *addresses) for number in range(25))]
    told = sorted((number_of(report), one.address) for report in reports for one in report.accepted)
    assert deliveries(server) == told
    assert len(set(told)) == len(told)
    assert sorted(map(number_of, reports)) == list(range(25))
    assert all(len(report.recipients) == 4 for report in reports)


# -- what it costs -----------------------------------------------------------------------------------------------------


async def test_a_mail_that_waits_holds_no_connection() -> None:
    with MiniSMTP() as server:
        crowd = Crowd(server)
        server.replies["MAIL"] = ["451 4.3.0 later"]
        async with sender(server, retry=LATER, max_connections=1) as many, anyio.create_task_group() as tasks:

            async def waits() -> None:
                with pytest.raises(smtp.SMTPSenderRefused):
                    await many.send(mail(0))

            tasks.start_soon(waits)
            await until(lambda: "DATA" in server.commands)
            for number in range(1, 4):
                with anyio.fail_after(LONG):
                    await many.send(mail(number))
            many._require_running().courier.stop_persisting()
    assert numbers(server) == [1, 2, 3]
    assert crowd.most == 1


async def test_mails_that_wait_hold_up_no_others() -> None:
    with MiniSMTP() as server:
        server.replies["MAIL"] = ["451 4.3.0 later"] * 50
        async with sender(server, retry=LATER, max_connections=1) as many:
            reports = many.send_many(mails(80))
            with anyio.fail_after(LONG):
                first = [await anext(reports) for _ in range(30)]
            assert sorted(map(number_of, first)) == list(range(50, 80))
    rest = [report async for report in reports]
    assert sorted(map(number_of, rest)) == list(range(50))
    assert all(isinstance(report.error, smtp.SMTPSenderRefused) for report in rest)


async def test_no_more_than_some_mails_wait_for_another_attempt() -> None:
    taken = 0

    def endless() -> object:
        nonlocal taken
        while True:
            taken += 1
            yield mail(taken)

    with MiniSMTP() as server:
        server.replies["MAIL"] = "451 4.3.0 later"
        async with sender(server, retry=LATER, max_connections=2) as many:
            reports = many.send_many(endless())  # type: ignore[arg-type]  # a generator
            with anyio.move_on_after(0.5):
                await anext(reports)
            assert 100 <= taken <= 110


async def test_leaving_does_not_wait_for_another_attempt() -> None:
    log = Log()
    with MiniSMTP() as server, anyio.fail_after(LONG):
        server.replies["MAIL"] = "451 4.3.0 later"
        async with sender(server, retry=LATER, on_event=log) as many:
            reports = many.send_many(mails(3))
            with anyio.move_on_after(0.05):
                await anext(reports)
    left = [report async for report in reports]
    assert sorted(map(number_of, left)) == [0, 1, 2]
    assert all(report.deferred for report in left)
    assert log.names.count("Refused") == 3
