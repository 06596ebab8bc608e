"""What aiosmtplib's users get for a reply, SMTPResponse, and names for the codes."""

from __future__ import annotations

import enum
from typing import NamedTuple

from transfer._wire.reply import Reply
from transfer.smtp._enhanced import EnhancedCode, parse_enhanced_code, strip_enhanced_code

__all__ = ["SMTPResponse", "SMTPStatus", "response_from"]


class SMTPResponse(NamedTuple):
    """A server's answer: its code, and its text without codes, lines joined by a line feed."""

    code: int
    message: str

    @property
    def enhanced_code(self) -> EnhancedCode | None:
        """The code that says more, ``5.1.1``; None where the reply has none that is well formed (RFC 2034)."""
        return parse_enhanced_code(self.code, self.message)

    @property
    def explanation(self) -> str:
        """The text for people: ``message`` without the enhanced code."""
        return strip_enhanced_code(self.code, self.message)

    def __str__(self) -> str:
        return f"{self.code} {self.message}"


def response_from(reply: Reply) -> SMTPResponse:
    """Turn *reply* into the pair that users unpack and compare."""
    return SMTPResponse(reply.code, reply.text)


@enum.unique
class SMTPStatus(enum.IntEnum):
    """Names of codes. What to do follows from the first digit alone; a code without a name is as good."""

    invalid_response = -1
    system_status_ok = 211
    help_message = 214
    ready = 220
    closing = 221
    auth_successful = 235
    completed = 250
    will_forward = 251
    cannot_vrfy = 252
    auth_continue = 334
    start_input = 354
    domain_unavailable = 421
    # 432, 534, 538: RFC 4954 §6; 455: RFC 5321 §4.2.2; 556: RFC 7504.
    password_transition_needed = 432
    mailbox_unavailable = 450
    error_processing = 451
    insufficient_storage = 452
    tls_not_available = 454
    parameters_not_accommodated = 455
    unrecognized_command = 500
    unrecognized_parameters = 501
    command_not_implemented = 502
    bad_command_sequence = 503
    parameter_not_implemented = 504
    domain_does_not_accept_mail = 521
    access_denied = 530
    auth_mechanism_too_weak = 534
    auth_failed = 535
    encryption_required = 538
    mailbox_does_not_exist = 550
    user_not_local = 551
    storage_exceeded = 552
    mailbox_name_invalid = 553
    transaction_failed = 554
    syntax_error = 555
    recipient_domain_does_not_accept_mail = 556
