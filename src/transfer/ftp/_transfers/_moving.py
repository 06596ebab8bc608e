"""Octets between a data connection and whatever holds them on this side."""

from __future__ import annotations

import math
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from typing import BinaryIO, Protocol

import attrs

from transfer._net.progress import Meter
from transfer._net.pump import receive_file, send_file
from transfer._net.stream import Stream
from transfer._net.throttle import Throttle
from transfer._net.timeouts import Deadline

__all__ = ["BLOCK_BYTES", "Codec", "Drain", "Feed", "Way"]

BLOCK_BYTES = 256 * 1024
Feed = BinaryIO | AsyncIterable[bytes]
"""What is sent: a file that can be read by blocking calls, or blocks."""
Drain = BinaryIO | Callable[[bytes], Awaitable[object]]
"""Where what is received goes: a file that can be written by blocking calls, or whoever takes blocks."""


class Codec(Protocol):
    """Changes the octets of a transfer on their way."""

    def feed(self, data: bytes) -> Iterable[bytes]:
        """Take *data*, and return what can be passed on."""
        ...

    def finish(self) -> Iterable[bytes]:
        """Return the rest, or raise if there should be more to come."""
        ...


@attrs.frozen(kw_only=True)
class Way:
    """How octets go: how long each block may take, who counts them, who slows them down, what becomes of them.

    Attributes:
        seconds: for each block of 256 KiB.
        meter: told of every octet of the file on this side.
        throttle: None for no limit.
        codec: None where they stay as they are.
    """

    seconds: float | None
    meter: Meter
    throttle: Throttle | None
    codec: Codec | None = None

    async def send(self, stream: Stream, feed: Feed) -> None:
        """Send all of *feed*, from the position of a file on.

        Raises:
            TransferTimeoutError, DisconnectedError, TLSError: as for every stream.
            OSError: reading the file failed. What an iterable raises is passed on.

        Cancellation and errors: the stream is of no further use.
        """
        if self.codec is None and not isinstance(feed, AsyncIterable):
            await send_file(stream, feed, seconds=self.seconds, meter=self.meter, throttle=self.throttle)
            return
        if isinstance(feed, AsyncIterable):
            async for block in feed:
                await self._pass_on(stream, block)
        else:
            while block := feed.read(BLOCK_BYTES):
                await self._pass_on(stream, block)
        for piece in [] if self.codec is None else self.codec.finish():
            await self._send(stream, piece)

    async def _pass_on(self, stream: Stream, block: bytes) -> None:
        for piece in [block] if self.codec is None else self.codec.feed(block):
            await self._send(stream, piece)
        self.meter.add(len(block))

    async def _send(self, stream: Stream, block: bytes) -> None:
        most = self._most_bytes()
        rest = memoryview(block)
        while rest:
            piece, rest = rest[:most], rest[most:]
            await stream.send(piece, Deadline(self.seconds, "progress of the transfer"))
            if self.throttle is not None:
                await self.throttle.spend(len(piece))

    async def receive(self, stream: Stream, drain: Drain, *, most: int | None = None) -> None:
        """Receive until the end, or *most* octets; ``stream.truncated`` tells whether TLS was cut off.

        Raises:
            TransferTimeoutError, DisconnectedError, TLSError: as for every stream.
            OSError: writing the file failed. What whoever takes blocks raises is passed on.

        Cancellation and errors: the stream is of no further use; a file has what the meter has counted.
        """
        if self.codec is None and most is None and not callable(drain):
            await receive_file(stream, drain, seconds=self.seconds, meter=self.meter, throttle=self.throttle)
            return
        left = math.inf if most is None else most
        while block := await self._next_block(stream, left):
            left -= len(block)
            for piece in [block] if self.codec is None else self.codec.feed(block):
                await self._keep(drain, piece)
            if self.throttle is not None:
                await self.throttle.spend(len(block))
        for piece in [] if self.codec is None or stream.truncated else self.codec.finish():
            await self._keep(drain, piece)

    async def _next_block(self, stream: Stream, left: float) -> bytes:
        if not left:
            return b""
        count = int(min(self._most_bytes(), left))
        return await stream.receive(Deadline(self.seconds, "progress of the transfer"), count)

    async def _keep(self, drain: Drain, piece: bytes) -> None:
        if callable(drain):
            await drain(piece)
        else:
            rest = memoryview(piece)
            while rest:
                written: int | None = drain.write(rest)
                rest = rest[len(rest) if written is None else written :]
        self.meter.add(len(piece))

    def _most_bytes(self) -> int:
        limit = None if self.throttle is None else self.throttle.block_bytes
        return BLOCK_BYTES if limit is None else min(limit, BLOCK_BYTES)
