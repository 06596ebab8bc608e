"""One file from or to an FTP server, by three clients.

Every function takes the server's port, the direction ("download" or "upload"), the file on this side, and the authority
to trust for TLS, None without. What is measured is the call
that moves the file; the connection is there and logged in.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from benchmarks.programs.usage import Measured, Usage, run_on, run_on_asyncio

HOST = "127.0.0.1"
_FTPLIB_BLOCK = 8192  # its default
_REMOTE = {"download": "source", "upload": "incoming/uploaded"}


async def _timed(usage: Usage, move: Callable[..., Awaitable[None]], direction: str, path: str, **how: Any) -> Measured:
    here, there = Path(path), _REMOTE[direction]
    ends = (there, here) if direction == "download" else (here, there)
    with usage:
        await move(*ends, write_into=True, **how)
    return usage.sample()


def by_transfer(loop: str, port: int, direction: str, path: str, authority: str | None) -> Measured:
    """Move by ``transfer.ftp.Client``."""
    from transfer import TLS, ftp

    async def main() -> Measured:
        usage = Usage()
        tls = TLS(ca_file=authority) if authority else None
        async with ftp.Client.context(HOST, port, tls=tls, upgrade_to_tls=tls is not None) as client:
            return await _timed(usage, getattr(client, direction), direction, path)

    return run_on(loop, main)


def by_aioftp(
    loop: str, port: int, direction: str, path: str, authority: str | None, block_bytes: int | None
) -> Measured:
    """Move by ``aioftp.Client``."""
    import aioftp

    blocks = {} if block_bytes is None else {"block_size": block_bytes}

    async def main() -> Measured:
        usage = Usage()
        client = aioftp.Client()
        await client.connect(HOST, port)
        if authority:
            await client.upgrade_to_tls(ssl.create_default_context(cafile=authority))
        await client.login()
        try:
            return await _timed(usage, getattr(client, direction), direction, path, **blocks)
        finally:
            client.close()

    return run_on_asyncio(loop, main)


def by_ftplib(port: int, direction: str, path: str, authority: str | None, block_bytes: int | None) -> Measured:
    """Move by ``ftplib.FTP``, or ``FTP_TLS``."""
    import ftplib

    usage = Usage()
    client: ftplib.FTP
    if authority:
        client = protected = ftplib.FTP_TLS(context=ssl.create_default_context(cafile=authority))
        protected.connect(HOST, port)
        protected.login()
        protected.prot_p()
    else:
        client = ftplib.FTP()
        client.connect(HOST, port)
        client.login()
    with client:
        if direction == "download":
            with Path(path).open("wb") as sink, usage:
                client.retrbinary(f"RETR {_REMOTE[direction]}", sink.write, block_bytes or _FTPLIB_BLOCK)
        else:
            with Path(path).open("rb") as source, usage:
                client.storbinary(f"STOR {_REMOTE[direction]}", source, block_bytes or _FTPLIB_BLOCK)
    return usage.sample()
