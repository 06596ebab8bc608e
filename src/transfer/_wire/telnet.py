"""The Telnet layer of FTP's control connection: IAC sequences in, doubled 0xFF out.

How this works: RFC 959 §2.3 has the control connection follow Telnet, in which 0xFF (IAC) opens a command and a
literal 0xFF is sent twice (RFC 854). Options are never negotiated, and so every command can be dropped. Peers
that know nothing of Telnet send file names with a single 0xFF: an IAC that no known command follows stays.
"""

from __future__ import annotations

import re

__all__ = ["INTERRUPT", "TelnetFilter", "escape_telnet"]

_IAC = 0xFF

# Interrupt Process and the Data Mark that follows it as urgent data (RFC 959 §4.1.3, "ABORT").
INTERRUPT = b"\xff\xf4\xff\xf2"

# Two octets from SE to SB, three from WILL to DONT. A line end is no option: a name that ends in 0xFF 0xFB must
# not swallow it. The last branch is a sequence that the next octets will complete.
_SEQUENCE = re.compile(rb"\xff(?:(\xff)|[\xf0-\xfa]|[\xfb-\xfe][^\r\n]|([\xfb-\xfe]?)\Z)")
_LITERAL, _INCOMPLETE = 1, 2


def escape_telnet(octets: bytes) -> bytes:
    """Double every 0xFF (RFC 854; RFC 3659 §2.2 for path names)."""
    return octets.replace(b"\xff", b"\xff\xff")


class TelnetFilter:
    """Takes the Telnet commands out of a stream of octets, wherever it is cut.

    Attributes:
        held: at most two octets of a sequence whose end has not come yet.
    """

    __slots__ = ("held",)

    def __init__(self) -> None:
        self.held = b""

    def feed(self, data: bytes | bytearray | memoryview) -> bytes:
        """Return *data* without Telnet commands and with 0xFF 0xFF as 0xFF."""
        octets = self.held + bytes(data)
        self.held = b""
        return _SEQUENCE.sub(self._replace, octets) if _IAC in octets else octets

    def _replace(self, sequence: re.Match[bytes]) -> bytes:
        if sequence.lastindex == _INCOMPLETE:
            self.held = sequence[0]
        return b"\xff" if sequence.lastindex == _LITERAL else b""
