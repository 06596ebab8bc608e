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
from anyio.lowlevel import checkpoint

from transfer._errors import ConnectError, ErrorFamily
from transfer._net.names import ascii_host
from transfer._net.stream import Stream
from transfer._net.timeouts import Deadline

__all__ = ["Address", "adopt", "connect_tcp", "connect_unix", "dial", "peer_name", "spell_address"]

# RFC 8305 §5: "One recommended value for a default delay is 250 milliseconds."
ATTEMPT_DELAY_SECONDS = 0.25
# A Unix socket with a full backlog says EAGAIN and can't be waited for.
_BACKLOG_FULL = errno.EAGAIN
_UNIX_BACKLOG_SECONDS = 0.02
_UNDER_WAY = frozenset({errno.EINPROGRESS, errno.EWOULDBLOCK})


@attrs.frozen
class Address:
    """One place to dial: ``family`` and ``sockaddr`` as :func:`socket.getaddrinfo` gives them."""

    family: socket.AddressFamily
    sockaddr: Any


def peer_name(host: str, port: int) -> str:
    """Return ``host:port``, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def spell_address(sockaddr: object) -> str:
    """Return what ``getpeername`` says of a peer as text; an unnamed Unix socket has no more than its kind."""
    if isinstance(sockaddr, tuple):
        return peer_name(sockaddr[0], sockaddr[1])
    return os.fsdecode(sockaddr) if isinstance(sockaddr, str | bytes) and sockaddr else "unix socket"


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
            sock = await _attempt(Address(socket.AF_UNIX, name))
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


async def dial(host: str, port: int, source_address: tuple[str, int] | None = None) -> socket.socket:
    """Return a non-blocking socket that is connected to *host*, which is a name or an address.

    Raises:
        OSError, UnicodeError: the name did not resolve, or no address could be connected to; the last one's error.

    Cancellation: every socket of every attempt is closed.
    """
    return await _race(await _resolve(host, port), source_address)


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


async def _race(
    addresses: Sequence[Address],
    source_address: tuple[str, int] | None = None,
    delay_seconds: float = ATTEMPT_DELAY_SECONDS,
) -> socket.socket:
    """Return the first socket that connects.

    Raises:
        OSError: none did; the last one's error.
    """
    if len(addresses) == 1:
        return await _attempt(addresses[0], source_address)
    winners: list[socket.socket] = []
    failures: list[Exception] = []

    async def attempt(address: Address, settled: anyio.Event) -> None:
        try:
            sock = await _attempt(address, source_address)
        except (OSError, ArithmeticError, TypeError, ValueError) as exc:  # the latter for a senseless source address
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
                with anyio.move_on_after(delay_seconds):
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


async def _attempt(address: Address, source_address: tuple[str, int] | None = None) -> socket.socket:
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if source_address is not None:
            if source_address[1] and os.name == "posix":
                # The same port may have been dialled from a minute ago; elsewhere the option means to share it.
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(source_address)
        # Nothing tells when there is room again.
        while (code := sock.connect_ex(address.sockaddr)) == _BACKLOG_FULL:  # noqa: ASYNC110
            await anyio.sleep(_UNIX_BACKLOG_SECONDS)
        if code in _UNDER_WAY:
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
