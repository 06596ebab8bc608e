"""A message's octets on their way out: from memory, a file or an iterator, for DATA or for BDAT, block by block.

How this works: a :class:`Content` yields pieces whose line ends are CRLF; for DATA they pass a dot stuffer, for BDAT
they go as they are. A file is read through once before MAIL, because SIZE is to be exact (RFC 1870 §6.1), octets above
127 decide on BODY, and a line that no mail may have is to be found while nothing was sent. What comes from an iterator
is judged as it passes; then nothing is left but to give the connection up before the message has ended.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import anyio
from anyio.lowlevel import checkpoint

from transfer._engine.payload import BLOCK_BYTES, Octets, Payload
from transfer._net.progress import Meter, ProgressCallback
from transfer.smtp._dot import DotStuffer, Normaliser, stuff_normalised
from transfer.smtp._errors import SMTPMessageError
from transfer.smtp._lines import LineChecker, LinePolicy

__all__ = ["Content", "FileContent", "MemoryContent", "StreamContent"]

_FAIR_BYTES = 1 << 20
_CLOSE_SECONDS = 5


class Content:
    """What follows DATA or BDAT.

    Attributes:
        size: in octets with CRLF line ends; None where nobody knows before the end.
        is_ascii: whether every octet is below 128; None as for *size*.
        is_repeatable: whether it can be sent more than once.
        is_binary: whether line ends are to be left alone, which needs BINARYMIME and BDAT (RFC 3030 §3).
        only_ascii: whether the server takes no octets above 127; set for what is not known to be ASCII, so that one
            ends the mail.
    """

    size: int | None = None
    is_ascii: bool | None = None
    is_repeatable: bool = True
    is_binary: bool = False
    only_ascii: bool = False

    async def measure(self) -> None:
        """Find out what can be known before anything is sent, if that takes time."""

    def for_data(self) -> Payload:
        """Give the octets for DATA: dots stuffed, the final dot in the last piece (RFC 5321 §4.5.2)."""
        raise NotImplementedError

    def for_bdat(self) -> Payload:
        """Give the octets for BDAT: as they are (RFC 3030 §2)."""
        raise NotImplementedError

    async def close(self) -> None:
        """Let go of what is still open."""


class MemoryContent(Content):
    """Octets that are there, with CRLF at their line ends unless *is_binary*."""

    def __init__(self, data: bytes, *, is_binary: bool = False, progress: ProgressCallback | None = None) -> None:
        self.data = data
        self.size = len(data)
        self.is_ascii = data.isascii()
        self.is_binary = is_binary
        self._progress = progress

    def for_data(self) -> Payload:
        """See :class:`Content`."""
        if self._progress is None and len(self.data) < BLOCK_BYTES:
            return stuff_normalised(self.data)
        return _stuff(self._blocks())

    def for_bdat(self) -> Payload:
        """See :class:`Content`."""
        return self.data if self._progress is None else self._blocks()

    def _blocks(self) -> Iterator[bytes]:
        blocks = (self.data[start : start + BLOCK_BYTES] for start in range(0, len(self.data), BLOCK_BYTES))
        return _count(blocks, _Tally(self.size, self._progress))


class FileContent(Content):
    """A file, read in blocks: by its path each time from the start, an open one from where it stands.

    :meth:`measure` comes first. A file that turns out to have changed since is not sent to its end.

    Raises:
        OSError: an open file has no position.
    """

    def __init__(
        self,
        file: Path | BinaryIO,
        policy: LinePolicy,
        *,
        is_binary: bool = False,
        progress: ProgressCallback | None = None,
    ) -> None:
        self.is_binary = is_binary
        self._file = file
        self._start = 0 if isinstance(file, Path) else file.tell()
        self._policy = policy
        self._progress = progress

    async def measure(self) -> None:
        """Read the file through: its size with CRLF line ends, whether it is ASCII, whether its lines may be sent.

        Raises:
            SMTPMessageError: it cannot be read, or a line breaks the policy.

        Cancellation: at every MiB.
        """
        size, since, is_ascii = 0, 0, True
        await checkpoint()
        for block in self._read(None if self.is_binary else LineChecker(self._policy)):
            size += len(block)
            since += len(block)
            is_ascii = is_ascii and block.isascii()
            if since >= _FAIR_BYTES:
                await checkpoint()
                since = 0
        self.size, self.is_ascii = size, is_ascii

    def for_data(self) -> Payload:
        """See :class:`Content`."""
        return _stuff(self.for_bdat())

    def for_bdat(self) -> Iterator[bytes]:
        """See :class:`Content`."""
        return _count(self._read(None), _Tally(self.size, self._progress))

    def _read(self, checker: LineChecker | None) -> Iterator[bytes]:
        normaliser = None if self.is_binary else Normaliser()
        try:
            with contextlib.ExitStack() as stack:
                file = stack.enter_context(self._file.open("rb")) if isinstance(self._file, Path) else self._file
                file.seek(self._start)
                while block := file.read(BLOCK_BYTES):
                    if checker is not None:
                        checker.feed(block)
                    yield block if normaliser is None else normaliser.feed(block)
        except OSError as exc:
            raise SMTPMessageError(f"the message cannot be read from {self._name}: {exc.strerror or exc}") from exc
        if checker is not None:
            checker.finish()
        if normaliser is not None:
            yield normaliser.finish()

    @property
    def _name(self) -> str:
        name = self._file if isinstance(self._file, Path) else getattr(self._file, "name", self._file)
        return ascii(os.fspath(name) if isinstance(name, Path) else name)


class StreamContent(Content):
    """What an asynchronous iterable yields, in any pieces, judged as it passes.

    Args:
        source: of octets.
        policy: for lines.
        size: in octets with CRLF line ends, where the caller knows it.
        is_binary: see :class:`Content`.
        progress: is told how far it is.
    """

    def __init__(
        self,
        source: AsyncIterable[Octets],
        policy: LinePolicy,
        *,
        size: int | None = None,
        is_binary: bool = False,
        progress: ProgressCallback | None = None,
    ) -> None:
        self.size = size
        self.is_binary = is_binary
        self.is_repeatable = not isinstance(source, AsyncIterator)
        self._source = source
        self._policy = policy
        self._progress = progress
        self._iterator: AsyncIterator[Octets] | None = None

    def for_data(self) -> Payload:
        """See :class:`Content`."""
        return _Pieces(self, DotStuffer())

    def for_bdat(self) -> AsyncIterator[bytes]:
        """See :class:`Content`."""
        return _Pieces(self, None)

    def begin(self) -> tuple[AsyncIterator[Octets], LineChecker, _Tally]:
        """Start the source, and what judges it."""
        self._iterator = aiter(self._source)
        return self._iterator, LineChecker(self._policy), _Tally(self.size, self._progress)

    async def close(self) -> None:
        """End the source where it was left in the middle, as a generator has to be."""
        aclose = getattr(self._iterator, "aclose", None)
        if aclose is not None:
            with anyio.CancelScope(shield=True, deadline=anyio.current_time() + _CLOSE_SECONDS):
                await aclose()


class _Pieces:
    """Encodes pieces as they come; no generator, because one that is left in the middle needs somebody to end it."""

    def __init__(self, content: StreamContent, stuffer: DotStuffer | None) -> None:
        self._source, self._checker, self._tally = content.begin()
        self._content = content
        self._normaliser = None if content.is_binary else Normaliser()
        self._stuffer = stuffer
        self._has_ended = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._has_ended:
            raise StopAsyncIteration
        try:
            piece = await anext(self._source)
        except StopAsyncIteration:
            return self._finish()
        if self._normaliser is None:
            octets = bytes(piece)
        else:
            self._checker.feed(piece)
            octets = self._normaliser.feed(piece)
        if self._content.only_ascii and not octets.isascii():
            raise SMTPMessageError("the message holds octets above 127, and the server does not offer 8BITMIME")
        self._tally.add(len(octets))
        return octets if self._stuffer is None else self._stuffer.feed(octets)

    def _finish(self) -> bytes:
        self._has_ended = True
        self._checker.finish()
        octets = b"" if self._normaliser is None else self._normaliser.finish()
        self._tally.add(len(octets))
        self._tally.finish()
        return octets if self._stuffer is None else self._stuffer.feed(octets) + self._stuffer.finish()


class _Tally:
    """Counts what goes out, tells the progress, and holds the message to the size that was declared."""

    def __init__(self, size: int | None, progress: ProgressCallback | None) -> None:
        self._size = size
        self._count = 0
        self._meter = None if progress is None else Meter(progress, total=size)

    def add(self, count: int) -> None:
        self._count += count
        if self._size is not None and self._count > self._size:
            raise SMTPMessageError(f"the message is longer than the {self._size} octets that were declared")
        if self._meter is not None:
            self._meter.add(count)

    def finish(self) -> None:
        if self._size is not None and self._count < self._size:
            raise SMTPMessageError(f"the message has {self._count} octets, and {self._size} were declared")
        if self._meter is not None:
            self._meter.finish()


def _count(pieces: Iterable[bytes], tally: _Tally) -> Iterator[bytes]:
    for piece in pieces:
        tally.add(len(piece))
        yield piece
    tally.finish()


def _stuff(pieces: Iterable[bytes]) -> Iterator[bytes]:
    stuffer = DotStuffer()
    for piece in pieces:
        yield stuffer.feed(piece)
    yield stuffer.finish()
