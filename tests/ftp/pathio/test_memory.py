"""``MemoryPathIO``: its tree, and what is shared of it."""

from __future__ import annotations

import errno
import io
from pathlib import Path, PurePosixPath

import pytest

from transfer.ftp import MemoryPathIO, PathIOError, PathIONursery
from transfer.ftp.pathio import Node

P = PurePosixPath


async def put(storage: MemoryPathIO, path: str, data: bytes) -> None:
    async with storage.open(P(path), mode="wb") as file:
        await file.write(data)


async def get(storage: MemoryPathIO, path: str) -> bytes:
    async with storage.open(P(path), mode="rb") as file:
        return await file.read()


async def test_relative_paths_begin_at_the_directory_that_was_given() -> None:
    storage = MemoryPathIO(cwd="/home/anna")
    await storage.mkdir(P("docs"), parents=True)
    await put(storage, "docs/f", b"1")
    await put(storage, "../g", b"2")

    assert storage.cwd == P("/home/anna")
    assert await get(storage, "/home/anna/docs/f") == b"1"
    assert await get(storage, "/home/g") == b"2"
    assert [path async for path in storage.list(P("docs"))] == [P("docs/f")]
    assert await storage.exists(P("//home")), "one slash more is none"
    await storage.rename(P("docs/f"), P("h"))
    assert await get(storage, "/home/anna/h") == b"1"


async def test_paths_of_this_side_are_paths_as_well() -> None:
    storage = MemoryPathIO()
    await storage.mkdir(Path("a/b"), parents=True)  # type: ignore[arg-type]  # as a client that was given a str does

    assert await storage.is_dir(P("/a/b"))


async def test_the_tree_is_made_of_nodes_and_may_be_given() -> None:
    content = io.BytesIO(b"given")
    tree = [Node("dir", "/", content=[Node("dir", "d", content=[Node("file", "f", 5, 7, content=content)])])]
    storage = MemoryPathIO(state=tree)
    assert storage.fs is storage.state is tree
    assert await get(storage, "/d/f") == b"given"
    status = await storage.stat(P("/d/f"))
    assert (status.st_size, status.st_ctime, status.st_mtime) == (5, 5, 7)
    await put(storage, "/d/g", b"new")
    node = storage.get_node(P("/d/g"))

    assert node is not None
    assert isinstance(node.content, io.BytesIO)
    assert (node.type, node.name, node.content.getvalue()) == ("file", "g", b"new")
    assert storage.get_node(P("/d/g/below")) is None
    assert "name='f'" in repr(storage)


async def test_writing_changes_the_time() -> None:
    storage = MemoryPathIO()
    await put(storage, "/f", b"1")
    await storage.utime(P("/f"), 1000)
    async with storage.open(P("/f"), mode="ab") as file:
        await file.write(b"2")

    assert (await storage.stat(P("/f"))).st_mtime > 1000


async def test_a_new_content_does_not_disturb_who_reads_the_old_one() -> None:
    storage = MemoryPathIO()
    await put(storage, "/f", b"old content")
    async with storage.open(P("/f"), mode="rb") as file:
        assert await file.read(4) == b"old "
        await put(storage, "/f", b"new")
        assert await file.read() == b"content"

    assert await get(storage, "/f") == b"new"


async def test_who_reads_a_file_that_is_removed_reads_on() -> None:
    storage = MemoryPathIO()
    await put(storage, "/f", b"content")
    async with storage.open(P("/f"), mode="rb") as file:
        await storage.unlink(P("/f"))
        assert await file.read() == b"content"

    assert not await storage.exists(P("/f"))


async def test_what_is_appended_goes_to_the_end_of_today() -> None:
    storage = MemoryPathIO()
    await put(storage, "/f", b"1")
    async with storage.open(P("/f"), mode="ab") as one, storage.open(P("/f"), mode="ab") as other:
        await one.write(b"2")
        await other.write(b"3")
        await one.write(b"4")

    assert await get(storage, "/f") == b"1234"


async def test_two_files_are_not_one_when_they_are_moved() -> None:
    storage = MemoryPathIO()
    await put(storage, "/f", b"1")
    await put(storage, "/g", b"2")
    await storage.rename(P("/f"), P("/g"))

    assert await get(storage, "/g") == b"1"
    assert [path.name async for path in storage.list(P("/"))] == ["g"]


@pytest.mark.parametrize(
    ("source", "destination", "code"),
    [("/d", "/f", errno.ENOTDIR), ("/f", "/d", errno.EISDIR), ("/f", "/none/f", errno.ENOENT)],
)
async def test_a_file_and_a_directory_do_not_replace_each_other(source: str, destination: str, code: int) -> None:
    storage = MemoryPathIO()
    await storage.mkdir(P("/d"))
    await put(storage, "/f", b"1")
    with pytest.raises(PathIOError) as caught:
        await storage.rename(P(source), P(destination))

    assert caught.value.errno == code
    assert sorted([path.name async for path in storage.list(P("/"))]) == ["d", "f"]


async def test_the_uppermost_directory_stays() -> None:
    storage = MemoryPathIO()
    with pytest.raises(PathIOError) as caught:
        await storage.rmdir(P("/"))

    assert caught.value.errno == errno.EBUSY


@pytest.mark.parametrize(("path", "mode"), [("/d", "rb"), ("/d", "wb"), ("/f", "w")])
async def test_directories_and_other_modes_are_not_opened(path: str, mode: str) -> None:
    storage = MemoryPathIO()
    await storage.mkdir(P("/d"))
    with pytest.raises(PathIOError):
        await storage.open(P(path), mode=mode)

    assert not await storage.exists(P("/f"))


async def test_an_open_file_is_one_for_whatever_takes_files() -> None:
    storage = MemoryPathIO()
    await put(storage, "/f", b"0123456789")
    async with storage.open(P("/f"), mode="r+b") as opened:
        file = storage.direct_file(opened.file)
        assert file is not None
        buffer = bytearray(4)
        assert file.readinto(buffer) == 4  # type: ignore[attr-defined]  # as io.RawIOBase has it
        assert (bytes(buffer), file.tell()) == (b"0123", 4)
        assert (file.readable(), file.writable(), file.seekable()) == (True, True, True)
        assert file.seek(2, io.SEEK_CUR) == 6
        assert file.write(memoryview(b"xy")) == 2
        assert await opened.read() == b"89"

    assert await get(storage, "/f") == b"012345xy89"


# -- several storages --------------------------------------------------------------------------------------------------


async def test_a_nursery_gives_all_the_same_tree() -> None:
    nursery = PathIONursery(MemoryPathIO)
    first, second = nursery(timeout=3), nursery(connection="a connection")
    await put(first, "/f", b"1")

    assert await get(second, "/f") == b"1"
    assert nursery.state is first.state is second.state
    assert (first.timeout, second.timeout) == (3, None)
    assert (first.connection, second.connection) == (None, "a connection")
    assert nursery.factory is MemoryPathIO


async def test_without_a_nursery_each_has_its_own() -> None:
    first, second = MemoryPathIO(), MemoryPathIO()
    await put(first, "/f", b"1")

    assert not await second.exists(P("/f"))
