"""The conversation as log lines, one per line on the wire, secrets taken out."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from transfer._wire.command import Command
from transfer._wire.reply import Reply

__all__ = ["LOGGER", "WireLog"]

LOGGER = logging.getLogger("transfer.wire")


class WireLog:
    """Writes to the logger ``transfer.wire`` at DEBUG: ``C:`` for commands, ``S:`` for replies, ``*:`` for events.

    A command's secret argument never gets here in clear: :class:`Command` shows it as ``****``. Control characters are
    escaped, so a peer can't forge lines.
    """

    __slots__ = ("_peer",)

    def __init__(self, peer: str) -> None:
        self._peer = peer

    def commands(self, commands: Iterable[Command | str]) -> None:
        """Log what is about to be sent."""
        if LOGGER.isEnabledFor(logging.DEBUG):
            for command in commands:
                LOGGER.debug("%s C: %s", self._peer, _escape(str(command)))

    def reply(self, reply: Reply) -> None:
        """Log a reply, line by line."""
        if LOGGER.isEnabledFor(logging.DEBUG):
            last = len(reply.lines) - 1
            for number, line in enumerate(reply.lines):
                mark = " " if number == last else "-"
                LOGGER.debug("%s S: %s%s%s", self._peer, reply.code, mark, _escape(line))

    def event(self, event: str, *args: object) -> None:
        """Log something that is no line: a TLS handshake, a payload, the end."""
        LOGGER.debug("%s *: %s", self._peer, event % args if args else event)


def _escape(text: str) -> str:
    return text if text.isascii() and text.isprintable() else ascii(text)[1:-1]
