"""Every file server goes on with a transfer that an earlier one has left."""

from __future__ import annotations

from pathlib import Path

from tests.interop._files import octets, put
from tests.interop._servers import FtpServer

SIZE, HALF = 300_000, 150_001


class _Stop(Exception):
    """What ends a transfer in the middle."""


async def test_a_download_goes_on_where_the_last_one_ended(ftp_server: FtpServer, tmp_path: Path) -> None:
    put(ftp_server, "file", octets(SIZE))
    beginning = tmp_path / "copy.part"
    beginning.write_bytes(octets(SIZE)[:HALF])
