"""The error tree that both protocols share.

::

    TransferError(Exception)              .retryable  .peer
    ├─ ConnectError          +ConnectionError   dial failed: DNS, refused, unreachable
    ├─ DisconnectedError     +ConnectionError   lost while in use, or used while not connected; .reply
    ├─ TransferTimeoutError  +TimeoutError      .phase .seconds
    ├─ TLSError              +ConnectionError   handshake or certificate
    ├─ ProtocolError
    │   ├─ LocalProtocolError  +ValueError      the caller's fault; nothing was written
    │   └─ RemoteProtocolError                  the peer's fault; the connection is closed
    ├─ UnsupportedError                         not offered by the peer; nothing was sent
    ├─ ReplyError            .reply .command    retryable if and only if 4yz
    │   └─ AuthenticationError
    ├─ IncompleteTransferError                  .transferred .expected
    └─ LocalFileError        .errno .strerror .filename

How this works: ``args`` are always the constructor's positional arguments, so that every class can be
pickled and copied; further facts are keyword-only with a default and live in ``__dict__``; ``__str__`` puts the
readable sentence together. ``OSError.__init__`` is never called, because it reads two arguments as
``(errno, strerror)``; ``errno`` is filled from the cause where there is one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from transfer._wire.reply import Reply

__all__ = [
    "AuthenticationError",
    "ConnectError",
    "DisconnectedError",
    "ErrorFamily",
    "IncompleteTransferError",
    "LocalFileError",
    "LocalProtocolError",
    "ProtocolError",
    "RemoteProtocolError",
    "ReplyError",
    "TLSError",
    "TransferError",
    "TransferTimeoutError",
    "UnsupportedError",
]


class TransferError(Exception):
    """Root of everything that a call into this library raises for a reason outside the program.

    Args:
        args: what the class documents; for most, one sentence.
        peer: ``"host:port"`` or the socket's path, where a peer was involved.
        retryable: overrules the class's own answer, for example after a command that may have taken effect.
    """

    peer: str | None

    def __init__(self, *args: object, peer: str | None = None, retryable: bool | None = None) -> None:
        Exception.__init__(self, *args)
        self.peer = peer
        self._retryable = retryable

    @property
    def retryable(self) -> bool:
        """Whether the same call, repeated unchanged and later, is safe and may succeed."""
        return self._is_transient() if self._retryable is None else self._retryable

    def _is_transient(self) -> bool:
        return False

    def _describe(self) -> str:
        return ", ".join(str(arg) for arg in self.args)

    def __str__(self) -> str:
        text = self._describe()
        if self.peer is None or self.peer in text:
            return text
        return f"{text} [{self.peer}]"

    def __reduce__(self) -> tuple[Any, ...]:
        state = dict(self.__dict__)
        # errno of an OSError lives outside __dict__; BaseException.__setstate__ puts it back by setattr.
        if getattr(self, "errno", None) is not None:
            state["errno"] = self.errno  # type: ignore[attr-defined]  # present on the OSError children
        return type(self), self.args, state


class ConnectError(TransferError, ConnectionError):
    """No connection came about: the name did not resolve, or the peer refused or could not be reached."""

    def __init__(self, *args: object, errno: int | None = None, **facts: Any) -> None:
        super().__init__(*args, **facts)
        self.errno = errno

    def _is_transient(self) -> bool:
        return True


class DisconnectedError(TransferError, ConnectionError):
    """The connection was lost while in use, or an object was used while not connected.

    ``reply`` is the peer's parting 421 where it sent one.
    """

    reply: Reply | None

    def __init__(self, *args: object, reply: Reply | None = None, errno: int | None = None, **facts: Any) -> None:
        super().__init__(*args, **facts)
        self.reply = reply
        self.errno = errno

    def _is_transient(self) -> bool:
        return True


class TransferTimeoutError(TransferError, TimeoutError):
    """The peer did not do its part in time: ``phase`` says what was awaited, ``seconds`` for how long."""

    phase: str | None
    seconds: float | None

    def __init__(self, *args: object, phase: str | None = None, seconds: float | None = None, **facts: Any) -> None:
        super().__init__(*args, **facts)
        self.phase = phase
        self.seconds = seconds

    def _is_transient(self) -> bool:
        return True


class TLSError(TransferError, ConnectionError):
    """The TLS handshake failed or the certificate was not accepted; ``__cause__`` is the ``ssl.SSLError``."""


class ProtocolError(TransferError):
    """One side broke the protocol's rules."""


class LocalProtocolError(ProtocolError, ValueError):
    """The caller asked for something that the protocol forbids; nothing was written."""


class RemoteProtocolError(ProtocolError):
    """The peer sent something that the protocol forbids; the connection is closed."""


class UnsupportedError(TransferError):
    """The peer does not offer what was asked for; nothing was sent."""


class ReplyError(TransferError):
    """The peer refused. ``reply`` is what it said, ``command`` the command it answered, secrets redacted."""

    reply: Reply | None
    command: str | None

    def __init__(self, *args: object, reply: Reply | None = None, command: str | None = None, **facts: Any) -> None:
        super().__init__(*args, **facts)
        self.reply = reply
        self.command = command

    def _reply_code(self) -> int:
        return self.reply.code if self.reply is not None else 0

    def _is_transient(self) -> bool:
        # RFC 5321 §4.2.1 and RFC 959 §4.2: 4yz, "the requester should return to the beginning of the sequence".
        return 400 <= self._reply_code() < 500


class AuthenticationError(ReplyError):
    """The peer refused the credentials or the way they were presented."""


class IncompleteTransferError(TransferError):
    """Fewer bytes than announced went over: ``transferred`` of ``expected`` (None where unknown), in bytes.

    Retryable where the caller can go on from ``transferred``; the raising side says so with *retryable*.
    """

    transferred: int | None
    expected: int | None

    def __init__(
        self, *args: object, transferred: int | None = None, expected: int | None = None, **facts: Any
    ) -> None:
        super().__init__(*args, **facts)
        self.transferred = transferred
        self.expected = expected


class LocalFileError(TransferError):
    """A file on this side could not be read or written; the attributes of ``OSError`` are copied from the cause."""

    errno: int | None
    strerror: str | None
    filename: str | None

    def __init__(
        self,
        *args: object,
        errno: int | None = None,
        strerror: str | None = None,
        filename: str | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(*args, **facts)
        self.errno = errno
        self.strerror = strerror
        self.filename = filename


@attrs.frozen(kw_only=True)
class ErrorFamily:
    """How one protocol spells the categories: each field makes an error from a sentence and keyword facts.

    ``_net`` and ``_engine`` raise by category through the family that they were given, and so know neither
    protocol. The default family is the tree itself.
    """

    connect: Callable[..., ConnectError] = ConnectError
    connect_timeout: Callable[..., TransferTimeoutError] = TransferTimeoutError
    disconnected: Callable[..., DisconnectedError] = DisconnectedError
    timeout: Callable[..., TransferTimeoutError] = TransferTimeoutError
    tls: Callable[..., TLSError] = TLSError
    local_protocol: Callable[..., LocalProtocolError] = LocalProtocolError
    remote_protocol: Callable[..., RemoteProtocolError] = RemoteProtocolError
    incomplete: Callable[..., IncompleteTransferError] = IncompleteTransferError
    local_file: Callable[..., LocalFileError] = LocalFileError
