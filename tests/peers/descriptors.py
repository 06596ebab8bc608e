"""Which descriptors of this process belong to peers, so that a leak check can tell them from the client's."""

from __future__ import annotations

import socket
from pathlib import Path

_TABLE = Path("/proc/self/fd")  # absent outside Linux: there nothing is listed, and the leak check sees nothing
_owned: set[str] = set()


def _identity(descriptor: int) -> str | None:
    # "socket:[12345]": the inode tells a socket from a later one under the same number.
    try:
        return str((_TABLE / str(descriptor)).readlink())
    except OSError:
        return None


def adopt(sock: socket.socket) -> socket.socket:
    """Note that *sock* is a peer's; returns it."""
    identity = _identity(sock.fileno())
    if identity is not None:
        _owned.add(identity)
    return sock


def close(sock: socket.socket) -> None:
    """Close an adopted socket; closing twice does nothing."""
    if sock.fileno() < 0:
        return
    identity = _identity(sock.fileno())
    sock.close()
    _owned.discard(identity or "")


def foreign_descriptors() -> set[tuple[int, str]]:
    """Every open descriptor that is no peer's, as (number, what it is)."""
    if not _TABLE.is_dir():
        return set()
    found = ((int(entry.name), _identity(int(entry.name))) for entry in _TABLE.iterdir())
    return {(number, identity) for number, identity in found if identity is not None and identity not in _owned}
