"""Messages one after the other over one connection to a server that throws them away.

Every function takes what `Job` says, as keywords. What is measured are the calls, not connecting and not QUIT.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

from benchmarks.programs.messages import (
    SENDER,
    make_attachment,
    make_numbered,
    make_object,
    make_octets,
    make_recipients,
)
from benchmarks.programs.usage import Measured, Usage, run_on, run_on_asyncio

if TYPE_CHECKING:
    import aiosmtplib

    from transfer.smtp import SMTP, Mail

HOST = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is to be sent.

    Attributes:
        loop: "asyncio", "uvloop" or "trio"; nothing for those who have none.
        port: the server's.
        count: of messages.
        size: of a message, in octets; of its attachment, if that is its form.
        form: "octets", ready to be sent, "object", a message object, or "attachment", an object that has one.
        recipients: of each message.
        uncounted: how many messages go before those that are counted.
    """

    port: int
    count: int
    size: int
    loop: str = ""
    form: str = "octets"
    recipients: int = 1
    uncounted: int = 50

    def make_message(self) -> EmailMessage:
        """Return the message as an object."""
        return make_attachment(self.size) if self.form == "attachment" else make_object(self.size)


def _calling(client: SMTP | aiosmtplib.SMTP, job: Job) -> Callable[[], Awaitable[object]]:
    if job.form == "octets":
        octets, recipients = make_octets(job.size), make_recipients(job.recipients)
        return lambda: client.sendmail(SENDER, recipients, octets)
    message = job.make_message()
    return lambda: client.send_message(message)


async def _repeat(send: Callable[[], Awaitable[object]], job: Job) -> Measured:
    usage = Usage()
    for _ in range(job.uncounted):
        await send()
    with usage:
        for _ in range(job.count):
            await send()
    return usage.sample()


def by_transfer(**arguments: Any) -> Measured:
    """Send by ``transfer.smtp.SMTP``."""
    from transfer.smtp import SMTP

    job = Job(**arguments)

    async def main() -> Measured:
        async with SMTP(hostname=HOST, port=job.port) as client:
            return await _repeat(_calling(client, job), job)

    return run_on(job.loop, main)


def by_sender(**arguments: Any) -> Measured:
    """Send octets by ``transfer.smtp.Sender.send_many`` over one connection, no two messages alike."""
    from transfer import smtp

    job = Job(**arguments)
    recipients = make_recipients(job.recipients)

    async def mails(start: int, count: int) -> AsyncIterator[Mail]:
        for octets in make_numbered(job.size, start, count):
            yield smtp.Mail(octets, sender=SENDER, recipients=recipients)

    async def main() -> Measured:
        usage = Usage()
        async with smtp.Sender(smtp.Relay(hostname=HOST, port=job.port), max_connections=1) as sender:
            await take_reports(sender.send_many(mails(0, job.uncounted)), job.uncounted)
            with usage:
                await take_reports(sender.send_many(mails(job.uncounted, job.count)), job.count)
        return usage.sample()

    return run_on(job.loop, main)


async def take_reports(reports: AsyncIterator[Any], count: int) -> None:
    """Wait for *count* reports, and drop each.

    Raises:
        RuntimeError: a message was not taken by the server, or a report is missing.
    """
    async for report in reports:
        if report.error is not None or report.errors:
            raise RuntimeError(f"a message was not sent: {report}")
        count -= 1
    if count:
        raise RuntimeError(f"{count} reports are missing")


def by_aiosmtplib(**arguments: Any) -> Measured:
    """Send by ``aiosmtplib.SMTP``."""
    import aiosmtplib

    job = Job(**arguments)

    async def main() -> Measured:
        async with aiosmtplib.SMTP(hostname=HOST, port=job.port) as client:
            return await _repeat(_calling(client, job), job)

    return run_on_asyncio(job.loop, main)


def by_smtpproto(**arguments: Any) -> Measured:
    """Send by ``smtpproto.client.AsyncSMTPClient``, which takes message objects only."""
    from smtpproto.client import AsyncSMTPClient

    job = Job(**arguments)
    message, recipients = job.make_message(), make_recipients(job.recipients)

    async def main() -> Measured:
        async with AsyncSMTPClient(HOST, job.port).connect() as session:
            return await _repeat(lambda: session.send_message(message, sender=SENDER, recipients=recipients), job)

    return run_on(job.loop, main)


def by_smtplib(**arguments: Any) -> Measured:
    """Send by ``smtplib.SMTP``."""
    import smtplib

    job = Job(**arguments)
    with smtplib.SMTP(HOST, job.port) as client:
        if job.form == "octets":
            octets, recipients = make_octets(job.size), make_recipients(job.recipients)

            def send() -> None:
                client.sendmail(SENDER, recipients, octets)
        else:
            message = job.make_message()

            def send() -> None:
                client.send_message(message)

        usage = Usage()
        for _ in range(job.uncounted):
            send()
        with usage:
            for _ in range(job.count):
                send()
    return usage.sample()
