"""Hosts and peers as the network, and as messages spell them."""

from __future__ import annotations

import ipaddress
import os

__all__ = ["ascii_host", "bare_address", "peer_name", "spell_address"]


def ascii_host(host: str) -> str:
    """Return *host* with international labels as A-labels (RFC 5891 §4), mapped as UTS #46 says.

    The resolver, a proxy and a certificate must all be asked about the same name. The standard library's codec follows
    RFC 3490, where ``straße.example`` is the host ``strasse.example``.

    Raises:
        UnicodeError: there is no such name.
    """
    if host.isascii():
        return host
    import idna  # costs 3 ms, and most names never need it

    return idna.encode(host, uts46=True).decode("ascii")


def peer_name(host: str, port: int) -> str:
    """Return ``host:port``, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def spell_address(sockaddr: object) -> str:
    """Return what ``getpeername`` says of a peer as text; an unnamed Unix socket has no more than its kind."""
    if isinstance(sockaddr, tuple):
        return peer_name(sockaddr[0], sockaddr[1])
    return os.fsdecode(sockaddr) if isinstance(sockaddr, str | bytes) and sockaddr else "unix socket"


def bare_address(host: str) -> str:
    """Return the address literal *host*; an IPv4 address that is spelled as an IPv6 one as what it is.

    RFC 4291 §2.5.5.2.
    """
    mapped = ipaddress.IPv6Address(host.partition("%")[0]).ipv4_mapped if ":" in host else None
    return host if mapped is None else str(mapped)
