"""Streams from a host and a port, from a Unix socket's path, or from a socket that the caller has connected."""

from __future__ import annotations

import errno
import os
import socket

import anyio
from anyio.lowlevel import checkpoint

from transfer._errors import ConnectError, ErrorFamily
from transfer._net.dial import Address, dial, dial_address
from transfer._net.names import ascii_host, peer_name, spell_address
from transfer._net.stream import Stream
from transfer._net.timeouts import Deadline

__all__ = ["adopt", "connect_tcp", "connect_unix"]


async def connect_tcp(
    host: str,
    port: int,
    *,
    errors: ErrorFamily,
    deadline: Deadline,
    source_address: tuple[str, int] | None = None,
    proxy: str | None = None,
) -> Stream:
    """Connect to *host*, its addresses tried in turn with a head start of 250 ms each (RFC 8305).

    Args:
        host: a name or an address literal without brackets.
        port: 0 to 65535.
        errors: how to spell the errors.
        deadline: for the resolution and all attempts together.
        source_address: the local address (a literal) and port to dial from; port 0 for any. Not for a proxy's dial.
        proxy: ``socks5://``, ``socks4://`` (both with the extra ``proxy``) or ``http://`` URL of a proxy that makes the
            connection and resolves *host*.

    Raises:
        ConnectError: the name did not resolve, or no address could be connected to; ``errno`` is the last attempt's.
        TransferTimeoutError: *deadline* passed; ``phase`` and ``seconds`` are the deadline's.
        ValueError: *port* is out of range, *proxy* is no proxy's URL, or *host* holds a NUL or, towards a proxy, any
            control character. Nothing was sent.
        ImportError: the proxy needs a package that is not installed.

    Cancellation: every socket of every attempt is closed.
    """
    peer = peer_name(host, port)
    if not 0 <= port <= 65535:
        raise ValueError(f"a port is a number from 0 to 65535, not {port}")
    if "\0" in host:
        # Resolvers differ: some stop reading there, and would find somebody else.
        raise ValueError(f"host name {host!r} holds a NUL")
    sock: socket.socket | None = None
    with anyio.CancelScope(deadline=deadline.at):
        await checkpoint()
        try:
            name = ascii_host(host)
            if proxy is not None:
                from transfer._net.proxy import connect_through  # few need it

                sock = await connect_through(proxy, name, port)
            else:
                sock = await dial(name, port, source_address)
        except (OSError, UnicodeError) as exc:
            raise _failed(errors, peer, exc) from exc
    if sock is None:
        raise _too_late(errors, deadline, peer)
    return Stream(sock, peer=peer, errors=errors)


async def connect_unix(path: str | bytes | os.PathLike[str], *, errors: ErrorFamily, deadline: Deadline) -> Stream:
    """Connect to the Unix socket at *path*; errors and cancellation as in :func:`connect_tcp`."""
    name = os.fsdecode(path)
    sock: socket.socket | None = None
    with anyio.CancelScope(deadline=deadline.at):
        await checkpoint()
        try:
            if not hasattr(socket, "AF_UNIX"):
                raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
            sock = await dial_address(Address(socket.AF_UNIX, name))
        except OSError as exc:
            raise _failed(errors, name, exc) from exc
    if sock is None:
        raise _too_late(errors, deadline, name)
    return Stream(sock, peer=name, errors=errors)


def adopt(sock: socket.socket, *, errors: ErrorFamily) -> Stream:
    """Take over *sock*, which the caller has connected; it belongs to the stream from now on.

    Raises:
        ConnectError: *sock* is not connected; it stays the caller's.
        TypeError, ValueError: *sock* is no socket, or not a stream socket.
    """
    if not isinstance(sock, socket.socket):
        raise TypeError(f"a socket.socket is needed, not {sock!r}")
    if sock.type != socket.SOCK_STREAM:
        raise ValueError(f"a connected stream socket is needed, not {sock.type!r}")
    try:
        name = sock.getpeername()
    except OSError as exc:
        raise _failed(errors, "the socket that was handed in", exc) from exc
    return Stream(sock, peer=spell_address(name), errors=errors)


def _failed(errors: ErrorFamily, peer: str, exc: Exception) -> ConnectError:
    why = getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
    return errors.connect(f"Could not connect to {peer}: {why}", peer=peer, errno=getattr(exc, "errno", None))


def _too_late(errors: ErrorFamily, deadline: Deadline, peer: str) -> Exception:
    return errors.connect_timeout(
        f"No connection to {peer} within {deadline.seconds:g} seconds",
        phase=deadline.phase,
        seconds=deadline.seconds,
        peer=peer,
    )
