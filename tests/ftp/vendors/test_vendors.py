"""The client and servers of many makers, each as far as its transcripts show it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from tests.ftp.support import connected
from tests.ftp.vendors.transcripts import VENDORS, Vendor, play
from tests.peers import MiniFTP
from transfer import ftp

FILES = {"/report.txt": b"figures " * 100, "/a rather long name of a file.txt": b"text", "/folder/inner.txt": b"inner"}


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest) -> Vendor:
    return VENDORS[request.param]


@pytest.fixture
def server(vendor: Vendor) -> Iterator[MiniFTP]:
    with play(vendor, FILES) as running:
        yield running


async def logged_in(server: MiniFTP) -> ftp.Client:
    client = await connected(server)
    await client.login("alice", "secret", "")
    return client


async def test_a_listing_tells_names_and_what_they_are(server: MiniFTP, vendor: Vendor) -> None:
    async with await logged_in(server) as client:
        found = {path.name: info for path, info in await client.list()}

    assert set(found) == {vendor.shown(name.lstrip("/")) for name in FILES if name.count("/") == 1} | (
        {vendor.shown("folder")}
    )
    report = found[vendor.shown("report.txt")]
    assert report["type"] == "file"


async def test_entries_are_typed_and_in_utc(server: MiniFTP, vendor: Vendor) -> None:
    async with await logged_in(server) as client:
        entries = {entry.name: entry for entry in await client.entries()}

    report = entries[vendor.shown("report.txt")]
    assert report.type is ftp.EntryType.FILE
    assert report.size in (None, 800)
    if not vendor.knows_times:
        assert report.modify is None
        return
    assert report.modify is not None
    assert (report.modify.year, report.modify.month, report.modify.day) == (2024, 1, 2)
    assert report.modify.utcoffset() is not None


async def test_a_file_comes_and_goes(server: MiniFTP, tmp_path: Path) -> None:
    async with await logged_in(server) as client:
        await client.download("/report.txt", tmp_path / "copy", write_into=True)
        await client.upload(tmp_path / "copy", "/uploaded.txt", write_into=True)
        await client.command("NOOP", "2xx")

    assert (tmp_path / "copy").read_bytes() == server.files["/uploaded.txt"] == FILES["/report.txt"]


async def test_whether_something_exists_is_told_from_its_directory(server: MiniFTP, vendor: Vendor) -> None:
    async with await logged_in(server) as client:
        assert await client.exists(vendor.shown("report.txt"))
        assert not await client.exists("missing.txt")
        assert await client.is_file(vendor.shown("report.txt"))


async def test_the_current_directory_is_what_the_server_calls_it(server: MiniFTP, vendor: Vendor) -> None:
    said = vendor.replies.get("PWD", '257 "/"')
    async with await logged_in(server) as client:
        assert await client.get_current_directory() == PurePosixPath(str(said).split('"')[1])


async def test_features_are_what_the_server_announces(server: MiniFTP, vendor: Vendor) -> None:
    async with await logged_in(server) as client:
        features = await client.features()

    assert all(line.split()[0] in features for line in vendor.features)
    assert bool(features) is bool(vendor.features)
