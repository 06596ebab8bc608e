"""FTP for asyncio and trio: a client (RFC 959, 2228, 2428, 3659, 4217)."""

from __future__ import annotations

from transfer.ftp._client import Client
from transfer.ftp._code import Code
from transfer.ftp._errors import (
    AIOFTPException,
    FTPAuthenticationError,
    FTPConnectError,
    FTPDisconnected,
    FTPException,
    FTPIncompleteTransfer,
    FTPNotSupported,
    FTPProtocolError,
    FTPTimeoutError,
    FTPTLSError,
    InvalidCommand,
    MirrorRefused,
    NoAvailablePort,
    PathIOError,
    PathIsNotAbsolute,
    StatusCodeError,
)
from transfer.ftp._listing import Entry, EntryType, UnreadableLineError
from transfer.ftp._mirror._action import MirrorAction, MirrorActionKind
from transfer.ftp._mirror._plan import MirrorPlan
from transfer.ftp._pathio import AbstractPathIO, AsyncPathIO, MemoryPathIO, PathEntry, PathIO, PathIONursery
from transfer.ftp._settings import (
    DEFAULT_ACCOUNT,
    DEFAULT_BLOCK_SIZE,
    DEFAULT_PASSWORD,
    DEFAULT_PORT,
    DEFAULT_USER,
    ListingLimits,
    StreamThrottle,
)

__all__ = [
    "DEFAULT_ACCOUNT",
    "DEFAULT_BLOCK_SIZE",
    "DEFAULT_PASSWORD",
    "DEFAULT_PORT",
    "DEFAULT_USER",
    "AIOFTPException",
    "AbstractPathIO",
    "AsyncPathIO",
    "Client",
    "Code",
    "Entry",
    "EntryType",
    "FTPAuthenticationError",
    "FTPConnectError",
    "FTPDisconnected",
    "FTPException",
    "FTPIncompleteTransfer",
    "FTPNotSupported",
    "FTPProtocolError",
    "FTPTLSError",
    "FTPTimeoutError",
    "InvalidCommand",
    "ListingLimits",
    "MemoryPathIO",
    "MirrorAction",
    "MirrorActionKind",
    "MirrorPlan",
    "MirrorRefused",
    "NoAvailablePort",
    "PathEntry",
    "PathIO",
    "PathIOError",
    "PathIONursery",
    "PathIsNotAbsolute",
    "StatusCodeError",
    "StreamThrottle",
    "UnreadableLineError",
]

# Tracebacks and pickles name a class by the place where users find it.
for _public in [globals()[name] for name in __all__]:
    if isinstance(_public, type):
        _public.__module__ = __name__
