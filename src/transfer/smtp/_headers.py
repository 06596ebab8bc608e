"""Address lists of headers: RFC 5322 §3.4 as far as it is unambiguous; the rest is refused, not guessed.

How this works: one pass cuts a header into words (runs of characters without a space between, quoted strings and
address literals included), the specials ``,`` ``:`` ``;`` and what stands in ``<`` and ``>``; comments and spaces fall
out. A mailbox is then either one word, or any words and one pair of angle brackets. An address is always one piece of
the header, never put together from several, so that a comment or a fold inside it cannot move it to another domain.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from email.errors import InvalidHeaderDefect
from email.header import Header, decode_header
from email.headerregistry import Address, AddressHeader, BaseHeader
from email.policy import EmailPolicy

import attrs

from transfer.smtp._address import Mailbox, parse_mailbox
from transfer.smtp._errors import SMTPAddressError

__all__ = [
    "ADDRESS_HEADERS",
    "needs_utf8",
    "parse_address",
    "parse_addresses",
    "parse_header",
    "quote_address",
    "with_ascii_domains",
]

ADDRESS_HEADERS = frozenset(
    prefix + name for prefix in ("", "resent-") for name in ("from", "sender", "reply-to", "to", "cc", "bcc")
)
"""The headers that hold addresses, in small letters (RFC 5322 §3.6)."""

_EXCERPT_LENGTH = 80
# The alternatives begin with different characters and are possessive: every character is looked at once.
_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]++)
    | (?P<word>(?:[^\x00-\x20\x7f"(),:;<>\[\]\\]++ | "[^"\\]*+(?:\\.[^"\\]*+)*+" | \[[^\[\]\\]*+\])++)
    | (?P<angle><[^<>"]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^<>"]*+)*+>)
    | (?P<special>[,:;])
    | (?P<comment>\()""",
    re.VERBOSE | re.DOTALL,
)
_QUOTED_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_COMMENT_MARK = re.compile(r"[()]|\\.", re.DOTALL)
# RFC 2047 §5: an encoded word "MUST NOT appear in any portion of an 'addr-spec'".
_ENCODED_WORD = re.compile(r"=\?[^?]*+\?[^?]*+\?[^?]*+\?=")
_ENCODED_NAME = ' "encoded" '
_UNFOLDED = EmailPolicy(utf8=True, max_line_length=0, linesep="\n")


@attrs.define
class _Parts:
    """What was found of one mailbox."""

    words: list[str] = attrs.field(factory=list)
    angle: str | None = None

    @property
    def is_empty(self) -> bool:
        return not self.words and self.angle is None


def parse_header(value: object, name: str) -> Iterator[Mailbox]:
    """Yield the mailboxes of a header as a message object stores it.

    Args:
        value: a str, an ``email.header.Header``, or an object of ``email.headerregistry``.
        name: of the header, for messages.

    Raises:
        SMTPAddressError: the header is no list of addresses, or one of them has no domain.
    """
    if isinstance(value, AddressHeader) and not _is_doubtful(value):
        # A list that was assigned as such holds what was put in, which the stubs do not know.
        addresses: tuple[object, ...] = value.addresses
        for address in addresses:
            if isinstance(address, Address):
                yield _parse_address(address.addr_spec, name)
            else:
                yield from parse_addresses(str(address), name)
    else:
        yield from parse_addresses(_text_of(value), name)


