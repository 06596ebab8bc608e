"""Where octets come from and go to, what is compared, and what else an option asks for."""

from __future__ import annotations

import hashlib
import io
import os
import random
import zlib
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from tests.ftp.support import logged_in, names_in, said
from tests.peers import MiniFTP
from transfer import Progress, ftp

CONTENT = random.Random(1).randbytes(300_001)


class Unseekable(io.RawIOBase):
    """A file that is read once, as a pipe is."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._content.readinto(buffer)


async def blocks() -> AsyncIterator[bytes]:
    for start in range(0, len(CONTENT), 70_000):
        yield CONTENT[start : start + 70_000]


# -- sources and destinations ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["file object", "pipe", "iterator", "async iterator"])
@pytest.mark.parametrize("action", ["upload", "append"])
async def test_octets_come_from_anywhere(ftp_server: MiniFTP, kind: str, action: str) -> None:
    ftp_server.files["/file"] = b"before"
    sources: dict[str, Any] = {
        "file object": io.BytesIO(CONTENT),
        "pipe": Unseekable(CONTENT),
        "iterator": [CONTENT[:5], b"", CONTENT[5:]],
        "async iterator": blocks(),
    }
    readings: list[Progress] = []
    async with await logged_in(ftp_server) as client:
        await getattr(client, action)(sources[kind], "file", progress=readings.append)
        assert await client.exists("file")

    assert ftp_server.files["/file"] == (b"before" if action == "append" else b"") + CONTENT
    assert readings[-1].transferred == len(CONTENT)


async def test_an_open_file_is_sent_from_its_position_on(ftp_server: MiniFTP, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    async with await logged_in(ftp_server) as client:
        with (tmp_path / "file").open("rb") as file:
            file.seek(10)
            await client.upload(file, PurePosixPath("there"))
            assert not file.closed

    assert ftp_server.files["/there"] == CONTENT[10:]


async def test_an_open_file_receives_from_its_position_on(ftp_server: MiniFTP) -> None:
    ftp_server.files["/file"] = CONTENT
    file = io.BytesIO(b"head")
    file.seek(4)
    async with await logged_in(ftp_server) as client:
        await client.download("file", file)

    assert file.getvalue() == b"head" + CONTENT


async def test_text_and_what_has_no_name_are_refused_before_anything_is_sent(ftp_server: MiniFTP) -> None:
    async with await logged_in(ftp_server) as client:
        sent = list(ftp_server.commands)
        with pytest.raises(TypeError, match="binary mode"):
            await client.upload(io.StringIO("text"), "file")  # type: ignore[arg-type]  # as a program may
        with pytest.raises(TypeError, match="binary mode"):
            await client.download("file", io.StringIO())  # type: ignore[arg-type]  # as a program may
        with pytest.raises(ValueError, match="needs one on the server"):
            await client.upload(io.BytesIO(b"a"))
        assert ftp_server.commands == sent


async def test_a_storage_in_memory_gives_and_takes(ftp_server: MiniFTP) -> None:
    storages = ftp.PathIONursery(ftp.MemoryPathIO)
    async with await logged_in(ftp_server, path_io_factory=storages) as client:
        async with client.path_io.open(Path("/file"), mode="wb") as file:
            await file.write(CONTENT)
        await client.upload("/file")
        await client.download("file", "/copy", write_into=True, verify="size")
        async with client.path_io.open(Path("/copy"), mode="rb") as file:
            assert await file.read() == CONTENT

    assert ftp_server.files["/file"] == CONTENT


async def test_a_file_object_that_fails_is_a_path_error_and_the_client_goes_on(ftp_server: MiniFTP) -> None:
    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            raise OSError(28, "No space left on device")

    ftp_server.files["/file"] = CONTENT
    async with await logged_in(ftp_server) as client:
        with pytest.raises(ftp.PathIOError, match="No space left"):
            await client.download("file", Full())
        assert await client.exists("file")


# -- compared ----------------------------------------------------------------------------------------------------------


def digits(algorithm: str) -> str:
    return f"{zlib.crc32(CONTENT):08X}" if algorithm == "CRC32" else hashlib.new(algorithm, CONTENT).hexdigest()


@pytest.mark.parametrize(
    ("feature", "reply"),
    [
        ("HASH SHA-256*;MD5", f"213 SHA-256 0-300001 {hashlib.sha256(CONTENT).hexdigest()} file"),
        ("XSHA256", f"250 {hashlib.sha256(CONTENT).hexdigest()}"),
        ("XMD5", f"250 {hashlib.md5(CONTENT).hexdigest()}"),
        ("XCRC", f"250 {zlib.crc32(CONTENT):08X}"),
    ],
)
async def test_what_was_moved_is_compared_by_what_the_server_has(
    ftp_server: MiniFTP, tmp_path: Path, feature: str, reply: str
) -> None:
    verb = feature.split(maxsplit=1)[0]
    ftp_server.features = (*ftp_server.features, feature)
    ftp_server.replies[verb] = reply
    (tmp_path / "file").write_bytes(CONTENT)
    async with await logged_in(ftp_server) as client:
        await client.upload(tmp_path / "file", verify=True)
        await client.download("file", tmp_path / "copy", write_into=True, verify=True)
        ftp_server.replies[verb] = reply.replace(digits_in(reply), "0" * len(digits_in(reply)))
        for call in (
            client.upload(tmp_path / "file", verify="hash"),
            client.download("file", tmp_path / "other", write_into=True, verify="hash"),
        ):
            with pytest.raises(ftp.FTPIncompleteTransfer, match="on the server and") as caught:
                await call
            assert not caught.value.retryable

    assert (tmp_path / "copy").read_bytes() == CONTENT
    assert not (tmp_path / "other").exists()


def digits_in(reply: str) -> str:
    return max(reply.split(), key=len)


async def test_without_a_hash_the_size_is_compared(ftp_server: MiniFTP, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    async with await logged_in(ftp_server) as client:
        await client.upload(tmp_path / "file", verify=True)
        with pytest.raises(ftp.FTPNotSupported, match="no checksum"):
            await client.upload(tmp_path / "file", verify="hash")
        with pytest.raises(ftp.FTPNotSupported, match="SHA-256"):
            await client.upload(tmp_path / "file", verify="SHA-256")
        ftp_server.replies["SIZE"] = "213 7"
        with pytest.raises(ftp.FTPIncompleteTransfer) as caught:
            await client.upload(tmp_path / "file", verify="size")

    assert (caught.value.transferred, caught.value.expected) == (len(CONTENT), 7)


# -- times -------------------------------------------------------------------------------------------------------------


async def test_a_download_keeps_the_time_that_the_server_tells(ftp_server: MiniFTP, tmp_path: Path) -> None:
    ftp_server.files["/file"] = CONTENT
    ftp_server.replies["MLST"] = "502 no"
    ftp_server.replies["MDTM"] = "213 20240102030405"
    async with await logged_in(ftp_server) as client:
        await client.download("file", tmp_path, keep_times=True)

    assert (tmp_path / "file").stat().st_mtime == 1704164645


@pytest.mark.parametrize(
    ("refused", "last"),
    [
        ({}, "MFMT 20240102030405 file"),
        ({"MFMT": "502 no"}, "MDTM 20240102030405 file"),
        ({"MFMT": "502 no", "MDTM": "550 no"}, "MDTM 20240102030405 file"),
    ],
)
async def test_an_upload_sets_the_time_where_the_server_can(
    ftp_server: MiniFTP, tmp_path: Path, refused: dict[str, str], last: str
) -> None:
    ftp_server.replies |= {"MFMT": "213 so it is", "MDTM": "213 so it is"} | refused
    (tmp_path / "file").write_bytes(CONTENT)
    os.utime(tmp_path / "file", (1704164645, 1704164645))
    async with await logged_in(ftp_server) as client:
        await client.upload(tmp_path / "file", keep_times=True)

    assert said(ftp_server, "MFMT", "MDTM")[-1] == last
    assert ftp_server.files["/file"] == CONTENT


# -- representations ---------------------------------------------------------------------------------------------------


async def test_text_has_the_line_ends_of_the_side_it_is_on(ftp_server: MiniFTP, tmp_path: Path) -> None:
    lines = b"".join(b"line %d\n" % number for number in range(50_000))
    (tmp_path / "text").write_bytes(lines)
    async with await logged_in(ftp_server) as client:
        await client.upload(tmp_path / "text", conn_type="A")
        assert ftp_server.files["/text"] == lines.replace(b"\n", b"\r\n")
        await client.download("text", tmp_path / "copy", write_into=True, conn_type="A")
        await client.append(tmp_path / "text", "text", conn_type="A")

    assert (tmp_path / "copy").read_bytes() == lines
    assert ftp_server.files["/text"] == lines.replace(b"\n", b"\r\n") * 2
    with pytest.raises(ValueError, match="verify wants the same octets"):
        await client.download("text", tmp_path, conn_type="A", verify="size")


async def test_what_is_compressed_arrives_as_it_was(ftp_server: MiniFTP, tmp_path: Path) -> None:
    content = CONTENT[:100] * 5000
    ftp_server.replies["MODE"] = "200 as you like"
    (tmp_path / "file").write_bytes(content)
    async with await logged_in(ftp_server) as client:
        await client.upload(tmp_path / "file", compress=True)
        assert zlib.decompress(ftp_server.files["/file"]) == content
        await client.download("file", tmp_path / "copy", write_into=True, compress=True)
        ftp_server.files["/plain"] = content
        await client.download("plain", tmp_path / "plain", write_into=True)

    assert (tmp_path / "copy").read_bytes() == (tmp_path / "plain").read_bytes() == content
    assert said(ftp_server, "MODE") == ["MODE Z", "MODE S"]


async def test_compressed_octets_that_are_cut_short_are_incomplete(ftp_server: MiniFTP, tmp_path: Path) -> None:
    ftp_server.replies["MODE"] = "200 as you like"
    ftp_server.files["/file"] = zlib.compress(CONTENT)[:-10]
    async with await logged_in(ftp_server) as client:
        with pytest.raises(ftp.FTPException):
            await client.download("file", tmp_path, compress=True)
        assert await client.exists("file")

    assert names_in(tmp_path) == []


async def test_options_that_there_are_not_are_refused_before_anything_is_sent(ftp_server: MiniFTP) -> None:
    async with await logged_in(ftp_server) as client:
        sent = list(ftp_server.commands)
        for options in ({"conn_type": "E"}, {"verify": ""}, {"resumed": True}):
            with pytest.raises((ValueError, TypeError)):
                await client.download("file", **options)
        assert ftp_server.commands == sent
