"""Reply, the parser that makes them from a peer's octets, and encode_reply for the side that answers.

How this works: a line that begins with a code and a space is a whole reply, which is the fast path. A code and
a hyphen open a reply of several lines; these are kept as octets until the last one has come, so that a reply that
was begun still counts as undelivered data. A fault is remembered as its sentence: after it, no octet can be trusted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import IntEnum

import attrs

from transfer._errors import LocalProtocolError, RemoteProtocolError
from transfer._wire.dialect import FTP_SERVER, LINE_BREAKERS, Dialect
from transfer._wire.lines import LineBuffer
from transfer._wire.octets import encode_octets
from transfer._wire.telnet import TelnetFilter, escape_telnet

__all__ = ["Reply", "ReplyParser", "Severity", "encode_reply"]

# One look-up checks the length, the digits (ASCII only) and the range, and converts.
_CODES = {b"%d" % code: code for code in range(100, 600)}
_NUL = 0  # as a number: "b'\0' in line" tries a number first and takes five times as long
# RFC 5321 §4.2: "Reply-code [ SP textstring ] CRLF"; the code alone is a reply too.
_SEPARATORS = frozenset({b" ", b"-", b""})
_EXCERPT_OCTETS = 40
_LOOKS_LIKE_CODE = re.compile(rb"[0-9]{3}")


class Severity(IntEnum):
    """A code's first digit, which alone decides what to do (RFC 5321 §4.2.1, RFC 959 §4.2.1)."""

    PRELIMINARY = 1
    COMPLETION = 2
    INTERMEDIATE = 3
    TRANSIENT = 4
    PERMANENT = 5


# A look-up costs a fifth of a call of the class.
_SEVERITIES = {severity.value: severity for severity in Severity}


