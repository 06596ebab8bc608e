"""What can be done with names on the server: look, make, remove, rename, go there."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import pytest

from tests.ftp.support import HELLO, answer, binary, connected, deliver
from tests.peers import CLOSE, MiniFTP, ScriptedPeer, expect_eof
from transfer import ftp

TREE = {"/a.txt": b"one", "/pub/b.txt": b"three", "/pub/deep/c.txt": b""}


@pytest.fixture
def server() -> Any:
    with MiniFTP(files=TREE) as server:
        yield server


def told(server: MiniFTP, *verbs: str) -> list[str]:
    """The commands of these verbs that came."""
    return [line for line in server.commands if line.partition(" ")[0] in verbs]


# -- here and there --------------------------------------------------------------------------------------------------


async def test_the_current_directory_can_be_changed(server: MiniFTP) -> None:
    async with ftp.Client.context(server.host, server.port) as client:
        assert await client.get_current_directory() == PurePosixPath("/")
        await client.change_directory("pub")
        await client.change_directory(PurePosixPath("deep"))
        assert await client.get_current_directory() == PurePosixPath("/pub/deep")
        await client.change_directory()
        await client.change_directory("..")
        assert await client.get_current_directory() == PurePosixPath("/")
    assert told(server, "CWD", "CDUP") == ["CWD pub", "CWD deep", "CDUP", "CDUP"]


async def test_a_path_is_sent_as_it_was_given(peer: ScriptedPeer) -> None:
    peer.script(
        HELLO,
        *answer(b"CWD  two  spaces ", b"250 ok"),
        *answer(b"CWD a//b/", b"200 fine"),
        *answer(b"CWD \xc3\xa4\xff\xff", b"250 ok"),
        *answer(b"PWD", b'257 "say ""hi""" (and so on)'),
        expect_eof(),
    )
    client = await connected(peer)
    await client.change_directory(" two  spaces ")
    await client.change_directory("a//b/")
    await client.change_directory("ä\udcff")
    assert await client.get_current_directory() == PurePosixPath('say "hi"')
    client.close()


@pytest.mark.parametrize("text", ["this is where you are", '"', '""', '"x'])
async def test_a_directory_that_cannot_be_read_ends_the_connection(text: str) -> None:
    with MiniFTP() as server:
        server.replies["PWD"] = f"257 {text}"
        client = await connected(server)
        await client.login()
        with pytest.raises(ftp.FTPProtocolError) as caught:
            await client.get_current_directory()
        assert caught.value.peer == f"{server.host}:{server.port}"
        assert not client.is_connected
        with pytest.raises(ftp.FTPDisconnected, match="257 reply"):
            await client.get_current_directory()


@pytest.mark.parametrize(
    ("verb", "call"),
    [
        ("PWD", lambda client: client.get_current_directory()),
        ("CWD", lambda client: client.change_directory("x")),
        ("CDUP", lambda client: client.change_directory()),
        ("MLST", lambda client: client.stat("x")),
        ("MLST", lambda client: client.is_file("x")),
        ("MLST", lambda client: client.is_dir("x")),
        ("MLST", lambda client: client.exists("x")),
        ("MLST", lambda client: client.make_directory("x")),
        ("MKD", lambda client: client.make_directory("x")),
        ("MLST", lambda client: client.remove("x")),
        ("DELE", lambda client: client.remove("a.txt")),
        ("RMD", lambda client: client.remove("/pub")),
        ("RMD", lambda client: client.remove_directory("x")),
        ("DELE", lambda client: client.remove_file("x")),
        ("RNFR", lambda client: client.rename("x", "y")),
        ("RNTO", lambda client: client.rename("a.txt", "y")),
    ],
)
async def test_a_refusal_says_what_was_refused_and_leaves_the_connection_in_step(
    server: MiniFTP, verb: str, call: Any
) -> None:
    server.replies[verb] = "450 busy"
    async with ftp.Client.context(server.host, server.port) as client:
        with pytest.raises(ftp.StatusCodeError) as caught:
            await call(client)
        assert str(caught.value.command).startswith(verb)
        assert caught.value.received_codes == ("450",)
        assert caught.value.retryable
        assert caught.value.peer == f"{server.host}:{server.port}"
        await client.command("NOOP", "2xx")


