"""The transfer that goes on over a control connection, and what becomes of one that its caller gives up."""

from __future__ import annotations

import weakref

import anyio

from transfer._engine.client import ClientChannel
from transfer._engine.transfer import Transfer
from transfer._errors import TransferError

__all__ = ["UnderWay"]

# For the rest of a listing that nobody wants any more: longer than the way there and back on most networks.
_REST_SECONDS = 0.25


class UnderWay:
    """At most one transfer; it is true while there is one."""

    def __init__(self, channel: ClientChannel) -> None:
        self._channel = channel
        self._transfer: Transfer | None = None
        self._holder: weakref.ref[object] | None = None
        self._is_given_up = False

    def __bool__(self) -> bool:
        return self._transfer is not None

    def begin(self, transfer: Transfer, holder: object | None = None) -> None:
        """Note that *transfer* has been started; it lasts until :meth:`end`, or for as long as *holder* lives."""
        self._transfer, self._is_given_up = transfer, False
        self._holder = None if holder is None else weakref.ref(holder)

    def end(self) -> None:
        """Note that the transfer is over."""
        self._transfer = self._holder = None

    def has(self, transfer: Transfer) -> bool:
        """Whether *transfer* is the one that goes on now."""
        return self._transfer is transfer

    def cut(self) -> None:
        """Reset its data connection."""
        if self._transfer is not None:
            self._transfer.cut()

    def give_up(self, transfer: Transfer) -> None:
        """Leave *transfer*, whose data connection is gone, to be ended before the next command."""
        if self._transfer is transfer:
            self._is_given_up = True

    async def abort(self) -> bool:
        """End the transfer under way at once; tell whether there was one.

        Cancellation: the connection is closed.
        """
        transfer = self._transfer
        if transfer is None:
            return False
        self.end()
        await transfer.abort()
        return True

    async def reclaim(self) -> None:
        """End a transfer that was given up, or abandoned: its holder is gone, and nobody else could go on with it."""
        if self._transfer is None:
            return
        if self._is_given_up:
            await self.abort()
        elif self._holder is not None and self._holder() is None:
            await self.leave(self._transfer)

    async def leave(self, listing: Transfer) -> None:
        """End a *listing* half-way; the connection is in step afterwards, or closed.

        What is left of it mostly waits in the sockets already: it is read and dropped. It is cut off only if it does
        not end soon, because servers may begin the next listing with what they could not send of this one.

        Cancellation: none; takes ``timeouts.close`` and a little more at most.
        """
        self.end()
        try:
            if self._channel.is_open and await _ends_soon(listing):
                with anyio.move_on_after(self._channel.timeouts.close, shield=True):
                    await listing.finish()
        except TransferError:
            pass  # the listing was aborted
        finally:
            await listing.abort()


async def _ends_soon(listing: Transfer) -> bool:
    """Read *listing* to its end and drop it, if that takes no time worth mentioning."""
    with anyio.move_on_after(_REST_SECONDS, shield=True):
        while await listing.stream.receive():
            pass
        return True
    return False
