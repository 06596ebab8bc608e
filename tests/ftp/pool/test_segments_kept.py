"""Parts that are kept to be resumed: what is noted of them, and when they are believed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import IO, Any

import anyio
import pytest

from tests.ftp.pool.servers import pool_for
from tests.peers import MiniFTP
from transfer import ftp

CONTENT = os.urandom(300_001)
NEXT = os.urandom(300_001)
MODIFIED = 1704164645.0  # what the server says
PART, JOURNAL = "file.segments.part", "file.journal.part"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def break_off(pool: ftp.ClientPool, server: MiniFTP, folder: Path) -> None:
    """Leave some of each of three parts."""
    server.cut_data_after = 30_000
    with pytest.raises(ftp.FTPException):
        await pool.download_segments("/file", folder, resume=True)
    server.cut_data_after = None
    assert names(folder) == [JOURNAL, PART]


async def test_parts_are_not_taken_for_the_beginning_of_the_file(tmp_path: Path) -> None:
    half = len(CONTENT) // 2
    noted = {"size": len(CONTENT), "mtime": MODIFIED, "segments": [[0, half, 0], [half, len(CONTENT), 1_000]]}
    (tmp_path / PART).write_bytes(bytes(half) + CONTENT[half : half + 1_000])
    (tmp_path / JOURNAL).write_text(json.dumps(noted))
    with MiniFTP(files={"/file": CONTENT}) as server:
        async with pool_for(server) as pool:
            # There is a gap in what the parts have left, which this one would leave.
            await pool.download("/file", tmp_path, resume=True)

    assert (tmp_path / "file").read_bytes() == CONTENT


async def test_the_beginning_of_the_file_is_not_taken_for_parts(tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(b"the beginning")
    with MiniFTP(files={"/file": CONTENT}) as server:
        async with pool_for(server) as pool:
            await pool.download_segments("/file", tmp_path, resume=True)

    assert (tmp_path / "file").read_bytes() == CONTENT
    assert (tmp_path / "file.part").read_bytes() == b"the beginning"


async def test_a_journal_that_tells_of_more_than_is_there_is_not_believed(tmp_path: Path) -> None:
    half = len(CONTENT) // 2
    noted = {"size": len(CONTENT), "mtime": MODIFIED, "segments": [[0, half, half], [half, len(CONTENT), 1_000]]}
    (tmp_path / PART).write_bytes(CONTENT[: half + 999])
    (tmp_path / JOURNAL).write_text(json.dumps(noted))
    with MiniFTP(files={"/file": CONTENT}) as server:
        async with pool_for(server) as pool:
            await pool.download_segments("/file", tmp_path, resume=True)

    assert (tmp_path / "file").read_bytes() == CONTENT


async def test_parts_of_another_file_are_known_by_its_time_where_only_mdtm_tells_it(tmp_path: Path) -> None:
    with MiniFTP(files={"/file": CONTENT}, features=()) as server:
        server.replies.update({"MLST": "502 no", "MLSD": "502 no"})
        async with pool_for(server) as pool:
            await break_off(pool, server, tmp_path)
            server.files["/file"] = NEXT
            server.replies["MDTM"] = "213 20250102030405"
            await pool.download_segments("/file", tmp_path, resume=True)

    assert (tmp_path / "file").read_bytes() == NEXT


@pytest.mark.parametrize("mlst", ["250 ", "502 no"])
async def test_the_time_of_the_file_is_kept_however_the_server_tells_it(tmp_path: Path, mlst: str) -> None:
    with MiniFTP(files={"/file": CONTENT}) as server:
        if mlst.startswith("502"):
            server.features = ()
            server.replies.update({"MLST": mlst, "MLSD": mlst})
        async with pool_for(server) as pool:
            await pool.download_segments("/file", tmp_path, keep_times=True)

    assert (tmp_path / "file").stat().st_mtime == MODIFIED


@pytest.mark.parametrize("target", ["secret", "nothing"])
@pytest.mark.parametrize("name", [PART, JOURNAL, "file.journal.new"])
async def test_links_in_place_of_what_is_kept_are_not_followed(tmp_path: Path, name: str, target: str) -> None:
    (tmp_path / "secret").write_bytes(b"mine")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / name).symlink_to(tmp_path / target)
    with MiniFTP(files={"/file": CONTENT}) as server:
        async with pool_for(server) as pool:
            await pool.download_segments("/file", tmp_path / "here", resume=True)

    assert names(tmp_path / "here") == ["file"]
    assert (tmp_path / "here" / "file").read_bytes() == CONTENT
    assert not (tmp_path / "here" / "file").is_symlink()
    assert names(tmp_path) == ["here", "secret"]
    assert (tmp_path / "secret").read_bytes() == b"mine"


async def test_a_name_as_long_as_can_be_is_no_hindrance(tmp_path: Path) -> None:
    name = "n" * 255
    with MiniFTP(files={f"/{name}": CONTENT}) as server:
        async with pool_for(server) as pool:
            server.cut_data_after = 30_000
            with pytest.raises(ftp.FTPException):
                await pool.download_segments(name, tmp_path, resume=True)
            server.cut_data_after = None
            await pool.download_segments(name, tmp_path, resume=True)

    assert names(tmp_path) == [name]
    assert (tmp_path / name).read_bytes() == CONTENT


async def test_of_a_long_part_is_noted_now_and_then_what_there_is(tmp_path: Path) -> None:
    content = os.urandom(1024) * 35 * 1024
    with MiniFTP(files={"/file": content}) as server:
        async with pool_for(server) as pool:
            await pool.download_segments("/file", tmp_path, segments=1, resume=True)
        begun = [line for line in server.commands if line.startswith("REST")]

    assert begun == ["REST 16777216", "REST 33554432"]
    assert (tmp_path / "file").read_bytes() == content


class Watched(ftp.PathIO):
    """A storage in which it takes a while to open a journal, and that counts how often it is open."""

    opened = most = 0

    async def _open(self, path: Path, mode: str = "rb", *args: Any, **options: Any) -> IO[Any]:
        cls = type(self)
        is_note = "journal" in path.name and "w" in mode
        if is_note:
            cls.opened += 1
            cls.most = max(cls.most, cls.opened)
            await anyio.sleep(0.01)
        try:
            return await super()._open(path, mode, *args, **options)
        finally:
            if is_note:
                cls.opened -= 1


async def test_one_part_at_a_time_notes_what_there_is(tmp_path: Path) -> None:
    class Own(Watched):
        pass

    with MiniFTP(files={"/file": CONTENT}) as server:
        async with pool_for(server, path_io_factory=Own) as pool:
            await pool.download_segments("/file", tmp_path, resume=True)

    assert Own.most == 1
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert names(tmp_path) == ["file"]
