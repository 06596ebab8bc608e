"""Uploads and downloads of files and of whole trees."""

from __future__ import annotations

import logging
import os
import re
import stat as stat_module
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from transfer._net.progress import Meter, ProgressCallback
from transfer.ftp import _commands as commands
from transfer.ftp._errors import FTPProtocolError, PathIOError, StatusCodeError
from transfer.ftp._files import make_directory, stat
from transfer.ftp._list import Info, as_found, is_directory, list_all
from transfer.ftp._names import safe_relative
from transfer.ftp._session import Session
from transfer.ftp._transfer import path_errors, receive_to, send_from

__all__ = ["download", "upload"]

LOGGER = logging.getLogger("transfer.ftp")
_DEPTH_LIMIT = 128
_SIZE = re.compile(r"[0-9]{1,19}")


async def upload(
    session: Session, source: Path, destination: PurePosixPath, *, progress: ProgressCallback | None
) -> None:
    """Send the file or tree *source* to be *destination*, whose parents are made if need be.

    Of a tree, empty directories are sent as well, and links are followed; what is neither file nor directory, and a
    link that leads back to a directory above it, is left out with a warning.

    Raises:
        PathIOError: *source* is not there, or can't be read.
        FTPException: as for single transfers; what was sent before stays.
    """
    total = _file_size(source)
    is_tree = total is None
    meter = Meter(progress, total=total)
    await make_directory(session, destination if is_tree else destination.parent, parents=True)
    if is_tree:
        await _upload_tree(session, source, destination, meter)
    else:
        await send_from(session, source, destination, meter)
    meter.finish()


def _file_size(source: Path) -> int | None:
    """Return the size of a file in bytes, None for a directory."""
    with path_errors():
        status = source.stat()
    if stat_module.S_ISDIR(status.st_mode):
        return None
    if stat_module.S_ISREG(status.st_mode):
        return status.st_size
    raise PathIOError(f"{source} is neither a file nor a directory", filename=str(source))


async def _upload_tree(session: Session, source: Path, destination: PurePosixPath, meter: Meter) -> None:
    waiting = [(source, destination, frozenset[tuple[int, int]]())]
    while waiting:
        directory, remote, above = waiting.pop()
        with path_errors():
            status = directory.stat()
            above |= {(status.st_dev, status.st_ino)}
        for path, is_tree in _entries(directory, above):
            if is_tree:
                await make_directory(session, remote / path.name, parents=False)
                waiting.append((path, remote / path.name, above))
            else:
                await send_from(session, path, remote / path.name, meter)


def _entries(directory: Path, above: frozenset[tuple[int, int]]) -> Iterator[tuple[Path, bool]]:
    """Go over what can be sent, in the order of names, and say whether it is a directory."""
    with path_errors(), os.scandir(directory) as scan:
        entries = sorted(scan, key=lambda entry: entry.name)
    for entry in entries:
        with path_errors():
            is_tree = entry.is_dir()
            if is_tree:
                status = entry.stat()
                usable = (status.st_dev, status.st_ino) not in above
            else:
                usable = entry.is_file()
        if usable:
            yield directory / entry.name, is_tree
        else:
            LOGGER.warning("%s is not sent: it is neither a file nor a directory of its own", entry.path)


async def download(
    session: Session, source: commands.Path, destination: Path, *, progress: ProgressCallback | None
) -> None:
    """Receive the file or tree *source* to be *destination*, whose parents are made if need be.

    Of a tree, empty directories are made as well; what is neither file nor directory is left out with a warning.

    Raises:
        PathIOError: something can't be written on this side.
        FTPProtocolError: a listed name would leave *destination*; nothing of it was written.
        FTPException: as for single transfers; what was received before stays.
    """
    refusal: StatusCodeError | None = None
    info: Info = {}
    try:
        info = await stat(session, source)
    except StatusCodeError as exc:
        # Where a server can't show the file it may still send it.
        if not session.control.channel.is_open:
            raise
        refusal = exc
    if is_directory(info):
        meter = Meter(progress)
        await _download_tree(session, source, destination, meter)
    else:
        listed = _size(info)
        meter = Meter(progress, total=listed)
        try:
            await receive_to(session, source, destination, meter, listed=listed)
        except StatusCodeError as exc:
            raise exc from refusal
    meter.finish()


async def _download_tree(session: Session, source: commands.Path, destination: Path, meter: Meter) -> None:
    waiting: list[tuple[commands.Path, Path, int]] = [(source, destination, 0)]
    while waiting:
        remote, directory, depth = waiting.pop()
        if depth > _DEPTH_LIMIT:
            with session.control.closing_on_nonsense():
                raise FTPProtocolError(f"{remote} is more than {_DEPTH_LIMIT} directories deep")
        with path_errors():
            directory.mkdir(parents=True, exist_ok=True)
        found = await list_all(session, remote, as_found)
        # All names are looked at before the first of them is written.
        with session.control.closing_on_nonsense():
            places = [safe_relative(directory, path.name) for path, _ in found]
        for (path, info), place in zip(found, places, strict=True):
            if is_directory(info):
                waiting.append((path, place, depth + 1))
            elif info.get("type") == "file":
                await receive_to(session, path, place, meter, listed=_size(info))
            else:
                LOGGER.warning("%s is not received: it is neither a file nor a directory", path)


def _size(info: Info) -> int | None:
    size = str(info.get("size", ""))
    return int(size) if _SIZE.fullmatch(size) else None
