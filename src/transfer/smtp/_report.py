"""What is known of a mail's fate."""

from __future__ import annotations

import enum

__all__ = ["Delivery"]


class Delivery(enum.Enum):
    """The fate of a mail, as far as this side can know it (RFC 5321 §4.2.5, RFC 1047)."""

    NOT_SENT = "not sent"
    """No server took responsibility and none refused: sending again is safe."""
    REFUSED = "refused"
    """The server answered 4yz or 5yz: it must not deliver the mail later."""
    ACCEPTED = "accepted"
    """The final dot was answered with 2yz: the server owns the mail."""
    UNKNOWN = "unknown"
    """The connection was lost after the final dot and before its reply."""
