"""Files to streams and back, by the cheapest way the system offers.

How this works: a *mover* is a step (see :mod:`transfer._net.stream`) that moves one block between socket and file: it
returns how many bytes went, 0 at the end, None where the socket would block. One loop drives whichever mover applies,
inside one cancel scope whose deadline moves on with every block of 256 KiB.
"""

from __future__ import annotations

import contextlib
import math
import time
from typing import BinaryIO

import anyio
import attrs
from anyio.lowlevel import cancel_shielded_checkpoint, checkpoint, checkpoint_if_cancelled

from transfer._net import movers
from transfer._net.hostname import is_loopback
from transfer._net.movers import BLOCK_BYTES, FAST_PATHS, FastPaths, Mover
from transfer._net.progress import Meter
from transfer._net.stream import FAIR_BYTES, Stream
from transfer._net.throttle import Throttle
from transfer._net.timeouts import Deadline

__all__ = ["FAIR_BYTES", "receive_file", "send_file"]

# The deadline is moved at most this often: each move costs a timer.
_REARM_SECONDS = 1.0


async def send_file(
    stream: Stream,
    file: BinaryIO,
    *,
    seconds: float | None,
    meter: Meter | None = None,
    throttle: Throttle | None = None,
    fast_paths: FastPaths | None = None,
) -> int:
    """Send *file* from its position to its end and return the number of bytes sent.

    Args:
        stream: where to; its end is not marked.
        file: open for reading in binary mode, blocking; a real file goes to another host without being copied (Linux,
            plain stream).
        seconds: for each block of 256 KiB, None for ever; what the throttle or a fast peer takes does not count.
        meter: told of every block.
        throttle: asked after every block; None costs nothing.
        fast_paths: which of the system's short cuts to try; None for those that pay on the way to this peer.

    Raises:
        TransferTimeoutError, DisconnectedError, TLSError: as for every stream.
        OSError: reading the file failed.

    Cancellation and errors: the stream is of no further use; the position of a seekable file is behind the last byte
    that the stream took, which the peer need not have got.
    """
    sent = 0
    fast_paths = fast_paths or _fast_paths_to(stream)
    if fast_paths.sendfile and stream.tls is None and (descriptor := movers.real_file(file)) is not None:
        file.flush()  # what was written through the same object is to be sent, too
        mover = movers.SendFile(stream, descriptor, file.tell(), FAIR_BYTES)
        try:
            with contextlib.suppress(movers.Refused):
                return await _drive(stream, mover, seconds, meter, throttle)
        finally:
            file.seek(mover.offset)
        sent = mover.moved
    buffered = movers.SendBuffer(stream, file, BLOCK_BYTES)
    try:
        return sent + await _drive(stream, buffered, seconds, meter, throttle)
    finally:
        buffered.put_back()


def _fast_paths_to(stream: Stream) -> FastPaths:
    # sendfile hands over the file's pages, which a network card fetches by itself. A receiver on this host takes them
    # one by one, and takes half as long for blocks that were copied on the way (benchmarks/ftp.py).
    return attrs.evolve(FAST_PATHS, sendfile=False) if is_loopback(stream) else FAST_PATHS


async def receive_file(
    stream: Stream,
    file: BinaryIO,
    *,
    seconds: float | None,
    meter: Meter | None = None,
    throttle: Throttle | None = None,
    fast_paths: FastPaths = FAST_PATHS,
) -> int:
    """Write what *stream* brings into *file* at its position, until the end, and return the number of bytes.

    Arguments and errors as for :func:`send_file`; ``stream.truncated`` tells whether TLS was cut off.

    Cancellation and errors: everything that was taken from the stream is in the file (unless that can't be written to);
    go on from the file's position.
    """
    received = 0
    if fast_paths.splice and stream.tls is None and (descriptor := movers.spliceable_file(file)) is not None:
        from transfer._net.pipes import borrow_pipe  # exists on Linux only

        file.flush()  # and takes back what was read ahead
        with borrow_pipe() as pipe:
            if pipe is not None:
                mover = movers.Splice(stream, descriptor, pipe)
                try:
                    with contextlib.suppress(movers.Refused):
                        return await _drive(stream, mover, seconds, meter, throttle)
                finally:
                    movers.follow_descriptor(file, descriptor)
                received = mover.moved
    buffered = movers.ReceiveBuffer(stream, file, BLOCK_BYTES)
    return received + await _drive(stream, buffered, seconds, meter, throttle)


async def _drive(
    stream: Stream, mover: Mover, seconds: float | None, meter: Meter | None, throttle: Throttle | None
) -> int:
    await checkpoint_if_cancelled()
    if throttle is not None:
        mover.limit(throttle.block_bytes)
    pace = _Pace(seconds)
    total = unblocked = 0
    yielded = False
    with pace.scope:
        while (count := mover()) != 0:
            if count is None:
                pace.note()
                await stream.wait()
                unblocked, yielded = 0, True
                continue
            total += count
            unblocked += count
            pace.moved += count
            if meter is not None:
                meter.add(count)
            if unblocked >= FAIR_BYTES:
                pace.note()
                await checkpoint()
                unblocked, yielded = 0, True
            if throttle is not None:
                await pace.spend(throttle, count)
                mover.limit(throttle.block_bytes)
        if not yielded:
            await cancel_shielded_checkpoint()
        return total
    raise stream.timed_out(Deadline(seconds, "progress of the transfer"))


class _Pace:
    """The limit on standing still: a deadline that moves on whenever another block is through."""

    __slots__ = ("_armed", "_seconds", "_slack", "moved", "scope")

    def __init__(self, seconds: float | None) -> None:
        self.scope = anyio.CancelScope()
        self.moved = 0
        self._seconds = math.inf if seconds is None else seconds
        # Moving the deadline a little too late, and it a little too far, saves a timer for all but a few blocks.
        self._slack = min(_REARM_SECONDS, self._seconds / 8)
        self._arm(anyio.current_time())

    def _arm(self, now: float) -> None:
        self._armed = now
        self.scope.deadline = now + self._seconds + self._slack

    def note(self) -> None:
        """Move the deadline on if a block is through: the next one has at least ``seconds`` from now."""
        if self.moved < BLOCK_BYTES:
            return
        self.moved = 0
        now = anyio.current_time()
        if now - self._armed >= self._slack:
            self._arm(now)

    async def spend(self, throttle: Throttle, count: int) -> None:
        """Let *throttle* have its pause, which is not the peer's standing still."""
        pause = throttle.reserve(count, time.monotonic())
        if pause:
            left = self.scope.deadline - anyio.current_time()
            self.scope.deadline = math.inf
            await anyio.sleep(pause)
            self._armed = anyio.current_time()
            self.scope.deadline = self._armed + left
