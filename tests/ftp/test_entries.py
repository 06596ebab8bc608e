"""Entries of listings and of single paths, whatever the server knows of them."""

from __future__ import annotations

import copy
import pickle
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import pytest

from tests.ftp.support import HELLO, answer, binary, connected, deliver, open_data
from tests.peers import MiniFTP, ScriptedPeer, Step, close, close_data, expect_eof, send, send_data
from transfer import ftp

TREE = {"/a.txt": b"one", "/pub/b.txt": b"three", "/pub/deep/c.txt": b""}
UNIX = b"-rw-r--r-- 1 me us 3 Jan 02 2024 "


@pytest.fixture
async def server() -> AsyncIterator[MiniFTP]:
    with MiniFTP(files=TREE) as server:
        yield server


# -- listings --------------------------------------------------------------------------------------------------------


async def test_an_entry_has_typed_facts(peer: ScriptedPeer) -> None:
    line = b"type=file;size=3;modify=20240102030405.5;UNIX.mode=0640;UNIX.owner=7;UNIX.group=8;x=y; a.txt"
    peer.script(HELLO, *binary(), *deliver(b"MLSD in", line + b"\r\n"), expect_eof())
    client = await connected(peer)
    (entry,) = await client.entries("in")
    assert entry == ftp.Entry(
        name="a.txt",
        path=PurePosixPath("in/a.txt"),
        type=ftp.EntryType.FILE,
        size=3,
        modify=datetime(2024, 1, 2, 3, 4, 5, 500_000, tzinfo=UTC),
        modify_precision=timedelta(milliseconds=100),
        mode=0o640,
        owner="7",
        group="8",
        raw=line,
        facts={"type": "file", "size": "3", "modify": "20240102030405.5", "unix.mode": "0640", "unix.owner": "7",
               "unix.group": "8", "x": "y"},
    )  # fmt: skip
    client.close()


async def test_entries_come_at_once_or_one_by_one_and_are_those_of_list(server: MiniFTP) -> None:
    async with ftp.Client.context(server.host, server.port) as client:
        for options in ({}, {"recursive": True}, {"raw_command": "LIST"}, {"raw_command": "LIST", "recursive": True}):
            listing = client.entries("/", **options)
            found = await listing
            assert [entry async for entry in listing] == found
            assert [(entry.path, entry.facts) for entry in found] == await client.list("/", **options)
        with pytest.raises(ValueError, match="NLST"):
            client.entries("/", raw_command="NLST")


async def test_entries_are_values_whoever_looks_at_them_first(server: MiniFTP) -> None:
    async with ftp.Client.context(server.host, server.port) as client:
        for look in (hash, repr, pickle.dumps, copy.copy, lambda entry: entry.modify):
            (entry, _), (twin, _) = await client.entries("/"), await client.entries("/")
            look(entry)
            assert entry == twin
            assert pickle.loads(pickle.dumps(entry)) == copy.copy(twin) == entry
            assert len({entry, twin}) == 1
            with pytest.raises(AttributeError, match="modified"):
                _ = entry.modified  # type: ignore[attr-defined]
            with pytest.raises(AttributeError):
                entry.size = 5  # type: ignore[misc]


async def test_links_and_their_targets_are_shown(peer: ScriptedPeer) -> None:
    unix = b"lrwxrwxrwx 1 me us 3 Jan 02 2024 up -> ../x\r\n"
    slink = b"type=OS.unix=slink:../x y; up\r\n"
    peer.script(HELLO, *binary(), *deliver(b"LIST", unix), *deliver(b"MLSD", slink, name="e"), expect_eof())
    client = await connected(peer)
    (listed,) = await client.entries(raw_command="LIST")
    (facts,) = await client.entries()
    assert (listed.type, listed.link_target, listed.mode) == (ftp.EntryType.LINK, "../x", 0o777)
    assert (facts.type, facts.link_target, facts.name) == (ftp.EntryType.LINK, "../x y", "up")
    client.close()


