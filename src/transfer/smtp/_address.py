"""Mailbox, the address of an envelope, and its grammar: RFC 5321 §4.1.2 with the UTF-8 of RFC 6531 §3.3.

How this works: one regular expression without backtracking splits an address at the only ``@`` that can
end its local part; the domain is checked as it goes over the wire, thus after its conversion to A-labels. What
the expression refuses, :func:`_find_fault` explains. Nothing is repaired: what is between ``<`` and ``>`` on the
wire is the address that was given, or nothing is sent.
"""

from __future__ import annotations

import functools
import ipaddress
import re

import attrs

from transfer.smtp._errors import SMTPAddressError

__all__ = ["NULL_SENDER", "Mailbox", "parse_mailbox", "to_ascii_domain"]

# RFC 5321 §4.5.3.1.1-3, in octets; the path's 256 "including the punctuation", which is "<" and ">".
_LOCAL_PART_LIMIT = 64
_DOMAIN_LIMIT = 255
_MAILBOX_LIMIT = 254
_EXCERPT_LENGTH = 80

# What no part of an address may hold, whatever RFC 6531 says of UTF-8: control characters, line and paragraph
# separators (logs and gateways may break a line there), the byte order mark; and lone surrogates, which have no octets.
_NEVER = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff"
_SPACES = r" \xa0\u1680\u2000-\u200b\u202f\u205f\u3000"
_ATOM = rf'[^{_NEVER}{_SPACES}"(),.:;<>@\[\\\]]++'
_DOT_STRING = rf"{_ATOM}(?:\.{_ATOM})*+"
_QUOTED_STRING = rf'"(?:[^{_NEVER}"\\]|\\[ -~])*+"'
_MAILBOX = re.compile(rf"({_DOT_STRING}|{_QUOTED_STRING})(?:@(.+))?", re.DOTALL)
# Underscores are no part of the grammar, but of names that internal hosts have; they cannot break a command.
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
# RFC 5321 §4.1.3, General-address-literal; its dcontent without "<" and ">", for which no tag has a use.
_GENERAL_LITERAL = re.compile(r"[A-Za-z0-9-]*[A-Za-z0-9]:[!-;=?-Z^-~]+")
_CONTROL = re.compile(rf"[{_NEVER}]")


@attrs.frozen
class Mailbox:
    """An address that keeps to the grammar.

    Attributes:
        text: as the caller wrote it; replies and refusals are reported under it.
        local_part: as it goes over the wire, its quotes included; empty for the null reverse-path.
        domain: as written, address literals in their brackets; None for a bare name such as ``postmaster``.
        ascii_domain: the domain in A-labels (RFC 5890 §2.3.2.1).
    """

    text: str
    local_part: str
    domain: str | None = attrs.field(kw_only=True, default=None)
    ascii_domain: str | None = attrs.field(kw_only=True, default=None)

    @property
    def is_null(self) -> bool:
        """Whether this is the null reverse-path, ``<>`` (RFC 5321 §4.5.5)."""
        return not self.local_part

    @property
    def is_ascii(self) -> bool:
        """Whether the address, as it was written, is ASCII."""
        return self.local_part.isascii() and (self.domain is None or self.domain.isascii())

    @property
    def needs_smtputf8(self) -> bool:
        """Whether no server without SMTPUTF8 can be given this address: its local part is not ASCII.

        A domain alone never needs it, since its A-labels do (RFC 6531 §3.2).
        """
        return not self.local_part.isascii()

    @property
    def key(self) -> tuple[str, str | None]:
        """Equal for addresses that certainly name one mailbox: case is free in domains only (RFC 5321 §2.4)."""
        return self.local_part, self.ascii_domain and self.ascii_domain.lower()

    def for_wire(self, *, utf8: bool = False) -> str:
        """Spell the address for a command, without ``<`` and ``>``.

        Args:
            utf8: whether SMTPUTF8 is in force; the domain then keeps its U-labels.

        Raises:
            SMTPAddressError: *utf8* is False and the local part is not ASCII.
        """
        if self.domain is None:
            address = self.local_part
        elif utf8 and not self.domain.isascii():
            address = f"{self.local_part}@{_to_unicode_domain(self.ascii_domain or '')}"
        else:
            address = f"{self.local_part}@{self.ascii_domain}"
        if not utf8 and self.needs_smtputf8:
            raise SMTPAddressError(f"{_excerpt(self.text)} needs SMTPUTF8: its local part is not ASCII (RFC 6531 §3.2)")
        return address

    def __str__(self) -> str:
        return self.local_part if self.domain is None else f"{self.local_part}@{self.domain}"


