"""What is sent for one mail, worked out from what the caller gave and what the server offers.

How this works: a :class:`Draft` is everything that the caller alone decides, checked before a byte is written, EHLO
included. :func:`prepare` fits it to a server.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from transfer.smtp._address import NULL_SENDER, Mailbox, parse_mailbox
from transfer.smtp._commands import check_options, merge_options
from transfer.smtp._dot import normalise
from transfer.smtp._errors import SMTPMessageError, SMTPNotSupported, SMTPRecipientsRefused
from transfer.smtp._extensions import Extensions
from transfer.smtp._message import AnyMessage, flatten_message, needs_smtputf8, recipients_of, sender_of
from transfer.smtp._report import Delivery
from transfer.smtp._transaction import Envelope

__all__ = ["Draft", "Mail", "Options", "draft_mail", "draft_message", "prepare", "to_octets"]


def _checked(options: Sequence[str] | None) -> Sequence[str]:
    return () if options is None else check_options(options)


@attrs.frozen
class Options:
    """The caller's raw ESMTP parameters: ``mail`` for MAIL, ``rcpt`` for every RCPT.

    Raises:
        SMTPAddressError: one breaks the grammar.
    """

    mail: Sequence[str] = attrs.field(default=(), converter=_checked)
    rcpt: Sequence[str] = attrs.field(default=(), converter=_checked)

    @property
    def asks_utf8(self) -> bool:
        """Whether the caller asks for SMTPUTF8."""
        return "SMTPUTF8" in map(str.upper, self.mail)


@attrs.frozen(kw_only=True)
class Draft:
    """A mail of which only the server's abilities are still to be known.

    Attributes:
        sender, recipients, options: of the envelope.
        message: with CRLF line ends.
        source: the object that *message* was written from, to write it anew for a server without 8BITMIME.
        utf8: whether SMTPUTF8 is needed, or asked for.
    """

    sender: Mailbox
    recipients: Sequence[Mailbox]
    options: Options
    message: bytes
    source: AnyMessage | None = None
    utf8: bool


@attrs.frozen
class Mail:
    """A checked envelope, and the message with CRLF line ends, its dots not stuffed yet."""

    envelope: Envelope
    message: bytes


def draft_mail(sender: str, recipients: str | Sequence[str], message: str | bytes, options: Options) -> Draft:
    """Check octets (or a text) that are ready but for line ends and dots, and an explicit envelope.

    Raises:
        SMTPAddressError: an address breaks the grammar.
        SMTPRecipientsRefused: there is no recipient.
        SMTPMessageError: the text has characters that UTF-8 has not.
    """
    reverse_path, forward_paths = _explicit_sender(sender), _explicit_recipients(recipients)
    if not forward_paths:
        raise SMTPRecipientsRefused([], delivery=Delivery.NOT_SENT)
    return Draft(
        sender=reverse_path,
        recipients=forward_paths,
        options=options,
        message=to_octets(message),
        utf8=options.asks_utf8 or _needs_utf8((reverse_path, *forward_paths)),
    )


def draft_message(
    message: AnyMessage, sender: str | None, recipients: str | Sequence[str] | None, options: Options
) -> Draft:
    """Check a message object, whose headers give the envelope as far as the caller does not.

    SMTPUTF8 is used where an address in the envelope or in a header needs it (RFC 6531 §3.4).

    Raises:
        SMTPAddressError: an address breaks the grammar.
        SMTPMessageError: no sender, no recipients, or a header that would break out of its line.
    """
    reverse_path = sender_of(message) if sender is None else _explicit_sender(sender)
    if reverse_path is None:
        raise SMTPMessageError("The message has no sender: give sender=, or a From header")
    forward_paths = recipients_of(message) if recipients is None else _explicit_recipients(recipients)
    if not forward_paths:
        raise SMTPMessageError("The message has no recipients: give recipients=, or a To, Cc or Bcc header")
    utf8 = options.asks_utf8 or _needs_utf8((reverse_path, *forward_paths)) or needs_smtputf8(message)
    return Draft(
        sender=reverse_path,
        recipients=forward_paths,
        options=options,
        message=flatten_message(message, utf8=utf8),
        source=message,
        utf8=utf8,
    )


def prepare(draft: Draft, extensions: Extensions) -> Mail:
    """Fit *draft* to a server with *extensions*.

    Text parts are encoded anew if it lacks 8BITMIME (RFC 6152 §3).

    Raises:
        SMTPNotSupported: SMTPUTF8 is needed, or asked for, and not offered.
        SMTPAddressError: a command would be too long.
    """
    if draft.utf8 and not extensions.supports("smtputf8"):
        raise SMTPNotSupported("An address outside of ASCII needs SMTPUTF8, which the server does not offer")
    message, eight_bit = draft.message, extensions.supports("8bitmime")
    is_ascii = message.isascii()
    if draft.source is not None and not (eight_bit or is_ascii):
        message = flatten_message(draft.source, utf8=draft.utf8, cte_type="7bit")
    computed = []
    if extensions.supports("size"):
        computed.append(f"SIZE={len(message)}")
    if eight_bit and not is_ascii:
        computed.append("BODY=8BITMIME")
    if draft.utf8:
        computed.append("SMTPUTF8")
    envelope = Envelope.build(
        draft.sender,
        draft.recipients,
        mail_options=merge_options(computed, draft.options.mail),
        rcpt_options=draft.options.rcpt,
        utf8=draft.utf8,
    )
    return Mail(envelope, message)


def to_octets(message: str | bytes) -> bytes:
    """Return *message* with CRLF line ends; a text in UTF-8.

    Raises:
        SMTPMessageError: the text has characters that UTF-8 has not.
        TypeError: it is neither text nor octets.
    """
    if isinstance(message, str):
        return flatten_message(message)
    if not isinstance(message, bytes | bytearray | memoryview):
        # bytes() would make something of a number, of a list and of any object with __bytes__.
        raise TypeError(f"a message to be sent as it is comes as str or bytes, not as {type(message).__name__}")
    return normalise(message)


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
