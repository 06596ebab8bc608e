"""Streams to files: splice where it applies, a buffer everywhere else (rule R8), plain and inside TLS (rule R7)."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import gzip
import io
import os
import resource
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.net.streams import FAST, WatchedStream, both_paths, refusing_after
from tests.net.support import (
    pair,
    pair_of,
    pattern,
    played,
    reset,
    tcp_pair,
)
from transfer._errors import DisconnectedError, TransferError, TransferTimeoutError
from transfer._net import pipes
from transfer._net.movers import FastPaths
from transfer._net.progress import Meter
from transfer._net.pump import receive_file
from transfer._net.stream import Stream
from transfer._net.throttle import Throttle

DATA = pattern(3_000_001)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where there is no file yet."""
    return tmp_path / "data"


async def receive(stream: Stream, file: Any, paths: FastPaths = FAST, **options: Any) -> int:
    return await receive_file(stream, file, seconds=10, fast_paths=paths, **options)


def content(path: Path) -> bytes:
    return path.read_bytes()


def fill(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def give(peer: socket.socket, data: bytes = DATA) -> None:
    """Send *data* and the end."""
    peer.sendall(data)
    peer.shutdown(socket.SHUT_WR)


# -- whole files and parts of them -------------------------------------------------------------------------------------


@both_paths
async def test_R8_a_file_is_received_whole_by_either_path(paths: FastPaths, path: Path) -> None:
    with pair_of(WatchedStream) as (stream, peer), path.open("wb") as file, played(give, peer):
        assert await receive(stream, file, paths) == len(DATA)
        assert file.tell() == len(DATA)

    assert content(path) == DATA
    assert set(stream.calls) == ({"splice"} if paths is FAST else {"recv_into"})
    assert not stream.truncated


@both_paths
async def test_receiving_begins_at_the_files_position_and_leaves_the_rest_alone(paths: FastPaths, path: Path) -> None:
    """A resumed download: what was read ahead, and what was not flushed, are in their places."""
    fill(path, b"a" * 100 + b"b" * 5_000_000)
    with pair() as (stream, peer), path.open("r+b") as file, played(give, peer):
        assert file.read(50) == b"a" * 50
        file.write(b"c" * 50)
        assert await receive(stream, file, paths) == len(DATA)
        assert file.tell() == 100 + len(DATA)
        file.write(b"d")

    rest = b"b" * (5_000_000 - len(DATA) - 1)
    assert content(path) == b"a" * 50 + b"c" * 50 + DATA + b"d" + rest


@both_paths
async def test_a_buffered_file_knows_how_far_its_descriptor_has_come(paths: FastPaths, path: Path) -> None:
    with pair() as (stream, peer), path.open("w+b") as file, played(give, peer):
        await receive(stream, file, paths)
        file.seek(0)
        assert file.read() == DATA


@both_paths
async def test_nothing_but_the_end_is_an_empty_file(paths: FastPaths, path: Path) -> None:
    with pair() as (stream, peer), path.open("wb") as file:
        give(peer, b"")
        assert await receive(stream, file, paths) == 0

    assert content(path) == b""


# -- objects that are files, or almost ---------------------------------------------------------------------------------


class _Writer:
    """The least that is a file to write: `write`, which says nothing, and a descriptor that leads elsewhere."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, data: memoryview) -> None:
        self._file.write(bytes(data))

    def fileno(self) -> int:
        return int(self._file.fileno())


class _ShortWriter(io.BytesIO):
    """Takes a thousand bytes at a time, as an unbuffered pipe may."""

    def write(self, data: Any) -> int:
        return super().write(memoryview(data)[:1000])


def _unbuffered(path: Path) -> Any:
    return path.open("wb", buffering=0)


def _both_ways(path: Path) -> Any:
    return path.open("w+b")


def _temporary(path: Path) -> Any:
    return tempfile.NamedTemporaryFile()


def _appending(path: Path) -> Any:
    return path.open("ab")


def _appending_unbuffered(path: Path) -> Any:
    return path.open("a+b", buffering=0)


def _in_memory(path: Path) -> Any:
    return io.BytesIO()


def _compressing(path: Path) -> Any:
    return gzip.open(path, "wb", compresslevel=0)


@pytest.mark.parametrize(
    ("make", "call"),
    [
        (_unbuffered, "splice"),
        (_both_ways, "splice"),
        (_temporary, "splice"),
        (_appending, "recv_into"),
        (_appending_unbuffered, "recv_into"),
        (_in_memory, "recv_into"),
        (_compressing, "recv_into"),
        (lambda _: _ShortWriter(), "recv_into"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_R8_only_what_is_nothing_but_a_file_is_written_by_the_short_cut(
    make: Callable[[Path], Any], call: str, path: Path
) -> None:
    """splice(2): "EINVAL: the target file is opened in append mode"."""
    with make(path) as file, pair_of(WatchedStream) as (stream, peer), played(give, peer):
        assert await receive(stream, file) == len(DATA)
        with contextlib.suppress(OSError):
            file.flush()
        assert _content(file, path) == DATA

    assert set(stream.calls) == {call}


def _content(file: Any, path: Path) -> bytes:
    if isinstance(file, io.BytesIO):
        return file.getvalue()
    if isinstance(file, gzip.GzipFile):
        file.close()
        return gzip.decompress(path.read_bytes())
    return Path(file.name).read_bytes()


async def test_an_object_that_only_writes_is_written_to_and_not_passed_by(path: Path) -> None:
    """Its descriptor is no way around it: it may count, or transform."""
    with path.open("wb", buffering=0) as target, pair_of(WatchedStream) as (stream, peer), played(give, peer):
        assert await receive(stream, _Writer(target)) == len(DATA)

    assert content(path) == DATA
    assert set(stream.calls) == {"recv_into"}


async def test_what_is_appended_comes_after_what_is_there(path: Path) -> None:
    fill(path, b"before")
    with path.open("ab") as file, pair() as (stream, peer), played(give, peer):
        file.write(b"between")
        await receive(stream, file)
        file.write(b"after")

    assert content(path) == b"beforebetween" + DATA + b"after"


# -- where the kernel refuses ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("times", "code"), [(0, errno.EINVAL), (3, errno.EINVAL), (0, errno.ENOSYS), (0, errno.EPERM)])
async def test_R8_where_the_kernel_refuses_the_buffer_goes_on(times: int, code: int, path: Path) -> None:
    meter = Meter()
    with pair_of(refusing_after(times, code)) as (stream, peer), path.open("wb") as file, played(give, peer):
        assert await receive(stream, file, meter=meter) == len(DATA)
        assert file.tell() == len(DATA)

    assert content(path) == DATA
    assert meter.transferred == len(DATA)
    assert stream.calls["splice"] == times
    assert stream.calls["recv_into"] > 0


class _MeddledStream(WatchedStream):
    """Somebody makes the file append-only under way: from the pipe into the file nothing goes any more."""

    descriptor = -1

    def splice_nowait(self, pipe: int, count: int) -> int | None:
        if self.calls["splice"] == 3:
            flags = fcntl.fcntl(self.descriptor, fcntl.F_GETFL)
            fcntl.fcntl(self.descriptor, fcntl.F_SETFL, flags | os.O_APPEND)
        return super().splice_nowait(pipe, count)


async def test_R8_what_is_in_the_pipe_when_the_file_refuses_is_not_lost(path: Path) -> None:
    with pair_of(_MeddledStream) as (stream, peer), path.open("wb") as file, played(give, peer):
        stream.descriptor = file.fileno()
        assert await receive(stream, file) == len(DATA)

    assert content(path) == DATA
    assert stream.calls["splice"] == 4
    assert stream.calls["recv_into"] > 0


@contextlib.contextmanager
def _file_limit(limit_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@both_paths
async def test_a_file_that_takes_no_more_is_an_oserror_and_its_pipe_is_not_used_again(
    paths: FastPaths, path: Path
) -> None:
    with pair() as (stream, peer), path.open("wb", buffering=0) as file:
        give(peer, DATA[:150_000])
        with _file_limit(100_000), pytest.raises(OSError) as caught:
            await receive(stream, file, paths)
        assert caught.value.errno == errno.EFBIG
        assert not isinstance(caught.value, TransferError)
        assert file.tell() == 100_000
    assert content(path) == DATA[:100_000]

    with pair() as (stream, peer), path.open("wb", buffering=0) as file, played(give, peer):
        await receive(stream, file, paths)
    assert content(path) == DATA


# -- the pipe ----------------------------------------------------------------------------------------------------------


async def test_R8_without_a_pipe_the_buffer_is_used(path: Path) -> None:
    with contextlib.ExitStack() as stack:
        while stack.enter_context(pipes.borrow_pipe()) is not None:
            pass
        with pair_of(WatchedStream) as (stream, peer), path.open("wb") as file, played(give, peer):
            assert await receive(stream, file) == len(DATA)

    assert content(path) == DATA
    assert set(stream.calls) == {"recv_into"}


# -- failing -----------------------------------------------------------------------------------------------------------


@both_paths
async def test_R2_in_a_cancelled_scope_nothing_is_taken(paths: FastPaths, path: Path) -> None:
    with pair() as (stream, peer), path.open("wb") as file:
        give(peer, b"x")
        with anyio.CancelScope() as scope:
            scope.cancel()
            await receive(stream, file, paths)
        assert scope.cancelled_caught
        assert await stream.receive() == b"x"


@both_paths
async def test_what_came_before_a_reset_is_in_the_file(paths: FastPaths, path: Path) -> None:
    with tcp_pair() as (stream, peer), path.open("wb") as file:
        peer.sendall(DATA[:100_000])
        reset(peer)
        with pytest.raises(DisconnectedError) as caught:
            await receive(stream, file, paths)
        assert caught.value.errno == errno.ECONNRESET
        assert file.tell() == 100_000

    assert content(path) == DATA[:100_000]


@both_paths
async def test_R4_closing_the_stream_ends_a_transfer_under_way(paths: FastPaths, path: Path) -> None:
    with pair() as (stream, peer), path.open("wb") as file:
        peer.sendall(b"some")
        async with anyio.create_task_group() as group:
            group.start_soon(_close_soon, stream)
            with pytest.raises(DisconnectedError, match="closed while in use"):
                await receive(stream, file, paths)

    assert content(path) == b"some"


async def _close_soon(stream: Stream) -> None:
    await anyio.sleep(0.01)
    stream.close()


@both_paths
async def test_a_peer_that_sends_no_more_meets_the_limit_and_what_came_is_kept(paths: FastPaths, path: Path) -> None:
    with pair() as (stream, peer), path.open("wb") as file:
        peer.sendall(DATA[:1000])
        with pytest.raises(TransferTimeoutError) as caught:
            await receive_file(stream, file, seconds=0.01, fast_paths=paths)
        assert caught.value.phase == "progress of the transfer"

    assert content(path) == DATA[:1000]


@both_paths
async def test_a_throttle_makes_the_blocks_small(paths: FastPaths, path: Path) -> None:
    with pair_of(WatchedStream) as (stream, peer), path.open("wb") as file:
        give(peer, DATA[:10_000])
        await receive(stream, file, paths, throttle=Throttle(limit=70_000))

    assert content(path) == DATA[:10_000]
    assert max(stream.longest.values()) == 7_000
