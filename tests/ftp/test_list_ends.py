"""Listings that end in an error, and those that their reader leaves half-way."""

from __future__ import annotations

import threading
from pathlib import PurePosixPath

import anyio
import anyio.lowlevel
import attrs
import pytest

from tests.ftp.support import HELLO, answer, binary, connected, deliver, impatient, open_data
from tests.peers import (
    MiniFTP,
    ScriptedPeer,
    Step,
    call,
    close_data,
    expect,
    expect_eof,
    pause,
    reset_data,
    send,
    send_data,
)
from transfer import ftp

LISTED = b"type=dir;modify=20240102030405; pub\r\ntype=file;size=3; a.txt\r\n"


def scripted(peer: ScriptedPeer, data: bytes, *more: Step, line: bytes = b"MLSD") -> None:
    peer.script(HELLO, *binary(), *deliver(line, data), *more, expect_eof())


# -- what ends the connection ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [b"../x", b"/etc/passwd", b"a/b", b"../", b"a/../../b", b"/", b"/.."])
@pytest.mark.parametrize("command", ["MLSD", "LIST"])
@pytest.mark.parametrize("recursive", [True, False])
async def test_a_name_that_is_a_path_is_refused(peer: ScriptedPeer, name: bytes, command: str, recursive: bool) -> None:
    facts = b"type=dir; " if command == "MLSD" else b"drwxr-xr-x 1 u g 1 Jan 01 2024 "
    scripted(peer, facts + name + b"\r\n", line=command.encode())
    client = await connected(peer)
    with pytest.raises(ftp.FTPProtocolError, match="refused") as caught:
        await client.list(raw_command=command, recursive=recursive)
    assert caught.value.peer == f"{peer.host}:{peer.port}"
    assert not client.is_connected


async def test_a_name_with_nul_is_refused(peer: ScriptedPeer) -> None:
    scripted(peer, b"type=file; x\0y\r\n")
    client = await connected(peer)
    with pytest.raises(ftp.FTPProtocolError, match="NUL"):
        await client.list()
    assert not client.is_connected


@pytest.mark.parametrize(
    ("limits", "words"),
    [({"entries": 1}, "entries"), ({"octets": 40}, "octets"), ({"line_octets": 20}, "20")],
    ids=str,
)
async def test_a_listing_has_limits(peer: ScriptedPeer, limits: dict[str, int], words: str) -> None:
    scripted(peer, LISTED)
    client = await connected(peer, listing_limits=ftp.ListingLimits(**limits))
    with pytest.raises(ftp.FTPProtocolError, match=words):
        await client.list()
    assert not client.is_connected


