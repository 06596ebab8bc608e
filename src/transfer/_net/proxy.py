"""Dialling through a proxy: HTTP CONNECT by our own means, SOCKS by the package ``python-socks`` (extra ``proxy``).

How this works: behind a proxy's answer the target's greeting may follow in the same segment, so not one byte more than
the answer is taken off the socket.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import importlib
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import anyio
import attrs

from transfer._errors import ErrorFamily
from transfer._net.dial import dial
from transfer._net.names import peer_name
from transfer._net.stream import Stream

__all__ = ["check_proxy", "connect_through"]

# The caller's deadline bounds the dial; the package wants a limit of its own and takes None for a minute.
_NO_LIMIT_SECONDS = 365 * 86400
_ANSWER_LIMIT = 16384
_HEADER_END = b"\r\n\r\n"


@attrs.frozen(kw_only=True)
class _Proxy:
    scheme: str
    host: str
    port: int
    username: str | None
    password: str = attrs.field(repr=False)


async def connect_through(url: str, host: str, port: int) -> socket.socket:
    """Return a non-blocking socket that the proxy at *url* has connected to *host*; the proxy resolves the name.

    Args:
        url: ``http://``, ``socks4://`` or ``socks5://``, with host and port, and user name and password if need be.
        host: in ASCII.
        port: 0 to 65535.

    Raises:
        OSError: the proxy could not be reached or refused; its reason is the message.
        ValueError: as :func:`check_proxy`, or *host* holds a control character.
        ImportError: the package that SOCKS needs is not installed.

    Cancellation: the socket is closed.
    """
    if _holds_control(host) or " " in host:
        # The name goes into the proxy's own protocol: an HTTP CONNECT line would carry a line break along.
        raise ValueError(f"host name {host!r} holds a blank or a control character")
    proxy = _parse(url)
    if proxy.scheme == "http":
        return await _connect_http(proxy, peer_name(host, port))
    return await _connect_socks(proxy, host, port)


def check_proxy(url: str) -> None:
    """Raise ValueError unless *url* is a proxy's; the message never quotes it, because it may hold a password."""
    _parse(url)


def _parse(url: str) -> _Proxy:
    proxy = None
    # No message quotes the URL, or chains to one that does: it may hold a password.
    with contextlib.suppress(ValueError):
        # urlsplit leaves line breaks out, and what it then finds is not what was given.
        proxy = None if _holds_control(url) or " " in url else _take_apart(urlsplit(url))
    if proxy is None:
        raise ValueError("a proxy is given as http://, socks4:// or socks5://, with host and port")
    secrets = proxy.username or "", proxy.password
    # SOCKS 4 ends the name at a NUL, and takes what follows for the target's; RFC 7617 §2 forbids controls as well.
    if any(map(_holds_control, secrets)) or ":" in secrets[0]:
        raise ValueError("a proxy's user name and password hold no control character, and the name no colon")
    if proxy.scheme != "http" and not all(len(secret) < 256 and secret.isascii() for secret in secrets):
        raise ValueError("a SOCKS proxy takes user names and passwords of up to 255 ASCII characters")
    return proxy


def _holds_control(text: str) -> bool:
    return any(character < " " or character == "\x7f" for character in text)


def _take_apart(parts: SplitResult) -> _Proxy | None:
    if parts.scheme not in ("http", "socks4", "socks5") or not parts.hostname or not parts.port:
        return None
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        return None
    return _Proxy(
        scheme=parts.scheme,
        host=parts.hostname,
        port=parts.port,
        username=None if parts.username is None else unquote(parts.username),
        password=unquote(parts.password or ""),
    )


async def _connect_socks(proxy: _Proxy, host: str, port: int) -> socket.socket:
    library = "asyncio" if anyio.get_cancelled_exc_class() is asyncio.CancelledError else "trio"
    try:
        package = importlib.import_module("python_socks")
        adapter = importlib.import_module(f"python_socks.async_.{library}")
    except ImportError as exc:
        raise ImportError("a SOCKS proxy needs the package python-socks: install transfer-toolkit[proxy]") from exc
    kind = package.ProxyType[proxy.scheme.upper()]
    dialler = adapter.Proxy(kind, proxy.host, proxy.port, proxy.username, proxy.password, rdns=True)
    try:
        connected: Any = await dialler.connect(host, port, timeout=_NO_LIMIT_SECONDS)
    except package.ProxyConnectionError as exc:
        raise OSError(exc.errno, f"proxy: {exc.strerror}") from exc
    except package.ProxyError as exc:
        raise OSError(f"proxy: {exc}") from exc
    # Under trio the socket comes in trio's wrapping; its descriptor moves into a plain one.
    sock = connected if isinstance(connected, socket.socket) else socket.socket(fileno=connected.detach())
    sock.setblocking(False)
    return sock


async def _connect_http(proxy: _Proxy, target: str) -> socket.socket:
    """RFC 9110 §9.3.6: "Any 2xx (Successful) response indicates that the sender … will switch to tunnel mode"."""
    request = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"
    if proxy.username is not None:
        secret = f"{proxy.username}:{proxy.password}".encode()
        request += f"Proxy-Authorization: Basic {base64.b64encode(secret).decode()}\r\n"
    stream = Stream(await dial(proxy.host, proxy.port), peer=peer_name(proxy.host, proxy.port), errors=ErrorFamily())
    try:
        await stream.send(f"{request}\r\n".encode("ascii"))
        answer = await stream.perform(_reading_answer(stream))
        version, _, status = answer.partition(b" ")
        if not version.startswith(b"HTTP/1.") or not status.startswith(b"2"):
            line = answer.partition(b"\r\n")[0][:200]
            raise OSError(f"proxy: refused: {line.decode('ascii', 'backslashreplace')}")
    except BaseException:
        stream.close()
        raise
    return stream.raw_socket


def _reading_answer(stream: Stream) -> Callable[[], bytes | None]:
    """Return the step that takes an HTTP header off *stream*, up to and with the empty line."""
    header = bytearray()

    def step() -> bytes | None:
        while not header.endswith(_HEADER_END):
            # One byte at a time: how long the header is shows only at its end, and what follows is the target's.
            byte = stream.receive_nowait(1)
            if byte is None:
                return None
            header.extend(byte)
            if not byte or len(header) > _ANSWER_LIMIT:
                raise OSError("proxy: its answer has no end" if byte else "proxy: its answer ended early")
        return bytes(header)

    return step
