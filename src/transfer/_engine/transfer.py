"""FTP's exchange whose reply comes in two parts, with a data connection in between.

How this works: connect the data stream, send the verb, read the 1yz, secure the stream, let the caller move bytes,
end the data, read the final reply. While that is owed the control channel refuses every other command. A transfer
that fails or is cancelled is aborted: the data connection is reset, so that the server can't take half a file for a
whole one, and ABOR is sent if the final reply has not come yet; then both replies are read within ``timeouts.close``,
or the channel is BROKEN.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from transfer._engine.client import ClientChannel
from transfer._errors import TransferError
from transfer._net.stream import Stream
from transfer._net.timeouts import Deadline
from transfer._wire.command import Command
from transfer._wire.reply import Reply, Severity

__all__ = ["Transfer"]

_ABOR = Command("ABOR")


class Transfer:
    """One data command, from its verb to its final reply.

    Args:
        channel: the control connection, with nothing owed.
        command: RETR, STOR, APPE, STOU, LIST, NLST or MLSD.
        connect: opens the data connection; called before the verb is sent.
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
        connect: Callable[[], Awaitable[Stream]],
        secure: Callable[[Stream], Awaitable[None]] | None = None,
    ) -> None:
        self._channel = channel
        self._command = command
        self._connect = connect
        self._secure = secure
        self._stream: Stream | None = None
        self._final: Reply | None = None
        self._is_open = False

    @property
    def final(self) -> Reply | None:
        """The reply that ended the transfer, a refusal of the command included; None while it goes on."""
        return self._final

    @property
    def stream(self) -> Stream:
        """The data connection, once :meth:`start` has returned a preliminary reply."""
        if self._stream is None:
            raise RuntimeError("the transfer has not been started")
        return self._stream

    async def start(self) -> Reply:
        """Open the data connection, send the command, and return its first reply.

        A preliminary reply (1yz) opens the transfer. After any other the data connection is closed and the transfer is
        over, but for a 2yz, which some servers send at once: its data can still be read.

        Raises:
            As the channel's ``exchange``, and what *connect* and *secure* raise.

        Cancellation: the data connection is closed; the channel is in step or BROKEN.
        RFC 959 §5.4.
        """
        if self._stream is not None:
            raise RuntimeError("a transfer is started once")
        self._stream = stream = await self._connect()
        try:
            initiation = Deadline(self._channel.timeouts.initiation, f"reply to {self._command.verb}")
            reply = await self._channel.exchange(self._command, initiation)
            if reply.severity is Severity.PRELIMINARY:
                self._channel.owe_reply()
                self._is_open = True
            else:
                self._final = reply
            if reply.severity not in (Severity.PRELIMINARY, Severity.COMPLETION):
                stream.close()
            elif self._secure is not None:
                await self._secure(stream)
        except BaseException:
            await self.abort()
            raise
        return reply

    async def finish(self) -> Reply:
        """End the data, wait for the final reply, and return it, whatever its code.

        The data connection is only half-closed until the reply is there: closing it with a TLS ticket still unread
        would reset it and could destroy what the server has not read yet. Whatever is to be received has been: a server
        that still has data to send is waited for in vain, and :meth:`abort` is the way to end such a transfer.

        Raises:
            DisconnectedError, TransferTimeoutError, RemoteProtocolError: the transfer was aborted.

        Cancellation: the transfer is aborted; once the final reply was waited for, the channel is BROKEN.
        """
        stream = self.stream
        try:
            self._channel.sessions.remember(stream.tls)  # after close_notify it is gone
            if self._final is None:
                # The last blocks may still be on their way to a slow server, and close_notify queues behind them.
                await stream.send_eof(Deadline(self._channel.timeouts.data, "end of the data"))
                self._final = await self._last_reply(
                    Deadline(self._channel.timeouts.termination, "reply to the end of the transfer")
                )
        except BaseException:
            await self.abort()
            raise
        stream.close()
        return self._final

    async def outcome(self) -> Reply | None:
        """Return what the server says of a data connection that broke, if it says so within ``timeouts.close``.

        "552 quota exceeded" explains more than "broken pipe". Without an answer the channel is BROKEN. When the
        transfer is over already, what ended it is returned.
        """
        self.stream.reset()
        if self._is_open and self._final is None and self._channel.is_open:
            with contextlib.suppress(TransferError):
                self._final = await self._last_reply(
                    Deadline(self._channel.timeouts.close, "reply to the broken transfer")
                )
        return self._final

    async def abort(self) -> None:
        """End the transfer at once and bring the channel back in step, or leave it BROKEN.

        Takes at most ``timeouts.close`` and never raises but for a cancellation, which leaves the channel BROKEN. Does
        nothing more when the transfer is over.
        RFC 959 §4.1.3: after ABOR the server answers 426 to the transfer and 226 to the ABOR; a transfer that was
        over already is answered 226 or 225 twice.
        """
        if self._stream is not None:
            self._stream.reset()
        if self._is_open and self._final is None:
            self._is_open = False
            replies = await self._channel.settle(_ABOR)
            self._final = next((reply for reply in replies if reply.severity is not Severity.PRELIMINARY), None)

    async def _last_reply(self, deadline: Deadline) -> Reply:
        reply = await self._channel.next_reply(deadline)
        while reply.severity is Severity.PRELIMINARY:
            # RFC 959 §4.2: at most one 1yz per command; a second one still promises another reply.
            reply = await self._channel.next_reply(deadline)
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
