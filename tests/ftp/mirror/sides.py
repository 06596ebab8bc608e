"""Both sides of a mirror for the tests: a server with a client, and folders."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.ftp.support import connected
from tests.peers import MiniFTP
from transfer import ftp

REMOTE = {"/pub/a": b"one", "/pub/deep/er/b": b"two", "/pub/deep/c": b""}
# What MiniFTP says of every file.
MODIFIED = 1704164645


@asynccontextmanager
async def served(files: dict[str, bytes] | None = None, **options: Any) -> AsyncIterator[tuple[ftp.Client, MiniFTP]]:
    """A client that is logged in to a server of *files*."""
    with MiniFTP(files=REMOTE if files is None else files) as server:
        client = await connected(server, **options)
        async with client:
            await client.login()
            server.commands.clear()
            yield client, server


def contents(folder: Path) -> dict[str, bytes | None]:
    """What is in *folder*, links not followed."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() and not path.is_symlink() else None
        for path in sorted(folder.rglob("*"))
    }


def write(folder: Path, files: dict[str, bytes], *, modified: float | None = None) -> None:
    """Make *files* in *folder*, with the directories above them."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        if modified is not None:
            os.utime(path, (modified, modified))


def shown(plan: ftp.MirrorPlan) -> list[str]:
    """Return what a plan prints of its actions."""
    return [str(action) for action in plan.actions]
