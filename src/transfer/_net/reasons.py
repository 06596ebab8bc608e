"""What an error of the system says: about whom, and in which words."""

from __future__ import annotations

import errno
import ssl

__all__ = ["TLS_ENDS", "concerns_connection", "explain"]

# What OpenSSL says when the connection below it has gone.
TLS_ENDS = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
# What OpenSSL calls text where a record should begin; the second name is that of 3.2 and later.
_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"})
_CONNECTION_ERRNOS = frozenset(
    {errno.ENETDOWN, errno.ENETUNREACH, errno.ENETRESET, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENOTCONN}
)


def concerns_connection(exc: OSError) -> bool:
    """Whether a call that has a socket and a file at its ends failed because of the socket."""
    return isinstance(exc, ConnectionError | TimeoutError) or exc.errno in _CONNECTION_ERRNOS


def explain(exc: BaseException) -> str:
    """Return the most telling of the words that *exc* has for what happened."""
    if isinstance(exc, ssl.SSLCertVerificationError):
        return f"the certificate is not accepted: {exc.verify_message}"
    if isinstance(exc, ssl.SSLError) and exc.reason in _NOT_TLS:
        return "the peer sent something other than TLS; on this port it may begin in clear"
    return getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
