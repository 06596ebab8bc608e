"""Transfers that go on where an earlier one, or an earlier attempt, has come to."""

from __future__ import annotations

import io
import random
from pathlib import Path
from typing import Any

import pytest

from tests.ftp.support import logged_in, names_in, said
from tests.peers import CLOSE, CutMode, MiniFTP
from transfer import Progress, RetryPolicy, ftp

CONTENT = random.Random(1).randbytes(300_001)
AT_ONCE = RetryPolicy(attempts=20, wait_initial=0, wait_jitter=0)


# -- downloads ---------------------------------------------------------------------------------------------------------


async def test_a_partial_download_goes_on_by_rest(ftp_server: MiniFTP, tmp_path: Path) -> None:
    ftp_server.files["/file"] = CONTENT
    (tmp_path / "file.part").write_bytes(CONTENT[:100_000])
    readings: list[Progress] = []
    async with await logged_in(ftp_server) as client:
        await client.download("file", tmp_path, resume=True, progress=readings.append)

    assert (tmp_path / "file").read_bytes() == CONTENT
    assert names_in(tmp_path) == ["file"]
    assert said(ftp_server, "REST") == ["REST 100000"]
    assert (readings[-1].transferred, readings[-1].total) == (len(CONTENT), len(CONTENT))


async def test_a_short_file_under_the_final_name_is_gone_on_with(ftp_server: MiniFTP, tmp_path: Path) -> None:
    ftp_server.files["/file"] = CONTENT
    (tmp_path / "file").write_bytes(CONTENT[:5])
    async with await logged_in(ftp_server) as client:
        await client.download("file", tmp_path, resume=True)
        await client.download("file", tmp_path, resume=True)

    assert (tmp_path / "file").read_bytes() == CONTENT
    assert said(ftp_server, "REST", "RETR") == ["REST 5", "RETR file"], "what is complete is not moved again"


async def test_a_longer_file_is_begun_anew(ftp_server: MiniFTP, tmp_path: Path) -> None:
    ftp_server.files["/file"] = CONTENT
    (tmp_path / "file.part").write_bytes(CONTENT + b"of something else")
    async with await logged_in(ftp_server) as client:
        await client.download("file", tmp_path, resume=True)

    assert (tmp_path / "file").read_bytes() == CONTENT
    assert said(ftp_server, "REST") == []


async def test_a_server_that_can_not_go_on_begins_anew(ftp_server: MiniFTP, tmp_path: Path) -> None:
    ftp_server.files["/file"] = CONTENT
    ftp_server.replies["REST"] = "502 no"
    (tmp_path / "file.part").write_bytes(CONTENT[:10])
    async with await logged_in(ftp_server) as client:
        await client.download("file", tmp_path, resume=True)

    assert (tmp_path / "file").read_bytes() == CONTENT


async def test_what_fails_is_left_to_be_resumed(ftp_server: MiniFTP, tmp_path: Path) -> None:
    ftp_server.files["/file"] = CONTENT
    ftp_server.cut_data_after = 70_000
    async with await logged_in(ftp_server) as client:
        with pytest.raises(ftp.FTPException):
            await client.download("file", tmp_path, resume=True)
        assert names_in(tmp_path) == ["file.part"]
        ftp_server.cut_data_after = None
        await client.download("file", tmp_path, resume=True, verify="size")

    assert (tmp_path / "file").read_bytes() == CONTENT
    assert names_in(tmp_path) == ["file"]


async def test_what_was_resumed_from_something_else_is_found_out_by_its_hash(
    ftp_server: MiniFTP, tmp_path: Path
) -> None:
    ftp_server.files["/file"] = b"0123456789"
    ftp_server.features = (*ftp_server.features, "XCRC")
    ftp_server.replies["XCRC"] = "250 A684C7C6"
    (tmp_path / "file.part").write_bytes(b"abc")
    async with await logged_in(ftp_server) as client:
        with pytest.raises(ftp.FTPIncompleteTransfer, match="CRC32"):
            await client.download("file", tmp_path, resume=True, verify=True)
        (tmp_path / "file.part").unlink()
        await client.download("file", tmp_path, resume=True, verify=True)

    assert (tmp_path / "file").read_bytes() == b"0123456789"


async def test_an_open_file_is_filled_from_its_position_on(ftp_server: MiniFTP) -> None:
    ftp_server.files["/file"] = CONTENT
    file = io.BytesIO(CONTENT[:1000])
    file.seek(0, io.SEEK_END)
    async with await logged_in(ftp_server) as client:
        await client.download("file", file, resume=True)

    assert file.getvalue() == CONTENT
    assert said(ftp_server, "REST") == ["REST 1000"]


# -- uploads -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(CONTENT)
    return tmp_path / "file"


async def test_a_partial_upload_goes_on_by_rest(ftp_server: MiniFTP, source: Path) -> None:
    ftp_server.files["/file"] = CONTENT[:100_000]
    async with await logged_in(ftp_server) as client:
        await client.upload(source, resume=True)
        await client.upload(source, resume=True)

    assert ftp_server.files["/file"] == CONTENT
    assert said(ftp_server, "REST", "STOR", "APPE") == ["REST 100000", "STOR file"]


