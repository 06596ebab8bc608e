"""452 and 552 at RCPT: those for whom there was no room get a transaction of their own (RFC 5321 §4.5.3.1.10)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from tests.peers import CLOSE, MiniSMTP
from tests.smtp.support import RECIPIENT, SENDER, TEXT, connected
from transfer import smtp
from transfer.smtp import Delivery, Mail, Sender

NAMES = [f"r{number:03}@x" for number in range(250)]


def limited(server: MiniSMTP, limit: int, refusal: str) -> None:
    """Make *server* take *limit* recipients of each mail."""
    taken = 0

    def begin(_: str) -> None:
        nonlocal taken
        taken = 0

    def rcpt(_: str) -> str | None:
        nonlocal taken
        taken += 1
        return None if taken <= limit else refusal

    server.replies |= {"MAIL": begin, "RCPT": rcpt}


def delivered(server: MiniSMTP) -> list[str]:
    return [recipient.strip("<>") for message in server.messages for recipient in message.recipients]


@pytest.mark.parametrize("extensions", [(), ("PIPELINING",), ("PIPELINING", "CHUNKING")])
@pytest.mark.parametrize("refusal", ["452 4.5.3 too many", "452 too many", "552 too many", "552 5.5.3 too many"])
async def test_each_recipient_gets_the_mail_exactly_once(
    smtp_server: MiniSMTP, extensions: tuple[str, ...], refusal: str
) -> None:
    smtp_server.extensions = extensions
    limited(smtp_server, 100, refusal)
    async with connected(smtp_server) as client:
        refused, _ = await client.sendmail(SENDER, NAMES, TEXT)
        report = client.last_report
    assert refused == {}
    assert report is not None
    assert [one.address for one in report.accepted] == NAMES
    assert [len(message.recipients) for message in smtp_server.messages] == [100, 100, 50]
    assert delivered(smtp_server) == NAMES


async def test_a_sender_does_the_same_between_other_mails(smtp_server: MiniSMTP) -> None:
    limited(smtp_server, 20, "452 4.5.3 too many")
    mails = [Mail(TEXT, sender=SENDER, recipients=NAMES[start : start + 50]) for start in range(0, 250, 50)]
    async with Sender(smtp.Relay(hostname=smtp_server.host, port=smtp_server.port), max_connections=1) as sender:
        reports = [report async for report in sender.send_many(mails)]
    assert all(len(report.accepted) == 50 for report in reports)
    assert sorted(delivered(smtp_server)) == NAMES


@pytest.mark.parametrize("refusal", ["452 4.2.2 mailbox full", "552 5.2.2 mailbox full", "450 4.5.3 too many"])
async def test_another_reason_is_no_lack_of_room(smtp_server: MiniSMTP, refusal: str) -> None:
    limited(smtp_server, 2, refusal)
    async with connected(smtp_server) as client:
        refused, _ = await client.sendmail(SENDER, NAMES[:4], TEXT)
    assert list(refused) == NAMES[2:4]
    assert delivered(smtp_server) == NAMES[:2]


async def test_who_is_alone_and_still_one_too_many_is_deferred(smtp_server: MiniSMTP) -> None:
    smtp_server.replies["RCPT"] = "452 4.5.3 too many"
    async with connected(smtp_server) as client:
        with pytest.raises(smtp.SMTPRecipientsRefused) as caught:
            await client.sendmail(SENDER, RECIPIENT, TEXT)
    assert caught.value.retryable
    assert caught.value.report is not None
    assert [one.status.value for one in caught.value.report.recipients] == ["deferred"]


async def test_what_can_be_sent_only_once_is_not_sent_again(smtp_server: MiniSMTP) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield TEXT

    limited(smtp_server, 2, "452 4.5.3 too many")
    async with connected(smtp_server) as client:
        report = await client.deliver(Mail(pieces(), sender=SENDER, recipients=NAMES[:3]))
    assert [one.status.value for one in report.recipients] == ["accepted", "accepted", "deferred"]
    assert report.errors == {NAMES[2]: (452, "4.5.3 too many")}


async def test_a_refusal_of_the_rest_is_in_the_report(smtp_server: MiniSMTP) -> None:
    limited(smtp_server, 2, "452 4.5.3 too many")
    smtp_server.replies["."] = ["250 taken", "554 5.7.1 not again"]
    async with connected(smtp_server) as client:
        refused, text = await client.sendmail(SENDER, NAMES[:3], TEXT)
        assert client.last_delivery is Delivery.ACCEPTED
    assert refused == {NAMES[2]: (554, "5.7.1 not again")}
    assert text == "taken"


def lost(first: str, then: str) -> Callable[[str], str]:
    answers = iter([first, then])
    return lambda _: next(answers)


async def test_a_connection_lost_before_the_rest_leaves_it_deferred(smtp_server: MiniSMTP) -> None:
    limited(smtp_server, 2, "452 4.5.3 too many")
    smtp_server.replies["DATA"] = lost("354 go", CLOSE)
    async with connected(smtp_server) as client:
        await client.sendmail(SENDER, NAMES[:3], TEXT)
        report = client.last_report
    assert report is not None
    assert [one.status.value for one in report.recipients] == ["accepted", "accepted", "deferred"]
    assert delivered(smtp_server) == NAMES[:2]


async def test_a_doubt_about_the_rest_is_raised(smtp_server: MiniSMTP) -> None:
    limited(smtp_server, 2, "452 4.5.3 too many")
    smtp_server.replies["."] = lost("250 taken", CLOSE)
    async with connected(smtp_server) as client:
        with pytest.raises(smtp.SMTPDeliveryUncertainDisconnected) as caught:
            await client.sendmail(SENDER, NAMES[:3], TEXT)
        assert client.last_delivery is Delivery.UNKNOWN
    assert caught.value.report is not None
    assert [one.status.value for one in caught.value.report.recipients] == ["accepted", "accepted", "unknown"]
