"""The error classes of ``transfer.smtp``: the names that mail programs catch, each under the category it means."""

from __future__ import annotations

from functools import partial
from typing import Any

from transfer._errors import (
    AuthenticationError,
    ConnectError,
    DisconnectedError,
    ErrorFamily,
    LocalProtocolError,
    RemoteProtocolError,
    ReplyError,
    TLSError,
    TransferError,
    TransferTimeoutError,
    UnsupportedError,
)
from transfer.smtp._enhanced import EnhancedCode, parse_enhanced_code, strip_enhanced_code
from transfer.smtp._report import Delivery, Report

__all__ = [
    "FAMILY",
    "SMTPAddressError",
    "SMTPAuthenticationError",
    "SMTPConnectError",
    "SMTPConnectResponseError",
    "SMTPConnectTimeoutError",
    "SMTPDataError",
    "SMTPDeliveryUncertain",
    "SMTPDeliveryUncertainDisconnected",
    "SMTPDeliveryUncertainTimeout",
    "SMTPException",
    "SMTPHeloError",
    "SMTPMessageError",
    "SMTPNotSupported",
    "SMTPProtocolError",
    "SMTPReadTimeoutError",
    "SMTPRecipientRefused",
    "SMTPRecipientsRefused",
    "SMTPResponseException",
    "SMTPSenderRefused",
    "SMTPServerDisconnected",
    "SMTPTLSError",
    "SMTPTimeoutError",
]

_SHOWN = 5  # refusals in the text of one error; all are in its attribute