NULL_SENDER = Mailbox("", "")
"""The reverse-path of mails that must not be answered, ``MAIL FROM:<>``."""


def parse_mailbox(
    text: str, *, allow_bare: bool = True, allow_null: bool = False, enforce_limits: bool = False
) -> Mailbox:
    """Parse an address, which may stand in ``<`` and ``>`` and among spaces, but has no display name.

    Args:
        text: ``local-part@domain``, ``local-part@[address literal]``, or what the flags allow.
        allow_bare: take a local part without a domain, as local servers know ``root``.
        allow_null: take ``""`` and ``"<>"``, which only a sender can be.
        enforce_limits: refuse a local part above 64 octets and an address above 254. RFC 5321 §4.5.3.1 has servers take
            longer ones where they can, and addresses made for bounces are.

    Raises:
        SMTPAddressError: *text* is no address; the message names the rule it breaks.
        TypeError: *text* is no str.

    RFC 5321 §4.1.2, §4.1.3, §4.5.3.1; RFC 6531 §3.3. Linear in the length of *text*.
    """
    if not isinstance(text, str):
        raise TypeError(f"an address is a str, not {type(text).__name__}")
    return _parse(text, allow_bare, allow_null, enforce_limits)


# Programs send from one address again and again, and often to the same ones.
@functools.lru_cache(maxsize=256)
def _parse(text: str, allow_bare: bool, allow_null: bool, enforce_limits: bool) -> Mailbox:
    address = text.strip(" ")
    if address.startswith("<") and address.endswith(">"):
        address = address[1:-1]
    if not address and allow_null:
        return NULL_SENDER
    match = _MAILBOX.fullmatch(address)
    if match is None:
        raise _refusal(text, _find_fault(address))
    local_part, domain = match.groups()
    if domain is None:
        if not allow_bare:
            raise _refusal(text, "it has no domain; write local-part@domain")
        ascii_domain = None
    else:
        ascii_domain = domain if domain.isascii() else _convert_domain(text, domain)
        if not _is_domain(ascii_domain):
            raise _refusal(text, _find_domain_fault(address, domain))
    # UTF-8 takes at most four octets a character.
    if enforce_limits and len(address) > _LOCAL_PART_LIMIT // 4:
        _check_limits(text, local_part, domain or "", ascii_domain or "")
    return Mailbox(text, local_part, domain=domain, ascii_domain=ascii_domain)


def to_ascii_domain(domain: str) -> str:
    """Convert a domain to A-labels, mapped as UTS #46 says (full-width dots, case, ``ß`` kept apart from ``ss``).

    Raises:
        ValueError: there is no such international domain name.

    RFC 5891 §4.
    """
    if domain.isascii():
        return domain
    if len(domain) > _DOMAIN_LIMIT:
        raise ValueError(f"domain is longer than {_DOMAIN_LIMIT} characters")
    import idna  # costs 3 ms, and most addresses never need it

    # IDNAError is a UnicodeError, thus a ValueError.
    return idna.encode(domain, uts46=True).decode("ascii")


def _to_unicode_domain(domain: str) -> str:
    """Turn A-labels into U-labels, which are then normalised as RFC 5891 §4.1 wants them."""
    import idna

    return idna.decode(domain)


