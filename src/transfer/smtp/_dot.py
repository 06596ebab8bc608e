"""From a message's octets to what follows DATA: CRLF line ends, dots stuffed, the final dot.

How this works: a lone CR and a lone LF become CRLF each, since a server that takes one of them for a line end could
otherwise find an end of mail, and commands, inside a message (RFC 5321 §2.3.8, §4.1.1.4). Whether there is any such
octet, or a dot to stuff, is looked for first, at a GB/s and more: a message without is left as it is.
"""

from __future__ import annotations

import re

__all__ = ["DotStuffer", "Normaliser", "normalise", "stuff_normalised"]

_END = b".\r\n"
# Each begins with a single octet, which the search finds at the speed of memory.
_LONE_CR = re.compile(rb"\r(?!\n)")
_LONE_LF = re.compile(rb"\n(?<!\r\n)")
_LEADING_DOT = re.compile(rb"\n\.")


def normalise(data: bytes | bytearray | memoryview) -> bytes:
    """Make every line end a CRLF, the last line's included; *data* itself where nothing is to do.

    An empty message stays empty. ``len()`` of the result is what SIZE declares (RFC 1870 §6).
    """
    octets = data if isinstance(data, bytes) else bytes(data)
    if not _is_clean(octets):
        octets = _convert_line_ends(octets)
    if octets and not octets.endswith(b"\r\n"):
        octets += b"\r\n"
    return octets


def stuff_normalised(data: bytes) -> bytes:
    """Encode what :func:`normalise` returned for DATA: dots stuffed, the final dot appended.

    RFC 5321 §4.5.2, §4.1.1.4 ("the sender MUST NOT add an additional CRLF").
    """
    stuffed = _stuff(data) + _END
    return b"." + stuffed if data.startswith(b".") else stuffed


class Normaliser:
    """:func:`normalise` for a message that comes in pieces, with the same result wherever they are cut."""

    __slots__ = ("_ends_line", "_holds_cr")

    def __init__(self) -> None:
        self._ends_line = True
        self._holds_cr = False

    def feed(self, chunk: bytes | bytearray | memoryview) -> bytes:
        """Convert a piece. A CR at its end is held back until the next octet says whether it stands alone."""
        octets = chunk if isinstance(chunk, bytes) else bytes(chunk)
        if self._holds_cr:
            octets = b"\r" + octets
        self._holds_cr = octets.endswith(b"\r")
        if self._holds_cr:
            octets = octets[:-1]
        if not octets:
            return b""
        if not _is_clean(octets):
            octets = _convert_line_ends(octets)
        self._ends_line = octets.endswith(b"\r\n")
        return octets

    def finish(self) -> bytes:
        """End the message: the last line's CRLF if it is missing. The object starts afresh."""
        ends_line = self._ends_line and not self._holds_cr
        self._ends_line, self._holds_cr = True, False
        return b"" if ends_line else b"\r\n"


class DotStuffer:
    """:func:`stuff_normalised` for a message that comes in pieces, with the same result wherever they are cut."""

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        self._tail = b"\r\n"

    def feed(self, octets: bytes) -> bytes:
        """Stuff a piece of what :func:`normalise` or :class:`Normaliser` returned."""
        stuffed = _stuff(octets)
        if self._tail == b"\r\n" and octets.startswith(b"."):
            stuffed = b"." + stuffed
        elif self._tail.endswith(b"\r") and octets.startswith(b"\n."):
            stuffed = b"\n." + stuffed[1:]
        self._tail = (self._tail + octets[-2:])[-2:]
        return stuffed

    def finish(self) -> bytes:
        """Give the final dot. The object starts afresh."""
        self._tail = b"\r\n"
        return _END


def _stuff(octets: bytes) -> bytes:
    return octets if _LEADING_DOT.search(octets) is None else octets.replace(b"\r\n.", b"\r\n..")


def _is_clean(octets: bytes) -> bool:
    """Whether every CR is followed by a LF and every LF preceded by a CR."""
    return _LONE_CR.search(octets) is None and _LONE_LF.search(octets) is None


def _convert_line_ends(octets: bytes) -> bytes:
    return octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
