"""The programs of docs/howto/ftp-parallel.md do what the page says."""

from __future__ import annotations

import re
import textwrap
import zlib
from pathlib import Path
from typing import Any

import pytest

from tests.ftp.pool.servers import pool_for, read
from tests.peers import MiniFTP
from transfer import RetryPolicy, ftp

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "ftp-parallel.md"
TREES, LENDING, PARTS, BETWEEN = re.findall(
    r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE
)


async def run(program: str, **names: Any) -> None:
    names |= {"ftp": ftp, "RetryPolicy": RetryPolicy}
    exec(f"async def main():\n{textwrap.indent(program, '    ')}", names)
    await names["main"]()


def write(folder: Path, content: bytes) -> None:
    folder.mkdir()
    (folder / "index.html").write_bytes(content)


async def test_trees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "site", b"<html>")
    header = re.search(r"^async with .*\n", TREES, re.MULTILINE)
    assert header is not None
    body = textwrap.dedent(TREES[header.end() :])
    with MiniFTP(files={"/backups/today.tar": b"all"}) as server:
        async with pool_for(server) as pool:
            await run(body, pool=pool)
        assert server.files["/www/index.html"] == b"<html>"
    assert read(tmp_path / "here") == {"backups/today.tar": b"all"}


async def test_anything_else() -> None:
    files = {f"/pub/{name}.iso": name.encode() for name in "abc"}
    printed: list[tuple[str, ...]] = []
    with MiniFTP(files=files, features=("XCRC",)) as server:
        server.replies["XCRC"] = lambda path: f"250 {zlib.crc32(files[path]):X}"
        async with pool_for(server) as pool:
            await run(LENDING, pool=pool, print=lambda *words: printed.append(words))
    assert sorted(printed, key=lambda words: words[2]) == [
        ("CRC32", f"{zlib.crc32(content):08x}", path) for path, content in files.items()
    ]


async def test_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    content = bytes(range(256)) * 1_000
    with MiniFTP(files={"/pub/image.iso": content}) as server:
        async with pool_for(server) as pool:
            await run(PARTS, pool=pool)
        assert len([line for line in server.commands if line.startswith("RETR")]) == 4
    assert read(tmp_path / "downloads") == {"image.iso": content}


async def test_from_one_server_to_another() -> None:
    with MiniFTP(files={"/backups/today.tar": b"all"}) as one, MiniFTP(files={"/archive/x": b""}) as two:
        async with pool_for(one) as sources, pool_for(two) as destinations:
            await run(BETWEEN, sources=sources, destinations=destinations)
        assert two.files["/archive/today.tar"] == b"all"
