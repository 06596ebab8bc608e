"""``PathIO``: at once, and as the system moves files best."""

from __future__ import annotations

import errno
import gc
import io
import os
import warnings
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from transfer._net import movers
from transfer.ftp import PathEntry, PathIO, PathIOError
from transfer.ftp._pathio import _names


async def test_a_binary_file_is_the_systems_own_without_a_buffer(tmp_path: Path) -> None:
    storage = PathIO()
    async with storage.open(tmp_path / "f", mode="wb") as file:
        assert isinstance(file.file, io.FileIO)
        assert storage.direct_file(file.file) is file.file
        assert movers.real_file(file.file) == file.file.fileno()
        await file.write(b"abc")
        assert (tmp_path / "f").stat().st_size == 3


async def test_a_buffer_or_an_encoding_may_be_asked_for(tmp_path: Path) -> None:
    storage = PathIO()
    async with storage.open(tmp_path / "f", mode="w", encoding="utf-16-le") as file:
        assert await storage.write(file.file, "grün") == 4
    async with storage.open(tmp_path / "f", mode="r", encoding="utf-16-le") as file:
        text: Any = await file.read()
        assert text == "grün"
    async with storage.open(tmp_path / "f", mode="rb", buffering=100) as file:
        assert isinstance(file.file, io.BufferedReader)


class Counting(PathIO):
    """Looks at what is read."""

    seen = 0

    async def read(self, file: Any, block_size: int = -1) -> Any:
        data = await super().read(file, block_size)
        self.seen += len(data)
        return data


async def test_a_subclass_that_reads_in_its_own_way_is_not_left_out(tmp_path: Path) -> None:
    storage = Counting()
    async with storage.open(tmp_path / "f", mode="wb") as file:
        assert storage.direct_file(file.file) is None


class Renaming(PathIO):
    """Does something of its own that is no reading or writing."""

    async def rename(self, source: Path, destination: Path) -> Path:
        return await super().rename(source, destination.with_suffix(".renamed"))


async def test_a_subclass_that_moves_bytes_as_usual_is_as_fast(tmp_path: Path) -> None:
    storage = Renaming()
    async with storage.open(tmp_path / "f", mode="wb") as file:
        assert storage.direct_file(file.file) is file.file


class Grudging(io.RawIOBase):
    """Takes a byte at a time, as a file may that is almost full."""

    def __init__(self) -> None:
        self.taken = b""

    def write(self, data: Any) -> int:
        self.taken += bytes(data[:1])
        return 1


async def test_a_file_that_takes_less_gets_the_rest() -> None:
    file: Any = Grudging()
    assert await PathIO().write(file, b"abcdef") == 6

    assert file.taken == b"abcdef"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
async def test_a_full_disk_is_told_by_name() -> None:
    async with PathIO().open(Path("/dev/full"), mode="wb") as file:
        with pytest.raises(PathIOError) as caught:
            await file.write(b"x")

    assert caught.value.errno == errno.ENOSPC


# -- links -------------------------------------------------------------------------------------------------------------


async def test_links_are_seen_and_followed(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"12345")
    (tmp_path / "to f").symlink_to("f")
    (tmp_path / "to .").symlink_to(".")
    (tmp_path / "to nothing").symlink_to("nothing")
    (tmp_path / "to itself").symlink_to("to itself")
    storage = PathIO()
    entries = {entry.path.name: entry for entry in await storage.scan(tmp_path)}

    def kind(entry: PathEntry[Path]) -> tuple[bool, bool, bool]:
        return entry.is_link, entry.is_dir, entry.is_file

    assert {name: kind(entry) for name, entry in entries.items()} == {
        "f": (False, False, True),
        "to f": (True, False, True),
        "to .": (True, True, False),
        "to nothing": (True, False, False),
        "to itself": (True, False, False),
    }
    assert entries["to f"].status.st_size == 5
    assert entries["to nothing"].status is None
    assert await storage.is_link(tmp_path / "to nothing")
    assert not await storage.exists(tmp_path / "to nothing")
    assert not await storage.is_link(tmp_path / "f")


async def test_what_vanishes_while_a_directory_is_read_is_left_out(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).touch()
    entries = list(os.scandir(tmp_path))
    (tmp_path / "a").unlink()

    assert [_names._status(tmp_path, entry) for entry in entries if entry.name == "a"] == [None]
    assert [entry is not None for entry in entries if entry.name == "b"] == [True]


async def test_replacing_a_link_leaves_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"kept")
    (tmp_path / "link").symlink_to("f")
    (tmp_path / "new").write_bytes(b"new")
    await PathIO().replace(tmp_path / "new", tmp_path / "link")

    assert (tmp_path / "f").read_bytes() == b"kept"
    assert (tmp_path / "link").read_bytes() == b"new"
    assert not (tmp_path / "link").is_symlink()


async def test_the_time_of_access_stays(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    os.utime(tmp_path / "f", ns=(123_456_789_987_654_321, 1))
    assert await PathIO().utime(tmp_path / "f", 1_600_000_000.25)

    assert (tmp_path / "f").stat().st_atime_ns == 123_456_789_987_654_321
    assert (tmp_path / "f").stat().st_mtime_ns == 1_600_000_000_250_000_000


# -- others ------------------------------------------------------------------------------------------------------------


async def turns_of_others(work: Any) -> int:
    """Count how often another task has its turn while *work* is done."""
    turns = 0
    started = anyio.Event()

    async def count() -> None:
        nonlocal turns
        started.set()
        while True:
            await anyio.lowlevel.checkpoint()
            turns += 1

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(count)
        await started.wait()
        turns = 0
        await work
        tasks.cancel_scope.cancel()
    return turns


async def test_others_have_their_turn_once_for_a_mebibyte(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(bytes(8 * 1024 * 1024))

    async def read() -> None:
        async with PathIO().open(tmp_path / "f", mode="rb") as file:
            async for _ in file.iter_by_block(65_536):
                pass

    assert await turns_of_others(read()) >= 7


async def test_others_have_their_turn_while_a_large_directory_is_read(tmp_path: Path) -> None:
    for number in range(2000):
        (tmp_path / str(number)).touch()

    async def read() -> None:
        assert len(await PathIO().scan(tmp_path)) == 2000

    assert await turns_of_others(read()) >= 7


async def test_a_listing_that_is_left_half_way_leaves_nothing_open(tmp_path: Path) -> None:
    for number in range(1000):
        (tmp_path / str(number)).touch()
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        lister = PathIO().scan(tmp_path)
        await anext(aiter(lister))
        del lister
        gc.collect()

    lister = PathIO().scan(tmp_path)
    assert len(await lister) == 1000
    assert await lister == [], "it is over"


async def test_a_cancelled_call_does_nothing(tmp_path: Path) -> None:
    storage = PathIO()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await storage.mkdir(tmp_path / "d")

    assert scope.cancelled_caught
    assert not (tmp_path / "d").exists()
