"""Listening sockets: bind, accept, and stay alive when descriptors run out."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterable

import anyio
from anyio.lowlevel import cancel_shielded_checkpoint, checkpoint_if_cancelled

from transfer._errors import ErrorFamily
from transfer._net.connect import peer_name
from transfer._net.stream import Stream

__all__ = ["Listener", "listen"]

# Out of descriptors or memory: accept() would fail again at once, and the queue holds the caller meanwhile.
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_BACK_OFF_SECONDS = 0.1
# The connection at the queue's head was gone before it was accepted (accept(2), "Error handling").
_GONE = frozenset({errno.ECONNABORTED, errno.EPROTO, errno.EPERM, errno.ENETDOWN, errno.EHOSTUNREACH, errno.ENETUNREACH})


def listen(host: str, ports: int | Iterable[int] = 0, *, errors: ErrorFamily, backlog: int = 128) -> Listener:
    """Listen on *host* at the first of *ports* that is free; 0 lets the system choose.

    Raises:
        OSError: the address is not this machine's, or none of the ports is free (``EADDRINUSE``).
    """
    candidates = [ports] if isinstance(ports, int) else list(ports)
    info = socket.getaddrinfo(host or None, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICHOST)
    family, _, _, _, sockaddr = info[0]
    failure = OSError(errno.EADDRINUSE, "no port to listen on")
    for port in candidates:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
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
    """A listening socket that belongs to this object; ``async with`` closes it."""

    def __init__(self, sock: socket.socket, *, errors: ErrorFamily) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._errors = errors
        self._closed = False

    @property
    def host(self) -> str:
        """The address it listens on."""
        host: str = self._socket.getsockname()[0]
        return host

    @property
    def port(self) -> int:
        """The port it listens on."""
        port: int = self._socket.getsockname()[1]
        return port

    async def accept(self) -> Stream:
        """Return the next connection.

        When descriptors or memory run out it waits and tries again, so that a server outlives a rush; connections that
        went away while they queued are passed over.

        Raises:
            DisconnectedError: the listener was closed.

        Cancellation: safe at any time; no connection is lost.
        """
        await checkpoint_if_cancelled()
        waited = False
        while not self._closed:
            try:
                sock, address = self._socket.accept()
            except BlockingIOError:
                with contextlib.suppress(anyio.ClosedResourceError):
                    await anyio.wait_readable(self._socket)
                waited = True
            except OSError as exc:
                if exc.errno in _EXHAUSTED:
                    await anyio.sleep(_BACK_OFF_SECONDS)
                elif exc.errno not in _GONE:
                    raise self._errors.disconnected(f"The listener failed: {exc.strerror}", errno=exc.errno) from exc
            else:
                stream = Stream(sock, peer=peer_name(address[0], address[1]), errors=self._errors)
                if not waited:
                    await self._yield(stream)
                return stream
        raise self._errors.disconnected("The listener is closed")

    @staticmethod
    async def _yield(stream: Stream) -> None:
        try:
            await cancel_shielded_checkpoint()
        except BaseException:
            stream.close()
            raise

    def close(self) -> None:
        """Stop listening; a waiting :meth:`accept` ends. Idempotent."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(RuntimeError):
            anyio.notify_closing(self._socket)
        self._socket.close()

    async def __aenter__(self) -> Listener:
        return self

    async def __aexit__(self, *_exc_info: object) -> None:
        self.close()
