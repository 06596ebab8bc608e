"""What the tests of the SMTP client share: a client for a server, its options, and the mail that has arrived."""

from __future__ import annotations

import ssl
from collections import Counter
from collections.abc import Sequence
from email.message import EmailMessage
from functools import cache, partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from tests.interop._mailboxes import ReceivedMessage
from tests.interop._servers import SmtpServer
from transfer.smtp import SMTP

SECONDS = 20.0
"""A guard, for every reply and every block."""
SENDER = "a@example.com"
RECIPIENT = "b@example.com"
_POLL_SECONDS = 0.01


@cache
def trusting(ca_file: Path) -> ssl.SSLContext:
    """Return a context that trusts *ca_file* and nothing else."""
    return ssl.create_default_context(cafile=ca_file)


def options(server: SmtpServer) -> dict[str, Any]:
    """Return what a client has to know to reach *server* in clear, and to upgrade to TLS where it can."""
    found: dict[str, Any] = {
        "hostname": server.host,
        "port": server.port,
        "local_hostname": "client.test",
        "timeout": SECONDS,
    }
    if server.ca_file is not None:
        found["tls_context"] = trusting(server.ca_file)
    return found


def client_of(server: SmtpServer, **changes: Any) -> SMTP:
    """Return a client for *server*, not connected yet."""
    return SMTP(**options(server) | changes)


def message(subject: str = "interop", *recipients: str) -> EmailMessage:
    """Return a small message from ``SENDER`` to *recipients*, or to ``RECIPIENT``."""
    made = EmailMessage()
    made["From"] = SENDER
    made["To"] = ", ".join(recipients or (RECIPIENT,))
    made["Subject"] = subject
    made.set_content("one line\n")
    return made


async def mail_in(server: SmtpServer, count: int = 1) -> list[ReceivedMessage]:
    """Return the messages that *server* has, as soon as there are *count*."""
    return await anyio.to_thread.run_sync(partial(server.messages, count))


async def copies(server: SmtpServer, recipients: Sequence[str]) -> list[ReceivedMessage]:
    """Return the messages that *server* has, as soon as there is one for each of *recipients*, and none besides.

    Some servers keep one file for all recipients, others one for each.
    """
    expected = Counter(recipients)
    with anyio.fail_after(SECONDS):
        while True:
            found = await mail_in(server, 0)
            arrived = Counter(recipient for kept in found for recipient in kept.recipients)
            assert not arrived - expected, f"nobody wrote to {arrived - expected}"
            if arrived == expected:
                return found
            await anyio.sleep(_POLL_SECONDS)


async def mail_called(server: SmtpServer, *names: str) -> list[str]:
    """Return the subjects of all messages that *server* has, sorted, as soon as *names* are among them."""
    with anyio.fail_after(SECONDS):
        while True:
            found = subjects(await mail_in(server, 0))
            if set(names) <= set(found):
                return found
            await anyio.sleep(_POLL_SECONDS)


def subjects(found: Sequence[ReceivedMessage]) -> list[str]:
    """Return the subjects of *found*, sorted."""
    return sorted(str(kept.parsed()["Subject"]) for kept in found)
