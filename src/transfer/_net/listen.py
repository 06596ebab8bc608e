"""Listening sockets: bind, accept, and stay alive when descriptors run out."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Iterable
from typing import Self

import anyio
from anyio.lowlevel import checkpoint

from transfer._errors import ErrorFamily
from transfer._net.names import spell_address
from transfer._net.stream import Stream

__all__ = ["Listener", "listen"]

# Out of descriptors or memory: accept() would fail again at once, and the queue holds the caller meanwhile.
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_BACK_OFF_SECONDS = 0.1
# The connection at the queue's head was gone before it was accepted (accept(2), "Error handling"; Windows says
# ECONNRESET).
_GONE = frozenset(
    {
        errno.ECONNABORTED,
        errno.ECONNRESET,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.ENOPROTOOPT,
        errno.EPERM,
        errno.EPROTO,
    }
)


def listen(host: str, ports: int | Iterable[int] = 0, *, errors: ErrorFamily, backlog: int = 128) -> Listener:
    """Listen on *host* at the first of *ports* that is free; 0 lets the system choose.

    Raises:
        OSError: the address is not this machine's, or none of the ports is free (``EADDRINUSE``).
        ValueError: a port is out of range.
    """
    candidates = [ports] if isinstance(ports, int) else list(ports)
    for port in candidates:
        if not 0 <= port <= 65535:
            raise ValueError(f"a port is a number from 0 to 65535, not {port}")
    info = socket.getaddrinfo(host or None, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICHOST)
    family, _, _, _, sockaddr = info[0]
    failure = OSError(errno.EADDRINUSE, "no port to listen on")
    for port in candidates:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            if os.name == "posix":  # elsewhere the option lets two programs listen on one port
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((sockaddr[0], port, *sockaddr[2:]))
            sock.listen(backlog)
        except OSError as exc:
            sock.close()
            failure = exc
            if exc.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
        else:
            return Listener(sock, errors=errors)
    raise failure


class Listener:
    """A listening socket that belongs to this object; ``async with`` closes it. One task may accept."""

    def __init__(self, sock: socket.socket, *, errors: ErrorFamily) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._address = sock.getsockname()
        self._errors = errors
        self._closed = False

    @property
    def host(self) -> str:
        """The address it listens on."""
        host: str = self._address[0]
        return host

    @property
    def port(self) -> int:
        """The port it listens on."""
        port: int = self._address[1]
        return port

    async def accept(self) -> Stream:
        """Return the next connection.

        When descriptors or memory run out it waits and tries again, so that a server outlives a rush; connections that
        went away while they queued are passed over.

        Raises:
            DisconnectedError: the listener was closed.
            LocalProtocolError: another task is accepting already.

        Cancellation: safe at any time; no connection is lost.
        """
        # All yielding comes before accept(2): once there is a connection nothing can come between it and the caller.
        await checkpoint()
        while not self._closed:
            try:
                sock, address = self._socket.accept()
            except BlockingIOError:
                await self._wait()
            except OSError as exc:
                if exc.errno in _EXHAUSTED:
                    await anyio.sleep(_BACK_OFF_SECONDS)
                elif exc.errno not in _GONE:
                    raise self._errors.disconnected(f"The listener failed: {exc.strerror}", errno=exc.errno) from exc
            else:
                return Stream(sock, peer=spell_address(address), errors=self._errors)
        raise self._errors.disconnected("The listener is closed")

    async def _wait(self) -> None:
        try:
            await anyio.wait_readable(self._socket)
        except anyio.ClosedResourceError:
            pass  # the loop sees it
        except anyio.BusyResourceError as exc:
            raise self._errors.local_protocol("Another task is already accepting connections") from exc

    def close(self) -> None:
        """Stop listening; a waiting :meth:`accept` ends. Idempotent."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(RuntimeError):
            anyio.notify_closing(self._socket)
        self._socket.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc_info: object) -> None:
        self.close()
