"""``AsyncPathIO``: in other threads, in few steps, and under a limit."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest

from tests.harness import Outcome, cancel_everywhere
from transfer.ftp import AbstractPathIO, AsyncPathIO, FTPTimeoutError, PathIO, PathIOError

LONG, SHORT = 10.0, 0.05


class Steps(ThreadPoolExecutor):
    """Counts what is handed to it, and notes where it is done."""

    def __init__(self) -> None:
        super().__init__(1)
        self.count = 0
        self.threads: set[int] = set()

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.count += 1

        def noted() -> Any:
            self.threads.add(threading.get_ident())
            return function(*args, **kwargs)

        return super().submit(noted)


@pytest.fixture
def steps() -> Iterator[Steps]:
    """An executor of the test's own."""
    with Steps() as executor:
        yield executor


async def test_the_executor_that_was_given_does_it(tmp_path: Path, steps: Steps) -> None:
    storage = AsyncPathIO(executor=steps)
    assert storage.executor is steps
    await storage.mkdir(tmp_path / "d")
    async with storage.open(tmp_path / "f", mode="wb") as file:
        await file.write(b"abc")
    assert await storage.exists(tmp_path / "f")

    assert steps.count == 4, "mkdir, open, close with what was written, exists"
    assert threading.get_ident() not in steps.threads


async def test_a_mebibyte_or_a_directory_takes_one_step(tmp_path: Path, steps: Steps) -> None:
    storage = AsyncPathIO(executor=steps)
    (tmp_path / "f").write_bytes(bytes(4_000_000))
    async with storage.open(tmp_path / "f", mode="rb") as file:
        async for _ in file.iter_by_block(8000):
            pass
        assert steps.count <= 1 + 5
    assert steps.count <= 1 + 5, "there is nothing to write when it is closed"
    for number in range(200):
        (tmp_path / str(number)).touch()
    before = steps.count
    assert len(await storage.scan(tmp_path)) == 201

    assert steps.count <= before + 2


async def test_transfers_are_told_to_use_the_methods_and_large_blocks(tmp_path: Path) -> None:
    storage = AsyncPathIO()
    async with storage.open(tmp_path / "f", mode="wb") as file:
        assert storage.direct_file(file.file) is None

    assert storage.block_bytes == 1024 * 1024


async def test_what_is_synchronised_is_in_the_file(tmp_path: Path) -> None:
    storage = AsyncPathIO()
    async with storage.open(tmp_path / "f", mode="wb") as file:
        await file.write(b"abc")
        await storage.sync(file.file)
        assert (tmp_path / "f").read_bytes() == b"abc"


async def test_text_and_what_has_no_position_are_read_as_they_come(tmp_path: Path) -> None:
    storage = AsyncPathIO()
    async with storage.open(tmp_path / "f", mode="w", encoding="utf-8") as file:
        assert await storage.write(file.file, "grün") == 4
        await storage.sync(file.file)
    async with storage.open(tmp_path / "f", mode="r", encoding="utf-8") as file:
        text: Any = await file.read()
        assert text == "grün"
    async with storage.open(Path("/dev/null"), mode="rb") as file:
        assert await file.read(10) == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
async def test_a_full_disk_is_told_at_the_end_at_the_latest() -> None:
    file = await AsyncPathIO().open(Path("/dev/full"), mode="wb")
    with pytest.raises(PathIOError) as caught:
        await file.write(bytes(2_000_000))
    assert caught.value.errno == 28
    with contextlib.suppress(PathIOError):
        await file.close()

    assert file.file.raw.closed


# -- time --------------------------------------------------------------------------------------------------------------


class Slow(AsyncPathIO):
    """A disk that does not answer until it is let to."""

    def __init__(self, timeout: float | None) -> None:
        super().__init__(timeout=timeout)
        self.answer = threading.Event()
        self.answered = threading.Event()

    def hang(self) -> str:
        """Wait for it."""
        assert self.answer.wait(LONG)
        self.answered.set()
        return "result"


