"""``transfer.ftp`` and names of every kind, on real file servers."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import pytest

from tests.interop._files import MIXED, in_clear, in_step, logged_in, octets, once_each, put, put_directory, put_many
from tests.interop._servers import FtpServer
from transfer.ftp import InvalidCommand, StatusCodeError

NAMES = (
    "with blanks in it",
    " leading",
    "trailing ",
    "  both  ",
    'quote"s \'and\' ""double',
    "Zoë – ½ €.txt",
    "漢字 🎁",
    "semi;colon=equals;",
    "back\\slash",
    "100% #1 &co (2)",
    "[3] {4} *?",
    "-rf",
    "drwxr-xr-x 2 a b 4096 Jan 01 00:00 fake",
    "a -> b",
    "~tilde",
    "x" * 200,
)


@in_clear
async def test_any_name_that_is_there_can_be_used(ftp_server: FtpServer, tmp_path: Path) -> None:
    """What a listing gives out, every other command takes."""
    put_directory(ftp_server, "plain")
    # A server may forbid names by choice.
    expected = sorted({*NAMES} - unusable(ftp_server))
    for name in expected:
        put(ftp_server, name, name.encode())
        put(ftp_server, f"plain/{name}", name.encode())
    async with logged_in(ftp_server) as client:
        assert sorted(path.name for path, _ in await client.list("plain")) == expected
        assert sorted(path.name for path, _ in await client.list("plain", raw_command="LIST")) == expected
        for path, info in await client.list():
            if info["type"] == "dir":
                continue
            assert await client.is_file(path)
            await client.download(path, tmp_path / "copy", write_into=True)
            assert (tmp_path / "copy").read_text() == path.name
            await client.rename(path, "renamed")
            await client.remove("renamed")
        await client.remove("plain")

    assert list(ftp_server.root.iterdir()) == []


@in_clear
async def test_any_name_can_be_given(ftp_server: FtpServer, tmp_path: Path) -> None:
    (tmp_path / "source").write_text("content")
    async with logged_in(ftp_server) as client:
        for name in NAMES:
            if name in forbidden(ftp_server):
                with pytest.raises(StatusCodeError):
                    await client.change_directory(name)
                continue
            await client.make_directory(name, parents=False)
            await client.change_directory(name)
            assert await client.get_current_directory() == PurePosixPath("/") / name
            await client.upload(tmp_path / "source", name, write_into=True)
            assert [path.name for path, _ in await client.list("")] == [name]
            await client.change_directory("/")
            assert [path.parts for path, _ in await client.list(name)] == [(name, name)]
            assert await client.is_file(f"{name}/{name}")
            assert (ftp_server.root / name / name).read_text() == "content"
            await client.remove(name)

    assert list(ftp_server.root.iterdir()) == []


def unusable(server: FtpServer) -> set[str]:
    """Return the names that can be on the disk of *server*, and not be asked for."""
    if server.name == "pureftpd":
        return {name for name in NAMES if "\\" in name}
    if server.name == "aioftp":
        return {name for name in NAMES if name.strip() != name}
    return set()


def forbidden(server: FtpServer) -> set[str]:
    """Return the names that *server* does not let anybody choose, or does not show as they are."""
    if server.name == "proftpd":
        return {"[3] {4} *?"}
    if server.name == "pureftpd":
        return {name for name in NAMES if name.strip() != name or "\\" in name or '"' in name}
    if server.name == "aioftp":
        return {name for name in NAMES if name.strip() != name or '"' in name}
    return set()


@in_clear
async def test_a_hidden_name_is_not_hidden(ftp_server: FtpServer, tmp_path: Path) -> None:
    (tmp_path / "source").write_text("content")
    async with logged_in(ftp_server) as client:
        for _ in range(2):
            await client.upload(tmp_path / "source", ".well-known/.hidden", write_into=True)
        assert await client.exists(".well-known")
        assert await client.is_file(".well-known/.hidden")
        assert [path.name for path, _ in await client.list("")] == [".well-known"]
        await client.download(".well-known", tmp_path)
        assert (tmp_path / ".well-known/.hidden").read_text() == "content"
        await client.remove(".well-known")

    assert list(ftp_server.root.iterdir()) == []


@once_each
async def test_nothing_is_sent_of_a_name_with_a_line_break(ftp_server: FtpServer) -> None:
    async with logged_in(ftp_server) as client:
        for wrong in ("a\r\nMKD b", "a\nb", "a\0b", "a\rb"):
            with pytest.raises(InvalidCommand):
                await client.make_directory(wrong, parents=False)
            with pytest.raises(InvalidCommand):
                await client.list(wrong)
        assert await client.list() == []


@once_each
async def test_ten_thousand_names_are_listed_by_either_command(ftp_server: FtpServer) -> None:
    names = {f"entry {number:05}" for number in range(10_000)}
    put_many(ftp_server, "many", names)
    async with logged_in(ftp_server) as client:
        assert {path.name async for path, _ in client.list("many")} == names
        assert {entry.name async for entry in client.entries("many")} == names
        assert {path.name async for path, _ in client.list("many", raw_command="LIST")} == names
        assert await in_step(client, ftp_server)


# 0xFF is doubled on the way, as RFC 3659 §2.2 wants it, and is not among these octets: not all servers take it for one.
@pytest.mark.parametrize("ftp_server", [key for key in MIXED if key[0] != "pyftpdlib"], ids="-".join, indirect=True)
async def test_names_that_are_not_utf_8_are_the_same_octets_everywhere(ftp_server: FtpServer, tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9 \x80.txt")
    (tmp_path / name).write_bytes(octets(1000))
    async with logged_in(ftp_server) as client:
        await client.upload(tmp_path / name)
        assert [path.name for path, _ in await client.list()] == [name]
        assert [path.name for path, _ in await client.list(raw_command="LIST")] == [name]
        await client.download(name, tmp_path / "copy", write_into=True)
        assert bytes_of(ftp_server.root / name) == bytes_of(tmp_path / "copy") == octets(1000)
        await client.rename(name, f"2{name}")
        assert await client.is_file(f"2{name}")
        await client.remove(f"2{name}")
        assert await client.list() == []


def bytes_of(path: Path) -> bytes:
    return path.read_bytes()
