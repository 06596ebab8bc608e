"""One file in several parts at once."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.peers import MiniFTP
from transfer import Progress, RetryPolicy, ftp

CONTENT = os.urandom(300_001)


def pool(server: MiniFTP, size: int = 3) -> ftp.ClientPool:
    return ftp.ClientPool(server.host, server.port, size=size)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("segments", [None, 1, 2, 7])
async def test_a_file_arrives_whole_from_its_parts(segments: int | None, tmp_path: Path) -> None:
    readings: list[Progress] = []
    with MiniFTP(files={"/file": CONTENT}) as server:
        async with pool(server) as clients:
            await clients.download_segments(
                "/file", tmp_path, segments=segments, progress=readings.append, verify="size"
            )

    assert (tmp_path / "file").read_bytes() == CONTENT
    assert names(tmp_path) == ["file"]
    assert (readings[-1].transferred, readings[-1].total) == (len(CONTENT), len(CONTENT))


async def test_an_empty_file_arrives(tmp_path: Path) -> None:
    with MiniFTP(files={"/file": b""}) as server:
        async with pool(server) as clients:
            await clients.download_segments("/file", tmp_path)

    assert (tmp_path / "file").read_bytes() == b""


async def test_parts_go_on_where_they_have_come_to(tmp_path: Path) -> None:
    third = len(CONTENT) // 3
    noted = {"size": len(CONTENT), "mtime": 1704164645.0, "segments": [[0, third, third], [third, len(CONTENT), 1000]]}
    (tmp_path / "file.segments.part").write_bytes(CONTENT[: third + 1000])
    (tmp_path / "file.journal.part").write_text(json.dumps(noted))
    with MiniFTP(files={"/file": CONTENT}) as server:
        async with pool(server) as clients:
            await clients.download_segments("/file", tmp_path, resume=True)
        begun = [line for line in server.commands if line.startswith("REST")]

    assert (tmp_path / "file").read_bytes() == CONTENT
    assert names(tmp_path) == ["file"]
    assert begun == [f"REST {third + 1000}"]


@pytest.mark.parametrize(
    "noted",
    [
        "nonsense",
        '{"size": 5, "mtime": 1704164645.0, "segments": [[0, 5, 5]]}',
        '{"size": 300001, "mtime": 1.0, "segments": [[0, 300001, 300001]]}',
        '{"size": 300001, "mtime": 1704164645.0, "segments": [[0, 100, 100]]}',
        '{"size": 300001, "mtime": 1704164645.0, "segments": [[0, 300001, 300002]]}',
        '{"size": 300001, "mtime": 1704164645.0, "segments": []}',
    ],
)
async def test_a_journal_of_something_else_is_not_believed(noted: str, tmp_path: Path) -> None:
    (tmp_path / "file.segments.part").write_bytes(b"x" * 300_001)
    (tmp_path / "file.journal.part").write_text(noted)
    with MiniFTP(files={"/file": CONTENT}) as server:
        async with pool(server) as clients:
            await clients.download_segments("/file", tmp_path, resume=True)

    assert (tmp_path / "file").read_bytes() == CONTENT


async def test_a_part_that_fails_for_a_passing_reason_is_repeated(tmp_path: Path) -> None:
    with MiniFTP(files={"/file": CONTENT}) as server:
        server.replies["RETR"] = ["450 busy", "150 here it comes"]
        async with pool(server) as clients:
            await clients.download_segments(
                "/file", tmp_path, retry=RetryPolicy(attempts=3, wait_initial=0, wait_jitter=0)
            )

    assert (tmp_path / "file").read_bytes() == CONTENT


@pytest.mark.parametrize(("resume", "left"), [(False, []), (True, ["file.journal.part", "file.segments.part"])])
async def test_a_refused_part_leaves_no_file_under_its_name(resume: bool, left: list[str], tmp_path: Path) -> None:
    with MiniFTP(files={"/file": CONTENT}) as server:
        server.replies["REST"] = "502 not implemented"
        async with pool(server) as clients:
            with pytest.raises(ftp.StatusCodeError):
                await clients.download_segments("/file", tmp_path, resume=resume)

    assert names(tmp_path) == left


async def test_a_server_that_tells_no_size_is_not_asked_for_parts(tmp_path: Path) -> None:
    with MiniFTP(files={"/file": CONTENT}) as server:
        server.replies["SIZE"] = "502 not implemented"
        async with pool(server) as clients:
            with pytest.raises(ftp.FTPNotSupported):
                await clients.download_segments("/file", tmp_path)
        assert not [line for line in server.commands if line.startswith("RETR")]


@pytest.mark.parametrize("options", [{"segments": 0}, {"atomic": False}, {"conn_type": "A"}, {"compress": True}])
async def test_what_does_not_go_with_parts_is_refused_at_once(options: dict[str, object], tmp_path: Path) -> None:
    with MiniFTP() as server:
        async with pool(server) as clients:
            with pytest.raises(ValueError, match="parts"):
                await clients.download_segments("/file", tmp_path, **options)  # type: ignore[arg-type]  # any of them
        assert server.commands == []
