"""Text on its way: representation type A, whose lines end in CRLF on the network (RFC 959 §3.1.1.1).

What ends a line on this side is LF, or CRLF on Windows; both come out as CRLF, and CRLF comes in as this side's line
end. A CR that no LF follows ends no line: it goes both ways as it is, as do all other octets. So text with the line
ends of this side comes back octet by octet; a last line without an end gets none.
"""

from __future__ import annotations

import os

__all__ = ["TextDecoder", "TextEncoder"]

_LOCAL_END = os.linesep.encode("ascii")
_END = b"\r\n"


class TextEncoder:
    """From this side's line ends to those of the network."""

    def __init__(self) -> None:
        self._after_cr = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return *data* as it goes over the network; a CRLF that was torn apart is still one."""
        if not data:
            return []
        # The octet before decides what an LF at the beginning is.
        before = b"\r" if self._after_cr else b""
        self._after_cr = data.endswith(b"\r")
        encoded = (before + data).replace(_END, b"\n").replace(b"\n", _END)
        return [encoded[len(before) :]]

    def finish(self) -> list[bytes]:
        """Return what is left: nothing."""
        return []


class TextDecoder:
    """From the network's line ends to those of this side.

    Args:
        line_end: this side's.
    """

    def __init__(self, line_end: bytes = _LOCAL_END) -> None:
        self._line_end = line_end
        self._has_cr = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return *data* as it is on this side; a CR at its end waits for what comes next."""
        if not data:
            return []
        text = b"\r" + data if self._has_cr else data
        self._has_cr = text.endswith(b"\r")
        whole = text[:-1] if self._has_cr else text
        return [whole.replace(_END, self._line_end)] if whole else []

    def finish(self) -> list[bytes]:
        """Return what is left: a CR at the very end."""
        has_cr, self._has_cr = self._has_cr, False
        return [b"\r"] if has_cr else []
