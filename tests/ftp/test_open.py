"""Files on the server as file objects."""

from __future__ import annotations

import contextlib
import io
import os

import anyio
import pytest

from tests.ftp.support import logged_in, said
from tests.peers import CutMode, MiniFTP
from transfer import ftp

CONTENT = os.urandom(900_000)


# -- reading -----------------------------------------------------------------------------------------------------------


async def test_a_file_is_read_from_its_beginning_to_its_end(ftp_server: MiniFTP) -> None:
    ftp_server.files["/file"] = CONTENT
    async with await logged_in(ftp_server) as client, client.open("/file") as file:
        assert (file.name, file.mode, file.size) == ("/file", "rb", len(CONTENT))
        assert await file.read(100_001) == CONTENT[:100_001], "a count is a count, not a maximum"
        assert file.tell() == 100_001
        assert await file.read() == CONTENT[100_001:]
        assert await file.read() == await file.read(1) == b""
        assert await client.exists("/file"), "after the last byte the client is free"
    assert said(ftp_server, "RETR", "REST", "ABOR") == ["RETR /file"]


async def test_a_file_is_read_by_lines_and_by_blocks(ftp_server: MiniFTP) -> None:
    ftp_server.files |= {"/lines": b"one\ntwo\n\nlast", "/file": CONTENT}
    async with await logged_in(ftp_server) as client:
        async with client.open("/lines") as file:
            assert [line async for line in file] == [b"one\n", b"two\n", b"\n", b"last"]
            assert await file.readline() == b""
        file = await client.open("/file")
        blocks = [block async for block in file.iter_by_block(100_000)]
        await file.aclose()
        await file.aclose()
    assert b"".join(blocks) == CONTENT
    assert {len(block) for block in blocks} == {100_000}


async def test_any_place_of_a_file_can_be_read(ftp_server: MiniFTP) -> None:
    ftp_server.files["/file"] = CONTENT
    async with await logged_in(ftp_server) as client, client.open("/file") as file:
        assert await file.seek(-10, os.SEEK_END) == len(CONTENT) - 10
        assert await file.read() == CONTENT[-10:]
        assert await file.seek(5) == 5
        assert await file.read(10) == CONTENT[5:15]
        assert await file.seek(600_000, os.SEEK_CUR) == 600_015
        assert await file.read(10) == CONTENT[600_015:600_025]
        assert await file.seek(len(CONTENT) + 5)
        assert await file.read() == b"", "there is nothing behind the end"
        await file.seek(0)
        assert await file.read(3) == CONTENT[:3]
    assert said(ftp_server, "REST") == [f"REST {len(CONTENT) - 10}", "REST 5", "REST 600015"]


async def test_a_short_way_forward_needs_no_new_transfer(ftp_server: MiniFTP) -> None:
    ftp_server.files["/file"] = CONTENT
    async with await logged_in(ftp_server) as client, client.open("/file") as file:
        for place in range(0, len(CONTENT), 150_000):
            await file.seek(place)
            assert await file.read(8) == CONTENT[place : place + 8]
    assert said(ftp_server, "RETR", "REST") == ["RETR /file"]


async def test_an_empty_file_has_an_end_at_once(ftp_server: MiniFTP) -> None:
    ftp_server.files["/empty"] = b""
    async with await logged_in(ftp_server) as client, client.open("/empty") as file:
        assert await file.read() == await file.readline() == b""


async def test_a_server_that_does_not_tell_sizes_still_reads(ftp_server: MiniFTP) -> None:
    ftp_server.files["/file"] = CONTENT
    ftp_server.replies["SIZE"] = "502 no such command"
    async with await logged_in(ftp_server) as client, client.open("/file") as file:
        assert file.size is None
        with pytest.raises(io.UnsupportedOperation, match="does not tell the size"):
            await file.seek(0, os.SEEK_END)
        assert await file.read() == CONTENT
        assert await file.seek(0, os.SEEK_END) == len(CONTENT), "now it is known"


async def test_a_read_that_was_cancelled_can_be_repeated(ftp_server: MiniFTP) -> None:
    ftp_server.files["/file"] = CONTENT
    async with await logged_in(ftp_server) as client, client.open("/file") as file:
        await file.read(7)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await file.read()
        assert scope.cancelled_caught
        assert await file.read() == CONTENT[7:]


@pytest.mark.parametrize("mode", CutMode)
async def test_a_way_forward_that_breaks_off_can_be_gone_again(ftp_server: MiniFTP, mode: CutMode) -> None:
    """What was read ahead on the way is not taken for what was asked for, nor is the broken stream asked again."""
    ftp_server.files["/file"] = CONTENT
    ftp_server.cut_data_after, ftp_server.cut_mode = 300_000, mode
    async with await logged_in(ftp_server) as client, client.open("/file") as file:
        assert await file.read(100_000) == CONTENT[:100_000]
        await file.seek(310_000)
        ftp_server.cut_data_after = None
        with contextlib.suppress(ftp.FTPException):  # who learns of it before the end of the data goes on at once
            assert await file.read(10) == CONTENT[310_000:310_010]
        await file.seek(310_000)
        assert await file.read(10) == CONTENT[310_000:310_010]
        assert await file.read() == CONTENT[310_010:]
    assert said(ftp_server, "REST") == ["REST 310000"]


async def test_a_file_that_ends_too_early_is_incomplete(ftp_server: MiniFTP) -> None:
    ftp_server.files["/file"] = CONTENT
    ftp_server.replies["SIZE"] = f"213 {len(CONTENT) + 5}"
    async with await logged_in(ftp_server) as client, client.open("/file") as file:
        with pytest.raises(ftp.FTPIncompleteTransfer) as caught:
            await file.read()
        assert (caught.value.transferred, caught.value.expected) == (len(CONTENT), len(CONTENT) + 5)


