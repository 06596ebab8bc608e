"""The exceptions under the module name that existing programs import them from."""

from transfer.ftp._errors import (
    AIOFTPException,
    InvalidCommand,
    NoAvailablePort,
    PathIOError,
    PathIsNotAbsolute,
    StatusCodeError,
)

__all__ = [
    "AIOFTPException",
    "InvalidCommand",
    "NoAvailablePort",
    "PathIOError",
    "PathIsNotAbsolute",
    "StatusCodeError",
]
