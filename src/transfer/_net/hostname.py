"""What this host calls itself."""

from __future__ import annotations

import ipaddress
import socket

import anyio
import anyio.to_thread

from transfer._net.stream import Stream

__all__ = ["is_loopback", "own_hostname"]

# A resolver that does not answer must not keep a mail from being sent.
_RESOLVER_SECONDS = 5.0
_known: str | None = None


async def own_hostname(stream: Stream) -> str:
    """Return this host's fully qualified name, or, where it has none, *stream*'s local address as a literal.

    RFC 5321 §4.1.1.1 and §4.1.3: ``[192.0.2.1]``, ``[IPv6:2001:db8::1]``. The name is asked for once per process, in a
    worker thread, for at most 5 seconds. Cancellation: safe; the thread ends by itself.
    """
    global _known  # noqa: PLW0603  # a host's name does not change while a program runs
    if _known is None:
        with anyio.move_on_after(_RESOLVER_SECONDS):
            _known = await anyio.to_thread.run_sync(socket.getfqdn, abandon_on_cancel=True)
    return _known if _known is not None and _is_qualified(_known) else _literal(stream.raw_socket)


def _is_qualified(name: str) -> bool:
    # Where nobody has named a host, resolvers make a name of its address, which says no more than the literal.
    in_reverse_zone = name.endswith((".in-addr.arpa", ".ip6.arpa"))
    return "." in name and name.isascii() and " " not in name and not in_reverse_zone


def _literal(sock: socket.socket) -> str:
    try:
        host = sock.getsockname()[0] if sock.family in (socket.AF_INET, socket.AF_INET6) else "127.0.0.1"
    except OSError:  # closed meanwhile, as the next step will notice
        host = "127.0.0.1"
    host = host.partition("%")[0]
    return f"[IPv6:{host}]" if ":" in host else f"[{host}]"


def is_loopback(stream: Stream) -> bool:
    """Tell whether the peer is on this very host: its address is a loopback one, or the socket is a Unix one.

    A peer that is no longer there is nowhere.
    """
    sock = stream.raw_socket
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return True
    try:
        address = ipaddress.ip_address(sock.getpeername()[0].partition("%")[0])
    except OSError:  # reset meanwhile, as the next step will notice
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return address.is_loopback or (mapped is not None and mapped.is_loopback)
