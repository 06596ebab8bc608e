"""Command, its encoder for clients and its parser for servers.

How this works: the parser takes Telnet sequences out before it looks for line ends, counts the line ends that wait,
and hands out one command per line. It judges lines, not commands: an empty or unknown verb is the server's to
answer, usually with 500.
"""

from __future__ import annotations

import re

import attrs

from transfer._errors import LocalProtocolError, RemoteProtocolError
from transfer._wire.dialect import FTP_SERVER, Dialect
from transfer._wire.lines import LineBuffer
from transfer._wire.octets import encode_octets
from transfer._wire.telnet import TelnetFilter, escape_telnet

__all__ = ["Command", "CommandParser", "encode_command", "encode_line"]

_VERB = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_REDACTED = "****"
_LF = 0x0A

# When a system loses track of urgent data, octets of the interrupt that goes before ABOR stay in front of it.
_TELNET_COMMANDS = bytes(range(0xF0, 0x100))


@attrs.frozen(repr=False)
class Command:
    """One command line: a *verb*, and after one space its *argument*.

    Attributes:
        verb: without spaces; received ones are in upper case.
        argument: None for a verb alone; ``""`` is a verb and a space. Octets are sent as they are.
        secret: the argument is never shown, by ``str()`` and ``repr()`` neither.
    """

    verb: str
    argument: str | bytes | None = None
    secret: bool = attrs.field(default=False, kw_only=True)

    def __str__(self) -> str:
        """The line as it may be shown: octets by surrogates, secrets as ``****``."""
        if self.argument is None:
            return self.verb
        argument = self._shown()
        if isinstance(argument, bytes):
            argument = argument.decode("utf-8", "surrogateescape")
        return f"{self.verb} {argument}"

    def __repr__(self) -> str:
        return f"Command(verb={self.verb!r}, argument={self._shown()!r}, secret={self.secret})"

    def _shown(self) -> str | bytes | None:
        return _REDACTED if self.secret and self.argument is not None else self.argument


def encode_command(command: Command, dialect: Dialect, encoding: str = "utf-8") -> bytes:
    """Encode *command*, CRLF included.

    Args:
        command: a str argument is encoded, lone surrogates giving back the octets that they stand for.
        dialect: the octets that may not leave, the limit of a line, and whether 0xFF is doubled.
        encoding: of a str argument.

    Raises:
        LocalProtocolError: the verb is none (a letter, then letters, digits and hyphens), the argument holds
            a forbidden octet or does not exist in *encoding*, or the line is too long. The message names the verb, the
            octet and its position, and never the argument.

    RFC 5321 §4.1.1, RFC 959 §5.3.
    """
    verb, argument = command.verb, command.argument
    if _VERB.fullmatch(verb) is None:
        # A caller may have put a whole line, and so the secret, in the place of the verb.
        shown = _REDACTED if command.secret else repr(verb)
        raise LocalProtocolError(f"verb must be a letter and then letters, digits or hyphens, not {shown}")
    line = verb.encode("ascii")
    if argument is not None:
        line += b" " + _encode_argument(argument, dialect, encoding, f"argument of {verb}")
    return _end_line(line, dialect, verb)


def encode_line(argument: str | bytes, dialect: Dialect, encoding: str = "utf-8") -> bytes:
    """Encode a line that has no verb, such as an answer to a SASL challenge, with the checks of a command.

    Raises:
        LocalProtocolError: as in :func:`encode_command`; the line is taken for a secret.

    RFC 4954 §4.
    """
    return _end_line(_encode_argument(argument, dialect, encoding, "line"), dialect, "line")


def _encode_argument(argument: str | bytes, dialect: Dialect, encoding: str, what: str) -> bytes:
    octets = encode_octets(argument, encoding, dialect.forbidden, what)
    return escape_telnet(octets) if dialect.telnet else octets


