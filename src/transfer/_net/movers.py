"""The ways to move one block between a socket and a file; :mod:`transfer._net.pump` drives them."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
import sys
from typing import TYPE_CHECKING, BinaryIO

import attrs

from transfer._errors import TransferError
from transfer._net.stream import Stream

if TYPE_CHECKING:
    from transfer._net.pipes import Pipe

__all__ = [
    "BLOCK_BYTES",
    "FAST_PATHS",
    "FastPaths",
    "Mover",
    "ReceiveBuffer",
    "Refused",
    "SendBuffer",
    "SendFile",
    "Splice",
    "follow_descriptor",
    "real_file",
    "spliceable_file",
]

# Larger buffers gain nothing on loopback and cost cache; smaller ones cost system calls.
BLOCK_BYTES = 256 * 1024
# What the kernel says of a file system or a socket that can't do it, and (EPERM) a sandbox of calls that it holds back.
# Where EPERM is the file's, the buffer meets it again.
_REFUSALS = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSOCK, errno.EOVERFLOW, errno.EPERM})

_PLAIN_FILES = (io.FileIO, io.BufferedReader, io.BufferedWriter, io.BufferedRandom)


@attrs.frozen(kw_only=True)
class FastPaths:
    """Which of the system's short cuts may be used."""

    sendfile: bool
    splice: bool


FAST_PATHS = FastPaths(
    sendfile=sys.platform == "linux" and hasattr(os, "sendfile"),
    splice=sys.platform == "linux" and hasattr(os, "splice"),
)


class Refused(Exception):
    """The short cut does not work for this file; nothing was lost, go on with the buffer."""


def real_file(file: BinaryIO) -> int | None:
    """Return the descriptor behind *file* if it is a regular file and *file* nothing but a way to it.

    A ``fileno()`` alone proves nothing: that of a ``gzip.GzipFile`` leads to the compressed bytes, and a wrapper
    that counts or transforms may pass on its file's.
    """
    if type(file).__module__ == "tempfile":
        file = getattr(file, "file", file)
    if type(file) not in _PLAIN_FILES or type(getattr(file, "raw", file)) is not io.FileIO:
        return None
    try:
        descriptor = file.fileno()
        regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
    except (OSError, ValueError):
        return None
    return descriptor if regular else None


def spliceable_file(file: BinaryIO) -> int | None:
    """Return the descriptor behind *file* if it can be spliced into: regular and not opened for appending."""
    descriptor = real_file(file)
    if descriptor is None:
        return None
    import fcntl  # asked only where splice exists, so this does too

    return None if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_APPEND else descriptor


def follow_descriptor(file: BinaryIO, descriptor: int) -> None:
    """Tell the buffered *file* how far its descriptor has come without it."""
    file.seek(os.lseek(descriptor, 0, os.SEEK_CUR))


class Mover:
    """A step that moves one block of at most ``block_bytes``; subclasses say between what, and how."""

    def __init__(self, stream: Stream, most_bytes: int) -> None:
        self.moved = 0
        self._stream = stream
        self._most_bytes = self._block_bytes = most_bytes

    def limit(self, block_bytes: int | None) -> None:
        """Make the blocks to come smaller than they could be, or (None) as large as they can."""
        self._block_bytes = self._most_bytes if block_bytes is None else min(self._most_bytes, block_bytes)

    def __call__(self) -> int | None:
        """Return how many bytes went, 0 at the end, None where the stream would block."""
        raise NotImplementedError


class SendFile(Mover):
    """Kernel to kernel, by sendfile(2), from an offset of its own."""

    def __init__(self, stream: Stream, descriptor: int, offset: int, most_bytes: int) -> None:
        super().__init__(stream, most_bytes)
        self.offset = offset
        self._descriptor = descriptor

    def __call__(self) -> int | None:
        try:
            count = self._stream.sendfile_nowait(self._descriptor, self.offset, self._block_bytes)
        except OSError as exc:
            if exc.errno in _REFUSALS:
                raise Refused from exc
            raise
        if count:
            self.offset += count
            self.moved += count
        return count


