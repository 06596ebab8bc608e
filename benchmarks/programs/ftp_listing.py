"""A directory listed from an FTP server, by three clients; measured is the listing, the client being logged in."""

from __future__ import annotations

from benchmarks.programs.usage import Measured, Usage, run_on, run_on_asyncio

HOST = "127.0.0.1"


def by_transfer(loop: str, port: int, count: int, what: str) -> Measured:
    """List by ``transfer.ftp.Client``: *what* is the method, ``"list"`` or ``"entries"``, asked for one by one."""
    from transfer import ftp

    async def main() -> Measured:
        async with ftp.Client.context(HOST, port) as client:
            usage = Usage()
            found = 0
            with usage:
                async for _ in getattr(client, what)("/"):
                    found += 1
        return _checked(usage, found, count)

    return run_on(loop, main)


def by_transfer_at_once(loop: str, port: int, count: int, what: str) -> Measured:
    """List by ``transfer.ftp.Client`` into a list."""
    from transfer import ftp

    async def main() -> Measured:
        async with ftp.Client.context(HOST, port) as client:
            usage = Usage()
            with usage:
                found = await getattr(client, what)("/")
        return _checked(usage, len(found), count)

    return run_on(loop, main)


def by_aioftp(loop: str, port: int, count: int) -> Measured:
    """List by ``aioftp.Client``, one by one."""
    import aioftp

    async def main() -> Measured:
        async with aioftp.Client.context(HOST, port) as client:
            usage = Usage()
            found = 0
            with usage:
                async for _ in client.list("/"):
                    found += 1
        return _checked(usage, found, count)

    return run_on_asyncio(loop, main)


def by_ftplib(port: int, count: int) -> Measured:
    """List by ``ftplib.FTP.mlsd``, one by one."""
    import ftplib

    with ftplib.FTP() as client:
        client.connect(HOST, port)
        client.login()
        usage = Usage()
        with usage:
            found = sum(1 for _ in client.mlsd("/"))
    return _checked(usage, found, count)


def _checked(usage: Usage, found: int, count: int) -> Measured:
    if found != count:
        raise RuntimeError(f"{found} of {count} entries were listed")
    return usage.sample()