# -- writing -----------------------------------------------------------------------------------------------------------


async def test_a_file_is_written_replaced_and_appended_to(ftp_server: MiniFTP) -> None:
    ftp_server.files["/file"] = b"something much longer than that"
    async with await logged_in(ftp_server) as client:
        async with client.open("/file", "wb") as file:
            assert await file.write(b"one ") == 4
            assert await file.write(b"two") == 3
            assert file.tell() == file.size == 7
        async with client.open("/file", "ab") as file:
            assert file.tell() == 7
            await file.write(b" three")
            with pytest.raises(io.UnsupportedOperation, match="seeking"):
                await file.seek(0)
        async with client.open("/nothing", "wb"):
            pass
        assert await client.exists("/file")
    assert ftp_server.files["/file"] == b"one two three"
    assert ftp_server.files["/nothing"] == b""


async def test_the_middle_of_a_file_can_be_read_and_written(ftp_server: MiniFTP) -> None:
    ftp_server.files["/file"] = b"0123456789"
    async with await logged_in(ftp_server) as client, client.open("/file", "r+b") as file:
        assert await file.read(4) == b"0123"
        await file.write(b"four")
        assert await file.read() == b"89"
        await file.seek(2)
        await file.write(b"t")
        assert await file.seek(0, os.SEEK_END) == 10
        await file.write(b"ab")
        await file.seek(0)
        assert await file.read() == b"01t3four89ab"
    assert ftp_server.files["/file"] == b"01t3four89ab"


async def test_a_beginning_is_not_written_at_the_cost_of_the_rest(ftp_server: MiniFTP) -> None:
    ftp_server.files["/file"] = b"0123456789"
    async with await logged_in(ftp_server) as client:
        async with client.open("/file", "rb+") as file:
            with pytest.raises(io.UnsupportedOperation, match="without emptying"):
                await file.write(b"a")
        async with client.open("/empty", "wb") as file:
            await file.seek(0)
            await file.write(b"a")
            await file.seek(0)
            with pytest.raises(io.UnsupportedOperation, match="without emptying"):
                await file.write(b"b")
    assert ftp_server.files == {"/file": b"0123456789", "/empty": b"a"}


@pytest.mark.parametrize("mode", ["wb", "ab"])
async def test_what_the_server_says_at_the_end_is_raised_by_closing(ftp_server: MiniFTP, mode: str) -> None:
    ftp_server.replies |= {"STOR DONE": "552 quota exceeded", "APPE DONE": "552 quota exceeded"}
    client = await logged_in(ftp_server)
    file = await client.open("/file", mode)
    await file.write(b"abc")
    with pytest.raises(ftp.StatusCodeError, match="552 quota exceeded"):
        await file.aclose()
    assert await client.exists("/")
    client.close()


async def test_a_write_that_was_cancelled_is_not_taken_for_a_whole_one(ftp_server: MiniFTP) -> None:
    client = await logged_in(ftp_server)
    file = await client.open("/file", "wb")
    with anyio.CancelScope() as scope:
        scope.cancel()
        await file.write(CONTENT)
    assert scope.cancelled_caught
    with pytest.raises(ftp.FTPIncompleteTransfer, match="was cut short"):
        await file.write(b"more")
    with pytest.raises(ftp.FTPIncompleteTransfer, match="was cut short"):
        await file.aclose()
    assert await client.exists("/"), "the client goes on"
    client.close()


async def test_a_block_that_fails_aborts_what_it_wrote(ftp_server: MiniFTP) -> None:
    client = await logged_in(ftp_server)
    file = await client.open("/file", "wb")

    async def fail() -> None:
        async with file:
            await file.write(b"abc")
            raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        await fail()
    with pytest.raises(ValueError, match="is closed"):
        await file.write(b"more")
    assert await client.exists("/")
    client.close()


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["rb", "r+b"])
async def test_what_is_not_there_is_not_opened(ftp_server: MiniFTP, mode: str) -> None:
    async with await logged_in(ftp_server) as client:
        with pytest.raises(ftp.StatusCodeError, match="550"):
            await client.open("/missing", mode)
        with pytest.raises(ftp.StatusCodeError, match="550"):
            async with client.open("/missing", mode):
                pytest.fail("it was opened")


@pytest.mark.parametrize("mode", ["r", "w", "a", "x", "", "rt", "w+b"])
async def test_other_modes_are_refused_before_anything_is_sent(ftp_server: MiniFTP, mode: str) -> None:
    async with await logged_in(ftp_server) as client:
        sent = list(ftp_server.commands)
        with pytest.raises(ValueError, match="opened with"):
            await client.open("/file", mode)
        assert ftp_server.commands == sent


async def test_a_file_does_what_its_mode_says(ftp_server: MiniFTP) -> None:
    ftp_server.files["/file"] = b"abc"
    async with await logged_in(ftp_server) as client:
        async with client.open("/file") as file:
            assert (file.readable(), file.writable(), file.seekable()) == (True, False, True)
            with pytest.raises(io.UnsupportedOperation, match="writing"):
                await file.write(b"a")
            for place, whence in ((-1, 0), (-4, 2), (0, 3)):
                with pytest.raises(ValueError, match=r"before the beginning|whence is"):
                    await file.seek(place, whence)
        async with client.open("/file", "ab") as file:
            assert (file.readable(), file.writable(), file.seekable()) == (False, True, False)
            with pytest.raises(io.UnsupportedOperation, match="reading"):
                await file.read()
        with pytest.raises(ValueError, match="is closed"):
            await file.read()
