"""Dialling through a proxy: HTTP CONNECT by our own means, SOCKS by the package ``python-socks`` (extra ``proxy``).

How this works: behind a proxy's answer the target's greeting may follow in the same segment, so not one byte more than
the answer is taken off the socket.
"""

from __future__ import annotations

import asyncio
import base64
import importlib
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import anyio

from transfer._errors import ErrorFamily
from transfer._net.connect import dial, peer_name
from transfer._net.stream import Stream

__all__ = ["connect_through"]

# The caller's deadline bounds the dial; the package wants a limit of its own and takes None for a minute.
_NO_LIMIT_SECONDS = 365 * 86400
_ANSWER_LIMIT = 16384
_HEADER_END = b"\r\n\r\n"


async def connect_through(url: str, host: str, port: int) -> socket.socket:
    """Return a non-blocking socket that the proxy at *url* has connected to *host*; the proxy resolves the name.

    Raises:
        OSError: the proxy could not be reached or refused; its reason is the message.
        ValueError: *url* is not a proxy's URL, or *host* holds a control character.
        ImportError: the package that SOCKS needs is not installed.

    Cancellation: the socket is closed.
    """
    if any(character <= " " or character == "\x7f" for character in host):
        # The name goes into the proxy's own protocol: an HTTP CONNECT line would carry a line break along.
        raise ValueError(f"host name {host!r} holds a blank or a control character")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "socks4", "socks5") or not parts.hostname or not parts.port:
        # Not the URL itself: it may hold a password.
        raise ValueError("a proxy is given as http://, socks4:// or socks5://, with host and port")
    if parts.scheme == "http":
        return await _connect_http(parts, parts.hostname, parts.port, peer_name(host, port))
    return await _connect_socks(url, host, port)


async def _connect_socks(url: str, host: str, port: int) -> socket.socket:
    library = "asyncio" if anyio.get_cancelled_exc_class() is asyncio.CancelledError else "trio"
    try:
        errors = importlib.import_module("python_socks")
        adapter = importlib.import_module(f"python_socks.async_.{library}")
    except ImportError as exc:
        raise ImportError("a SOCKS proxy needs the package python-socks: install transfer-toolkit[proxy]") from exc
    proxy = adapter.Proxy.from_url(url, rdns=True)
    try:
        connected: Any = await proxy.connect(host, port, timeout=_NO_LIMIT_SECONDS)
    except (errors.ProxyError, errors.ProxyConnectionError, errors.ProxyTimeoutError) as exc:
        raise OSError(getattr(exc, "errno", None) or 0, f"proxy: {exc}") from exc
    # Under trio the socket comes in trio's wrapping; its descriptor moves into a plain one.
    sock = connected if isinstance(connected, socket.socket) else socket.socket(fileno=connected.detach())
    sock.setblocking(False)
    return sock


async def _connect_http(proxy: SplitResult, proxy_host: str, proxy_port: int, target: str) -> socket.socket:
    """RFC 9110 §9.3.6: "Any 2xx (Successful) response indicates that the sender … will switch to tunnel mode"."""
    name = target.encode("idna").decode() if not target.isascii() else target
    request = f"CONNECT {name} HTTP/1.1\r\nHost: {name}\r\n"
    if proxy.username is not None:
        secret = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()
        request += f"Proxy-Authorization: Basic {base64.b64encode(secret).decode()}\r\n"
    stream = Stream(await dial(proxy_host, proxy_port), peer=peer_name(proxy_host, proxy_port), errors=ErrorFamily())
    try:
        await stream.send(f"{request}\r\n".encode("ascii"))
        answer = await stream.perform(_reading_answer(stream.raw_socket))
        version, _, status = answer.partition(b" ")
        if not version.startswith(b"HTTP/1.") or not status.startswith(b"2"):
            line = answer.partition(b"\r\n")[0][:200]
            raise OSError(0, f"proxy: refused: {line.decode('ascii', 'backslashreplace')}")
    except BaseException:
        stream.close()
        raise
    return stream.raw_socket


def _reading_answer(sock: socket.socket) -> Callable[[], bytes | None]:
    """Return the step that takes an HTTP header off *sock*, up to and with the empty line."""
    header = b""

    def step() -> bytes | None:
        nonlocal header
        while _HEADER_END not in header:
            try:
                ahead = sock.recv(4096, socket.MSG_PEEK)
            except BlockingIOError:
                return None
            seen = header + ahead
            if not ahead or len(seen) > _ANSWER_LIMIT:
                raise OSError(0, "proxy: its answer ended early" if not ahead else "proxy: its answer has no end")
            end = seen.find(_HEADER_END)
            wanted = len(ahead) if end < 0 else end + len(_HEADER_END) - len(header)
            header += sock.recv(wanted)
        return header

    return step