async def test_a_listing_is_asked_for_when_it_is_read(server: MiniFTP) -> None:
    client = ftp.Client()
    listing, walk, matches = client.entries("/"), client.walk("/"), client.glob("/*")
    with pytest.raises(ftp.FTPDisconnected):
        await listing
    await client.connect(server.host, server.port)
    await client.login()
    assert len(await listing) == len(await matches) == 2
    assert (await walk.__anext__())[0] == PurePosixPath("/")
    client.close()


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (b"06-07-22  12:55PM       <DIR>          docs", "docs"),
        (b"+i1,m825718503,r,s280,\tdjb.html", "djb.html"),
        (b"SUB.DIR;1  1/3  12-JAN-2026 10:00 [SYSTEM] (RWE,RWE,RE,RE)", "SUB"),
        (b"QSYS 77824 02/23/00 15:09:55 *DIR QOpenSys/", "QOpenSys"),
        (b"B1N231 3390   2006/02/28  1    5  VB     256  6400  PO  'TSO.DATA'", "TSO.DATA"),
        ("drwxr-xr-x 2 me us 4096 5. Mär 2020 x".encode(), "x"),
    ],
)
async def test_list_is_understood_in_the_format_of_any_server(peer: ScriptedPeer, line: bytes, name: str) -> None:
    data = b"total 12\r\n???\r\n" + line + b"\r\n"
    peer.script(HELLO, *binary(), *deliver(b"LIST /in", data), expect_eof())
    client = await connected(peer)
    (entry,) = await client.entries("/in", raw_command="LIST")
    assert (entry.name, entry.path) == (name, PurePosixPath("/in") / name)
    client.close()


# -- a path that is a file -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["LIST", "MLSD"])
@pytest.mark.parametrize("listed", [b"a.txt", b"in/a.txt"])
async def test_listing_a_file_shows_the_file_itself(peer: ScriptedPeer, command: str, listed: bytes) -> None:
    line = (b"type=file;size=3; " if command == "MLSD" else UNIX) + listed + b"\r\n"
    asks = () if b"/" in listed else answer(b"SIZE in/a.txt", b"213 3")
    peer.script(HELLO, *binary(), *deliver(command.encode() + b" in/a.txt", line), *asks, expect_eof())
    client = await connected(peer)
    ((path, info),) = await client.list("in/a.txt", raw_command=command)
    assert (path, info["size"]) == (PurePosixPath("in/a.txt"), "3")
    client.close()


SIZE, MLST = b"SIZE x", b"MLST x"


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        (answer(SIZE, b"213 3"), "x"),
        (answer(SIZE, b"213 4096"), "x/x"),
        (answer(SIZE, b"550 not a file"), "x/x"),
        (answer(SIZE, b"213 ?"), "x/x"),
        ((*answer(SIZE, b"502 no"), *answer(MLST, b"502 no")), "x"),
        ((*answer(SIZE, b"502 no"), *answer(MLST, b"250-here\r\n type=file; x\r\n250 end")), "x"),
        ((*answer(SIZE, b"502 no"), *answer(MLST, b"250-here\r\n type=dir; x\r\n250 end")), "x/x"),
    ],
    ids=["213", "213 other", "550", "213 nonsense", "neither", "file", "directory"],
)
async def test_a_file_in_a_directory_of_its_own_name_is_told_apart(
    peer: ScriptedPeer, asked: tuple[Step, ...], path: str
) -> None:
    peer.script(HELLO, *binary(), *deliver(b"LIST x", b"total 3\r\n" + UNIX + b"x\r\n"), *asked, expect_eof())
    client = await connected(peer)
    assert [str(entry.path) async for entry in client.entries("x", raw_command="LIST")] == [path]
    client.close()


@pytest.mark.parametrize("verb", [b"SIZE", b"MLST"])
async def test_a_connection_that_is_lost_meanwhile_is_an_error(peer: ScriptedPeer, verb: bytes) -> None:
    size = answer(SIZE, b"502 no") if verb == b"MLST" else ()
    peer.script(
        HELLO,
        *binary(),
        *deliver(b"LIST x", UNIX + b"x\r\n"),
        *size,
        *answer(verb + b" x", b"421 enough"),
        close(),
    )
    client = await connected(peer)
    with pytest.raises(ftp.FTPException, match="421 enough"):
        await client.list("x", raw_command="LIST")
    assert not client.is_connected


