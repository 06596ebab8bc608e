"""Messages one after the other over one connection to a server that throws them away.

Every function takes the server's port, the number of messages and their size in octets. The first messages are not
counted; what is measured are the calls of ``sendmail``, not connecting and not QUIT.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from benchmarks.programs.usage import Usage, run_on

SENDER, RECIPIENT = "sender@example.com", "recipient@example.com"
_HOST = "127.0.0.1"
_UNCOUNTED = 50
_LINE_OCTETS = 72
_Measured = dict[str, float | int | None]


def message(size: int) -> bytes:
    """Return a message of *size* octets, in lines of 72."""
    head = b"From: <sender@example.com>\r\nTo: <recipient@example.com>\r\nSubject: benchmark\r\n\r\n"
    line = b"x" * (_LINE_OCTETS - 2) + b"\r\n"
    lines, rest = divmod(size - len(head), _LINE_OCTETS)
    return head + line * lines + (b"x" * (rest - 2) + b"\r\n" if rest > 2 else b"")


async def _repeat(send: Callable[[], Awaitable[object]], count: int) -> _Measured:
    usage = Usage()
    for _ in range(_UNCOUNTED):
        await send()
    with usage:
        for _ in range(count):
            await send()
    return usage.sample()


def by_transfer(loop: str, port: int, count: int, size: int) -> _Measured:
    """Send by ``transfer.smtp.SMTP``."""
    from transfer.smtp import SMTP

    samples: list[_Measured] = []
    octets = message(size)

    async def main() -> None:
        async with SMTP(hostname=_HOST, port=port) as client:
            samples.append(await _repeat(lambda: client.sendmail(SENDER, [RECIPIENT], octets), count))

    run_on(loop, main)
    return samples[0]


def by_aiosmtplib(loop: str, port: int, count: int, size: int) -> _Measured:
    """Send by ``aiosmtplib.SMTP``."""
    import aiosmtplib

    octets = message(size)

    async def main() -> _Measured:
        async with aiosmtplib.SMTP(hostname=_HOST, port=port) as client:
            return await _repeat(lambda: client.sendmail(SENDER, [RECIPIENT], octets), count)

    factory = None
    if loop == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main())


def by_smtplib(port: int, count: int, size: int) -> _Measured:
    """Send by ``smtplib.SMTP``."""
    import smtplib

    octets = message(size)
    with smtplib.SMTP(_HOST, port) as client:
        usage = Usage()
        for _ in range(_UNCOUNTED):
            client.sendmail(SENDER, [RECIPIENT], octets)
        with usage:
            for _ in range(count):
                client.sendmail(SENDER, [RECIPIENT], octets)
    return usage.sample()
