"""What storages on this side do with open files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Any

from transfer.ftp._pathio._required import Octets

__all__ = ["moves_like", "open_file", "sync_file", "write_all"]


def open_file(
    path: Path, mode: str, buffering: int, encoding: str | None, errors: str | None, newline: str | None
) -> IO[Any]:
    """Open *path* as :func:`open` does; without a buffer, if it is binary and none is asked for.

    A buffer would hold back what the system is told of the file's position, and its blocks are smaller than a
    transfer's.
    """
    if buffering == -1 and "b" in mode:
        buffering = 0
    return path.open(mode, buffering, encoding, errors, newline)


def write_all(file: IO[Any], data: Octets) -> int:
    """Write *data* to the end: a file without a buffer may take less of it at once."""
    if isinstance(data, str):
        return file.write(data)
    view = memoryview(data).cast("B")
    written = file.write(view)
    while written < len(view):
        written += file.write(view[written:])
    return written


def sync_file(file: IO[Any]) -> None:
    """Make the system write *file* to the disk."""
    file.flush()
    os.fsync(file.fileno())


def moves_like(storage: object, original: type) -> bool:
    """Tell whether the methods by which *storage* moves bytes are those of *original*, and no subclass's own."""
    return all(getattr(type(storage), name) is getattr(original, name) for name in ("read", "write", "seek"))