def _end_line(line: bytes, dialect: Dialect, what: str) -> bytes:
    if len(line) > dialect.line_limit:
        raise LocalProtocolError(f"{what} would be longer than {dialect.line_limit} octets ({len(line)})")
    return line + b"\r\n"


class CommandParser:
    """Turns received octets into commands, one at a time.

    Args:
        dialect: its limits, its Telnet layer, its secret verbs.
        encoding: of the argument; octets that are invalid in it become lone surrogates (``surrogateescape``).

    Raises:
        LookupError: there is no such encoding.
        ValueError: *encoding* does not contain ASCII.
    """

    __slots__ = ("_buffer", "_dialect", "_encoding", "_fault", "_telnet", "_waiting")

    def __init__(self, dialect: Dialect = FTP_SERVER, encoding: str = "utf-8") -> None:
        b" ".decode(encoding, "surrogateescape")
        self._dialect = dialect
        self._encoding = encoding
        self._buffer = LineBuffer(dialect.line_limit)
        self._telnet = TelnetFilter() if dialect.telnet else None
        self._fault: str | None = None
        self._waiting = 0

    @property
    def has_data(self) -> bool:
        """Whether octets have come that are not part of a delivered command."""
        return bool(self._buffer or (self._telnet is not None and self._telnet.held))

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Append received octets.

        Raises:
            RemoteProtocolError: more is waiting than the dialect's ``queue_limit`` commands or ``queue_octets_limit``
                octets, of which nothing is delivered any more; or the parser met a fault before, and it is that one.
        """
        if self._fault is not None:
            raise RemoteProtocolError(self._fault)
        octets = bytes(data) if self._telnet is None else self._telnet.feed(data)
        self._buffer.feed(octets)
        self._waiting += octets.count(_LF)
        dialect, waiting = self._dialect, len(self._buffer)
        if self._waiting > dialect.queue_limit:
            self._fault = f"more than {dialect.queue_limit} commands wait ({self._waiting})"
        elif waiting > dialect.queue_octets_limit:
            self._fault = f"more than {dialect.queue_octets_limit} octets of commands wait ({waiting})"
        if self._fault is not None:
            raise RemoteProtocolError(self._fault)

    def next_command(self) -> Command | None:
        """Take the next command; None until one is complete.

        An empty line is a command with the verb ``""``.

        Raises:
            RemoteProtocolError: the line is too long or holds a NUL. It is raised again by each further call.
        """
        if self._fault is not None:
            raise RemoteProtocolError(self._fault)
        try:
            line = self._buffer.next_line()
            return None if line is None else self._parse(line)
        except RemoteProtocolError as exc:
            self._fault = str(exc)
            raise

    def take_all(self) -> bytes:
        """Take the octets of which no command was delivered."""
        held = b""
        if self._telnet is not None:
            held, self._telnet.held = self._telnet.held, b""
        self._waiting = 0
        return self._buffer.take_all() + held

    def _parse(self, line: bytes) -> Command:
        self._waiting -= 1
        nul = line.find(0)
        if nul >= 0:
            raise RemoteProtocolError(f"command holds a NUL (position {nul})")
        # RFC 2640 §3.1 has exactly one space before a path, which may itself begin or end with spaces.
        start, space, rest = line.partition(b" ")
        if self._telnet is not None:
            start = start.lstrip(_TELNET_COMMANDS)
        # Upper case by octets: str.upper would make a known verb of other letters (U+017F becomes S).
        verb = start.upper().decode("ascii", "surrogateescape")
        argument = self._decode(rest) if space else None
        return Command(verb, argument, secret=verb in self._dialect.secret_verbs)

    def _decode(self, argument: bytes) -> str:
        try:
            return argument.decode(self._encoding, "surrogateescape")
        except UnicodeError:
            # Only encodings with shift states, such as ISO-2022-JP, have invalid ASCII octets.
            fault = f"command is not {self._encoding}"
        # Raised out here because the attribute "object" of a UnicodeDecodeError is the argument, a password perhaps.
        raise RemoteProtocolError(fault)
