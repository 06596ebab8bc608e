"""Compressed data on its way: transmission mode Z (draft-preston-ftpext-deflate), one zlib stream for each transfer."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from transfer.ftp._errors import FTPProtocolError

__all__ = ["Deflater", "Inflater"]

# What a step may make of a few octets: a thousand times as many is possible, and the reader decides when to go on.
_PIECE_BYTES = 256 * 1024


class Deflater:
    """Compresses what is sent."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj()

    def feed(self, data: bytes) -> list[bytes]:
        """Return what *data* adds to the stream, if that is anything yet."""
        compressed = self._stream.compress(data)
        return [compressed] if compressed else []

    def finish(self) -> list[bytes]:
        """Return the end of the stream."""
        return [self._stream.flush()]


class Inflater:
    """Decompresses what is received, a bounded piece at a time, however well it was compressed."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what *data* stands for, in pieces of 256 KiB at most.

        Raises:
            FTPProtocolError: it is no zlib stream, or something follows the end of one.
        """
        rest = data
        while rest:
            if self._stream.eof:
                raise FTPProtocolError("The server's compressed data goes on after its end")
            piece = self._step(rest)
            if piece:
                yield piece
            rest = self._stream.unconsumed_tail or self._stream.unused_data
        # What was read may still stand for more than one piece.
        while not self._stream.eof and (piece := self._step(b"")):
            yield piece

    def finish(self) -> list[bytes]:
        """Return what is left: nothing.

        Raises:
            FTPProtocolError: the stream was cut off.
        """
        if not self._stream.eof:
            raise FTPProtocolError("The server's compressed data ended before its end")
        return []

    def _step(self, data: bytes) -> bytes:
        try:
            return self._stream.decompress(data, _PIECE_BYTES)
        except zlib.error as exc:
            raise FTPProtocolError(f"The server's compressed data can't be read: {exc}") from exc
