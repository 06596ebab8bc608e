"""Codes, limits, iterators and decorators under the module name that existing programs import them from."""

from transfer._net.session_context import SSLSessionBoundContext
from transfer._net.throttle import Throttle
from transfer.ftp._code import Code, wrap_into_codes, wrap_with_container
from transfer.ftp._common._iterating import AbstractAsyncLister, AsyncListerMixin, AsyncStreamIterator, async_enterable
from transfer.ftp._common._locale import setlocale
from transfer.ftp._common._timing import with_timeout
from transfer.ftp._settings import (
    DEFAULT_ACCOUNT,
    DEFAULT_BLOCK_SIZE,
    DEFAULT_PASSWORD,
    DEFAULT_PORT,
    DEFAULT_USER,
    END_OF_LINE,
    StreamThrottle,
)
from transfer.ftp._streams._stream import StreamIO, ThrottleStreamIO

__all__ = [
    "DEFAULT_ACCOUNT",
    "DEFAULT_BLOCK_SIZE",
    "DEFAULT_PASSWORD",
    "DEFAULT_PORT",
    "DEFAULT_USER",
    "END_OF_LINE",
    "AbstractAsyncLister",
    "AsyncListerMixin",
    "AsyncStreamIterator",
    "Code",
    "SSLSessionBoundContext",
    "StreamIO",
    "StreamThrottle",
    "Throttle",
    "ThrottleStreamIO",
    "async_enterable",
    "setlocale",
    "with_timeout",
    "wrap_into_codes",
    "wrap_with_container",
]