@attrs.frozen
class Reply:
    """What the peer answered: a *code* from 100 to 599 and at least one line of text, without codes and line ends."""

    code: int
    lines: tuple[str, ...]

    @property
    def severity(self) -> Severity:
        """The meaning of the first digit; the others may be unknown."""
        return _SEVERITIES[self.code // 100]

    @property
    def text(self) -> str:
        """The lines, joined by LF."""
        return "\n".join(self.lines)

    def __str__(self) -> str:
        text = self.text
        return f"{self.code} {text}" if text else str(self.code)


class ReplyParser:
    """Turns received octets into replies, one at a time.

    Args:
        dialect: its limits, its rule for codes, its Telnet layer.
        encoding: of the text; octets that are invalid in it become lone surrogates (``surrogateescape``).

    Raises:
        LookupError: there is no such encoding.
        ValueError: *encoding* does not contain ASCII.
    """

    __slots__ = ("_buffer", "_dialect", "_encoding", "_fault", "_lines", "_octets", "_telnet")

    def __init__(self, dialect: Dialect, encoding: str = "utf-8") -> None:
        b" ".decode(encoding, "surrogateescape")
        self._dialect = dialect
        self._encoding = encoding
        self._buffer = LineBuffer(min(dialect.line_limit, dialect.reply_limit))
        self._telnet = TelnetFilter() if dialect.telnet else None
        self._fault: str | None = None
        self._lines: list[bytes] = []
        self._octets = 0

    @property
    def has_data(self) -> bool:
        """Whether octets have come that are not part of a delivered reply."""
        return bool(self._lines or self._buffer or (self._telnet is not None and self._telnet.held))

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Append received octets.

        Raises:
            RemoteProtocolError: the parser met a fault before; it is the same one.
        """
        if self._fault is not None:
            raise RemoteProtocolError(self._fault)
        self._buffer.feed(data if self._telnet is None else self._telnet.feed(data))

    def next_reply(self) -> Reply | None:
        """Take the next reply; None until one is complete.

        Raises:
            RemoteProtocolError: the octets are no reply, or exceed a limit. It is raised again by each further call.

        RFC 5321 §4.2, RFC 959 §4.2.
        """
        if self._fault is not None:
            raise RemoteProtocolError(self._fault)
        try:
            return self._parse()
        except RemoteProtocolError as exc:
            self._fault = str(exc)
            raise

    def take_all(self) -> bytes:
        """Take the undelivered octets, those of a reply that was begun included (its line ends as CRLF)."""
        begun = b"".join(line + b"\r\n" for line in self._lines)
        self._lines, self._octets = [], 0
        held = b""
        if self._telnet is not None:
            held, self._telnet.held = self._telnet.held, b""
        return begun + self._buffer.take_all() + held

    def _parse(self) -> Reply | None:
        while (line := self._buffer.next_line()) is not None:
            if _NUL in line:
                raise RemoteProtocolError(f"reply holds a NUL: {_excerpt(line)}")
            if self._lines:
                if self._is_last(line):
                    return self._finish()
                continue
            code, separator = _CODES.get(line[:3]), line[3:4]
            if code is None or separator not in _SEPARATORS:
                raise RemoteProtocolError(f"reply does not begin with a code from 100 to 599: {_excerpt(line)}")
            if separator != b"-":
                return Reply(code, (self._decode(line[4:]),))
            self._keep(line)
        return None

    def _is_last(self, line: bytes) -> bool:
        """Keep a further line of a reply and say whether it ends it."""
        code, start = self._lines[0][:3], line[:4]
        self._keep(line)
        if not self._dialect.uniform_codes:
            # RFC 959 §4.2: "the last line will begin with the same code, followed immediately by Space <SP>".
            return start == code + b" "
        # RFC 5321 §4.2.1: "In a multiline reply, the reply code on each of the lines MUST be the same."
        if start[:3] != code or start[3:] not in _SEPARATORS:
            raise RemoteProtocolError(f"reply that began with {code.decode()} goes on with {_excerpt(line)}")
        return start[3:] != b"-"

    def _keep(self, line: bytes) -> None:
        dialect = self._dialect
        self._lines.append(line)
        self._octets += len(line)
        if self._octets > dialect.reply_limit:
            raise RemoteProtocolError(f"reply is longer than {dialect.reply_limit} octets ({self._octets} received)")
        if len(self._lines) > dialect.reply_lines_limit:
            raise RemoteProtocolError(f"reply has more than {dialect.reply_lines_limit} lines")

    def _finish(self) -> Reply:
        lines, self._lines, self._octets = self._lines, [], 0
        code, opening = lines[0][:3], lines[0][:4]
        texts = [line[4:] if line.startswith(opening) else line for line in lines]
        # The last line ends in the code and a space, or (RFC 5321 only) the code alone.
        texts[-1] = lines[-1][4:]
        return Reply(_CODES[code], tuple(map(self._decode, texts)))

    def _decode(self, text: bytes) -> str:
        try:
            return text.decode(self._encoding, "surrogateescape")
        except UnicodeError as exc:
            # Only encodings with shift states, such as ISO-2022-JP, have invalid ASCII octets.
            raise RemoteProtocolError(f"reply is not {self._encoding}: {_excerpt(text)}") from exc


def encode_reply(
    code: int, lines: str | Iterable[str], encoding: str = "utf-8", dialect: Dialect = FTP_SERVER
) -> bytes:
    """Encode a reply, CRLF included.

    Args:
        code: from 100 to 599.
        lines: the text, without codes and line ends; one str is one line, no line at all is an empty one.
        encoding: of the text; lone surrogates give back the octets that they stand for.
        dialect: whether each line carries the code, and whether 0xFF is doubled. Where only the first and last one
            do, a line between them that begins with three digits is indented by a space (RFC 959 §4.2).

    Raises:
        LocalProtocolError: *code* is out of range, or a line holds CR, LF or NUL or does not exist in *encoding*.

    RFC 5321 §4.2.1, RFC 959 §4.2.
    """
    if not 100 <= code <= 599:
        raise LocalProtocolError(f"reply code must be from 100 to 599, not {code}")
    texts = [lines] if isinstance(lines, str) else list(lines) or [""]
    octets = [encode_octets(text, encoding, LINE_BREAKERS, f"line of reply {code}") for text in texts]
    if dialect.telnet:
        octets = [escape_telnet(line) for line in octets]
    *before, last = octets
    encoded = bytearray()
    for number, line in enumerate(before):
        if number == 0 or dialect.uniform_codes:
            encoded += b"%d-%b\r\n" % (code, line)
        else:
            encoded += b"%b%b\r\n" % (b" " if _LOOKS_LIKE_CODE.match(line) else b"", line)
    return bytes(encoded + b"%d %b\r\n" % (code, last))


def _excerpt(line: bytes) -> str:
    """Show the beginning of *line*, as ASCII."""
    return repr(line[:_EXCERPT_OCTETS]) + ("..." if len(line) > _EXCERPT_OCTETS else "")
