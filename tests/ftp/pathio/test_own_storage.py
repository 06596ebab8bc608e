"""What a storage that programs have written may leave out, and what its errors become."""

from __future__ import annotations

import errno
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.ftp.pathio.own import OwnPathIO
from transfer.ftp import AbstractPathIO, PathIOError
from transfer.ftp.pathio import universal_exception


def test_a_storage_has_to_have_the_abstract_methods() -> None:
    class Empty(AbstractPathIO[Path]):
        pass

    with pytest.raises(TypeError, match=r"_open.*close.*exists.*is_dir.*is_file.*list.*mkdir.*read.*rename"):
        Empty()  # type: ignore[abstract]


def test_what_a_storage_was_made_with_is_there() -> None:
    storage = OwnPathIO(timeout=3, connection="c", state=["s"])

    assert (storage.timeout, storage.connection, storage.state) == (3, "c", None)


async def test_a_replaced_file_is_removed_first(tmp_path: Path) -> None:
    calls: list[tuple[str, str]] = []

    class Noting(OwnPathIO):
        async def unlink(self, path: Path) -> None:
            calls.append(("unlink", path.name))
            await super().unlink(path)

        async def rename(self, source: Path, destination: Path) -> Path:
            calls.append(("rename", source.name))
            return await super().rename(source, destination)

    (tmp_path / "old").touch()
    (tmp_path / "new").touch()
    await Noting().replace(tmp_path / "new", tmp_path / "old")

    assert calls == [("unlink", "old"), ("rename", "new")]


async def test_a_storage_that_knows_of_links_tells_of_broken_ones(tmp_path: Path) -> None:
    class Linking(OwnPathIO):
        @universal_exception
        async def is_link(self, path: Path) -> bool:
            return path.is_symlink()  # noqa: ASYNC240 (as its other methods)

    (tmp_path / "link").symlink_to("nothing")
    (entry,) = await Linking().scan(tmp_path)
    assert (entry.is_link, entry.status) == (True, None)

    with pytest.raises(PathIOError):
        await OwnPathIO().scan(tmp_path)


async def test_a_listing_that_takes_too_long_ends(tmp_path: Path) -> None:
    class Hanging(OwnPathIO):
        @universal_exception
        async def stat(self, path: Path) -> Any:
            await anyio.sleep_forever()

    (tmp_path / "f").touch()
    with anyio.move_on_after(0.05) as scope:
        await Hanging().scan(tmp_path)

    assert scope.cancelled_caught


# -- what its errors become --------------------------------------------------------------------------------------------


@universal_exception
async def fail(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    "error", [OSError(errno.EIO, "no luck", "f"), KeyError("x"), ValueError("NUL"), TimeoutError()]
)
async def test_whatever_goes_wrong_is_one_error(error: Exception) -> None:
    with pytest.raises(PathIOError) as caught:
        await fail(error)

    assert caught.value.__cause__ is error
    assert caught.value.reason is not None
    assert caught.value.reason[:2] == (type(error), error)
    assert str(caught.value) == str(error)
    assert sys.exc_info() == (None, None, None)


@pytest.mark.parametrize(
    "error", [NotImplementedError(), StopAsyncIteration(), PathIOError("once"), KeyboardInterrupt(), SystemExit()]
)
async def test_some_stay_what_they_are(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught:
        await fail(error)

    assert caught.value is error


async def test_a_cancellation_stays_what_it_is() -> None:
    @universal_exception
    async def wait() -> None:
        await anyio.sleep_forever()

    with anyio.move_on_after(0.01) as scope:
        await wait()

    assert scope.cancelled_caught


# -- how an open file is closed ----------------------------------------------------------------------------------------


class Stubborn(OwnPathIO):
    """Can't close its files, or not soon."""

    def __init__(self, close: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self._close = close

    @universal_exception
    async def close(self, file: Any) -> None:
        file.close()
        await self._close()


async def refuse() -> None:
    raise OSError(errno.EIO, "no luck")


async def test_an_error_at_the_end_is_raised(tmp_path: Path) -> None:
    with pytest.raises(PathIOError, match="no luck"):
        async with Stubborn(refuse).open(tmp_path / "f", mode="wb"):
            pass


async def test_I8_an_error_at_the_end_does_not_replace_the_blocks_own(tmp_path: Path) -> None:
    with pytest.raises(KeyError) as caught:
        async with Stubborn(refuse).open(tmp_path / "f", mode="wb"):
            raise KeyError

    assert "no luck" in caught.value.__notes__[0]


async def test_a_file_that_takes_a_while_to_close_is_closed_even_when_cancelled(tmp_path: Path) -> None:
    closed = anyio.Event()

    async def wait() -> None:
        await anyio.sleep(0.05)
        closed.set()

    with anyio.CancelScope() as scope:
        async with Stubborn(wait).open(tmp_path / "f", mode="wb"):
            scope.cancel()
            await anyio.sleep(1)

    assert closed.is_set()
    assert scope.cancelled_caught