@pytest.mark.parametrize(
    "lines",
    [
        (UNIX + b"x", UNIX + b"y"),
        (b"drwxr-xr-x 1 u g 1 Jan 01 2024 .", UNIX + b"x"),
        (b"drwxr-xr-x 1 u g 1 Jan 01 2024 x",),
    ],
    ids=["two", "dot", "directory"],
)
@pytest.mark.parametrize("every", [7, 1000])
async def test_what_can_only_be_a_directory_is_not_asked_about(
    peer: ScriptedPeer, lines: tuple[bytes, ...], every: int
) -> None:
    data = b"".join(line + b"\r\n" for line in lines)
    pieces = [send_data("d", data[start : start + every]) for start in range(0, len(data), every)]
    done = close_data("d"), send(b"226 done\r\n")
    peer.script(HELLO, *binary(), *open_data(b"LIST x"), *pieces, *done, expect_eof())
    client = await connected(peer)
    found = await client.list("x", raw_command="LIST")
    assert [str(path) for path, _ in found] == ["x/x", "x/y"][: len(found)]
    client.close()


# -- one path --------------------------------------------------------------------------------------------------------


async def test_one_entry_is_asked_for_by_mlst_or_found_in_its_directory(server: MiniFTP) -> None:
    async with ftp.Client.context(server.host, server.port) as client:
        by_mlst = await client.entry("/pub/b.txt")
        server.replies["MLST"] = "502 no"
        by_mlsd = await client.entry("/pub/b.txt")
        server.replies["MLSD"] = "502 no"
        by_list = await client.entry("/pub/b.txt")
        with pytest.raises(ftp.StatusCodeError, match="not in the listing") as caught:
            await client.entry("/pub/none")
        assert caught.value.received_codes == ("550",)
        assert not await client.exists("/pub/none")
    for entry in (by_mlst, by_mlsd, by_list):
        assert (entry.name, entry.path, entry.size) == ("b.txt", PurePosixPath("/pub/b.txt"), 5)
        assert entry.type is ftp.EntryType.FILE
    assert by_mlst.modify == by_mlsd.modify != by_list.modify
    assert by_list.mode == 0o644


@pytest.mark.parametrize(("path", "name"), [("", "."), ("/", "/"), ("..", ".."), (".", ".")])
async def test_directories_that_are_in_no_listing_are_there(peer: ScriptedPeer, path: str, name: str) -> None:
    mlst = f"MLST {path}".strip().encode()
    peer.script(
        HELLO,
        *answer(mlst, b"250-here\r\n type=cdir;size=1; /home\r\n250 end"),
        *answer(mlst, b"502 no"),
        expect_eof(),
    )
    client = await connected(peer)
    for _ in range(2):
        entry = await client.entry(path)
        assert (entry.name, entry.path, entry.type) == (name, PurePosixPath(path), ftp.EntryType.DIRECTORY)
    client.close()


# -- listings that nobody understands --------------------------------------------------------------------------------


async def test_a_path_whose_line_nobody_understands_is_looked_for_by_name(server: MiniFTP, tmp_path: Path) -> None:
    """Whatever the server's listings look like, its files can be had, and what is there is known to be there."""
    server.replies |= {"MLST": "502 no", "MLSD": "502 no"}
    server.list_text = lambda names: "".join(f"<<{name}>>\r\n" for name in names)
    async with ftp.Client.context(server.host, server.port) as client:
        assert await client.list("/pub") == []
        assert await client.list_names("/pub") == ["b.txt", "deep"]
        assert await client.exists("/pub/b.txt")
        assert await client.exists("/pub/deep")
        assert not await client.exists("/pub/none")
        assert (await client.entry("/pub/b.txt")).type is ftp.EntryType.OTHER
        await client.make_directory("/pub/deep/new/er")
        await client.make_directory("/pub/deep/new/er")
        await client.download("/pub/b.txt", tmp_path)
    assert (tmp_path / "b.txt").read_bytes() == b"three"
    assert "/pub/deep/new/er" in server.directories


async def test_names_are_not_asked_for_where_every_line_was_understood(server: MiniFTP) -> None:
    server.replies |= {"MLST": "502 no", "MLSD": "502 no"}
    async with ftp.Client.context(server.host, server.port) as client:
        assert not await client.exists("/pub/none")
    assert not any(line.startswith("NLST") for line in server.commands)
