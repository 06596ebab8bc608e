"""What can be uploaded: a file in a storage, an open file, blocks."""

from __future__ import annotations

import contextlib
import io
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import anyio
import attrs

from transfer.ftp._errors import FTPIncompleteTransfer
from transfer.ftp._transfers._local import Storage, opened_for_reading
from transfer.ftp._transfers._moving import Feed
from transfer.ftp._transfers._run import path_errors

__all__ = ["BlockSource", "FileSource", "ObjectSource", "Source", "source_of"]


class Source(Protocol):
    """Where the octets of one upload come from.

    Attributes:
        size: in bytes, None if that is not known.
        mtime: when it was modified, in seconds since 1970; None if that is not known.
        can_reopen: whether it can be read again from its beginning.
    """

    @property
    def size(self) -> int | None: ...

    @property
    def mtime(self) -> float | None: ...

    @property
    def can_reopen(self) -> bool: ...

    def opened(self, offset: int) -> AbstractAsyncContextManager[Feed]:
        """Give what is to be sent, from *offset* on."""
        ...


@attrs.frozen(kw_only=True)
class FileSource:
    """A file in a storage."""

    storage: Storage
    path: Path
    size: int | None
    mtime: float | None
    can_reopen: bool = attrs.field(default=True, init=False)

    def opened(self, offset: int) -> AbstractAsyncContextManager[Feed]:
        """Open the file for as long as it is sent."""
        return opened_for_reading(self.storage, self.path, offset)


@attrs.define(kw_only=True)
class ObjectSource:
    """An open binary file, from where it stands on; it stays open."""

    file: BinaryIO
    start: int | None
    size: int | None
    mtime: float | None = None
    _is_used: bool = attrs.field(default=False, init=False)

    @property
    def can_reopen(self) -> bool:
        """Whether it has a position that can be moved."""
        return self.start is not None

    @contextlib.asynccontextmanager
    async def opened(self, offset: int) -> AsyncIterator[Feed]:
        """Bring the file to its place.

        Raises:
            FTPIncompleteTransfer: it has been read already, and can't be read again.
        """
        with path_errors():
            if self.start is not None:
                self.file.seek(self.start + offset)
            elif self._is_used or offset:
                raise _not_again(self.file)
        self._is_used = True
        yield self.file


@attrs.define(kw_only=True)
class BlockSource:
    """Blocks from an iterable, once."""

    blocks: AsyncIterable[bytes]
    size: int | None = None
    mtime: float | None = None
    can_reopen: bool = attrs.field(default=False, init=False)
    _is_used: bool = attrs.field(default=False, init=False)

    @contextlib.asynccontextmanager
    async def opened(self, offset: int) -> AsyncIterator[Feed]:
        """Give the blocks; an iterable that can be closed is closed afterwards.

        Raises:
            FTPIncompleteTransfer: some have been taken already.
        """
        if self._is_used or offset:
            raise _not_again(self.blocks)
        self._is_used = True
        try:
            yield self.blocks
        finally:
            close = getattr(self.blocks, "aclose", None)
            if close is not None:
                with anyio.CancelScope(shield=True):
                    await close()


def _not_again(source: object) -> FTPIncompleteTransfer:
    return FTPIncompleteTransfer(
        f"A {type(source).__name__} can't be read again from its beginning",
        transferred=0,
        expected=None,
        retryable=False,
    )


def source_of(given: Any) -> Source | None:  # noqa: ANN401  # whatever a caller may give
    """Return the source that *given* is, None if it is the name of something.

    Raises:
        TypeError: it is text, or nothing that could be sent.
    """
    if isinstance(given, AsyncIterable):
        return BlockSource(blocks=given)
    if hasattr(given, "read"):
        if isinstance(given, io.TextIOBase):
            raise TypeError("a file has to be opened in binary mode to be sent")
        return _object_source(given)
    if isinstance(given, Iterable) and not isinstance(given, str | bytes | bytearray | memoryview):
        return BlockSource(blocks=_one_by_one(given))
    return None


async def _one_by_one(blocks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for block in blocks:
        yield block


def _object_source(file: BinaryIO) -> ObjectSource:
    start = size = None
    with contextlib.suppress(OSError, ValueError, AttributeError):
        if file.seekable():
            start = file.tell()
            size = file.seek(0, io.SEEK_END) - start
            file.seek(start)
    return ObjectSource(file=file, start=start, size=size)
