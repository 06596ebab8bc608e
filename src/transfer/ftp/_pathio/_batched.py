"""``BatchedFile``: a file whose blocks are small for whoever uses it and large for the thread that moves them.

How this works: :meth:`~BatchedFile.take` and :meth:`~BatchedFile.put` serve from memory and never block; where they
can't, the caller has a thread call :meth:`~BatchedFile.fetch` or :meth:`~BatchedFile.store`, which move a batch. A
lock lets one thread at a time do what blocks, so that a file is not closed under a thread that nobody waits for any
more.
"""

from __future__ import annotations

import io
import threading
from typing import BinaryIO

from transfer.ftp._pathio._files import sync_file, write_all
from transfer.ftp._pathio._required import Octets

__all__ = ["BATCH_BYTES", "BatchedFile"]

# A step to another thread costs 0.1 to 0.2 ms: a tenth of what it takes to move this.
BATCH_BYTES = 1024 * 1024


class BatchedFile:
    """The seekable file *raw*, without a buffer, and what was read ahead of its user or is to be written behind."""

    def __init__(self, raw: BinaryIO) -> None:
        self.raw: BinaryIO = raw
        self._ahead = memoryview(b"")
        self._at_end = False
        """Whether nothing was left when it was read last, and the user has not been told."""
        self._behind = bytearray()
        self._lock = threading.Lock()

        self.is_lost: bool = False
        """Whether a thread is still at it that nobody waits for; all that can be done is to close it."""

    @property
    def closes_at_once(self) -> bool:
        """Whether nothing is left to write, and nobody is at it."""
        return not (self._behind or self.is_lost or self._lock.locked())

    def _check(self) -> None:
        if self.is_lost:
            raise ValueError("an operation on this file took too long; what has become of it is not known")

    # -- from memory -------------------------------------------------------------------------------------------------

    def take(self, count: int) -> bytes | None:
        """Return the next *count* bytes, fewer at the end of the file, or None if they are to be fetched."""
        self._check()
        if self._behind or count < 0 or (count > len(self._ahead) and not self._at_end):
            return None
        data = bytes(self._ahead[:count])
        self._ahead = self._ahead[count:]
        # Told once: a file may grow.
        self._at_end = self._at_end and bool(data)
        return data

    def put(self, data: Octets) -> int | None:
        """Keep *data* to be written later and return its size, or None if it is to be stored."""
        self._check()
        size = memoryview(data).nbytes
        if self._ahead or self._at_end or len(self._behind) + size >= BATCH_BYTES or not self.raw.writable():
            return None
        self._behind += data
        return size

    # -- by the file -------------------------------------------------------------------------------------------------

    def fetch(self, count: int) -> bytes:
        """Return the next *count* bytes, all if it is negative, fewer at the end of the file; read ahead."""
        with self._lock:
            self._check()
            self._flush()
            if count < 0:
                data = bytes(self._ahead) + self.raw.read()
                self._ahead, self._at_end = memoryview(b""), bool(data)
                return data
            data = self._fill(max(count, BATCH_BYTES))
            self._at_end = self._at_end and bool(data)
            if len(data) <= count:
                return data
            self._ahead = memoryview(data)[count:]
            return data[:count]

    def _fill(self, wanted: int) -> bytes:
        parts = [bytes(self._ahead)] if self._ahead else []
        missing = wanted - len(self._ahead)
        self._ahead = memoryview(b"")
        while missing > 0:
            part = self.raw.read(missing)
            if not part:
                self._at_end = True
                break
            parts.append(part)
            missing -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def store(self, data: Octets) -> int:
        """Write what was put and *data*."""
        with self._lock:
            self._check()
            self._rewind()
            self._flush()
            return write_all(self.raw, data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position, as :meth:`io.IOBase.seek` does."""
        with self._lock:
            self._check()
            self._flush()
            self._rewind()
            return self.raw.seek(offset, whence)

    def sync(self) -> None:
        """Have the system write everything to the disk."""
        with self._lock:
            self._check()
            self._flush()
            sync_file(self.raw)

    def close(self) -> None:
        """Write what was put, and close the file whatever comes of that."""
        with self._lock:
            try:
                self._flush()
            finally:
                self.raw.close()

    def _flush(self) -> None:
        # What can't be written is not tried again by whatever comes next.
        data, self._behind = self._behind, bytearray()
        if data:
            write_all(self.raw, data)

    def _rewind(self) -> None:
        if self._ahead:
            self.raw.seek(-len(self._ahead), io.SEEK_CUR)
        self._ahead, self._at_end = memoryview(b""), False
