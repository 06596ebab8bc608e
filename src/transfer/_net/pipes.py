"""Pipes for splice: few, of a known size, empty when they are given back."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

__all__ = ["Pipe", "borrow_pipe"]

# The kernel lets an unprivileged user have 64 pipes of 1 MiB in all and cuts every later one to 8 KiB
# (pipe-user-pages-soft, pipe(7)). A large pipe costs a fifth less per byte, so the first few are: 14 MiB in all stay
# far below that limit, and whoever comes later copies through a buffer.
PIPE_BYTES = 1024 * 1024
_SMALLER_BYTES = 256 * 1024
_LEAST_BYTES = 64 * 1024
_MOST_PIPES = 32
_MOST_LARGE_PIPES = 8
_in_use = 0


class Pipe:
    """Both ends of a pipe that holds ``size`` bytes: the first of *sizes* that the kernel grants, or its default."""

    __slots__ = ("reader", "size", "writer")

    def __init__(self, *sizes: int) -> None:
        self.reader, self.writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        for size in sizes:
            with contextlib.suppress(OSError):  # EPERM beyond the user's limit
                fcntl.fcntl(self.writer, fcntl.F_SETPIPE_SZ, size)
                break
        self.size: int = fcntl.fcntl(self.writer, fcntl.F_GETPIPE_SZ)

    def close(self) -> None:
        """Close both ends; what is inside is lost."""
        os.close(self.reader)
        os.close(self.writer)


@contextlib.contextmanager
def borrow_pipe() -> Iterator[Pipe | None]:
    """Give a pipe for one transfer, or None where there are too many already or the system is short of them."""
    global _in_use  # noqa: PLW0603  # the kernel's limit is per user, so the count is per process
    if _in_use >= _MOST_PIPES:
        yield None
        return
    try:
        pipe = Pipe(PIPE_BYTES, _SMALLER_BYTES) if _in_use < _MOST_LARGE_PIPES else Pipe(_SMALLER_BYTES)
    except OSError:
        yield None
        return
    if pipe.size < _LEAST_BYTES:
        pipe.close()
        yield None
        return
    _in_use += 1
    try:
        yield pipe
    finally:
        _in_use -= 1
        pipe.close()
