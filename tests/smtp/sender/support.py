"""What the tests of Sender share: senders to peers, mails by number, and what a server has seen."""

from __future__ import annotations

import re
import threading
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import anyio.lowlevel

from tests.peers import MiniSMTP, PeerServer
from tests.smtp.support import LONG, NAME, RECIPIENT, SENDER
from transfer import RetryPolicy, smtp

AT_ONCE = RetryPolicy(attempts=3, wait_initial=0, wait_jitter=0, wait_max=0)
"""Tries three times, without waiting."""
LATER = RetryPolicy(attempts=3, wait_initial=60, wait_jitter=0, wait_max=60)
"""Waits for longer than a test takes."""


def relay(peer: PeerServer, **options: Any) -> smtp.Relay:
    """How to reach *peer*."""
    usual: dict[str, Any] = {"hostname": peer.host, "port": peer.port, "local_hostname": NAME}
    if peer.path is not None:
        usual = {"socket_path": peer.path, "local_hostname": NAME}
    return smtp.Relay(**(usual | {"timeout": LONG} | options))


def sender(*peers: PeerServer | smtp.Relay, **options: Any) -> smtp.Sender:
    """A sender to *peers*, in that order."""
    return smtp.Sender(*(relay(peer) if isinstance(peer, PeerServer) else peer for peer in peers), **options)


def mail(number: int = 0, *recipients: str) -> smtp.Mail:
    """The mail of that number, to RECIPIENT or *recipients*."""
    return smtp.Mail(b"Subject: %d\r\n\r\nx\r\n" % number, sender=SENDER, recipients=recipients or RECIPIENT)


def mails(count: int) -> Iterator[smtp.Mail]:
    """As many mails, numbered from 0."""
    return map(mail, range(count))


async def awaited(items: Iterable[smtp.Mail]) -> AsyncIterator[smtp.Mail]:
    """The same mails from an asynchronous generator."""
    for item in items:
        await anyio.lowlevel.checkpoint()
        yield item


def number_of(content: object) -> int:
    """The number of the mail with that *content*, a report of it, or what a server has got."""
    if isinstance(content, smtp.Report):
        content = content.mail
    if isinstance(content, smtp.Mail):
        content = content.message
    assert isinstance(content, bytes)
    found = re.match(rb"Subject: ([0-9]+)\r\n", content)
    assert found is not None
    return int(found[1])


def numbers(server: MiniSMTP) -> list[int]:
    """The numbers of the mails that *server* has taken."""
    return [number_of(message.content) for message in server.messages]


def deliveries(server: MiniSMTP) -> list[tuple[int, str]]:
    """Who has got which mail from *server*: its number and the address, sorted."""
    return sorted(
        (number_of(message.content), recipient.partition(">")[0].strip("<"))
        for message in server.messages
        for recipient in message.recipients
    )


def verbs(server: MiniSMTP) -> list[str]:
    """The verbs of all commands that *server* has heard."""
    return [command.partition(" ")[0].upper() for command in server.commands]


class Crowd:
    """Counts the connections that a server has at the same time, from the greeting to QUIT."""

    def __init__(self, server: MiniSMTP) -> None:
        self.now = self.most = 0
        self._lock = threading.Lock()
        server.replies["GREETING"] = lambda _: self._count(1)
        server.replies["QUIT"] = lambda _: self._count(-1)

    def _count(self, change: int) -> None:
        with self._lock:
            self.now += change
            self.most = max(self.most, self.now)


class Log:
    """A hook that keeps events."""

    def __init__(self) -> None:
        self.events: list[smtp.Event] = []

    def __call__(self, event: smtp.Event) -> None:
        self.events.append(event)

    @property
    def names(self) -> list[str]:
        """The kinds of the events, in order."""
        return [type(event).__name__ for event in self.events]

    def of(self, kind: type[smtp.Event]) -> list[Any]:
        """The events of *kind*."""
        return [event for event in self.events if isinstance(event, kind)]
