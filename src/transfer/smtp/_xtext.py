"""Values of ESMTP parameters that may hold what such a value may not: RFC 3461 §4 and RFC 6533 §3."""

from __future__ import annotations

import re

__all__ = ["ORCPT_LIMIT", "encode_original_recipient", "encode_xtext"]

# RFC 3461 §4.2: "The entire ORCPT parameter MAY be up to 500 characters in length."
ORCPT_LIMIT = 500 - len("ORCPT=")

# RFC 3461 §4: xchar is "!" to "~" without "+" and "="; any other "MAY instead be encoded", which keeps "<" and ">" from
# those servers that look for the end of the path with them.
_NO_XCHAR = re.compile(r"[^!-*,-;?-~]")
# RFC 6533 §3, QCHAR; what is none is embedded by its number, also where SMTPUTF8 would let it through: this form is
# "safe for use in the ORCPT parameter even when SMTPUTF8 SMTP extension is not advertised".
_NO_QCHAR = re.compile(r"[^!-*,-<>-\[\]-~]")
# RFC 3461 §4.2: "original-recipient-address = addr-type ";" xtext". An Internet address has ";" in quotes only.
_TYPED = re.compile(r"([A-Za-z0-9-]+);(.*)", re.DOTALL)
_UTF8 = "utf-8"
# What is in no address (see _address.py): control characters, what breaks lines, and what has no octets.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]")


def encode_xtext(text: str) -> str:
    """Encode *text*, which is ASCII, so that it can be an ESMTP parameter's value."""
    return _NO_XCHAR.sub(lambda match: f"+{ord(match[0]):02X}", text)


def encode_original_recipient(address: str) -> str:
    """Encode the value of ORCPT.

    Args:
        address: as the sender knows it, not yet encoded; ``type;address`` where it is not an Internet address.

    Raises:
        ValueError: a character cannot be in an address of this type; the message is the rule that it breaks.

    RFC 3461 §4.2, RFC 6533 §3: the type is ``rfc822``, or ``utf-8`` for an address that is not ASCII.
    """
    match = _TYPED.fullmatch(address)
    kind, name = match.groups() if match else ("rfc822" if address.isascii() else _UTF8, address)
    if not name or _UNPRINTABLE.search(name):
        raise ValueError("it consists of printable characters and spaces")
    if kind.lower() == _UTF8:
        return f"{kind};" + _NO_QCHAR.sub(lambda match: f"\\x{{{ord(match[0]):02X}}}", name)
    if not name.isascii():
        raise ValueError(f"an address of the type {kind} is ASCII")
    return f"{kind};{encode_xtext(name)}"
