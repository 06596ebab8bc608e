"""FTP's exchange whose reply comes in two parts, with a data connection in between.

How this works: connect the data stream, send the verb, read the 1yz, secure the stream, let the caller move bytes,
end the data, read the final reply. Where the server is to make the data connection, it is awaited after the 1yz, and
the reply that says that it can't be made ends the wait. While the final reply is owed the control channel refuses
every other command. A transfer that fails or is cancelled is aborted: the data connection is reset, so that the server
can't take half a file for a whole one, and ABOR is sent if the final reply has not come yet; then both replies are
read within ``timeouts.close``, or the channel is BROKEN.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Protocol, Self

import anyio

from transfer._engine.client import ClientChannel
from transfer._errors import TransferError
from transfer._net.stream import Stream
from transfer._net.timeouts import Deadline
from transfer._wire.command import Command
from transfer._wire.reply import Reply, Severity

__all__ = ["Arrival", "Transfer"]

_ABOR = Command("ABOR")
_NOOP = Command("NOOP")
# RFC 959 §5.4: nothing else is answered 257 but PWD and MKD.
_MARKER, _MARKER_CODE = Command("PWD"), 257
# What a server has to say of a broken data connection is mostly there already, or on its way.
_REASON_SECONDS = 0.5
# RFC 959 §4.1.3: this is how it answers an ABOR, whatever had been wrong before.
_ABORTED = 426


class Arrival(Protocol):
    """A data connection that the server makes once it has read the command."""

    async def accept(self) -> Stream:
        """Wait for it, for a limited time. A cancellation loses no connection."""
        ...

    def close(self) -> None:
        """Let nobody in any more. Idempotent."""


class Transfer:
    """One data command, from its verb to its final reply.

    Args:
        channel: the control connection, with nothing owed.
        command: RETR, STOR, APPE, STOU, LIST, NLST or MLSD.
        connect: opens the data connection, or prepares for its arrival; called before the verb is sent. None where the
            data goes from this server to another one.
        secure: brings TLS onto it; called after the preliminary reply, because servers shake hands only once they have
            read the command.

    ``async with`` calls :meth:`abort` when its body fails or is cancelled, and otherwise :meth:`finish`. A refusal is
    no error here: ``final`` holds it when the body begins.
    """

    def __init__(
        self,
        channel: ClientChannel,
        command: Command,
        *,
        connect: Callable[[], Awaitable[Stream | Arrival]] | None,
        secure: Callable[[Stream], Awaitable[None]] | None = None,
    ) -> None:
        self._channel = channel
        self._command = command
        self._connect = connect
        self._secure = secure
        self._arrival: Arrival | None = None
        self._stream: Stream | None = None
        self._final: Reply | None = None
        self._has_started = False
        self._has_begun = False
        self._is_open = False

    @property
    def final(self) -> Reply | None:
        """The reply that ended the transfer, a refusal of the command included; None while it goes on."""
        return self._final

    @property
    def has_begun(self) -> bool:
        """Whether the server has agreed to the command, by a 1yz or at once by a 2yz."""
        return self._has_begun

    @property
    def stream(self) -> Stream:
        """The data connection, once :meth:`start` has returned a preliminary reply."""
        if self._stream is None:
            raise RuntimeError("the transfer has not been started")
        return self._stream

    async def start(self) -> Reply:
        """Open the data connection, send the command, and return its first reply.

        A preliminary reply (1yz) opens the transfer. After any other the data connection is closed and the transfer is
        over, but for a 2yz, which some servers send at once: its data can still be read. When the server is to make the
        data connection and says after its 1yz that it can't, that final reply is returned.

        Raises:
            As the channel's ``exchange``, and what *connect*, its arrival and *secure* raise.

        Cancellation: the data connection is closed; the channel is in step or BROKEN.
        RFC 959 §5.4.
        """
        if self._has_started:
            raise RuntimeError("a transfer is started once")
        self._has_started = True
        if self._connect is not None:
            offer = await self._connect()
            if isinstance(offer, Stream):
                self._stream = offer
            else:
                self._arrival = offer
        try:
            return await self._open()
        except BaseException:
            await self.abort()
            raise

    async def _open(self) -> Reply:
        initiation = Deadline(self._channel.timeouts.initiation, f"reply to {self._command.verb}")
        reply = await self._channel.exchange(self._command, initiation)
        if reply.severity is Severity.PRELIMINARY:
            self._channel.owe_reply()
            self._is_open = True
        else:
            self._final = reply
        self._has_begun = reply.code < 300
        if self._has_begun and self._arrival is not None:
            await self._admit(self._arrival)
        if self._final is not None and self._final.code >= 300:
            self._close()
            return self._final
        if self._stream is not None and self._secure is not None:
            await self._secure(self._stream)
        return reply

    async def _admit(self, arrival: Arrival) -> None:
        """Wait for the server's data connection, or for the reply that says that it can't be made."""
        failures: list[TransferError] = []

        async def accept() -> None:
            self._stream = await arrival.accept()

        async def first(wait: Callable[[], Awaitable[None]]) -> None:
            try:
                await wait()
            except TransferError as exc:
                failures.append(exc)
            group.cancel_scope.cancel()

        if self._final is None:
            async with anyio.create_task_group() as group:
                group.start_soon(first, accept)
                group.start_soon(first, self._channel.reply_begins)
            if self._stream is None and failures:
                raise failures[0]
            if self._stream is None:
                reply_deadline = Deadline(self._channel.timeouts.reply, "reply without a data connection")
                self._final = await self._last_reply(reply_deadline)
        # A server that has sent everything already is done, and its connection waits for us.
        if self._stream is None and self._final is not None and self._final.code < 300:
            await accept()
        arrival.close()

    async def nudge(self) -> None:
        """Say NOOP while the transfer is under way; another task may be moving its data, or waiting for its end.

        Raises:
            DisconnectedError, TransferTimeoutError: the control connection is lost.
        """
        if self._is_open and self._final is None:
            await self._channel.nudge(_NOOP)

    async def finish(self) -> Reply:
        """End the data, wait for the final reply, and return it, whatever its code.

        The data connection is only half-closed until the reply is there: closing it with a TLS ticket still unread
        would reset it and could destroy what the server has not read yet. Whatever is to be received has been: a server
        that still has data to send is waited for in vain, and :meth:`abort` is the way to end such a transfer.

        Raises:
            DisconnectedError, TransferTimeoutError, RemoteProtocolError: the transfer was aborted.

        Cancellation: the transfer is aborted.
        """
        if not self._has_started:
            raise RuntimeError("the transfer has not been started")
        try:
            if self._stream is not None:
                self._channel.sessions.remember(self._stream.tls)  # after close_notify it is gone
            if self._final is None:
                if self._stream is not None:
                    # The last blocks may still be on their way to a slow server, and close_notify queues behind them.
                    await self._stream.send_eof(Deadline(self._channel.timeouts.data, "end of the data"))
                self._final = await self._last_reply(
                    Deadline(self._channel.timeouts.termination, "reply to the end of the transfer")
                )
        except BaseException:
            await self.abort()
            raise
        await self._catch_up()
        self._close()
        return self._final

    async def outcome(self) -> Reply | None:
        """Return what the server says of a data connection that broke, if it says so soon.

        "552 quota exceeded" explains more than "broken pipe". A server that says nothing by itself is asked by ABOR; it
        takes at most ``timeouts.close`` and half a second until the channel is in step, or BROKEN. When the transfer is
        over already, what ended it is returned.
        """
        self.cut()
        if not self._is_open or self._final is not None or not self._channel.is_open:
            return self._final
        is_said = False
        try:
            with anyio.move_on_after(_REASON_SECONDS):
                await self._channel.reply_begins()
                is_said = True
        except TransferError:
            return None
        finally:
            await self.abort()
        final = self.final
        return final if is_said or final is None or final.code != _ABORTED else None

    def cut(self) -> None:
        """Reset the data connection, so that nobody takes what came for the whole. Idempotent."""
        if self._arrival is not None:
            self._arrival.close()
        if self._stream is not None:
            self._stream.reset()

    async def abort(self) -> None:
        """End the transfer at once and bring the channel back in step, or leave it BROKEN.

        Takes at most ``timeouts.close``, and as much again if the transfer was nudged, and never raises but for a
        cancellation, which leaves the channel BROKEN. Does nothing more when the transfer is over.
        RFC 959 §4.1.3: after ABOR the server answers 426 to the transfer and 226 to the ABOR; a transfer that was
        over already is answered 226 or 225 twice.
        """
        self.cut()
        if self._is_open and self._final is None:
            self._is_open = False
            replies = await self._channel.settle(_ABOR)
            self._final = next((reply for reply in replies if reply.severity is not Severity.PRELIMINARY), None)
        await self._catch_up()

    async def _catch_up(self) -> None:
        await self._channel.catch_up(_MARKER, _MARKER_CODE)

    def _close(self) -> None:
        for connection in (self._arrival, self._stream):
            if connection is not None:
                connection.close()

    async def _last_reply(self, deadline: Deadline) -> Reply:
        while True:
            # To be cancelled here costs nothing, in the middle of a reply it costs the channel.
            await self._channel.reply_begins(deadline)
            reply = await self._channel.next_reply(deadline)
            # RFC 959 §4.2: at most one 1yz per command; a second one still promises another reply.
            if reply.severity is not Severity.PRELIMINARY:
                return reply

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if exc is None:
            await self.finish()
        else:
            await self.abort()
