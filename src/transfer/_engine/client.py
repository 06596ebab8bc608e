"""The client's side of a control connection: greeting, exchanges, groups, a message's body, TLS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel

from transfer._engine.payload import Flight, Payload, send_all_but_last_block
from transfer._engine.settling import Settling
from transfer._errors import DisconnectedError, ErrorFamily, TransferError, TransferTimeoutError
from transfer._net.stream import Stream
from transfer._net.timeouts import Deadline, Timeouts
from transfer._wire.command import Command
from transfer._wire.dialect import Dialect
from transfer._wire.reply import Reply, ReplyParser

if TYPE_CHECKING:
    import ssl

__all__ = ["ClientChannel"]


class ClientChannel(Settling):
    """Exchanges commands for replies, strictly in order; one task at a time.

    Cancellation, of every coroutine here: before the first byte was written the channel stays as it was, from then on
    it is BROKEN. Where the server waits for this side, or this side for the server, from the start (``greeting``,
    ``next_reply``, ``payload``, ``start_tls``) it is BROKEN in any case.
    """

    def __init__(
        self, stream: Stream, *, dialect: Dialect, errors: ErrorFamily, timeouts: Timeouts, encoding: str = "utf-8"
    ) -> None:
        super().__init__(stream, dialect=dialect, errors=errors, timeouts=timeouts, encoding=encoding)
        self.payload_ended: bool = False
        """Whether the last payload went out to its last byte: from then on the peer may act on it."""

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
        return (await self.next_replies(1, deadline))[0]

    async def next_replies(self, count: int, deadline: Deadline | None = None, *, yields: bool = True) -> list[Reply]:
        """Return *count* more replies to what was sent before; the list ends early with a 421, as in a group.

        Raises as :meth:`next_reply`. *yields* is False where the caller goes on at once, as in :meth:`pipeline`.
        """
        self._require_open()
        if self._busy:
            raise self._under_way()
        self._owed = max(self._owed, count)
        left = self._owed - count
        replies: list[Reply] = []
        if not yields and self._has_collected(replies, left):
            return replies
        limit = deadline or Deadline(self.timeouts.reply, "reply")
        await self._run(lambda: self._collect(replies, left), limit, replies, yields=yields)
        return replies

    async def reply_begins(self, deadline: Deadline | None = None) -> None:
        """Wait until something of the next reply is there, or the connection has ended; take nothing away.

        Raises:
            DisconnectedError, TransferTimeoutError, TLSError: the channel is BROKEN.
            LocalProtocolError: another task is in the middle of an exchange, which goes on unharmed.

        Cancellation: nothing is lost, and the channel stays as it was.
        """
        self._require_open()
        if self._busy:
            raise self._under_way()

        def step() -> bool | None:
            if not self._parser.has_data:
                data = self.stream.receive_nowait()
                if data is None:
                    return None
                self._parser.feed(data)
            return True

        self._busy = True
        try:
            await self.stream.perform(step, deadline or Deadline(self.timeouts.reply, "reply"), yields=False)
        except TransferError as exc:
            self.abandon(exc)
            raise
        finally:
            self._busy = False

    def _has_collected(self, replies: list[Reply], left: int) -> bool:
        """Whether the replies have come already, as those of a group do that travelled behind a message."""
        with self._giving_up_on_failure():
            return self._collect(replies, left) is True

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
        replies = await self._converse(
            (command,), self._encode(command), deadline or Deadline(self.timeouts.reply, "reply")
        )
        return replies[0]

    async def pipeline(
        self, commands: Sequence[Command], deadline: Deadline | None = None, *, goes_on: bool = False
    ) -> list[Reply]:
        """Send *commands* as one group and collect their replies.

        Args:
            commands: 1 to 64 commands, together at most 8 KiB on the wire (the dialect's limits).
            deadline: for the whole group; ``timeouts.reply`` if None.
            goes_on: whether the caller goes on at once with a payload, whose checkpoint will do for both.

        Returns:
            One reply per command, in order; 4yz and 5yz are returned, not raised. After a 421 the server answers no
            more: the list ends with it and the channel is closed.

        Raises:
            LocalProtocolError: a command may not be grouped (STARTTLS, AUTH) or not there (EHLO, DATA, QUIT are only
                ever the last); nothing was sent. The rest as for :meth:`exchange`.

        RFC 2920 §3.1 (grouping), RFC 5321 §4.2 (replies).
        """
        data = self._encode_group(commands)
        deadline = deadline or Deadline(self.timeouts.reply, "replies to a group")
        return await self._converse(commands, data, deadline, yields=not goes_on)

    async def payload(
        self,
        chunks: Payload,
        *,
        end: bytes = b"",
        then: Sequence[Command] = (),
        replies: int = 1,
        is_whole: bool = True,
    ) -> Reply:
        """Send the body that a 354 (or BDAT) has asked for, then *end*, and return the reply to it.

        A server that has had enough closes early, or reads no further: its refusal is still looked for and returned, so
        that "552 quota" is not reported as a broken pipe. The channel is BROKEN then.

        Args:
            chunks: octets ready for the wire, at once or piece by piece; what an iterable raises is passed on. A piece
                may be overwritten once the next one is asked for.
            end: the terminator; goes together with the last block.
            then: a group of commands that travels behind the body in the same flight (RFC 2920 §3.1: the message
                content "can be the first" of a group); their replies are for :meth:`next_replies` to fetch.
            replies: how many replies the body has, of which all but the first are for :meth:`next_replies` as well
                (RFC 2033 §4.2).
            is_whole: False for a piece after which the peer cannot act yet (a BDAT that is not the LAST).

        Raises:
            LocalProtocolError: *then* is no group; nothing was sent, and the channel is BROKEN.
            DisconnectedError, TransferTimeoutError: ``payload_ended`` tells whether the peer may have the whole body.

        Each block of 256 KiB has ``timeouts.data``, the reply ``timeouts.termination`` (RFC 5321 §4.5.3.2.5, .6).
        """
        if not self._busy:
            self.payload_ended = False
        self._require_idle()
        self._busy = True
        self._owed = replies
        try:
            if (refusal := self._early_refusal()) is not None:
                await anyio.lowlevel.checkpoint()
                return refusal
            return await self._send_payload(chunks, end, then, is_whole=is_whole)
        except BaseException as exc:
            self.abandon(exc)
            raise
        finally:
            self._busy = False

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

    async def stop_tls(self) -> None:
        """End TLS after the server's go-ahead (CCC), within ``timeouts.close``, and go on in clear.

        What the server says in clear unasked is looked at before the next command, as ever. ``sessions`` stay.

        Raises:
            LocalProtocolError: TLS is not on, or an exchange or a transfer is under way; nothing was done.
            RemoteProtocolError, TLSError: the server sent something else than its close_notify; the channel is BROKEN.
            DisconnectedError, TransferTimeoutError: TLS did not end in order; the channel is BROKEN.

        RFC 2228 §3, RFC 8446 §6.1.
        """
        self._require_idle()
        if self.stream.tls is None:
            raise self._errors.local_protocol("TLS has not been started", peer=self.peer)
        if self.sessions.newest is None:
            self.sessions.remember(self.stream.tls)
        self._busy = True
        try:
            with self._giving_up_on_failure():
                if self._parser.take_all():
                    raise self._errors.remote_protocol("The server goes on in TLS after its go-ahead", peer=self.peer)
                rest = await self.stream.stop_tls(Deadline(self.timeouts.close, "end of TLS"))
        finally:
            self._busy = False
        self.log.event("TLS has ended")
        self._parser.feed(rest)

    # -- the parts of a payload --------------------------------------------------------------------------------------

    def _early_refusal(self) -> Reply | None:
        """Return the reply of a server that refuses the body before it has seen any of it, and give the channel up."""
        replies: list[Reply] = []
        if self._collect(replies) is None and not self._parser.has_data:
            return None
        if not replies or replies[0].code < 400:
            raise self._errors.remote_protocol("The server answered the message before it was sent", peer=self.peer)
        self.abandon(self._parted(replies[0]))
        return replies[0]

    async def _send_payload(self, chunks: Payload, end: bytes, then: Sequence[Command], *, is_whole: bool) -> Reply:
        behind = self._encode_group(then) if then else b""
        try:
            last = await send_all_but_last_block(self.stream, chunks, self.timeouts.data)
            data = b"".join((last, end)) if end else last
            self.log.event("message, last block of %d octets", len(data))
            self.log.commands(then)
            self._owed += len(then)
            flight = Flight(self.stream, data, behind)
            return await self._finish_payload(flight, len(then), is_whole=is_whole)
        except (DisconnectedError, TransferTimeoutError) as exc:
            reply = self._last_words()
            if reply is None:
                raise
            self.abandon(exc)
            return reply

    async def _finish_payload(self, flight: Flight, behind: int, *, is_whole: bool) -> Reply:
        replies: list[Reply] = []
        left = self._owed - 1

        def send_rest() -> bool | None:
            has_gone = flight()
            # The peer may act from the last octet on: that it may have gone is noted before anything can interrupt.
            self.payload_ended = self.payload_ended or (is_whole and flight.may_be_complete)
            return has_gone

        def step() -> bool | None:
            return self._collect(replies, left) if send_rest() else False

        termination = Deadline(self.timeouts.termination, "reply to the message")
        yields = not behind  # otherwise the caller goes on with the replies to those
        if not await self.stream.perform(step, termination, yields=yields):
            # The socket did not take it all at once: the rest has the time of a block, and only then the reply its own.
            await self.stream.perform(send_rest, Deadline(self.timeouts.data, "progress of the message"))
            await self.stream.perform(step, termination, yields=yields)
        return replies[0]

    def _last_words(self) -> Reply | None:
        """Return the reply of a server that has given up on the message, if it left one that refuses."""
        replies: list[Reply] = []
        try:
            self._collect(replies)
        except TransferError:
            return None
        return replies[0] if replies and replies[0].code >= 400 else None
