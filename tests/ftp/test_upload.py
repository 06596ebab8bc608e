"""Single files to the server: where they go, what they say on the way, and how they fail."""

from __future__ import annotations

import errno
import os
import ssl
from pathlib import Path, PurePosixPath
from typing import Any

import anyio
import pytest

from tests.ftp.support import HELLO, Signal, answer, binary, connected, impatient, open_data, passive
from tests.peers import (
    HANG,
    MiniFTP,
    ScriptedPeer,
    Step,
    accept_data,
    expect,
    expect_eof,
    receive_data,
    reset_data,
    send,
)
from transfer import ftp
from transfer._errors import LocalFileError
from transfer._net.progress import Progress
from transfer._net.tls import TLS

CONTENT = b"0123456789" * 100_000


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """More than any kernel's buffers hold."""
    path = tmp_path / "a.bin"
    with path.open("wb") as file:
        file.truncate(20_000_000)
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "a.bin"
    path.write_bytes(CONTENT)
    return path


# -- where to --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("destination", "write_into", "there"),
    [
        ("", False, "/a.bin"),
        ("in/here", False, "/in/here/a.bin"),
        ("/in/here/", False, "/in/here/a.bin"),
        (PurePosixPath("in"), False, "/in/a.bin"),
        ("b.bin", True, "/b.bin"),
        ("in/here/b.bin", True, "/in/here/b.bin"),
        (PurePosixPath("/in/b.bin"), True, "/in/b.bin"),
    ],
)
@pytest.mark.parametrize("kind", [str, Path])
async def test_a_file_goes_into_a_directory_or_under_a_name(
    ftp_server: MiniFTP, source: Path, kind: Any, destination: Any, write_into: bool, there: str
) -> None:
    async with ftp.Client.context(ftp_server.host, ftp_server.port) as client:
        await client.upload(kind(source), destination, write_into=write_into)
    assert ftp_server.files == {there: CONTENT}
    assert str(PurePosixPath(there).parent) in ftp_server.directories


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize("size", [0, 1, 8192, 3 * 1024 * 1024 + 7])
async def test_every_octet_arrives(
    server_tls_context: ssl.SSLContext, ca_file: Path, tmp_path: Path, size: int, encrypted: bool
) -> None:
    content = os.urandom(size)
    (tmp_path / "a").write_bytes(content)
    with MiniFTP(tls=server_tls_context) as server:
        async with ftp.Client.context(
            server.host, server.port, upgrade_to_tls=encrypted, tls=TLS(ca_file=ca_file)
        ) as client:
            await client.upload(tmp_path / "a")
            await client.upload(tmp_path / "a", "b", write_into=True, block_size=1)
        assert server.files == {"/a": content, "/b": content}


async def test_a_file_that_is_there_is_replaced(ftp_server: MiniFTP, source: Path) -> None:
    ftp_server.files["/a.bin"] = bytes(2 * len(CONTENT))
    async with ftp.Client.context(ftp_server.host, ftp_server.port) as client:
        await client.upload(source)
    assert ftp_server.files["/a.bin"] == CONTENT


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xe4 b"))
    try:
        path.write_bytes(b"x")
    except OSError:
        pytest.skip("this file system has names in UTF-8 only")
    return path


async def test_names_are_sent_octet_for_octet(ftp_server: MiniFTP, odd: Path) -> None:
    async with ftp.Client.context(ftp_server.host, ftp_server.port) as client:
        await client.upload(odd)
    assert ftp_server.files == {"/\udce4 b": b"x"}


# -- on the way ------------------------------------------------------------------------------------------------------


async def test_progress_ends_with_everything(ftp_server: MiniFTP, source: Path) -> None:
    readings: list[Progress] = []
    async with ftp.Client.context(ftp_server.host, ftp_server.port) as client:
        await client.upload(source, progress=readings.append)
    assert readings[-1].transferred == readings[-1].total == len(CONTENT)
    assert [reading.transferred for reading in readings] == sorted(reading.transferred for reading in readings)


