"""Files to streams: sendfile where it applies, a buffer everywhere else (rule R8), plain and inside TLS."""

from __future__ import annotations

import contextlib
import errno
import gzip
import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import anyio
import pytest

from tests.net.streams import FAST, DistantStream, WatchedStream, both_paths, refusing_after
from tests.net.support import (
    pair,
    pair_of,
    pattern,
    played,
    read_all,
    reset,
    tcp_pair,
    until_waiting,
)
from transfer._errors import DisconnectedError, TransferError, TransferTimeoutError
from transfer._net.movers import FAST_PATHS, FastPaths
from transfer._net.progress import Meter, Progress
from transfer._net.pump import send_file
from transfer._net.stream import Stream
from transfer._net.throttle import Throttle

DATA = pattern(3_000_001)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that holds DATA."""
    path = tmp_path_factory.mktemp("pump") / "data"
    path.write_bytes(DATA)
    return path


async def send(stream: Stream, file: Any, paths: FastPaths = FAST, **options: Any) -> int:
    return await send_file(stream, file, seconds=10, fast_paths=paths, **options)


# -- whole files and parts of them -------------------------------------------------------------------------------------


@both_paths
async def test_R8_a_file_arrives_whole_by_either_path(paths: FastPaths, path: Path) -> None:
    with pair_of(WatchedStream) as (stream, peer), path.open("rb") as file, played(read_all, peer) as read:
        assert await send(stream, file, paths) == len(DATA)
        assert file.tell() == len(DATA)
        await stream.send_eof()

    assert read.result == DATA
    assert set(stream.calls) == ({"sendfile"} if paths is FAST else {"send"})


@pytest.mark.skipif(not FAST_PATHS.sendfile, reason="this system has no sendfile")
@pytest.mark.parametrize(("kind", "call"), [(WatchedStream, "send"), (DistantStream, "sendfile")])
async def test_R8_a_file_is_copied_to_peers_on_this_host_only(kind: type[WatchedStream], call: str, path: Path) -> None:
    with pair_of(kind) as (stream, peer), path.open("rb") as file, played(read_all, peer) as read:
        await send_file(stream, file, seconds=10)
        await stream.send_eof()

    assert read.result == DATA
    assert set(stream.calls) == {call}


def test_R8_linux_has_the_short_cuts_and_nobody_else() -> None:
    linux = os.uname().sysname == "Linux" if hasattr(os, "uname") else False

    assert FastPaths(sendfile=linux, splice=linux) == FAST_PATHS


@both_paths
async def test_sending_begins_at_the_files_position(paths: FastPaths, path: Path) -> None:
    """What was read from a buffered file has taken its descriptor further than its position."""
    with pair() as (stream, peer), path.open("rb") as file, played(read_all, peer) as read:
        file.seek(1_000_000)
        assert file.read(10) == DATA[1_000_000:1_000_010]
        assert await send(stream, file, paths) == len(DATA) - 1_000_010
        await stream.send_eof()

    assert read.result == DATA[1_000_010:]


@both_paths
async def test_an_empty_file_and_a_position_behind_the_end_are_nothing(paths: FastPaths, path: Path) -> None:
    with pair() as (stream, peer), path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        assert await send(stream, file, paths) == 0
        file.seek(len(DATA) + 10)
        assert await send(stream, file, paths) == 0
        await stream.send_eof()
        assert peer.recv(1) == b""


# -- objects that are files, or almost ---------------------------------------------------------------------------------


def _unbuffered(stack: contextlib.ExitStack, path: Path) -> Any:
    return stack.enter_context(path.open("rb", buffering=0))


def _written_and_not_flushed(stack: contextlib.ExitStack, path: Path) -> Any:
    written = path.parent / "written"
    written.write_bytes(b"before " + DATA[7:])
    file = stack.enter_context(written.open("r+b"))
    # Within what was read ahead a seek flushes nothing.
    file.read(10)
    file.seek(0)
    file.write(DATA[:7])
    file.seek(0)
    assert written.read_bytes()[:7] == b"before "
    return file


def _temporary(stack: contextlib.ExitStack, path: Path) -> Any:
    file = stack.enter_context(tempfile.NamedTemporaryFile())  # noqa: SIM115  # the stack is the context
    file.write(DATA)
    file.seek(0)
    return file


def _in_memory(stack: contextlib.ExitStack, path: Path) -> Any:
    return io.BytesIO(DATA)


def _spooled(stack: contextlib.ExitStack, path: Path) -> Any:
    file = stack.enter_context(tempfile.SpooledTemporaryFile(max_size=len(DATA) - 1))  # noqa: SIM115  # likewise
    file.write(DATA)
    file.seek(0)
    return file


def _compressed(stack: contextlib.ExitStack, path: Path) -> Any:
    target = path.parent / "data.gz"
    target.write_bytes(gzip.compress(DATA, compresslevel=0))
    return stack.enter_context(gzip.open(target))


class _Reader:
    """The least that is a file to read: `read`, and a descriptor that leads elsewhere."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, count: int) -> bytes:
        return self._file.read(count)

    def fileno(self) -> int:
        return self._file.fileno()


