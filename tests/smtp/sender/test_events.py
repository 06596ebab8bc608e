"""What a hook is told, in which order and in which task, and that it can do no harm."""

from __future__ import annotations

import logging
import ssl
from typing import Any

import anyio
import pytest

from tests.peers import CLOSE, MiniSMTP
from tests.smtp.sender.support import AT_ONCE, Log, mail, mails, numbers, relay, sender
from tests.smtp.support import RECIPIENT, letter
from transfer import smtp
from transfer.smtp._events import message_id_of


async def test_the_life_of_a_mail() -> None:
    log = Log()
    with MiniSMTP() as server:
        async with sender(server, on_event=log) as many:
            report = await many.send(mail(1))
    assert log.names == ["Connected", "Sent", "Disconnected"]
    connected, sent, disconnected = log.events
    assert {event.relay for event in log.events} == {f"{server.host}:{server.port}"}
    assert isinstance(connected, smtp.Connected)
    assert connected.tls is None
    assert connected.seconds > 0
    assert isinstance(sent, smtp.Sent)
    assert sent.report is report
    assert isinstance(disconnected, smtp.Disconnected)
    assert (disconnected.error, disconnected.mails) == (None, 1)


async def test_tls_and_the_login_are_told(
    server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    log = Log()
    with MiniSMTP(tls=server_tls_context, users={"anna": "s3cret"}) as server:
        safe = relay(server, start_tls=True, tls_context=client_tls_context, username="anna", password="s3cret")
        async with sender(safe, on_event=log) as many:
            await many.send(mail(1))
    assert log.names == ["Connected", "Authenticated", "Sent", "Disconnected"]
    (connected,) = log.of(smtp.Connected)
    assert connected.tls == "TLSv1.3"
    assert "s3cret" not in repr(log.events)


async def test_a_refused_login_is_told_without_the_password() -> None:
    log = Log()
    with MiniSMTP(users={"anna": "secret"}) as server:
        login = relay(server, username="anna", password="wr0ng", mechanisms=["PLAIN"])
        async with sender(login, on_event=log) as many:
            with pytest.raises(smtp.SMTPAuthenticationError):
                await many.send(mail(1))
    assert log.names == ["ConnectFailed", "Failed"]
    assert "wr0ng" not in repr(log.events)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [(None, smtp.Sent), ("554 5.7.1 no", smtp.Refused), (CLOSE, smtp.Failed)],
)
async def test_each_mail_has_one_end(reply: str | None, kind: type[smtp.Event]) -> None:
    log = Log()
    with MiniSMTP() as server:
        server.replies["."] = [reply] if reply is not None else []
        async with sender(server, on_event=log, max_connections=1) as many:
            async for _ in many.send_many(mails(1)):
                pass
    ends = log.of((smtp.Sent, smtp.Refused, smtp.Failed))  # type: ignore[arg-type]  # isinstance takes several
    assert [type(event) for event in ends] == [kind]


async def test_retries_are_told_before_they_begin() -> None:
    log = Log()
    with MiniSMTP() as server:
        server.replies["MAIL"] = ["451 4.3.0 later", "451 4.3.0 later"]
        async with sender(server, on_event=log, retry=AT_ONCE) as many:
            await many.send(letter(Message_ID="<1@x.example>"))
    assert log.names == ["Connected", "Retried", "Retried", "Sent", "Disconnected"]
    retried = log.of(smtp.Retried)
    assert [event.attempt for event in retried] == [2, 3]
    assert all(isinstance(event.error, smtp.SMTPSenderRefused) for event in retried)
    assert all(event.waited_seconds >= 0 for event in retried)
    assert [event.message_id for event in retried] == ["<1@x.example>"] * 2
    assert [event.message_id for event in log.of(smtp.Sent)] == ["<1@x.example>"]


async def test_why_a_connection_ended_is_told() -> None:
    log = Log()
    with MiniSMTP() as server:
        server.replies["MAIL"] = ["421 4.3.2 closing"]
        async with sender(server, on_event=log) as many:
            with pytest.raises(smtp.SMTPSenderRefused):
                await many.send(mail(1))
    (disconnected,) = log.of(smtp.Disconnected)
    assert isinstance(disconnected.error, smtp.SMTPServerDisconnected)
    assert disconnected.error.reply is not None
    assert disconnected.error.reply.code == 421


async def test_a_hook_that_raises_disturbs_no_mail(caplog: pytest.LogCaptureFixture) -> None:
    def broken(event: smtp.Event) -> None:
        raise LookupError("the counter is gone")

    with MiniSMTP() as server, caplog.at_level(logging.ERROR, "transfer.smtp"):
        async with sender(server, on_event=broken) as many:
            await many.send(mail(0))
            assert [report.error async for report in many.send_many(map(mail, [1, 2]))] == [None, None]
    assert sorted(numbers(server)) == [0, 1, 2]
    assert caplog.records
    assert all(record.name == "transfer.smtp" and record.exc_info for record in caplog.records)


async def test_a_hook_is_called_in_the_task_that_sends() -> None:
    tasks: list[int] = []
    with MiniSMTP() as server:
        async with sender(server, on_event=lambda event: tasks.append(anyio.get_current_task().id)) as many:
            await many.send(mail(0))
            assert set(tasks) == {anyio.get_current_task().id}


async def test_a_coroutine_function_is_no_hook() -> None:
    async def hook(event: smtp.Event) -> None: ...

    with pytest.raises(TypeError, match="on_event"):
        smtp.Sender("smtp://localhost", on_event=hook)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (letter(Message_ID="<1@x.example>"), "<1@x.example>"),
        (smtp.Mail(letter(Message_ID="<1@x.example>")), "<1@x.example>"),
        (letter(), None),
        (mail(), None),
        (None, None),
    ],
)
def test_a_mail_is_known_by_its_message_id(given: Any, found: str | None) -> None:
    assert message_id_of(given) == found


def test_events_show_nothing_of_a_message() -> None:
    secret = smtp.Mail(b"Subject: hush\r\n\r\nhush\r\n", sender="a@x.example", recipients=RECIPIENT)
    report = smtp.Report(mail=secret)
    shown = [smtp.Sent(relay="x:25", report=report)]
    retried = smtp.Retried(relay="x:25", mail=secret, error=ValueError("why"), attempt=2, waited_seconds=1.0)
    assert "hush" not in repr((shown, retried))
