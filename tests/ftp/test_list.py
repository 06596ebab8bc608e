"""Listings: what is asked, what comes out, and what is left out."""

from __future__ import annotations

import logging
from pathlib import PurePosixPath
from typing import Any

import pytest

from tests.ftp.support import HELLO, answer, binary, connected, deliver, open_data, passive
from tests.peers import MiniFTP, ScriptedPeer, Step, accept_data, close_data, expect, expect_eof, send, send_data
from transfer import ftp

TREE = {"/a.txt": b"one", "/pub/b.txt": b"three", "/pub/deep/c.txt": b""}
LISTED = b"type=dir;modify=20240102030405; pub\r\ntype=file;size=3; a.txt\r\n"


@pytest.fixture
def server() -> Any:
    with MiniFTP(files=TREE) as server:
        yield server


def scripted(peer: ScriptedPeer, data: bytes, *more: Step, line: bytes = b"MLSD") -> None:
    peer.script(HELLO, *binary(), *deliver(line, data), *more, expect_eof())


def names(found: list[tuple[PurePosixPath, dict[str, Any]]]) -> list[str]:
    return [str(path) for path, _ in found]


# -- what comes out --------------------------------------------------------------------------------------------------


async def test_awaited_it_is_a_list_and_iterated_over_it_is_the_same(peer: ScriptedPeer) -> None:
    expected = [
        (PurePosixPath("in/pub"), {"type": "dir", "modify": "20240102030405"}),
        (PurePosixPath("in/a.txt"), {"type": "file", "size": "3"}),
    ]
    peer.script(HELLO, *binary(), *deliver(b"MLSD in", LISTED), *deliver(b"MLSD in", LISTED, name="e"), expect_eof())
    client = await connected(peer)
    assert await client.list("in") == expected
    assert [entry async for entry in client.list("in")] == expected
    client.close()


async def test_one_listing_object_can_be_used_again(server: MiniFTP) -> None:
    async with ftp.Client.context(server.host, server.port) as client:
        listing = client.list("/pub")
        first = await listing
        assert names(first) == ["/pub/b.txt", "/pub/deep"]
        assert [entry async for entry in listing] == first


@pytest.mark.parametrize("path", ["", PurePosixPath("/"), "/"])
async def test_paths_begin_with_what_was_asked_for(server: MiniFTP, path: str | PurePosixPath) -> None:
    async with ftp.Client.context(server.host, server.port) as client:
        found = await client.list(path)
    assert [entry for entry, _ in found] == [PurePosixPath(path) / "a.txt", PurePosixPath(path) / "pub"]


async def test_recursive_is_breadth_first(server: MiniFTP) -> None:
    expected = ["/a.txt", "/pub", "/pub/b.txt", "/pub/deep", "/pub/deep/c.txt"]
    async with ftp.Client.context(server.host, server.port) as client:
        assert names(await client.list("/", recursive=True)) == expected
        assert [str(path) async for path, _ in client.list("/", recursive=True)] == expected


async def test_links_and_the_directory_itself_are_not_followed(peer: ScriptedPeer) -> None:
    lines = [
        b"type=cdir; .",
        b"type=pdir; ..",
        b"type=cdir; in",
        b"Type=OS.unix=slink:/; loop",
        b"lrwxrwxrwx 1 u g 1 Jan 01 2024 up -> ..",
    ]
    mlsd, unix = b"".join(line + b"\r\n" for line in lines[:4]), lines[4] + b"\r\n"
    peer.script(HELLO, *binary(), *deliver(b"MLSD", mlsd), *deliver(b"LIST", unix, name="e"), expect_eof())
    client = await connected(peer)
    assert names(await client.list(recursive=True)) == ["loop"]
    assert names(await client.list(recursive=True, raw_command="LIST")) == ["up"]
    client.close()


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (b"type=file;  two  spaces ", " two  spaces "),
        (b"type=file; semi;colon=x; y", "semi;colon=x; y"),
        (b" no facts", "no facts"),
        (b"type=file; \xc3\xa4", "ä"),
        (b"type=file; \xe4\xff", "\udce4\udcff"),
        (b"type=file; back\\slash", "back\\slash"),
        (b"type=file; C:x", "C:x"),
        (b"type=dir; slash/", "slash"),
    ],
)
async def test_a_name_is_what_the_server_sent_and_can_be_sent_back(peer: ScriptedPeer, line: bytes, name: str) -> None:
    wire = line.partition(b" ")[2].rstrip(b"/").replace(b"\xff", b"\xff\xff")
    scripted(peer, line + b"\r\n", *answer(b"DELE " + wire, b"250 gone"))
    client = await connected(peer)
    ((path, _),) = await client.list()
    assert path == PurePosixPath(name)
    await client.remove_file(path)
    client.close()


@pytest.mark.parametrize("data", [LISTED, LISTED.replace(b"\r\n", b"\n"), LISTED.removesuffix(b"\r\n")])
@pytest.mark.parametrize("every", [1, 7, 1000])
async def test_the_ends_of_lines_and_of_segments_do_not_matter(peer: ScriptedPeer, data: bytes, every: int) -> None:
    pieces = [send_data("d", data[start : start + every]) for start in range(0, len(data), every)]
    peer.script(HELLO, *binary(), *open_data(b"MLSD"), *pieces, close_data("d"), send(b"226 done\r\n"), expect_eof())
    client = await connected(peer)
    assert names(await client.list()) == ["pub", "a.txt"]
    client.close()


