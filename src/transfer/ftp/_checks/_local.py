"""The checksum of what is on this side."""

from __future__ import annotations

from collections.abc import AsyncIterable
from contextlib import AbstractAsyncContextManager
from typing import BinaryIO

import anyio.to_thread

from transfer.ftp._checks._algorithms import Checksum, Hasher, new_hasher

__all__ = ["checksum_of"]

_BLOCK_BYTES = 1 << 20
# A step to another thread costs as much as the checksum of some tens of kilobytes.
_BLOCKS_IN_A_STEP = 8


async def checksum_of(opened: AbstractAsyncContextManager[BinaryIO | AsyncIterable[bytes]], algorithm: str) -> Checksum:
    """Return the checksum of what *opened* gives, a file from its position on, or blocks.

    Args:
        opened: entered, and left again.
        algorithm: a name of ``ALGORITHMS``.

    Raises:
        OSError: reading failed.

    Cancellation: safe; takes as long as a step of 8 MiB in a worker thread.
    """
    hasher = new_hasher(algorithm)
    async with opened as feed:
        if isinstance(feed, AsyncIterable):
            async for block in feed:
                hasher.update(block)
        else:
            while await anyio.to_thread.run_sync(_take_blocks, feed, hasher):
                pass
    return Checksum(algorithm, hasher.hexdigest())


def _take_blocks(file: BinaryIO, hasher: Hasher) -> bool:
    """Feed some blocks of *file* to the *hasher*, and tell whether there may be more."""
    for _ in range(_BLOCKS_IN_A_STEP):
        block = file.read(_BLOCK_BYTES)
        if not block:
            return False
        hasher.update(block)
    return True
