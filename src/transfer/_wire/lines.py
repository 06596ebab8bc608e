"""LineBuffer: received octets, handed out as lines.

How this works: octets are appended to one bytearray and deleted from its front, which CPython does by moving a
pointer. The place up to which no line end was found is remembered, so every octet is looked at once however the
input is cut: total O(n). A line end is LF, with a CR before it or not (RFC 5321 §2.3.8 and RFC 959 §5.3 ask
for CRLF; programs that send LF alone exist in numbers).
"""

from __future__ import annotations

from transfer._errors import RemoteProtocolError

__all__ = ["LineBuffer"]

_LF = 0x0A
_CR = 0x0D


class LineBuffer:
    """A bounded-line view of a stream of octets.

    Args:
        limit: octets that a line may have, its end not counted.
    """

    __slots__ = ("_data", "_limit", "_scanned")

    def __init__(self, limit: int) -> None:
        self._data = bytearray()
        self._limit = limit
        self._scanned = 0

    def __len__(self) -> int:
        return len(self._data)

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Append *data*; limits are looked at when a line is asked for."""
        self._data += data

    def next_line(self) -> bytes | None:
        """Take the next line, without its CRLF or LF; None until one is complete.

        Raises:
            RemoteProtocolError: the line is longer than the limit, whether its end has come or not; the octets
                stay.
        """
        data = self._data
        end = data.find(_LF, self._scanned)
        if end < 0:
            self._scanned = size = len(data)
            if size > self._limit:
                # A CR at the end may be half of a line end.
                self._check_length(size - data.endswith(b"\r"))
            return None
        size = end - 1 if end and data[end - 1] == _CR else end
        if size > self._limit:
            self._check_length(size)
        line = bytes(data[:size])
        del data[: end + 1]
        self._scanned = 0
        return line

    def take_lines(self) -> list[bytes]:
        """Take all lines that are complete, without their CRLF or LF.

        Raises:
            RemoteProtocolError: one of them is longer than the limit, or what follows the last is.
        """
        end = self._data.rfind(b"\n", self._scanned)
        if end < 0:
            self.next_line()
            return []
        block = bytes(self._data[:end])
        del self._data[: end + 1]
        self._scanned = 0
        lines = block.split(b"\n")
        if b"\r" in block:
            lines = [line.removesuffix(b"\r") for line in lines]
        if len(block) > self._limit:
            self._check_length(max(map(len, lines)))
        if len(self._data) > self._limit:
            self._check_length(len(self._data) - self._data.endswith(b"\r"))
        return lines

    def take(self, n: int) -> bytes:
        """Take the first *n* octets, or all where there are fewer."""
        taken = bytes(self._data[:n])
        del self._data[:n]
        self._scanned = max(0, self._scanned - n)
        return taken

    def take_all(self) -> bytes:
        """Take everything."""
        taken = bytes(self._data)
        self._data.clear()
        self._scanned = 0
        return taken

    def _check_length(self, size: int) -> None:
        if size > self._limit:
            raise RemoteProtocolError(f"line is longer than {self._limit} octets ({size} received)")
