"""What every storage does with open files."""

from __future__ import annotations

import io
import random
from typing import Any

import anyio
import pytest
from anyio.lowlevel import cancel_shielded_checkpoint

from tests.ftp.pathio.conftest import Place
from transfer.ftp import PathIOError

CONTENT = random.Random(7).randbytes(2_500_000)


async def test_what_is_written_in_blocks_is_read_in_blocks(place: Place) -> None:
    async with place.storage.open(place.root / "f", mode="wb") as file:
        for start in range(0, len(CONTENT), 70_001):
            assert await file.write(CONTENT[start : start + 70_001]) > 0
    async with place.storage.open(place.root / "f", mode="rb") as file:
        blocks = [block async for block in file.iter_by_block(99_999)]

    assert b"".join(blocks) == CONTENT
    assert {len(block) for block in blocks[:-1]} == {99_999}, "only at its end a block is shorter"


async def test_blocks_are_of_8_kib_unless_told_otherwise(place: Place) -> None:
    await place.write("f", bytes(10_000))
    async with place.storage.open(place.root / "f", mode="rb") as file:
        assert [len(block) async for block in file.iter_by_block()] == [8192, 1808]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
async def test_octets_come_in_any_form(place: Place, kind: Any) -> None:
    async with place.storage.open(place.root / "f", mode="wb") as file:
        assert await file.write(kind(b"abc")) == 3

    assert await place.read("f") == b"abc"


async def test_an_open_file_may_be_awaited_and_is_closed_by_hand(place: Place) -> None:
    file = await place.storage.open(place.root / "f", mode="wb")
    await file.write(b"abc")
    await file.close()

    assert await place.read("f") == b"abc"


async def test_the_storages_own_methods_take_the_storages_own_files(place: Place) -> None:
    file = await place.storage._open(place.root / "f", "wb")
    assert await place.storage.write(file, b"abcdef") == 6
    await place.storage.sync(file)
    await place.storage.close(file)
    file = await place.storage._open(place.root / "f", "rb")
    assert await place.storage.seek(file, 2) == 2
    assert await place.storage.read(file, 3) == b"cde"
    await place.storage.close(file)


async def test_writing_begins_anew(place: Place) -> None:
    await place.write("f", b"older and longer")
    await place.write("f", b"newer")

    assert await place.read("f") == b"newer"


async def test_appending_goes_on_at_the_end(place: Place) -> None:
    await place.write("f", b"one")
    async with place.storage.open(place.root / "f", mode="ab") as file:
        await file.write(b", two")
        await file.write(b", three")

    assert await place.read("f") == b"one, two, three"


async def test_reading_and_writing_share_one_position(place: Place) -> None:
    await place.write("f", b"0123456789")
    async with place.storage.open(place.root / "f", mode="r+b") as file:
        assert await file.read(2) == b"01"
        await file.seek(0, io.SEEK_CUR)  # some files want it between the two
        await file.write(b"--")
        await file.seek(0, io.SEEK_CUR)
        assert await file.read(2) == b"45"
        assert await file.seek(-1, io.SEEK_END) == 9
        assert await file.read(5) == b"9"
        assert await file.read(5) == b""
        await file.seek(0)
        assert await file.read() == b"01--456789"


async def test_reading_begins_where_it_was_told_to(place: Place) -> None:
    await place.write("f", CONTENT)
    async with place.storage.open(place.root / "f", mode="rb") as file:
        assert await file.seek(2_000_000) == 2_000_000
        assert await file.read(10) == CONTENT[2_000_000:2_000_010]
        assert await file.seek(5, io.SEEK_CUR) == 2_000_015
        assert await file.read(10) == CONTENT[2_000_015:2_000_025]


async def test_readers_of_one_file_do_not_disturb_each_other(place: Place) -> None:
    await place.write("f", CONTENT)
    found: dict[int, bytes] = {}

    async def read_in_blocks_of(size: int) -> None:
        async with place.storage.open(place.root / "f", mode="rb") as file:
            blocks = []
            async for block in file.iter_by_block(size):
                blocks.append(block)  # the others are to have their turn
                await cancel_shielded_checkpoint()
            found[size] = b"".join(blocks)

    async with anyio.create_task_group() as tasks:
        for size in (65_536, 100_000, 333_333):
            tasks.start_soon(read_in_blocks_of, size)

    assert all(content == CONTENT for content in found.values())
    assert len(found) == 3


async def test_a_closed_file_is_not_read(place: Place) -> None:
    await place.write("f", b"abc")
    async with place.storage.open(place.root / "f", mode="rb") as file:
        pass
    with pytest.raises(PathIOError):
        await file.read(1)


async def test_an_open_context_is_not_handed_to_the_storage(place: Place) -> None:
    async with place.storage.open(place.root / "f", mode="wb") as file:
        for call in (
            place.storage.write(file, b"x"),
            place.storage.read(file, 1),
            place.storage.seek(file, 0),
            place.storage.sync(file),
            place.storage.close(file),
        ):
            with pytest.raises(PathIOError, match="own methods") as caught:
                await call
            assert isinstance(caught.value.__cause__, ValueError)


async def test_a_failing_block_is_what_is_told_and_the_file_is_closed(place: Place) -> None:
    file = place.storage.open(place.root / "f", mode="wb")

    async def write_and_fail() -> None:
        async with file:
            await file.write(b"so far")
            raise KeyError

    with pytest.raises(KeyError):
        await write_and_fail()
    assert await place.read("f") == b"so far"
    with pytest.raises(PathIOError):
        await file.write(b"x")


async def test_a_cancelled_block_closes_the_file(place: Place) -> None:
    with anyio.CancelScope() as scope:
        async with place.storage.open(place.root / "f", mode="wb") as file:
            await file.write(b"so far")
            scope.cancel()
            await anyio.sleep(1)

    assert scope.cancelled_caught
    assert await place.read("f") == b"so far"


async def test_what_was_not_opened_is_not_used(place: Place) -> None:
    context = place.storage.open(place.root / "f", mode="rb")
    with pytest.raises(PathIOError, match="not open"):
        await context.read(1)
    assert (context.pathio, context.args, context.kwargs) == (place.storage, (place.root / "f",), {"mode": "rb"})
