"""Files of real servers as file objects: parts are read, written and appended to, and the client goes on."""

from __future__ import annotations

import os

from tests.interop._files import logged_in, octets, once_each, put
from tests.interop._servers import FtpServer

CONTENT = octets(700_000, seed=7)


@once_each
async def test_any_part_of_a_file_is_read(ftp_server: FtpServer) -> None:
    put(ftp_server, "file", CONTENT)
    async with logged_in(ftp_server) as client:
        async with client.open("file") as file:
            assert file.size == len(CONTENT)
            await file.seek(-22, os.SEEK_END)
            assert await file.read() == CONTENT[-22:]
            await file.seek(10)
            assert await file.read(20) == CONTENT[10:30]
            await file.seek(600_000)
            assert await file.read(20) == CONTENT[600_000:600_020]
            await file.seek(0)
            assert await file.read() == CONTENT
        assert await client.exists("file")


@once_each
async def test_files_are_written_appended_to_and_changed_in_the_middle(ftp_server: FtpServer) -> None:
    async with logged_in(ftp_server) as client:
        async with client.open("file", "wb") as file:
            await file.write(CONTENT[:300_000])
            await file.write(CONTENT[300_000:])
        async with client.open("file", "ab") as file:
            await file.write(b"more")
        assert (ftp_server.root / "file").read_bytes() == CONTENT + b"more"
        async with client.open("file", "r+b") as file:
            await file.seek(len(CONTENT))
            await file.write(b"MORE, and more")
            await file.seek(-14, os.SEEK_END)
            assert await file.read(14) == b"MORE, and more"
        assert (ftp_server.root / "file").read_bytes() == CONTENT + b"MORE, and more"