async def test_an_operation_has_the_time_that_was_given(tmp_path: Path) -> None:
    storage = Slow(timeout=SHORT)

    async def hang() -> str:
        return await storage._call(storage.hang)

    try:
        with pytest.raises(FTPTimeoutError) as caught:
            await hang()
        assert isinstance(caught.value, TimeoutError)
        assert caught.value.seconds == SHORT
    finally:
        storage.answer.set()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
async def test_a_method_that_takes_too_long_says_why(tmp_path: Path) -> None:
    storage = AsyncPathIO(timeout=SHORT)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(PathIOError) as caught:
        await storage.open(fifo, mode="wb")  # until somebody reads
    try:
        assert caught.value.reason is not None
        assert issubclass(caught.value.reason[0], TimeoutError)
    finally:
        fifo.open("rb").close()  # lets the thread go, which closes what it has opened


async def test_a_file_whose_operation_took_too_long_is_not_used_again(tmp_path: Path) -> None:
    storage = Slow(timeout=SHORT)
    file = await storage.open(tmp_path / "f", mode="wb")
    with pytest.raises(FTPTimeoutError):
        await storage._move(file.file, storage.hang)
    storage.answer.set()
    with pytest.raises(PathIOError, match="took too long"):
        await file.write(b"x")
    storage.timeout = LONG
    await file.close()

    assert file.file.raw.closed


@pytest.mark.parametrize("timeout", [None, LONG])
async def test_an_operation_that_has_begun_is_waited_for(timeout: float | None) -> None:
    """A cancelled caller goes on when the thread has done, so that nothing happens behind its back."""
    storage = Slow(timeout=timeout)
    timer = threading.Timer(2 * SHORT, storage.answer.set)
    timer.start()
    with anyio.move_on_after(SHORT):
        await storage._call(storage.hang)
    timer.join()

    assert storage.answered.is_set()


# -- cancelled everywhere ----------------------------------------------------------------------------------------------


OLD = b"0123456789" * 20


@attrs.define
class Subject:
    """A storage with one file, and room for another."""

    storage: AbstractPathIO[Path]
    folder: Path


@contextlib.asynccontextmanager
async def one_file(folder: Path, storage: AbstractPathIO[Path]) -> AsyncIterator[Subject]:
    """Bring the folder to where the scenario begins."""
    (folder / "g").unlink(missing_ok=True)
    (folder / "f").write_bytes(OLD)
    yield Subject(storage, folder)


async def read_and_write(subject: Subject) -> None:
    async with subject.storage.open(subject.folder / "f", mode="r+b") as file:
        assert await file.read(5) == b"01234"
        await file.write(b"x" * 20)
        await file.seek(2)
    async for _ in subject.storage.list(subject.folder):
        pass


async def open_and_leave(subject: Subject) -> None:
    file = await subject.storage.open(subject.folder / "g", mode="wb")
    try:
        await file.write(b"abc")
    finally:
        await file.close()


CALLS: dict[str, Callable[[Subject], Awaitable[object]]] = {"a block": read_and_write, "by hand": open_and_leave}


STORAGES: dict[str, Callable[[], AbstractPathIO[Path]]] = {
    "inline": PathIO,
    "threads": AsyncPathIO,
    "threads with a limit": lambda: AsyncPathIO(timeout=LONG),
}


@pytest.mark.parametrize("kind", STORAGES)
@pytest.mark.parametrize("name", CALLS)
async def test_I9_nothing_stays_open_wherever_it_is_cancelled(name: str, kind: str, tmp_path: Path) -> None:
    async def as_it_was_or_complete(outcome: Outcome) -> None:
        assert (tmp_path / "f").read_bytes() in (OLD, OLD[:5] + b"x" * 20 + OLD[25:])
        if (tmp_path / "g").exists():
            assert (tmp_path / "g").read_bytes() in (b"", b"abc")

    await cancel_everywhere(
        CALLS[name], around=lambda: one_file(tmp_path, STORAGES[kind]()), check=as_it_was_or_complete, clean_up_points=2
    )
