"""Whole trees in both directions: what goes along, what is left out, and names that lead elsewhere."""

from __future__ import annotations

import logging
import os
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from tests.ftp.support import HELLO, answer, binary, connected, deliver
from tests.peers import CLOSE, MiniFTP, ScriptedPeer, Step, expect_eof
from transfer import ftp
from transfer._net.progress import Progress

FILES = {"tree/a.txt": b"one", "tree/sub/b.txt": b"two", "tree/sub/deep/c.txt": b"three"}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "tree" / "empty").mkdir()
    return tmp_path / "tree"


@pytest.fixture
def server() -> Any:
    with MiniFTP(files={f"/pub/{name}": content for name, content in FILES.items()}) as server:
        server.directories.add("/pub/tree/empty")
        yield server


def contents(root: Path) -> dict[str, bytes | None]:
    """Everything below *root*: files and their octets, directories and None."""
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else None for path in sorted(root.rglob("*"))
    }


def expected(below: str) -> dict[str, bytes | None]:
    found: dict[str, bytes | None] = {}
    for name in [*FILES, "tree/empty/"]:
        path = PurePosixPath(below) / PurePosixPath(name).relative_to("tree")
        found |= {str(parent): None for parent in path.parents if str(parent) != "."}
        found[str(path)] = FILES.get(name)
    return found


# -- to the server ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("destination", "write_into", "there"),
    [
        ("", False, "/tree"),
        ("in/here", False, "/in/here/tree"),
        ("other", True, "/other"),
        ("in/here/other", True, "/in/here/other"),
        ("/", True, ""),
    ],
)
async def test_a_tree_is_sent_where_it_should_go(
    ftp_server: MiniFTP, tree: Path, destination: str, write_into: bool, there: str
) -> None:
    async with ftp.Client.context(ftp_server.host, ftp_server.port) as client:
        await client.upload(tree, destination, write_into=write_into)
    assert ftp_server.files == {name.replace("tree", there, 1): content for name, content in FILES.items()}
    assert {f"{there}/empty", f"{there}/sub/deep"} <= ftp_server.directories


async def test_a_tree_may_be_sent_again(ftp_server: MiniFTP, tree: Path) -> None:
    async with ftp.Client.context(ftp_server.host, ftp_server.port) as client:
        await client.upload(tree)
        await client.upload(tree)
    assert len(ftp_server.files) == len(FILES)


async def test_links_are_followed_unless_they_lead_in_a_circle(
    ftp_server: MiniFTP, tree: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tree / "link.txt").symlink_to("a.txt")
    (tree / "link").symlink_to("sub")
    (tree / "sub" / "up").symlink_to("..")
    (tree / "broken").symlink_to("none")
    os.mkfifo(tree / "pipe")
    with caplog.at_level(logging.WARNING, "transfer.ftp"):
        async with ftp.Client.context(ftp_server.host, ftp_server.port) as client:
            await client.upload(tree, "/", write_into=True)
    assert ftp_server.files["/link.txt"] == b"one"
    assert ftp_server.files["/link/deep/c.txt"] == b"three"
    assert not any("up" in name or "broken" in name or "pipe" in name for name in ftp_server.files)
    for name in ("up", "broken", "pipe"):
        assert f"{name} is not sent" in caplog.text


async def test_the_first_refusal_ends_it_and_what_was_sent_stays(ftp_server: MiniFTP, tree: Path) -> None:
    ftp_server.replies["STOR"] = ["150 go", "552 full"]
    async with ftp.Client.context(ftp_server.host, ftp_server.port) as client:
        with pytest.raises(ftp.StatusCodeError) as caught:
            await client.upload(tree)
        await client.command("NOOP", "2xx")
    assert caught.value.command == "STOR tree/sub/b.txt"
    assert ftp_server.files == {"/tree/a.txt": b"one"}


@pytest.mark.parametrize("upload", [True, False])
async def test_progress_is_of_the_whole_tree(
    ftp_server: MiniFTP, server: MiniFTP, tree: Path, tmp_path: Path, upload: bool
) -> None:
    readings: list[Progress] = []
    if upload:
        async with ftp.Client.context(ftp_server.host, ftp_server.port) as client:
            await client.upload(tree, progress=readings.append)
    else:
        async with ftp.Client.context(server.host, server.port) as client:
            await client.download("/pub/tree", tmp_path / "copy", progress=readings.append)
    assert readings[-1].transferred == sum(map(len, FILES.values()))
    assert readings[-1].total is None


