"""Several relays: which errors lead on to the next one, which do not, and for how long one is spared."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

from tests.peers import CLOSE, HANG, MiniSMTP
from tests.smtp.sender.support import Log, mail, mails, numbers, relay, sender, verbs
from tests.smtp.support import NAME
from transfer import Timeouts, smtp
from transfer.smtp._events import Listener
from transfer.smtp._relays import Relays, is_service_closing, is_unreachable

Breaks = Callable[[MiniSMTP], None]


@pytest.fixture
def dead_relay() -> Iterator[smtp.Relay]:
    """A relay where nobody listens, and nobody will."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield smtp.Relay(hostname="127.0.0.1", port=taken.getsockname()[1], local_hostname=NAME)


def answer(verb: str, reply: str) -> Breaks:
    def breaks(server: MiniSMTP) -> None:
        server.replies[verb] = reply

    return breaks


# -- what leads on -----------------------------------------------------------------------------------------------------

LEADS_ON = {
    "greeting 421": answer("GREETING", "421 4.3.2 closing"),
    "greeting 554": answer("GREETING", "554 5.3.2 no service"),
    "no greeting": answer("GREETING", HANG),
    "hung up on": answer("GREETING", CLOSE),
    "EHLO 421": answer("EHLO", "421 4.3.2 closing"),
    "EHLO without answer": answer("EHLO", HANG),
    "EHLO hung up on": answer("EHLO", CLOSE),
    "MAIL 421": answer("MAIL", "421 4.3.2 closing"),
    "MAIL without answer": answer("MAIL", HANG),
    "RCPT 421": answer("RCPT", "421 4.3.2 closing"),
    "DATA 421": answer("DATA", "421 4.3.2 closing"),
    "final dot 421": answer(".", "421 4.3.2 closing"),
}


@pytest.mark.parametrize("case", LEADS_ON)
async def test_the_next_relay_takes_over(case: str) -> None:
    with MiniSMTP() as first, MiniSMTP() as second:
        LEADS_ON[case](first)
        hasty = Timeouts(greeting=0.1, reply=0.1)
        ill = smtp.Relay(hostname=first.host, port=first.port, local_hostname=NAME)
        async with sender(ill, second, timeouts=hasty) as many:
            report = await many.send(mail(1))
            assert report.relay == f"{second.host}:{second.port}"
            await many.send(mail(2))
    assert (numbers(first), numbers(second)) == ([], [1, 2])
    assert first.accepted == 1


async def test_a_host_that_refuses_connections_leads_on(dead_relay: smtp.Relay) -> None:
    with MiniSMTP() as second:
        async with sender(dead_relay, second) as many:
            await many.send(mail(1))
    assert numbers(second) == [1]


# -- what does not -----------------------------------------------------------------------------------------------------

STAYS = {
    "MAIL 550": answer("MAIL", "550 5.7.1 no"),
    "MAIL 451": answer("MAIL", "451 4.3.0 later"),
    "RCPT 550": answer("RCPT", "550 5.1.1 nobody"),
    "final dot 554": answer(".", "554 5.6.0 no"),
    "final dot without answer": answer(".", CLOSE),
    "DATA 451": answer("DATA", "451 4.3.0 later"),
}


@pytest.mark.parametrize("case", STAYS)
async def test_what_a_relay_says_of_the_mail_or_of_us_does_not_lead_on(case: str) -> None:
    with MiniSMTP() as first, MiniSMTP() as second:
        STAYS[case](first)
        async with sender(first, second) as many:
            with pytest.raises(smtp.SMTPException):
                await many.send(mail(1))
    assert second.accepted == 0


async def test_a_refused_login_is_not_repeated() -> None:
    """One wrong password is one failed login, whatever is sent, and on whatever relay."""
    with MiniSMTP(users={"anna": "secret"}) as first, MiniSMTP() as second:
        login = relay(first, username="anna", password="wrong", mechanisms=["PLAIN"])
        async with sender(login, second, max_connections=1) as many:
            for number in range(3):
                with pytest.raises(smtp.SMTPAuthenticationError) as caught:
                    await many.send(mail(number))
                assert caught.value.code == 535
            reports = [report async for report in many.send_many(mails(10))]
    assert len(reports) == 10
    assert all(isinstance(report.error, smtp.SMTPAuthenticationError) for report in reports)
    assert verbs(first).count("AUTH") == 1
    assert second.accepted == 0


async def test_a_login_that_is_refused_for_now_is_tried_again() -> None:
    with MiniSMTP(users={"anna": "secret"}) as server:
        server.replies["AUTH"] = ["454 4.7.0 later"]
        async with sender(relay(server, username="anna", password="secret")) as many:
            with pytest.raises(smtp.SMTPAuthenticationError):
                await many.send(mail(0))
            await many.send(mail(1))
    assert numbers(server) == [1]


async def test_a_login_without_tls_says_why_and_asks_nobody_else() -> None:
    with MiniSMTP() as first, MiniSMTP() as second:
        async with sender(relay(first, username="anna", password="secret"), second) as many:
            with pytest.raises(smtp.SMTPNotSupported, match="AUTH"):
                await many.send(mail(0))
    assert second.accepted == 0


