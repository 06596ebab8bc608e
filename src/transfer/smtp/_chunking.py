"""Sending a message's content by BDAT: no dots to stuff, no final dot, line ends of its own (RFC 3030)."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sequence

from transfer._engine.client import ClientChannel
from transfer._engine.payload import Octets, Payload
from transfer._wire.command import Command
from transfer._wire.reply import Reply, Severity
from transfer.smtp._content import Content

__all__ = ["send_chunks"]

# A chunk of a message whose length nobody knows beforehand. Each costs a round trip.
_CHUNK_BYTES = 1 << 20


async def send_chunks(channel: ClientChannel, content: Content, *, then: Sequence[Command], replies: int) -> Reply:
    """Send *content* by BDAT and return the reply to the last chunk, or to the first that was refused.

    What has a size goes as one chunk, straight from its source; the rest by pieces of a MiB, one after the other,
    because "a 4yz or 5yz" to one is the end of all (RFC 3030 §2).

    Args:
        channel: where all replies to RCPT have arrived.
        content: not stuffed.
        then: a group of commands that travels behind the last chunk.
        replies: how many the last chunk has.

    Raises:
        As ``ClientChannel.payload``.
    """
    octets = content.for_bdat()
    if content.size is not None:
        return await channel.payload(
            _headed(_header(channel, content.size, last=True), octets), then=then, replies=replies
        )
    assert isinstance(octets, AsyncIterable)  # everything else knows its size
    async for chunk, is_last in _Chunks(octets):
        head = _header(channel, len(chunk), last=is_last)
        if is_last:
            return await channel.payload(head + chunk, then=then, replies=replies)
        reply = await channel.payload(head + chunk, is_whole=False)
        if reply.severity is not Severity.COMPLETION:
            return reply
    raise AssertionError  # the last chunk is marked as such


def _header(channel: ClientChannel, size: int, *, last: bool) -> bytes:
    command = Command("BDAT", f"{size} LAST" if last else str(size))
    channel.log.commands((command,))
    return f"{command}\r\n".encode("ascii")


def _headed(head: bytes, octets: Payload) -> Payload:
    if isinstance(octets, AsyncIterable):
        return _Headed(head, octets)
    if not isinstance(octets, bytes | bytearray | memoryview):
        return _prefix(head, octets)
    if len(octets) <= _CHUNK_BYTES:
        return b"".join((head, octets))
    return _prefix(head, (memoryview(octets).cast("B"),))


def _prefix(head: bytes, pieces: Iterable[Octets]) -> Iterator[Octets]:
    yield head
    yield from pieces


class _Headed:
    """*head*, then the pieces; no generator, because one that is left in the middle needs somebody to end it."""

    def __init__(self, head: bytes, pieces: AsyncIterable[Octets]) -> None:
        self._head = head
        self._pieces = aiter(pieces)

    def __aiter__(self) -> AsyncIterator[Octets]:
        return self

    async def __anext__(self) -> Octets:
        if self._head:
            head, self._head = self._head, b""
            return head
        return await anext(self._pieces)


class _Chunks:
    """Collects pieces into chunks and tells the last one."""

    def __init__(self, pieces: AsyncIterable[Octets]) -> None:
        self._pieces = aiter(pieces)
        self._collected = bytearray()
        self._has_ended = False

    def __aiter__(self) -> AsyncIterator[tuple[bytes, bool]]:
        return self

    async def __anext__(self) -> tuple[bytes, bool]:
        if self._has_ended:
            raise StopAsyncIteration
        while len(self._collected) <= _CHUNK_BYTES:
            try:
                self._collected += await anext(self._pieces)
            except StopAsyncIteration:
                self._has_ended = True
                return bytes(self._collected), True
        chunk = bytes(self._collected[:_CHUNK_BYTES])
        del self._collected[:_CHUNK_BYTES]
        return chunk, False
