"""What belongs to FTP's transfers besides their two replies: ABOR, and NOOPs that keep the connection alive."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import anyio

from transfer._engine.conversation import Conversation
from transfer._errors import TransferError
from transfer._net.timeouts import Deadline
from transfer._wire.command import Command
from transfer._wire.reply import Reply, Severity

__all__ = ["Settling"]


class Settling(Conversation):
    """A conversation that comes back in step after a transfer, or is given up."""

    async def settle(self, abort: Command) -> list[Reply]:
        """Bring an open channel back in step after a transfer was given up, or leave it BROKEN.

        If the final reply is there already nothing is sent; otherwise *abort* is, and everything owed is read, but for
        the second of two replies that need not come: that is left to :meth:`catch_up`. Takes at most
        ``timeouts.close`` and raises nothing but a native cancellation, which leaves the channel BROKEN. Without that
        limit any cancellation ends it.

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

        def rest() -> bool | None:
            return self._collect(replies, finals_only=True)

        def first() -> bool | None:
            nonlocal sending
            if sending is None:
                if rest():
                    return True
                self.log.commands((abort,))
                sending = self.stream.sending(data)
                self._owed += 1
            return sending() and (rest() or self._owed == 1 or None)

        seconds = self.timeouts.close
        deadline = Deadline(seconds, f"reply to {abort.verb}")
        try:
            with anyio.CancelScope(shield=seconds is not None):
                await self._run(first, deadline, replies)
                if self._owed and replies[-1].severity is Severity.COMPLETION:
                    # Some servers answer once for both, and nobody knows whether another reply is to come.
                    self._owed, self._nudged = 0, self._nudged + self._owed
                if self._owed:
                    await self._run(rest, deadline, replies)
        except TransferError:
            pass  # the channel has been given up
        return replies

    async def nudge(self, command: Command) -> None:
        """Send *command* (NOOP) in the middle of a transfer, lest somebody on the way take the connection for idle.

        Does nothing when no transfer is under way. Another task may be waiting for the transfer's replies meanwhile;
        :meth:`catch_up` comes after them.

        Raises:
            DisconnectedError, TransferTimeoutError: the connection is lost, as the other task will find.
        """
        if self.is_open and self._owed:
            self._nudged += 1
            self.log.commands((command,))
            await self.stream.send(self._encode(command), Deadline(self.timeouts.reply, "room for a command"))

    async def catch_up(self, marker: Command, code: int) -> None:
        """Bring the channel in step after a transfer in whose course it was nudged or aborted, or leave it BROKEN.

        Nobody knows whether a server is still going to answer what it has not answered yet. But it answers in order:
        what comes before the *code* that only *marker* is answered with belongs to that, and nothing after it does.

        Takes at most ``timeouts.close`` and raises nothing but a native cancellation, which leaves the channel BROKEN.
        Without that limit any cancellation does.
        """
        if not self.is_open or not self._nudged or self._owed:
            return
        data, replies = self._encode(marker), list[Reply]()
        sending: Callable[[], bool | None] | None = None

        def step() -> bool | None:
            nonlocal sending
            if sending is None:
                self._owed, self._nudged = self._nudged + 1, 0
                self.log.commands((marker,))
                sending = self.stream.sending(data)
            if not sending():
                return None
            while self._owed and (not replies or replies[-1].code != code):
                if self._collect(replies, self._owed - 1) is None:
                    return None
            self._owed = 0
            return True

        seconds = self.timeouts.close
        with anyio.CancelScope(shield=seconds is not None), contextlib.suppress(TransferError):
            await self._run(step, Deadline(seconds, f"reply to {marker.verb}"), replies)
