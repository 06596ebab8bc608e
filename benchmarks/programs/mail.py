"""Messages one after the other over one connection to a server that throws them away.

Every function takes the server's port, the number of messages and their size in octets; those for an event loop its
name, and the form: "octets" for ``sendmail``, "object" for ``send_message``. The first messages are not counted; what
is measured are the calls, not connecting and not QUIT.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from email.message import EmailMessage
from typing import TYPE_CHECKING

from benchmarks.programs.usage import Measured, Usage, run_on

if TYPE_CHECKING:
    import aiosmtplib

    from transfer.smtp import SMTP

SENDER, RECIPIENT = "sender@example.com", "recipient@example.com"
_HOST = "127.0.0.1"
_UNCOUNTED = 50
_LINE_OCTETS = 72


def make_octets(size: int) -> bytes:
    """Return a message of *size* octets, in lines of 72."""
    head = f"From: <{SENDER}>\r\nTo: <{RECIPIENT}>\r\nSubject: benchmark\r\n\r\n".encode()
    line = b"x" * (_LINE_OCTETS - 2) + b"\r\n"
    lines, rest = divmod(size - len(head), _LINE_OCTETS)
    return head + line * lines + (b"x" * (rest - 2) + b"\r\n" if rest > 2 else b"")


def make_object(size: int) -> EmailMessage:
    """Return the same message as an object; the headers that this adds are not counted in *size*."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, RECIPIENT, "benchmark"
    message.set_content(make_octets(size).partition(b"\r\n\r\n")[2].decode().replace("\r\n", "\n"))
    return message


def _calling(client: SMTP | aiosmtplib.SMTP, form: str, size: int) -> Callable[[], Awaitable[object]]:
    if form == "object":
        message = make_object(size)
        return lambda: client.send_message(message)
    octets = make_octets(size)
    return lambda: client.sendmail(SENDER, [RECIPIENT], octets)


async def _repeat(send: Callable[[], Awaitable[object]], count: int) -> Measured:
    usage = Usage()
    for _ in range(_UNCOUNTED):
        await send()
    with usage:
        for _ in range(count):
            await send()
    return usage.sample()


def by_transfer(loop: str, port: int, count: int, size: int, form: str) -> Measured:
    """Send by ``transfer.smtp.SMTP``."""
    from transfer.smtp import SMTP

    async def main() -> Measured:
        async with SMTP(hostname=_HOST, port=port) as client:
            return await _repeat(_calling(client, form, size), count)

    return run_on(loop, main)


def by_aiosmtplib(loop: str, port: int, count: int, size: int, form: str) -> Measured:
    """Send by ``aiosmtplib.SMTP``."""
    import aiosmtplib

    async def main() -> Measured:
        async with aiosmtplib.SMTP(hostname=_HOST, port=port) as client:
            return await _repeat(_calling(client, form, size), count)

    factory = None
    if loop == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main())


def by_smtplib(port: int, count: int, size: int) -> Measured:
    """Send by ``smtplib.SMTP``."""
    import smtplib

    octets = make_octets(size)
    with smtplib.SMTP(_HOST, port) as client:
        usage = Usage()
        for _ in range(_UNCOUNTED):
            client.sendmail(SENDER, [RECIPIENT], octets)
        with usage:
            for _ in range(count):
                client.sendmail(SENDER, [RECIPIENT], octets)
    return usage.sample()
