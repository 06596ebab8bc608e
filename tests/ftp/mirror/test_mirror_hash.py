"""Mirrors that compare by checksums, and what is told to each transfer."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from tests.ftp.mirror.sides import MODIFIED, served, shown, write
from tests.peers import MiniFTP
from transfer import ftp
from transfer.ftp import MemoryPathIO, MirrorStatus

SERVED = {"/pub/a": b"one", "/pub/b": b"two", "/pub/c": b"three"}


@asynccontextmanager
async def hashing() -> AsyncIterator[tuple[ftp.Client, MiniFTP]]:
    """A client of a server that has HASH."""
    async with served(dict(SERVED)) as (client, server):

        def answer(path: str) -> str:
            content = server.files.get(path)
            if content is None:
                return "550 no such file"
            return f"213 SHA-256 0-{len(content)} {hashlib.sha256(content).hexdigest()} {path}"

        server.features = (*server.features, "HASH SHA-256*;MD5")
        server.replies["HASH"] = answer
        yield client, server


def asked(server: MiniFTP, verb: str) -> list[str]:
    return [command for command in server.commands if command.startswith(verb)]


# -- checksums --------------------------------------------------------------------------------------------------------


async def test_files_of_the_same_size_are_compared_by_checksums_and_times_do_not_matter(tmp_path: Path) -> None:
    write(tmp_path, {"a": b"one", "b": b"TWO", "c": b"3"}, modified=MODIFIED - 10_000)
    async with hashing() as (client, server):
        plan = await client.plan_mirror(tmp_path, "/pub", compare="hash")
        assert shown(plan) == ["~ b (3 B): content differs", "~ c (5 B): size differs"]
        assert asked(server, "HASH") == ["HASH /pub/a", "HASH /pub/b"]
        assert (await client.apply(plan)).is_complete
        assert (await client.plan_mirror(tmp_path, "/pub", compare="hash")).is_empty
    assert (tmp_path / "b").read_bytes() == b"two"


@pytest.mark.parametrize("direction", ["download", "upload"])
async def test_what_is_done_is_told_by_checksums_too(tmp_path: Path, direction: Any) -> None:
    write(tmp_path, {"a": b"ONE", "b": b"two"})
    async with hashing() as (client, _):
        plan = await client.plan_mirror(tmp_path, "/pub", compare="hash", direction=direction)
        first = await client.apply(plan)
        assert first.is_complete
        again = await client.apply(plan)
        assert {outcome.status for outcome in again.outcomes} == {MirrorStatus.UNCHANGED}


async def test_a_file_whose_checksum_is_refused_is_not_taken_for_the_same(tmp_path: Path) -> None:
    write(tmp_path, {"a": b"one", "b": b"two", "c": b"three"})
    async with hashing() as (client, server):
        known = server.replies["HASH"]
        assert callable(known)
        server.replies["HASH"] = lambda path: "550 not this one" if path.endswith("b") else known(path)
        plan = await client.plan_mirror(tmp_path, "/pub", compare="hash")
    assert shown(plan) == ["~ b (3 B): content is not known to be the same"]


async def test_a_source_that_has_vanished_fails_alone(tmp_path: Path) -> None:
    write(tmp_path, {"a": b"ONE", "b": b"TWO"})
    async with hashing() as (client, server):
        plan = await client.plan_mirror(tmp_path, "/pub", compare="hash", direction="upload")
        (tmp_path / "a").unlink()
        report = await client.apply(plan)
        assert [outcome.action.path for outcome in report.failed] == ["a"]
        assert (server.files["/pub/a"], server.files["/pub/b"]) == (b"one", b"TWO")


async def test_a_server_that_is_busy_is_asked_for_checksums_another_time(tmp_path: Path) -> None:
    write(tmp_path, {"a": b"one"})
    async with hashing() as (client, server):
        server.replies["HASH"] = "450 later"
        with pytest.raises(ftp.StatusCodeError, match="450 later"):
            await client.plan_mirror(tmp_path, "/pub", compare="hash")


async def test_a_server_without_checksums_cannot_be_mirrored_by_them(tmp_path: Path) -> None:
    write(tmp_path, {"a": b"one"})
    async with served(dict(SERVED)) as (client, _):
        with pytest.raises(ftp.FTPNotSupported, match="no checksum"):
            await client.plan_mirror(tmp_path, "/pub", compare="hash")


# -- times of uploads -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("has_mfmt", [True, False])
async def test_an_upload_keeps_times_where_the_server_says_that_it_can(tmp_path: Path, has_mfmt: bool) -> None:
    write(tmp_path, {"new": b"1"}, modified=MODIFIED)
    async with served({}) as (client, server):
        if has_mfmt:
            server.features = (*server.features, "MFMT")
            server.replies["MFMT"] = "213 so be it"
        report = await client.mirror(tmp_path, "/", direction="upload")
        assert report.is_complete
        assert report.plan.keeps_times is has_mfmt
        assert asked(server, "MFMT") == (["MFMT 20240102030405 /new"] if has_mfmt else [])


async def test_an_older_file_on_a_server_that_keeps_times_is_another(tmp_path: Path) -> None:
    write(tmp_path, {"a": b"ONE"}, modified=MODIFIED - 100)
    async with served(dict(SERVED)) as (client, server):
        server.features = (*server.features, "MFMT")
        plan = await client.plan_mirror(tmp_path, "/pub", direction="upload")
    assert shown(plan) == ["~ a (3 B): time differs"]


# -- what is told to the transfers ------------------------------------------------------------------------------------


async def test_options_go_to_the_transfers(tmp_path: Path) -> None:
    write(tmp_path, {"new": b"1"})
    async with served({}) as (client, server):
        await client.mirror(tmp_path, "/", direction="upload", transfer_options={"atomic": True})
        await client.command("NOOP", "200")  # this server renames a file after it has said so
        assert server.files == {"/new": b"1"}
        assert asked(server, "RNTO") == ["RNTO /new"]


async def test_only_what_was_not_there_is_resumed(tmp_path: Path) -> None:
    """The beginning of an older file is not the beginning of the new one."""
    write(tmp_path, {"old": b"new content", "fresh": b"0123456789"})
    async with served({"/old": b"OLD"}) as (client, server):
        plan = await client.plan_mirror(tmp_path, "/", direction="upload")
        server.files["/fresh"] = b"0123"
        report = await client.apply(plan, transfer_options={"resume": True})
        assert report.is_complete
        assert server.files == {"/old": b"new content", "/fresh": b"0123456789"}
        assert asked(server, "REST") == ["REST 4"]


# -- another storage --------------------------------------------------------------------------------------------------


async def test_a_mirror_can_be_in_memory() -> None:
    async with served(path_io_factory=MemoryPathIO) as (client, _):
        assert (await client.mirror("/copy", "/pub")).is_complete
        async with client.path_io.open(PurePosixPath("/copy/deep/er/b"), "rb") as file:
            assert await file.read() == b"two"
        assert (await client.plan_mirror("/copy", "/pub")).is_empty
        report = await client.mirror("/copy", "/back", direction="upload")
        assert {outcome.status for outcome in report.outcomes} == {MirrorStatus.DONE}


async def test_a_time_that_no_calendar_has_is_no_time() -> None:
    async with served(path_io_factory=MemoryPathIO) as (client, _):
        await client.mirror("/copy", "/pub")
        await client.path_io.utime(PurePosixPath("/copy/a"), 1e15)
        assert (await client.plan_mirror("/copy", "/pub")).is_empty
