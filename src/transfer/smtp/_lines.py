"""What becomes of a message's lines that no mail may have: too long ones, and bare CR or LF.

How this works: a window as long as the longest line is laid over the message. The last line end inside it is where the
next one begins, since every line before that end is short enough; a window without any shows a line that is too long.
One search for each 1,000 octets looks at a tenth of them where lines have 80, at several GB/s.
"""

from __future__ import annotations

import enum
import re

from transfer.smtp._errors import SMTPMessageError

__all__ = ["LINE_LIMIT", "LineChecker", "LinePolicy", "check_lines", "has_long_line"]

# RFC 5321 §4.5.3.1.6: 1000 octets with the CRLF; RFC 5322 §2.1.1: 998 without.
LINE_LIMIT = 998
_EXCERPT_LENGTH = 40
_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")
_CR, _LF = b"\r\n"
_STRICT_CLAUSE = " (RFC 5321 §2.3.8), and the line policy is strict"
_ADVICE = ". Send a message object, whose parts can be encoded, or allow it by line_policy=LinePolicy.ANY"


class LinePolicy(enum.Enum):
    """What becomes of bare CR and LF, and of lines above 998 octets (RFC 5321 §2.3.8, §4.5.3.1.6)."""

    STRICT = "strict"
    """Refused, both; and NUL as well, which neither 7bit nor 8bit data holds (RFC 2045 §2.7, §2.8)."""
    NORMALISE = "normalise"
    """A bare CR or LF becomes CRLF. A longer line is refused in octets, and encoded anew in a message object. A NUL is
    sent as it is: "the mail data may contain any of the 128 ASCII character codes" (RFC 5321 §4.5.2)."""
    ANY = "any"
    """A bare CR or LF becomes CRLF, a longer line is sent as it is, and so is a NUL."""


class LineChecker:
    """Holds a message that comes in pieces to a policy, wherever they are cut, before its line ends are mended.

    A bare CR or LF ends a line, as it does once it is mended.
    """

    __slots__ = ("_after_cr", "_carry", "_count", "_policy")

    def __init__(self, policy: LinePolicy) -> None:
        self._policy = policy
        self._carry = 0  # octets of the line that the piece before left open
        self._count = 0  # octets of all pieces
        self._after_cr = False

    def feed(self, chunk: bytes | bytearray | memoryview) -> None:
        """Look at the next piece.

        Raises:
            SMTPMessageError: it breaks the policy; the message names the place, the value and the rule.
        """
        if self._policy is LinePolicy.ANY:
            return
        octets = bytes(chunk) if isinstance(chunk, memoryview) else chunk
        if self._policy is LinePolicy.STRICT:
            self._check_octets(octets)
        start, long_line = _find_long_line(octets, self._carry)
        if long_line:
            advice = "" if self._policy is LinePolicy.STRICT else _ADVICE
            raise self._refusal(octets, start, _describe_long_line(octets, start) + advice)
        self._carry = len(octets) - start
        self._count += len(octets)

    def finish(self) -> None:
        """End the message; the object starts afresh.

        Raises:
            SMTPMessageError: a CR at the end stands alone, and the policy is strict.
        """
        after_cr, count = self._after_cr, self._count
        self._carry, self._count, self._after_cr = 0, 0, False
        if after_cr:
            raise SMTPMessageError(f"octet {count - 1} of the message is a bare CR; lines end in CRLF{_STRICT_CLAUSE}")

    def _check_octets(self, octets: bytes | bytearray) -> None:
        """Refuse what only the strict policy refuses."""
        nul = octets.find(0)
        if nul >= 0:
            raise self._refusal(octets, nul, "holds a NUL, which mail has not (RFC 2045 §2.7, §2.8)")
        if not octets:
            return
        # A CR at the end of the piece before and a LF at the beginning of this one are one line end.
        begin = int(self._after_cr)
        if self._after_cr and octets[0] != _LF:
            raise self._refusal(octets, -1, f"ends in a bare CR; lines end in CRLF{_STRICT_CLAUSE}")
        self._after_cr = octets[-1] == _CR
        end = len(octets) - self._after_cr
        # Counting costs a tenth of the search, and a clean message needs nothing else.
        pairs = octets.count(b"\r\n", begin, end)
        if pairs == octets.count(b"\r", begin, end) == octets.count(b"\n", begin, end):
            return
        bare = _BARE.search(octets, begin, end)
        assert bare is not None
        name = "CR" if bare[0] == b"\r" else "LF"
        raise self._refusal(octets, bare.start(), f"ends in a bare {name}; lines end in CRLF{_STRICT_CLAUSE}")

    def _refusal(self, octets: bytes | bytearray, place: int, fault: str) -> SMTPMessageError:
        position = self._count + place
        if self._count:
            where = f"at octet {position} of the message a line"
        else:
            where = f"line {_line_number(octets, place)} of the message (octet {position})"
        return SMTPMessageError(f"{where} {fault}")


def check_lines(octets: bytes | bytearray | memoryview, policy: LinePolicy) -> None:
    """Hold a whole message, as the caller gave it, to *policy*.

    Raises:
        SMTPMessageError: it breaks the policy; the message names the line, the value and the rule.

    RFC 5321 §2.3.8, §4.5.3.1.6; RFC 5322 §2.1.1.
    """
    checker = LineChecker(policy)
    checker.feed(octets)
    checker.finish()


def has_long_line(octets: bytes | bytearray) -> bool:
    """Whether a line of *octets* is longer than 998, its line end not counted."""
    return len(octets) > LINE_LIMIT and _find_long_line(octets, 0)[1]


def _find_long_line(octets: bytes | bytearray, carry: int) -> tuple[int, bool]:
    """Find the first line that is too long, else the last one; *carry* octets of the first line came before.

    Returns:
        Where the line begins, below 0 if it came before; and whether it is too long.
    """
    find = octets.rfind
    start, last_start = -carry, len(octets) - LINE_LIMIT
    begin = 0
    while start < last_start:
        end = find(b"\n", begin, start + LINE_LIMIT + 1)
        if end < 0:
            # The CR of a CRLF behind exactly 998 octets, or a bare one.
            end = find(b"\r", begin, start + LINE_LIMIT + 1)
            if end < 0:
                return start, True
        start = begin = end + 1
    # What is left is short enough; where its last line begins counts for the next piece.
    end = max(find(b"\n", begin), find(b"\r", begin))
    return (end + 1 if end >= 0 else start), False


def _describe_long_line(octets: bytes | bytearray, start: int) -> str:
    begin = max(start, 0)
    ends = [end for end in (octets.find(b"\n", begin), octets.find(b"\r", begin)) if end >= 0]
    length = str(min(ends) - start) if ends else f"at least {len(octets) - start}"
    excerpt = bytes(octets[begin : begin + _EXCERPT_LENGTH])
    return f"has {length} octets, more than {LINE_LIMIT}: {excerpt!r}... (RFC 5321 §4.5.3.1.6)"


def _line_number(octets: bytes | bytearray, place: int) -> int:
    before = bytes(octets[: max(place, 0)])
    return len(before.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"))
