"""What the tests of the mail client share: how to reach a peer, and scripts of usual conversations."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from email.message import EmailMessage
from typing import Any, Protocol

import anyio
import attrs
import pytest

from tests.peers import PeerServer, Step, expect, expect_eof, expect_line, send
from transfer import smtp
from transfer._engine.client import ClientChannel
from transfer._errors import TransferError
from transfer._net.connect import adopt
from transfer._net.timeouts import Timeouts
from transfer._wire.dialect import SMTP_CLIENT
from transfer.smtp._content import MemoryContent
from transfer.smtp._dispatch import Dispatch
from transfer.smtp._envelope import Envelope
from transfer.smtp._errors import FAMILY
from transfer.smtp._extensions import Extensions
from transfer.smtp._mail import Mail, draft, prepare
from transfer.smtp._open import open_session
from transfer.smtp._options import ConnectOptions
from transfer.smtp._report import Delivery
from transfer.smtp._response import SMTPResponse
from transfer.smtp._session import Session
from transfer.smtp._transaction import Prepared

NAME = "client.example"
SENDER, RECIPIENT = "anna@example.org", "ben@example.net"
TEXT = b"Subject: hello\r\n\r\nGood day.\r\n"
HELLO = send(b"220 mini.example ready\r\n")
EHLO = expect(b"EHLO client.example\r\n")
PARTING = [expect(b"QUIT\r\n"), send(b"221 bye\r\n"), expect_eof()]
SHORT = 0.05
"""Seconds for what never comes, where nothing else has to be done in them."""
SOME = 0.4
"""Seconds for what never comes, where what leads up to it has to be done in them as well."""
LONG = 10.0
"""Seconds for what does come: only a hang takes them."""


def client_of(peer: PeerServer, **options: Any) -> smtp.SMTP:
    """A client that is about to connect to *peer*."""
    given: dict[str, Any] = {
        "hostname": peer.host,
        "port": peer.port,
        "local_hostname": NAME,
        "timeout": LONG,
    } | options
    return smtp.SMTP(**given)


def options_for(peer: PeerServer, **given: Any) -> ConnectOptions:
    """The options of that client."""
    usual: dict[str, Any] = {"hostname": peer.host, "port": peer.port, "local_hostname": NAME, "timeout": LONG}
    return ConnectOptions(**(usual | given))


class Open:
    """The fixture ``opened``: opens sessions, and closes them at the end of the test."""

    def __init__(self, cleanup: ExitStack) -> None:
        self._cleanup = cleanup

    async def __call__(self, options: ConnectOptions) -> Session:
        """Open one session."""
        session, greeting = await open_session(options)
        self._cleanup.callback(session.channel.close)
        assert greeting.code == 220
        return session


def stalls(steps: Iterable[Step]) -> bool:
    """Whether a peer that plays *steps* leaves its client waiting."""
    return any(step.name.startswith(("hang", "drip")) for step in steps)


def impatient(**limits: float) -> Timeouts:
    """Time limits that are LONG but for *limits*."""
    return attrs.evolve(Timeouts.uniform(LONG), **limits)


def hurry(client: smtp.SMTP, **limits: float) -> None:
    """Give a connected *client* these limits, or SHORT ones throughout."""
    assert client._session is not None
    client._session.channel.timeouts = impatient(**limits) if limits else Timeouts.uniform(SHORT)


@asynccontextmanager
async def connected(peer: PeerServer, **options: Any) -> AsyncIterator[smtp.SMTP]:
    """A client that is connected to *peer*, and hard closed at the end."""
    client = client_of(peer, **options)
    try:
        await client.connect()
        yield client
    finally:
        client.close()


@contextmanager
def session_with(
    peer: PeerServer, *, dialled: bool = True, seconds: float = LONG, timeouts: Timeouts | None = None
) -> Iterator[Session]:
    """A session on a socket pair with *peer*, before anything was said."""
    stream = adopt(peer.socketpair(), errors=FAMILY)
    channel = ClientChannel(stream, dialect=SMTP_CLIENT, errors=FAMILY, timeouts=timeouts or Timeouts.uniform(seconds))
    try:
        yield Session(channel, local_hostname=NAME, dialled=dialled)
    finally:
        channel.close()


class Begin(Protocol):
    """The fixture ``begin``."""

    def __call__(
        self, *steps: Step, dialled: bool = True, seconds: float = LONG, timeouts: Timeouts | None = None
    ) -> Session:
        """Start a session with a peer that plays *steps*."""
        ...


def said(*exchanges: tuple[bytes, bytes]) -> list[Step]:
    """The steps of *exchanges*: what the client sends, and what it is answered, without line ends."""
    return [step for line, reply in exchanges for step in (expect(line + b"\r\n"), send(reply + b"\r\n"))]


def offer(*keywords: bytes) -> list[Step]:
    """The steps of a server that hears EHLO and offers *keywords*."""
    lines = (b"mini.example", *keywords)
    reply = b"".join(b"250%c%b\r\n" % (b" "[0] if line is lines[-1] else b"-"[0], line) for line in lines)
    return [EHLO, send(reply)]


def opening(*keywords: bytes) -> list[Step]:
    """The steps of a connection's beginning: greeting, EHLO, *keywords*."""
    return [HELLO, *offer(*keywords)]


