"""Servers that several connections are made to."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from tests.peers import MiniFTP
from tests.peers.wire import Wire
from transfer import ftp


class CrowdedFTP(MiniFTP):
    """A server that bears so many connections, and tells any more so in its reply to *verb*."""

    def __init__(self, bears: int, verb: str, reply: str, **options: Any) -> None:
        super().__init__(**options)
        self.bears = bears
        self.refused = 0
        self._counting = threading.Lock()
        self._inside: set[int] = set()
        self.replies[verb] = lambda _: self._refuse(reply)

    def _refuse(self, reply: str) -> str | None:
        # Each connection has a thread of its own.
        with self._counting:
            if len(self._inside) < self.bears:
                self._inside.add(threading.get_ident())
                return None
            self.refused += 1
            return reply

    def serve(self, wire: Wire) -> None:
        try:
            super().serve(wire)
        finally:
            with self._counting:
                self._inside.discard(threading.get_ident())


def pool_for(server: MiniFTP, size: int = 3, **options: Any) -> ftp.ClientPool:
    """Return a pool of connections to *server*."""
    return ftp.ClientPool(server.host, server.port, size=size, **options)


def tree(count: int, size: int = 10) -> dict[str, bytes]:
    """Return the files of a tree below ``/tree``, each of another content."""
    return {f"/tree/{number % 3}/{number}": bytes([number]) * size for number in range(count)}


def read(folder: Path) -> dict[str, bytes]:
    """Return what is in a local tree, by the paths in it."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def below(files: dict[str, bytes], top: str) -> dict[str, bytes]:
    """Return the *files* below the directory *top*, by the paths in it."""
    return {path.removeprefix(top + "/"): content for path, content in files.items() if path.startswith(top + "/")}