async def test_where_rest_is_refused_the_rest_is_appended(ftp_server: MiniFTP, source: Path) -> None:
    ftp_server.files |= {"/file": CONTENT[:100_000], "/again": CONTENT[:10]}
    ftp_server.replies["REST"] = "502 no"
    async with await logged_in(ftp_server) as client:
        await client.upload(source, resume=True)
        await client.upload(source, "again", write_into=True, resume=True)

    assert ftp_server.files["/file"] == ftp_server.files["/again"] == CONTENT
    assert said(ftp_server, "STOR", "APPE") == ["APPE file", "APPE again"]
    assert said(ftp_server, "REST")[0] == "REST 100000"
    assert "REST 10" not in said(ftp_server, "REST"), "it is asked once"


async def test_a_longer_file_on_the_server_is_replaced(ftp_server: MiniFTP, source: Path) -> None:
    ftp_server.files["/file"] = CONTENT + b"of something else"
    async with await logged_in(ftp_server) as client:
        await client.upload(source, resume=True)

    assert ftp_server.files["/file"] == CONTENT


@pytest.mark.parametrize("options", [{"conn_type": "A"}, {"compress": True}])
async def test_octets_that_can_not_be_counted_are_not_resumed(ftp_server: MiniFTP, source: Path, options: Any) -> None:
    async with await logged_in(ftp_server) as client:
        with pytest.raises(ValueError, match="resume wants octets"):
            await client.upload(source, resume=True, **options)


# -- by itself ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", list(CutMode))
async def test_a_download_that_is_cut_again_and_again_arrives(
    ftp_server: MiniFTP, tmp_path: Path, mode: CutMode
) -> None:
    ftp_server.files["/file"] = CONTENT
    ftp_server.cut_data_after, ftp_server.cut_mode = 40_000, mode
    readings: list[Progress] = []
    async with await logged_in(ftp_server) as client:
        await client.download("file", tmp_path, retry=AT_ONCE, progress=readings.append)

    assert (tmp_path / "file").read_bytes() == CONTENT
    assert names_in(tmp_path) == ["file"]
    assert len(said(ftp_server, "RETR")) > 2
    assert readings[-1].transferred == len(CONTENT)


@pytest.mark.parametrize("verb", ["EPSV", "RETR", "RETR DONE"])
async def test_a_lost_connection_is_replaced_and_the_directory_found_again(
    ftp_server: MiniFTP, tmp_path: Path, verb: str
) -> None:
    ftp_server.files["/deep/file"] = CONTENT
    ftp_server.directories.add("/deep")
    async with await logged_in(ftp_server) as client:
        await client.change_directory("deep")
        ftp_server.replies[verb] = [CLOSE]
        await client.download("file", tmp_path, retry=AT_ONCE)
        assert client.is_connected

    assert (tmp_path / "file").read_bytes() == CONTENT
    assert len(said(ftp_server, "USER")) == 2
    assert said(ftp_server, "CWD") == ["CWD deep"] * 2


async def test_an_upload_whose_end_was_lost_is_not_sent_twice(ftp_server: MiniFTP, source: Path) -> None:
    ftp_server.replies["STOR DONE"] = [CLOSE]
    async with await logged_in(ftp_server) as client:
        await client.upload(source, retry=AT_ONCE)

    assert ftp_server.files["/file"] == CONTENT
    assert len(said(ftp_server, "STOR")) == 1


async def test_a_refusal_for_good_is_not_repeated(ftp_server: MiniFTP, source: Path) -> None:
    ftp_server.replies["STOR"] = "553 not here"
    async with await logged_in(ftp_server) as client:
        with pytest.raises(ftp.StatusCodeError, match="553"):
            await client.upload(source, retry=AT_ONCE)

    assert len(said(ftp_server, "STOR")) == 1


async def test_a_refusal_for_now_is(ftp_server: MiniFTP, source: Path) -> None:
    ftp_server.replies["STOR"] = ["450 busy", "452 no room now"]
    async with await logged_in(ftp_server) as client:
        await client.upload(source, retry=AT_ONCE)

    assert ftp_server.files["/file"] == CONTENT
    assert len(said(ftp_server, "STOR")) == 3


async def test_blocks_that_were_taken_can_not_be_sent_again(ftp_server: MiniFTP) -> None:
    ftp_server.replies["STOR DONE"] = "426 try again"
    async with await logged_in(ftp_server) as client:
        with pytest.raises(ftp.FTPIncompleteTransfer, match="can't be read again"):
            await client.upload(iter([b"one", b"two"]), "file", retry=AT_ONCE)


async def test_an_append_is_never_repeated(ftp_server: MiniFTP, source: Path) -> None:
    ftp_server.files["/file"] = b"before"
    ftp_server.replies["APPE DONE"] = [CLOSE]
    async with await logged_in(ftp_server) as client:
        with pytest.raises(ValueError, match="append has no option"):
            await client.append(source, "file", retry=AT_ONCE)
        with pytest.raises(ftp.FTPDisconnected) as caught:
            await client.append(source, "file")

    assert not caught.value.retryable
    assert len(said(ftp_server, "APPE")) == 1
