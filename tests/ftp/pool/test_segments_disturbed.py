"""Files in several parts that something happens to: cuts, servers that can't, files that change, cancellations."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.ftp.pool.servers import CrowdedFTP, pool_for
from tests.ftp.support import LONG
from tests.peers import CLOSE, CutMode, MiniFTP
from transfer import Progress, RetryPolicy, ftp

CONTENT = os.urandom(300_001)
AT_ONCE = RetryPolicy(attempts=20, wait_initial=0, wait_jitter=0)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def done(folder: Path) -> int:
    """How much the journal says is there; all of that has to be right."""
    noted = json.loads((folder / "file.journal.part").read_text())
    partial = (folder / "file.segments.part").read_bytes()
    for start, _, received in noted["segments"]:
        assert partial[start : start + received] == CONTENT[start : start + received]
    return sum(received for _, _, received in noted["segments"])


# -- cut -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", list(CutMode))
async def test_parts_that_are_cut_go_on_from_there_with_a_policy(tmp_path: Path, mode: CutMode) -> None:
    readings: list[Progress] = []
    with MiniFTP(files={"/file": CONTENT}) as server:
        server.cut_data_after, server.cut_mode = 30_000, mode
        server.replies["MLST"] = "502 no"
        async with pool_for(server) as pool:
            await pool.download_segments("/file", tmp_path, retry=AT_ONCE, progress=readings.append)
        assert server.was_cut

    assert (tmp_path / "file").read_bytes() == CONTENT
    assert names(tmp_path) == ["file"]
    assert readings[-1].transferred == len(CONTENT)


async def test_parts_whose_connection_is_lost_go_on_over_another_one(tmp_path: Path) -> None:
    with MiniFTP(files={"/file": CONTENT}) as server:
        server.replies["RETR"] = [CLOSE, CLOSE]
        async with pool_for(server) as pool:
            await pool.download_segments("/file", tmp_path, retry=AT_ONCE)
        assert server.replies["RETR"] == []

    assert (tmp_path / "file").read_bytes() == CONTENT


@pytest.mark.parametrize("mode", list(CutMode))
async def test_a_cut_part_without_a_policy_is_an_error_by_itself(tmp_path: Path, mode: CutMode) -> None:
    with MiniFTP(files={"/file": CONTENT}) as server:
        async with pool_for(server) as pool:
            server.cut_data_after, server.cut_mode = 30_000, mode
            server.replies["MLST"] = "502 no"
            with pytest.raises(ftp.FTPException) as caught:
                await pool.download_segments("/file", tmp_path)
            assert caught.value.retryable
            assert names(tmp_path) == []
            server.cut_data_after = None
            await pool.download_segments("/file", tmp_path)

    assert (tmp_path / "file").read_bytes() == CONTENT


async def test_cut_parts_that_are_to_be_resumed_are_asked_for_from_where_they_came_to(tmp_path: Path) -> None:
    with MiniFTP(files={"/file": CONTENT}) as server:
        async with pool_for(server) as pool:
            server.cut_data_after = 30_000
            with pytest.raises(ftp.FTPException):
                await pool.download_segments("/file", tmp_path, resume=True)
            assert names(tmp_path) == ["file.journal.part", "file.segments.part"]
            present = done(tmp_path)
            assert 0 < present < len(CONTENT)
            server.cut_data_after = None
            readings: list[Progress] = []
            await pool.download_segments("/file", tmp_path, resume=True, progress=readings.append)

    assert (tmp_path / "file").read_bytes() == CONTENT
    assert names(tmp_path) == ["file"]
    assert readings[-1].transferred == len(CONTENT)


# -- servers that can not --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("retry", [None, AT_ONCE])
async def test_a_server_that_can_not_begin_in_the_middle_is_not_asked_again(
    tmp_path: Path, retry: RetryPolicy | None
) -> None:
    with MiniFTP(files={"/file": CONTENT}) as server:
        server.replies["REST"] = "502 not implemented"
        async with pool_for(server) as pool:
            with pytest.raises(ftp.StatusCodeError) as caught:
                await pool.download_segments("/file", tmp_path, segments=3, retry=retry)
            assert "502" in str(caught.value)
            assert len([line for line in server.commands if line.startswith("REST")]) <= 2
            assert names(tmp_path) == []
            await pool.download_segments("/file", tmp_path, segments=1)  # which begins at the beginning

    assert (tmp_path / "file").read_bytes() == CONTENT


async def test_a_server_that_bears_one_connection_gives_the_parts_one_after_the_other(tmp_path: Path) -> None:
    with CrowdedFTP(1, "GREETING", "421 too many users", files={"/file": CONTENT}) as server:
        async with pool_for(server, 4) as pool:
            await pool.download_segments("/file", tmp_path)
        assert server.refused >= 1

    assert (tmp_path / "file").read_bytes() == CONTENT


async def test_a_file_that_is_not_there_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with MiniFTP() as server:
        async with pool_for(server) as pool:
            with pytest.raises(ftp.FTPException):
                await pool.download_segments("/file", tmp_path)

    assert names(tmp_path) == []


# -- files that change -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("retry", [None, RetryPolicy(attempts=2, wait_initial=0, wait_jitter=0)])
async def test_a_file_that_has_shrunk_is_incomplete(tmp_path: Path, retry: RetryPolicy | None) -> None:
    with MiniFTP(files={"/file": CONTENT[:250_000]}) as server:
        server.replies["SIZE"] = f"213 {len(CONTENT)}"
        async with pool_for(server) as pool:
            with pytest.raises(ftp.FTPIncompleteTransfer, match="/file") as caught:
                await pool.download_segments("/file", tmp_path, retry=retry)

    assert (caught.value.transferred or 0) < (caught.value.expected or 0)
    assert names(tmp_path) == []


@pytest.mark.parametrize("how", ["size", True, "MD5"])
async def test_a_file_that_has_grown_does_not_pass_for_whole_where_that_is_verified(tmp_path: Path, how: Any) -> None:
    with MiniFTP(files={"/file": CONTENT}, features=("XMD5",)) as server:
        server.replies["SIZE"] = ["213 200000", f"213 {len(CONTENT)}"]
        server.replies["XMD5"] = f"250 {'0' * 32}"
        async with pool_for(server) as pool:
            with pytest.raises(ftp.FTPIncompleteTransfer):
                await pool.download_segments("/file", tmp_path, verify=how)

    assert names(tmp_path) == []


async def test_parts_of_a_file_that_has_another_size_by_now_are_not_gone_on_with(tmp_path: Path) -> None:
    with MiniFTP(files={"/file": bytes(len(CONTENT) + 1)}) as server:
        async with pool_for(server) as pool:
            server.cut_data_after = 30_000
            with pytest.raises(ftp.FTPException):
                await pool.download_segments("/file", tmp_path, resume=True)
            server.cut_data_after = None
            server.files["/file"] = CONTENT
            await pool.download_segments("/file", tmp_path, resume=True)

    assert (tmp_path / "file").read_bytes() == CONTENT
    assert names(tmp_path) == ["file"]


# -- on this side ----------------------------------------------------------------------------------------------------


async def test_what_the_progress_callback_raises_comes_out_as_it_is(tmp_path: Path) -> None:
    def refuse(progress: Progress) -> None:
        raise LookupError("no more")

    with MiniFTP(files={"/file": CONTENT * 20}) as server:
        async with pool_for(server, read_speed_limit=1_000_000) as pool:
            with pytest.raises(LookupError, match="no more"):
                await pool.download_segments("/file", tmp_path, progress=refuse)

    assert names(tmp_path) == []


async def test_a_directory_in_the_way_is_an_error_of_this_side(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with MiniFTP(files={"/file": CONTENT}) as server:
        async with pool_for(server) as pool:
            with pytest.raises(ftp.PathIOError):
                await pool.download_segments("/file", tmp_path / "file", write_into=True)

    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize(("resume", "left"), [(False, []), (True, ["file.journal.part", "file.segments.part"])])
async def test_a_cancelled_download_keeps_its_parts_only_if_they_are_to_be_resumed(
    tmp_path: Path, resume: bool, left: list[str]
) -> None:
    with MiniFTP(files={"/file": CONTENT * 20}) as server:
        async with pool_for(server, 3, read_speed_limit=1_000_000) as pool:
            with anyio.CancelScope() as scope:

                def stop(progress: Progress) -> None:
                    if progress.transferred:
                        scope.cancel()

                with anyio.fail_after(LONG):
                    await pool.download_segments("/file", tmp_path, resume=resume, progress=stop)
            assert scope.cancelled_caught
            assert names(tmp_path) == left
            async with pool.client() as client:
                await client.command("NOOP", "200")
