"""Files to streams and back, by the cheapest way the system offers.

How this works: a *mover* is a step (see :mod:`transfer._net.stream`) that moves one block between socket and file: it
returns how many bytes went, 0 at the end, None where the socket would block. One loop drives whichever mover applies,
inside one cancel scope whose deadline moves on with every block of 256 KiB.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import BinaryIO

import anyio
from anyio.lowlevel import checkpoint, checkpoint_if_cancelled

from transfer._net import movers
from transfer._net.movers import BLOCK_BYTES, FAST_PATHS, FastPaths
from transfer._net.progress import Meter
from transfer._net.stream import Stream
from transfer._net.throttle import Throttle
from transfer._net.timeouts import Deadline

__all__ = ["FAIR_BYTES", "receive_file", "send_file"]

# A full checkpoint for every MiB that never blocked keeps other tasks within 10 ms at a cost of about a tenth; without
# any, an unthrottled transfer on a fast link can't be cancelled and starves everybody else.
FAIR_BYTES = 1024 * 1024
# The deadline is moved at most this often: each move costs a timer.
_REARM_SECONDS = 1.0


async def send_file(
    stream: Stream,
    file: BinaryIO,
    *,
    seconds: float | None,
    meter: Meter | None = None,
    throttle: Throttle | None = None,
    fast_paths: FastPaths = FAST_PATHS,
) -> int:
    """Send *file* from its position to its end and return the number of bytes sent.

    Args:
        stream: where to; its end is not marked.
        file: open for reading in binary mode, blocking; a real file goes without being copied (Linux, plain stream).
        seconds: for each block of 256 KiB, None for ever.
        meter: told of every block.
        throttle: asked after every block; None costs nothing.
        fast_paths: which of the system's short cuts to try.

    Raises:
        TransferTimeoutError, DisconnectedError, TLSError: as for every stream.
        OSError: reading the file failed.

    Cancellation: the stream is of no further use; the file's position is what the kernel took.
    """
    if fast_paths.sendfile and stream.tls is None and (descriptor := movers.real_file(file)) is not None:
        mover = movers.SendFile(stream, descriptor, file.tell(), _block_bytes(throttle, FAIR_BYTES))
        try:
            with contextlib.suppress(movers.Refused):
                return await _drive(stream, mover, seconds, meter, throttle)
        finally:
            file.seek(mover.offset)
        sent = mover.moved
    else:
        sent = 0
    buffered = movers.SendBuffer(stream, file, _block_bytes(throttle, BLOCK_BYTES))
    return sent + await _drive(stream, buffered, seconds, meter, throttle)


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

    Cancellation: everything that was taken from the stream is in the file; go on from the file's position.
    """
    received = 0
    if fast_paths.splice and stream.tls is None and (descriptor := movers.spliceable_file(file)) is not None:
        from transfer._net.pipes import borrow_pipe  # exists on Linux only

        file.flush()
        with borrow_pipe() as pipe:
            if pipe is not None:
                mover = movers.Splice(stream, descriptor, pipe, _block_bytes(throttle, pipe.size))
                try:
                    with contextlib.suppress(movers.Refused):
                        return await _drive(stream, mover, seconds, meter, throttle)
                finally:
                    movers.follow_descriptor(file, descriptor)
                received = mover.moved
    buffered = movers.ReceiveBuffer(stream, file, _block_bytes(throttle, BLOCK_BYTES))
    return received + await _drive(stream, buffered, seconds, meter, throttle)


def _block_bytes(throttle: Throttle | None, most: int) -> int:
    limited = throttle.block_bytes if throttle is not None else None
    return most if limited is None else min(most, limited)


async def _drive(
    stream: Stream,
    move: Callable[[], int | None],
    seconds: float | None,
    meter: Meter | None,
    throttle: Throttle | None,
) -> int:
    await checkpoint_if_cancelled()
    deadline = Deadline(seconds, "progress of the transfer")
    total = unblocked = block = 0
    armed = time.monotonic()
    with anyio.CancelScope(deadline=deadline.at) as scope:
        while (count := move()) != 0:
            if count is None:
                if block >= BLOCK_BYTES and time.monotonic() - armed >= _REARM_SECONDS:
                    block, armed = 0, time.monotonic()
                    scope.deadline = Deadline(seconds, deadline.phase).at
                await stream.wait()
                unblocked = 0
                continue
            total += count
            block += count
            unblocked += count
            if meter is not None:
                meter.add(count)
            if unblocked >= FAIR_BYTES:
                unblocked = 0
                await checkpoint()
            if throttle is not None:
                scope.deadline = float("inf")
                await throttle.spend(count)
                scope.deadline = Deadline(seconds, deadline.phase).at
        return total
    raise stream.timed_out(deadline)
