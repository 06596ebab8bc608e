"""aiosmtpd in threads of this process: STARTTLS and implicit TLS, AUTH after TLS, messages kept in memory."""

from __future__ import annotations

from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.interop._mailboxes import MemoryMailbox, ReceivedMessage
from tests.interop._ports import free_port
from tests.interop._servers import HOST, PASSWORD, USER, Site, SmtpServer, features

_FEATURES = features(
    "STARTTLS AUTH SIZE 8BITMIME SMTPUTF8 HELP implicit-tls refuses-senders refuses-recipients auth-plain auth-login"
)


class _Keeper:
    """Take any sender and recipient but the refused ones, and keep the messages.  The method names are aiosmtpd's."""

    def __init__(self, mailbox: MemoryMailbox) -> None:
        self._mailbox = mailbox

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("rejects"):
            return "550 5.7.1 no mail from you"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("rejects"):
            return "550 5.1.1 no such user"
        if address.startswith("defer"):
            return "450 4.2.1 try later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.original_content or b""
        # The null reverse-path is "<>" here.
        sender = (envelope.mail_from or "").strip("<>")
        self._mailbox.add(ReceivedMessage(sender, tuple(envelope.rcpt_tos), raw=content))
        return "250 2.0.0 kept"


def _authenticate(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, credentials: object
) -> AuthResult:
    right = LoginPassword(USER.encode(), PASSWORD.encode())
    # handled=False lets aiosmtpd send its own 535.
    return AuthResult(success=credentials == right, handled=False)


def start(site: Site) -> SmtpServer:
    """Start one server on ``port`` (STARTTLS) and a second one on ``tls_port`` with the same mailbox."""
    mailbox = MemoryMailbox()
    port, tls_port = free_port(), free_port()
    context = site.certificates.server_context()
    for controller in (
        _controller(mailbox, port, tls_context=context, auth_require_tls=True),
        # auth_require_tls is about STARTTLS; this port has TLS from its first octet.
        _controller(mailbox, tls_port, ssl_context=context, auth_require_tls=False),
    ):
        controller.start()
        site.cleanup.callback(controller.stop)
    return SmtpServer(
        name="aiosmtpd",
        port=port,
        tls_port=tls_port,
        ca_file=site.certificates.authority,
        features=_FEATURES,
        folder=site.folder,
        mailbox=mailbox,
    )


def _controller(mailbox: MemoryMailbox, port: int, **options: Any) -> Controller:
    return Controller(
        _Keeper(mailbox), hostname=HOST, port=port, authenticator=_authenticate, enable_SMTPUTF8=True, **options
    )
