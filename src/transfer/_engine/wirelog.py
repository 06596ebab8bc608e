"""The conversation as log lines, one per line on the wire, secrets taken out."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import attrs

from transfer._wire.command import Command
from transfer._wire.reply import Reply

__all__ = ["LOGGER", "WireLog"]

LOGGER = logging.getLogger("transfer.wire")

# RFC 4954 §4, RFC 2228 §5: what comes with it is one half of a proof, or repeats what this side has sent.
_CHALLENGE = 334
_REDACTED = "****"


class WireLog:
    """Writes to the logger ``transfer.wire`` at DEBUG: ``C:`` for commands, ``S:`` for replies, ``*:`` for events.

    A secret argument never gets here in clear: :class:`Command` shows it as ``****``, and so is every argument of
    *secret_verbs*, whether its command says that it is secret or not, and every challenge (334). Control characters
    are escaped, so that a peer can't forge lines.
    """

    __slots__ = ("_peer", "_secret_verbs")

    def __init__(self, peer: str, secret_verbs: frozenset[str] = frozenset()) -> None:
        self._peer = peer
        self._secret_verbs = secret_verbs

    def commands(self, commands: Iterable[Command]) -> None:
        """Log commands that are sent, or were received."""
        if LOGGER.isEnabledFor(logging.DEBUG):
            for command in commands:
                if command.verb.upper() in self._secret_verbs:
                    command = attrs.evolve(command, secret=True)
                LOGGER.debug("%s C: %s", self._peer, _escape(str(command)))

    def reply(self, reply: Reply) -> None:
        """Log a reply, line by line."""
        if LOGGER.isEnabledFor(logging.DEBUG):
            last = len(reply.lines) - 1
            for number, line in enumerate(reply.lines):
                mark = " " if number == last else "-"
                text = _REDACTED if line and reply.code == _CHALLENGE else _escape(line)
                LOGGER.debug("%s S: %s%s%s", self._peer, reply.code, mark, text)

    def event(self, event: str, *args: object) -> None:
        """Log something that is no line: a TLS handshake, a payload, the end."""
        if LOGGER.isEnabledFor(logging.DEBUG):
            LOGGER.debug("%s *: %s", self._peer, _escape(event % args if args else event))


def _escape(text: str) -> str:
    return text if text.isascii() and text.isprintable() else ascii(text)[1:-1]
