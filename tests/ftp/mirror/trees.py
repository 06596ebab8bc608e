"""Trees for the tests of mirrors: as dictionaries, as snapshots, and with the actions of a plan applied to them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from transfer.ftp import MirrorAction, MirrorActionKind
from transfer.ftp._mirror._compare import Rules
from transfer.ftp._mirror._snapshot import ROOT, Kind, Node, Snapshot

# Path to (content, minutes after the epoch of these tests) for a file, None for a directory.
Tree = dict[str, tuple[bytes, int] | None]
EPOCH = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)


def at(minutes: float) -> datetime:
    """Return the time *minutes* after the epoch of these tests."""
    return EPOCH + timedelta(minutes=minutes)


def file(size: int | None = 1, minutes: float | None = 0, **facts: object) -> Node:
    """Return a file's node."""
    modify = None if minutes is None else at(minutes)
    return Node(Kind.FILE, size, modify=modify, **facts)  # type: ignore[arg-type]  # the facts of Node


def directory(**facts: object) -> Node:
    """Return a directory's node."""
    return Node(Kind.DIRECTORY, **facts)  # type: ignore[arg-type]  # the facts of Node


def snapshot(nodes: dict[str, Node] | None = None) -> Snapshot:
    """Return a tree with *nodes*, whose directories need not be given."""
    complete = {ROOT: directory()}
    for path, node in (nodes or {}).items():
        parts = path.split("/")
        for end in range(1, len(parts)):
            complete.setdefault("/".join(parts[:end]), directory())
        complete[path] = node
    return Snapshot(complete)


def snapshot_of(tree: Tree) -> Snapshot:
    """Return what a look at *tree* shows."""
    return snapshot({path: directory() if held is None else file(len(held[0]), held[1]) for path, held in tree.items()})


def rules(**changes: object) -> Rules:
    """Return rules, those of a download with nothing deleted."""
    return Rules(**({"compare": "size+time", "keeps_times": True} | changes))  # type: ignore[arg-type]  # of Rules


def apply(actions: Iterable[MirrorAction], source: Tree, destination: Tree) -> None:
    """Do what *actions* say, as strictly as a file system: nothing without its directory, nothing twice."""
    for action in actions:
        path, parent = action.path, action.path.rpartition("/")[0]
        match action.kind:
            case MirrorActionKind.MAKE_DIRECTORY:
                assert path not in destination
                assert not parent or destination[parent] is None
                destination[path] = None
            case MirrorActionKind.ADD:
                assert path not in destination
                assert not parent or destination[parent] is None
                destination[path] = source[path]
            case MirrorActionKind.UPDATE:
                assert destination[path] is not None
                destination[path] = source[path]
            case MirrorActionKind.DELETE_FILE:
                assert destination.pop(path) is not None
            case MirrorActionKind.DELETE_DIRECTORY:
                assert not any(other.startswith(f"{path}/") for other in destination)
                assert destination.pop(path) is None
            case MirrorActionKind.SKIP:
                pass
