"""Mail and files for asyncio and trio: ``transfer.smtp``, an SMTP sender, and ``transfer.ftp``, an FTP client.

This module holds what both share: the error root and its categories, the retry policy, the time limits, TLS settings.
"""

from __future__ import annotations

from transfer._engine.retry import RetryPolicy
from transfer._errors import (
    AuthenticationError,
    ConnectError,
    DisconnectedError,
    IncompleteTransferError,
    LocalFileError,
    LocalProtocolError,
    ProtocolError,
    RemoteProtocolError,
    ReplyError,
    TLSError,
    TransferError,
    TransferTimeoutError,
    UnsupportedError,
)
from transfer._net.progress import Progress
from transfer._net.timeouts import Timeouts
from transfer._net.tls import TLS
from transfer._wire.reply import Reply, Severity

__version__ = "0.1.0"

__all__ = [
    "TLS",
    "AuthenticationError",
    "ConnectError",
    "DisconnectedError",
    "IncompleteTransferError",
    "LocalFileError",
    "LocalProtocolError",
    "Progress",
    "ProtocolError",
    "RemoteProtocolError",
    "Reply",
    "ReplyError",
    "RetryPolicy",
    "Severity",
    "TLSError",
    "Timeouts",
    "TransferError",
    "TransferTimeoutError",
    "UnsupportedError",
    "__version__",
]

for _name in __all__[:-1]:
    # Tracebacks, pickles and documentation show the name under which users import it.
    globals()[_name].__module__ = __name__