class _Translator(io.BufferedReader):
    """A file by its base, and by its descriptor, and still not what is in the file."""

    def readinto(self, buffer: Any) -> int:
        count = super().readinto(buffer)
        buffer[:count] = bytes(buffer[:count]).translate(bytes(range(255, -1, -1)))
        return count


def _translating(stack: contextlib.ExitStack, path: Path) -> Any:
    translated = path.parent / "translated"
    translated.write_bytes(DATA.translate(bytes(range(255, -1, -1))))
    return stack.enter_context(_Translator(io.FileIO(translated)))


def _reader(stack: contextlib.ExitStack, path: Path) -> Any:
    return _Reader(stack.enter_context(path.open("rb")))


def _fifo(stack: contextlib.ExitStack, path: Path) -> Any:
    reader, writer = os.pipe()

    def write() -> None:
        with os.fdopen(writer, "wb") as file:
            file.write(DATA)

    stack.enter_context(played(write))
    return stack.enter_context(os.fdopen(reader, "rb"))


@pytest.mark.parametrize(
    ("make", "call"),
    [
        (_unbuffered, "sendfile"),
        (_written_and_not_flushed, "sendfile"),
        (_temporary, "sendfile"),
        (_in_memory, "send"),
        (_spooled, "send"),
        (_compressed, "send"),
        (_reader, "send"),
        (_translating, "send"),
        (_fifo, "send"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_R8_only_what_is_nothing_but_a_file_goes_by_the_short_cut(
    make: Callable[[contextlib.ExitStack, Path], BinaryIO], call: str, path: Path
) -> None:
    with contextlib.ExitStack() as stack, pair_of(WatchedStream) as (stream, peer), played(read_all, peer) as read:
        assert await send(stream, make(stack, path)) == len(DATA)
        await stream.send_eof()

    assert read.result == DATA
    assert set(stream.calls) == {call}


@pytest.mark.parametrize(("times", "code"), [(0, errno.EINVAL), (3, errno.EINVAL), (0, errno.ENOSYS), (0, errno.EPERM)])
async def test_R8_where_the_kernel_refuses_the_buffer_goes_on(times: int, code: int, path: Path) -> None:
    with (
        pair_of(refusing_after(times, code)) as (stream, peer),
        path.open("rb") as file,
        played(read_all, peer) as read,
    ):
        assert await send(stream, file) == len(DATA)
        assert file.tell() == len(DATA)
        await stream.send_eof()

    assert read.result == DATA
    assert stream.calls["sendfile"] == times
    assert stream.calls["send"] > 0


@both_paths
async def test_an_error_of_the_file_is_an_oserror_and_not_the_connections(paths: FastPaths, tmp_path: Path) -> None:
    with pair() as (stream, peer), (tmp_path / "written").open("wb", buffering=0) as file:
        with pytest.raises(OSError) as caught:
            await send(stream, file, paths)
        assert not isinstance(caught.value, TransferError)
        await stream.send(b"x")
        assert peer.recv(1) == b"x", "the stream is as it was"


# -- failing -----------------------------------------------------------------------------------------------------------


@both_paths
async def test_R2_in_a_cancelled_scope_nothing_is_sent(paths: FastPaths, path: Path) -> None:
    with pair() as (stream, peer), path.open("rb") as file:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await send(stream, file, paths)
        assert scope.cancelled_caught
        assert file.tell() == 0
        await stream.send_eof()
        assert peer.recv(1) == b""


@both_paths
async def test_a_peer_that_is_reset_is_disconnected(paths: FastPaths, path: Path) -> None:
    with tcp_pair() as (stream, peer), path.open("rb") as file:
        reset(peer)
        with pytest.raises(DisconnectedError) as caught:
            await send(stream, file, paths)

    assert caught.value.errno in (errno.ECONNRESET, errno.EPIPE)
    assert caught.value.peer == "peer"


@both_paths
async def test_R4_closing_the_stream_ends_a_transfer_under_way(paths: FastPaths, path: Path) -> None:
    with pair() as (stream, _), path.open("rb") as file:
        async with anyio.create_task_group() as group:
            group.start_soon(_close_soon, stream)
            with pytest.raises(DisconnectedError, match="closed while in use"):
                await send(stream, file, paths)
        assert 0 < file.tell() < len(DATA)


async def _close_soon(stream: Stream) -> None:
    await anyio.sleep(0.01)
    stream.close()


@both_paths
async def test_a_peer_that_reads_nothing_meets_the_limit(paths: FastPaths, path: Path) -> None:
    with pair() as (stream, _), path.open("rb") as file:
        with pytest.raises(TransferTimeoutError, match=r"No progress of the transfer within 0\.01 s") as caught:
            await send_file(stream, file, seconds=0.01, fast_paths=paths)
        assert caught.value.phase == "progress of the transfer"
        assert caught.value.seconds == 0.01
        assert caught.value.peer == "peer"
        assert 0 < file.tell() < len(DATA)


# -- progress and throttle ---------------------------------------------------------------------------------------------


@both_paths
async def test_the_meter_is_told_of_every_byte(paths: FastPaths, path: Path) -> None:
    readings: list[Progress] = []
    meter = Meter(readings.append, total=len(DATA), transferred=100)
    with pair() as (stream, peer), path.open("rb") as file, played(read_all, peer):
        await send(stream, file, paths, meter=meter)
        await stream.send_eof()
    meter.finish()

    assert meter.transferred == len(DATA) + 100
    assert [reading.transferred for reading in readings] == sorted(reading.transferred for reading in readings)


@pytest.mark.parametrize("times", [0, 3])
async def test_the_meter_counts_no_byte_twice_when_the_kernel_refuses(times: int, path: Path) -> None:
    meter = Meter()
    with pair_of(refusing_after(times)) as (stream, peer), path.open("rb") as file, played(read_all, peer):
        await send(stream, file, meter=meter)
        await stream.send_eof()

    assert meter.transferred == len(DATA)


class _TellTale(Meter):
    """Fails at the second block, as a callback may."""

    def add(self, count: int) -> None:
        super().add(count)
        if self.transferred > count:
            raise LookupError("enough")


@both_paths
async def test_an_exception_of_the_meter_ends_the_transfer_behind_what_was_sent(paths: FastPaths, path: Path) -> None:
    with pair() as (stream, peer), path.open("rb") as file, played(read_all, peer) as read:
        with pytest.raises(LookupError):
            await send(stream, file, paths, meter=_TellTale())
        sent = file.tell()
        stream.close()

    assert 0 < sent < len(DATA)
    assert read.result == DATA[:sent]


class _Account(Throttle):
    """Keeps no time: notes what it is told, asks for *pause* after every block, and is free after *blocks* blocks."""

    def __init__(self, limit: float, *, pause: float = 0.0, blocks: int = 1 << 30) -> None:
        super().__init__(limit=limit)
        self.counts: list[int] = []
        self.pause, self.blocks = pause, blocks

    def reserve(self, count: int, now: float) -> float:
        self.counts.append(count)
        if len(self.counts) == self.blocks:
            self.limit = None
        return self.pause


@both_paths
async def test_a_throttle_is_asked_after_every_block_and_makes_them_small(paths: FastPaths, path: Path) -> None:
    """A tenth of a second's worth each, so that the flow is steady."""
    throttle = _Account(500_000)
    with pair_of(WatchedStream) as (stream, peer), path.open("rb") as file, played(read_all, peer) as read:
        await send(stream, file, paths, throttle=throttle)
        await stream.send_eof()

    assert read.result == DATA
    assert sum(throttle.counts) == len(DATA)
    assert max(throttle.counts) == max(stream.longest.values()) <= 50_000


@both_paths
async def test_a_limit_that_is_taken_away_under_way_frees_the_rest(paths: FastPaths, path: Path) -> None:
    throttle = _Account(1000, blocks=3)
    with pair_of(WatchedStream) as (stream, peer), path.open("rb") as file, played(read_all, peer) as read:
        await send(stream, file, paths, throttle=throttle)
        await stream.send_eof()

    assert read.result == DATA
    assert throttle.counts[:3] == [100, 100, 100]
    assert max(throttle.counts) > 1000


@both_paths
async def test_a_throttles_pause_is_slept_and_can_be_cancelled(paths: FastPaths, path: Path) -> None:
    throttle = _Account(1000, pause=3600)
    with pair() as (stream, _), path.open("rb") as file:
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: send(stream, file, paths, throttle=throttle))
            await until_waiting()
            group.cancel_scope.cancel()
        assert throttle.counts == [100]
        assert file.tell() == 100
