"""Mirrors whose files are moved by several clients, and whose local side is another storage."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest

from tests.ftp.mirror.sides import contents, served, write
from tests.ftp.support import LONG, connected
from tests.peers import MiniFTP
from transfer import ftp


@attrs.define(eq=False)
class Clients:
    """The least that a pool can be: clients that take turns."""

    size: int
    idle: list[ftp.Client]
    free: anyio.Semaphore
    busiest: int = 0

    @asynccontextmanager
    async def client(self) -> AsyncIterator[ftp.Client]:
        async with self.free:
            client = self.idle.pop()
            self.busiest = max(self.busiest, self.size - len(self.idle))
            try:
                yield client
            finally:
                self.idle.append(client)


@asynccontextmanager
async def several(server: MiniFTP, count: int) -> AsyncIterator[Clients]:
    """Clients that are logged in to *server*."""
    clients = [await connected(server) for _ in range(count)]
    try:
        for client in clients:
            await client.login()
        yield Clients(count, list(clients), anyio.Semaphore(count))
    finally:
        for client in clients:
            client.close()


# -- several clients --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", ["download", "upload"])
async def test_files_go_over_side_by_side(tmp_path: Path, direction: Any) -> None:
    names = [f"deep/{number}" for number in range(12)]
    if direction == "upload":
        write(tmp_path, {name: name.encode() for name in names})
    files = {f"/pub/{name}": name.encode() for name in names} if direction == "download" else {"/pub/x": b""}
    async with served(files) as (client, server), several(server, 3) as pool:
        outcomes: list[ftp.MirrorOutcome] = []
        report = await client.mirror(
            tmp_path,
            "/pub",
            direction=direction,
            pool=pool,
            on_outcome=outcomes.append,
        )
        assert report.is_complete
        assert sorted(map(str, outcomes)) == sorted(map(str, report.outcomes))
        assert pool.busiest == 3
        if direction == "upload":
            assert {server.files[f"/pub/{name}"] for name in names} == {name.encode() for name in names}
    for name in names:
        assert (tmp_path / name).read_bytes() == name.encode()


@pytest.mark.parametrize("direction", ["download", "upload"])
async def test_a_pool_of_clients_moves_files(tmp_path: Path, direction: Any) -> None:
    names = [f"deep/{number}" for number in range(12)]
    if direction == "upload":
        write(tmp_path, {name: name.encode() for name in names})
    files = {f"/pub/{name}": name.encode() for name in names} if direction == "download" else {}
    async with served(files) as (client, server), ftp.ClientPool(server.host, server.port, size=3) as pool:
        report = await client.mirror(tmp_path, "/pub", direction=direction, pool=pool)
        assert report.is_complete
        if direction == "upload":
            assert server.files == {f"/pub/{name}": name.encode() for name in names}
        again = await client.mirror(tmp_path, "/pub", direction=direction, pool=pool, compare="size")
        assert again.outcomes == ()
    assert {name: (tmp_path / name).read_bytes() for name in names} == {name: name.encode() for name in names}


async def test_a_server_that_takes_few_clients_is_mirrored_by_few(tmp_path: Path) -> None:
    files = {f"/pub/{number}": b"x" for number in range(12)}
    async with served(files) as (client, server), ftp.ClientPool(server.host, server.port, size=4) as pool:
        welcomes = ["230 welcome", "230 welcome"]
        server.replies["PASS"] = lambda password: welcomes.pop() if welcomes else "530 too many connections"
        assert (await client.mirror(tmp_path, "/pub", pool=pool)).is_complete
    assert len(contents(tmp_path)) == 12


async def test_a_path_is_the_same_for_all_clients(tmp_path: Path) -> None:
    """The one that looks has gone to another directory than the others."""
    async with served() as (client, server), several(server, 2) as pool:
        await client.change_directory("/pub")
        assert (await client.mirror(tmp_path, "deep", pool=pool)).is_complete
    assert sorted(contents(tmp_path)) == ["c", "er", "er/b"]


async def test_what_is_refused_side_by_side_is_in_the_report(tmp_path: Path) -> None:
    files = {f"/pub/{number}": b"x" for number in range(6)}
    async with served(files) as (client, server), several(server, 2) as pool:
        server.replies["RETR"] = lambda path: "550 no" if path.endswith(("2", "4")) else None
        report = await client.mirror(tmp_path, "/pub", pool=pool)
    assert [outcome.action.path for outcome in report.failed] == ["2", "4"]
    assert sorted(contents(tmp_path)) == ["0", "1", "3", "5"]


async def test_the_loss_of_one_connection_is_raised_by_itself_and_ends_the_others(tmp_path: Path) -> None:
    files = {f"/pub/{number}": b"x" for number in range(6)}
    async with served(files) as (client, server), several(server, 2) as pool:
        server.replies["RETR"] = lambda path: "<close>" if path.endswith("1") else None
        with anyio.fail_after(LONG), pytest.raises(ftp.FTPDisconnected):
            await client.mirror(tmp_path, "/pub", pool=pool)
        server.replies.clear()
        # The client that did the rest is as it was.
        assert (await client.mirror(tmp_path, "/pub")).is_complete
    assert sorted(contents(tmp_path)) == ["0", "1", "2", "3", "4", "5"]


# -- other storages ---------------------------------------------------------------------------------------------------


async def test_a_storage_that_keeps_no_times_is_up_to_date_with_what_is_newer(tmp_path: Path) -> None:
    class Timeless(ftp.PathIO):
        utime = ftp.AbstractPathIO.utime  # what a storage has that does not say otherwise

    async with served(path_io_factory=Timeless) as (client, _):
        plan = await client.plan_mirror(tmp_path, "/pub")
        assert (await client.apply(plan)).is_complete
        assert not plan.keeps_times
        assert (await client.plan_mirror(tmp_path, "/pub")).is_empty
