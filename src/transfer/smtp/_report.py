"""What is known of a mail's fate: of the whole in one word, and of each recipient with the reply that decided."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs

from transfer._wire.reply import Reply, Severity
from transfer.smtp._response import SMTPResponse, response_from

if TYPE_CHECKING:
    from transfer.smtp._enhanced import EnhancedCode
    from transfer.smtp._errors import SMTPException

__all__ = [
    "Delivery",
    "Phase",
    "RecipientReport",
    "RecipientStatus",
    "Report",
    "delivery_of",
    "is_too_many",
    "status_of",
]


class Delivery(enum.Enum):
    """The fate of a mail, as far as this side can know it (RFC 5321 §4.2.5, RFC 1047)."""

    NOT_SENT = "not sent"
    """No server took responsibility and none refused: sending again is safe."""
    REFUSED = "refused"
    """The server answered 4yz or 5yz: it must not deliver the mail later."""
    ACCEPTED = "accepted"
    """The final dot was answered with 2yz: the server owns the mail."""
    UNKNOWN = "unknown"
    """The connection was lost after the final dot and before its reply."""


class RecipientStatus(enum.Enum):
    """The fate of a mail towards one recipient."""

    ACCEPTED = "accepted"
    """The server owns the mail for this recipient (2yz)."""
    REFUSED = "refused"
    """The server refuses for good (5yz)."""
    DEFERRED = "deferred"
    """The server refuses for now (4yz), or has not been asked: sending again is safe."""
    UNKNOWN = "unknown"
    """The connection was lost between the end of the mail and its reply: sending again may deliver twice."""


class Phase(enum.Enum):
    """The step of a mail's way at which its fate was decided."""

    CONNECT = "connect"
    """Everything before MAIL: the connection, TLS, EHLO, the login, and what this side finds out by itself."""
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    BODY = "body"
    """The message, up to its last octet."""
    END = "end"
    """The reply to the whole message."""


@attrs.frozen(kw_only=True)
class RecipientReport:
    """What became of a mail towards one recipient.

    Attributes:
        address: as it was given.
        status: the fate.
        phase: where it was decided.
        response: the reply that decided; None where none came.
    """

    address: str
    status: RecipientStatus
    phase: Phase
    response: SMTPResponse | None = None

    @property
    def enhanced_code(self) -> EnhancedCode | None:
        """The enhanced status code of the reply, None without one (RFC 2034)."""
        return None if self.response is None else self.response.enhanced_code


@attrs.frozen(kw_only=True)
class Report:
    """What became of a mail.

    Attributes:
        mail: what was to be sent, as it was given.
        recipients: one report each, in the order of the envelope; empty where the mail failed before it had one.
        response: the server's reply to the message; None where it did not come so far.
        error: why nobody got the mail, or not everybody and more than replies tells why; None otherwise.
        relay: the server that had the last word, ``host:port``.
        attempts: how often the mail was tried.
    """

    mail: object = attrs.field(default=None, repr=False)
    recipients: tuple[RecipientReport, ...] = ()
    response: SMTPResponse | None = None
    error: SMTPException | None = None
    relay: str | None = None
    attempts: int = 1

    @property
    def accepted(self) -> tuple[RecipientReport, ...]:
        """The recipients for whom the server owns the mail."""
        return self._those(RecipientStatus.ACCEPTED)

    @property
    def refused(self) -> tuple[RecipientReport, ...]:
        """The recipients refused for good."""
        return self._those(RecipientStatus.REFUSED)

    @property
    def deferred(self) -> tuple[RecipientReport, ...]:
        """The recipients to whom sending again is safe, and may succeed."""
        return self._those(RecipientStatus.DEFERRED)

    @property
    def unknown(self) -> tuple[RecipientReport, ...]:
        """The recipients to whom sending again may deliver twice."""
        return self._those(RecipientStatus.UNKNOWN)

    @property
    def delivery(self) -> Delivery:
        """The fate of the whole: UNKNOWN if it is for anybody, else ACCEPTED if anybody gets the mail."""
        return delivery_of(self.recipients)

    @property
    def text(self) -> str:
        """What the server said when it took the message, its queue's identifier as a rule; ``""`` if it did not."""
        return "" if self.response is None else self.response.message

    @property
    def errors(self) -> dict[str, SMTPResponse]:
        """The recipients who do not get the mail, with the replies that said so; what ``sendmail`` returns."""
        return {
            recipient.address: recipient.response
            for recipient in self.recipients
            if recipient.response is not None and recipient.status is not RecipientStatus.ACCEPTED
        }

    def _those(self, status: RecipientStatus) -> tuple[RecipientReport, ...]:
        return tuple(recipient for recipient in self.recipients if recipient.status is status)


def delivery_of(recipients: Iterable[RecipientReport]) -> Delivery:
    """Sum up the fates of *recipients*."""
    fates = {recipient.status for recipient in recipients}
    if RecipientStatus.UNKNOWN in fates:
        return Delivery.UNKNOWN
    if RecipientStatus.ACCEPTED in fates:
        return Delivery.ACCEPTED
    if any(recipient.response is not None for recipient in recipients):
        return Delivery.REFUSED
    return Delivery.NOT_SENT


def status_of(reply: Reply, phase: Phase) -> RecipientStatus:
    """Tell what *reply* means for a recipient, by its first digit; at RCPT a 552 may mean that there was no room."""
    if reply.severity is Severity.COMPLETION:
        return RecipientStatus.ACCEPTED
    if reply.severity is Severity.PERMANENT and not (phase is Phase.RCPT and is_too_many(reply)):
        return RecipientStatus.REFUSED
    return RecipientStatus.DEFERRED


def is_too_many(reply: Reply) -> bool:
    """Whether *reply* to RCPT says that one transaction has no room for so many recipients.

    RFC 5321 §4.5.3.1.10: the code is 452, and a client should take 552 for it. An enhanced code other than X.5.3 (RFC
    3463 §3.6) tells another reason, such as a full mailbox.
    """
    if reply.code not in (452, 552):
        return False
    enhanced = response_from(reply).enhanced_code
    return enhanced is None or (enhanced.subject, enhanced.detail) == (5, 3)
