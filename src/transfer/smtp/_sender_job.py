"""One mail on its way through a ``Sender``: what is known of each recipient after however many attempts."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from transfer.smtp._content import MemoryContent
from transfer.smtp._dispatch import Dispatch
from transfer.smtp._errors import (
    SMTPDeliveryUncertain,
    SMTPException,
    SMTPMessageError,
    SMTPRecipientRefused,
    SMTPRecipientsRefused,
)
from transfer.smtp._lines import LinePolicy
from transfer.smtp._mail import Draft, Mail, Signer, draft
from transfer.smtp._report import Delivery, Phase, RecipientReport, RecipientStatus, Report
from transfer.smtp._transaction import Prepared

__all__ = ["Job"]


class Job:
    """A mail, its attempts, and its report, which is a whole one after every attempt.

    Args:
        given: the mail as the caller gave it: a :class:`Mail`, or a message on its own.
        signer: signs a mail that brings no signer of its own.
    """

    __slots__ = (
        "_begun",
        "attempts",
        "draft",
        "elsewhere",
        "failed_at",
        "failure",
        "fault",
        "given",
        "report",
        "signer",
    )

    def __init__(self, given: object, signer: Signer | None = None) -> None:
        self.given: object = given
        self.signer: Signer | None = given.dkim or signer if isinstance(given, Mail) else signer
        self.draft: Draft | None = None
        self.attempts: int = 0
        self.elsewhere: int = 0
        """How often it was taken to another connection at once."""
        self.failure: Exception | None = None
        """Why the last attempt has to be repeated for somebody, if it has to."""
        self.fault: Exception | None = None
        """What the last attempt raised, where that was none of ours."""
        self.failed_at: float = 0.0
        self.report: Report = Report(mail=given, attempts=0)
        self._begun = False

    @property
    def is_quick(self) -> bool:
        """Whether nothing has to be awaited before it can be sent: neither a file to measure, nor a signature."""
        return self.signer is None and self.draft is not None and isinstance(self.draft.content, MemoryContent)

    @property
    def is_repeatable(self) -> bool:
        """Whether the content can be sent once more."""
        return not self._begun or self.draft is None or self.draft.content.is_repeatable

    def make_draft(self, policy: LinePolicy) -> Draft:
        """Check the mail as far as its server does not matter, once; raises as :func:`draft`."""
        if self.draft is None:
            mail = self.given if isinstance(self.given, Mail) else Mail(self.given)  # type: ignore[arg-type]  # checks
            self.draft = draft(mail, policy)
        return self.draft

    def still_to_send(self, mail: Prepared) -> Prepared:
        """Return *mail* for those recipients to whom sending is safe and may succeed."""
        if not self.report.recipients:
            return mail
        places = [
            place
            for place, recipient in enumerate(self.report.recipients)
            if recipient.status is RecipientStatus.DEFERRED
        ]
        if len(places) == len(mail.envelope.recipients):
            return mail
        return attrs.evolve(mail, envelope=mail.envelope.only(places))

    # -- after an attempt ----------------------------------------------------------------------------------------------

    def note(self, dispatch: Dispatch, error: Exception | None) -> None:
        """Note what an attempt has come to, with the *error* that ended it."""
        self.attempts += 1
        self._note_fault(error)
        latest = dispatch.report(self.given, None)
        self._begun = self._begun or any(one.phase in (Phase.BODY, Phase.END) for one in latest.recipients)
        if self.report.recipients:
            latest = _merged(self.report, latest)
        elif error is None:
            # The first attempt was the only one, and everything is in its report.
            self.report = latest
            self.failure = _deferral(latest.recipients) if latest.deferred else None
            return
        self.failure = _reason(latest, error)
        self.report = attrs.evolve(
            latest, attempts=self.attempts, error=_summary(latest.recipients, error or self.report.error)
        )

    def note_unsent(self, error: Exception) -> None:
        """Note an attempt that did not come as far as to a server's MAIL."""
        self.attempts += 1
        self._note_fault(error)
        self.failure = error
        recipients = self.report.recipients
        if not recipients and self.draft is not None:
            recipients = tuple(
                RecipientReport(address=mailbox.text, status=RecipientStatus.DEFERRED, phase=Phase.CONNECT)
                for mailbox in self.draft.recipients
            )
        relay = error.peer if isinstance(error, SMTPException) and error.peer else self.report.relay
        self.report = attrs.evolve(
            self.report,
            recipients=recipients,
            attempts=self.attempts,
            relay=relay,
            error=_summary(recipients, error),
        )

    def _note_fault(self, error: Exception | None) -> None:
        self.fault = None if isinstance(error, SMTPException) else error

    def note_given_up(self, why: str) -> None:
        """Note that nobody waits for the end of an attempt, if it was not complete without it."""
        report = self.report
        if report.delivery is Delivery.UNKNOWN or (report.error is None and not report.accepted):
            self.report = attrs.evolve(self.report, error=_uncertain(why, self.report))


def _uncertain(why: str, report: Report) -> SMTPException:
    if report.delivery is Delivery.UNKNOWN:
        return SMTPDeliveryUncertain(why, peer=report.relay)
    return SMTPException(why, delivery=report.delivery, peer=report.relay, retryable=False)


def _merged(before: Report, latest: Report) -> Report:
    """Put what the *latest* attempt says of its recipients in the place of what was known *before*."""
    news = {recipient.address: recipient for recipient in latest.recipients}
    recipients = tuple(news.get(recipient.address, recipient) for recipient in before.recipients)
    # The word with which a server took the mail stays the server's word.
    took_it = before.accepted and not latest.accepted
    return attrs.evolve(latest, recipients=recipients, response=before.response if took_it else latest.response)


def _reason(report: Report, error: Exception | None) -> Exception | None:
    """Return why the attempt may be repeated, None where there is nobody to whom sending again were safe."""
    if not report.deferred:
        return None
    if error is None or isinstance(error, SMTPRecipientsRefused):
        return _deferral(report.deferred) or error
    return error


def _deferral(recipients: Iterable[RecipientReport]) -> SMTPRecipientsRefused | None:
    refused = [
        SMTPRecipientRefused(one.response.code, one.response.message, one.address)
        for one in recipients
        if one.status is RecipientStatus.DEFERRED and one.response is not None
    ]
    return SMTPRecipientsRefused(refused) if refused else None


def _summary(recipients: tuple[RecipientReport, ...], error: Exception | None) -> SMTPException | None:
    """Return the error of the whole mail: none where replies alone keep it from some recipients."""
    gets_through = any(one.status is RecipientStatus.ACCEPTED for one in recipients)
    is_answered = all(one.response is not None for one in recipients)
    if error is None or (gets_through and is_answered):
        return None
    if isinstance(error, SMTPException):
        return error
    failure = SMTPMessageError(f"The mail could not be sent: {error!r}")
    failure.__cause__ = error
    return failure
