"""One file from the server: begun anew or resumed, under its name or another until it is complete."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

import anyio
import attrs

from transfer._errors import TransferError
from transfer._net.progress import Meter
from transfer.ftp._errors import FTPIncompleteTransfer, StatusCodeError
from transfer.ftp._session import Session
from transfer.ftp._transfers._attempts import Attempts
from transfer.ftp._transfers._local import (
    Storage,
    is_directory,
    opened_for_reading,
    opened_for_writing,
    status_of,
)
from transfer.ftp._transfers._moving import Drain
from transfer.ftp._transfers._options import Options
from transfer.ftp._transfers._partial import partial_path, unique_token
from transfer.ftp._transfers._receiving import RemoteSource, is_refused_rest, receive
from transfer.ftp._transfers._remote import exact_size, modified
from transfer.ftp._transfers._run import path_errors
from transfer.ftp._transfers._verify import verify

__all__ = ["download_into", "download_one"]


async def download_one(
    attempts: Attempts, storage: Storage, remote: RemoteSource, destination: Path, options: Options, meter: Meter
) -> None:
    """Receive *remote* to be *destination*, whose directories are made if need be.

    The file is opened when the server has agreed, so that a refusal leaves an older one as it is.

    Raises:
        PathIOError: the file can't be written.
        FTPIncompleteTransfer: fewer bytes came than SIZE says, or TLS was cut off and SIZE does not prove that nothing
            is missing, or what came is not what the server has.
        StatusCodeError: the server refuses, at first or in the end.
        FTPException: as for data connections and exchanges.

    Cancellation and errors: what was received is removed, unless it is to be resumed or the transfer is not atomic.
    """
    target = destination
    if options.atomic and not await _is_written_through(storage, destination, options):
        target = partial_path(destination, None if options.resume else unique_token())
        if options.resume and await _take_up(storage, remote, destination, target):
            meter.add_present(remote.size or 0)
            return
    download = _Download(
        storage=storage, remote=remote, target=target, options=options, meter=meter.part(), goes_on=options.resume
    )
    try:
        await attempts.do(download.attempt)
        if options.keep_times and download.remote.mtime is not None:
            await storage.utime(target, download.remote.mtime)
        if target != destination:
            await storage.replace(target, destination)
    except BaseException:
        if target != destination and not options.resume:
            await _discard(storage, target)
        raise


async def _is_written_through(storage: Storage, path: Path, options: Options) -> bool:
    """Tell whether what is at *path* has to stay there: a device, a pipe, or a link that is to be followed.

    Raises:
        PathIOError: it is a directory.
    """
    status = await status_of(storage, path)
    if status is None:
        return False
    if is_directory(status):
        with path_errors():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    return not await storage.is_file(path) or (options.follow_links and await storage.is_link(path))


async def _take_up(storage: Storage, remote: RemoteSource, destination: Path, partial: Path) -> bool:
    """Prepare *partial* for being resumed, from a shorter *destination* if need be; tell whether all is there."""
    if await storage.is_link(partial):
        await storage.unlink(partial)
    if await storage.exists(partial) or remote.size is None:
        return False
    status = await status_of(storage, destination)
    if status is None or status.st_size > remote.size:
        return False
    if status.st_size < remote.size:
        await storage.replace(destination, partial)
        return False
    return True


async def _discard(storage: Storage, partial: Path) -> None:
    with contextlib.suppress(TransferError), anyio.CancelScope(shield=True):
        if await storage.exists(partial):
            await storage.unlink(partial)


@attrs.define(kw_only=True)
class _Download:
    storage: Storage
    remote: RemoteSource
    target: Path
    options: Options
    meter: Meter
    goes_on: bool
    """Whether the next attempt begins where the last one, or an earlier transfer, has come to."""

    async def attempt(self, session: Session) -> None:
        self.meter.begin_anew()
        try:
            await self._receive(session)
        finally:
            self.goes_on = self.options.has_offsets
        if self.options.verify:
            ours = opened_for_reading(self.storage, self.target, 0)
            await verify(session, self.remote.path, ours, self.meter.transferred, self.options.verify)

    async def _receive(self, session: Session) -> None:
        if self.options.keep_times and self.remote.mtime is None:
            self.remote = attrs.evolve(self.remote, mtime=await modified(session, self.remote.path))
        if self.goes_on and self.remote.size is None:
            self.remote = attrs.evolve(self.remote, size=await exact_size(session, self.remote.path))
        offset = await self._offset() if self.goes_on else 0
        if offset and offset == self.remote.size:
            self.meter.add_present(offset)
            return
        try:
            await receive(session, self.remote, self._opened(offset), self.options, self.meter, offset)
        except StatusCodeError as exc:
            if not offset or not is_refused_rest(exc):
                raise
            await receive(session, self.remote, self._opened(0), self.options, self.meter, 0)

    async def _offset(self) -> int:
        status = await status_of(self.storage, self.target)
        size = 0 if status is None else int(status.st_size)
        # Of a file that is longer than the server's, nobody knows what it is.
        return size if self.remote.size is not None and size <= self.remote.size else 0

    @contextlib.asynccontextmanager
    async def _opened(self, offset: int) -> AsyncIterator[Drain]:
        await self.storage.mkdir(self.target.parent, parents=True, exist_ok=True)
        async with opened_for_writing(self.storage, self.target, offset) as drain:
            yield drain


async def download_into(
    attempts: Attempts, remote: RemoteSource, file: BinaryIO, options: Options, meter: Meter
) -> None:
    """Receive *remote* into an open *file*, at its position; with ``resume``, that is where the rest belongs.

    Raises and cancellation: as for :func:`download_one`; what was written stays.
    """
    done = 0
    if options.resume:
        with path_errors():
            done = file.tell()
    part = meter.part()

    async def attempt(session: Session) -> None:
        nonlocal done

        @contextlib.asynccontextmanager
        async def opened() -> AsyncIterator[Drain]:
            yield file

        try:
            await receive(session, remote, opened(), options, part, done)
        except StatusCodeError as exc:
            if not done or not is_refused_rest(exc):
                raise
            raise _not_from(remote, done, exc.peer) from exc
        finally:
            # The next attempt finds what this one has written.
            done = max(done, part.transferred)

    await attempts.do(attempt)
    if options.verify:
        await attempts.do(lambda session: verify(session, remote.path, None, done, options.verify))


def _not_from(remote: RemoteSource, offset: int, peer: str | None) -> FTPIncompleteTransfer:
    return FTPIncompleteTransfer(
        f"The server can't send {remote.path} from byte {offset} on",
        transferred=offset,
        expected=remote.size,
        peer=peer,
        retryable=False,
    )