class SendBuffer(Mover):
    """Read a block, send it until nothing is left of it."""

    def __init__(self, stream: Stream, file: BinaryIO, most_bytes: int) -> None:
        super().__init__(stream, most_bytes)
        self._file = file
        self._read_into = getattr(file, "readinto", None)
        self._buffer = memoryview(bytearray(most_bytes if self._read_into else 0))
        self._rest = self._buffer[:0]

    def __call__(self) -> int | None:
        if not self._rest:
            self._rest = self._read()
            if not self._rest:
                return 0
        # Inside TLS the very same view is offered again after a None.
        count = self._stream.send_nowait(self._rest)
        if count is not None:
            self._rest = self._rest[count:]
            self.moved += count
        return count

    def _read(self) -> memoryview:
        if self._read_into is None:
            return memoryview(self._file.read(self._block_bytes))
        return self._buffer[: self._read_into(self._buffer[: self._block_bytes]) or 0]

    def put_back(self) -> None:
        """Move the position of a seekable file back to the first byte that was read and not sent."""
        if self._rest:
            with contextlib.suppress(OSError, ValueError, AttributeError):
                self._file.seek(-len(self._rest), os.SEEK_CUR)
            self._rest = self._rest[:0]


class Splice(Mover):
    """Kernel to kernel, by splice(2), through a pipe that is empty again after every block."""

    def __init__(self, stream: Stream, descriptor: int, pipe: Pipe) -> None:
        super().__init__(stream, pipe.size)
        self._descriptor = descriptor
        self._pipe = pipe
        self._refused: OSError | None = None

    def __call__(self) -> int | None:
        if self._refused is not None:
            raise Refused from self._refused
        try:
            count = self._stream.splice_nowait(self._pipe.writer, self._block_bytes)
        except OSError as exc:
            if exc.errno in _REFUSALS:
                raise Refused from exc
            raise
        if count:
            self._drain(count)
            self.moved += count
        return count

    def _drain(self, count: int) -> None:
        # No await in here: what is in the pipe is in no place that a resumed transfer could find.
        while count and self._refused is None:
            try:
                count -= os.splice(self._pipe.reader, self._descriptor, count, flags=os.SPLICE_F_MOVE)
            except OSError as exc:
                if exc.errno not in _REFUSALS:
                    raise
                self._refused = exc
        while count:
            block = os.read(self._pipe.reader, count)
            count -= len(block)
            rest = memoryview(block)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]


class ReceiveBuffer(Mover):
    """Fill one buffer as far as the socket gives, write it, start again."""

    def __init__(self, stream: Stream, file: BinaryIO, most_bytes: int) -> None:
        super().__init__(stream, most_bytes)
        self._file = file
        self._buffer = memoryview(bytearray(most_bytes))
        self._ended = False
        self._failure: TransferError | None = None

    def __call__(self) -> int | None:
        if self._failure is not None:
            raise self._failure
        filled, blocked = self._fill()
        rest = self._buffer[:filled]
        while rest:
            # Objects that are almost files often return nothing; they have written everything.
            written: int | None = self._file.write(rest)
            rest = rest[len(rest) if written is None else written :]
        self.moved += filled
        return None if blocked and not filled else filled

    def _fill(self) -> tuple[int, bool]:
        # TLS hands out one record of at most 16 KiB per call: a file write for each would cost more than the read.
        filled = 0
        try:
            while not self._ended and filled < self._block_bytes:
                count = self._stream.receive_into_nowait(self._buffer[filled : self._block_bytes])
                if count is None:
                    return filled, True
                filled += count
                self._ended = count == 0
        except TransferError as exc:
            if not filled:
                raise
            self._failure = exc  # once what came before is in the file
        return filled, False
