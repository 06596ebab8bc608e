"""From a message object to the octets that are sent and the addresses they go to.

How this works: :mod:`transfer.smtp._writer` writes the message once, from a shallow copy whose only change is that Bcc
is gone. Only if a line of the result is too long is it written again, by :mod:`transfer.smtp._mending`. Addresses are
read from headers by :mod:`transfer.smtp._headers`, never by ``email.utils``.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from email.errors import MessageError
from email.message import Message
from email.policy import Policy
from typing import Any

from transfer.smtp._address import Mailbox
from transfer.smtp._dot import normalise
from transfer.smtp._errors import SMTPAddressError, SMTPMessageError
from transfer.smtp._headers import ADDRESS_HEADERS, needs_utf8, parse_header
from transfer.smtp._lines import LinePolicy, check_lines, has_long_line
from transfer.smtp._mending import MendingGenerator, encode_parts
from transfer.smtp._writer import AnyMessage, choose_policy, write_message

__all__ = [
    "AnyMessage",
    "extract_recipients",
    "extract_sender",
    "flatten_message",
    "needs_smtputf8",
    "recipients_of",
    "sender_of",
]

_BLIND_HEADERS = ("Bcc", "Resent-Bcc")


def flatten_message(
    message: AnyMessage | str | bytes,
    /,
    *,
    utf8: bool = False,
    cte_type: str = "8bit",
    line_policy: LinePolicy = LinePolicy.NORMALISE,
) -> bytes:
    r"""Write *message* as it goes over the wire but for dot stuffing: CRLF line ends, one at the end, no Bcc.

    Args:
        message: an object, which is left as it is; or a text or octets, which are sent whole, a text in UTF-8.
        utf8: whether SMTPUTF8 is in force, so that headers are written in UTF-8; without effect on the class
            ``email.message.Message``, which cannot. Otherwise domains in addresses are written in A-labels.
        cte_type: ``"7bit"`` encodes text parts anew that are not ASCII; the result can still hold octets above 127
            where a part says that it is binary.
        line_policy: for lines of more than 998 octets; and for bare CR and LF of a text or octets. The lines of an
            object end in CRLF in any case.

    Returns:
        Octets whose number is what SIZE declares. ``isascii()`` on them says whether 8BITMIME is needed.

    Raises:
        SMTPMessageError: a header would end early and begin another one, a line breaks the policy, or the object is
            inconsistent.
        SMTPAddressError: a domain in an address is no international domain name.
        TypeError: *message* is of another type.

    RFC 5321 §2.3.8, §4.5.3.1.6, RFC 5322 §3.6.3 (Bcc), RFC 6152, RFC 6531 §3.2, RFC 6532.
    """
    if isinstance(message, str):
        message = _encode_text(message)
    if isinstance(message, bytes):
        check_lines(message, line_policy)
        return normalise(message)
    if not isinstance(message, Message):
        raise TypeError(f"a message is an EmailMessage, Message, str or bytes, not {type(message).__name__}")
    # A shallow copy shares the list of headers until one is deleted, which makes a new list.
    wire_copy = copy.copy(message)
    for name in _BLIND_HEADERS:
        del wire_copy[name]
    try:
        return _write(wire_copy, choose_policy(message.policy, utf8=utf8, cte_type=cte_type), line_policy)
    except (SMTPAddressError, SMTPMessageError):
        raise
    # What the standard library raises for objects that contradict themselves: payloads of the wrong type, unknown
    # character sets, parts nested too deeply, headers that it cannot fold.
    except (MessageError, ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError) as exc:
        raise SMTPMessageError(f"the message cannot be written: {type(exc).__name__}: {exc}"[:500]) from exc


def _write(message: AnyMessage, policy: Policy[Any], line_policy: LinePolicy) -> bytes:
    seven_bit = policy.cte_type == "7bit"
    octets = write_message(encode_parts(message, seven_bit=True) if seven_bit else message, policy)
    if line_policy is LinePolicy.STRICT:
        check_lines(octets, line_policy)
    elif line_policy is LinePolicy.NORMALISE and has_long_line(octets):
        octets = write_message(encode_parts(message, seven_bit=seven_bit), policy, MendingGenerator)
    return octets


def sender_of(message: AnyMessage, /) -> Mailbox | None:
    """Read the envelope's sender from the headers; None where they name none.

    It is the first address of Sender, else of From; with a Resent-Date, of Resent-Sender, else of Resent-From.

    Raises:
        SMTPAddressError: the header is no list of addresses, or an address in it has no domain.
        SMTPMessageError: the message was resent more than once: which block counts is the caller's to say.

    RFC 5322 §3.6.2, §3.6.6.
    """
    prefix = _header_prefix(message)
    for name in ("Sender", "From"):
        for value in _values(message, prefix + name):
            return next(iter(parse_header(value, prefix + name)), None)
    return None


def recipients_of(message: AnyMessage, /) -> list[Mailbox]:
    """Read the envelope's recipients from the headers, each mailbox once, in their order.

    They come from To, Cc and Bcc; with a Resent-Date, from Resent-To, Resent-Cc and Resent-Bcc.

    Raises:
        SMTPAddressError: a header is no list of addresses, or an address in it has no domain.
        SMTPMessageError: the message was resent more than once.

    RFC 5322 §3.6.3, §3.6.6.
    """
    prefix = _header_prefix(message)
    recipients: dict[tuple[str, str | None], Mailbox] = {}
    for name in ("To", "Cc", "Bcc"):
        for value in _values(message, prefix + name):
            for mailbox in parse_header(value, prefix + name):
                recipients.setdefault(mailbox.key, mailbox)
    return list(recipients.values())


def extract_sender(message: AnyMessage, /) -> str | None:
    """Give :func:`sender_of` as text."""
    sender = sender_of(message)
    return None if sender is None else str(sender)


def extract_recipients(message: AnyMessage, /) -> list[str]:
    """Give :func:`recipients_of` as texts."""
    return [str(recipient) for recipient in recipients_of(message)]


def needs_smtputf8(message: AnyMessage, /) -> bool:
    """Whether an address in a header, at any level, is not ASCII, so that no encoding can express it.

    Names and subjects do not count: they have encoded words (RFC 2047 §5 forbids those in an address).

    RFC 6531 §3.6, RFC 6532 §3.2.
    """
    return any(
        needs_utf8(value)
        for part in message.walk()
        for name, value in part.raw_items()
        if name.lower() in ADDRESS_HEADERS
    )


def _encode_text(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as exc:
        raise SMTPMessageError(
            f"the message holds a lone surrogate at position {exc.start}, which has no UTF-8"
        ) from exc


def _header_prefix(message: AnyMessage) -> str:
    blocks = sum(1 for _ in _values(message, "Resent-Date"))
    if blocks > 1:
        raise SMTPMessageError(f"the message has {blocks} Resent- blocks; give sender and recipients explicitly")
    return "Resent-" if blocks else ""


def _values(message: AnyMessage, name: str) -> Iterator[object]:
    """Yield the headers called *name* as they are stored: to ask for them by name would parse them."""
    wanted = name.lower()
    for stored_name, value in message.raw_items():
        if stored_name.lower() == wanted:
            yield value
