"""What docs/howto/ftp-mirror.md shows is what is printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.ftp.mirror.sides import MODIFIED, served, write

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "ftp-mirror.md"
TEXT = PAGE.read_text("utf-8")
[SHOWN] = re.findall(r"^```\n(upload .*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
PROGRAM, _ = re.findall(r"^async with .*?:\n((?:    .*\n)+)", TEXT, re.MULTILINE)


async def test_the_plan_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(
        tmp_path / "site",
        {"news/today.html": bytes(3200), "index.html": bytes(1250), "a.tmp": b"", ".git/HEAD": b""},
        modified=MODIFIED + 60,
    )
    (tmp_path / "site/current").symlink_to("news")
    printed: list[str] = []
    async with served({"/www/index.html": bytes(1250), "/www/old.html": b""}) as (client, server):
        body = "".join(f"    {line}\n" for line in PROGRAM.splitlines())
        names: dict[str, Any] = {"client": client, "print": lambda value: printed.append(str(value))}
        exec(f"async def main():\n{body}", names)
        await names["main"]()
        await client.command("NOOP", "200")  # this server removes a file after it has said so
        assert sorted(server.files) == ["/www/index.html", "/www/news/today.html"]
    assert printed == [SHOWN.rstrip("\n"), "skipped ! current: a link\ndone: 4, skipped: 1"]
