"""Checksums of files on both sides, where a mirror compares by them."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from transfer.ftp._checks import checksum_of
from transfer.ftp._errors import PathIOError, StatusCodeError
from transfer.ftp._mirror._local import LocalTree
from transfer.ftp._mirror._remote import RemoteTree
from transfer.ftp._mirror._snapshot import Kind, Node, Snapshot
from transfer.ftp._transfers._local import opened_for_reading
from transfer.ftp._transfers._run import path_errors

__all__ = ["Digests", "paths_alike", "with_digests"]


@attrs.frozen
class Digests:
    """Checksums by path, ``"<algorithm>:<hexadecimal>"``."""

    local: dict[str, str] = attrs.field(factory=dict)
    remote: dict[str, str] = attrs.field(factory=dict)

    @classmethod
    async def of(cls, paths: Iterable[str], local: LocalTree, remote: RemoteTree) -> Digests:
        """Compute those of *paths* on both sides; a path that one side can't read has none.

        Raises:
            FTPNotSupported: the server can't compute any.
            FTPException: as for exchanges.
        """
        digests = cls()
        for path in paths:
            try:
                theirs = await remote.client.checksum(remote.join(path))
                with path_errors():
                    opened = opened_for_reading(local.storage, await local.place(path), 0)
                    ours = await checksum_of(opened, theirs.algorithm)
            except (StatusCodeError, PathIOError) as exc:
                if exc.retryable:
                    raise
                continue
            digests.remote[path] = f"{theirs.algorithm}:{theirs.digits}"
            digests.local[path] = f"{ours.algorithm}:{ours.digits}"
        return digests


def paths_alike(local: Snapshot, remote: Snapshot) -> list[str]:
    """Return the paths of files that are on both sides and, as far as is known, of the same size."""
    return [
        path
        for path, ours in sorted(local.nodes.items())
        if (theirs := remote.nodes.get(path)) is not None
        and ours.kind is theirs.kind is Kind.FILE
        and (ours.size is None or theirs.size is None or ours.size == theirs.size)
    ]


def with_digests(snapshot: Snapshot, digests: dict[str, str]) -> Snapshot:
    """Return *snapshot* with *digests* in its nodes."""
    nodes: dict[str, Node] = {
        path: attrs.evolve(snapshot.nodes[path], digest=digest) for path, digest in digests.items()
    }
    return snapshot.changed(nodes)