async def test_a_speed_limit_makes_pauses(ftp_server: MiniFTP, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(50_000))
    readings: list[Progress] = []
    async with ftp.Client.context(ftp_server.host, ftp_server.port, write_speed_limit=100_000) as client:
        await client.upload(tmp_path / "a", progress=readings.append)
    assert any(0 < reading.transferred < 50_000 for reading in readings)


async def test_a_speed_limit_can_be_changed(ftp_server: MiniFTP, source: Path, tmp_path: Path) -> None:
    """At one octet a second it would take eleven days."""
    async with ftp.Client(read_speed_limit=1, write_speed_limit=1) as client:
        await client.connect(ftp_server.host, ftp_server.port)
        await client.login()
        client.throttle.read.limit = client.throttle.write.limit = None
        with anyio.fail_after(10):
            await client.upload(source)
            await client.list()
            await client.download("a.bin", tmp_path / "copy")
    assert (tmp_path / "copy" / "a.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("error", [KeyError("mine"), BrokenPipeError("mine"), UnicodeError("mine")], ids=repr)
async def test_what_the_callback_raises_comes_out_and_the_connection_is_in_step(
    ftp_server: MiniFTP, source: Path, error: Exception
) -> None:
    def fail(reading: Progress) -> None:
        raise error

    async with ftp.Client.context(ftp_server.host, ftp_server.port, write_speed_limit=1_000_000) as client:
        with pytest.raises(type(error)) as caught:
            await client.upload(source, progress=fail)
        assert caught.value is error
        await client.command("NOOP", "2xx")


# -- this side's fault -----------------------------------------------------------------------------------------------


async def test_a_source_that_cannot_be_read_is_a_path_error(ftp_server: MiniFTP, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    async with ftp.Client.context(ftp_server.host, ftp_server.port) as client:
        before = len(ftp_server.commands)
        with pytest.raises(ftp.PathIOError) as caught:
            await client.upload(tmp_path / "none")
        with pytest.raises(ftp.PathIOError, match="neither a file nor a directory"):
            await client.upload(tmp_path / "pipe")
        assert len(ftp_server.commands) == before
        await client.command("NOOP", "2xx")
    error = caught.value
    assert isinstance(error, LocalFileError)
    assert not error.retryable
    assert (error.errno, error.filename) == (errno.ENOENT, str(tmp_path / "none"))
    assert error.reason is not None
    assert error.reason[0] is FileNotFoundError
    assert error.__cause__ is error.reason[1]


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="a file of Linux")
async def test_a_source_that_fails_in_the_middle_is_a_path_error_and_the_connection_is_in_step(
    ftp_server: MiniFTP,
) -> None:
    """This process's memory can be opened, but there is none at its beginning."""
    async with ftp.Client.context(ftp_server.host, ftp_server.port) as client:
        with pytest.raises(ftp.PathIOError) as caught:
            await client.upload("/proc/self/mem")
        await client.command("NOOP", "2xx")
    assert caught.value.errno == errno.EIO
    assert "STOR mem" in ftp_server.commands


async def test_what_is_no_path_or_no_size_is_a_value_error(ftp_server: MiniFTP, source: Path) -> None:
    async with ftp.Client.context(ftp_server.host, ftp_server.port) as client:
        before = len(ftp_server.commands)
        with pytest.raises(ValueError, match="NUL"):
            await client.upload("a\0b")
        with pytest.raises(ValueError, match="block_size"):
            await client.upload(source, block_size=0)
        assert len(ftp_server.commands) == before


# -- the server's fault ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["STOR", "STOR DONE"])
@pytest.mark.parametrize("refusal", ["452 full", "550 not here", "552 quota exceeded", "553 what a name"])
async def test_a_refusal_first_or_last_is_raised_and_leaves_the_connection_in_step(
    ftp_server: MiniFTP, source: Path, when: str, refusal: str
) -> None:
    ftp_server.replies[when] = refusal
    async with ftp.Client.context(ftp_server.host, ftp_server.port) as client:
        with pytest.raises(ftp.StatusCodeError) as caught:
            await client.upload(source)
        assert caught.value.received_codes == (refusal[:3],)
        assert caught.value.command == "STOR a.bin"
        assert caught.value.retryable == (refusal[0] == "4")
        await client.command("NOOP", "2xx")
    assert "ABOR" not in ftp_server.commands


def failing(*steps: Step) -> tuple[Step, ...]:
    return HELLO, *binary(), *open_data(b"STOR a.bin"), *steps


async def test_quota_exceeded_beats_a_broken_pipe(peer: ScriptedPeer, large: Path) -> None:
    peer.script(
        *failing(
            receive_data("d", 1000),
            reset_data("d"),
            send(b"552 quota exceeded\r\n"),
            *answer(b"NOOP", b"200 ok"),
            expect_eof(),
        )
    )
    client = await connected(peer)
    with pytest.raises(ftp.StatusCodeError) as caught:
        await client.upload(large)
    assert caught.value.received_codes == ("552",)
    await client.command("NOOP", "2xx")
    client.close()


async def test_a_broken_pipe_without_a_word_is_a_lost_connection(peer: ScriptedPeer, large: Path) -> None:
    """Asked for by ABOR, a 426 says no more than that, and the connection is in step."""
    aborted = answer(b"ABOR", b"426 aborted", b"226 so it is")
    peer.script(*failing(receive_data("d", 1000), reset_data("d"), *aborted, *answer(b"NOOP", b"200 ok"), expect_eof()))
    client = await connected(peer)
    with pytest.raises(ftp.FTPDisconnected) as caught:
        await client.upload(large)
    assert caught.value.retryable
    await client.command("NOOP", "200")
    client.close()


async def test_a_broken_pipe_and_a_server_that_is_silent_end_the_connection(peer: ScriptedPeer, large: Path) -> None:
    peer.script(*failing(receive_data("d", 1000), reset_data("d"), expect(b"ABOR\r\n"), expect_eof()))
    client = await connected(peer, timeouts=impatient("close"))
    with pytest.raises(ftp.FTPDisconnected) as caught:
        await client.upload(large)
    assert caught.value.retryable
    assert not client.is_connected


async def test_a_server_that_reads_no_further_is_left_after_the_time_limit(peer: ScriptedPeer, large: Path) -> None:
    peer.script(
        *failing(expect(b"ABOR\r\n"), send(b"426 aborted\r\n226 ok\r\n"), *answer(b"NOOP", b"200 ok"), expect_eof())
    )
    client = await connected(peer, timeouts=impatient("data"))
    with pytest.raises(ftp.FTPTimeoutError) as caught:
        await client.upload(large)
    assert caught.value.phase == "progress of the transfer"
    await client.command("NOOP", "2xx")
    client.close()


async def test_a_server_that_never_confirms_is_left_for_good(source: Path) -> None:
    with MiniFTP() as server:
        server.replies["STOR DONE"] = HANG
        client = await connected(server, timeouts=impatient("termination"))
        await client.login()
        with pytest.raises(ftp.FTPTimeoutError) as caught:
            await client.upload(source)
        assert caught.value.phase == "reply to the end of the transfer"
        assert not client.is_connected


async def test_a_server_may_confirm_without_a_preliminary_reply(peer: ScriptedPeer, source: Path) -> None:
    peer.script(
        HELLO,
        *binary(),
        *passive(),
        *answer(b"STOR a.bin", b"226 I'll take it"),
        accept_data("d"),
        receive_data("d"),
        *answer(b"NOOP", b"200 ok"),
        expect_eof(),
    )
    client = await connected(peer)
    await client.upload(source)
    await client.command("NOOP", "200")
    client.close()
    await peer.served()
    assert peer.captured["d"] == CONTENT


async def test_a_cancelled_upload_is_no_whole_file_and_leaves_the_connection_in_step(
    peer: ScriptedPeer, large: Path
) -> None:
    begun = Signal()
    peer.script(
        *failing(
            begun.given,
            expect(b"ABOR\r\n"),
            send(b"426 aborted\r\n226 ok\r\n"),
            *answer(b"NOOP", b"200 ok"),
            expect_eof(),
        )
    )
    client = await connected(peer)
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(_cancel_when, begun, scope)
            await client.upload(large)
    assert scope.cancelled_caught
    await client.command("NOOP", "200")
    client.close()


async def _cancel_when(signal: Signal, scope: anyio.CancelScope) -> None:
    await signal.wait()
    scope.cancel()