# -- stat ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lacking", ["", "MLST", "MLST MLSD"])
async def test_facts_come_by_mlst_or_from_a_listing(server: MiniFTP, lacking: str) -> None:
    for verb in lacking.split():
        server.replies[verb] = "500 what?"
    async with ftp.Client.context(server.host, server.port) as client:
        assert (await client.stat("/pub/b.txt"))["size"] == "5"
        assert (await client.stat("a.txt"))["type"] == "file"
        for path in ("/pub", "/", "", ".", "..", "pub/.."):
            assert (await client.stat(path))["type"] == "dir", path
        assert await client.is_file("a.txt")
        assert not await client.is_file("pub")
        assert await client.is_dir(PurePosixPath("pub"))
        assert not await client.is_dir("a.txt")
        assert await client.exists("/pub/deep/c.txt")
        assert not await client.exists("/pub/none")
        for missing in (client.stat, client.is_file, client.is_dir):
            with pytest.raises(ftp.StatusCodeError) as caught:
                await missing("none")
            assert caught.value.received_codes == ("550",)
            assert not caught.value.retryable
    assert len(told(server, "MLST")) == (1 if lacking else 17)


@pytest.mark.parametrize(
    "reply",
    [
        b"250-Listing\r\n type=file;size=3; /a\r\n250 End",
        b"250-Listing\r\ntype=file;size=3; a\r\n250 End",
        b"250-Listing\r\n250-type=file;size=3; a\r\n250 End",
        b"250 type=file;size=3; a",
    ],
)
async def test_an_entry_is_found_where_servers_put_it(peer: ScriptedPeer, reply: bytes) -> None:
    peer.script(HELLO, *answer(b"MLST a", reply), expect_eof())
    client = await connected(peer)
    assert await client.stat("a") == {"type": "file", "size": "3"}
    client.close()


async def test_a_reply_without_an_entry_ends_the_connection() -> None:
    with MiniFTP() as server:
        server.replies["MLST"] = "250 yes"
        client = await connected(server)
        await client.login()
        with pytest.raises(ftp.FTPProtocolError) as caught:
            await client.exists("a")
        assert caught.value.peer == f"{server.host}:{server.port}"
        assert not client.is_connected
        await client.connect(server.host, server.port)
        await client.quit()


async def test_a_lost_connection_is_not_a_missing_file() -> None:
    with MiniFTP() as server:
        server.replies["MLST"] = CLOSE
        client = await connected(server)
        await client.login()
        with pytest.raises(ftp.FTPDisconnected):
            await client.exists("a")


# -- make ------------------------------------------------------------------------------------------------------------


async def test_directories_are_made_with_those_above_them(server: MiniFTP) -> None:
    async with ftp.Client.context(server.host, server.port) as client:
        await client.make_directory("new/er/est")
        await client.make_directory("new/er/est")
        await client.make_directory("/pub/")
        await client.make_directory("/")
        await client.make_directory("")
    assert {"/new", "/new/er", "/new/er/est"} <= server.directories
    assert told(server, "MKD") == ["MKD new", "MKD new/er", "MKD new/er/est"]


async def test_without_parents_the_one_directory_is_made(server: MiniFTP) -> None:
    async with ftp.Client.context(server.host, server.port) as client:
        await client.make_directory("new", parents=False)
        await client.make_directory("new", parents=False)
        with pytest.raises(ftp.StatusCodeError) as caught:
            await client.make_directory("other/new", parents=False)
    assert caught.value.command == "MKD other/new"
    assert told(server, "MKD") == ["MKD new", "MKD other/new"]


async def test_a_directory_that_somebody_else_has_made_meanwhile_will_do(peer: ScriptedPeer) -> None:
    there = b"250- x\r\n type=dir; x\r\n250 end"
    peer.script(
        HELLO,
        *answer(b"MLST x", b"550 not here"),
        *answer(b"MKD x", b"521 it is there"),
        *answer(b"MLST x", there),
        expect_eof(),
    )
    client = await connected(peer)
    await client.make_directory("x")
    client.close()


# -- remove, rename --------------------------------------------------------------------------------------------------


async def test_single_files_and_empty_directories_are_removed(server: MiniFTP) -> None:
    async with ftp.Client.context(server.host, server.port) as client:
        await client.remove_file("a.txt")
        with pytest.raises(ftp.StatusCodeError):
            await client.remove_file("a.txt")
        with pytest.raises(ftp.StatusCodeError):
            await client.remove_directory("pub")
        await client.remove_file("pub/deep/c.txt")
        await client.remove_directory(PurePosixPath("pub/deep"))
    assert server.files == {"/pub/b.txt": b"three"}
    assert "/pub/deep" not in server.directories


