"""What files are called until they are complete, and what is left of those that never are."""

from __future__ import annotations

import os
import random
from pathlib import Path, PurePosixPath

import pytest

from tests.ftp.support import logged_in, names_in, said
from tests.peers import MiniFTP
from transfer import ftp
from transfer.ftp._transfers._partial import partial_path

CONTENT = random.Random(1).randbytes(300_001)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(CONTENT)
    return tmp_path / "file"


# -- uploads -----------------------------------------------------------------------------------------------------------


async def test_an_atomic_upload_gets_its_name_at_the_end(ftp_server: MiniFTP, source: Path) -> None:
    ftp_server.files["/file"] = b"older"
    async with await logged_in(ftp_server) as client:
        await client.upload(source, atomic=True)

    stored, renamed, to = said(ftp_server, "STOR", "RNFR", "RNTO")
    partial = stored.removeprefix("STOR ")
    assert partial.startswith("file.")
    assert partial.endswith(".part")
    assert (renamed, to) == (f"RNFR {partial}", "RNTO file")
    assert ftp_server.files == {"/file": CONTENT}


@pytest.mark.parametrize(("verb", "reply"), [("STOR DONE", "552 quota exceeded"), ("STOR DONE", "426 broken")])
async def test_one_that_fails_leaves_the_older_file_and_nothing_else(
    ftp_server: MiniFTP, source: Path, verb: str, reply: str
) -> None:
    ftp_server.files["/file"] = b"older"
    ftp_server.replies[verb] = reply
    async with await logged_in(ftp_server) as client:
        with pytest.raises(ftp.StatusCodeError, match=reply[:3]):
            await client.upload(source, atomic=True)

    assert ftp_server.files == {"/file": b"older"}


async def test_where_names_are_not_replaced_the_older_file_is_removed_first(ftp_server: MiniFTP, source: Path) -> None:
    ftp_server.files["/file"] = b"older"
    ftp_server.replies["RNTO"] = ["550 it exists"]
    async with await logged_in(ftp_server) as client:
        await client.upload(source, atomic=True)

    assert ftp_server.files == {"/file": CONTENT}
    assert said(ftp_server, "DELE") == ["DELE file"]


async def test_one_that_may_not_get_its_name_is_removed_unless_it_is_all_there_is(
    ftp_server: MiniFTP, source: Path
) -> None:
    ftp_server.files["/file"] = b"older"
    ftp_server.replies["RNTO"] = "553 no"
    async with await logged_in(ftp_server) as client:
        ftp_server.replies["RNFR"] = "450 busy"
        with pytest.raises(ftp.StatusCodeError, match="450"):
            await client.upload(source, atomic=True)
        assert ftp_server.files == {"/file": b"older"}
        del ftp_server.replies["RNFR"]
        with pytest.raises(ftp.StatusCodeError, match="553"):
            await client.upload(source, atomic=True)

    assert list(ftp_server.files.values()) == [CONTENT], "the older one had to make room"


async def test_an_atomic_upload_that_can_be_resumed_keeps_its_partial_name(ftp_server: MiniFTP, source: Path) -> None:
    ftp_server.replies["STOR DONE"] = ["426 broken"]
    async with await logged_in(ftp_server) as client:
        with pytest.raises(ftp.StatusCodeError, match="426"):
            await client.upload(source, atomic=True, resume=True)
        assert list(ftp_server.files) == ["/file.part"]
        await client.upload(source, atomic=True, resume=True)

    assert ftp_server.files == {"/file": CONTENT}


# -- downloads ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("atomic", [True, False])
async def test_a_download_that_fails_leaves_the_older_file_unless_it_was_told_to_write_it(
    ftp_server: MiniFTP, tmp_path: Path, atomic: bool
) -> None:
    ftp_server.files["/file"] = CONTENT
    ftp_server.replies["RETR DONE"] = "451 read error"
    (tmp_path / "file").write_bytes(b"older")
    async with await logged_in(ftp_server) as client:
        with pytest.raises(ftp.StatusCodeError, match="451"):
            await client.download("file", tmp_path, atomic=atomic)

    assert names_in(tmp_path) == ["file"]
    assert (tmp_path / "file").read_bytes() == (b"older" if atomic else CONTENT)


async def test_a_link_is_replaced_and_not_written_through(ftp_server: MiniFTP, tmp_path: Path) -> None:
    ftp_server.files["/file"] = CONTENT
    (tmp_path / "here").mkdir()
    (tmp_path / "elsewhere").write_bytes(b"private")
    (tmp_path / "here" / "file").symlink_to(tmp_path / "elsewhere")
    async with await logged_in(ftp_server) as client:
        await client.download("file", tmp_path / "here")
        assert not (tmp_path / "here" / "file").is_symlink()
        (tmp_path / "here" / "file").unlink()
        (tmp_path / "here" / "file").symlink_to(tmp_path / "elsewhere")
        assert (tmp_path / "elsewhere").read_bytes() == b"private"
        await client.download("file", tmp_path / "here", follow_links=True)

    assert (tmp_path / "elsewhere").read_bytes() == CONTENT


async def test_a_link_in_a_tree_does_not_lead_out_of_the_destination(ftp_server: MiniFTP, tmp_path: Path) -> None:
    ftp_server.files["/tree/deep/file"] = CONTENT
    ftp_server.directories |= {"/tree", "/tree/deep"}
    (tmp_path / "here" / "tree").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "here" / "tree" / "deep").symlink_to(tmp_path / "elsewhere")
    async with await logged_in(ftp_server) as client:
        with pytest.raises(ftp.PathIOError):
            await client.download("tree", tmp_path / "here")
        assert list((tmp_path / "elsewhere").iterdir()) == []
        assert await client.exists("tree")


async def test_a_device_is_written_and_not_replaced(ftp_server: MiniFTP) -> None:
    ftp_server.files["/file"] = CONTENT
    async with await logged_in(ftp_server) as client:
        await client.download("file", "/dev/null", write_into=True)
        with pytest.raises(ftp.PathIOError) as caught:
            await client.download("file", "/dev/full", write_into=True)
        assert caught.value.errno == 28
        assert "No space left" in str(caught.value)
        assert await client.exists("file"), "the client goes on"

    assert are_devices("/dev/null", "/dev/full")


def are_devices(*paths: str) -> bool:
    return all(Path(path).is_char_device() for path in paths)


def test_a_partial_name_has_room_in_a_directory() -> None:
    assert partial_path(PurePosixPath("d/name"), None) == PurePosixPath("d/name.part")
    assert partial_path(PurePosixPath("d/name"), "1a") == PurePosixPath("d/name.1a.part")
    long = partial_path(PurePosixPath("d/" + "\u00e9" * 127), "12345678")
    assert len(os.fsencode(long.name)) <= 255
    assert long.name.endswith(".12345678.part")
