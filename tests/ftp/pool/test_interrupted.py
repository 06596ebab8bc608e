"""Pools, cancelled wherever they are suspended and cut off after every so many octets."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.ftp.pool.servers import below, pool_for, read
from tests.harness import CutOutcome, Mode, Outcome, cancel_everywhere, cut_everywhere
from tests.peers import MiniFTP
from transfer import ftp
from transfer._net.timeouts import Timeouts

PATIENT = Timeouts.uniform(5)
FILES = {"/tree/a": b"one", "/tree/b": b"two", "/tree/c": b"three"}
# Where something is to be removed in the end, a second native cancellation may come before it is.
ONCE = [Mode.SCOPE, Mode.NATIVE, Mode.LATE]


@attrs.define
class Subject:
    """A server, a pool of two connections to it, and a folder with the same tree."""

    server: MiniFTP
    pool: ftp.ClientPool
    folder: Path


def served(folder: Path, **options: Any) -> Callable[[], contextlib.AbstractAsyncContextManager[Subject]]:
    @contextlib.asynccontextmanager
    async def around() -> AsyncIterator[Subject]:
        with MiniFTP(files=FILES, client_may_leave=True) as server:
            # Without a limit there is no task of the pool's that watches over idle connections.
            async with pool_for(server, 2, timeouts=PATIENT, idle_seconds=None, **options) as pool:
                yield Subject(server, pool, folder)

    return around


async def everything_works(outcome: Outcome) -> None:
    """Whatever was cancelled, the pool lends both its connections, and they are in step."""
    pool = outcome.subject.pool
    async with pool.client() as first, pool.client() as second:
        for client in (first, second):
            assert await client.command("NOOP", "xxx") == ("200", [" ok"])
            assert await client.exists("/tree/a")


CALLS: dict[str, Callable[[Subject], Awaitable[object]]] = {
    "download": lambda subject: subject.pool.download("/tree", subject.folder / "received", write_into=True),
    "upload": lambda subject: subject.pool.upload(subject.folder / "tree", "/there", write_into=True),
    "download_segments": lambda subject: subject.pool.download_segments("/tree/c", subject.folder / "received"),
}


@pytest.mark.parametrize("name", CALLS)
async def test_a_cancelled_call_leaves_a_pool_that_works(name: str, tmp_path: Path) -> None:
    for path, content in FILES.items():
        (tmp_path / path[1:]).parent.mkdir(exist_ok=True)
        (tmp_path / path[1:]).write_bytes(content)
    await cancel_everywhere(CALLS[name], around=served(tmp_path), check=everything_works, modes=ONCE)
    assert not [path for path in read(tmp_path) if path.endswith((".part", ".new"))]


async def test_cancelled_parts_are_removed_from_a_storage_in_threads_as_well(tmp_path: Path) -> None:
    around = served(tmp_path, path_io_factory=ftp.AsyncPathIO)
    call = CALLS["download_segments"]
    await cancel_everywhere(call, around=around, check=everything_works, modes=[Mode.SCOPE])
    assert set(read(tmp_path)) <= {"received/c"}


async def test_a_client_that_was_cancelled_even_twice_leaves_a_pool_that_works(tmp_path: Path) -> None:
    async def lend(subject: Subject) -> None:
        async with subject.pool.client() as client:
            await client.command("NOOP", "200")

    await cancel_everywhere(lend, around=served(tmp_path), check=everything_works, modes=list(Mode))


@contextlib.asynccontextmanager
async def a_server() -> AsyncIterator[MiniFTP]:
    with MiniFTP(files=FILES, client_may_leave=True) as server:
        yield server


async def test_a_pool_that_is_cancelled_while_it_is_entered_used_and_left_leaves_nothing() -> None:
    async def use(server: MiniFTP) -> None:
        async with pool_for(server, 2, timeouts=PATIENT) as pool, pool.client(), pool.client() as second:
            await second.command("NOOP", "200")

    await cancel_everywhere(use, around=a_server, modes=list(Mode))


@pytest.mark.parametrize("data", [False, True])
async def test_a_tree_that_is_cut_off_is_an_error_by_itself_or_there(data: bool, tmp_path: Path) -> None:
    async def download(server: MiniFTP) -> None:
        async with pool_for(server, 2, timeouts=PATIENT) as pool:
            await pool.download("/tree", tmp_path / "received", write_into=True)

    def whole_files(outcome: CutOutcome, _: MiniFTP) -> None:
        received = read(tmp_path / "received")
        expected = below(FILES, "/tree")
        assert received.items() <= expected.items()
        if outcome.exception is None:
            assert received == expected
        for path in received:
            (tmp_path / "received" / path).unlink()

    stride = 3 if data else 11
    await cut_everywhere(download, lambda: MiniFTP(files=FILES), check=whole_files, data=data, stride=stride)
