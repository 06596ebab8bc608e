"""One large message: from memory, from a file, or from an asynchronous iterator.

Every function takes the server's port and the path of the message; those with an event loop its name. What is measured
is the one call, not connecting. The idle process that memory is compared with has the message in memory already where
it is sent from there, and no connection yet.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from email.message import EmailMessage
from io import FileIO
from pathlib import Path

from benchmarks.programs.mail import HOST
from benchmarks.programs.messages import RECIPIENT, SENDER
from benchmarks.programs.usage import Measured, Usage, run_on, run_on_asyncio

_BLOCK_BYTES = 64 * 1024


async def _blocks(file: FileIO) -> AsyncIterator[bytes]:
    while block := file.read(_BLOCK_BYTES):
        yield block


def by_transfer(loop: str, port: int, path: str, form: str) -> Measured:
    """Send by ``transfer.smtp.SMTP.deliver``; *form* is "octets", "file" or "iterator"."""
    source = Path(path)
    with source.open("rb", buffering=0) as file:
        message: bytes | Path | AsyncIterator[bytes] = source
        if form == "octets":
            message = source.read_bytes()
        elif form == "iterator":
            message = _blocks(file)
        return _deliver(loop, port, message)


def _deliver(loop: str, port: int, message: bytes | Path | AsyncIterator[bytes]) -> Measured:
    from transfer import smtp

    async def main() -> Measured:
        usage = Usage()
        async with smtp.SMTP(hostname=HOST, port=port) as client:
            mail = smtp.Mail(message, sender=SENDER, recipients=[RECIPIENT])
            with usage:
                await client.deliver(mail)
        return usage.sample()

    return run_on(loop, main)


def by_aiosmtplib(loop: str, port: int, path: str) -> Measured:
    """Send octets by ``aiosmtplib.SMTP``."""
    import aiosmtplib

    octets = Path(path).read_bytes()

    async def main() -> Measured:
        usage = Usage()
        async with aiosmtplib.SMTP(hostname=HOST, port=port) as client:
            with usage:
                await client.sendmail(SENDER, [RECIPIENT], octets)
        return usage.sample()

    return run_on_asyncio(loop, main)


def by_smtpproto(loop: str, port: int, path: str) -> Measured:
    """Send a message object by ``smtpproto.client.AsyncSMTPClient``; the object holds a text of as many lines."""
    from smtpproto.client import AsyncSMTPClient

    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, RECIPIENT, "benchmark"
    message["Content-Type"] = "text/plain; charset=us-ascii"
    message.set_payload(Path(path).read_text("ascii"))

    async def main() -> Measured:
        usage = Usage()
        async with AsyncSMTPClient(HOST, port).connect() as session:
            with usage:
                await session.send_message(message)
        return usage.sample()

    return run_on(loop, main)


def by_smtplib(port: int, path: str) -> Measured:
    """Send octets by ``smtplib.SMTP``."""
    import smtplib

    octets = Path(path).read_bytes()
    usage = Usage()
    with smtplib.SMTP(HOST, port) as client, usage:
        client.sendmail(SENDER, [RECIPIENT], octets)
    return usage.sample()
