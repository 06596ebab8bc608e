"""FTP for asyncio and trio: a client (RFC 959, 2228, 2428, 3659, 4217)."""

from __future__ import annotations

from transfer import __version__
from transfer._net.session_context import SSLSessionBoundContext
from transfer._net.throttle import Throttle
from transfer.ftp import client as client
from transfer.ftp import common as common
from transfer.ftp import errors as errors
from transfer.ftp import pathio as pathio
from transfer.ftp._base import BaseClient
from transfer.ftp._checks import Checksum
from transfer.ftp._client import Client
from transfer.ftp._code import Code, wrap_into_codes, wrap_with_container
from transfer.ftp._common._iterating import AbstractAsyncLister, AsyncListerMixin, AsyncStreamIterator, async_enterable
from transfer.ftp._common._locale import setlocale
from transfer.ftp._common._timing import with_timeout
from transfer.ftp._connection._between import transfer_between
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
from transfer.ftp._features import Features
from transfer.ftp._listing import BasicListInfo, Entry, EntryType, ListInfo, UnixListInfo, UnreadableLineError
from transfer.ftp._mirror._action import MirrorAction, MirrorActionKind
from transfer.ftp._mirror._making import MirrorOptions
from transfer.ftp._mirror._plan import MirrorPlan
from transfer.ftp._mirror._report import MirrorOutcome, MirrorReport, MirrorStatus
from transfer.ftp._pathio import AbstractPathIO, AsyncPathIO, MemoryPathIO, PathEntry, PathIO, PathIONursery
from transfer.ftp._pool._pool import ClientPool
from transfer.ftp._profile import ServerProfile
from transfer.ftp._settings import (
    DEFAULT_ACCOUNT,
    DEFAULT_BLOCK_SIZE,
    DEFAULT_PASSWORD,
    DEFAULT_PORT,
    DEFAULT_USER,
    END_OF_LINE,
    ListingLimits,
    StreamThrottle,
)
from transfer.ftp._streams._file import RemoteFile
from transfer.ftp._streams._stream import DataConnectionThrottleStreamIO, StreamIO, ThrottleStreamIO
from transfer.ftp._transfers._options import TransferOptions

__all__ = [
    "DEFAULT_ACCOUNT",
    "DEFAULT_BLOCK_SIZE",
    "DEFAULT_PASSWORD",
    "DEFAULT_PORT",
    "DEFAULT_USER",
    "END_OF_LINE",
    "AIOFTPException",
    "AbstractAsyncLister",
    "AbstractPathIO",
    "AsyncListerMixin",
    "AsyncPathIO",
    "AsyncStreamIterator",
    "BaseClient",
    "BasicListInfo",
    "Checksum",
    "Client",
    "ClientPool",
    "Code",
    "DataConnectionThrottleStreamIO",
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
    "Features",
    "InvalidCommand",
    "ListInfo",
    "ListingLimits",
    "MemoryPathIO",
    "MirrorAction",
    "MirrorActionKind",
    "MirrorOptions",
    "MirrorOutcome",
    "MirrorPlan",
    "MirrorRefused",
    "MirrorReport",
    "MirrorStatus",
    "NoAvailablePort",
    "PathEntry",
    "PathIO",
    "PathIOError",
    "PathIONursery",
    "PathIsNotAbsolute",
    "RemoteFile",
    "SSLSessionBoundContext",
    "ServerProfile",
    "StatusCodeError",
    "StreamIO",
    "StreamThrottle",
    "Throttle",
    "ThrottleStreamIO",
    "TransferOptions",
    "UnixListInfo",
    "UnreadableLineError",
    "__version__",
    "async_enterable",
    "setlocale",
    "transfer_between",
    "version",
    "with_timeout",
    "wrap_into_codes",
    "wrap_with_container",
]

version: tuple[int, ...] = tuple(int(part) for part in __version__.split(".") if part.isdigit())

# Tracebacks and pickles name a class by the place where users find it.
for _public in [globals()[name] for name in __all__]:
    if isinstance(_public, type):
        _public.__module__ = __name__
