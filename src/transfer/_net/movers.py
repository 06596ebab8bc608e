"""The ways to move one block between a socket and a file; :mod:`transfer._net.pump` drives them."""

from __future__ import annotations

import errno
import os
import stat
import sys
from typing import TYPE_CHECKING, BinaryIO

import attrs

from transfer._net.stream import Stream

if TYPE_CHECKING:
    from transfer._net.pipes import Pipe

__all__ = [
    "BLOCK_BYTES",
    "FAST_PATHS",
    "FastPaths",
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
# What the kernel says of a file system or a socket that can't do it.
_REFUSALS = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSOCK, errno.EOVERFLOW})


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
    """Return the descriptor behind *file* if it is a regular file."""
    try:
        descriptor = file.fileno()
        regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
    except (AttributeError, OSError, ValueError):
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


class SendFile:
    """Kernel to kernel, by sendfile(2), from an offset of its own."""

    def __init__(self, stream: Stream, descriptor: int, offset: int, block_bytes: int) -> None:
        self.offset = offset
        self.moved = 0
        self._stream = stream
        self._descriptor = descriptor
        self._block_bytes = block_bytes

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


class SendBuffer:
    """Read into one buffer, send it until it is empty."""

    def __init__(self, stream: Stream, file: BinaryIO, block_bytes: int) -> None:
        self._stream = stream
        self._file = file
        self._buffer = memoryview(bytearray(block_bytes))
        self._rest = self._buffer[:0]

    def __call__(self) -> int | None:
        if not self._rest:
            self._rest = self._buffer[: self._read()]
            if not self._rest:
                return 0
        # Inside TLS the very same view is offered again after a None.
        count = self._stream.send_nowait(self._rest)
        if count is not None:
            self._rest = self._rest[count:]
        return count

    def _read(self) -> int:
        readinto = getattr(self._file, "readinto", None)
        if readinto is not None:
            return readinto(self._buffer) or 0
        block = self._file.read(len(self._buffer))
        self._buffer[: len(block)] = block
        return len(block)


class Splice:
    """Kernel to kernel, by splice(2), through a pipe that is empty again after every block."""

    def __init__(self, stream: Stream, descriptor: int, pipe: Pipe, block_bytes: int) -> None:
        self.moved = 0
        self._stream = stream
        self._descriptor = descriptor
        self._pipe = pipe
        self._block_bytes = block_bytes
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
            _write_all(self._descriptor, block)


class ReceiveBuffer:
    """Fill one buffer as far as the socket gives, write it, start again."""

    def __init__(self, stream: Stream, file: BinaryIO, block_bytes: int) -> None:
        self._stream = stream
        self._file = file
        self._buffer = memoryview(bytearray(block_bytes))
        self._ended = False

    def __call__(self) -> int | None:
        # TLS hands out one record of at most 16 KiB per call: a file write for each would cost more than the read.
        filled = 0
        count: int | None = 0
        while not self._ended and filled < len(self._buffer):
            count = self._stream.receive_into_nowait(self._buffer[filled:])
            if count is None:
                break
            filled += count
            self._ended = count == 0
        rest = self._buffer[:filled]
        while rest:
            rest = rest[self._file.write(rest) :]
        return None if count is None and not filled else filled


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
