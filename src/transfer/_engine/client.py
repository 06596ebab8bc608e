"""The client's side of a control connection: commands out, as many replies in, or the channel is given up.

How this works: ``_owed`` counts the replies that the peer still owes. A command raises it when its first byte may
have left, a reply lowers it. Whatever interrupts an exchange in between (an error, a time limit, a cancellation)
leaves a debt that nobody could ever settle for sure, so the channel becomes BROKEN and is closed on the spot: a late
reply never answers a later command. What arrives while nothing is owed is looked at before the next command.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import anyio

from transfer._engine.channel import Channel
from transfer._errors import DisconnectedError, ErrorFamily, ProtocolError, TransferError
from transfer._net.stream import Stream
from transfer._net.timeouts import Deadline, Timeouts
from transfer._wire.command import Command, encode_command, encode_line
from transfer._wire.dialect import Dialect
from transfer._wire.reply import Reply, ReplyParser

if TYPE_CHECKING:
    import ssl

__all__ = ["ClientChannel"]

_SERVICE_CLOSING = 421
# RFC 2920 §3.1: EHLO, DATA, VRFY, EXPN, TURN, QUIT and NOOP "can only appear as the last command in a group"; BDAT's
# and AUTH's continuations and STARTTLS need an answer before anything else may be said.
_ONLY_LAST = frozenset({"EHLO", "HELO", "LHLO", "DATA", "VRFY", "EXPN", "TURN", "QUIT", "NOOP", "HELP"})
_NEVER_GROUPED = frozenset({"STARTTLS", "AUTH", "BDAT"})
# A payload up to this size goes out and is answered under one deadline; a longer one has a deadline per block.
_BLOCK_BYTES = 256 * 1024


class ClientChannel(Channel):
    """Exchanges commands for replies, strictly in order; one task at a time.

    Cancellation, of every coroutine here: before the first byte was written the channel stays as it was, from then on
    it is BROKEN.
    """

    def __init__(
        self, stream: Stream, *, dialect: Dialect, errors: ErrorFamily, timeouts: Timeouts, encoding: str = "utf-8"
    ) -> None:
        super().__init__(stream, dialect=dialect, errors=errors, timeouts=timeouts, encoding=encoding)
        self.payload_ended = False
        """Whether the last payload went out to its last byte: from then on the peer may act on it."""
        self._parser = ReplyParser(dialect, encoding)
        self._owed = 0
        self._busy = False
        self._touched = False

    @property
    def is_in_step(self) -> bool:
        """Whether the channel is open and nothing is owed."""
        return self.is_open and self._owed == 0

    # -- exchanges -----------------------------------------------------------------------------------------------

    async def greeting(self) -> Reply:
        """Return the reply with which the server opens the conversation, within ``timeouts.greeting``."""
        return await self.next_reply(Deadline(self.timeouts.greeting, "greeting"))

    async def next_reply(self, deadline: Deadline | None = None) -> Reply:
        """Return one more reply to what was sent before: FTP's second one, or the one after a 120."""
        self._require_open()
        self._owed = max(self._owed, 1)
        replies: list[Reply] = []
        await self._run(lambda: self._collect(1, replies), deadline or self._deadline("reply"))
        return replies[0]

    async def exchange(self, command: Command, deadline: Deadline | None = None) -> Reply:
        """Send *command* and return its reply, whatever its code. After a 421 the channel is closed.

        Args:
            command: one line; a verb of ``""`` sends the argument alone (a SASL response).
            deadline: for both together; ``timeouts.reply`` if None.

        Raises:
            LocalProtocolError: the command can't be sent, or another exchange or a transfer is under way; nothing
                was written.
            RemoteProtocolError: the reply was malformed, or something unasked-for had come before.
            DisconnectedError: the connection is or gets lost; ``reply`` is a 421 that was sent unasked.
            TransferTimeoutError: no complete reply in time.

        RFC 5321 §4.2, RFC 959 §4.2.
        """
        data = self._encode(command)
        self.log.commands((command,))
        return (await self._converse(data, 1, deadline or self._deadline("reply")))[0]

    async def pipeline(self, commands: Sequence[Command], deadline: Deadline | None = None) -> list[Reply]:
        """Send *commands* as one group and collect their replies.

        Args:
            commands: 1 to 64 commands, together at most 8 KiB on the wire (the dialect's limits).
            deadline: for the whole group; ``timeouts.reply`` if None.

        Returns:
            One reply per command, in order; 4yz and 5yz are returned, not raised. After a 421 the server answers no
            more: the list ends with it and the channel is closed.

        Raises:
            LocalProtocolError: a command may not be grouped (STARTTLS, AUTH) or not there (EHLO, DATA, QUIT are only
                ever the last); nothing was sent. The rest as for :meth:`exchange`.

        RFC 2920 §3.1 (grouping), RFC 5321 §4.2 (replies).
        """
        self._check_group(commands)
        data = b"".join(map(self._encode, commands))
        if len(data) > self._dialect.queue_octets_limit:
            limit = self._dialect.queue_octets_limit
            raise self._errors.local_protocol(f"A group may have {limit} octets, this one has {len(data)}")
        self.log.commands(commands)
        return await self._converse(data, len(commands), deadline or self._deadline("replies to a group"))

    async def payload(self, chunks: bytes | Iterable[bytes] | AsyncIterable[bytes], *, end: bytes = b"") -> Reply:
        """Send the body that a 354 (or BDAT) has asked for, then *end*, and return the reply to it.

        A server that has had enough closes early: its reply is still looked for and returned, so that "552 quota" is
        not reported as a broken pipe.

        Args:
            chunks: octets ready for the wire.
            end: the terminator, sent with the last chunk.

        Raises:
            DisconnectedError, TransferTimeoutError: ``payload_ended`` tells whether the peer may have the whole body.

        Each block of 256 KiB has ``timeouts.data``, the reply ``timeouts.termination`` (RFC 5321 §4.5.3.2.5, .6).
        """
        self.payload_ended = False
        self._begin()
        self._busy = True
        try:
            with self._giving_up_on_failure():
                return await self._send_payload(chunks, end)
        finally:
            self._busy = False

    def owe_reply(self) -> None:
        """Note that the peer owes one more reply, to the transfer that its 1yz has opened."""
        self._owed += 1

    async def settle(self, abort: Command) -> None:
        """Bring an open channel back in step after a transfer was given up, or leave it BROKEN.

        If the final reply is there already nothing is sent; otherwise *abort* is, and everything owed is read. Takes
        at most ``timeouts.close`` and raises nothing but a native cancellation, which leaves the channel BROKEN.
        RFC 959 §4.1.3.
        """
        if not self.is_open or self._owed == 0:
            return
        replies: list[Reply] = []
        sending: Callable[[], bool | None] | None = None

        def step() -> bool | None:
            nonlocal sending
            if self._collect(self._owed + len(replies), replies):
                return True
            if sending is None:
                self.log.commands((abort,))
                sending = self.stream.sending(self._encode(abort))
                self._owed += 1
            sending()
            return self._collect(self._owed + len(replies), replies)

        try:
            with anyio.CancelScope(shield=True):
                await self._run(step, Deadline(self.timeouts.close, f"reply to {abort.verb}"))
        except TransferError as exc:
            self.abandon(exc)

    async def start_tls(self, context: ssl.SSLContext, server_hostname: str | None) -> None:
        """Shake hands for TLS after the server's go-ahead; plain octets behind that are an error that closes.

        Raises:
            RemoteProtocolError: the server sent plain octets after its go-ahead; nothing of them was used.
            TLSError, DisconnectedError, TransferTimeoutError: the handshake failed; the channel is BROKEN.

        RFC 3207 §4.2, RFC 4217 §4.2.
        """
        self._require_open()
        with self._giving_up_on_failure():
            await self._upgrade(context, self._parser.take_all(), server_side=False, server_hostname=server_hostname)
        self._parser = ReplyParser(self._dialect, self._encoding)

    def look_for_news(self) -> None:
        """Raise if the connection has ended, or something was said, since the last exchange. Sends nothing.

        Raises:
            DisconnectedError: it has ended; ``reply`` is the parting 421 if there was one.
            RemoteProtocolError: something else was said unasked.
        """
        self._require_open()
        try:
            data = self.stream.receive_nowait()
            if data is None and not self._parser.has_data:
                return
            raise self._unsolicited(data or b"", ended=data == b"")
        except TransferError as exc:
            self.abandon(exc)
            raise

    # -- the parts of an exchange -----------------------------------------------------------------------------------

    def _begin(self) -> None:
        if self._busy or self._owed:
            raise self._errors.local_protocol("Another command or transfer is under way", peer=self.peer)
        self.look_for_news()

    def _deadline(self, phase: str) -> Deadline:
        return Deadline(self.timeouts.reply, phase)

    def _encode(self, command: Command) -> bytes:
        try:
            if not command.verb:
                return encode_line(command.argument or b"", self._dialect, self._encoding)
            return encode_command(command, self._dialect, self._encoding)
        except ProtocolError as exc:
            raise self._spelled(exc) from exc

    def _check_group(self, commands: Sequence[Command]) -> None:
        limit = self._dialect.queue_limit
        if not 1 <= len(commands) <= limit:
            raise self._errors.local_protocol(f"A group has 1 to {limit} commands, this one has {len(commands)}")
        for place, command in enumerate(commands, 1):
            verb = command.verb.upper()
            if verb in _NEVER_GROUPED or (verb in _ONLY_LAST and place < len(commands)):
                raise self._errors.local_protocol(f"{verb} can't be followed by others in a group")

    async def _converse(self, data: bytes, count: int, deadline: Deadline) -> list[Reply]:
        self._begin()
        replies: list[Reply] = []
        sending: Callable[[], bool | None] | None = self.stream.sending(data)

        def step() -> bool | None:
            nonlocal sending
            if sending is not None:
                self._owed = count
                if sending() is None:
                    return None
                sending = None
            return self._collect(count, replies)

        await self._run(step, deadline)
        return replies

    async def _run(self, step: Callable[[], bool | None], deadline: Deadline) -> None:
        """Perform *step*; once anything is or was owed, whatever interrupts it leaves the channel BROKEN."""
        self._busy = True
        self._touched = self._owed > 0

        def touching_step() -> bool | None:
            self._touched = True
            return step()

        try:
            await self.stream.perform(touching_step, deadline)
        except BaseException as exc:
            if self._touched:
                self.abandon(exc)
            raise
        finally:
            self._busy = False

    def _collect(self, count: int, replies: list[Reply]) -> bool | None:
        while len(replies) < count:
            reply = self._next_parsed()
            if reply is None:
                data = self.stream.receive_nowait()
                if data is None:
                    return None
                if not data:
                    raise self._ended()
                self._parser.feed(data)
                continue
            replies.append(reply)
            self._owed -= 1
            self.log.reply(reply)
            if reply.code == _SERVICE_CLOSING:
                # RFC 5321 §3.8: the server "closes the transmission channel"; nothing else will be answered.
                self._owed = 0
                self._cause = self._errors.disconnected(str(reply), reply=reply, peer=self.peer)
                self.close()
                break
        return True

    def _next_parsed(self) -> Reply | None:
        try:
            return self._parser.next_reply()
        except ProtocolError as exc:
            raise self._spelled(exc) from exc

    def _ended(self) -> DisconnectedError:
        return self._errors.disconnected("The server closed the connection", peer=self.peer)

    def _unsolicited(self, data: bytes, *, ended: bool) -> TransferError:
        try:
            if data:
                self._parser.feed(data)
            reply = self._parser.next_reply()
        except ProtocolError:
            reply = None
        if reply is not None:
            self.log.reply(reply)
            if reply.code == _SERVICE_CLOSING:
                return self._errors.disconnected(
                    f"The server closed the connection: {reply}", reply=reply, peer=self.peer
                )
        if ended:
            return self._ended()
        what = f"a reply ({reply})" if reply is not None else "something"
        return self._errors.remote_protocol(f"The server sent {what} that nobody had asked for", peer=self.peer)

    # -- payload -------------------------------------------------------------------------------------------------------

    async def _send_payload(self, chunks: bytes | Iterable[bytes] | AsyncIterable[bytes], end: bytes) -> Reply:
        termination = Deadline(self.timeouts.termination, "reply to the message")
        self._owed = 1
        try:
            if isinstance(chunks, bytes) and len(chunks) <= _BLOCK_BYTES:
                return await self._finish_payload(chunks + end, termination)
            if isinstance(chunks, bytes):
                chunks = (chunks,)
            if isinstance(chunks, AsyncIterable):
                async for chunk in chunks:
                    await self._send_blocks(chunk)
            else:
                for chunk in chunks:
                    await self._send_blocks(chunk)
            return await self._finish_payload(end, termination)
        except DisconnectedError as exc:
            reply = self._last_words()
            if reply is None:
                raise
            self.abandon(exc)
            return reply

    async def _send_blocks(self, chunk: bytes) -> None:
        view = memoryview(chunk)
        for start in range(0, len(view), _BLOCK_BYTES):
            deadline = Deadline(self.timeouts.data, "progress of the message")
            await self.stream.send(view[start : start + _BLOCK_BYTES], deadline)

    async def _finish_payload(self, data: bytes, deadline: Deadline) -> Reply:
        self.log.event("message, last block of %d bytes", len(data))
        sending: Callable[[], bool | None] | None = self.stream.sending(data)
        replies: list[Reply] = []

        def step() -> bool | None:
            nonlocal sending
            if sending is not None:
                if sending() is None:
                    return None
                sending = None
                self.payload_ended = True
            return self._collect(1, replies)

        await self.stream.perform(step, deadline)
        return replies[0]

    def _last_words(self) -> Reply | None:
        """Return the reply of a server that has already closed, if it left one that refuses."""
        replies: list[Reply] = []
        try:
            self._collect(1, replies)
        except TransferError:
            return None
        return replies[0] if replies and replies[0].code >= 400 else None
