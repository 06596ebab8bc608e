"""Transfers that are cancelled, and servers that end in the middle of one: nothing hangs, nothing is left behind."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from tests.harness.leaks import LeakWatch
from tests.interop._files import MIXED, SECONDS, digest, in_step, logged_in, octets, once_each, put
from tests.interop._servers import FtpServer, MortalFtpServer
from transfer import DisconnectedError, IncompleteTransferError, TransferError
from transfer.ftp import Client, FTPDisconnected

MEBIBYTE = 1024 * 1024
LARGE = 6 * MEBIBYTE  # the limited server takes no more than 8
SLOWLY: dict[str, Any] = {"read_speed_limit": 20e6, "write_speed_limit": 20e6}
SETTLE_SECONDS = 10.0


@asynccontextmanager
async def client_without_leaks(server: FtpServer, **changes: Any) -> AsyncIterator[Client]:
    """Enter a client, and see to it that nothing is left of it when it has been left."""
    with LeakWatch(SETTLE_SECONDS) as watch:
        async with logged_in(server, **changes) as client:
            yield client
        assert await watch.problems() == []


def size(path: Path) -> int:
    """Return how much is in the file *path*, or in the one that is to become it; neither need be there."""
    for found in (path, *path.parent.glob(f"{path.name}.*.part")):
        with suppress(FileNotFoundError):
            return found.stat().st_size
    return 0


def remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def until_begun(path: Path) -> None:
    """Return as soon as the file *path* has something in it."""
    with anyio.fail_after(SECONDS):
        while True:
            if size(path):
                return
            await anyio.sleep(0.001)


async def cancel_in_the_middle(transfer: Callable[[], Awaitable[None]], grows: Path) -> None:
    """Run *transfer* until the file *grows* has something in it, then cancel it."""
    remove(grows)
    was_cut_short = True

    async def run() -> None:
        nonlocal was_cut_short
        await transfer()
        was_cut_short = False

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        await until_begun(grows)
        group.cancel_scope.cancel()
    assert was_cut_short


ROUNDS = 20


# -- cancelled ---------------------------------------------------------------------------------------------------------


@once_each
async def test_downloads_that_are_cancelled_one_after_the_other(ftp_server: FtpServer, tmp_path: Path) -> None:
    put(ftp_server, "large", octets(LARGE))
    put(ftp_server, "small", octets(1000))
    copy, survived = tmp_path / "copy", 0
    async with client_without_leaks(ftp_server, **SLOWLY) as client:
        for _ in range(ROUNDS):
            await cancel_in_the_middle(lambda: client.download("large", copy, write_into=True), copy)
            assert names_in(tmp_path) <= {"small"}, "nothing half is left behind"
            survived += await in_step(client, ftp_server)
            await client.download("small", tmp_path)
            assert (tmp_path / "small").read_bytes() == octets(1000)
        client.throttle.read.limit = None
        await client.download("large", copy, write_into=True)

    assert digest(copy) == digest(octets(LARGE))
    assert survived == ROUNDS


@once_each
async def test_uploads_that_are_cancelled_one_after_the_other(ftp_server: FtpServer, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(octets(LARGE))
    (tmp_path / "small").write_bytes(octets(1000))
    there, survived = ftp_server.root / "there", 0
    async with client_without_leaks(ftp_server, **SLOWLY) as client:
        for _ in range(ROUNDS):
            await cancel_in_the_middle(lambda: client.upload(tmp_path / "large", "there", write_into=True), there)
            survived += await in_step(client, ftp_server)
            await client.upload(tmp_path / "small")
            assert (ftp_server.root / "small").read_bytes() == octets(1000)
        client.throttle.write.limit = None
        await client.upload(tmp_path / "large", "there", write_into=True)

    assert digest(there) == digest(octets(LARGE))
    assert survived == ROUNDS


@once_each
async def test_whatever_is_cancelled_at_any_time_the_next_call_is_answered(
    ftp_server: FtpServer, tmp_path: Path
) -> None:
    """Cut off while connections are asked for, dialled, brought into TLS, used and ended."""
    put(ftp_server, "file", octets(3 * MEBIBYTE))
    (tmp_path / "source").write_bytes(octets(3 * MEBIBYTE))
    async with client_without_leaks(ftp_server) as client:
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: client.download("file", tmp_path / "copy", write_into=True),
            lambda: client.upload(tmp_path / "source", "there", write_into=True),
            lambda: client.exists("file"),
        ]
        for number in range(2 * ROUNDS):
            with anyio.move_on_after(number * 0.0005):
                await calls[number % 3]()
            await in_step(client, ftp_server)
            assert (await client.stat("file"))["size"] == str(3 * MEBIBYTE)
        await client.download("file", tmp_path / "copy", write_into=True)

    assert digest(tmp_path / "copy") == digest(octets(3 * MEBIBYTE))
    assert names_in(tmp_path) == {"copy", "source"}


@once_each
async def test_an_error_of_the_progress_callback_comes_out(ftp_server: FtpServer, tmp_path: Path) -> None:
    def fail(_: object) -> None:
        raise ZeroDivisionError

    put(ftp_server, "large", octets(LARGE))
    async with client_without_leaks(ftp_server, **SLOWLY) as client:
        with pytest.raises(ZeroDivisionError):
            await client.download("large", tmp_path, progress=fail)
        await in_step(client, ftp_server)
        assert (await client.stat("large"))["size"] == str(LARGE)


# -- the server ends ---------------------------------------------------------------------------------------------------


async def end_in_the_middle(
    mortal: MortalFtpServer, transfer: Callable[[], Awaitable[None]], grows: Path
) -> TransferError:
    """Run *transfer*, end the server once the file *grows* has something in it, and return what *transfer* raises."""
    found: list[TransferError] = []

    async def run() -> None:
        with pytest.raises(TransferError) as caught:
            await transfer()
        found.append(caught.value)

    with anyio.fail_after(SECONDS):
        async with anyio.create_task_group() as group:
            group.start_soon(run)
            await until_begun(grows)
            await anyio.to_thread.run_sync(mortal.end)
    return found[0]


@pytest.mark.parametrize("direction", ["download", "upload"])
@pytest.mark.parametrize("mortal_ftp_server", MIXED, ids="-".join, indirect=True)
async def test_a_server_that_ends_in_the_middle_of_a_transfer(
    mortal_ftp_server: MortalFtpServer, tmp_path: Path, direction: str
) -> None:
    server = mortal_ftp_server.server
    # More than the sockets hold.
    for path in (put(server, "large", b""), tmp_path / "large"):
        path.touch()
        os.truncate(path, 64 * MEBIBYTE)
    async with client_without_leaks(server, **SLOWLY) as client:
        if direction == "download":
            copy = tmp_path / "copy"
            error = await end_in_the_middle(
                mortal_ftp_server, lambda: client.download("large", copy, write_into=True), copy
            )
        else:
            error = await end_in_the_middle(
                mortal_ftp_server, lambda: client.upload(tmp_path / "large", "there"), server.root / "there/large"
            )
        assert isinstance(error, DisconnectedError | IncompleteTransferError), error
        assert error.retryable
        with pytest.raises(FTPDisconnected):
            await client.list()
        assert not client.is_connected


@pytest.mark.parametrize("mortal_ftp_server", MIXED, ids="-".join, indirect=True)
async def test_a_server_that_ends_between_two_commands(mortal_ftp_server: MortalFtpServer, tmp_path: Path) -> None:
    async with client_without_leaks(mortal_ftp_server.server) as client:
        assert await client.list() == []
        await anyio.to_thread.run_sync(mortal_ftp_server.end)
        with anyio.fail_after(SECONDS), pytest.raises(FTPDisconnected) as caught:
            await client.list()
        assert caught.value.retryable
        assert not client.is_connected
