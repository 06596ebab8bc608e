"""What goes beyond one mail by one call, with real servers: bulk, files, chunks, wishes, checks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.interop._mail import RECIPIENT, SENDER, client_of, copies, mail_in, message, options, subjects
from tests.interop._servers import SmtpServer
from transfer.smtp import Delivery, Mail, Parameters, Relay, Sender, SMTPNotSupported, SMTPRecipientsRefused

HEAD = b"From: a@example.com\r\nTo: b@example.com\r\nSubject: octets\r\n\r\n"
BODY = b"".join(b".%d dots and lines\r\n" % number for number in range(20_000))
refusing = pytest.mark.parametrize("smtp_server", ["postfix", "exim", "aiosmtpd"], indirect=True)


async def bulk(names: list[str]) -> AsyncIterator[Mail]:
    for name in names:
        yield Mail(message(name))


@pytest.mark.parametrize("connections", [1, 3])
async def test_a_bulk_arrives_once_each(smtp_server: SmtpServer, connections: int) -> None:
    names = [f"number {number:02}" for number in range(40)]
    async with Sender(Relay(**options(smtp_server)), max_connections=connections) as sender:
        reports = [report async for report in sender.send_many(bulk(names))]

    assert [report.error for report in reports] == [None] * len(names)
    assert all(report.text and report.relay for report in reports)
    assert subjects(await mail_in(smtp_server, len(names))) == names


async def test_a_bulk_goes_on_after_those_that_are_refused(smtp_server: SmtpServer) -> None:
    async def mixed() -> AsyncIterator[Mail]:
        for number in range(12):
            yield Mail(message(f"number {number:02}"), recipients=["a b" if number % 3 == 1 else RECIPIENT])

    async with Sender(Relay(**options(smtp_server)), max_connections=1) as sender:
        reports = [report async for report in sender.send_many(mixed())]

    assert sum(report.error is not None for report in reports) == 4
    assert len(subjects(await mail_in(smtp_server, 8))) == 8


async def test_a_file_arrives_octet_by_octet(smtp_server: SmtpServer, tmp_path: Path) -> None:
    """By BDAT where the server offers it, by DATA elsewhere."""
    path = tmp_path / "message.eml"
    path.write_bytes(HEAD + BODY)
    async with client_of(smtp_server) as client:
        report = await client.deliver(Mail(path, sender=SENDER, recipients=RECIPIENT))
        # The connection is in step.
        await client.send_message(message("after it"))

    assert report.delivery is Delivery.ACCEPTED
    assert BODY in [kept.body for kept in await mail_in(smtp_server, 2)]


async def test_an_iterator_arrives_octet_by_octet(smtp_server: SmtpServer) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        whole = HEAD + BODY
        for start in range(0, len(whole), 7_777):
            yield whole[start : start + 7_777]

    async with client_of(smtp_server) as client:
        await client.deliver(Mail(pieces(), sender=SENDER, recipients=RECIPIENT))

    (kept,) = await mail_in(smtp_server)
    assert kept.body == BODY


async def test_everybody_or_nobody(smtp_server: SmtpServer) -> None:
    async with client_of(smtp_server) as client:
        report = await client.deliver(
            Mail(message("both"), recipients=[RECIPIENT, "c@example.com"], all_or_nothing=True)
        )
        await client.send_message(message("after it"))

    assert len(report.accepted) == 2
    await copies(smtp_server, [RECIPIENT, "c@example.com", RECIPIENT])


@refusing
async def test_nobody_gets_what_one_is_refused(smtp_server: SmtpServer) -> None:
    mail = Mail(message("nobody"), recipients=[RECIPIENT, "rejects@example.com"], all_or_nothing=True)
    async with client_of(smtp_server) as client:
        with pytest.raises(SMTPRecipientsRefused) as caught:
            await client.deliver(mail)
        await client.send_message(message("after it"))

    assert caught.value.report is not None
    assert [one.status.value for one in caught.value.report.recipients] == ["deferred", "refused"]
    assert subjects(await mail_in(smtp_server)) == ["after it"]


async def test_tls_all_the_way_is_asked_for_or_the_mail_is_kept(smtp_server: SmtpServer) -> None:
    mail = Mail(message("secret"), parameters=Parameters(require_tls=True))
    async with client_of(smtp_server) as client:
        await client.send_message(message("before it"))
        if not client.supports_extension("requiretls"):
            with pytest.raises(SMTPNotSupported):
                await client.deliver(mail)

    assert subjects(await mail_in(smtp_server)) == ["before it"]


async def test_a_server_is_checked_without_a_mail(smtp_server: SmtpServer) -> None:
    found = await client_of(smtp_server).check()

    assert found.greeting.code == 220
    assert await mail_in(smtp_server, 0) == []