@pytest.mark.parametrize(
    ("line", "reply"),
    [(b"150 go\r\n226 done\r\n", b""), (b"125 open already\r\n", b"250 done\r\n"), (b"226 nothing there\r\n", b"")],
)
async def test_the_final_reply_may_come_at_any_time(peer: ScriptedPeer, line: bytes, reply: bytes) -> None:
    """Before the data, after it, or instead of a preliminary one."""
    peer.script(
        HELLO,
        *binary(),
        *passive(),
        expect(b"MLSD\r\n"),
        send(line),
        accept_data("d"),
        send_data("d", b" x\r\n"),
        close_data("d"),
        send(reply),
        *answer(b"NOOP", b"200 ok"),
        expect_eof(),
    )
    client = await connected(peer)
    assert names(await client.list()) == ["x"]
    await client.command("NOOP", "200")
    client.close()


# -- MLSD, LIST ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("refusal", ["500 what?", "502 no"])
async def test_a_server_without_mlsd_is_asked_for_it_once(server: MiniFTP, refusal: str) -> None:
    server.replies["MLSD"] = refusal
    async with ftp.Client.context(server.host, server.port) as client:
        assert names(await client.list("/", recursive=True)) == names(await client.list("/", recursive=True))
    assert [line for line in server.commands if line.startswith("MLSD")] == ["MLSD /"]


async def test_a_refusal_that_concerns_the_path_alone_is_not_remembered(server: MiniFTP) -> None:
    server.replies["MLSD"] = ["501 not this one"]
    async with ftp.Client.context(server.host, server.port) as client:
        await client.list("/")
        await client.list("/")
    verbs = [line.partition(" ")[0] for line in server.commands]
    assert [verb for verb in verbs if verb in ("MLSD", "LIST")] == ["MLSD", "LIST", "MLSD"]


@pytest.mark.parametrize("refusal", ["550 no such directory", "450 busy", "530 who are you?"])
async def test_other_refusals_are_final(server: MiniFTP, refusal: str) -> None:
    server.replies["MLSD"] = refusal
    async with ftp.Client.context(server.host, server.port) as client:
        with pytest.raises(ftp.StatusCodeError) as caught:
            await client.list()
        assert caught.value.received_codes == (refusal[:3],)
        await client.command("NOOP", "2xx")
    assert not any(line.startswith("LIST") for line in server.commands)


async def test_the_command_can_be_chosen(server: MiniFTP) -> None:
    async with ftp.Client.context(server.host, server.port) as client:
        ((_, facts), _) = await client.list("/", raw_command="LIST")
        assert facts["unix.mode"] == 0o644
        ((_, facts), _) = await client.list("/", raw_command="MLSD")
        assert facts["size"] == "3"
        server.replies["MLSD"] = "502 no"
        with pytest.raises(ftp.StatusCodeError):
            await client.list("/", raw_command="MLSD")
        with pytest.raises(ValueError, match="NLST"):
            client.list("/", raw_command="NLST")


@pytest.mark.parametrize("first", [True, False])
async def test_a_parser_of_one_s_own_reads_lines_of_list(peer: ScriptedPeer, first: bool) -> None:
    def parse(line: bytes) -> tuple[PurePosixPath, dict[str, str]]:
        if not line.startswith((b"*", b"-")):
            raise ValueError("not mine")
        return PurePosixPath(f"own-{line[-1:].decode()}"), {"type": "file"}

    data = b"*a\r\n-rw-r--r-- 1 u g 1 Jan 01 2024 b\r\ndrwxr-xr-x 1 u g 1 Jan 01 2024 c\r\n"
    scripted(peer, data, line=b"LIST")
    client = await connected(peer, parse_list_line_custom=parse, parse_list_line_custom_first=first)
    assert names(await client.list(raw_command="LIST")) == ["own-a", "own-b" if first else "b", "c"]
    client.close()


async def test_what_such_a_parser_raises_comes_out_and_the_connection_is_in_step(server: MiniFTP) -> None:
    def parse(line: bytes) -> tuple[PurePosixPath, dict[str, str]]:
        raise RuntimeError("mine")

    async with ftp.Client.context(server.host, server.port, parse_list_line_custom=parse) as client:
        with pytest.raises(RuntimeError, match="mine"):
            await client.list(raw_command="LIST")
        await client.command("NOOP", "2xx")


async def test_lines_that_no_parser_understands_are_left_out_with_a_warning(
    peer: ScriptedPeer, caplog: pytest.LogCaptureFixture
) -> None:
    data = b"total 12\r\n???\r\n\r\n-rw-r--r-- 1 u g 1 Jan 01 2024 b\r\n" + b"!\r\n" * 1000
    scripted(peer, data, line=b"LIST")
    client = await connected(peer)
    with caplog.at_level(logging.WARNING, "transfer.ftp"):
        assert names(await client.list(raw_command="LIST")) == ["b"]
    client.close()
    assert 1 < len(caplog.records) <= 100  # not one for each: the server chooses how many there are
    assert peer.host in caplog.text