def expect_any() -> Step:
    """The step that takes any line of the client."""
    return expect_line(rb".*")


def letter(**headers: str) -> EmailMessage:
    """A short message; *headers* come on top of sender, recipient and subject, an empty one takes away."""
    message = EmailMessage()
    for name, value in {"From": SENDER, "To": RECIPIENT, "Subject": "hello", **headers}.items():
        if value:
            message[name.replace("_", "-")] = value
    message.set_content("Good day.\n")
    return message


@contextmanager
def raises(error: type[TransferError], match: str | None = None) -> Iterator[pytest.ExceptionInfo[Any]]:
    """The block raises exactly *error*, not a child of it."""
    with pytest.raises(error, match=match) as caught:
        yield caught
    assert type(caught.value) is error, repr(caught.value)


# -- mails, in lock-step and in groups ---------------------------------------------------------------------------------

MAIL, DATA = b"MAIL FROM:<anna@example.org>", b"DATA"
GO_ON = (DATA, b"354 go on")
MESSAGE = TEXT + b".\r\n"
"""As it goes over the wire."""


def rcpt(address: bytes) -> bytes:
    """The line that names a recipient."""
    return b"RCPT TO:<" + address + b">"


def envelope(*recipients: str) -> Envelope:
    """An envelope without parameters."""
    return prepare(draft(Mail(TEXT, sender=SENDER, recipients=recipients)), Extensions()).envelope


class Way:
    """How an envelope is sent: in lock-step, or as groups."""

    def __init__(self, *, pipelining: bool) -> None:
        self.pipelining = pipelining

    def steps(self, *exchanges: tuple[bytes, bytes]) -> Iterator[Step]:
        """The peer's part; what the client says and what it is answered, without line ends."""
        if not self.pipelining:
            yield from said(*exchanges)
            return
        yield expect(b"".join(line + b"\r\n" for line, _ in exchanges))
        yield send(b"".join(reply + b"\r\n" for _, reply in exchanges))

    def take(self, session: Session) -> OneMail:
        """One mail over *session*, whose server offers PIPELINING or does not."""
        session.extensions = Extensions({"pipelining": ""} if self.pipelining else {})
        return OneMail(session)


class OneMail:
    """Sends octets to an envelope over a session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._dispatch: Dispatch | None = None

    @property
    def delivery(self) -> Delivery:
        """The mail's fate."""
        return Delivery.NOT_SENT if self._dispatch is None else self._dispatch.delivery

    async def run(self, envelope: Envelope, message: bytes) -> tuple[dict[str, SMTPResponse], str]:
        """Send; the refused recipients, and the server's words."""
        self._dispatch = Dispatch(self._session, Prepared(envelope=envelope, content=MemoryContent(message)))
        reply = await self._dispatch.run()
        return self._dispatch.errors(), reply.text


async def until(condition: Callable[[], object]) -> None:
    """Let the loop turn until *condition* holds, which another thread or task brings about."""
    with anyio.fail_after(LONG):
        while not condition():  # noqa: ASYNC110  # what a peer's thread does is no event of the loop
            await anyio.sleep(0.001)
