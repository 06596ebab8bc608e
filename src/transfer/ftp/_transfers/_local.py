"""Files of this side, in whatever storage they are."""

from __future__ import annotations

import contextlib
import stat as stat_module
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from transfer.ftp._errors import PathIOError
from transfer.ftp._pathio import AbstractPathIO
from transfer.ftp._transfers._moving import Drain, Feed

__all__ = ["Storage", "is_directory", "opened_for_reading", "opened_for_writing", "size_of", "status_of"]

Storage = AbstractPathIO[Path]


async def status_of(storage: Storage, path: Path) -> Any | None:  # noqa: ANN401  # an os.stat_result, or alike
    """Return what the storage says of *path*, links followed; None if it is not there."""
    return await storage.stat(path) if await storage.exists(path) else None


def is_directory(status: Any) -> bool:  # noqa: ANN401
    """Tell whether *status* is of a directory."""
    return stat_module.S_ISDIR(status.st_mode)


def size_of(path: Path, status: Any) -> int:  # noqa: ANN401
    """Return the size of a file in bytes.

    Raises:
        PathIOError: it is something else.
    """
    if not stat_module.S_ISREG(status.st_mode):
        raise PathIOError(f"{path} is neither a file nor a directory", filename=str(path))
    return int(status.st_size)


@contextlib.asynccontextmanager
async def opened_for_reading(storage: Storage, path: Path, offset: int) -> AsyncIterator[Feed]:
    """Open *path* and give what is to be sent, from *offset* on.

    Raises:
        PathIOError: it can't be opened.
    """
    async with storage.open(path, "rb") as opened:
        if offset:
            await opened.seek(offset)
        direct = storage.direct_file(opened.file)
        yield direct if direct is not None else opened.iter_by_block(storage.block_bytes)


@contextlib.asynccontextmanager
async def opened_for_writing(storage: Storage, path: Path, offset: int) -> AsyncIterator[Drain]:
    """Open *path* and give what takes the octets that are to be written from *offset* on.

    From 0 on the file is a new one.

    Raises:
        PathIOError: it can't be opened, or closed.
    """
    async with storage.open(path, "r+b" if offset else "wb") as opened:
        if offset:
            await opened.seek(offset)
        direct = storage.direct_file(opened.file)
        yield direct if direct is not None else opened.write
