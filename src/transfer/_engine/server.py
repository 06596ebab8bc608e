"""The server's side of a control connection: one command in, one reply out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from transfer._engine.channel import Channel
from transfer._errors import ErrorFamily, ProtocolError
from transfer._net.stream import Stream
from transfer._net.timeouts import Deadline, Timeouts
from transfer._wire.command import Command, CommandParser
from transfer._wire.dialect import Dialect
from transfer._wire.reply import Reply, encode_reply

if TYPE_CHECKING:
    import ssl

__all__ = ["ServerChannel"]


class ServerChannel(Channel):
    """Hands out commands strictly one at a time and sends replies.

    Commands that a client sends ahead wait in the parser, up to the dialect's limits.
    """

    def __init__(
        self, stream: Stream, *, dialect: Dialect, errors: ErrorFamily, timeouts: Timeouts, encoding: str = "utf-8"
    ) -> None:
        super().__init__(stream, dialect=dialect, errors=errors, timeouts=timeouts, encoding=encoding)
        self._parser = CommandParser(dialect, encoding)

    async def next_command(self, deadline: Deadline | None = None) -> Command | None:
        """Return the next command, None when the client has closed the connection.

        Args:
            deadline: how long the client may be idle; ``timeouts.reply`` if None.

        Raises:
            RemoteProtocolError: the line was too long, held a NUL, or too many commands waited.
            DisconnectedError: the connection was lost in the middle of a line.
            TransferTimeoutError: the client was idle for too long.

        Cancellation: a command that has not come completely stays for the next call. After an error the channel is
        BROKEN.
        """
        self._require_open()
        received: list[Command | None] = []

        def step() -> bool | None:
            while (command := self._parser.next_command()) is None:
                data = self.stream.receive_nowait()
                if data is None:
                    return None
                if not data:
                    received.append(None)
                    return True
                self._parser.feed(data)
            received.append(command)
            return True

        try:
            await self.stream.perform(step, deadline or Deadline(self.timeouts.reply, "command"))
        except ProtocolError as exc:
            fault = self._spelled(exc)
            self.abandon(fault)
            raise fault from exc
        except Exception as exc:
            self.abandon(exc)
            raise
        command = received[0]
        if command is None:
            self._end()
            return None
        self.log.commands((command,))
        return command

    async def reply(self, code: int, lines: str | Sequence[str]) -> None:
        """Send one reply of one or more lines.

        Raises:
            LocalProtocolError: a line holds CR, LF or NUL; nothing was sent.
            DisconnectedError, TransferTimeoutError: the client is gone or does not read; the channel is BROKEN.

        Cancellation: the channel is BROKEN once a part has left.
        """
        self._require_open()
        texts = (lines,) if isinstance(lines, str) else tuple(lines)
        try:
            data = encode_reply(code, texts, self._encoding, dialect=self._dialect)
        except ProtocolError as exc:
            raise self._spelled(exc) from exc
        self.log.reply(Reply(code, texts))
        with self._giving_up_on_failure():
            await self.stream.send(data, Deadline(self.timeouts.data, "room for a reply"))

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Shake hands for TLS after this side's go-ahead; commands that were sent ahead in clear close the channel.

        Raises:
            RemoteProtocolError: plain octets had come before the handshake; nothing of them was executed.
            TLSError, DisconnectedError, TransferTimeoutError: the handshake failed.

        RFC 3207 §4.2, RFC 4217 §4.2.
        """
        self._require_open()
        with self._giving_up_on_failure():
            await self._upgrade(context, self._parser.take_all(), server_side=True)
        self._parser = CommandParser(self._dialect, self._encoding)

    def _end(self) -> None:
        if self._parser.has_data:
            lost = self._errors.disconnected("The client closed the connection in mid-command", peer=self.peer)
            self.abandon(lost)
            raise lost
        self.close()
