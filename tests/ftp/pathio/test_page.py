"""The programs of the page on storages do what it says."""

from __future__ import annotations

import textwrap
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from tests.smtp.test_tutorial import python_of
from transfer import ftp

CHOICE, USE, MEMORY, MASKED = python_of("docs/howto/ftp-storage.md")


async def play(block: str, **names: Any) -> dict[str, Any]:
    """Run *block* as the body of a coroutine; what it defines."""
    scope: dict[str, Any] = {"ftp": ftp, "Path": Path, "PurePosixPath": PurePosixPath, **names}
    exec(f"async def program(client=None):\n{textwrap.indent(block, '    ')}\n    return locals()", scope)
    found: dict[str, Any] = await scope["program"](*[names[name] for name in ("client",) if name in names])
    return found


async def test_a_storage_is_chosen_and_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client = (await play(CHOICE))["client"]
    assert type(client.path_io) is ftp.AsyncPathIO
    assert client.path_io.timeout == 30
    monkeypatch.chdir(tmp_path)
    await play(USE, client=client)

    assert (tmp_path / "reports/2026/march.csv").read_bytes() == b"day,value\n"
    listed, scanned = capsys.readouterr().out.splitlines()
    assert listed.startswith("reports/2026 ")
    assert scanned == "march.csv True 10"


async def test_a_test_has_files_in_memory() -> None:
    found = await play(MEMORY)

    assert type(found["client"].path_io) is ftp.MemoryPathIO


async def test_what_a_subclass_changes_is_changed(tmp_path: Path) -> None:
    storage = (await play(MASKED))["client"].path_io
    async with storage.open(tmp_path / "f", mode="wb") as file:
        await file.write(b"\x00\x01")
        assert storage.direct_file(file.file) is None
    assert (tmp_path / "f").read_bytes() == b"\xff\xfe"
    async with storage.open(tmp_path / "f", mode="rb") as file:
        assert await file.read() == b"\x00\x01"
