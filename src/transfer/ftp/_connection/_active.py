"""Active mode: a port on this side that the server connects to, and nobody else."""

from __future__ import annotations

import errno
import random
from collections.abc import Sequence

import anyio

from transfer._net.listen import Listener, listen
from transfer._net.names import bare_address
from transfer._net.stream import Stream
from transfer._net.timeouts import Deadline
from transfer.ftp._errors import FAMILY, FTPConnectError, FTPDisconnected, FTPTimeoutError, NoAvailablePort

__all__ = ["Doorway", "open_doorway", "remote_address"]

# Whoever knocks first need not be the server; it is not to be kept out by others that do.
_BACKLOG = 16


class Doorway:
    """Listens for one data connection; an ``Arrival`` of the engine's.

    Args:
        listener: belongs to the doorway.
        guest: the address of the server, which is let in, whatever its port.
        seconds: how long to wait, None for ever.
        peer: the server's name, for errors.
    """

    def __init__(self, listener: Listener, guest: str, seconds: float | None, peer: str) -> None:
        self.address: str = listener.host.partition("%")[0]
        """Where it listens, as a literal without scope."""
        self.port: int = listener.port
        self._listener = listener
        self._guest = guest
        self._seconds = seconds
        self._peer = peer

    async def accept(self) -> Stream:
        """Return the connection from the server; any other is reset, and the door stays open (RFC 2577 §4).

        Raises:
            FTPTimeoutError: it did not come in time.
            FTPDisconnected: the doorway was closed.

        Cancellation: no connection is lost.
        """
        deadline = Deadline(self._seconds, "data connection from the server")
        with anyio.CancelScope(deadline=deadline.at):
            while True:
                stream = await self._listener.accept()
                if self._is_guest(stream):
                    return stream
                stream.reset()
        raise FTPTimeoutError(
            f"No {deadline.phase} within {deadline.seconds:g} seconds",
            phase=deadline.phase,
            seconds=deadline.seconds,
            peer=self._peer,
        )

    def _is_guest(self, stream: Stream) -> bool:
        try:
            return remote_address(stream) == self._guest
        except FTPDisconnected:  # gone already, whoever it was
            return False

    def close(self) -> None:
        """Let nobody in any more. Idempotent."""
        self._listener.close()


def open_doorway(control: Stream, guest: str, ports: Sequence[int] | None, seconds: float | None) -> Doorway:
    """Listen at the address by which this side has reached the server *guest*, at one of *ports* or any.

    Raises:
        NoAvailablePort: all of *ports* are in use.
        FTPConnectError: this address can't be listened at.
        FTPDisconnected: the control connection is lost.
    """
    try:
        host = bare_address(control.raw_socket.getsockname()[0])
    except OSError as exc:
        raise _lost(control, exc) from exc
    # RFC 2577 §3: ports that can be guessed can be stolen.
    candidates = [0] if ports is None else random.sample(ports, len(ports))
    try:
        listener = listen(host, candidates, errors=FAMILY, backlog=_BACKLOG)
    except OSError as exc:
        if ports is not None and exc.errno in (errno.EADDRINUSE, errno.EACCES):
            raise NoAvailablePort(f"None of the {len(ports)} active_ports is free", errno=exc.errno) from exc
        raise FTPConnectError(f"Could not listen on {host}: {exc.strerror}", errno=exc.errno) from exc
    return Doorway(listener, bare_address(guest), seconds, control.peer)


def remote_address(stream: Stream) -> str:
    """Return the address that *stream* leads to.

    Raises:
        FTPDisconnected: the connection is lost.
    """
    try:
        return bare_address(stream.raw_socket.getpeername()[0])
    except OSError as exc:
        raise _lost(stream, exc) from exc


def _lost(stream: Stream, exc: OSError) -> FTPDisconnected:
    return FTPDisconnected(f"The connection was lost: {exc.strerror}", peer=stream.peer, errno=exc.errno)
