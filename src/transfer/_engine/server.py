"""The server's side of a control connection: one command in, one reply out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from transfer._engine.channel import Channel
from transfer._errors import ErrorFamily, LocalProtocolError, ProtocolError
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
        self._ready: Command | None = None
        self._replying = False

    async def next_command(self, deadline: Deadline | None = None) -> Command | None:
        """Return the next command, None when the client has closed the connection.

        Args:
            deadline: how long the client may be idle; ``timeouts.reply`` if None.

        Raises:
            RemoteProtocolError: the line was too long, held a NUL, or too many commands waited.
            DisconnectedError: the connection was lost in the middle of a line.
            TransferTimeoutError: the client was idle for too long.
            LocalProtocolError: another task is waiting for a command already; it goes on unharmed.

        Cancellation: nothing is lost, neither a command nor a part of one. After any other error the channel is BROKEN.
        """
        self._require_open()
        try:
            await self.stream.perform(self._receive, deadline or Deadline(self.timeouts.reply, "command"))
        except LocalProtocolError:
            raise
        except ProtocolError as exc:
            fault = self._spelled(exc)
            self.abandon(fault)
            raise fault from exc
        except Exception as exc:
            self.abandon(exc)
            raise
        command, self._ready = self._ready, None
        if command is None:
            self._end()
            return None
        self.log.commands((command,))
        return command

    def _receive(self) -> bool | None:
        """Make a command ready, or none at the end of input. It is taken only when no cancellation can lose it."""
        while self._ready is None:
            self._ready = self._parser.next_command()
            if self._ready is None:
                data = self.stream.receive_nowait()
                if data is None:
                    return None
                if not data:
                    return True
                self._parser.feed(data)
        return True

    async def reply(self, code: int, lines: str | Sequence[str]) -> None:
        """Send one reply of one or more lines.

        Raises:
            LocalProtocolError: a line holds CR, LF or NUL, or another task is replying; nothing was sent.
            DisconnectedError, TransferTimeoutError: the client is gone or does not read; the channel is BROKEN.

        Cancellation: the channel is BROKEN, because the client would take the next reply for this one.
        """
        self._require_open()
        if self._replying:
            raise self._errors.local_protocol("Another reply is under way", peer=self.peer)
        texts = (lines,) if isinstance(lines, str) else tuple(lines)
        try:
            data = encode_reply(code, texts, self._encoding, dialect=self._dialect)
        except ProtocolError as exc:
            raise self._spelled(exc) from exc
        self.log.reply(Reply(code, texts))
        self._replying = True
        try:
            with self._giving_up_on_failure():
                await self.stream.send(data, Deadline(self.timeouts.data, "room for a reply"))
        finally:
            self._replying = False

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Shake hands for TLS after this side's go-ahead; commands that were sent ahead in clear close the channel.

        Raises:
            LocalProtocolError: TLS is on already.
            RemoteProtocolError: plain octets had been read before the handshake; nothing of them was executed. Those
                that had not been read make the handshake fail.
            TLSError, DisconnectedError, TransferTimeoutError: the handshake failed.

        RFC 3207 §4.2, RFC 4217 §4.2.
        """
        self._require_open()
        self._require_plain()
        with self._giving_up_on_failure():
            # What the socket still holds may be the client's part of the handshake already.
            unread = b"" if self._ready is None else str(self._ready).encode("utf-8", "surrogateescape")
            await self._upgrade(context, unread + self._parser.take_all(), server_side=True)
        self._parser = CommandParser(self._dialect, self._encoding)

    def _end(self) -> None:
        if self._parser.has_data:
            lost = self._errors.disconnected("The client closed the connection in mid-command", peer=self.peer)
            self.abandon(lost)
            raise lost
        self.close()