# -- for how long ------------------------------------------------------------------------------------------------------


async def test_relays_that_all_fail_are_all_tried_each_time(dead_relay: smtp.Relay) -> None:
    with MiniSMTP() as second:
        second.replies["GREETING"] = ["421 4.3.2 closing"]
        async with sender(dead_relay, second) as many:
            with pytest.raises(smtp.SMTPConnectResponseError) as caught:
                await many.send(mail(0))
            assert caught.value.code == 421
            await many.send(mail(1))
    assert numbers(second) == [1]


async def test_a_relay_that_failed_is_asked_last_for_a_while_and_then_again_in_its_turn() -> None:
    clock = [0.0]
    with MiniSMTP() as first, MiniSMTP() as second:
        first.replies["GREETING"] = ["421 4.3.2 closing"]
        relays = Relays([relay(first), relay(second)], listener=Listener(None), clock=lambda: clock[0])
        for clock[0], asked in ((0.0, 1), (29.0, 1), (30.0, 2)):
            line = await relays.open()
            relays.close(line)
            await first.served()
            assert first.accepted == asked
        assert second.accepted == 2


async def test_the_order_among_relays_that_rest_is_the_longest_rested_first() -> None:
    now = 0.0
    names = ["a", "b", "c"]
    relays = Relays([smtp.Relay(hostname=name) for name in names], listener=Listener(None), clock=lambda: now)
    for entry, at in zip(relays.entries, (2.0, 1.0, 3.0), strict=True):
        now = at
        relays.rest(entry)
        assert relays.has_other(entry) is (entry is not relays.entries[2])
    assert [entry.name for entry in relays.in_order()] == ["b:25", "a:25", "c:25"]
    now = 40.0
    assert [entry.name for entry in relays.in_order()] == ["a:25", "b:25", "c:25"]


# -- a connection that is lost in the middle ---------------------------------------------------------------------------


@pytest.mark.parametrize("parting", [CLOSE, "421 4.7.0 enough for this connection"])
async def test_a_mail_that_meets_the_end_of_a_used_connection_goes_on_another_one(parting: str) -> None:
    """A server that has had enough of a connection says nothing against the mail, nor against the relay."""
    with MiniSMTP() as server:
        server.replies["MAIL"] = ["250 ok", "250 ok", parting]
        async with sender(server, max_connections=1) as many:
            reports = [await many.send(mail(number)) for number in range(3)]
    assert numbers(server) == [0, 1, 2]
    assert server.accepted == 2
    assert [report.attempts for report in reports] == [1, 1, 2]


async def test_a_mail_that_meets_the_end_of_a_fresh_connection_is_not_repeated_blindly() -> None:
    with MiniSMTP() as server:
        server.replies["MAIL"] = CLOSE
        async with sender(server) as many:
            with pytest.raises(smtp.SMTPServerDisconnected) as caught:
                await many.send(mail())
    assert caught.value.delivery is smtp.Delivery.NOT_SENT
    assert server.accepted == 1


async def test_a_connection_the_server_keeps_on_losing_is_given_up() -> None:
    with MiniSMTP() as server:
        server.replies["MAIL"] = ["250 ok", CLOSE, CLOSE, CLOSE]
        async with sender(server, max_connections=1) as many:
            await many.send(mail(0))
            with pytest.raises(smtp.SMTPServerDisconnected):
                await many.send(mail(1))
    assert server.accepted == 2


# -- what counts as what -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "closing", "unreachable"),
    [
        (smtp.SMTPConnectError("no"), False, True),
        (smtp.SMTPReadTimeoutError("late"), False, True),
        (smtp.SMTPSenderRefused(421, "bye", "a@b"), True, True),
        (smtp.SMTPSenderRefused(451, "later", "a@b"), False, False),
        (smtp.SMTPRecipientsRefused([smtp.SMTPRecipientRefused(421, "bye", "a@b")]), True, True),
        (smtp.SMTPRecipientsRefused([smtp.SMTPRecipientRefused(450, "later", "a@b")]), False, False),
        (smtp.SMTPServerDisconnected("gone"), False, False),
        (smtp.SMTPDeliveryUncertainTimeout("late"), False, False),
        (smtp.SMTPAuthenticationError(535, "no"), False, False),
        (ValueError("none of ours"), False, False),
    ],
)
def test_an_error_is_the_relays_trouble_or_not(error: Exception, closing: bool, unreachable: bool) -> None:
    assert is_service_closing(error) is closing
    assert is_unreachable(error) is unreachable


async def test_a_failed_relay_is_told_to_the_hook(dead_relay: smtp.Relay) -> None:
    log = Log()
    with MiniSMTP() as second:
        async with sender(dead_relay, second, on_event=log) as many:
            await many.send(mail())
    assert log.names == ["ConnectFailed", "Connected", "Sent", "Disconnected"]
    assert isinstance(log.of(smtp.ConnectFailed)[0].error, smtp.SMTPConnectError)
