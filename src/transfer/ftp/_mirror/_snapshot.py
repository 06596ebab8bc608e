"""What is on one side: names relative to the tree's root, and what is known of each. Pure values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import Enum

import attrs

__all__ = ["ROOT", "Kind", "LeaveOut", "Node", "Snapshot", "directory_of", "join", "name_of"]

# The tree itself; everything else is a path of names, with slashes between them on both sides.
ROOT = "."
# Asked of a path, and whether it is a directory: whether it is left out, with everything in it.
LeaveOut = Callable[[str, bool], bool]


class Kind(Enum):
    """What a node is, as far as a mirror treats them differently."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    OTHER = "other"
    """A device, a socket, or what the server does not say."""
    EXCLUDED = "excluded"
    """Left out by a pattern, whatever it is."""


@attrs.frozen
class Node:
    """One file or directory.

    Attributes:
        kind: what it is.
        size: in octets, of a file; None if unknown.
        modify: when it was modified, aware; None if unknown.
        modify_precision: how exact *modify* is.
        digest: of its content, ``"SHA-256:<hexadecimal>"``, where one was asked for.
        target: where a link leads to.
        trouble: why a directory could not be listed, or not to the end. What it holds is not known then.
    """

    kind: Kind
    size: int | None = None
    modify: datetime | None = attrs.field(default=None, kw_only=True)
    modify_precision: timedelta = attrs.field(default=timedelta(0), kw_only=True)
    digest: str | None = attrs.field(default=None, kw_only=True)
    target: str | None = attrs.field(default=None, kw_only=True)
    trouble: str = attrs.field(default="", kw_only=True)


def join(directory: str, name: str) -> str:
    """Return the path of *name* in *directory*."""
    return name if directory == ROOT else f"{directory}/{name}"


def directory_of(path: str) -> str:
    """Return the path of the directory that *path* is in."""
    return path.rpartition("/")[0] or ROOT


def name_of(path: str) -> str:
    """Return the last part of *path*."""
    return path.rpartition("/")[2]


@attrs.frozen(eq=False)
class Snapshot:
    """One side at one time.

    Attributes:
        nodes: by path; :data:`ROOT` is among them if there is such a tree. Every other node's directory is there too.
    """

    nodes: Mapping[str, Node]
    _children: Mapping[str, list[str]] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        children: dict[str, list[str]] = {}
        for path in sorted(self.nodes):
            if path != ROOT:
                children.setdefault(directory_of(path), []).append(path)
        object.__setattr__(self, "_children", children)

    @property
    def exists(self) -> bool:
        """Whether the tree is there at all."""
        return ROOT in self.nodes

    def children(self, directory: str) -> list[str]:
        """Return the paths of what is in *directory*, sorted."""
        return self._children.get(directory, [])

    def changed(self, nodes: Mapping[str, Node]) -> Snapshot:
        """Return the same with other nodes for some paths; what is in one that is no directory is dropped."""
        kept = dict(self.nodes)
        for path, node in nodes.items():
            if node.kind is not Kind.DIRECTORY:
                for gone in self.below(path):
                    kept.pop(gone, None)
            kept[path] = node
        return Snapshot(kept)

    def below(self, path: str) -> Iterator[str]:
        """Go over *path* and all that is in it, everything before the directory that it is in."""
        waiting = [(path, False)]
        while waiting:
            current, listed = waiting.pop()
            if listed or not self.children(current):
                yield current
            else:
                waiting.append((current, True))
                waiting.extend((child, False) for child in reversed(self.children(current)))
