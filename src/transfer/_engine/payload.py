"""The body of a message on its way out: whole or in pieces, block by block.

How this works: everything goes out but for the last block, which is handed back. Whoever sends that one learns in the
same step that the body is complete, so that no interruption can fall between the two. Pieces come without a word on
which is the last, so each one's last block waits until the next piece is there; what the caller may overwrite
meanwhile is copied.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable

from transfer._net.stream import Stream
from transfer._net.timeouts import Deadline

__all__ = ["BLOCK_BYTES", "Flight", "Octets", "Payload", "send_all_but_last_block"]

# Each block has a deadline of its own.
BLOCK_BYTES = 256 * 1024

# One TLS record holds so much: behind it nothing of a body can have arrived while its end has not.
_JOINED_BYTES = 16 * 1024

Octets = bytes | bytearray | memoryview
Payload = Octets | Iterable[Octets] | AsyncIterable[Octets]


async def send_all_but_last_block(stream: Stream, chunks: Payload, seconds: float | None) -> Octets:
    """Send *chunks* up to the last block, of at most 256 KiB, and return that one.

    Args:
        stream: where to.
        chunks: octets, at once or piece by piece; what an iterable raises is passed on.
        seconds: for each block.

    Raises:
        DisconnectedError, TransferTimeoutError: as for every stream.
    """
    if isinstance(chunks, bytes | bytearray | memoryview):
        # A view of the whole, also of a memoryview whose items are not octets.
        return await _send_full_blocks(stream, memoryview(chunks).cast("B"), seconds)
    last: Octets = b""
    if isinstance(chunks, AsyncIterable):
        async for chunk in chunks:
            last = await _send_chunk(stream, last, chunk, seconds)
    else:
        for chunk in chunks:
            last = await _send_chunk(stream, last, chunk, seconds)
    return last


async def _send_chunk(stream: Stream, before: Octets, chunk: Octets, seconds: float | None) -> Octets:
    """Send *before* and then *chunk* up to its last block; return that one, or *before* if *chunk* is empty."""
    view = memoryview(chunk).cast("B")
    if not view:
        return before
    if before:
        await stream.send(before, _deadline(seconds))
    last = await _send_full_blocks(stream, view, seconds)
    # Nobody writes into bytes; into anything else the caller may put the next piece.
    return last if isinstance(last.obj, bytes) else bytes(last)


async def _send_full_blocks(stream: Stream, view: memoryview, seconds: float | None) -> memoryview:
    while len(view) > BLOCK_BYTES:
        await stream.send(view[:BLOCK_BYTES], _deadline(seconds))
        view = view[BLOCK_BYTES:]
    return view


def _deadline(seconds: float | None) -> Deadline:
    return Deadline(seconds, "progress of the message")


class Flight:
    """The step that sends the end of a body, and the commands behind it, together where both are small.

    Args:
        stream: where to.
        data: the body's last block.
        behind: encoded commands; may be empty.

    Attributes:
        may_be_complete: whether the peer may have the body to its last octet by now.
    """

    __slots__ = ("_is_joined", "_steps", "may_be_complete")

    def __init__(self, stream: Stream, data: Octets, behind: bytes) -> None:
        self.may_be_complete = False
        self._is_joined = bool(behind) and len(data) + len(behind) <= _JOINED_BYTES
        pieces = (b"".join((data, behind)),) if self._is_joined else (data, behind)
        self._steps = [stream.sending(piece) for piece in pieces if piece]

    def __call__(self) -> bool | None:
        """Send what is left; None where the stream would block."""
        while self._steps:
            has_gone = self._steps[0]()
            # How much of a joined piece has gone is not known here.
            self.may_be_complete = self.may_be_complete or self._is_joined or has_gone is not None
            if has_gone is None:
                return None
            del self._steps[0]
        self.may_be_complete = True
        return True
