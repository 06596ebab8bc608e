"""Dialect: the limits, and the few places where SMTP and FTP differ on the wire."""

from __future__ import annotations

import re

import attrs

__all__ = ["FTP_CLIENT", "FTP_SERVER", "LINE_BREAKERS", "SMTP_CLIENT", "Dialect"]

# What no line may hold in either protocol, whoever sends it.
LINE_BREAKERS = re.compile(rb"[\x00\r\n]")

# RFC 5321 §4.1.2 rules out "ASCII control characters (decimal value 0-31 and 127)".
_SMTP_FORBIDDEN = re.compile(rb"[\x00-\x1f\x7f]")


@attrs.frozen(kw_only=True)
class Dialect:
    """How one side of one protocol reads and writes lines.

    Limits count octets without line ends. What exceeds one that the peer has to keep is its fault
    (``RemoteProtocolError``); what this side would exceed is the caller's (``LocalProtocolError``).

    Attributes:
        name: for messages.
        line_limit: octets in one line, reply or command.
        reply_limit: octets in one whole reply.
        reply_lines_limit: lines in one reply.
        queue_limit: commands that may wait for their turn: in one group of a client, unread at a server.
        queue_octets_limit: octets that those commands take together.
        uniform_codes: every line of a reply carries the same code (RFC 5321 §4.2.1); otherwise only the first and
            the last one do (RFC 959 §4.2).
        forbidden: matches an octet that never leaves in a command.
        telnet: the connection follows the Telnet protocol (RFC 959 §2.3): IAC is escaped and understood.
        secret_verbs: received commands whose argument must not be shown.
    """

    name: str
    line_limit: int
    reply_limit: int
    reply_lines_limit: int
    queue_limit: int
    queue_octets_limit: int
    uniform_codes: bool
    forbidden: re.Pattern[bytes]
    telnet: bool
    secret_verbs: frozenset[str] = frozenset()


# RFC 5321 §4.5.3.1.5 wants reply lines of 512 octets read; EHLO replies with long AUTH lists stay below 2 KiB.
# 64 commands and 8 KiB fit into every kernel's socket buffer, so that a group can never deadlock (RFC 2920 §3.1).
SMTP_CLIENT = Dialect(
    name="SMTP",
    line_limit=8192,
    reply_limit=32768,
    reply_lines_limit=512,
    queue_limit=64,
    queue_octets_limit=8192,
    uniform_codes=True,
    forbidden=_SMTP_FORBIDDEN,
    telnet=False,
    secret_verbs=frozenset({"AUTH"}),
)

# STAT of a directory brings its listing inside one reply, hence the larger reply (RFC 959 §4.1.3).
FTP_CLIENT = Dialect(
    name="FTP",
    line_limit=8192,
    reply_limit=262144,
    reply_lines_limit=4096,
    queue_limit=1,
    queue_octets_limit=8192,
    uniform_codes=False,
    forbidden=LINE_BREAKERS,
    telnet=True,
    secret_verbs=frozenset({"PASS", "ACCT"}),
)

# 4 KiB is the longest path of common systems (PATH_MAX).
FTP_SERVER = attrs.evolve(FTP_CLIENT, line_limit=4096, queue_limit=64, queue_octets_limit=16384)
