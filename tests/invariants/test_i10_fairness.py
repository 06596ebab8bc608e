"""I10: bulk work never delays another task for long: checkpoints are counted per MiB; benchmarks measure the time."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.support import ERRORS, PATIENT
from tests.harness.drive import Drive
from tests.net.streams import BUFFER, FAST, UnblockedStream
from tests.net.support import pair_of
from transfer._engine.client import ClientChannel
from transfer._net.movers import BLOCK_BYTES, FastPaths
from transfer._net.pump import receive_file, send_file
from transfer._wire.dialect import SMTP_CLIENT

MEBIBYTE = 1024 * 1024
SIZE = 16 * MEBIBYTE
# A budget of one MiB ends with the block that exceeds it.
FEWEST_CHECKPOINTS = SIZE // (MEBIBYTE + BLOCK_BYTES)

Work = Callable[[UnblockedStream, socket.socket, Path], Coroutine[Any, Any, object]]


def sending(paths: FastPaths) -> Work:
    async def send(stream: UnblockedStream, other: socket.socket, path: Path) -> None:
        with path.open("rb") as file:
            await send_file(stream, file, seconds=10, fast_paths=paths)

    return send


def receiving(paths: FastPaths) -> Work:
    async def receive(stream: UnblockedStream, other: socket.socket, path: Path) -> None:
        stream.bytes_to_read = SIZE
        with path.open("r+b") as file:
            await receive_file(stream, file, seconds=10, fast_paths=paths)

    return receive


def mailing(pieces: int) -> Work:
    async def mail(stream: UnblockedStream, other: socket.socket, path: Path) -> None:
        channel = ClientChannel(stream, dialect=SMTP_CLIENT, errors=ERRORS, timeouts=PATIENT)

        def body() -> Iterator[bytes]:
            for _ in range(pieces):
                yield bytes(SIZE // pieces)
            other.send(b"250 queued\r\n")

        assert (await channel.payload(body())).code == 250

    return mail


WORKS: dict[str, Work] = {
    "sending a file": sending(FAST),
    "sending a file through a buffer": sending(BUFFER),
    "receiving a file": receiving(FAST),
    "receiving a file through a buffer": receiving(BUFFER),
    "a large message": mailing(1),
    "a message in many pieces": mailing(64),
}


@pytest.mark.parametrize("work", WORKS)
async def test_bulk_work_passes_a_checkpoint_for_every_mebibyte(work: str, tmp_path: Path) -> None:
    """Over a connection that never makes it wait, so every checkpoint is one of its own accord."""
    checkpoints = 0

    def count(*_: object) -> None:
        nonlocal checkpoints
        checkpoints += 1

    path = tmp_path / "data"
    path.touch()
    os.truncate(path, SIZE)
    with pair_of(UnblockedStream) as (stream, other):
        drive = Drive(WORKS[work](stream, other, path), suspended=count, bound_seconds=20)
        await drive.run()
        assert drive.stepped.exception is None
        assert stream.moved == SIZE
    assert checkpoints >= FEWEST_CHECKPOINTS
