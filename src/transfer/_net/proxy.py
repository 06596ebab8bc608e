"""Dialling through a SOCKS4, SOCKS5 or HTTP CONNECT proxy, by the package ``python-socks`` (extra ``proxy``)."""

from __future__ import annotations

import asyncio
import importlib
import socket
from typing import Any

import anyio

__all__ = ["connect_through"]

# The caller's deadline bounds the dial; the package wants a limit of its own and takes None for a minute.
_NO_LIMIT_SECONDS = 365 * 86400


async def connect_through(url: str, host: str, port: int) -> socket.socket:
    """Return a socket that the proxy at *url* has connected to *host*; the proxy resolves the name.

    Raises:
        OSError: the proxy could not be reached or refused; its reason is the message.
        ValueError: *url* is not a proxy's URL, or *host* holds a control character.
        ImportError: the package is not installed.

    Cancellation: the socket is closed.
    """
    if any(character <= " " or character == "\x7f" for character in host):
        # The name goes into the proxy's own protocol: an HTTP CONNECT line would carry a line break along.
        raise ValueError(f"host name {host!r} holds a blank or a control character")
    library = "asyncio" if anyio.get_cancelled_exc_class() is asyncio.CancelledError else "trio"
    try:
        errors = importlib.import_module("python_socks")
        adapter = importlib.import_module(f"python_socks.async_.{library}")
    except ImportError as exc:
        raise ImportError("a proxy needs the package python-socks: install transfer-toolkit[proxy]") from exc
    try:
        proxy = adapter.Proxy.from_url(url, rdns=True)
        connected: Any = await proxy.connect(host, port, timeout=_NO_LIMIT_SECONDS)
    except (errors.ProxyError, errors.ProxyConnectionError, errors.ProxyTimeoutError) as exc:
        raise OSError(getattr(exc, "errno", None) or 0, f"proxy: {exc}") from exc
    # Under trio the socket comes in trio's wrapping; its descriptor moves into a plain one.
    return connected if isinstance(connected, socket.socket) else socket.socket(fileno=connected.detach())
