"""Storages: where the files of this side are.

Every storage has aioftp's methods (``exists is_dir is_file mkdir rmdir unlink list stat rename open seek write read
close``), and these with a default that works for any storage:

- ``scan(path)``: a lister of ``PathEntry(path, status, is_link)`` with ``is_dir`` and ``is_file``; links to nothing
  have the status None;
- ``is_link(path) -> bool``;
- ``replace(source, destination)``: rename over a file;
- ``utime(path, mtime) -> bool``: False where times can't be set;
- ``sync(file)``: let what was written survive a failure of power;
- ``direct_file(file) -> BinaryIO | None``: what ``_net.pump`` may be given in place of the storage's own methods;
- ``block_bytes``: how much to read or write at once.

*file* is what the storage's ``_open`` returns: the attribute ``file`` of what ``async with storage.open(…)`` gives.
"""

from transfer.ftp._pathio._abstract import AbstractPathIO, PathEntry
from transfer.ftp._pathio._context import AsyncPathIOContext
from transfer.ftp._pathio._errors import defend_file_methods, universal_exception
from transfer.ftp._pathio._local import PathIO
from transfer.ftp._pathio._memory import MemoryPathIO
from transfer.ftp._pathio._memory_nodes import Node
from transfer.ftp._pathio._nursery import PathIONursery
from transfer.ftp._pathio._threads import AsyncPathIO

__all__ = [
    "AbstractPathIO",
    "AsyncPathIO",
    "AsyncPathIOContext",
    "MemoryPathIO",
    "Node",
    "PathEntry",
    "PathIO",
    "PathIONursery",
    "defend_file_methods",
    "universal_exception",
]
