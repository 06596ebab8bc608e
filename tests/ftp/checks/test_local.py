"""The checksum of what is on this side: the same as the standard library computes, however it is read."""

from __future__ import annotations

import hashlib
import io
import os
import zlib
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

import pytest

from transfer import ftp
from transfer.ftp._checks import ALGORITHMS, canonical_name, checksum_of

Feed = BinaryIO | AsyncIterable[bytes]
CONTENT = os.urandom(100_003)
LIBRARY: dict[str, Callable[[bytes], str]] = {
    "SHA-512": lambda data: hashlib.sha512(data).hexdigest(),
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
    "SHA-1": lambda data: hashlib.sha1(data, usedforsecurity=False).hexdigest(),
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "CRC32": lambda data: f"{zlib.crc32(data):08x}",
}


class Opened:
    """An open file, or blocks, and whether it was left."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.left = False

    @asynccontextmanager
    async def entered(self) -> AsyncIterator[Feed]:
        try:
            yield self.feed
        finally:
            self.left = True


async def blocks(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def test_the_strongest_algorithm_comes_first() -> None:
    assert ALGORITHMS == ("SHA-512", "SHA-256", "SHA-1", "MD5", "CRC32")
    assert set(LIBRARY) == set(ALGORITHMS)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("content", [b"", b"\x00", CONTENT], ids=len)
async def test_a_file_and_blocks_have_the_checksum_that_the_library_computes(algorithm: str, content: bytes) -> None:
    expected = ftp.Checksum(algorithm, LIBRARY[algorithm](content))
    feeds: list[Feed] = [io.BytesIO(content), blocks(content, 1), blocks(content, 4_096)]
    for feed in feeds:
        opened = Opened(feed)
        assert await checksum_of(opened.entered(), algorithm) == expected
        assert opened.left


async def test_a_file_of_several_steps_is_read_to_its_end(tmp_path: Path) -> None:
    content = CONTENT * 200  # 20 MB, of which a step reads 8 MiB
    path = tmp_path / "file"
    path.write_bytes(content)
    with path.open("rb") as file:
        found = await checksum_of(Opened(file).entered(), "CRC32")
    assert found.digits == LIBRARY["CRC32"](content)


async def test_a_file_is_read_from_its_position_on() -> None:
    file = io.BytesIO(CONTENT)
    file.seek(1_000)
    found = await checksum_of(Opened(file).entered(), "SHA-1")
    assert found.digits == LIBRARY["SHA-1"](CONTENT[1_000:])


async def test_what_can_not_be_read_is_left_all_the_same() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError("the disk is gone")

    opened = Opened(Broken())
    with pytest.raises(OSError, match="the disk is gone"):
        await checksum_of(opened.entered(), "MD5")
    assert opened.left


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("SHA-256", "SHA-256"),
        ("sha-256", "SHA-256"),
        ("SHA256", "SHA-256"),
        ("sha_256", "SHA-256"),
        ("sha512", "SHA-512"),
        ("sha1", "SHA-1"),
        ("Md5", "MD5"),
        ("crc32", "CRC32"),
        ("CRC-32", "CRC32"),
    ],
)
def test_names_of_algorithms_are_taken_in_the_usual_spellings(name: str, canonical: str) -> None:
    assert canonical_name(name) == canonical


@pytest.mark.parametrize("name", ["", "-", "SHA", "SHA-3", "SHA-2560", "WHIRLPOOL", " MD5"])
def test_an_unknown_algorithm_is_named_with_those_there_are(name: str) -> None:
    with pytest.raises(ValueError, match="SHA-512, SHA-256, SHA-1, MD5, CRC32") as caught:
        canonical_name(name)
    assert repr(name) in str(caught.value)
