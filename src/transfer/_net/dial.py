"""From a host's name to one connected socket, by the shortest way that works (RFC 8305)."""

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

__all__ = ["Address", "dial", "dial_address"]

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
        return await dial_address(addresses[0], source_address)
    winners: list[socket.socket] = []
    failures: list[Exception] = []

    async def attempt(address: Address, settled: anyio.Event) -> None:
        try:
            sock = await dial_address(address, source_address)
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


async def dial_address(address: Address, source_address: tuple[str, int] | None = None) -> socket.socket:
    """Return a non-blocking socket that is connected to *address*; errors and cancellation as in :func:`dial`."""
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
