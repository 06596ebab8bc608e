"""Who owes what: commands out, as many replies in, or the channel is given up.

How this works: ``_owed`` counts the replies that the peer still owes. A command raises it when its first byte may
have left, a reply lowers it. Whatever interrupts an exchange in between (an error, a time limit, a cancellation)
leaves a debt that nobody could ever settle for sure, so the channel becomes BROKEN and is closed on the spot: a late
reply never answers a later command. The same goes for a reply that was read and got lost on its way to the caller,
because what it said, a 150 for example, decides what comes next. What arrives while nothing is owed is looked at before
the next command.

``_nudged`` counts commands that were sent in the middle of a transfer to keep the connection alive. Servers answer them
at once, after the transfer, or never; what does is told by its code from what ends a transfer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from transfer._engine.channel import Channel
from transfer._engine.grouping import group_fault
from transfer._errors import DisconnectedError, ErrorFamily, ProtocolError, TransferError
from transfer._net.stream import Stream
from transfer._net.timeouts import Deadline, Timeouts
from transfer._wire.command import Command, encode_command, encode_line
from transfer._wire.dialect import Dialect
from transfer._wire.reply import Reply, ReplyParser

__all__ = ["Conversation"]

_SERVICE_CLOSING = 421
# More 1yz in a row than any server has reasons for: a peer that sends nothing else must not keep us for ever.
_PRELIMINARY_LIMIT = 100
# What answers a NOOP, or refuses it: none of these ends a transfer that a 1yz has opened (RFC 959 §5.4).
_NUDGE_CODES = frozenset({200, 500, 501, 502, 503, 504})


class Conversation(Channel):
    """A channel that asks and is answered; ``ClientChannel`` gives it its words."""

    def __init__(
        self, stream: Stream, *, dialect: Dialect, errors: ErrorFamily, timeouts: Timeouts, encoding: str = "utf-8"
    ) -> None:
        super().__init__(stream, dialect=dialect, errors=errors, timeouts=timeouts, encoding=encoding)
        self._parser = ReplyParser(dialect, encoding)
        self._owed = 0
        self._nudged = 0
        self._busy = False
        self._preliminary = 0

    @property
    def is_in_step(self) -> bool:
        """Whether the channel is open and nothing is owed."""
        return self.is_open and not self._owed and not self._nudged

    def owe_reply(self) -> None:
        """Note that the peer owes one more reply, to the transfer that its 1yz has opened."""
        self._owed += 1

    def require_sendable(self, *commands: Command) -> None:
        """Raise if one of *commands* can't be sent, before the first of them is; nothing is sent.

        Raises:
            LocalProtocolError: as :meth:`ClientChannel.exchange` would.
        """
        for command in commands:
            self._encode(command)

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

    # -- before an exchange ------------------------------------------------------------------------------------------

    def _require_idle(self) -> None:
        self._require_open()
        if self._busy or self._owed or self._nudged:
            raise self._under_way()

    def _under_way(self) -> ProtocolError:
        return self._errors.local_protocol("Another command or transfer is under way", peer=self.peer)

    def _encode(self, command: Command) -> bytes:
        try:
            if not command.verb:
                return encode_line(command.argument or b"", self._dialect, self._encoding)
            return encode_command(command, self._dialect, self._encoding)
        except ProtocolError as exc:
            raise self._spelled(exc) from exc

    def _encode_group(self, commands: Sequence[Command]) -> bytes:
        if (fault := group_fault(commands, self._dialect)) is not None:
            raise self._errors.local_protocol(fault)
        data = b"".join(map(self._encode, commands))
        if len(data) > self._dialect.queue_octets_limit:
            limit = self._dialect.queue_octets_limit
            raise self._errors.local_protocol(f"A group may have {limit} octets, this one has {len(data)}")
        return data

    # -- the exchange ------------------------------------------------------------------------------------------------

    async def _converse(
        self, commands: Sequence[Command], data: bytes, deadline: Deadline, *, yields: bool = True
    ) -> list[Reply]:
        """Send *data*, which encodes *commands*, and read as many replies; all of it is one step."""
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

        await self._run(step, deadline, replies, yields=yields)
        return replies

    async def _run(
        self, step: Callable[[], bool | None], deadline: Deadline, replies: list[Reply], *, yields: bool = True
    ) -> None:
        """Perform *step*; whatever interrupts it once a reply is owed or has come leaves the channel BROKEN."""
        self._busy = True
        try:
            await self.stream.perform(step, deadline, yields=yields)
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
            if self._nudged and reply.code in _NUDGE_CODES:
                self._nudged -= 1
                continue
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

    # -- the end -----------------------------------------------------------------------------------------------------

    def _note_closing(self, reply: Reply) -> None:
        # RFC 5321 §3.8: the server "closes the transmission channel"; nothing else will be answered.
        self._owed = self._nudged = 0
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
