"""The storages under the module name that existing programs import them from."""

from transfer.ftp._pathio import (
    AbstractPathIO,
    AsyncPathIO,
    AsyncPathIOContext,
    MemoryPathIO,
    Node,
    PathEntry,
    PathIO,
    PathIONursery,
    defend_file_methods,
    universal_exception,
)

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
