"""Uploads and downloads of files and of whole trees."""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import attrs

from transfer._net.progress import Meter
from transfer.ftp import _commands as commands
from transfer.ftp._errors import FTPProtocolError, PathIOError, StatusCodeError
from transfer.ftp._files import entry as look_up
from transfer.ftp._files import make_directory
from transfer.ftp._list import Listing, as_entry, at_once
from transfer.ftp._listing import Entry, EntryType
from transfer.ftp._names import safe_relative
from transfer.ftp._pathio import PathEntry
from transfer.ftp._session import Session
from transfer.ftp._transfers import _local
from transfer.ftp._transfers._attempts import Attempts
from transfer.ftp._transfers._download import download_one
from transfer.ftp._transfers._jobs import Jobs, Runner
from transfer.ftp._transfers._local import Storage
from transfer.ftp._transfers._options import Options
from transfer.ftp._transfers._receiving import RemoteSource
from transfer.ftp._transfers._sources import FileSource
from transfer.ftp._transfers._upload import upload_one

__all__ = ["download", "file_source", "look_at", "remote_file_at", "upload"]

LOGGER = logging.getLogger("transfer.ftp")
_DEPTH_LIMIT = 128
_SECOND = timedelta(seconds=1)
DIRECTORIES = frozenset({EntryType.DIRECTORY, EntryType.CURRENT, EntryType.PARENT})


async def upload(
    attempts: Attempts, storage: Storage, source: Path, destination: PurePosixPath, options: Options, run: Runner
) -> None:
    """Send the file or tree *source* to be *destination*, whose parents are made if need be.

    Of a tree, empty directories are sent as well, and links are followed; what is neither file nor directory, and a
    link that leads back to a directory above it, is left out with a warning.

    Raises:
        PathIOError: *source* is not there, or can't be read.
        FTPException: as for single transfers; what was sent before stays.
    """
    status = await storage.stat(source)
    is_tree = _local.is_directory(status)
    meter = Meter(options.progress, total=None if is_tree else _local.size_of(source, status))
    parents = destination if is_tree else destination.parent
    await attempts.do(lambda session: make_directory(session, parents, parents=True))
    if is_tree:
        await run(_upload_tree(attempts, storage, source, destination, options, meter))
    else:
        await upload_one(attempts, file_source(storage, source, status), destination, options, meter)
    meter.finish()


def file_source(storage: Storage, path: Path, status: Any) -> FileSource:  # noqa: ANN401  # an os.stat_result, or alike
    """Return the source that the file *path* is.

    Raises:
        PathIOError: it is no file.
    """
    return FileSource(storage=storage, path=path, size=_local.size_of(path, status), mtime=status.st_mtime)


async def _upload_tree(
    attempts: Attempts, storage: Storage, source: Path, destination: PurePosixPath, options: Options, meter: Meter
) -> Jobs:
    waiting = [(source, destination, frozenset[object]())]
    while waiting:
        directory, remote, above = waiting.pop()
        above |= {_identity(directory, await storage.stat(directory))}
        for entry in await _entries(storage, directory, above):
            target = remote / entry.path.name
            if entry.is_dir:
                await attempts.do(partial(make_directory, path=target, parents=False))
                waiting.append((entry.path, target, above))
            else:
                file = file_source(storage, entry.path, entry.status)
                yield partial(upload_one, attempts, file, target, options, meter)


def _identity(path: Path, status: Any) -> object:  # noqa: ANN401
    """Return what two ways to the same directory have in common, where the storage tells."""
    number = getattr(status, "st_ino", 0)
    return (getattr(status, "st_dev", 0), number) if number else path


async def _entries(storage: Storage, directory: Path, above: frozenset[object]) -> list[PathEntry[Path]]:
    """Return what can be sent, in the order of names."""
    found = sorted([entry async for entry in storage.scan(directory)], key=lambda entry: entry.path.name)
    usable = []
    for entry in found:
        if entry.is_file or (entry.is_dir and _identity(entry.path, entry.status) not in above):
            usable.append(entry)
        else:
            LOGGER.warning("%s is not sent: it is neither a file nor a directory of its own", entry.path)
    return usable


