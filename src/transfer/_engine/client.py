"""The client's side of a control connection: commands out, as many replies in, or the channel is given up.

How this works: ``_owed`` counts the replies that the peer still owes. A command raises it when its first byte may
have left, a reply lowers it. Whatever interrupts an exchange in between (an error, a time limit, a cancellation)
leaves a debt that nobody could ever settle for sure, so the channel becomes BROKEN and is closed on the spot: a late
reply never answers a later command. The same goes for a reply that was read and got lost on its way to the caller,
because what it said, a 150 for example, decides what comes next. What arrives while nothing is owed is looked at before
the next command.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import anyio

from transfer._engine.channel import Channel
from transfer._errors import DisconnectedError, ErrorFamily, ProtocolError, TransferError, TransferTimeoutError
from transfer._net.stream import Stream
from transfer._net.timeouts import Deadline, Timeouts
from transfer._wire.command import Command, encode_command, encode_line
from transfer._wire.dialect import Dialect
from transfer._wire.reply import Reply, ReplyParser

if TYPE_CHECKING:
    import ssl

__all__ = ["ClientChannel"]

_SERVICE_CLOSING = 421
# More 1yz in a row than any server has reasons for: a peer that sends nothing else must not keep us for ever.
_PRELIMINARY_LIMIT = 100
# RFC 2920 §3.1: EHLO, DATA, VRFY, EXPN, TURN, QUIT and NOOP "can only appear as the last command in a group"; BDAT's
# and AUTH's continuations and STARTTLS need an answer before anything else may be said.
_ONLY_LAST = frozenset({"EHLO", "HELO", "LHLO", "DATA", "VRFY", "EXPN", "TURN", "QUIT", "NOOP", "HELP"})
_NEVER_GROUPED = frozenset({"STARTTLS", "AUTH", "BDAT", ""})
# Each block of a payload has a deadline of its own.
_BLOCK_BYTES = 256 * 1024

Octets = bytes | bytearray | memoryview
Payload = Octets | Iterable[Octets] | AsyncIterable[Octets]


class ClientChannel(Channel):
    """Exchanges commands for replies, strictly in order; one task at a time.

    Cancellation, of every coroutine here: before the first byte was written the channel stays as it was, from then on
    it is BROKEN. Where the server waits for this side, or this side for the server, from the start (``greeting``,
    ``next_reply``, ``payload``, ``start_tls``) it is BROKEN in any case.
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
        self._preliminary = 0

    @property
    def is_in_step(self) -> bool:
        """Whether the channel is open and nothing is owed."""
        return self.is_open and self._owed == 0

    # -- exchanges -----------------------------------------------------------------------------------------------

    async def greeting(self) -> Reply:
        """Return the reply with which the server opens the conversation, within ``timeouts.greeting``."""
        return await self.next_reply(Deadline(self.timeouts.greeting, "greeting"))

    async def next_reply(self, deadline: Deadline | None = None) -> Reply:
        """Return one more reply to what was sent before: FTP's second one, or the one after a 120.

        Raises:
            LocalProtocolError: another task is in the middle of an exchange, which goes on unharmed.
            The rest as for :meth:`exchange`.
        """
        self._require_open()
        if self._busy:
            raise self._under_way()
        self._owed = max(self._owed, 1)
        left = self._owed - 1
        replies: list[Reply] = []
        await self._run(lambda: self._collect(replies, left), deadline or self._deadline("reply"), replies)
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
        replies = await self._converse((command,), self._encode(command), deadline or self._deadline("reply"))
        return replies[0]

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
        return await self._converse(commands, data, deadline or self._deadline("replies to a group"))

    async def payload(self, chunks: Payload, *, end: bytes = b"") -> Reply:
        """Send the body that a 354 (or BDAT) has asked for, then *end*, and return the reply to it.

        A server that has had enough closes early, or reads no further: its refusal is still looked for and returned, so
        that "552 quota" is not reported as a broken pipe. The channel is BROKEN then.

        Args:
            chunks: octets ready for the wire, at once or piece by piece; what an iterable raises is passed on.
            end: the terminator; goes together with a body that was given at once.

        Raises:
            DisconnectedError, TransferTimeoutError: ``payload_ended`` tells whether the peer may have the whole body.

        Each block of 256 KiB has ``timeouts.data``, the reply ``timeouts.termination`` (RFC 5321 §4.5.3.2.5, .6).
        """
        if not self._busy:
            self.payload_ended = False
        self.look_for_news()
        self._busy = True
        self._owed = 1
        try:
            return await self._send_payload(chunks, end)
        except BaseException as exc:
            self.abandon(exc)
            raise
        finally:
            self._busy = False

    def owe_reply(self) -> None:
        """Note that the peer owes one more reply, to the transfer that its 1yz has opened."""
        self._owed += 1

    async def settle(self, abort: Command) -> list[Reply]:
        """Bring an open channel back in step after a transfer was given up, or leave it BROKEN.

        If the final reply is there already nothing is sent; otherwise *abort* is, and everything owed is read. Takes
        at most ``timeouts.close`` and raises nothing but a native cancellation, which leaves the channel BROKEN.
        Without that limit any cancellation ends it.

        Returns:
            What the server said, beginning with its reply to the transfer; nothing if the channel had been given up.

        RFC 959 §4.1.3.
        """
        replies: list[Reply] = []
        if not self.is_open or self._owed == 0:
            return replies
        if self._busy:
            self.abandon(self._under_way())
            return replies
        data = self._encode(abort)
        sending: Callable[[], bool | None] | None = None

        def step() -> bool | None:
            nonlocal sending
            if sending is None:
                if self._collect(replies, finals_only=True):
                    return True
                self.log.commands((abort,))
                sending = self.stream.sending(data)
                self._owed += 1
            return sending() and self._collect(replies, finals_only=True)

        try:
            with anyio.CancelScope(shield=self.timeouts.close is not None):
                await self._run(step, Deadline(self.timeouts.close, f"reply to {abort.verb}"), replies)
        except TransferError:
            return []
        return replies

    async def start_tls(self, context: ssl.SSLContext, server_hostname: str | None) -> None:
        """Shake hands for TLS after the server's go-ahead; plain octets behind that are an error that closes.

        Raises:
            LocalProtocolError: TLS is on already, or an exchange or a transfer is under way; nothing was done.
            RemoteProtocolError: the server sent plain octets after its go-ahead; nothing of them was used.
            TLSError, DisconnectedError, TransferTimeoutError: the handshake failed; the channel is BROKEN.

        RFC 3207 §4.2, RFC 4217 §4.2.
        """
        self._require_idle()
        self._require_plain()
        self._busy = True
        try:
            with self._giving_up_on_failure():
                unread = self._parser.take_all() or self.stream.receive_nowait()
                if unread == b"":
                    raise self._ended()
                await self._upgrade(context, unread or b"", server_side=False, server_hostname=server_hostname)
        finally:
            self._busy = False
        self._parser = ReplyParser(self._dialect, self._encoding)

    def look_for_news(self) -> None:
        """Raise if the connection has ended, or something was said, since the last exchange. Sends nothing.

        Raises:
            DisconnectedError: it has ended; ``reply`` is the parting 421 if there was one.
            RemoteProtocolError: something else was said unasked.
            LocalProtocolError: an exchange or a transfer is under way, so that what comes is no news.
        """
        self._require_idle()
        try:
            data = self.stream.receive_nowait()
            if data is None and not self._parser.has_data:
                return
            raise self._unsolicited(data or b"", ended=data == b"")
        except TransferError as exc:
            self.abandon(exc)
            raise

    # -- the parts of an exchange -----------------------------------------------------------------------------------

    def _require_idle(self) -> None:
        self._require_open()
        if self._busy or self._owed:
            raise self._under_way()

    def _under_way(self) -> ProtocolError:
        return self._errors.local_protocol("Another command or transfer is under way", peer=self.peer)

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
                what = verb or "A line without a verb"
                raise self._errors.local_protocol(f"{what} can't be followed by others in a group")

    async def _converse(self, commands: Sequence[Command], data: bytes, deadline: Deadline) -> list[Reply]:
        self.look_for_news()
        replies: list[Reply] = []
        sending: Callable[[], bool | None] | None = self.stream.sending(data)

        def step() -> bool | None:
            nonlocal sending
            if sending is not None:
                if not self._owed:
                    self._owed = len(commands)
                    self.log.commands(commands)
                if sending() is None:
                    return None
                sending = None
            return self._collect(replies)

        await self._run(step, deadline, replies)
        return replies

    async def _run(self, step: Callable[[], bool | None], deadline: Deadline, replies: list[Reply]) -> None:
        """Perform *step*; whatever interrupts it once a reply is owed or has come leaves the channel BROKEN."""
        self._busy = True
        try:
            await self.stream.perform(step, deadline)
        except BaseException as exc:
            if self._owed or replies:
                self.abandon(exc)
            raise
        finally:
            self._busy = False

    def _collect(self, replies: list[Reply], left: int = 0, *, finals_only: bool = False) -> bool | None:
        """Move replies into *replies* until only *left* are owed; None where the socket would block."""
        while self._owed > left:
            try:
                reply = self._parser.next_reply()
            except ProtocolError as exc:
                raise self._spelled(exc) from exc
            if reply is None:
                data = self.stream.receive_nowait()
                if data is None:
                    return None
                if not data:
                    raise self._ended()
                self._parser.feed(data)
                continue
            self.log.reply(reply)
            replies.append(reply)
            if reply.code < 200:
                self._count_preliminary()
                # RFC 959 §4.2: a 1yz says "expect another reply before proceeding with a new command".
                self._owed -= not finals_only
                continue
            self._preliminary = 0
            self._owed -= 1
            if reply.code == _SERVICE_CLOSING:
                self._note_closing(reply)
        return True

    def _count_preliminary(self) -> None:
        self._preliminary += 1
        if self._preliminary > _PRELIMINARY_LIMIT:
            raise self._errors.remote_protocol(
                f"The server sent {self._preliminary} preliminary replies in a row", peer=self.peer
            )

    def _note_closing(self, reply: Reply) -> None:
        # RFC 5321 §3.8: the server "closes the transmission channel"; nothing else will be answered.
        self._owed = 0
        self._cause = self._parted(reply)
        self.close()

    def _ended(self) -> DisconnectedError:
        return self._errors.disconnected("The server closed the connection", peer=self.peer)

    def _parted(self, reply: Reply) -> DisconnectedError:
        return self._errors.disconnected(f"The server closed the connection: {reply}", reply=reply, peer=self.peer)

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
                return self._parted(reply)
        if ended:
            return self._ended()
        what = f"a reply ({reply})" if reply is not None else "something"
        return self._errors.remote_protocol(f"The server sent {what} that nobody had asked for", peer=self.peer)

    # -- payload -------------------------------------------------------------------------------------------------------

    async def _send_payload(self, chunks: Payload, end: bytes) -> Reply:
        try:
            if isinstance(chunks, AsyncIterable):
                async for chunk in chunks:
                    await self._send_blocks(chunk)
            elif not isinstance(chunks, Octets):
                for chunk in chunks:
                    await self._send_blocks(chunk)
            elif len(chunks) <= _BLOCK_BYTES:
                end = b"".join((chunks, end)) if end else bytes(chunks)
            else:
                await self._send_blocks(chunks)
            return await self._finish_payload(end)
        except (DisconnectedError, TransferTimeoutError) as exc:
            reply = self._last_words()
            if reply is None:
                raise
            self.abandon(exc)
            return reply

    async def _send_blocks(self, chunk: Octets) -> None:
        view = memoryview(chunk).cast("B")
        for start in range(0, len(view), _BLOCK_BYTES):
            await self.stream.send(view[start : start + _BLOCK_BYTES], self._data_deadline())

    async def _finish_payload(self, data: bytes) -> Reply:
        self.log.event("message, last block of %d octets", len(data))
        sending = self.stream.sending(data)
        replies: list[Reply] = []

        def step() -> bool | None:
            if not self.payload_ended:
                if sending() is None:
                    return False
                self.payload_ended = True
            return self._collect(replies)

        termination = Deadline(self.timeouts.termination, "reply to the message")
        if not await self.stream.perform(step, termination):
            # The socket did not take it all at once: the rest has the time of a block, and only then the reply its own.
            await self.stream.perform(sending, self._data_deadline())
            self.payload_ended = True
            await self.stream.perform(step, termination)
        return replies[0]

    def _data_deadline(self) -> Deadline:
        return Deadline(self.timeouts.data, "progress of the message")

    def _last_words(self) -> Reply | None:
        """Return the reply of a server that has given up on the message, if it left one that refuses."""
        replies: list[Reply] = []
        try:
            self._collect(replies)
        except TransferError:
            return None
        return replies[0] if replies and replies[0].code >= 400 else None