class SMTPException(TransferError):
    """Base of every SMTP error. ``message`` is the sentence, ``delivery`` what is known of the mail's fate.

    ``report`` tells it for each recipient, where the error ended a mail; None otherwise.
    """

    message: str
    delivery: Delivery
    report: Report | None = None

    def __init__(self, message: str, /, *, delivery: Delivery = Delivery.NOT_SENT, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.message = message
        self.delivery = delivery


class SMTPServerDisconnected(SMTPException, DisconnectedError):
    """The connection was lost, or a command was run that needs one."""


class SMTPConnectError(SMTPException, ConnectError):
    """No connection to the server came about."""


class SMTPTimeoutError(SMTPException, TransferTimeoutError):
    """The server did not do its part in time."""


class SMTPConnectTimeoutError(SMTPTimeoutError, SMTPConnectError):
    """Connecting, the greeting included, took too long."""


class SMTPReadTimeoutError(SMTPTimeoutError):
    """A reply did not come in time."""


class SMTPNotSupported(SMTPException, UnsupportedError):
    """The server does not offer what was asked for; nothing was sent."""


class SMTPTLSError(SMTPConnectError, TLSError):
    """The TLS handshake failed or the certificate was not accepted."""

    def _is_transient(self) -> bool:
        return False


class SMTPAddressError(SMTPException, LocalProtocolError):
    """An address or a command's argument breaks the grammar; nothing was sent."""


class SMTPMessageError(SMTPException, LocalProtocolError):
    """A message cannot be put on the wire, or contradicts itself about who sends it; nothing was sent."""


class SMTPResponseException(SMTPException, ReplyError):
    """The server's reply was not the one hoped for: ``code`` and ``message`` are its code and text."""

    code: int
    args: tuple[Any, ...]

    def __init__(self, code: int, message: str, /, **facts: Any) -> None:
        facts.setdefault("delivery", Delivery.REFUSED if 400 <= code < 600 else Delivery.NOT_SENT)
        super().__init__(message, **facts)
        self.code = code
        self.args = (code, message)

    @property
    def enhanced_code(self) -> EnhancedCode | None:
        """The code that says more, ``5.1.1``; None where the reply has none that is well formed (RFC 2034)."""
        return parse_enhanced_code(self.code, self.message)

    @property
    def explanation(self) -> str:
        """The text for people: ``message`` without the enhanced code."""
        return strip_enhanced_code(self.code, self.message)

    def _reply_code(self) -> int:
        return self.code

    def _describe(self) -> str:
        said = f"{self.code} {self.message}".rstrip()
        return f"{self.command} was answered: {said}" if self.command else said


class SMTPConnectResponseError(SMTPResponseException, SMTPConnectError):
    """The greeting was not 220."""

    def _is_transient(self) -> bool:
        return ReplyError._is_transient(self)


class SMTPHeloError(SMTPResponseException):
    """EHLO or HELO was refused."""


class SMTPDataError(SMTPResponseException):
    """DATA, or the message after it, was refused."""


class SMTPAuthenticationError(SMTPResponseException, AuthenticationError):
    """The credentials, or the mechanism, were refused.

    ``detail`` is what the server said of the reason inside of the exchange: for a token a JSON document, for SCRAM an
    error code of RFC 5802 §7. A code below 400 is that of the reply upon which this side gave up.
    """

    detail: str | None = None

    def _describe(self) -> str:
        said = super()._describe()
        return f"{said} ({self.detail})" if self.detail else said


class SMTPSenderRefused(SMTPResponseException):
    """MAIL was refused for ``sender``."""

    sender: str
    args: tuple[Any, ...]

    def __init__(self, code: int, message: str, sender: str, /, **facts: Any) -> None:
        super().__init__(code, message, **facts)
        self.sender = sender
        self.args = (code, message, sender)


class SMTPRecipientRefused(SMTPResponseException):
    """RCPT was refused for ``recipient``."""

    recipient: str
    args: tuple[Any, ...]

    def __init__(self, code: int, message: str, recipient: str, /, **facts: Any) -> None:
        super().__init__(code, message, **facts)
        self.recipient = recipient
        self.args = (code, message, recipient)


class SMTPRecipientsRefused(SMTPException):
    """Every recipient was refused: one :class:`SMTPRecipientRefused` each in ``recipients``."""

    recipients: list[SMTPRecipientRefused]
    args: tuple[Any, ...]

    def __init__(self, recipients: list[SMTPRecipientRefused], /, **facts: Any) -> None:
        facts.setdefault("delivery", Delivery.REFUSED)
        super().__init__("All recipients were refused", **facts)
        self.recipients = recipients
        self.args = (recipients,)

    def _is_transient(self) -> bool:
        return bool(self.recipients) and all(refused.retryable for refused in self.recipients)

    def _describe(self) -> str:
        shown = [f"{refused.recipient}: {refused.code} {refused.message}" for refused in self.recipients[:_SHOWN]]
        if len(self.recipients) > _SHOWN:
            shown.append(f"and {len(self.recipients) - _SHOWN} more")
        return f"{self.message} ({'; '.join(shown)})" if shown else f"{self.message}: none was given"


class SMTPProtocolError(SMTPResponseException, RemoteProtocolError):
    """The server broke the protocol; ``code`` is -1 and the connection is closed."""

    def _describe(self) -> str:
        return self.message


class SMTPDeliveryUncertain(SMTPException):
    """The connection was lost after the final dot and before its reply (RFC 1047): the mail may have been taken."""

    def __init__(self, message: str, /, **facts: Any) -> None:
        facts.setdefault("delivery", Delivery.UNKNOWN)
        super().__init__(message, **facts)

    @property
    def retryable(self) -> bool:
        """Never: to repeat might deliver the mail twice."""
        return False


class SMTPDeliveryUncertainDisconnected(SMTPDeliveryUncertain, SMTPServerDisconnected):
    """The connection was lost before the reply to the final dot."""


class SMTPDeliveryUncertainTimeout(SMTPDeliveryUncertain, SMTPReadTimeoutError):
    """The reply to the final dot did not come in time."""


FAMILY = ErrorFamily(
    connect=SMTPConnectError,
    connect_timeout=SMTPConnectTimeoutError,
    disconnected=SMTPServerDisconnected,
    timeout=SMTPReadTimeoutError,
    tls=SMTPTLSError,
    local_protocol=SMTPAddressError,
    remote_protocol=partial(SMTPProtocolError, -1),
)