# -- from the server -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lacking", ["", "MLST MLSD"])
@pytest.mark.parametrize(
    ("destination", "write_into", "there"),
    [("", False, "tree"), ("in/here", False, "in/here/tree"), ("other", True, "other"), ("in/other", True, "in/other")],
)
async def test_a_tree_is_received_where_it_should_go(
    server: MiniFTP, tmp_path: Path, destination: str, write_into: bool, there: str, lacking: str
) -> None:
    for verb in lacking.split():
        server.replies[verb] = "502 no"
    async with ftp.Client.context(server.host, server.port) as client:
        await client.download("/pub/tree", tmp_path / destination, write_into=write_into)
        await client.download("/pub/tree", tmp_path / destination, write_into=write_into)
    assert contents(tmp_path) == expected(there)


@pytest.mark.parametrize("source", ["", ".", "/pub/tree/sub/..", PurePosixPath("/pub/tree")])
async def test_a_directory_without_a_name_of_its_own_goes_into_the_destination_itself(
    server: MiniFTP, tmp_path: Path, source: Any
) -> None:
    async with ftp.Client.context(server.host, server.port) as client:
        await client.change_directory("/pub/tree")
        await client.download(source, tmp_path / "x")
    assert contents(tmp_path) == expected("x/tree" if isinstance(source, PurePosixPath) else "x")


async def test_what_is_neither_file_nor_directory_is_left_out(
    peer: ScriptedPeer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    listed = b"type=OS.unix=slink:/etc; link\r\ntype=unknown; socket\r\ntype=cdir; .\r\n"
    peer.script(HELLO, *directory(), *deliver(b"MLSD x", listed), expect_eof())
    client = await connected(peer)
    with caplog.at_level(logging.WARNING, "transfer.ftp"):
        await client.download("x", tmp_path)
    client.close()
    assert contents(tmp_path) == {"x": None}
    assert "x/link is not received" in caplog.text
    assert "x/socket is not received" in caplog.text


async def test_a_lost_connection_ends_it_and_what_was_received_stays(server: MiniFTP, tmp_path: Path) -> None:
    server.replies["RETR"] = ["150 go", CLOSE]
    client = await connected(server)
    await client.login()
    with pytest.raises(ftp.FTPDisconnected) as caught:
        await client.download("/pub/tree", tmp_path)
    assert caught.value.retryable
    assert (tmp_path / "tree" / "a.txt").read_bytes() == b"one"


# -- names that lead elsewhere ---------------------------------------------------------------------------------------


def directory() -> tuple[Step, ...]:
    """What goes before the listing of ``download("x")``."""
    return *answer(b"MLST x", b"250- x\r\n type=dir; x\r\n250 end"), *binary()


@pytest.mark.parametrize(
    "name", [b"../evil", b"/tmp/evil", b"sub/../../evil", b"..", b"../", b"a/b", b"a\0b", b"/", b"./evil"]
)
@pytest.mark.parametrize("kind", [b"file", b"dir"])
async def test_a_name_that_leads_out_is_refused_before_anything_is_written(
    peer: ScriptedPeer, tmp_path: Path, name: bytes, kind: bytes
) -> None:
    listed = b"type=file;size=1; good\r\ntype=" + kind + b"; " + name + b"\r\n"
    inside = tmp_path / "inside"
    if name == b"..":
        # The directory above is in many a listing, and goes without saying.
        good = deliver(b"RETR x/good", b"1", name="e")
        peer.script(HELLO, *directory(), *deliver(b"MLSD x", listed), *good, expect_eof())
        client = await connected(peer)
        await client.download("x", inside)
        client.close()
        assert contents(tmp_path) == {"inside": None, "inside/x": None, "inside/x/good": b"1"}
        return
    peer.script(HELLO, *directory(), *deliver(b"MLSD x", listed), expect_eof())
    client = await connected(peer)
    with pytest.raises(ftp.FTPProtocolError, match="refused") as caught:
        await client.download("x", inside)
    assert caught.value.peer == f"{peer.host}:{peer.port}"
    assert not caught.value.retryable
    assert not client.is_connected
    assert contents(tmp_path) == {"inside": None, "inside/x": None}


async def test_a_tree_without_end_is_left(tmp_path: Path) -> None:
    with MiniFTP() as server:
        server.directories |= {"/a" * depth for depth in range(1, 200)}
        client = await connected(server)
        await client.login()
        with pytest.raises(ftp.FTPProtocolError, match="deep"):
            await client.download("/a", tmp_path)
        assert not client.is_connected
