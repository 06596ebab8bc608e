"""Files from or to an FTP server, by three clients.

Every function takes the server's port, the direction ("download" or "upload"), where from and where to, and the
authority to trust for TLS, None without. What is measured begins with connecting and ends with the call that moves the
file or the tree.
"""

from __future__ import annotations

import ssl
from pathlib import Path, PurePosixPath
from typing import Any

from benchmarks.programs.usage import Measured, Usage, run_on, run_on_asyncio

HOST = "127.0.0.1"
_FTPLIB_BLOCK = 8192  # its default


async def _move(client: Any, direction: str, ends: list[str], **options: int) -> None:  # noqa: ANN401  # two classes
    """Move from the first of *ends* to the other; an upload begins in the directory that it goes to."""
    source, target = ends
    if direction == "upload":
        there = PurePosixPath(target)
        await client.change_directory(there.parent)
        target = there.name
    await getattr(client, direction)(source, target, write_into=True, **options)


def by_transfer(
    loop: str, port: int, direction: str, ends: list[str], authority: str | None, host: str = HOST
) -> Measured:
    """Move by ``transfer.ftp.Client``."""
    from transfer import TLS, ftp

    async def main() -> Measured:
        usage = Usage()
        tls = TLS(ca_file=authority) if authority else None
        with usage:
            async with ftp.Client.context(host, port, tls=tls, upgrade_to_tls=tls is not None) as client:
                await _move(client, direction, ends)
        return usage.sample()

    return run_on(loop, main)


def beside_ticker(loop: str, port: int, direction: str, ends: list[str], limit: int | None) -> Measured:
    """Move by ``transfer.ftp.Client`` with at most *limit* bytes per second; the value is how late the ticker came."""
    from benchmarks.programs.ticker import ticking_beside
    from transfer import ftp

    async def main() -> Measured:
        usage = Usage()
        context = ftp.Client.context(HOST, port, read_speed_limit=limit, write_speed_limit=limit)
        async with context as client, ticking_beside() as lateness:
            with usage:
                await _move(client, direction, ends)
        usage.value = lateness.worst_milliseconds
        return usage.sample()

    return run_on(loop, main)


def by_pool(
    loop: str, port: int, direction: str, ends: list[str], authority: str | None, connections: int, host: str = HOST
) -> Measured:
    """Move a tree by ``transfer.ftp.ClientPool``."""
    from transfer import TLS, ftp

    async def main() -> Measured:
        usage = Usage()
        tls = TLS(ca_file=authority) if authority else None
        with usage:
            async with ftp.ClientPool(host, port, size=connections, tls=tls, upgrade_to_tls=tls is not None) as pool:
                await getattr(pool, direction)(*ends, write_into=True)
        return usage.sample()

    return run_on(loop, main)


def by_aioftp(
    loop: str,
    port: int,
    direction: str,
    ends: list[str],
    authority: str | None,
    block_bytes: int | None,
    host: str = HOST,
) -> Measured:
    """Move by ``aioftp.Client``."""
    import aioftp

    blocks: dict[str, int] = {} if block_bytes is None else {"block_size": block_bytes}

    async def main() -> Measured:
        usage = Usage()
        client = aioftp.Client()
        with usage:
            await client.connect(host, port)
            try:
                if authority:
                    await client.upgrade_to_tls(ssl.create_default_context(cafile=authority))
                await client.login()
                await _move(client, direction, ends, **blocks)
            finally:
                client.close()
        return usage.sample()

    return run_on_asyncio(loop, main)


def by_ftplib(port: int, direction: str, ends: list[str], authority: str | None, block_bytes: int | None) -> Measured:
    """Move by ``ftplib.FTP``, or ``FTP_TLS``."""
    import ftplib

    usage = Usage()
    block_bytes = block_bytes or _FTPLIB_BLOCK
    with usage:
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
                with Path(ends[1]).open("wb") as sink:
                    client.retrbinary(f"RETR {ends[0]}", sink.write, block_bytes)
            else:
                with Path(ends[0]).open("rb") as source:
                    client.storbinary(f"STOR {ends[1]}", source, block_bytes)
    return usage.sample()
