# ruff: noqa: ASYNC240 (to block the event loop is what storages of this kind do)
"""A storage as programs have written them: the abstract methods and no more, by the names of the original."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from anyio.lowlevel import checkpoint

import transfer.ftp as aioftp
from transfer.ftp.pathio import universal_exception


class OwnPathIO(aioftp.AbstractPathIO[Path]):
    """Files on the disk, by way of the event loop, each read or write with a pause."""

    @universal_exception
    async def exists(self, path: Path) -> bool:
        return path.exists()

    @universal_exception
    async def is_dir(self, path: Path) -> bool:
        return path.is_dir()

    @universal_exception
    async def is_file(self, path: Path) -> bool:
        return path.is_file()

    @universal_exception
    async def mkdir(self, path: Path, *, parents: bool = False, exist_ok: bool = False) -> None:
        path.mkdir(parents=parents, exist_ok=exist_ok)

    @universal_exception
    async def rmdir(self, path: Path) -> None:
        path.rmdir()

    @universal_exception
    async def unlink(self, path: Path) -> None:
        path.unlink()

    def list(self, path: Path) -> aioftp.AbstractAsyncLister[Path]:
        class Lister(aioftp.AbstractAsyncLister[Path]):
            paths: Iterator[Path] | None = None

            @universal_exception
            @aioftp.with_timeout
            async def __anext__(self) -> Path:
                await checkpoint()
                if self.paths is None:
                    self.paths = path.iterdir()
                try:
                    return next(self.paths)
                except StopIteration:
                    raise StopAsyncIteration from None

        return Lister(timeout=self.timeout)

    @universal_exception
    async def stat(self, path: Path) -> os.stat_result:
        return path.stat()

    @universal_exception
    async def _open(self, path: Path, mode: str = "rb") -> Any:
        return path.open(mode)

    @universal_exception
    @aioftp.pathio.defend_file_methods
    async def seek(self, file: Any, offset: int, whence: int = io.SEEK_SET) -> int:
        return file.seek(offset, whence)

    @universal_exception
    @aioftp.pathio.defend_file_methods
    async def write(self, file: Any, data: bytes) -> int:
        await checkpoint()
        return file.write(data)

    @universal_exception
    @aioftp.pathio.defend_file_methods
    async def read(self, file: Any, block_size: int) -> bytes:
        await checkpoint()
        return file.read(block_size)

    @universal_exception
    @aioftp.pathio.defend_file_methods
    async def close(self, file: Any) -> None:
        file.close()

    @universal_exception
    async def rename(self, source: Path, destination: Path) -> Path:
        return source.rename(destination)
