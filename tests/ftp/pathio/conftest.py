"""Every storage, each with a directory of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

import attrs
import pytest

from tests.ftp.pathio.own import OwnPathIO
from transfer.ftp import AbstractAsyncLister, AbstractPathIO, AsyncPathIO, MemoryPathIO, PathIO

STORAGES: dict[str, Callable[[], AbstractPathIO[Any]]] = {
    "inline": PathIO,
    "threads": AsyncPathIO,
    "threads with a limit": lambda: AsyncPathIO(timeout=30),
    "memory": MemoryPathIO,
    "somebody's own": OwnPathIO,
}


@attrs.frozen
class Place:
    """A storage and an empty directory in it."""

    storage: AbstractPathIO[Any]
    root: PurePath

    async def write(self, name: str, data: bytes) -> PurePath:
        async with self.storage.open(self.root / name, mode="wb") as file:
            await file.write(data)
        return self.root / name

    async def read(self, name: str) -> bytes:
        async with self.storage.open(self.root / name, mode="rb") as file:
            return await file.read()

    async def names(self, name: str = "") -> list[str]:
        return sorted([path.name async for path in self.storage.list(self.root / name)])

    async def listed(self, name: str = "") -> list[Any]:
        lister = self.storage.list(self.root / name)
        assert isinstance(lister, AbstractAsyncLister)
        return await lister


@pytest.fixture(params=STORAGES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A storage of each kind."""
    storage = STORAGES[request.param]()
    return Place(storage, PurePosixPath("/") if isinstance(storage, MemoryPathIO) else tmp_path)
