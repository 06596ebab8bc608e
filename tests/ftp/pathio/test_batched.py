"""``BatchedFile``: the same bytes as a plain file, in fewer and larger steps."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.ftp._pathio import _batched
from transfer.ftp._pathio._batched import BATCH_BYTES, BatchedFile

KIB = 1024


class Watched(io.BytesIO):
    """Notes what it is asked to read and write."""

    def __init__(self, content: bytes = b"") -> None:
        super().__init__(content)
        self.reads: list[int] = []
        self.writes: list[int] = []

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.reads.append(len(data))
        return data

    def write(self, data: Any) -> int:
        self.writes.append(len(data))
        return super().write(data)

    def fileno(self) -> int:
        raise io.UnsupportedOperation


def read(file: BatchedFile, count: int) -> bytes:
    data = file.take(count)
    return file.fetch(count) if data is None else data


def write(file: BatchedFile, data: bytes) -> int:
    size = file.put(data)
    return file.store(data) if size is None else size


def test_small_blocks_are_read_a_mebibyte_at_a_time() -> None:
    content = bytes(range(256)) * (3 * KIB * 4)
    raw = Watched(content)
    file, found = BatchedFile(raw), b""
    while block := read(file, 10_000):
        found += block

    assert found == content
    assert len(raw.reads) <= 5
    assert all(count > 1_000_000 for count in raw.reads[:3])


def test_the_end_of_a_small_file_takes_no_step_of_its_own() -> None:
    file = BatchedFile(Watched(b"small"))
    assert file.take(8192) is None
    assert file.fetch(8192) == b"small"

    assert file.take(8192) == b"", "it was there when the file was read"
    assert file.take(8192) is None, "it may have grown since"


def test_a_file_that_grows_is_read_on() -> None:
    raw = Watched(b"one")
    file = BatchedFile(raw)
    assert read(file, 10) == b"one"
    assert read(file, 10) == b""
    io.BytesIO.write(raw, b"two")
    raw.seek(3)

    assert read(file, 10) == b"two"


def test_a_large_block_is_passed_on_as_it_is() -> None:
    raw = Watched(bytes(4 * BATCH_BYTES))
    file = BatchedFile(raw)
    assert len(read(file, 3 * BATCH_BYTES)) == 3 * BATCH_BYTES
    assert write(file, bytes(2 * BATCH_BYTES)) == 2 * BATCH_BYTES

    assert raw.reads == [3 * BATCH_BYTES]
    assert raw.writes == [2 * BATCH_BYTES]


def test_small_blocks_are_written_a_mebibyte_at_a_time() -> None:
    raw = Watched()
    file = BatchedFile(raw)
    for _ in range(250):
        assert write(file, bytes(10_000)) == 10_000

    assert len(raw.writes) <= 2 * 3
    assert sum(raw.writes) >= 2_000_000
    file.seek(0)
    assert sum(raw.writes) == len(raw.getvalue()) == 2_500_000


def test_closing_writes_what_is_left() -> None:
    written: list[bytes] = []

    class Last(Watched):
        def close(self) -> None:
            if not self.closed:
                written.append(self.getvalue())
            super().close()

    file = BatchedFile(Last())
    write(file, b"abc")
    before = file.closes_at_once
    file.close()
    file.close()

    assert written == [b"abc"]
    assert (before, file.closes_at_once) == (False, True)


def test_an_error_while_closing_is_raised_and_the_file_is_closed() -> None:
    class Full(Watched):
        def write(self, data: Any) -> int:
            raise OSError(28, "full")

    raw = Full()
    file = BatchedFile(raw)
    write(file, b"abc")
    with pytest.raises(OSError, match="full"):
        file.close()
    file.close()

    assert raw.closed


def test_a_lost_file_can_only_be_closed() -> None:
    raw = Watched(b"abc")
    file = BatchedFile(raw)
    file.is_lost = True
    for call in (
        lambda: file.take(1),
        lambda: file.put(b"x"),
        lambda: file.fetch(1),
        lambda: file.store(b"x"),
        lambda: file.seek(0),
        file.sync,
    ):
        with pytest.raises(ValueError, match="too long"):
            call()
    assert not file.closes_at_once
    file.close()

    assert raw.closed


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(-1, 40)),
        st.tuples(st.just("write"), st.binary(max_size=40)),
        st.tuples(st.just("seek"), st.integers(0, 60)),
        st.tuples(st.just("skip"), st.integers(0, 20)),
        st.tuples(st.just("end"), st.just(0)),
    ),
    max_size=12,
)


@given(content=st.binary(max_size=60), operations=OPERATIONS, batch=st.integers(1, 30))
def test_whatever_is_done_is_what_a_plain_file_does(content: bytes, operations: Any, batch: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_batched, "BATCH_BYTES", batch)
        plain, raw = io.BytesIO(content), io.BytesIO(content)
        file = BatchedFile(raw)
        for name, argument in operations:
            if name == "read":
                assert read(file, argument) == plain.read(argument)
            elif name == "write":
                assert write(file, argument) == plain.write(argument)
            else:
                whence = {"seek": io.SEEK_SET, "skip": io.SEEK_CUR, "end": io.SEEK_END}[name]
                assert file.seek(argument, whence) == plain.seek(argument, whence)
        file.seek(0)

        assert raw.getvalue() == plain.getvalue()
