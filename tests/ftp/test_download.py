"""Single files from the server: where they go, how it is known that they are whole, and how they fail."""

from __future__ import annotations

import errno
import os
import ssl
from pathlib import Path, PurePosixPath
from typing import Any

import anyio
import pytest

from tests.ftp.support import HELLO, answer, binary, connected, impatient, open_data
from tests.peers import (
    HANG,
    MiniFTP,
    ScriptedPeer,
    Step,
    close_data,
    expect,
    expect_eof,
    reset_data,
    send,
    send_data,
)
from transfer import ftp
from transfer._net.progress import Progress
from transfer._net.tls import TLS

CONTENT = b"0123456789" * 100_000


@pytest.fixture
def server() -> Any:
    with MiniFTP(files={"/pub/a.bin": CONTENT}) as server:
        yield server


def retrieving(size: str = "size=10;") -> tuple[Step, ...]:
    """What goes before the data of ``download("a")``; with *size* the server shows it."""
    listed = b"250- a\r\n type=file;" + size.encode() + b" a\r\n250 end"
    return HELLO, *answer(b"MLST a", listed), *binary(), *open_data(b"RETR a")


# -- where to --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("destination", "write_into", "there"),
    [
        ("", False, "a.bin"),
        ("in/here", False, "in/here/a.bin"),
        ("b.bin", True, "b.bin"),
        ("in/here/b.bin", True, "in/here/b.bin"),
    ],
)
@pytest.mark.parametrize("kind", [str, PurePosixPath])
async def test_a_file_goes_into_a_directory_or_under_a_name(
    server: MiniFTP, tmp_path: Path, kind: Any, destination: str, write_into: bool, there: str
) -> None:
    async with ftp.Client.context(server.host, server.port) as client:
        await client.download(kind("/pub/a.bin"), tmp_path / destination, write_into=write_into)
    assert (tmp_path / there).read_bytes() == CONTENT


async def test_the_default_is_the_current_directory(
    server: MiniFTP, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with ftp.Client.context(server.host, server.port) as client:
        await client.change_directory("pub")
        await client.download("a.bin")
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize("size", [0, 1, 8192, 3 * 1024 * 1024 + 7])
async def test_every_octet_arrives(
    server_tls_context: ssl.SSLContext, ca_file: Path, tmp_path: Path, size: int, encrypted: bool
) -> None:
    content = os.urandom(size)
    with MiniFTP(tls=server_tls_context, files={"/a": content}) as server:
        async with ftp.Client.context(
            server.host, server.port, upgrade_to_tls=encrypted, tls=TLS(ca_file=ca_file)
        ) as client:
            await client.download("a", tmp_path)
            await client.download("a", tmp_path / "b", write_into=True, block_size=1)
    assert (tmp_path / "a").read_bytes() == content
    assert (tmp_path / "b").read_bytes() == content


async def test_a_file_that_is_there_is_replaced_unless_the_server_refuses(server: MiniFTP, tmp_path: Path) -> None:
    old = tmp_path / "a.bin"
    old.write_bytes(bytes(2 * len(CONTENT)))
    async with ftp.Client.context(server.host, server.port) as client:
        server.replies["RETR"] = ["550 not now"]
        with pytest.raises(ftp.StatusCodeError):
            await client.download("/pub/a.bin", tmp_path)
        assert old.stat().st_size == 2 * len(CONTENT)
        await client.download("/pub/a.bin", tmp_path)
    assert old.read_bytes() == CONTENT


# -- on the way ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("known", [True, False])
async def test_progress_ends_with_everything(server: MiniFTP, tmp_path: Path, known: bool) -> None:
    readings: list[Progress] = []
    if not known:
        server.replies["MLST"] = "250 Listing\n type=file; a.bin\nEnd"
    async with ftp.Client.context(server.host, server.port) as client:
        await client.download("/pub/a.bin", tmp_path, progress=readings.append)
    assert readings[-1].transferred == len(CONTENT)
    assert {reading.total for reading in readings} == {len(CONTENT) if known else None}


async def test_what_the_callback_raises_comes_out_and_the_connection_is_in_step(
    server: MiniFTP, tmp_path: Path
) -> None:
    error = BrokenPipeError("mine")

    def fail(reading: Progress) -> None:
        raise error

    async with ftp.Client.context(server.host, server.port, read_speed_limit=1_000_000) as client:
        with pytest.raises(BrokenPipeError) as caught:
            await client.download("/pub/a.bin", tmp_path, progress=fail)
        assert caught.value is error
        await client.command("NOOP", "2xx")


# -- whether it is whole ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "size", "expected"),
    [("size=11;", b"213 11", 11), ("size=4000;", b"213 3000", 3000)],
)
async def test_a_file_that_is_shorter_than_the_server_says_twice_is_incomplete(
    peer: ScriptedPeer, tmp_path: Path, shown: str, size: bytes, expected: int
) -> None:
    peer.script(
        *retrieving(shown),
        send_data("d", b"0123456789"),
        close_data("d"),
        send(b"226 done\r\n"),
        *answer(b"SIZE a", size),
        *answer(b"NOOP", b"200 ok"),
        expect_eof(),
    )
    client = await connected(peer)
    with pytest.raises(ftp.FTPIncompleteTransfer) as caught:
        await client.download("a", tmp_path)
    assert (caught.value.transferred, caught.value.expected) == (10, expected)
    assert caught.value.retryable
    assert files_in(tmp_path) == []
    await client.command("NOOP", "200")
    client.close()