def parse_addresses(text: str, name: str) -> Iterator[Mailbox]:
    """Yield the mailboxes of an address list, those of groups included, in time linear to its length.

    Raises:
        SMTPAddressError: *text* is no list of addresses, or one of them has no domain.

    RFC 5322 §3.4; empty elements as in §4.4. Refused although §4.4 has them: routes, and spaces or comments
    within an address.
    """
    parts, in_group = _Parts(), False
    for kind, piece in _tokenize(text, name):
        if kind == "word":
            if parts.angle is not None:
                raise _refusal(name, text, f"{piece[:_EXCERPT_LENGTH]!a} follows an address without a comma")
            parts.words.append(piece)
        elif kind == "angle":
            if parts.angle is not None:
                raise _refusal(name, text, "two addresses stand without a comma between them")
            parts.angle = piece
        elif piece == ":":
            if in_group or parts.angle is not None or not parts.words:
                raise _refusal(name, text, "a colon stands where no group's name is before it")
            parts, in_group = _Parts(), True
        else:
            if piece == ";" and not in_group:
                raise _refusal(name, text, "a semicolon stands where no group ends; addresses are separated by commas")
            in_group = in_group and piece != ";"
            if not parts.is_empty:
                yield _parse_parts(parts, text, name)
                parts = _Parts()
    if in_group:
        raise _refusal(name, text, "a group has no ';' at its end")
    if not parts.is_empty:
        yield _parse_parts(parts, text, name)


def parse_address(address: str) -> str:
    """Return the one address in *address*, without the name that may stand before it, and otherwise as it was written.

    Raises:
        SMTPAddressError: there is none, or more than one, or it breaks the grammar. Nothing is repaired, and what comes
            back can stand in a command: it holds no control character, and ``<``, ``>`` and spaces in quotes only.
        TypeError: *address* is no str.

    A name without a domain ("postmaster"), and ``""`` for the null reverse-path, are addresses here.
    """
    try:
        return str(parse_mailbox(address.strip(), allow_null=True))
    except SMTPAddressError:
        # A line break may fold a header; here there is none.
        if "<" in address and "\r" not in address and "\n" not in address:
            with contextlib.suppress(SMTPAddressError):
                found = list(parse_addresses(address, "address"))
                if len(found) == 1:
                    return str(found[0])
        raise


def quote_address(address: str) -> str:
    """Put :func:`parse_address` of *address* in ``<`` and ``>``, as commands have it."""
    return f"<{parse_address(address)}>"


def needs_utf8(value: object) -> bool:
    """Whether an address in a header has a local part outside of ASCII. What is no address at all does not count."""
    text = _text_of(value) if isinstance(value, Header) else str(value)
    if text.isascii():
        return False
    try:
        return any(mailbox.needs_smtputf8 for mailbox in parse_header(value, "header"))
    except SMTPAddressError:
        return False


def with_ascii_domains(value: object, name: str) -> str | None:
    """Give the text of an address list with A-labels in the place of domains outside of ASCII.

    Returns:
        The text, all else of it as it was; None where there is no such domain, or no list of addresses.

    Raises:
        SMTPAddressError: there is no such international domain name.

    RFC 5891 §4, RFC 6531 §3.2.
    """
    # A header that is put together from pieces has names in those that are not ASCII.
    if isinstance(value, Header) and len(decode_header(value)) > 1:
        return None
    text = _source_of(value) if isinstance(value, BaseHeader) else _text_of(value)
    pieces: list[str] = []
    position, is_changed = 0, False
    try:
        tokens = list(_locate(text, name))
    except SMTPAddressError:
        return None
    for kind, piece, start in tokens:
        address = piece[1:-1] if kind == "angle" else piece
        _, at, domain = address.rpartition("@")
        if kind in ("word", "angle") and at and not domain.isascii():
            begin = start + piece.rindex(domain)
            pieces += text[position:begin], _parse_address(address, name).ascii_domain or ""
            position, is_changed = begin + len(domain), True
    return "".join(pieces) + text[position:] if is_changed else None


def _tokenize(text: str, name: str) -> Iterator[tuple[str, str]]:
    return ((kind, piece) for kind, piece, _ in _locate(text, name))


