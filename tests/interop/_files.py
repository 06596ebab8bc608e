"""What the tests of the FTP client share: a client for a server, and files on both sides."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from tests.interop._packages import hand_over
from tests.interop._registry import FTP_STARTERS
from tests.interop._servers import FtpServer
from transfer import TLS
from transfer.ftp import Client

# One mode of each server, where the others can't differ.
MIXED = [("vsftpd", "implicit"), ("proftpd", "explicit"), ("pureftpd", "explicit"), ("pyftpdlib", "plain")]
_PLAIN = [key for key in FTP_STARTERS if key[1] == "plain"]
once_each = pytest.mark.parametrize("ftp_server", MIXED, ids="-".join, indirect=True)
in_clear = pytest.mark.parametrize("ftp_server", _PLAIN, ids="-".join, indirect=True)

SECONDS = 20.0
"""A guard, for every reply and every block."""


def options(server: FtpServer) -> dict[str, Any]:
    """Return what a client has to be made with to talk to *server*."""
    return {"tls": TLS(ca_file=server.ca_file), "ssl": server.mode == "implicit" or None, "socket_timeout": SECONDS}


def logged_in(server: FtpServer, *, user: str | None = None, **changes: Any) -> AbstractAsyncContextManager[Client]:
    """Return a context manager that enters a client of *server*, connected as its mode wants it, and logged in."""
    return Client.context(
        server.host,
        server.port,
        user or server.user,
        server.password,
        upgrade_to_tls=server.mode == "explicit",
        **options(server) | changes,
    )


async def in_step(client: Client, server: FtpServer) -> bool:
    """See to it that *client* can go on, and tell whether its connection is still the one it had.

    After an aborted transfer the connection is in step or closed; which of the two depends on what the server says.
    """
    if client.is_connected:
        assert await client.get_current_directory() == PurePosixPath("/")
        return True
    await client.connect(server.host, server.port)
    if server.mode == "explicit":
        await client.upgrade_to_tls()
    await client.login(server.user, server.password)
    return False


@cache
def octets(count: int, seed: int = 1) -> bytes:
    """Return *count* octets that no compression makes shorter."""
    return random.Random(seed).randbytes(count)


def digest(content: bytes | Path) -> str:
    """Return the hash of octets, or of a file."""
    return hashlib.sha256(content if isinstance(content, bytes) else content.read_bytes()).hexdigest()


def put(server: FtpServer, name: str, content: bytes) -> Path:
    """Write *content* into the file *name* in the user's folder, and return its path on disk."""
    path = server.root / name
    path.write_bytes(content)
    return path


def put_many(server: FtpServer, directory: str, names: Iterable[str]) -> None:
    """Make a *directory* with an empty file under each of *names*; as links to one file, which is quick."""
    first = put_directory(server, directory).parent / f"{directory}.original"
    first.touch()
    for name in names:
        os.link(first, server.root / directory / name)
    first.unlink()


def put_directory(server: FtpServer, name: str, *, mode: int = 0o755) -> Path:
    """Make the directory *name* in the user's folder; with a *mode* without rights of others only for root."""
    path = server.root / name
    path.mkdir()
    path.chmod(mode)
    if mode & 0o7:
        hand_over(path)
    return path


def tree(root: Path) -> dict[str, str | None]:
    """Return every path below *root*: None for a directory, the hash of a file."""
    return {str(path.relative_to(root)): None if path.is_dir() else digest(path) for path in sorted(root.rglob("*"))}