@pytest.mark.parametrize("data", [b" x\r\n", b"\r\n", b"?"], ids=["names", "empty", "line"])
async def test_an_endless_listing_comes_to_an_end(data: bytes) -> None:
    endless = [send_data("d", data * (100_000 // len(data)))] * 100
    with ScriptedPeer(client_may_leave=True) as peer:
        peer.script(HELLO, *binary(), *open_data(b"MLSD"), *endless)
        peer.script(HELLO, expect_eof())
        client = await connected(peer, listing_limits=ftp.ListingLimits(octets=300_000, entries=10_000))
        with pytest.raises(ftp.FTPProtocolError):
            await client.list()
        assert not client.is_connected
        await client.connect(peer.host, peer.port)
        client.close()


@pytest.mark.parametrize("line", [b"\r\n", b"?\r\n", b"total 5\r\n"], ids=["empty", "unreadable", "header"])
@pytest.mark.parametrize("command", ["LIST", "MLSD"])
async def test_lines_that_are_no_entries_are_counted_as_well(peer: ScriptedPeer, command: str, line: bytes) -> None:
    scripted(peer, line * 60, line=command.encode())
    client = await connected(peer, listing_limits=ftp.ListingLimits(entries=55))
    with pytest.raises(ftp.FTPProtocolError, match="55 lines that are no entries"):
        await client.list(raw_command=command)
    assert not client.is_connected


async def test_other_tasks_have_their_turn_while_many_lines_are_read(peer: ScriptedPeer) -> None:
    """One block of the connection may hold tens of thousands of lines, each of which is looked at by every parser."""
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await anyio.lowlevel.checkpoint()

    scripted(peer, b"?\n" * 20_000, line=b"LIST")
    client = await connected(peer)
    async with anyio.create_task_group() as group:
        group.start_soon(count_turns)
        await anyio.lowlevel.checkpoint()
        assert await client.list(raw_command="LIST") == []
        group.cancel_scope.cancel()
    assert turns >= 20_000 // 400
    client.close()


@pytest.mark.parametrize("names", ["a", "ab"], ids=["deep", "wide"])
async def test_an_endless_tree_comes_to_an_end(names: str) -> None:
    """One directory in the other, or ever more of them."""
    depth = 200 if names == "a" else 7
    with MiniFTP() as server:
        level = {""}
        for _ in range(depth):
            level = {f"{path}/{name}" for path in level for name in names}
            server.directories |= level
        client = await connected(server, listing_limits=ftp.ListingLimits(entries=200))
        await client.login()
        with pytest.raises(ftp.FTPProtocolError, match="directories deep" if names == "a" else "200 entries"):
            await client.list("/", recursive=True)
        assert not client.is_connected


async def test_a_data_connection_that_is_lost_is_a_lost_connection(peer: ScriptedPeer) -> None:
    aborted = answer(b"ABOR", b"426 aborted", b"226 so it is")
    goes_on = answer(b"NOOP", b"200 ok")
    peer.script(HELLO, *binary(), *open_data(b"MLSD"), reset_data("d"), *aborted, *goes_on, expect_eof())
    client = await connected(peer)
    with pytest.raises(ftp.FTPDisconnected):
        await client.list()
    await client.command("NOOP", "200")
    client.close()


async def test_the_server_s_word_on_a_lost_data_connection_counts_more(peer: ScriptedPeer) -> None:
    peer.script(
        HELLO,
        *binary(),
        *open_data(b"MLSD"),
        reset_data("d"),
        send(b"451 disk error\r\n"),
        *answer(b"NOOP", b"200 ok"),
        expect_eof(),
    )
    client = await connected(peer)
    with pytest.raises(ftp.StatusCodeError) as caught:
        await client.list()
    assert caught.value.received_codes == ("451",)
    assert caught.value.retryable
    await client.command("NOOP", "2xx")
    client.close()


# -- half-way --------------------------------------------------------------------------------------------------------


def half(peer: ScriptedPeer, *more: Step) -> None:
    """Begin a listing that goes on until the client has had enough."""
    peer.script(
        HELLO,
        *binary(),
        *open_data(b"MLSD"),
        send_data("d", LISTED),
        expect(b"ABOR\r\n"),
        send(b"426 aborted\r\n226 so it is\r\n"),
        *more,
        expect_eof(),
    )


async def test_a_reader_that_leaves_ends_the_transfer_before_the_next_command(peer: ScriptedPeer) -> None:
    half(peer, *answer(b"NOOP", b"200 ok"))
    client = await connected(peer)
    async for _ in client.list():
        break
    await client.command("NOOP", "200")
    client.close()


async def test_a_listing_that_is_there_already_is_not_cut_off(peer: ScriptedPeer) -> None:
    """ABOR would have servers keep what they could not send, and begin the next listing with it."""
    peer.script(HELLO, *binary(), *deliver(b"MLSD", LISTED * 20_000), *answer(b"NOOP", b"200 ok"), expect_eof())
    client = await connected(peer)
    async for _ in client.list():
        break
    await client.command("NOOP", "200")
    client.close()


async def test_an_exception_in_the_loop_leaves_the_connection_in_step(peer: ScriptedPeer) -> None:
    half(peer, *answer(b"NOOP", b"200 ok"))
    client = await connected(peer)

    async def fail_in_the_middle() -> None:
        async for _ in client.list():
            raise KeyError

    with pytest.raises(KeyError):
        await fail_in_the_middle()
    await client.command("NOOP", "200")
    client.close()


@pytest.mark.parametrize("taken", [0, 1, 2])
async def test_a_reader_that_is_cancelled_leaves_the_connection_in_step(peer: ScriptedPeer, taken: int) -> None:
    """While it waits for an entry, and while there is one to be had."""
    half(peer, *answer(b"NOOP", b"200 ok"))
    client = await connected(peer)
    iterator = client.list().__aiter__()
    found = [await iterator.__anext__() for _ in range(max(1, taken))]
    with anyio.CancelScope() as scope:
        scope.cancel()
        found.append(await iterator.__anext__())
    assert scope.cancelled_caught
    assert len(found) == max(1, taken)
    await client.command("NOOP", "200")
    with pytest.raises(StopAsyncIteration):
        await iterator.__anext__()
    client.close()


async def test_aclose_ends_the_transfer_at_once(peer: ScriptedPeer) -> None:
    half(peer, *answer(b"NOOP", b"200 ok"))
    client = await connected(peer)
    iterator = client.list().__aiter__()
    await iterator.__anext__()
    await iterator.aclose()
    await iterator.aclose()
    await client.command("NOOP", "200")
    with pytest.raises(StopAsyncIteration):
        await iterator.__anext__()
    client.close()


async def test_closing_the_client_closes_the_data_connection_too(peer: ScriptedPeer) -> None:
    peer.script(HELLO, *binary(), *open_data(b"MLSD"), send_data("d", LISTED), expect_eof())
    client = await connected(peer)
    iterator = client.list().__aiter__()
    await iterator.__anext__()
    client.close()
    assert (await iterator.__anext__())[0] == PurePosixPath("a.txt")  # it had come already
    with pytest.raises(ftp.FTPDisconnected):
        await iterator.__anext__()


async def test_leaving_the_block_ends_a_listing_that_nobody_reads(peer: ScriptedPeer) -> None:
    half(peer, *answer(b"QUIT", b"221 bye"))
    async with ftp.Client() as client:
        await client.connect(peer.host, peer.port)
        async for _ in client.list():
            break


async def test_the_time_that_a_reader_takes_is_not_the_server_s(peer: ScriptedPeer) -> None:
    ready = threading.Event()

    def wait(connection: object) -> None:
        ready.wait(5)

    peer.script(
        HELLO,
        *binary(),
        *open_data(b"MLSD"),
        pause(0.02),  # from here on the time of the next block counts
        send_data("d", b" one\r\n"),
        call(wait),
        pause(0.02),  # the client is waiting by now, and would have waited for too long already
        send_data("d", b" two\r\n"),
        close_data("d"),
        send(b"226 done\r\n"),
        expect_eof(),
    )
    client = await connected(peer, timeouts=attrs.evolve(impatient(), data=0.3))
    iterator = client.list().__aiter__()
    await iterator.__anext__()
    await anyio.sleep(0.35)
    ready.set()
    assert (await iterator.__anext__())[0] == PurePosixPath("two")
    with pytest.raises(StopAsyncIteration):
        await iterator.__anext__()
    client.close()


async def test_a_speed_limit_s_pause_is_not_the_server_s_stall(peer: ScriptedPeer) -> None:
    """10,000 octets at 20,000 a second are 0.4 seconds of pause, after which the server is waited for."""
    peer.script(
        HELLO,
        *binary(),
        *open_data(b"MLSD"),
        pause(0.02),  # from here on the time of the next block counts
        send_data("d", b" 12345678\r\n" * 909),
        pause(0.45),
        send_data("d", b" last\r\n"),
        close_data("d"),
        send(b"226 done\r\n"),
        expect_eof(),
    )
    client = await connected(peer, timeouts=attrs.evolve(impatient(), data=0.3), read_speed_limit=20_000)
    assert len(await client.list()) == 910
    client.close()
