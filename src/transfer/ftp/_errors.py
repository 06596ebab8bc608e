"""The error classes of ``transfer.ftp``: the names that programs catch, each under the category it means."""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any

from transfer._errors import (
    AuthenticationError,
    ConnectError,
    DisconnectedError,
    ErrorFamily,
    IncompleteTransferError,
    LocalFileError,
    LocalProtocolError,
    RemoteProtocolError,
    ReplyError,
    TLSError,
    TransferError,
    TransferTimeoutError,
    UnsupportedError,
)
from transfer.ftp._code import Code, wrap_into_codes

__all__ = [
    "FAMILY",
    "AIOFTPException",
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
    "MirrorRefused",
    "NoAvailablePort",
    "PathIOError",
    "PathIsNotAbsolute",
    "StatusCodeError",
]

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]
Codes = Code | str | Iterable[Code | str]

# 421 and 530 stand for many things; a server that is merely full says so in words. So does one that counts wrong
# passwords, and to go on with those would earn a ban.
_TOO_MANY = re.compile(r"too many|maximum|limit|try (?:again )?later|connections? from", re.IGNORECASE)
_TOO_OFTEN = re.compile(r"attempt|fail|incorrect|invalid|wrong|password", re.IGNORECASE)


class FTPException(TransferError):
    """Base of every FTP error."""


AIOFTPException = FTPException


class StatusCodeError(FTPException, ReplyError):
    """The server's reply was not one of those expected.

    Attributes:
        expected_codes: tuple of :class:`Code` patterns, for example ``("226", "2xx")``.
        received_codes: tuple of the :class:`Code` that came.
        info: the reply's text, as a list of lines or one string.
    """

    expected_codes: tuple[Code, ...]
    received_codes: tuple[Code, ...]
    info: list[str] | str

    def __init__(self, expected_codes: Codes, received_codes: Codes, info: Sequence[str] | str, **facts: Any) -> None:
        super().__init__(expected_codes, received_codes, info, **facts)
        self.expected_codes = wrap_into_codes(expected_codes)
        self.received_codes = wrap_into_codes(received_codes)
        self.info = info if isinstance(info, str) else list(info)

    @property
    def _text(self) -> str:
        return self.info if isinstance(self.info, str) else " ".join(line.strip(" -") for line in self.info)

    def _reply_code(self) -> int:
        code = self.received_codes[-1] if self.received_codes else ""
        return int(code) if code.isdigit() else 0

    def _is_transient(self) -> bool:
        code = self._reply_code()
        if code != 530:
            return 400 <= code < 500
        return _TOO_MANY.search(self._text) is not None and _TOO_OFTEN.search(self._text) is None

    def _describe(self) -> str:
        expected = " or ".join(self.expected_codes) or "another reply"
        received = " ".join(self.received_codes)
        about = f"{self.command} was answered" if self.command else "received"
        return f"{about} {received} {self._text.strip()} (expected {expected})"


class FTPAuthenticationError(StatusCodeError, AuthenticationError):
    """The login was refused."""


class FTPConnectError(FTPException, ConnectError):
    """No connection to the server, or no data connection, came about."""


class FTPDisconnected(FTPException, DisconnectedError):
    """The connection was lost while in use, or the client was used while not connected."""


class FTPTimeoutError(FTPException, TransferTimeoutError):
    """The server did not do its part in time."""


class FTPTLSError(FTPConnectError, TLSError):
    """The TLS handshake failed or the certificate was not accepted."""

    def _is_transient(self) -> bool:
        return False


class FTPProtocolError(FTPException, RemoteProtocolError):
    """The server broke the protocol; the connection is closed."""


class FTPNotSupported(FTPException, UnsupportedError):
    """The server does not offer what was asked for; nothing was sent."""


class FTPIncompleteTransfer(FTPException, IncompleteTransferError):
    """Fewer bytes than announced went over: ``transferred`` of ``expected``."""


class PathIsNotAbsolute(FTPException, LocalProtocolError):
    """A relative path was given where an absolute one is required."""

    def __init__(self, path: object, /, **facts: Any) -> None:
        super().__init__(path, **facts)

    def _describe(self) -> str:
        return f"Path {str(self.args[0])!r} is not absolute"


class PathIOError(FTPException, LocalFileError):
    """A file on this side could not be read or written.

    ``reason`` is the original ``(type, value, traceback)`` as of ``sys.exc_info()``; the traceback is dropped when the
    error is pickled or copied, and all of it where the original cannot be pickled. ``errno``, ``strerror`` and
    ``filename`` are those of the original.
    """

    reason: ExcInfo | None

    def __init__(self, *args: object, reason: ExcInfo | None = None, **facts: Any) -> None:
        cause = reason[1] if reason is not None else None
        if isinstance(cause, OSError):
            facts.setdefault("errno", cause.errno)
            facts.setdefault("strerror", cause.strerror)
            facts.setdefault("filename", cause.filename)
        super().__init__(*args, **facts)
        self.reason = reason

    def _describe(self) -> str:
        if self.args:
            return super()._describe()
        return str(self.reason[1]) if self.reason is not None else "path operation failed"

    def __reduce__(self) -> tuple[Any, ...]:
        cls, args, state = super().__reduce__()
        if self.reason is not None:
            state["reason"] = (self.reason[0], self.reason[1], None) if _survives_pickle(self.reason[1]) else None
        return cls, args, state


def _survives_pickle(error: BaseException) -> bool:
    """Whether *error*, which may be of any class, can be pickled and made again."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301  # its own octets
    except Exception:  # noqa: BLE001  # whatever its __reduce__ and __init__ raise
        return False
    return True


class NoAvailablePort(FTPException, OSError):
    """None of the ports set aside for data connections is free."""

    def __init__(self, *args: object, errno: int | None = None, **facts: Any) -> None:
        super().__init__(*(args or ("No available ports",)), **facts)
        self.errno = errno


class InvalidCommand(FTPException, LocalProtocolError):
    """A command or its argument holds CR, LF or NUL; nothing was sent."""


class MirrorRefused(FTPException, LocalProtocolError):
    """A mirror would delete more than it may; nothing was done."""


FAMILY = ErrorFamily(
    connect=FTPConnectError,
    connect_timeout=FTPTimeoutError,
    disconnected=FTPDisconnected,
    timeout=FTPTimeoutError,
    tls=FTPTLSError,
    local_protocol=InvalidCommand,
    remote_protocol=FTPProtocolError,
    incomplete=FTPIncompleteTransfer,
    local_file=PathIOError,
)
