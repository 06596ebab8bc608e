"""Host names as the network spells them."""

from __future__ import annotations

__all__ = ["ascii_host"]


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
