"""What every storage does with names."""

from __future__ import annotations

import errno
import stat
from collections.abc import Awaitable, Callable

import pytest

from tests.ftp.pathio.conftest import Place
from transfer.ftp import PathIOError


async def test_what_was_made_is_there(place: Place) -> None:
    await place.storage.mkdir(place.root / "d")
    await place.write("f", b"12345")

    kinds = [(await place.storage.is_dir(path), await place.storage.is_file(path)) for path in (place.root / "d",)]
    assert kinds == [(True, False)]
    assert await place.storage.is_file(place.root / "f")
    assert not await place.storage.is_dir(place.root / "f")
    assert await place.storage.exists(place.root / "d")
    assert await place.storage.exists(place.root / "f")


async def test_what_is_not_there_is_nothing(place: Place) -> None:
    path = place.root / "none" / "of it"
    storage = place.storage

    assert not await storage.exists(path)
    assert not await storage.is_dir(path)
    assert not await storage.is_file(path)
    assert not await storage.is_link(path)


async def test_a_directory_is_made_with_those_above_it(place: Place) -> None:
    deep = place.root / "a" / "b" / "c"
    with pytest.raises(PathIOError):
        await place.storage.mkdir(deep)
    await place.storage.mkdir(deep, parents=True)
    await place.storage.mkdir(deep, parents=True, exist_ok=True)

    assert await place.storage.is_dir(deep)
    with pytest.raises(PathIOError) as caught:
        await place.storage.mkdir(deep)
    assert caught.value.errno == errno.EEXIST


async def test_a_file_is_in_the_way_of_a_directory(place: Place) -> None:
    await place.write("f", b"")
    for path in (place.root / "f", place.root / "f" / "below"):
        with pytest.raises(PathIOError):
            await place.storage.mkdir(path, parents=True, exist_ok=True)


async def test_files_and_empty_directories_are_removed(place: Place) -> None:
    await place.storage.mkdir(place.root / "d")
    path = await place.write("d/f", b"1")
    with pytest.raises(PathIOError) as caught:
        await place.storage.rmdir(place.root / "d")
    assert caught.value.errno == errno.ENOTEMPTY
    await place.storage.unlink(path)
    await place.storage.rmdir(place.root / "d")

    assert await place.names() == []


async def test_each_kind_is_removed_by_its_own_method(place: Place) -> None:
    await place.storage.mkdir(place.root / "d")
    path = await place.write("f", b"1")
    with pytest.raises(PathIOError):
        await place.storage.unlink(place.root / "d")
    with pytest.raises(PathIOError):
        await place.storage.rmdir(path)

    assert await place.names() == ["d", "f"]


async def test_a_directory_is_listed_at_once_or_one_by_one(place: Place) -> None:
    names = sorted(f"f{number}" for number in range(600))
    for name in names:
        await place.write(name, b"")
    await place.storage.mkdir(place.root / ".hidden")

    assert await place.names() == [".hidden", *names]
    assert sorted(path.name for path in await place.listed()) == [".hidden", *names]
    assert await place.names(".hidden") == []


async def test_a_scan_tells_what_everything_is(place: Place) -> None:
    await place.storage.mkdir(place.root / "d")
    await place.write("f", b"12345")
    entries = {entry.path: entry for entry in await place.storage.scan(place.root)}
    assert set(entries) == {place.root / "d", place.root / "f"}
    directory, file = entries[place.root / "d"], entries[place.root / "f"]

    assert (directory.is_dir, directory.is_file, directory.is_link) == (True, False, False)
    assert (file.is_dir, file.is_file, file.is_link) == (False, True, False)
    assert file.status.st_size == 5


async def test_the_status_has_what_a_server_tells(place: Place) -> None:
    path = await place.write("f", b"12345")
    status = await place.storage.stat(path)

    assert stat.S_ISREG(status.st_mode)
    assert status.st_size == 5
    assert status.st_nlink == 1
    assert status.st_mtime > 1_700_000_000
    assert status.st_ctime > 1_700_000_000
    assert stat.S_ISDIR((await place.storage.stat(place.root)).st_mode)


async def test_rename_moves_files_and_directories(place: Place) -> None:
    await place.storage.mkdir(place.root / "d" / "e", parents=True)
    await place.write("f", b"content")
    assert await place.storage.rename(place.root / "f", place.root / "d" / "g") == place.root / "d" / "g"
    await place.storage.rename(place.root / "d", place.root / "h")

    assert await place.names() == ["h"]
    assert await place.names("h") == ["e", "g"]
    assert await place.read("h/g") == b"content"


async def test_a_name_may_stay_what_it_is(place: Place) -> None:
    path = await place.write("f", b"content")
    await place.storage.rename(path, path)
    await place.storage.replace(path, path)

    assert await place.read("f") == b"content"


async def test_a_directory_does_not_move_into_itself(place: Place) -> None:
    await place.storage.mkdir(place.root / "d")
    with pytest.raises(PathIOError):
        await place.storage.rename(place.root / "d", place.root / "d" / "e")

    assert await place.names() == ["d"]


async def test_a_directory_that_holds_something_is_not_replaced(place: Place) -> None:
    await place.storage.mkdir(place.root / "d")
    await place.storage.mkdir(place.root / "e")
    await place.write("e/f", b"content")
    with pytest.raises(PathIOError):
        await place.storage.rename(place.root / "d", place.root / "e")

    assert await place.read("e/f") == b"content"


@pytest.mark.parametrize("before", [None, b"older"])
async def test_a_file_takes_the_place_of_another(place: Place, before: bytes | None) -> None:
    await place.write("new", b"newer")
    if before is not None:
        await place.write("name", before)
    await place.storage.replace(place.root / "new", place.root / "name")

    assert await place.names() == ["name"]
    assert await place.read("name") == b"newer"


async def test_a_time_is_set_or_the_storage_says_that_it_can_not(place: Place) -> None:
    path = await place.write("f", b"1")
    before = (await place.storage.stat(path)).st_mtime
    is_set = await place.storage.utime(path, 1_000_000_000.5)

    assert (await place.storage.stat(path)).st_mtime == (1_000_000_000.5 if is_set else before)


MISSING: dict[str, Callable[[Place], Awaitable[object]]] = {
    "stat": lambda place: place.storage.stat(place.root / "x"),
    "list": lambda place: place.listed("x"),
    "scan": lambda place: place.storage.scan(place.root / "x"),
    "unlink": lambda place: place.storage.unlink(place.root / "x"),
    "rmdir": lambda place: place.storage.rmdir(place.root / "x"),
    "rename": lambda place: place.storage.rename(place.root / "x", place.root / "y"),
    "open to read": lambda place: place.storage.open(place.root / "x", mode="rb"),
    "open to write": lambda place: place.storage.open(place.root / "x" / "y", mode="wb"),
}


@pytest.mark.parametrize("name", MISSING)
async def test_what_is_missing_is_an_error_of_ours_with_the_systems_reason(place: Place, name: str) -> None:
    with pytest.raises(PathIOError) as caught:
        await MISSING[name](place)

    assert caught.value.errno == errno.ENOENT
    assert caught.value.filename is not None
    assert caught.value.reason is not None
    kind, error, traceback = caught.value.reason
    assert kind is FileNotFoundError
    assert isinstance(error, FileNotFoundError)
    assert error is caught.value.__cause__
    assert traceback is not None
    assert not caught.value.retryable


async def test_a_file_is_no_directory(place: Place) -> None:
    await place.write("f", b"")
    with pytest.raises(PathIOError) as caught:
        await place.listed("f")

    assert caught.value.errno == errno.ENOTDIR
