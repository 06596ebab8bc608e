"""From a message object to the octets that are sent and the addresses they go to.

How this works: the generator of the standard library writes the message once, from a shallow copy whose only change
is that Bcc is gone. Two of its steps are replaced. Lines are written as they are, since :func:`normalise` mends line
ends in one pass at the end. And each header is looked at as it will be sent, because versions of the library differ in
what they let through: a header that holds a line end without a following space would be another header, or the body.
Addresses are read from headers by :mod:`transfer.smtp._headers`, never by ``email.utils``.
"""

from __future__ import annotations

import copy
import io
import re
from collections.abc import Iterator
from email.errors import MessageError
from email.generator import BytesGenerator
from email.message import EmailMessage, Message
from email.policy import EmailPolicy, Policy
from typing import Any, TypeAlias

from transfer.smtp._address import Mailbox
from transfer.smtp._dot import normalise
from transfer.smtp._errors import SMTPMessageError
from transfer.smtp._headers import needs_utf8, parse_header

__all__ = [
    "AnyMessage",
    "extract_recipients",
    "extract_sender",
    "flatten_message",
    "needs_smtputf8",
    "recipients_of",
    "sender_of",
]

AnyMessage: TypeAlias = "EmailMessage | Message[Any, Any]"

_BLIND_HEADERS = ("Bcc", "Resent-Bcc")
_ADDRESS_HEADERS = frozenset(
    prefix + name for prefix in ("", "resent-") for name in ("from", "sender", "reply-to", "to", "cc", "bcc")
)
# RFC 5322 §2.2: a name of visible characters, a colon, and lines of which each but the first begins with white space.
_FOLDED = re.compile(rb"[!-9;-~]++:[^\r\n\0]*+(?:\r?\n[ \t][^\r\n\0]*+)*+\r?\n")
# To encode a parsed header anew takes time that grows with the square of its length: 0.2 s for 2,000 characters.
_RECODE_LIMIT = 2_000


def flatten_message(message: AnyMessage | str | bytes, /, *, utf8: bool = False, cte_type: str = "8bit") -> bytes:
    r"""Write *message* as it goes over the wire but for dot stuffing: CRLF line ends, one at the end, no Bcc.

    Args:
        message: an object, which is left as it is; or a text or octets, which are sent whole, a text in UTF-8.
        utf8: whether SMTPUTF8 is in force, so that headers are written in UTF-8; without effect on the class
            ``email.message.Message``, which cannot.
        cte_type: ``"7bit"`` encodes text parts anew that are not ASCII; the result can still hold octets above 127
            where a part says that it is binary.

    Returns:
        Octets whose number is what SIZE declares. ``isascii()`` on them says whether 8BITMIME is needed.

    Raises:
        SMTPMessageError: a header would end early and begin another one, or the object is inconsistent.
        TypeError: *message* is of another type.

    RFC 5321 §2.3.8, RFC 5322 §3.6.3 (Bcc), RFC 6152, RFC 6532.
    """
    if isinstance(message, bytes):
        return normalise(message)
    if isinstance(message, str):
        return normalise(_encode_text(message))
    if not isinstance(message, Message):
        raise TypeError(f"a message is an EmailMessage, Message, str or bytes, not {type(message).__name__}")
    # A shallow copy shares the list of headers until one is deleted, which makes a new list.
    wire_copy = copy.copy(message)
    for name in _BLIND_HEADERS:
        del wire_copy[name]
    buffer = io.BytesIO()
    generator = _WireGenerator(buffer, mangle_from_=False, policy=_choose_policy(message.policy, utf8, cte_type))
    try:
        generator.flatten(wire_copy)
    except SMTPMessageError:
        raise
    # What the standard library raises for objects that contradict themselves: payloads of the wrong type, unknown
    # character sets, parts nested too deeply, headers that it cannot fold.
    except (MessageError, ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError) as exc:
        raise SMTPMessageError(f"the message cannot be written: {type(exc).__name__}: {exc}"[:500]) from exc
    return normalise(buffer.getvalue())


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
        if name.lower() in _ADDRESS_HEADERS
    )


class _WireGenerator(BytesGenerator):
    """The standard library's generator, with lines left alone and headers checked."""

    def _write_lines(self, lines: str) -> None:
        self.write(lines)

    def _write_headers(self, msg: AnyMessage) -> None:
        policy = self.policy
        assert policy is not None
        write = self._fp.write  # type: ignore[attr-defined]  # the same
        for name, value in msg.raw_items():
            # The type of headers that were made, not parsed, is a child of str.
            is_long = type(value) is str and len(value) > _RECODE_LIMIT and not value.isascii()
            folded = (_leave_encoded(policy) if is_long else policy).fold_binary(name, value)
            if _FOLDED.fullmatch(folded) is None:
                raise SMTPMessageError(
                    f"{name[:80]!a} is no header: its name or value holds a NUL, or a line end that would begin"
                    " another header or the body"
                )
            write(folded)
        write(b"\r\n")


def _choose_policy(policy: Policy[Any], utf8: bool, cte_type: str) -> Policy[Any]:
    if not isinstance(policy, EmailPolicy):
        return policy.clone(linesep="\r\n", cte_type=cte_type)
    # A header that was parsed goes on as it came, which keeps signatures valid; folding it anew would also take
    # time that grows with the square of its length.
    refold = "none" if policy.refold_source == "long" else policy.refold_source
    return policy.clone(linesep="\r\n", cte_type=cte_type, utf8=utf8, refold_source=refold)


def _leave_encoded(policy: Policy[Any]) -> Policy[Any]:
    if isinstance(policy, EmailPolicy):
        return policy.clone(cte_type="8bit", utf8=True)
    return policy.clone(cte_type="8bit")


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