@pytest.mark.parametrize("lacking", ["", "MLST", "MLST MLSD"])
async def test_remove_takes_everything_in_a_directory_and_nothing_else(server: MiniFTP, lacking: str) -> None:
    for verb in lacking.split():
        server.replies[verb] = "500 what?"
    async with ftp.Client.context(server.host, server.port) as client:
        await client.remove("pub")
        await client.remove("pub")
        assert server.files == {"/a.txt": b"one"}
        assert server.directories == {"/"}
        await client.remove("a.txt")
    assert server.files == {}
    assert told(server, "RMD") == ["RMD pub/deep", "RMD pub"]


async def test_links_are_removed_and_not_what_they_lead_to(peer: ScriptedPeer) -> None:
    listed = b"type=OS.unix=slink:/etc; link\r\ntype=unknown; socket\r\n"
    peer.script(
        HELLO,
        *answer(b"MLST x", b"250- x\r\n type=dir; x\r\n250 end"),
        *answer(b"DELE x", b"550 a directory"),
        *binary(),
        *deliver(b"MLSD x", listed),
        *answer(b"DELE x/socket", b"250 gone"),
        *answer(b"DELE x/link", b"250 gone"),
        *answer(b"RMD x", b"250 gone"),
        expect_eof(),
    )
    client = await connected(peer)
    await client.remove("x")
    client.close()


async def test_links_that_look_like_directories_are_not_followed(peer: ScriptedPeer) -> None:
    """Servers that follow links in MLST and MLSD call them by what they lead to."""
    listed = b"type=dir; link\r\ntype=dir; real\r\n"
    peer.script(
        HELLO,
        *answer(b"MLST x", b"250- x\r\n type=dir; x\r\n250 end"),
        *answer(b"DELE x", b"550 a directory"),
        *binary(),
        *deliver(b"MLSD x", listed),
        *answer(b"DELE x/link", b"250 gone"),
        *answer(b"DELE x/real", b"550 a directory"),
        *deliver(b"MLSD x/real", b"type=file; file\r\n", name="e"),
        *answer(b"DELE x/real/file", b"250 gone"),
        *answer(b"RMD x/real", b"250 gone"),
        *answer(b"RMD x", b"250 gone"),
        *answer(b"MLST y", b"250- y\r\n type=dir; y\r\n250 end"),
        *answer(b"DELE y", b"250 gone"),
        expect_eof(),
    )
    client = await connected(peer)
    await client.remove("x")
    await client.remove("y")
    client.close()


async def test_a_busy_server_is_no_reason_to_enter_a_directory(peer: ScriptedPeer) -> None:
    peer.script(
        HELLO,
        *answer(b"MLST x", b"250- x\r\n type=dir; x\r\n250 end"),
        *answer(b"DELE x", b"450 busy"),
        expect_eof(),
    )
    client = await connected(peer)
    with pytest.raises(ftp.StatusCodeError) as caught:
        await client.remove("x")
    assert caught.value.retryable
    client.close()


@pytest.mark.parametrize("name", ["../a.txt", "/a.txt", "deep/../../a.txt"])
async def test_remove_removes_nothing_when_a_name_leads_elsewhere(peer: ScriptedPeer, name: str) -> None:
    listed = f"type=file; first\r\ntype=file; {name}\r\n".encode()
    peer.script(
        HELLO,
        *answer(b"MLST x", b"250- x\r\n type=dir; x\r\n250 end"),
        *answer(b"DELE x", b"550 a directory"),
        *binary(),
        *deliver(b"MLSD x", listed),
        expect_eof(),
    )
    client = await connected(peer)
    with pytest.raises(ftp.FTPProtocolError, match="refused"):
        await client.remove("x")
    assert not client.is_connected


async def test_an_empty_path_is_never_removed(peer: ScriptedPeer) -> None:
    """It would mean the current directory, with everything in it."""
    peer.script(HELLO, expect_eof())
    client = await connected(peer)
    for call in (client.remove, client.remove_file, client.remove_directory):
        with pytest.raises(ftp.InvalidCommand, match="empty"):
            await call("")
    client.close()


async def test_rename_is_two_commands(server: MiniFTP) -> None:
    async with ftp.Client.context(server.host, server.port) as client:
        await client.rename("a.txt", PurePosixPath("/pub/z.txt"))
        with pytest.raises(ftp.StatusCodeError) as caught:
            await client.rename("none", "x")
    assert caught.value.command == "RNFR none"
    assert server.files["/pub/z.txt"] == b"one"
    assert told(server, "RNFR", "RNTO") == ["RNFR a.txt", "RNTO /pub/z.txt", "RNFR none"]
