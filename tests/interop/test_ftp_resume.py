"""Every file server goes on with a transfer that an earlier one has left."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop._files import logged_in, octets, put
from tests.interop._packages import hand_over
from tests.interop._registry import FTP_STARTERS
from tests.interop._servers import FtpServer

SIZE, HALF = 300_000, 150_001
# What is there is kept, so other octets in it show whether only the rest was moved.
MARK = b"\0" * HALF

# aioftp's server does not know SIZE, so that nobody can tell how much of an upload is there: it begins anew.
_WITHOUT_SIZE = [key for key in FTP_STARTERS if key[0] == "aioftp"]
with_size = pytest.mark.parametrize(
    "ftp_server", [key for key in FTP_STARTERS if key not in _WITHOUT_SIZE], ids="-".join, indirect=True
)
without_size = pytest.mark.parametrize("ftp_server", _WITHOUT_SIZE, ids="-".join, indirect=True)


async def test_a_download_moves_only_what_is_missing(ftp_server: FtpServer, tmp_path: Path) -> None:
    put(ftp_server, "file", octets(SIZE))
    (tmp_path / "copy.part").write_bytes(MARK)
    async with logged_in(ftp_server) as client:
        await client.download("file", tmp_path / "copy", write_into=True, resume=True)
    assert (tmp_path / "copy").read_bytes() == MARK + octets(SIZE)[HALF:]
    assert not (tmp_path / "copy.part").exists()


@with_size
async def test_an_upload_moves_only_what_is_missing(ftp_server: FtpServer, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(octets(SIZE))
    give(ftp_server, "file", MARK)
    async with logged_in(ftp_server) as client:
        await client.upload(tmp_path / "source", "file", write_into=True, resume=True)
    assert (ftp_server.root / "file").read_bytes() == MARK + octets(SIZE)[HALF:]


@without_size
async def test_an_upload_begins_anew_where_nobody_can_tell_how_much_is_there(
    ftp_server: FtpServer, tmp_path: Path
) -> None:
    (tmp_path / "source").write_bytes(octets(SIZE))
    give(ftp_server, "file", MARK)
    async with logged_in(ftp_server) as client:
        await client.upload(tmp_path / "source", "file", write_into=True, resume=True)
    assert (ftp_server.root / "file").read_bytes() == octets(SIZE)


@with_size
async def test_what_is_there_in_full_is_not_moved_again(ftp_server: FtpServer, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(octets(HALF))
    give(ftp_server, "file", MARK)
    (tmp_path / "copy").write_bytes(octets(HALF, 2))
    async with logged_in(ftp_server) as client:
        await client.upload(tmp_path / "source", "file", write_into=True, resume=True)
        await client.download("file", tmp_path / "copy", write_into=True, resume=True)
    assert (ftp_server.root / "file").read_bytes() == MARK
    assert (tmp_path / "copy").read_bytes() == octets(HALF, 2)


async def test_an_append_adds_to_what_is_there(ftp_server: FtpServer, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(octets(HALF))
    give(ftp_server, "file", MARK)
    async with logged_in(ftp_server) as client:
        await client.append(tmp_path / "source", "file")
    assert (ftp_server.root / "file").read_bytes() == MARK + octets(HALF)


def give(server: FtpServer, name: str, content: bytes) -> None:
    """Put a file on *server* that its user may write to."""
    hand_over(put(server, name, content))
