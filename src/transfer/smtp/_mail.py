"""What is sent for one mail, worked out from what the caller gave and what the server offers.

How this works: a :class:`Draft` is everything that the caller alone decides, checked before a byte is written, EHLO
included. :func:`prepare` fits it to a server.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Sequence
from email.message import Message
from pathlib import Path
from typing import BinaryIO, Protocol, TypeAlias, cast

import attrs
from anyio import to_thread

from transfer._engine.payload import Octets
from transfer._net.progress import ProgressCallback
from transfer.smtp._address import NULL_SENDER, Mailbox, parse_mailbox
from transfer.smtp._commands import asks_utf8, check_options, merge_options
from transfer.smtp._content import Content, FileContent, MemoryContent, StreamContent
from transfer.smtp._dot import normalise
from transfer.smtp._envelope import Envelope
from transfer.smtp._errors import SMTPMessageError, SMTPNotSupported, SMTPRecipientsRefused
from transfer.smtp._extensions import Extensions
from transfer.smtp._lines import LinePolicy, check_lines
from transfer.smtp._message import AnyMessage, flatten_message, needs_smtputf8, recipients_of, sender_of
from transfer.smtp._parameters import Parameters, Recipient
from transfer.smtp._report import Delivery
from transfer.smtp._requests import mail_parameters, rcpt_parameters
from transfer.smtp._transaction import Prepared

__all__ = ["Draft", "Mail", "MailContent", "Signer", "draft", "prepare", "sign", "to_octets"]

MailContent: TypeAlias = "AnyMessage | str | Octets | Path | BinaryIO | AsyncIterable[Octets]"

# Below it a message goes with DATA in the flight of its envelope; above it, stuffing dots costs more than a command.
_CHUNKING_OCTETS = 64 * 1024
_BINARY = "BODY=BINARYMIME"


class Signer(Protocol):
    """Signs messages, as :class:`DKIM` does."""

    def sign(self, octets: bytes, /) -> bytes:
        """Return *octets*, whose line ends are CRLF, with a signature in front; called in a thread."""
        ...


def _check_size_given(_: object, __: attrs.Attribute[int | None], size: object) -> None:
    if size is None:
        return
    if not isinstance(size, int) or isinstance(size, bool):
        raise TypeError(f"size is a number of octets, not {type(size).__name__}")
    if size < 0:
        raise ValueError(f"size is a number of octets, not {size}")


@attrs.frozen
class Mail:
    """A mail as its sender sees it: the message, the envelope, and what is asked of the server.

    Attributes:
        message: an ``EmailMessage`` or ``Message``; or what is sent as it is but for its line ends: octets, a text (in
            UTF-8), a ``pathlib.Path``, a binary file from where it stands, an asynchronous iterable of octets. The last
            three take constant memory.
        sender: the reverse-path, ``""`` for the null one; None takes it from the headers of a message object.
        recipients: one address, or several; None takes them from the headers. A :class:`Recipient` has wishes of its
            own.
        parameters: what is asked for, such as notifications; an error where the server does not offer it.
        mail_options: raw ESMTP parameters for MAIL; they win over all others of their keyword.
        rcpt_options: raw ESMTP parameters for every RCPT.
        all_or_nothing: nobody gets the mail unless every recipient is accepted. The content then waits for all
            replies, one round trip more.
        size: octets of the message with CRLF line ends, for an iterable whose length is known; one that turns out to
            be another is not sent to its end.
        progress: is called with a :class:`transfer.Progress` while the content goes out; counts octets of the message.
        dkim: signs what is sent.

    A mail whose ``mail_options`` hold ``"BODY=BINARYMIME"`` is sent octet for octet (RFC 3030 §3).
    """

    message: MailContent
    sender: str | None = attrs.field(default=None, kw_only=True)
    recipients: str | Recipient | Sequence[str | Recipient] | None = attrs.field(default=None, kw_only=True)
    parameters: Parameters | None = attrs.field(default=None, kw_only=True)
    mail_options: Sequence[str] | None = attrs.field(default=None, kw_only=True)
    rcpt_options: Sequence[str] | None = attrs.field(default=None, kw_only=True)
    all_or_nothing: bool = attrs.field(default=False, kw_only=True)
    size: int | None = attrs.field(default=None, kw_only=True, validator=_check_size_given)
    progress: ProgressCallback | None = attrs.field(default=None, kw_only=True)
    dkim: Signer | None = attrs.field(default=None, kw_only=True)

    @property
    def asks_utf8(self) -> bool:
        """Whether the raw options ask for SMTPUTF8."""
        return asks_utf8(self.mail_options or ())

    @property
    def asked(self) -> Parameters | None:
        """What is asked of the server; a raw REQUIRETLS as well, which without verified TLS would mean nothing."""
        if "REQUIRETLS" in map(str.upper, self.mail_options or ()):
            return attrs.evolve(self.parameters or Parameters(), require_tls=True)
        return self.parameters

    @property
    def is_binary(self) -> bool:
        """Whether the raw options ask for BINARYMIME."""
        return _BINARY in map(str.upper, self.mail_options or ())


@attrs.frozen(kw_only=True)
class Draft:
    """A mail of which only the server's abilities are still to be known.

    Attributes:
        mail: what it was made from.
        sender, recipients: of the envelope.
        wishes: for each recipient, where anybody has some.
        content: with CRLF line ends.
        utf8: whether SMTPUTF8 is needed, or asked for.
        line_policy: for the source, should it be written anew.
    """

    mail: Mail
    sender: Mailbox
    recipients: Sequence[Mailbox]
    wishes: Sequence[Recipient] = ()
    content: Content
    utf8: bool
    line_policy: LinePolicy = LinePolicy.NORMALISE

    @property
    def source(self) -> AnyMessage | None:
        """The object that the content was written from, to write it anew for a server without 8BITMIME."""
        return self.mail.message if isinstance(self.mail.message, Message) else None


def draft(mail: Mail, policy: LinePolicy = LinePolicy.NORMALISE) -> Draft:
    """Check *mail* as far as its server does not matter. ``content.measure()`` is still to be awaited.

    SMTPUTF8 is used where an address in the envelope or in a header needs it (RFC 6531 §3.4).

    Raises:
        SMTPAddressError: an address or an option breaks the grammar.
        SMTPRecipientsRefused: octets have no recipient.
        SMTPMessageError: no sender, no recipients; a header that would break out of its line; a line that breaks the
            policy; a text that has no UTF-8.
        TypeError: *mail* is nothing that can be sent.
    """
    check_options(mail.mail_options or ())
    check_options(mail.rcpt_options or ())
    message = mail.message
    if not isinstance(message, Message):
        return _draft_octets(mail, policy)
    sender = sender_of(message) if mail.sender is None else _explicit_sender(mail.sender)
    if sender is None:
        raise SMTPMessageError("The message has no sender: give sender=, or a From header")
    wishes: tuple[Recipient, ...] = ()
    if mail.recipients is None:
        recipients = recipients_of(message)
    else:
        recipients, wishes = _explicit_recipients(mail)
    if not recipients:
        raise SMTPMessageError("The message has no recipients: give recipients=, or a To, Cc or Bcc header")
    utf8 = mail.asks_utf8 or _needs_utf8((sender, *recipients)) or needs_smtputf8(message)
    content = MemoryContent(flatten_message(message, utf8=utf8, line_policy=policy), progress=mail.progress)
    return Draft(
        mail=mail,
        sender=sender,
        recipients=recipients,
        wishes=wishes,
        content=content,
        utf8=utf8,
        line_policy=policy,
    )


def prepare(draft: Draft, extensions: Extensions, *, is_verified_tls: bool = False) -> Prepared:
    """Fit *draft* to a server with *extensions*.

    Text parts are encoded anew if it lacks 8BITMIME (RFC 6152 §3). BDAT takes the place of DATA where it saves work or
    a round trip: for large and for binary messages, and for all or nothing.

    Args:
        draft: measured.
        extensions: of the server.
        is_verified_tls: whether the connection has TLS and the server's certificate was verified.

    Raises:
        SMTPNotSupported: something is needed, or asked for, and not offered; or the message is larger than the server's
            limit (RFC 1870 §6.1).
        SMTPAddressError: a command would be too long, or a wish exceeds what the server states.
    """
    if draft.utf8 and not extensions.supports("smtputf8"):
        raise SMTPNotSupported("An address outside of ASCII needs SMTPUTF8, which the server does not offer")
    content, body = _fit_content(draft, extensions)
    if not any(option.upper().startswith("SIZE=") for option in draft.mail.mail_options or ()):
        _check_size(content, extensions)  # who states a size knows better
    states_size = extensions.supports("size") and content.size is not None
    computed = [f"SIZE={content.size}", *body] if states_size else body
    if draft.utf8:
        computed.append("SMTPUTF8")
    wishes: list[list[str]] = []
    mail, asked = draft.mail, draft.mail.asked
    if asked is not None or draft.wishes:
        asked = asked or Parameters()
        computed += mail_parameters(
            asked, extensions, is_verified_tls=is_verified_tls, is_null_sender=draft.sender.is_null
        )
        each = draft.wishes or [Recipient(mailbox.text) for mailbox in draft.recipients]
        wishes = [rcpt_parameters(recipient, asked, extensions, utf8=draft.utf8) for recipient in each]
    rcpt_options: Sequence[Sequence[str]] = wishes
    if mail.rcpt_options:
        rcpt_options = [
            merge_options(own, mail.rcpt_options) for own in wishes or [[] for _ in range(len(draft.recipients))]
        ]
    envelope = Envelope.build(
        draft.sender,
        draft.recipients,
        mail_options=merge_options(computed, mail.mail_options or ()),
        rcpt_options=rcpt_options,
        utf8=draft.utf8,
    )
    return Prepared(
        envelope=envelope,
        content=content,
        by_chunks=content.is_binary or _gains_by_chunks(mail, content, extensions),
        all_or_nothing=mail.all_or_nothing,
    )


async def sign(draft: Draft, signer: Signer, extensions: Extensions) -> Draft:
    """Sign what the server will be given; nothing may change it afterwards.

    Raises:
        SMTPMessageError: the content is no octets in memory, or can't be signed.

    Cancellation: safe. The work is done in a thread.
    """
    content, _ = _fit_content(draft, extensions)
    if not isinstance(content, MemoryContent):
        raise SMTPMessageError("only a message in memory can be signed")
    data = await to_thread.run_sync(signer.sign, content.data)
    # Octets instead of the object: what is signed is not to be written anew.
    mail = attrs.evolve(draft.mail, message=data)
    return attrs.evolve(draft, mail=mail, content=MemoryContent(data, progress=mail.progress))


def to_octets(message: object, policy: LinePolicy = LinePolicy.NORMALISE) -> bytes:
    """Return *message* with CRLF line ends; a text in UTF-8.

    Raises:
        SMTPMessageError: the text has characters that UTF-8 has not, or a line breaks the policy.
        TypeError: it is neither text nor octets.
    """
    if isinstance(message, str):
        return flatten_message(message, line_policy=policy)
    if not isinstance(message, bytes | bytearray | memoryview):
        # bytes() would make something of a number, of a list and of any object with __bytes__.
        raise TypeError(f"a message to be sent as it is comes as str or bytes, not as {type(message).__name__}")
    check_lines(message, policy)
    return normalise(message)


# -- what the caller alone decides -------------------------------------------------------------------------------------


def _draft_octets(mail: Mail, policy: LinePolicy) -> Draft:
    if mail.sender is None or mail.recipients is None:
        raise SMTPMessageError("A message that is no message object needs sender and recipients")
    sender = _explicit_sender(mail.sender)
    recipients, wishes = _explicit_recipients(mail)
    if not recipients:
        raise SMTPRecipientsRefused([], delivery=Delivery.NOT_SENT)
    utf8 = mail.asks_utf8 or _needs_utf8((sender, *recipients))
    return Draft(
        mail=mail, sender=sender, recipients=recipients, wishes=wishes, content=_content_of(mail, policy), utf8=utf8
    )


def _content_of(mail: Mail, policy: LinePolicy) -> Content:
    message, is_binary = mail.message, mail.is_binary
    if isinstance(message, AsyncIterable):
        return StreamContent(message, policy, size=mail.size, is_binary=is_binary, progress=mail.progress)
    if isinstance(message, Path) or hasattr(message, "seek"):
        return FileContent(cast("Path | BinaryIO", message), policy, is_binary=is_binary, progress=mail.progress)
    assert not isinstance(message, Message)
    if is_binary and isinstance(message, bytes | bytearray | memoryview):
        return MemoryContent(bytes(message), is_binary=True, progress=mail.progress)
    return MemoryContent(to_octets(message, policy), progress=mail.progress)


def _needs_utf8(mailboxes: Iterable[Mailbox]) -> bool:
    return any(mailbox.needs_smtputf8 for mailbox in mailboxes)


def _explicit_sender(sender: str) -> Mailbox:
    return parse_mailbox(sender, allow_null=True) if sender else NULL_SENDER


def _explicit_recipients(mail: Mail) -> tuple[list[Mailbox], tuple[Recipient, ...]]:
    """Return the mailboxes and, where a recipient has wishes, those of all; who is named twice gets one copy."""
    # One str is one recipient.
    given: object = (mail.recipients,) if isinstance(mail.recipients, str | Recipient) else mail.recipients
    if isinstance(given, bytes) or not isinstance(given, Iterable):
        raise TypeError(f"recipients are an address or a sequence of addresses, not {type(given).__name__}")
    everybody: Sequence[str | Recipient] = tuple(given)
    by_key: dict[tuple[str, str | None], tuple[Mailbox, str | Recipient]] = {}
    for one in everybody:
        mailbox = one.mailbox if isinstance(one, Recipient) else parse_mailbox(one)
        by_key.setdefault(mailbox.key, (mailbox, one))
    mailboxes = [mailbox for mailbox, _ in by_key.values()]
    if not any(isinstance(one, Recipient) for one in everybody):
        return mailboxes, ()
    return mailboxes, tuple(one if isinstance(one, Recipient) else Recipient(one) for _, one in by_key.values())


# -- what the server has a say in --------------------------------------------------------------------------------------


def _fit_content(draft: Draft, extensions: Extensions) -> tuple[Content, list[str]]:
    """Return the content that the server can take, and BODY where it is needed."""
    content, eight_bit = draft.content, extensions.supports("8bitmime")
    if content.is_binary:
        for needed in ("BINARYMIME", "CHUNKING"):
            if not extensions.supports(needed):
                raise SMTPNotSupported(f"A binary message needs {needed}, which the server does not offer")
        return content, [_BINARY]
    if content.is_ascii:
        return content, []
    if eight_bit:
        content.only_ascii = False  # as another server may have wanted it
        return content, ["BODY=8BITMIME"]
    if draft.source is not None:
        octets = flatten_message(draft.source, utf8=draft.utf8, cte_type="7bit", line_policy=draft.line_policy)
        return MemoryContent(octets, progress=draft.mail.progress), []
    content.only_ascii = content.is_ascii is None
    return content, []


def _check_size(content: Content, extensions: Extensions) -> None:
    limit = extensions.size_limit if content.size is not None else None
    if limit is not None and content.size is not None and content.size > limit:
        raise SMTPNotSupported(
            f"The message has {content.size} octets, and the server takes {limit} at most (RFC 1870 §6.1)"
        )


def _gains_by_chunks(mail: Mail, content: Content, extensions: Extensions) -> bool:
    if content.size is None or not extensions.supports("chunking"):
        return False
    return mail.all_or_nothing or content.size >= _CHUNKING_OCTETS
