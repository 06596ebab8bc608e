"""Dialling: names to addresses, addresses to one connected socket, by the shortest way that works (RFC 8305)."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Iterable, Sequence
from itertools import chain, zip_longest
from typing import Any

import anyio
import attrs

from transfer._errors import ConnectError, ErrorFamily
from transfer._net.stream import Stream
from transfer._net.timeouts import Deadline

__all__ = ["Address", "adopt", "connect_tcp", "connect_unix", "peer_name"]

# RFC 8305 §5: "One recommended value for a default delay is 250 milliseconds."
ATTEMPT_DELAY_SECONDS = 0.25
# A Unix socket with a full backlog says EAGAIN and can't be waited for.
_UNIX_BACKLOG_SECONDS = 0.02


@attrs.frozen
class Address:
    """One place to dial: ``family`` and ``sockaddr`` as :func:`socket.getaddrinfo` gives them."""

    family: socket.AddressFamily
    sockaddr: Any


def peer_name(host: str, port: int) -> str:
    """Return ``host:port``, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


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
        port: 1 to 65535.
        errors: how to spell the errors.
        deadline: for the resolution and all attempts together.
        source_address: the local address and port to dial from; port 0 for any.
        proxy: ``socks5://``, ``socks4://`` or ``http://`` URL of a proxy that makes the connection and resolves *host*
            (extra ``proxy``).

    Raises:
        ConnectError: the name did not resolve, or no address could be connected to; ``errno`` is the last attempt's.
        TransferTimeoutError: *deadline* passed, ``phase`` is "connection".

    Cancellation: every socket of every attempt is closed.
    """
    peer = peer_name(host, port)
    sock: socket.socket | None = None
    with anyio.CancelScope(deadline=deadline.at):
        try:
            if proxy is not None:
                from transfer._net.proxy import connect_through  # its package is an extra

                sock = await connect_through(proxy, host, port)
            else:
                sock = await _race(await _resolve(host, port), source_address)
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
        try:
            sock = await _dial(Address(socket.AF_UNIX, name))
        except OSError as exc:
            raise _failed(errors, name, exc) from exc
    if sock is None:
        raise _too_late(errors, deadline, name)
    return Stream(sock, peer=name, errors=errors)


def adopt(sock: socket.socket, *, errors: ErrorFamily) -> Stream:
    """Take over *sock*, which the caller has connected; it belongs to the stream from now on.

    Raises:
        ConnectError: *sock* is not connected.
        ValueError: *sock* is not a stream socket.
    """
    if sock.type != socket.SOCK_STREAM:
        raise ValueError(f"a connected stream socket is needed, not {sock.type!r}")
    try:
        name = sock.getpeername()
    except OSError as exc:
        raise _failed(errors, "the socket that was handed in", exc) from exc
    peer = peer_name(name[0], name[1]) if isinstance(name, tuple) else os.fsdecode(name) or "unix socket"
    return Stream(sock, peer=peer, errors=errors)


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


async def _resolve(host: str, port: int) -> list[Address]:
    try:
        # An address literal needs no resolver, hence no thread.
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (socket.gaierror, UnicodeError):
        resolved = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return _interleave(Address(info[0], info[4]) for info in resolved)
    return [Address(info[0], info[4]) for info in found]


def _interleave(addresses: Iterable[Address]) -> list[Address]:
    """Order *addresses* so that the families alternate, the resolver's first choice leading (RFC 8305 §4)."""
    unique = list(dict.fromkeys(addresses))
    leading = [address for address in unique if address.family == unique[0].family]
    others = [address for address in unique if address.family != unique[0].family]
    mixed = chain.from_iterable(zip_longest(leading, others))
    return [address for address in mixed if address is not None]


async def _race(addresses: Sequence[Address], source_address: tuple[str, int] | None) -> socket.socket:
    """Return the first socket that connects.

    Raises:
        OSError: none did; the last one's error.
    """
    if len(addresses) == 1:
        return await _dial(addresses[0], source_address)
    winners: list[socket.socket] = []
    failures: list[OSError] = []

    async def attempt(address: Address, settled: anyio.Event) -> None:
        try:
            sock = await _dial(address, source_address)
        except OSError as exc:
            failures.append(exc)
            settled.set()
        else:
            winners.append(sock)
            group.cancel_scope.cancel()

    try:
        async with anyio.create_task_group() as group:
            for address in addresses:
                settled = anyio.Event()
                group.start_soon(attempt, address, settled)
                with anyio.move_on_after(ATTEMPT_DELAY_SECONDS):
                    await settled.wait()
    except BaseException:
        _close_all(winners)
        raise
    # Two attempts may have succeeded in the same tick of the loop.
    _close_all(winners[1:])
    if not winners:
        raise failures[-1]
    return winners[0]


def _close_all(sockets: Iterable[socket.socket]) -> None:
    for sock in sockets:
        sock.close()


async def _dial(address: Address, source_address: tuple[str, int] | None = None) -> socket.socket:
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if source_address is not None:
            sock.bind(source_address)
        while (code := sock.connect_ex(address.sockaddr)) == errno.EAGAIN:
            await anyio.sleep(_UNIX_BACKLOG_SECONDS)
        if code in (errno.EINPROGRESS, errno.EWOULDBLOCK, getattr(errno, "WSAEWOULDBLOCK", errno.EINPROGRESS)):
            await anyio.wait_writable(sock)
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))
    except BaseException:
        with contextlib.suppress(RuntimeError):
            anyio.notify_closing(sock)
        sock.close()
        raise
    return sock
