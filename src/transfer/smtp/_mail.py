"""What is sent for one mail, worked out from what the caller gave and what the server offers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from transfer.smtp._address import NULL_SENDER, Mailbox, parse_mailbox
from transfer.smtp._commands import merge_options
from transfer.smtp._errors import SMTPMessageError, SMTPNotSupported, SMTPRecipientsRefused
from transfer.smtp._extensions import Extensions
from transfer.smtp._message import AnyMessage, flatten_message, needs_smtputf8, recipients_of, sender_of
from transfer.smtp._transaction import Envelope

__all__ = ["Mail", "Options", "prepare_mail", "prepare_message"]


def _given(options: Sequence[str] | None) -> Sequence[str]:
    return () if options is None else options


@attrs.frozen
class Options:
    """The caller's raw ESMTP parameters: ``mail`` for MAIL, ``rcpt`` for every RCPT."""

    mail: Sequence[str] = attrs.field(default=(), converter=_given)
    rcpt: Sequence[str] = attrs.field(default=(), converter=_given)

    @property
    def asks_utf8(self) -> bool:
        """Whether the caller asks for SMTPUTF8."""
        return any(option.upper() == "SMTPUTF8" for option in self.mail)


@attrs.frozen
class Mail:
    """A checked envelope, and the message with CRLF line ends, its dots not stuffed yet."""

    envelope: Envelope
    message: bytes


def prepare_mail(
    sender: str, recipients: str | Sequence[str], message: bytes, options: Options, extensions: Extensions
) -> Mail:
    """Prepare octets that are ready but for dot stuffing, and an explicit envelope.

    Raises:
        SMTPAddressError: an address or option breaks the grammar.
        SMTPRecipientsRefused: there is no recipient.
        SMTPNotSupported: an address needs SMTPUTF8, or the caller asks for it, and it is not offered.
    """
    return _prepare(_explicit_sender(sender), _explicit_recipients(recipients), message, options, extensions)


def prepare_message(
    message: AnyMessage,
    sender: str | None,
    recipients: str | Sequence[str] | None,
    options: Options,
    extensions: Extensions,
) -> Mail:
    """Prepare a message object, whose headers give the envelope as far as the caller does not.

    Text parts are encoded anew if the server lacks 8BITMIME (RFC 6152 §3); SMTPUTF8 is used where an address in the
    envelope or in a header needs it (RFC 6531 §3.4).

    Raises:
        As :func:`prepare_mail`, and SMTPMessageError (a ValueError) for no sender, no recipients, or a header that
        would break out of its line.
    """
    reverse_path = sender_of(message) if sender is None else _explicit_sender(sender)
    if reverse_path is None:
        raise SMTPMessageError("The message has no sender: give sender=, or a From header")
    forward_paths = recipients_of(message) if recipients is None else _explicit_recipients(recipients)
    if not forward_paths:
        raise SMTPMessageError("The message has no recipients: give recipients=, or a To, Cc or Bcc header")
    utf8 = options.asks_utf8 or _needs_utf8((reverse_path, *forward_paths)) or needs_smtputf8(message)
    eight_bit = extensions.supports("8bitmime")
    body = flatten_message(message, utf8=utf8, cte_type="8bit" if eight_bit else "7bit")
    if utf8 and not options.asks_utf8:
        options = attrs.evolve(options, mail=(*options.mail, "SMTPUTF8"))
    return _prepare(reverse_path, forward_paths, body, options, extensions)


def _prepare(
    sender: Mailbox, recipients: Sequence[Mailbox], message: bytes, options: Options, extensions: Extensions
) -> Mail:
    utf8 = options.asks_utf8 or _needs_utf8((sender, *recipients))
    if utf8 and not extensions.supports("smtputf8"):
        raise SMTPNotSupported("An address outside of ASCII needs SMTPUTF8, which the server does not offer")
    if not recipients:
        raise SMTPRecipientsRefused([])
    computed = []
    if extensions.supports("size"):
        computed.append(f"SIZE={len(message)}")
    if extensions.supports("8bitmime") and not message.isascii():
        computed.append("BODY=8BITMIME")
    if utf8:
        computed.append("SMTPUTF8")
    envelope = Envelope.build(
        sender,
        recipients,
        mail_options=merge_options(computed, options.mail),
        rcpt_options=options.rcpt,
        utf8=utf8,
    )
    return Mail(envelope, message)


def _needs_utf8(mailboxes: Iterable[Mailbox]) -> bool:
    return any(mailbox.needs_smtputf8 for mailbox in mailboxes)


def _explicit_sender(sender: str) -> Mailbox:
    return parse_mailbox(sender, allow_null=True) if sender else NULL_SENDER


def _explicit_recipients(recipients: str | Sequence[str]) -> list[Mailbox]:
    # One str is one recipient; a mailbox named twice still gets one copy.
    texts = (recipients,) if isinstance(recipients, str) else recipients
    mailboxes = [parse_mailbox(text) for text in texts]
    if len(mailboxes) == 1:
        return mailboxes
    unique: dict[tuple[str, str | None], Mailbox] = {}
    for mailbox in mailboxes:
        unique.setdefault(mailbox.key, mailbox)
    return list(unique.values())