@pytest.mark.parametrize("shown", ["size=11;", "size=9;", "size=10;", "size=x;", ""])
@pytest.mark.parametrize("size", [b"213 10", b"502 no", b"213 ?"])
async def test_a_listing_may_be_out_of_date(peer: ScriptedPeer, tmp_path: Path, shown: str, size: bytes) -> None:
    asked = answer(b"SIZE a", size) if shown == "size=11;" else ()
    data = (send_data("d", b"0123456789"), close_data("d"), send(b"226 done\r\n"))
    peer.script(*retrieving(shown), *data, *asked, expect_eof())
    client = await connected(peer)
    await client.download("a", tmp_path)
    client.close()
    assert (tmp_path / "a").read_bytes() == b"0123456789"


# -- this side's fault -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("destination", "number"), [("there", errno.EISDIR), ("file/x", errno.ENOTDIR), ("n" * 300, errno.ENAMETOOLONG)]
)
async def test_what_cannot_be_written_is_a_path_error_and_leaves_the_connection_in_step(
    server: MiniFTP, tmp_path: Path, destination: str, number: int
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "file").touch()
    async with ftp.Client.context(server.host, server.port) as client:
        with pytest.raises(ftp.PathIOError) as caught:
            await client.download("/pub/a.bin", tmp_path / destination, write_into=True)
        await client.command("NOOP", "2xx")
    assert caught.value.errno in {number, errno.EEXIST}
    assert isinstance(caught.value.__cause__, OSError)
    assert not caught.value.retryable


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
async def test_a_full_disk_is_a_path_error_and_leaves_the_connection_in_step(server: MiniFTP) -> None:
    async with ftp.Client.context(server.host, server.port) as client:
        with pytest.raises(ftp.PathIOError) as caught:
            await client.download("/pub/a.bin", "/dev/full", write_into=True)
        await client.command("NOOP", "2xx")
    assert caught.value.errno == errno.ENOSPC


async def test_what_is_no_path_or_no_size_is_a_value_error(server: MiniFTP) -> None:
    async with ftp.Client.context(server.host, server.port) as client:
        before = len(server.commands)
        with pytest.raises(ValueError, match="NUL"):
            await client.download("/pub/a.bin", "a\0b")
        with pytest.raises(ValueError, match="block_size"):
            await client.download("/pub/a.bin", block_size=-1)
        assert len(server.commands) == before


# -- the server's fault ----------------------------------------------------------------------------------------------


async def test_a_file_that_cannot_be_shown_may_still_be_sent(server: MiniFTP, tmp_path: Path) -> None:
    server.replies |= {"MLST": "502 no", "MLSD": "502 no", "LIST": "550 not for you"}
    async with ftp.Client.context(server.host, server.port) as client:
        await client.download("/pub/a.bin", tmp_path)
        with pytest.raises(ftp.StatusCodeError) as caught:
            await client.download("none", tmp_path)
        assert caught.value.command == "RETR none"
        assert isinstance(caught.value.__cause__, ftp.StatusCodeError)
        assert caught.value.__cause__.command == "LIST"
        await client.command("NOOP", "2xx")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("when", ["RETR", "RETR DONE"])
