"""Files and trees through real servers: every octet arrives, and every refusal gets to the caller."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path, PurePosixPath

import anyio
import pytest

from tests.interop._files import (
    MIXED,
    digest,
    in_clear,
    in_step,
    logged_in,
    octets,
    once_each,
    put,
    put_directory,
    tree,
)
from tests.interop._servers import LIMIT_BYTES, FtpServer
from transfer import LocalFileError, Progress
from transfer.ftp import PathIOError, StatusCodeError

# pyftpdlib runs as the user of the tests, to whom nothing is forbidden where that is root.
with_rights = pytest.mark.parametrize("ftp_server", MIXED[:3], ids="-".join, indirect=True)
MEBIBYTE = 1024 * 1024


# -- single files ------------------------------------------------------------------------------------------------------


async def test_files_arrive_both_ways_octet_by_octet(ftp_server: FtpServer, tmp_path: Path) -> None:
    source, copy = tmp_path / "source", tmp_path / "copy"
    for way, counts in (("epsv", (0, 1, 5 * MEBIBYTE)), ("pasv", (100_000,))):
        async with logged_in(ftp_server, passive_commands=(way,)) as client:
            for count in counts:
                source.write_bytes(octets(count))
                await client.upload(source, "file", write_into=True)
                # The server has it on its disk once it has said so.
                assert digest(ftp_server.root / "file") == digest(source)
                await client.download("file", copy, write_into=True)
                assert digest(copy) == digest(source)


@once_each
async def test_a_shorter_file_takes_the_place_of_a_longer_one(ftp_server: FtpServer, tmp_path: Path) -> None:
    put_directory(ftp_server, "inbox")
    (tmp_path / "file").write_bytes(octets(100_000))
    async with logged_in(ftp_server) as client:
        await client.upload(tmp_path / "file", "inbox")
        (tmp_path / "file").write_bytes(octets(10))
        await client.upload(tmp_path / "file", "inbox")
        assert (ftp_server.root / "inbox/file").read_bytes() == octets(10)
        (tmp_path / "here").mkdir()
        (tmp_path / "here/file").write_bytes(octets(5000))
        await client.download("inbox/file", tmp_path / "here")
        assert (tmp_path / "here/file").read_bytes() == octets(10)


@once_each
async def test_missing_directories_are_made_on_both_sides(ftp_server: FtpServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    async with logged_in(ftp_server) as client:
        await client.upload(tmp_path / "file", "a/b/c/name", write_into=True)
        await client.upload(tmp_path / "file", PurePosixPath("/a/d"))
        await client.download("/a/b/c/name", tmp_path / "x/y/z", write_into=True)
        await client.download("a/d/file", tmp_path / "u/v")

    assert tree(ftp_server.root).keys() == {"a", "a/b", "a/b/c", "a/b/c/name", "a/d", "a/d/file"}
    assert (tmp_path / "x/y/z").read_bytes() == (tmp_path / "u/v/file").read_bytes() == b"content"


@once_each
async def test_paths_start_where_the_client_is(ftp_server: FtpServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    put_directory(ftp_server, "here")
    async with logged_in(ftp_server) as client:
        await client.change_directory("here")
        await client.upload(tmp_path / "file")
        await client.upload(tmp_path / "file", "../there", write_into=True)
        await client.download("file", tmp_path / "copy", write_into=True)
        await client.download("../there", tmp_path)

    assert tree(ftp_server.root).keys() == {"here", "here/file", "there"}
    assert (tmp_path / "copy").read_bytes() == (tmp_path / "there").read_bytes() == b"content"


@once_each
async def test_progress_goes_from_nothing_to_everything(ftp_server: FtpServer, tmp_path: Path) -> None:
    seen: list[Progress] = []
    (tmp_path / "file").write_bytes(octets(5 * MEBIBYTE))
    async with logged_in(ftp_server) as client:
        await client.upload(tmp_path / "file", progress=seen.append)
        check_progress(seen, 5 * MEBIBYTE)
        seen.clear()
        await client.download("file", tmp_path / "copy", write_into=True, progress=seen.append)
        check_progress(seen, 5 * MEBIBYTE)


def check_progress(seen: Sequence[Progress], total: int) -> None:
    counts = [reading.transferred for reading in seen]
    assert counts == sorted(counts)
    assert counts[-1] == total
    assert {reading.total for reading in seen} == {total}


# -- trees and many files ----------------------------------------------------------------------------------------------


def plant(root: Path) -> dict[str, str | None]:
    """Make a tree below *root* and return what it is."""
    for name in ("empty", "deep/er/still", "with blanks/Ünïcode"):
        (root / name).mkdir(parents=True)
    for number in range(12):
        (root / f"file {number}").write_bytes(octets(number * 1000, number))
    (root / "deep/one").write_bytes(b"1")
    (root / "deep/er/still/nothing").write_bytes(b"")
    (root / "with blanks/Ünïcode/漢字").write_bytes(octets(70_000))
    return tree(root)


@once_each
async def test_a_tree_goes_there_and_back(ftp_server: FtpServer, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    planted = plant(tmp_path / "source")
    async with logged_in(ftp_server) as client:
        await client.upload(tmp_path / "source", "target/renamed", write_into=True)
        assert tree(ftp_server.root / "target/renamed") == planted
        await client.upload(tmp_path / "source", "target")
        assert tree(ftp_server.root / "target/source") == planted
        await client.download("target/renamed", tmp_path / "back", write_into=True)
        assert tree(tmp_path / "back") == planted
        await client.download("target/source", tmp_path / "into")
        assert tree(tmp_path / "into/source") == planted
        assert len(await client.list("target", recursive=True)) == 2 * (len(planted) + 1)
        await client.remove("target")

    assert tree(ftp_server.root) == {}


@once_each
async def test_a_hundred_files_over_one_connection(ftp_server: FtpServer, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    for number in range(100):
        (tmp_path / f"source/{number:03}").write_bytes(octets(number * 10, number))
    async with logged_in(ftp_server) as client:
        await client.upload(tmp_path / "source")
        assert tree(ftp_server.root / "source") == tree(tmp_path / "source")
        await client.download("source", tmp_path / "back")
        assert tree(tmp_path / "back/source") == tree(tmp_path / "source")
        assert len(await client.list("source")) == 100


@once_each
async def test_two_clients_at_once_do_not_meet(ftp_server: FtpServer, tmp_path: Path) -> None:
    async def work(name: str, seed: int) -> None:
        source = tmp_path / name
        source.write_bytes(octets(300_000, seed))
        async with logged_in(ftp_server) as client:
            for number in range(5):
                await client.upload(source, f"{name}/{number}", write_into=True)
                await client.download(f"{name}/{number}", tmp_path / f"{name} {number}", write_into=True)
            assert [path.name for path, _ in sorted(await client.list(name))] == list("01234")

    async with anyio.create_task_group() as group:
        group.start_soon(work, "left", 7)
        group.start_soon(work, "right", 8)

    for name, seed in (("left", 7), ("right", 8)):
        for number in range(5):
            assert digest(tmp_path / f"{name} {number}") == digest(octets(300_000, seed))


# -- refusals ----------------------------------------------------------------------------------------------------------


@once_each
async def test_a_missing_file_is_a_refusal_and_nothing_is_touched(ftp_server: FtpServer, tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"kept")
    async with logged_in(ftp_server) as client:
        for _ in range(3):
            with pytest.raises(StatusCodeError) as caught:
                await client.download("missing", tmp_path / "kept", write_into=True)
            assert caught.value.received_codes == ("550",)
            assert not caught.value.retryable
        assert (tmp_path / "kept").read_bytes() == b"kept"
        with pytest.raises(StatusCodeError):
            await client.download("missing/missing", tmp_path)
        assert await client.list() == []


@once_each
async def test_a_local_file_that_is_missing_is_a_local_error(ftp_server: FtpServer, tmp_path: Path) -> None:
    put(ftp_server, "file", octets(1000))
    async with logged_in(ftp_server) as client:
        with pytest.raises(PathIOError, match="No such file") as caught:
            await client.upload(tmp_path / "missing", "file", write_into=True)
        assert isinstance(caught.value, LocalFileError)
        assert caught.value.filename == str(tmp_path / "missing")
        assert not caught.value.retryable
        # Nothing has been asked of the server.
        assert [path.name for path, _ in await client.list()] == ["file"]
        with pytest.raises(PathIOError):
            await client.download("file", tmp_path, write_into=True)
        await in_step(client, ftp_server)
        await client.download("file", tmp_path)

    assert (tmp_path / "file").read_bytes() == octets(1000)


@with_rights
async def test_a_forbidden_directory_is_a_refusal(ftp_server: FtpServer, tmp_path: Path) -> None:
    put_directory(ftp_server, "forbidden", mode=0o700)
    put(ftp_server, "forbidden/file", b"secret")
    put(ftp_server, "unreadable", b"secret").chmod(0o600)
    (tmp_path / "source").write_bytes(octets(5 * MEBIBYTE))
    async with logged_in(ftp_server) as client:
        attempts: list[Callable[[], Awaitable[None]]] = [
            lambda: client.download("forbidden/file", tmp_path / "copy", write_into=True),
            lambda: client.download("unreadable", tmp_path / "copy", write_into=True),
            lambda: client.upload(tmp_path / "source", "forbidden"),
            lambda: client.make_directory("forbidden/new", parents=False),
            lambda: client.change_directory("forbidden"),
            lambda: client.remove_file("forbidden/file"),
        ]
        for attempt in attempts:
            with pytest.raises(StatusCodeError) as caught:
                await attempt()
            assert caught.value.received_codes[0] in {"550", "553"}
            assert not caught.value.retryable
        assert not (tmp_path / "copy").exists()
        assert {path.name for path, _ in await client.list()} == {"forbidden", "unreadable"}


@pytest.mark.parametrize(
    "ftp_server",
    [("proftpd", "plain"), ("proftpd", "explicit"), ("pureftpd", "plain"), ("pureftpd", "explicit")],
    ids="-".join,
    indirect=True,
)
async def test_a_full_quota_is_what_the_server_says(ftp_server: FtpServer, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(octets(LIMIT_BYTES + 4 * MEBIBYTE))
    (tmp_path / "small").write_bytes(octets(1000))
    async with logged_in(ftp_server, user=ftp_server.limited_user) as client:
        for _ in range(3):
            with pytest.raises(StatusCodeError) as caught:
                await client.upload(tmp_path / "source", "file", write_into=True)
            assert caught.value.received_codes == ("552",)
            assert caught.value.command == "STOR file"
            await client.remove("file")
        await client.upload(tmp_path / "small", "file", write_into=True)
        await client.download("file", tmp_path / "copy", write_into=True)
        await client.remove("file")

    assert (tmp_path / "copy").read_bytes() == octets(1000)


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
@in_clear
async def test_a_disk_that_is_full_on_this_side(ftp_server: FtpServer, tmp_path: Path) -> None:
    put(ftp_server, "file", octets(MEBIBYTE))
    async with logged_in(ftp_server) as client:
        with pytest.raises(PathIOError) as caught:
            await client.download("file", "/dev/full", write_into=True)
        assert caught.value.errno == errno.ENOSPC
        assert caught.value.strerror == os.strerror(errno.ENOSPC)
        await in_step(client, ftp_server)
        await client.download("file", tmp_path)

    assert digest(tmp_path / "file") == digest(octets(MEBIBYTE))
