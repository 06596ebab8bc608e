"""Streams that tell what was asked of them, refuse a short cut as a kernel may, or never make anybody wait."""

from __future__ import annotations

import errno
import os
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from tests.net.support import pair_of
from transfer._net.movers import FastPaths
from transfer._net.stream import Stream

FAST = FastPaths(sendfile=True, splice=True)
BUFFER = FastPaths(sendfile=False, splice=False)
"""What macOS and Windows have."""
both_paths = pytest.mark.parametrize("paths", [FAST, BUFFER], ids=["fast", "buffer"])


class WatchedStream(Stream):
    """Counts the system calls that moved something, and the longest move of each kind."""

    def __init__(self, sock: socket.socket, **options: Any) -> None:
        super().__init__(sock, **options)
        self.calls: Counter[str] = Counter()
        self.longest: dict[str, int] = {}

    def _note(self, name: str, count: int | None) -> int | None:
        if count:
            self.calls[name] += 1
            self.longest[name] = max(count, self.longest.get(name, 0))
        return count

    def send_nowait(self, data: memoryview) -> int | None:
        return self._note("send", super().send_nowait(data))

    def sendfile_nowait(self, descriptor: int, offset: int, count: int) -> int | None:
        return self._note("sendfile", super().sendfile_nowait(descriptor, offset, count))

    def receive_into_nowait(self, buffer: memoryview) -> int | None:
        return self._note("recv_into", super().receive_into_nowait(buffer))

    def splice_nowait(self, pipe: int, count: int) -> int | None:
        return self._note("splice", super().splice_nowait(pipe, count))


class _Distant:
    """What a socket says whose peer is on another host."""

    family = socket.AF_INET

    def getpeername(self) -> tuple[str, int]:
        return "192.0.2.1", 21


class DistantStream(WatchedStream):
    """A stream to another host, as far as anybody can see."""

    @property
    def raw_socket(self) -> socket.socket:
        return cast("socket.socket", _Distant())


class RefusingStream(WatchedStream):
    """Over a kernel that does so many short cuts and then can't do them any more."""

    willing_times = 0
    refusal = errno.EINVAL

    def sendfile_nowait(self, descriptor: int, offset: int, count: int) -> int | None:
        if self.calls["sendfile"] >= self.willing_times:
            raise OSError(self.refusal, os.strerror(self.refusal))
        return super().sendfile_nowait(descriptor, offset, min(count, 1000))

    def splice_nowait(self, pipe: int, count: int) -> int | None:
        if self.calls["splice"] >= self.willing_times:
            raise OSError(self.refusal, os.strerror(self.refusal))
        return super().splice_nowait(pipe, min(count, 1000))


class PacedStream(Stream):
    """Whenever it would have to wait, its peer has a turn first: as many waits as turns, on every machine."""

    turn: Callable[[], object] = staticmethod(int)

    async def wait(self) -> None:
        self.turn()
        await super().wait()


class UnblockedStream(Stream):
    """Over a connection that always has room, and so many bytes to read, as if the peer were faster than this side."""

    moved = 0
    bytes_to_read = 0

    def _move(self, count: int) -> int:
        self.moved += count
        return count

    def send_nowait(self, data: memoryview) -> int:
        return self._move(len(data))

    def sendfile_nowait(self, descriptor: int, offset: int, count: int) -> int:
        return self._move(min(count, max(0, os.fstat(descriptor).st_size - offset)))

    def receive_into_nowait(self, buffer: memoryview) -> int:
        return self._move(min(len(buffer), self.bytes_to_read - self.moved))

    def splice_nowait(self, pipe: int, count: int) -> int:
        count = min(count, self.bytes_to_read - self.moved)
        return self._move(os.write(pipe, bytes(count))) if count else 0


@contextmanager
def unblocked(bytes_to_read: int = 0) -> Iterator[UnblockedStream]:
    """An UnblockedStream."""
    with pair_of(UnblockedStream) as (stream, _):
        stream.bytes_to_read = bytes_to_read
        yield stream


def refusing_after(times: int, code: int = errno.EINVAL) -> type[RefusingStream]:
    """Streams whose kernel does *times* short cuts, and then says *code*."""

    class Refusing(RefusingStream):
        willing_times = times
        refusal = code

    return Refusing