@pytest.mark.parametrize("refusal", ["425 no data connection", "426 cut", "451 disk error", "550 not for you"])
async def test_a_refusal_first_or_last_is_raised_and_leaves_the_connection_in_step(
    server: MiniFTP, tmp_path: Path, when: str, refusal: str
) -> None:
    server.replies[when] = refusal
    async with ftp.Client.context(server.host, server.port) as client:
        with pytest.raises(ftp.StatusCodeError) as caught:
            await client.download("/pub/a.bin", tmp_path)
        assert caught.value.received_codes == (refusal[:3],)
        assert caught.value.command == "RETR /pub/a.bin"
        assert caught.value.retryable == (refusal[0] == "4")
        await client.command("NOOP", "2xx")


@pytest.mark.parametrize(
    ("said", "error"),
    [(b"", ftp.FTPDisconnected), (b"426 cut\r\n", ftp.StatusCodeError), (b"226 done\r\n", ftp.FTPDisconnected)],
)
async def test_a_data_connection_that_is_reset(
    peer: ScriptedPeer, tmp_path: Path, said: bytes, error: type[ftp.FTPException]
) -> None:
    """A server that says nothing of it is asked to, and the connection is in step in any case."""
    ended = (send(said),) if said else answer(b"ABOR", b"426 aborted", b"226 so it is")
    goes_on = answer(b"NOOP", b"200 ok")
    peer.script(*retrieving(), send_data("d", b"012"), reset_data("d"), *ended, *goes_on, expect_eof())
    client = await connected(peer)
    with pytest.raises(error) as caught:
        await client.download("a", tmp_path)
    assert caught.value.retryable
    await client.command("NOOP", "200")
    client.close()


async def test_a_server_that_sends_no_further_is_left_after_the_time_limit(peer: ScriptedPeer, tmp_path: Path) -> None:
    peer.script(
        *retrieving(),
        send_data("d", b"012"),
        expect(b"ABOR\r\n"),
        send(b"426 aborted\r\n226 ok\r\n"),
        *answer(b"NOOP", b"200 ok"),
        expect_eof(),
    )
    client = await connected(peer, timeouts=impatient("data"))
    with pytest.raises(ftp.FTPTimeoutError) as caught:
        await client.download("a", tmp_path)
    assert caught.value.phase == "progress of the transfer"
    assert caught.value.retryable
    await client.command("NOOP", "2xx")
    client.close()


@pytest.mark.parametrize("verb", ["MLST", "TYPE", "EPSV", "RETR", "RETR DONE"])
async def test_a_server_that_says_nothing_is_left_for_good(server: MiniFTP, tmp_path: Path, verb: str) -> None:
    server.replies[verb] = HANG
    client = await connected(server, timeouts=impatient("reply", "initiation", "termination"))
    await client.login()
    with pytest.raises(ftp.FTPTimeoutError) as caught:
        await client.download("/pub/a.bin", tmp_path)
    assert verb in str(caught.value.phase) or caught.value.phase == "reply to the end of the transfer"
    assert not client.is_connected


async def test_a_cancelled_download_leaves_no_file_and_the_connection_in_step(
    peer: ScriptedPeer, tmp_path: Path
) -> None:
    peer.script(
        *retrieving(),
        send_data("d", b"012"),
        expect(b"ABOR\r\n"),
        send(b"426 aborted\r\n226 ok\r\n"),
        *answer(b"NOOP", b"200 ok"),
        expect_eof(),
    )
    client = await connected(peer)
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(_cancel_when, scope, tmp_path, 3)
            await client.download("a", tmp_path)
    assert scope.cancelled_caught
    assert files_in(tmp_path) == []
    await client.command("NOOP", "200")
    client.close()


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def _cancel_when(scope: anyio.CancelScope, folder: Path, size: int) -> None:
    for _ in range(5000):
        if any(path.stat().st_size >= size for path in files_in(folder)):
            break
        await anyio.sleep(0.001)
    scope.cancel()