async def download(
    attempts: Attempts, storage: Storage, source: commands.Path, destination: Path, options: Options, run: Runner
) -> None:
    """Receive the file or tree *source* to be *destination*, whose parents are made if need be.

    Of a tree, empty directories are made as well; what is neither file nor directory is left out with a warning.

    Raises:
        PathIOError: something can't be written on this side, or a link is in the way there.
        FTPProtocolError: a listed name would leave *destination*; nothing of it was written.
        FTPException: as for single transfers; what was received before stays.
    """
    found, refusal = await attempts.do(lambda session: look_at(session, source))
    if found is not None and found.type in DIRECTORIES:
        meter = Meter(options.progress)
        await run(_download_tree(attempts, storage, source, destination, options, meter))
    else:
        remote = remote_file_at(source, found)
        meter = Meter(options.progress, total=remote.size if options.has_offsets else None)
        try:
            await download_one(attempts, storage, remote, destination, options, meter)
        except StatusCodeError as exc:
            raise exc from refusal
    meter.finish()


async def look_at(session: Session, path: commands.Path) -> tuple[Entry | None, StatusCodeError | None]:
    """Return what the server shows of *path*, and why it shows nothing: it may still send the file then."""
    try:
        return await look_up(session, path), None
    except StatusCodeError as exc:
        if exc.retryable or not session.control.channel.is_open:
            raise
        return None, exc


async def _download_tree(
    attempts: Attempts, storage: Storage, source: commands.Path, destination: Path, options: Options, meter: Meter
) -> Jobs:
    waiting: list[tuple[commands.Path, Path, int]] = [(source, destination, 0)]
    while waiting:
        remote, directory, depth = waiting.pop()
        if depth and not options.follow_links and await storage.is_link(directory):
            raise PathIOError(f"{directory} is a link that may lead out of {destination}", filename=str(directory))
        await storage.mkdir(directory, parents=True, exist_ok=True)

        async def look(session: Session, remote: commands.Path = remote, depth: int = depth) -> list[Entry]:
            if depth > _DEPTH_LIMIT:
                with session.control.closing_on_nonsense():
                    raise FTPProtocolError(f"{remote} is more than {_DEPTH_LIMIT} directories deep")
            return await list_safely(session, remote)

        for found in await attempts.do(look):
            place = safe_relative(directory, found.path.name)
            if found.type in DIRECTORIES:
                waiting.append((found.path, place, depth + 1))
            elif found.type is EntryType.FILE:
                yield partial(download_one, attempts, storage, remote_file(found), place, options, meter)
            else:
                LOGGER.warning("%s is not received: it is neither a file nor a directory", found.path)


async def list_safely(session: Session, remote: commands.Path) -> list[Entry]:
    """List *remote*, and look at all names before the first of them is written.

    Raises:
        FTPProtocolError: a name would lead out of the directory that it is written in; the connection is closed.
    """
    found = await Listing(at_once(session), remote, as_entry)
    with session.control.closing_on_nonsense():
        for each in found:
            safe_relative(PurePosixPath(), each.path.name)
    return found


def remote_file_at(path: commands.Path, found: Entry | None) -> RemoteSource:
    """Return the file of an entry, if there is one, under the *path* that it was asked for by."""
    return RemoteSource(path=path) if found is None else attrs.evolve(remote_file(found), path=path)


def remote_file(found: Entry) -> RemoteSource:
    """Return the file of an entry; a time that is not exact to the second is left out."""
    when, precision = found.modify, found.modify_precision
    is_exact = when is not None and precision is not None and precision <= _SECOND
    return RemoteSource(path=found.path, size=found.size, mtime=when.timestamp() if when and is_exact else None)
