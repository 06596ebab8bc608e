"""Enhanced status codes, which say more than a reply's code does: ``5.1.1`` is an unknown mailbox.

How this works: a code is read wherever it is well formed, whether or not the server offers ENHANCEDSTATUSCODES. Many
servers send codes and do not say so, and to HELO nobody can. What is no code, or contradicts the reply's own code, is
text.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["EnhancedCode", "parse_enhanced_code", "strip_enhanced_code"]

# RFC 3463 §2: class "2", "4" or "5"; subject and detail of one to three digits, "without leading zero digits".
_NUMBER = r"(0|[1-9][0-9]{0,2})"
_CODE = re.compile(rf"([245])\.{_NUMBER}\.{_NUMBER}(?:[ \t]+|$)")


class EnhancedCode(NamedTuple):
    """An enhanced status code: ``5.1.1`` equals ``(5, 1, 1)`` and prints as ``5.1.1`` (RFC 3463).

    Attributes:
        class_: 2 success, 4 a failure that may pass, 5 one that will not.
        subject: what it is about: 1 an address, 2 a mailbox, 3 a mail system, 4 the network, 5 the protocol,
            6 the content, 7 security or policy; 0 anything else.
        detail: what exactly; the registry of RFC 5248 lists them.
    """

    class_: int
    subject: int
    detail: int

    def __str__(self) -> str:
        return f"{self.class_}.{self.subject}.{self.detail}"


def parse_enhanced_code(code: int, message: str) -> EnhancedCode | None:
    """Read the enhanced code of a reply.

    Args:
        code: the reply's own.
        message: its text, lines joined by LF.

    Returns:
        The code; None where there is none, where a line lacks it, and where its class is not *code*'s first digit.

    RFC 2034 §4: the class matches the reply's first digit, and "the same status code must appear at the beginning of
    the text in each line".
    """
    found = {match.groups() if (match := _CODE.match(line)) else None for line in message.split("\n")}
    parts = found.pop()
    if found or parts is None:
        return None
    enhanced = EnhancedCode(*map(int, parts))
    return enhanced if enhanced.class_ == code // 100 else None


def strip_enhanced_code(code: int, message: str) -> str:
    """Return *message* as people read it: without the enhanced code at the beginning of its lines, if it has one."""
    if parse_enhanced_code(code, message) is None:
        return message
    return "\n".join(_CODE.sub("", line, count=1) for line in message.split("\n"))
