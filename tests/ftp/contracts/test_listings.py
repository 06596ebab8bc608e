"""Listings as existing programs know them: dictionaries, fallbacks, parsers of their own, lazy and at once."""

from __future__ import annotations

import logging
from pathlib import PurePosixPath
from typing import Any

import aioftp
import pytest

from tests.ftp.support import HELLO, answer, binary, connected, deliver, passive
from tests.peers import MiniFTP, ScriptedPeer, expect_eof
from transfer import ftp

# Of each format, what both read.
UNIX = [
    b"-rw-r--r--   1 owner    group         213 Aug 26  2020 README\r\n",
    b"drwxr-xr-x    2 0        0            4096 Feb 29  2020 a b c\r\n",
    b"lrwxrwxrwx   1 root     root            7 Apr 30  2020 bin -> usr/bin\r\n",
    b"-rwxrwxrwx 1 1000 1000 9007199254740993 Dec 20  2019 big.iso\r\n",
]
WINDOWS = [
    b"07/09/2015  03:56 PM    <DIR>          Documents\r\n",
    b"06/01/2016  05:11 PM         1,234,567 a.txt\r\n",
]
MLSX = [
    b"Type=file;Size=25730;Modify=19940728095854;Perm=; cap.mpg\r\n",
    b"type=dir;modify=20240102030405;UNIX.mode=0755; a b;c=d\r\n",
    b"type=OS.unix=slink:/x;size=1; link\r\n",
]


@pytest.mark.parametrize("line", UNIX + WINDOWS)
def test_the_facts_of_list_are_the_same(line: bytes) -> None:
    path, theirs = aioftp.Client().parse_list_line(line)
    assert ftp.Client().parse_list_line(line) == (path, theirs)


@pytest.mark.parametrize("line", MLSX)
def test_the_facts_of_mlsx_are_the_same(line: bytes) -> None:
    assert ftp.Client().parse_mlsx_line(line) == aioftp.Client().parse_mlsx_line(line)


@pytest.mark.parametrize("code", ["500", "501", "502", "503", "504"])
async def test_list_and_stat_fall_back_on_50x(code: str) -> None:
    with MiniFTP(files={"/a": b"one"}) as server:
        server.replies |= {"MLSD": f"{code} no", "MLST": f"{code} no"}
        async with ftp.Client.context(server.host, server.port) as client:
            ((path, info),) = await client.list("/")
            assert (path, info["size"]) == (PurePosixPath("/a"), "3")
            assert (await client.stat("/a"))["size"] == "3"
            assert not await client.exists("/b")
            with pytest.raises(ftp.StatusCodeError) as caught:
                await client.list("/", raw_command="MLSD")
            assert caught.value.received_codes == (code,)


@pytest.mark.parametrize("reply", ["550 no", "450 busy", "530 who?", "426 later"])
async def test_and_on_nothing_else(reply: str) -> None:
    with MiniFTP(files={"/a": b"one"}) as server:
        server.replies |= {"MLSD": reply, "MLST": reply}
        async with ftp.Client.context(server.host, server.port) as client:
            for call in (client.list, client.stat):
                with pytest.raises(ftp.StatusCodeError) as caught:
                    await call("/a")
                assert caught.value.received_codes == (reply[:3],)
    assert not any(line.startswith("LIST") for line in server.commands)


async def test_listings_are_binary_by_default(peer: ScriptedPeer) -> None:
    """TYPE I comes before the listing, and only once."""
    peer.script(HELLO, *binary(), *deliver(b"MLSD", b""), *deliver(b"MLSD", b"", name="e"), expect_eof())
    client = await connected(peer)
    assert await client.list() == await client.list() == []
    client.close()


@pytest.mark.parametrize("first", [True, False])
async def test_a_parser_of_ones_own_comes_first_or_last_as_told(peer: ScriptedPeer, first: bool) -> None:
    def parse(line: bytes) -> tuple[PurePosixPath, dict[str, Any]]:
        return PurePosixPath("own"), {"type": "file", "size": "1"}

    peer.script(HELLO, *binary(), *deliver(b"LIST", UNIX[0] + b"strange\r\n"), expect_eof())
    client = await connected(peer, parse_list_line_custom=parse, parse_list_line_custom_first=first)
    found = [str(path) async for path, _ in client.list(raw_command="LIST")]
    assert found == ["own" if first else "README", "own"]
    client.close()


async def test_a_listing_is_lazy_or_at_once_and_leaves_out_the_dots(peer: ScriptedPeer) -> None:
    data = b"type=cdir; .\r\ntype=pdir; ..\r\ntype=dir; .\r\n" + MLSX[0]
    peer.script(HELLO, *binary(), *deliver(b"MLSD", data), *deliver(b"MLSD", data, name="e"), expect_eof())
    client = await connected(peer)
    lazy = [found async for found in client.list()]
    assert lazy == await client.list() == [client.parse_mlsx_line(MLSX[0])]
    client.close()


# -- defect 15: one line that is not understood ended the listing ----------------------------------------------------


DEFECTS = {
    "header": b"total 12",
    "bits": b"-rwSr-lr-T 1 o g 12 Jan  5  2020 x",
    "acl": b"-rw-r--r--+ 1 o g 12 Jan  5  2020 x",
    "selinux": b"-rw-r--r--. 1 o g 12 Jan  5  2020 x",
    "iis": b"06-07-22  12:55PM       <DIR>          x",
    "iso": b"-rw-r--r-- 1 o g 12 2020-01-05 12:30 x",
    "country": "-rw-r--r-- 1 o g 12 5. Mär 2020 x".encode(),
    "nobody's": b"?? this is no entry",
}


@pytest.mark.parametrize("name", DEFECTS)
async def test_defect_15_one_line_never_ends_the_listing(
    peer: ScriptedPeer, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Guard: transfer.ftp._listing._parser:LineReader.read, which skips what no parser reads."""
    line = DEFECTS[name]
    peer.script(HELLO, *binary(), *deliver(b"LIST", UNIX[0] + line + b"\r\n" + UNIX[1]), expect_eof())
    client = await connected(peer)
    with caplog.at_level(logging.WARNING, "transfer.ftp"):
        found = [path.name for path, _ in await client.list(raw_command="LIST")]
    assert found == ["README", *(["x"] if line.endswith(b" x") else []), "a b c"]
    assert ("skipped" in caplog.text) is (name == "nobody's")
    client.close()


# -- a refusal leaves the connection in step -------------------------------------------------------------------------


async def test_a_refused_listing_is_no_end_of_the_connection(peer: ScriptedPeer) -> None:
    peer.script(
        HELLO, *binary(), *passive(), *answer(b"MLSD none", b"550 no"), *answer(b"NOOP", b"200 ok"), expect_eof()
    )
    client = await connected(peer)
    with pytest.raises(ftp.StatusCodeError):
        await client.list("none")
    await client.command("NOOP", "200")
    client.close()
