"""Streams over data connections, as programs know them."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

import anyio
import pytest

from tests.ftp.support import connected, logged_in
from tests.peers import MiniFTP
from transfer import ftp

CONTENT = os.urandom(700_000)
LINES = b"one\ntwo\n\nlast"


# -- reading -----------------------------------------------------------------------------------------------------------


async def test_a_download_is_read_to_its_end(ftp_server: MiniFTP) -> None:
    ftp_server.files["/file"] = CONTENT
    async with await logged_in(ftp_server) as client:
        async with client.download_stream("/file") as stream:
            read = await stream.read()
        assert await client.exists("/")

    assert read == CONTENT


async def test_a_download_is_read_by_blocks_lines_and_counts(ftp_server: MiniFTP) -> None:
    ftp_server.files |= {"/file": CONTENT, "/lines": LINES}
    async with await logged_in(ftp_server) as client:
        async with client.download_stream("/file") as stream:
            blocks = [block async for block in stream.iter_by_block(1000)]
        async with client.download_stream("/lines") as stream:
            lines = [line async for line in stream.iter_by_line()]
        async with client.download_stream("/lines", offset=4) as stream:
            assert await stream.readexactly(3) == b"two"
            assert await stream.readline() == b"\n"
            assert await stream.read(100) == b"\nlast"
            with pytest.raises(ftp.FTPIncompleteTransfer):
                await stream.readexactly(1)

    assert b"".join(blocks) == CONTENT
    assert max(map(len, blocks)) <= 1000
    assert lines == [b"one\n", b"two\n", b"\n", b"last"]


async def test_awaited_streams_are_finished_by_hand(ftp_server: MiniFTP) -> None:
    ftp_server.files["/file"] = LINES
    async with await logged_in(ftp_server) as client:
        stream = await client.download_stream("/file")
        assert await stream.read() == LINES
        await stream.finish()
        await stream.finish()
        stream = await client.get_stream("RETR /file", "1xx")
        assert await stream.read() == LINES
        await stream.finish("226", "1xx")
        assert await client.exists("/file")


# -- writing -----------------------------------------------------------------------------------------------------------


async def test_what_is_written_arrives_where_it_belongs(ftp_server: MiniFTP) -> None:
    async with await logged_in(ftp_server) as client:
        async with client.upload_stream("/new") as stream:
            for start in range(0, len(CONTENT), 100_000):
                await stream.write(CONTENT[start : start + 100_000])
        assert ftp_server.files["/new"] == CONTENT
        async with client.append_stream("/new") as stream:
            await stream.write(b"more")
        async with client.upload_stream("/new", offset=10) as stream:
            await stream.write(b"end")

    assert ftp_server.files["/new"] == CONTENT[:10] + b"end" + CONTENT[13:] + b"more"


async def test_a_refusal_comes_out_and_the_client_goes_on(ftp_server: MiniFTP) -> None:
    ftp_server.replies["STOR DONE"] = "552 quota exceeded"
    async with await logged_in(ftp_server) as client:
        with pytest.raises(ftp.StatusCodeError) as missing:
            await client.download_stream("/missing")
        with pytest.raises(ftp.StatusCodeError) as full:
            async with client.upload_stream("/new") as stream:
                await stream.write(b"x")
        assert await client.exists("/")

    assert (missing.value.received_codes, full.value.received_codes) == (("550",), ("552",))


# -- giving up ---------------------------------------------------------------------------------------------------------


async def fail(client: ftp.Client) -> None:
    async with client.download_stream("/file") as stream:
        await stream.read(10)
        raise ZeroDivisionError


async def leave_early(client: ftp.Client) -> None:
    async with client.download_stream("/file") as stream:
        await stream.read(10)


async def abort(client: ftp.Client) -> None:
    async with client.download_stream("/file") as stream:
        await stream.read(10)
        await client.abort()


async def close(client: ftp.Client) -> None:
    stream = await client.download_stream("/file")
    await stream.read(10)
    stream.close()


async def forget(client: ftp.Client) -> None:
    stream = await client.download_stream("/file")
    await stream.read(10)


@pytest.mark.parametrize("give_up", [fail, leave_early, abort, close, forget])
async def test_after_a_stream_was_given_up_the_client_is_in_step(
    give_up: Callable[[ftp.Client], Awaitable[None]], ftp_server: MiniFTP
) -> None:
    ftp_server.files["/file"] = CONTENT * 10
    async with await logged_in(ftp_server) as client:
        try:
            await give_up(client)
        except ZeroDivisionError:
            assert give_up is fail
        assert str(await client.get_current_directory()) == "/"
        assert await client.command("NOOP", "200")
        async with client.download_stream("/file", offset=10) as stream:
            assert await stream.readexactly(5) == CONTENT[10:15]


async def test_abort_without_a_transfer_asks_the_server(ftp_server: MiniFTP) -> None:
    async with await logged_in(ftp_server) as client:
        await client.abort()
        assert await client.command("NOOP", "200")

    assert "ABOR" in ftp_server.commands


async def test_another_command_during_a_stream_does_no_harm(ftp_server: MiniFTP) -> None:
    ftp_server.files["/file"] = CONTENT
    async with await logged_in(ftp_server) as client, client.download_stream("/file") as stream:
        with pytest.raises(ftp.InvalidCommand):
            await client.get_current_directory()
        assert await stream.read() == CONTENT


async def test_a_stream_goes_no_faster_than_its_limit(ftp_server: MiniFTP) -> None:
    ftp_server.files["/file"] = CONTENT
    client = await connected(ftp_server, read_speed_limit=1000)
    async with client:
        await client.login()
        with anyio.move_on_after(0.3) as scope:
            async with client.download_stream("/file") as stream:
                while True:
                    assert len(await stream.read(100_000)) <= 100
        assert scope.cancelled_caught
        client.throttle.read.limit = None
        async with client.download_stream("/file") as stream:
            assert await stream.read() == CONTENT
