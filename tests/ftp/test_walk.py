"""``walk``: a tree, directory by directory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import PurePosixPath

import pytest

from tests.ftp.support import HELLO, binary, connected, deliver
from tests.peers import MiniFTP, ScriptedPeer, expect_eof
from transfer import ftp

TREE = {"/a": b"one", "/pub/b": b"three", "/pub/deep/c": b"", "/pub/else/d": b"", "/zoo/e": b""}


@pytest.fixture
async def server() -> AsyncIterator[MiniFTP]:
    with MiniFTP(files=TREE) as server:
        server.directories.add("/zoo/empty")
        yield server


def names(entries: list[ftp.Entry]) -> list[str]:
    return [entry.name for entry in entries]


async def test_every_directory_comes_before_what_is_in_it(server: MiniFTP) -> None:
    async with ftp.Client.context(server.host, server.port) as client:
        steps = [(str(path), names(directories), names(files)) async for path, directories, files in client.walk("/")]
    assert steps == [
        ("/", ["pub", "zoo"], ["a"]),
        ("/pub", ["deep", "else"], ["b"]),
        ("/pub/deep", [], ["c"]),
        ("/pub/else", [], ["d"]),
        ("/zoo", ["empty"], ["e"]),
        ("/zoo/empty", [], []),
    ]


async def test_it_begins_where_it_is_told(server: MiniFTP) -> None:
    async with ftp.Client.context(server.host, server.port) as client:
        await client.change_directory("/pub")
        assert [path async for path, _, _ in client.walk()] == [PurePosixPath(each) for each in ("", "deep", "else")]
        assert [path async for path, _, _ in client.walk("deep")] == [PurePosixPath("deep")]


async def test_what_is_taken_out_is_not_gone_into_and_the_order_is_the_callers(server: MiniFTP) -> None:
    seen = []
    async with ftp.Client.context(server.host, server.port) as client:
        async for path, directories, _ in client.walk("/"):
            seen.append(str(path))
            directories[:] = [entry for entry in reversed(directories) if entry.name != "deep"]
    assert seen == ["/", "/zoo", "/zoo/empty", "/pub", "/pub/else"]
    assert "MLSD /pub/deep" not in server.commands


async def test_other_commands_go_between_two_directories(server: MiniFTP) -> None:
    async with ftp.Client.context(server.host, server.port) as client:
        async for path, directories, files in client.walk("/"):
            for entry in files:
                await client.remove_file(entry.path)
            if path.name == "pub":
                await client.remove("/pub/deep")
                directories.pop(0)
    assert server.files == {}
    assert "/pub/deep" not in server.directories


async def test_links_are_shown_with_the_files_and_not_followed(peer: ScriptedPeer) -> None:
    lines = b"type=OS.unix=slink:/; loop\r\ntype=OS.unix=chr-1/2; device\r\ntype=file; f\r\n"
    peer.script(HELLO, *binary(), *deliver(b"MLSD", lines), expect_eof())
    client = await connected(peer)
    ((_, directories, files),) = [step async for step in client.walk()]
    assert (directories, names(files)) == ([], ["loop", "device", "f"])
    client.close()


@pytest.mark.parametrize(("depth", "limit", "words"), [(200, 1000, "directories deep"), (10, 8, "8 entries")])
async def test_an_endless_tree_comes_to_an_end(depth: int, limit: int, words: str) -> None:
    with MiniFTP() as server:
        server.directories |= {"/d" * length for length in range(1, depth)}
        client = await connected(server, listing_limits=ftp.ListingLimits(entries=limit))
        await client.login()
        with pytest.raises(ftp.FTPProtocolError, match=words):
            async for _ in client.walk("/"):
                pass
        assert not client.is_connected


async def test_a_directory_that_cannot_be_read_is_an_error_after_which_it_may_go_on(server: MiniFTP) -> None:
    server.replies["MLSD"] = ["150 ok", "550 secret", "150 ok", "150 ok"]
    async with ftp.Client.context(server.host, server.port) as client:
        walk = client.walk("/")
        assert (await walk.__anext__())[0] == PurePosixPath("/")
        with pytest.raises(ftp.StatusCodeError, match="secret"):
            await walk.__anext__()
        assert [str(path) async for path, _, _ in walk] == ["/zoo", "/zoo/empty"]
