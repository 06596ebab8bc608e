"""What becomes of a message's lines that no mail may have: too long ones, and bare CR or LF."""

from __future__ import annotations

import enum

__all__ = ["LinePolicy"]


class LinePolicy(enum.Enum):
    """What becomes of bare CR and LF, and of lines above 998 octets (RFC 5321 §2.3.8, §4.5.3.1.6)."""

    STRICT = "strict"
    """Refused, both."""
    NORMALISE = "normalise"
    """A bare CR or LF becomes CRLF. A longer line is refused in octets, and encoded anew in a message object."""
    ANY = "any"
    """A bare CR or LF becomes CRLF, a longer line is sent as it is."""
