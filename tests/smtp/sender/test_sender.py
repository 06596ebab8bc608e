"""One mail at a time: what send() returns and raises, and what a sender has to be given."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.peers import CLOSE, HANG, MiniSMTP
from tests.smtp.sender.support import deliveries, mail, number_of, numbers, relay, sender, verbs
from tests.smtp.support import LONG, NAME, RECIPIENT, SENDER, letter
from transfer import Timeouts, smtp

# -- what comes out ----------------------------------------------------------------------------------------------------


async def test_a_mail_is_sent_and_reported() -> None:
    with MiniSMTP() as server:
        async with sender(server) as many:
            report = await many.send(mail(7))
    assert [recipient.address for recipient in report.accepted] == [RECIPIENT]
    assert (report.delivery, report.attempts) == (smtp.Delivery.ACCEPTED, 1)
    assert report.relay == f"{server.host}:{server.port}"
    assert number_of(report) == 7
    assert numbers(server) == [7]


async def test_a_message_object_gives_its_own_envelope() -> None:
    with MiniSMTP() as server:
        async with sender(server) as many:
            await many.send(letter(To="ben@example.net, eva@example.net"))
    (message,) = server.messages
    assert [one.partition(">")[0] for one in message.recipients] == ["<ben@example.net", "<eva@example.net"]


@pytest.mark.parametrize("kind", ["path", "iterable"])
async def test_messages_that_are_not_in_memory_are_sent(kind: str, tmp_path: Path) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"Subject: 3\r\n"
        yield b"\r\nx\r\n"

    path = tmp_path / "message"
    path.write_bytes(b"Subject: 3\r\n\r\nx\r\n")
    with MiniSMTP() as server:
        async with sender(server) as many:
            await many.send(smtp.Mail(path if kind == "path" else pieces(), sender=SENDER, recipients=RECIPIENT))
    assert numbers(server) == [3]


async def test_a_recipient_who_is_refused_is_in_the_report() -> None:
    with MiniSMTP() as server:
        server.replies["RCPT"] = ["250 ok", "550 5.1.1 nobody"]
        async with sender(server) as many:
            report = await many.send(mail(0, "a@x.example", "b@x.example"))
    assert [one.address for one in report.refused] == ["b@x.example"]
    assert report.error is None
    assert deliveries(server) == [(0, "a@x.example")]


@pytest.mark.parametrize(
    ("verb", "error", "delivery"),
    [
        ("MAIL", smtp.SMTPSenderRefused, smtp.Delivery.REFUSED),
        ("RCPT", smtp.SMTPRecipientsRefused, smtp.Delivery.REFUSED),
        (".", smtp.SMTPDataError, smtp.Delivery.REFUSED),
    ],
)
async def test_a_mail_that_nobody_gets_is_an_error_with_a_report(
    verb: str, error: type[smtp.SMTPException], delivery: smtp.Delivery
) -> None:
    with MiniSMTP() as server:
        server.replies[verb] = ["550 5.7.1 no"]
        async with sender(server) as many:
            with pytest.raises(error) as caught:
                await many.send(mail())
            assert type(caught.value) is error
            report = caught.value.report
            assert report is not None
            assert report.delivery is caught.value.delivery is delivery
            assert [one.address for one in report.refused] == [RECIPIENT]
            await many.send(mail(1))
    assert numbers(server) == [1]
    assert server.accepted == 1


async def test_a_connection_lost_after_the_final_dot_leaves_doubt() -> None:
    with MiniSMTP() as server:
        server.replies["."] = [CLOSE]
        async with sender(server) as many:
            with pytest.raises(smtp.SMTPDeliveryUncertainDisconnected) as caught:
                await many.send(mail())
            assert caught.value.report is not None
            assert caught.value.report.delivery is smtp.Delivery.UNKNOWN
            await many.send(mail(1))


async def test_a_mail_without_recipients_needs_no_server() -> None:
    async with sender(smtp.Relay(hostname="127.0.0.1", port=1)) as many:
        with pytest.raises(smtp.SMTPAddressError, match="nobody"):
            await many.send(smtp.Mail(b"x", sender=SENDER, recipients="nobody at all"))


@pytest.mark.parametrize("wrong", [None, 7, object()])
async def test_what_is_no_mail_is_a_type_error(wrong: Any) -> None:
    async with sender(smtp.Relay(hostname="127.0.0.1", port=1)) as many:
        with pytest.raises(TypeError):
            await many.send(smtp.Mail(wrong, sender=SENDER, recipients=RECIPIENT))


async def test_what_the_source_of_a_message_raises_comes_out() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"Subject: 0\r\n"
        raise LookupError("no more")

    with MiniSMTP() as server:
        async with sender(server) as many:
            with pytest.raises(LookupError, match="no more"):
                await many.send(smtp.Mail(broken(), sender=SENDER, recipients=RECIPIENT))
            await many.send(mail(1))
    assert numbers(server) == [1]


async def test_many_tasks_may_send_at_once() -> None:
    with MiniSMTP() as server:
        async with sender(server, max_connections=2) as many, anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(many.send, mail(number))
    assert sorted(numbers(server)) == list(range(20))
    assert server.accepted <= 2


async def test_a_mail_that_asks_for_too_many_recipients_at_once_is_split() -> None:
    """RFC 5321 §4.5.3.1.10: 452 to RCPT; each recipient gets the mail exactly once."""
    with MiniSMTP() as server:
        server.replies["RCPT"] = ["250 ok", "452 4.5.3 too many", "452 4.5.3 too many", "250 ok", "452 4.5.3 too many"]
        addresses = ["a@x.example", "b@x.example", "c@x.example"]
        async with sender(server) as many:
            report = await many.send(mail(0, *addresses))
    assert len(report.accepted) == 3
    assert deliveries(server) == [(0, address) for address in addresses]


# -- entering and leaving ----------------------------------------------------------------------------------------------


async def test_leaving_says_goodbye() -> None:
    with MiniSMTP() as server:
        async with sender(server) as many:
            await many.send(mail())
    assert verbs(server)[-1] == "QUIT"


async def test_an_exception_in_the_block_comes_out_as_it_is() -> None:
    async def block() -> None:
        async with sender(server) as many:
            await many.send(mail())
            raise LookupError("mine")

    with MiniSMTP() as server:
        with pytest.raises(LookupError, match="mine"):
            await block()
        await server.served()
    assert "QUIT" not in verbs(server)


async def test_nothing_is_sent_outside_of_the_block() -> None:
    with MiniSMTP() as server:
        many = sender(server)
        with pytest.raises(smtp.SMTPServerDisconnected, match="async with"):
            await many.send(mail())
        async with many:
            with pytest.raises(RuntimeError, match="entered"):
                await many.__aenter__()
        with pytest.raises(smtp.SMTPServerDisconnected, match="async with"):
            many.send_many([])


async def test_a_sender_can_be_entered_again() -> None:
    with MiniSMTP() as server:
        many = sender(server)
        for number in range(2):
            async with many:
                await many.send(mail(number))
    assert numbers(server) == [0, 1]


async def test_leaving_waits_for_mails_of_other_tasks() -> None:
    with MiniSMTP() as server:
        async with anyio.create_task_group() as tasks, sender(server) as many:
            tasks.start_soon(many.send, mail(1))
            await anyio.wait_all_tasks_blocked()
    assert numbers(server) == [1]


async def test_a_sender_shows_where_it_sends_to_and_no_password() -> None:
    many = smtp.Sender("smtps://anna:s3cret@mail.example.org", smtp.Relay(hostname="other.example.org"))
    assert repr(many) == "<Sender to mail.example.org:465, other.example.org:25, not open>"


# -- what it is given --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"max_connections": 0}, "connections"),
        ({"messages_per_connection": 0}, "uses"),
        ({"idle_seconds": 0}, "idle_seconds"),
        ({"age_seconds": -1}, "age_seconds"),
        ({"messages_per_second": 0}, "messages_per_second"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(options: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        smtp.Sender("smtp://localhost", **options)


def test_a_sender_needs_a_relay() -> None:
    with pytest.raises(ValueError, match="relay"):
        smtp.Sender()


def test_a_relay_that_is_a_connected_socket_is_refused() -> None:
    with MiniSMTP() as server:
        mine = server.socketpair()
        try:
            with pytest.raises(ValueError, match="sock"):
                smtp.Sender(smtp.Relay(sock=mine))
        finally:
            mine.close()


async def test_a_relay_may_be_a_url() -> None:
    with MiniSMTP(users={"anna": "secret"}) as server:
        async with smtp.Sender(
            f"smtp://anna:secret@{server.host}:{server.port}?start_tls=never&local_hostname={NAME}"
        ) as many:
            await many.send(mail(1))
    assert server.logins == ["anna"]


async def test_time_limits_count_for_relays_that_have_none(socket_path: Path) -> None:
    with MiniSMTP(path=str(socket_path)) as server:
        server.replies["MAIL"] = HANG
        own = relay(server)
        bare = smtp.Relay(socket_path=server.path, local_hostname=NAME)
        assert own.timeout == LONG
        async with smtp.Sender(bare, timeouts=Timeouts(reply=0.05)) as many:
            with pytest.raises(smtp.SMTPReadTimeoutError) as caught:
                await many.send(mail())
    assert caught.value.seconds == 0.05