def _convert_domain(text: str, domain: str) -> str:
    if _CONTROL.search(domain) is not None:
        raise _refusal(text, _find_fault(domain))
    try:
        return to_ascii_domain(domain)
    except ValueError as exc:
        raise _refusal(text, f"its domain is no international domain name: {exc}") from exc


def _is_domain(domain: str) -> bool:
    if len(domain) > _DOMAIN_LIMIT:
        return False
    if _DOMAIN.fullmatch(domain) is not None:
        return True
    return domain.startswith("[") and domain.endswith("]") and _is_literal(domain[1:-1])


def _is_literal(literal: str) -> bool:
    """Whether *literal* may stand in brackets (RFC 5321 §4.1.3)."""
    tag, colon, rest = literal.partition(":")
    try:
        if not colon:
            ipaddress.IPv4Address(tag)
        elif tag.lower() == "ipv6":
            # A scope id ("%eth0") means something on one host only.
            return ipaddress.IPv6Address(rest).scope_id is None
        else:
            # "::" only stands in an IPv6 address, which lacks its tag here.
            return "::" not in literal and _GENERAL_LITERAL.fullmatch(literal) is not None
    except ValueError:
        return False
    return True


def _check_limits(text: str, local_part: str, domain: str, ascii_domain: str) -> None:
    local_octets = len(local_part.encode())
    if local_octets > _LOCAL_PART_LIMIT:
        raise _refusal(text, f"its local part has {local_octets} octets, more than {_LOCAL_PART_LIMIT}", "§4.5.3.1.1")
    octets = local_octets + 1 + max(len(ascii_domain), len(domain.encode()))
    if octets > _MAILBOX_LIMIT:
        raise _refusal(text, f"it has {octets} octets, more than {_MAILBOX_LIMIT}", "§4.5.3.1.3")


def _find_fault(address: str) -> str:
    """Say why *address* is no mailbox: the rule whose breach the caller most likely wants to hear of."""
    control = _CONTROL.search(address)
    if control is not None:
        return f"U+{ord(control[0]):04X} is not allowed in it"
    if not address:
        return "it is empty"
    before, _, inside = address.rpartition("<")
    if before.strip() not in ("", "<") and inside.endswith(">") and _MAILBOX.fullmatch(inside[:-1]) is not None:
        return f"it has a display name ({_excerpt(before.rstrip())}); give the address alone, {_excerpt(inside[:-1])}"
    if address.startswith("@"):
        return "it has no local part"
    if address.endswith("@") and _MAILBOX.fullmatch(address[:-1]) is not None:
        return "it has no domain after '@'"
    if address.startswith('"'):
        return "its quoted local part is not closed, or not followed by '@'"
    return _find_delimiter(address) or "its local part is neither a dot-string nor a quoted string"


def _find_delimiter(text: str) -> str:
    """Name what separates addresses from other things and stands in *text*, or give an empty text."""
    for character, name in (
        (",", "a comma; give several addresses one by one, as a list"),
        ("<", "'<'"),
        (">", "'>'"),
        (" ", "a space"),
    ):
        if character in text:
            return f"outside of quotes it holds {name}"
    return ""


def _find_domain_fault(address: str, domain: str) -> str:
    if _CONTROL.search(address) is not None:
        return _find_fault(address)
    if len(domain) > _DOMAIN_LIMIT:
        return f"its domain has {len(domain)} octets, more than {_DOMAIN_LIMIT}"
    if domain.startswith("["):
        return f"{_excerpt(domain)} is no address literal"
    return _find_delimiter(domain) or f"{_excerpt(domain)} is no domain"


def _refusal(text: str, fault: str, clause: str = "§4.1.2") -> SMTPAddressError:
    return SMTPAddressError(f"{_excerpt(text)} is not an address: {fault} (RFC 5321 {clause})")


def _excerpt(text: str) -> str:
    """Show the beginning of *text*, as ASCII, so that the message is safe to print and bounded."""
    return ascii(text[:_EXCERPT_LENGTH]) + ("..." if len(text) > _EXCERPT_LENGTH else "")
