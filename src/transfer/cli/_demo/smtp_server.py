"""An SMTP server in a thread: STARTTLS and login required, one recipient unknown, one mailbox busy at first."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import attrs
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

if TYPE_CHECKING:
    import ssl

__all__ = ["BUSY", "UNKNOWN", "MailServer", "run_smtp_server"]

UNKNOWN = "nobody@example.com"
BUSY = "busy@example.com"
_REFUSALS_OF_BUSY = 2


@attrs.define(eq=False)
class MailServer:
    """Where it listens, and what it has taken: the octets of each message. The method names are aiosmtpd's."""

    port: int
    user: str
    password: str
    messages: list[bytes] = attrs.field(factory=list)
    attempts_for_busy: int = 0

    def reset(self) -> None:
        """Forget everything."""
        self.messages.clear()
        self.attempts_for_busy = 0

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take everybody but UNKNOWN."""
        if address == UNKNOWN:
            return "550 5.1.1 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  # the same
        """Keep the message; for BUSY only at the third attempt."""
        if BUSY in envelope.rcpt_tos:
            self.attempts_for_busy += 1
            if self.attempts_for_busy <= _REFUSALS_OF_BUSY:
                return "451 4.3.0 mailbox busy, try again"
        self.messages.append(envelope.original_content or b"")
        return f"250 2.0.0 kept as number {len(self.messages)}"

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, credentials: object
    ) -> AuthResult:
        """Compare name and password."""
        right = LoginPassword(self.user.encode(), self.password.encode())
        return AuthResult(success=credentials == right, handled=False)


@contextmanager
def run_smtp_server(context: ssl.SSLContext, user: str, password: str) -> Iterator[MailServer]:
    """Run the server for as long as the body takes."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = MailServer(port=port, user=user, password=password)
    controller = Controller(
        server,
        hostname="127.0.0.1",
        port=port,
        tls_context=context,
        require_starttls=True,
        authenticator=server.authenticate,
        auth_required=True,
        auth_require_tls=True,
    )
    controller.start()
    try:
        yield server
    finally:
        controller.stop()