def _locate(text: str, name: str) -> Iterator[tuple[str, str, int]]:
    """Yield what *text* is made of: kind, characters and position."""
    position, end = 0, len(text)
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise _refusal(name, text, f"{text[position : position + 20]!a} has no meaning at position {position}")
        position = match.end()
        kind = match.lastgroup or ""
        if kind == "comment":
            position = _skip_comment(text, position, name)
        elif kind != "space":
            yield kind, match[0], match.start()


def _skip_comment(text: str, position: int, name: str) -> int:
    """Find the end of a comment that was opened just before *position*; comments nest (RFC 5322 §3.2.2)."""
    depth = 1
    for mark in _COMMENT_MARK.finditer(text, position):
        depth += {"(": 1, ")": -1}.get(mark[0], 0)
        if depth == 0:
            return mark.end()
    raise _refusal(name, text, "a comment has no ')' at its end")


def _parse_parts(parts: _Parts, text: str, name: str) -> Mailbox:
    if parts.angle is None:
        if len(parts.words) > 1:
            shown = " ".join(parts.words)[:_EXCERPT_LENGTH]
            raise _refusal(name, text, f"{shown!a} is no address; a name stands before <address>")
        return _parse_address(parts.words[0], name)
    mailbox = _parse_address(parts.angle[1:-1], name)
    # "a@b <c@d>" could be meant for either; "a@b <a@b>" is what programs write that have no name to give.
    for word in parts.words:
        if "@" in _QUOTED_STRING.sub("", word) and word.lower() != str(mailbox).lower():
            raise _refusal(name, text, f"{word[:_EXCERPT_LENGTH]!a} is an address in the place of a name; quote it")
    return mailbox


def _parse_address(address: str, name: str) -> Mailbox:
    if _ENCODED_WORD.search(address) is not None:
        raise _refusal(name, address, "an address cannot be encoded (RFC 2047 §5)")
    try:
        return parse_mailbox(address, allow_bare=False)
    except SMTPAddressError as exc:
        raise SMTPAddressError(f"in the header {name}: {exc.message}") from exc


def _text_of(value: object) -> str:
    if isinstance(value, Header):
        return _text_of_encoded(value)
    # What a defective header shows as its text is what the parser made of it; folding it gives what will be sent.
    text = str(value)
    if isinstance(value, BaseHeader) and _is_doubtful(value):
        text = _source_of(value)
    if text.isascii():
        return text
    # Octets that were parsed are kept as surrogates; in headers they are UTF-8 (RFC 6532 §3.2) or nothing certain.
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8")
    except UnicodeError:
        return text


def _source_of(header: BaseHeader) -> str:
    """Give the text of *header* with its quotes and comments, as its parser read it."""
    return header.fold(policy=_UNFOLDED).partition(":")[2].strip()


def _is_doubtful(header: object) -> bool:
    """Whether the standard library had to guess, as it does for ``a@b <c@d>``."""
    return isinstance(header, BaseHeader) and any(isinstance(defect, InvalidHeaderDefect) for defect in header.defects)


def _text_of_encoded(header: Header) -> str:
    """Show the syntax of a header that is put together from pieces, some of which are encoded.

    An encoded piece is a name, and a comma in it separates nothing. Only where it is the whole header has its
    author certainly put the address into it.
    """
    pieces = decode_header(header)
    if len(pieces) == 1:
        return str(header)
    return "".join(
        piece.decode("ascii", "replace") if charset in (None, "us-ascii") else _ENCODED_NAME
        for piece, charset in ((_to_octets(piece), charset) for piece, charset in pieces)
    )


def _to_octets(piece: str | bytes) -> bytes:
    return piece if isinstance(piece, bytes) else piece.encode("ascii", "replace")


def _refusal(name: str, text: str, fault: str) -> SMTPAddressError:
    shown = ascii(text[:_EXCERPT_LENGTH]) + ("..." if len(text) > _EXCERPT_LENGTH else "")
    return SMTPAddressError(f"the header {name} is no list of addresses, {shown}: {fault} (RFC 5322 §3.4)")
