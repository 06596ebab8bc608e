"""``AsyncPathIO``: this side's disk, in worker threads."""

from __future__ import annotations

import functools
import io
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import IO, Any, ParamSpec, TypeVar

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

from transfer.ftp._errors import FTPTimeoutError
from transfer.ftp._pathio._batched import BATCH_BYTES, BatchedFile
from transfer.ftp._pathio._errors import defend_file_methods, universal_exception
from transfer.ftp._pathio._files import open_file, sync_file, write_all
from transfer.ftp._pathio._names import LocalNames
from transfer.ftp._pathio._required import Connection, Octets, State

__all__ = ["AsyncPathIO"]

P = ParamSpec("P")
R = TypeVar("R")
File = BatchedFile | IO[Any]


class AsyncPathIO(LocalNames):
    """This side's disk; whatever may take long is done in worker threads: for disks that are slow, or far away.

    Blocks that are smaller than 1 MiB are read ahead and written behind: what was written is in the file when it is
    closed, or ``sync`` or ``seek`` was called, and an error may come as late as that. An operation that has begun is
    waited for even when it is cancelled, but no longer than *timeout*; after that its thread goes on by itself.

    Args:
        timeout: seconds for each operation, None for ever.
        connection: the server's, on a server's side.
        state: kept for programs that give it; nothing is shared.
        executor: where to do it, instead of in the event loop's threads.

    Attributes:
        executor: as given.
    """

    block_bytes: int = BATCH_BYTES

    def __init__(
        self,
        timeout: float | None = None,
        connection: Connection = None,
        state: State = None,
        executor: Executor | None = None,
    ) -> None:
        super().__init__(timeout, connection, state)
        self.executor: Executor | None = executor

    async def _call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        call = functools.partial(function, *args, **kwargs)
        if self.executor is not None:
            call = functools.partial(_wait_for, self.executor, call)
        if self.timeout is None:
            return await anyio.to_thread.run_sync(call)
        await checkpoint_if_cancelled()
        # Nothing but time being up lets go of a thread.
        with anyio.CancelScope(deadline=anyio.current_time() + self.timeout, shield=True):
            return await anyio.to_thread.run_sync(call, abandon_on_cancel=True)
        raise FTPTimeoutError(f"took more than {self.timeout} seconds", phase="disk", seconds=self.timeout)

    async def _move(self, file: File, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await self._call(function, *args, **kwargs)
        except FTPTimeoutError:
            if isinstance(file, BatchedFile):
                file.is_lost = True
            raise

    @universal_exception
    async def _open(
        self,
        path: Path,
        mode: str = "rb",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> File:
        opening = _Opening()
        try:
            return await self._call(opening.run, path, mode, buffering, encoding, errors, newline)
        except BaseException:
            opening.give_up()
            raise

    @universal_exception
    @defend_file_methods
    async def seek(self, file: File, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position, as :meth:`io.IOBase.seek` does."""
        return await self._move(file, file.seek, offset, whence)

    @universal_exception
    @defend_file_methods
    async def write(self, file: File, data: Octets) -> int:
        """Write all of *data*, at once or together with what follows."""
        if not isinstance(file, BatchedFile):
            return await self._call(write_all, file, data)
        await checkpoint_if_cancelled()
        size = file.put(data)
        return await self._move(file, file.store, data) if size is None else size

    @universal_exception
    @defend_file_methods
    async def read(self, file: File, block_size: int = -1) -> Any:  # noqa: ANN401  # text, if it was opened for that
        """Return up to *block_size* bytes, everything if it is negative, none at the end of the file."""
        if not isinstance(file, BatchedFile):
            return await self._call(file.read, block_size)
        await checkpoint_if_cancelled()
        data = file.take(block_size)
        return await self._move(file, file.fetch, block_size) if data is None else data

    @universal_exception
    @defend_file_methods
    async def close(self, file: File) -> None:
        """Write what is left to be written and close *file*."""
        if isinstance(file, BatchedFile) and file.closes_at_once:
            file.close()
            return
        try:
            with anyio.CancelScope(shield=True):
                await self._call(file.close)
        except anyio.get_cancelled_exc_class():
            # A task of asyncio can be cancelled through every shield, and before the thread has begun.
            if not isinstance(file, BatchedFile) or not file.is_lost:
                file.close()
            raise

    @universal_exception
    @defend_file_methods
    async def sync(self, file: File) -> None:
        """Make sure that what was written to *file* survives a failure of power."""
        if isinstance(file, BatchedFile):
            await self._move(file, file.sync)
        else:
            await self._call(sync_file, file)


def _wait_for(executor: Executor, call: Callable[[], R]) -> R:
    return executor.submit(call).result()


class _Opening:
    """Opens a file in a thread, for somebody who may have given up when it is open."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._file: File | None = None
        self._is_given_up = False

    def run(self, path: Path, mode: str, buffering: int, *rest: str | None) -> File:
        """Open *path*, as :func:`open_file` does."""
        file: File = open_file(path, mode, buffering, *rest)
        if isinstance(file, io.FileIO) and file.seekable():
            file = BatchedFile(file)
        with self._lock:
            if self._is_given_up:
                file.close()
            self._file = file
        return file

    def give_up(self) -> None:
        """Close the file, now or as soon as it is open."""
        with self._lock:
            self._is_given_up = True
            if self._file is not None:
                self._file.close()
