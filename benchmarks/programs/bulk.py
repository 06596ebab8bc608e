"""Many messages over several connections at once. What is measured is all of it, from connecting to QUIT.

Every function takes what `Job` says, as keywords.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.programs.mail import HOST, take_reports
from benchmarks.programs.messages import RECIPIENT, SENDER, make_numbered, make_object
from benchmarks.programs.usage import Measured, Usage, run_on, run_on_asyncio

if TYPE_CHECKING:
    from transfer.smtp import Mail


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is to be sent.

    Attributes:
        loop: "asyncio", "uvloop" or "trio"; nothing for those who have none.
        port: the server's.
        count: of messages.
        size: of a message, in octets.
        connections: at once.
    """

    port: int
    count: int
    size: int
    connections: int
    loop: str = ""

    def share(self, connection: int) -> Iterator[bytes]:
        """Yield the messages of one *connection*, for those who have to deal them out."""
        start, end = (self.count * each // self.connections for each in (connection, connection + 1))
        return make_numbered(self.size, start, end - start)


def by_transfer(**arguments: Any) -> Measured:
    """Send by ``transfer.smtp.Sender``."""
    from transfer import smtp

    job = Job(**arguments)

    async def mails() -> AsyncIterator[Mail]:
        for octets in make_numbered(job.size, 0, job.count):
            yield smtp.Mail(octets, sender=SENDER, recipients=[RECIPIENT])

    async def main() -> Measured:
        usage = Usage()
        with usage:
            relay = smtp.Relay(hostname=HOST, port=job.port)
            async with smtp.Sender(relay, max_connections=job.connections) as sender:
                await take_reports(sender.send_many(mails()), job.count)
        return usage.sample()

    return run_on(job.loop, main)


def by_aiosmtplib(**arguments: Any) -> Measured:
    """Send by as many ``aiosmtplib.SMTP`` as there are connections, each in a task."""
    import asyncio

    import aiosmtplib

    job = Job(**arguments)

    async def send(connection: int) -> None:
        async with aiosmtplib.SMTP(hostname=HOST, port=job.port) as client:
            for octets in job.share(connection):
                await client.sendmail(SENDER, [RECIPIENT], octets)

    async def main() -> Measured:
        usage = Usage()
        with usage:
            async with asyncio.TaskGroup() as group:
                for connection in range(job.connections):
                    group.create_task(send(connection))
        return usage.sample()

    return run_on_asyncio(job.loop, main)


def by_smtpproto(**arguments: Any) -> Measured:
    """Send by as many sessions of one ``smtpproto.client.AsyncSMTPClient``, each in a task, one object each time."""
    import anyio
    from smtpproto.client import AsyncSMTPClient

    job = Job(**arguments)
    message = make_object(job.size)

    async def send(client: AsyncSMTPClient, connection: int) -> None:
        async with client.connect() as session:
            for _ in job.share(connection):
                await session.send_message(message)

    async def main() -> Measured:
        usage = Usage()
        with usage:
            client = AsyncSMTPClient(HOST, job.port, max_concurrent_connections=job.connections)
            async with anyio.create_task_group() as group:
                for connection in range(job.connections):
                    group.start_soon(send, client, connection)
        return usage.sample()

    return run_on(job.loop, main)


def by_smtplib(**arguments: Any) -> Measured:
    """Send by as many ``smtplib.SMTP`` as there are connections, each in a thread."""
    import smtplib
    from concurrent.futures import ThreadPoolExecutor

    job = Job(**arguments)

    def send(connection: int) -> None:
        with smtplib.SMTP(HOST, job.port) as client:
            for octets in job.share(connection):
                client.sendmail(SENDER, [RECIPIENT], octets)

    usage = Usage()
    with usage, ThreadPoolExecutor(job.connections) as threads:
        for each in [threads.submit(send, connection) for connection in range(job.connections)]:
            each.result()
    return usage.sample()
