"""Where the file or the tree goes that a call names."""

from __future__ import annotations

from pathlib import Path, PurePath, PurePosixPath

__all__ = ["check_local", "local_target", "remote_target"]


def remote_target(
    source: Path, destination: str | PurePosixPath, *, write_into: bool, block_size: int
) -> PurePosixPath:
    """Return what *source* is to be on the server: *destination* itself, or its own name in there.

    Raises:
        ValueError: *source* can't be the name of anything, or *block_size* is no number of bytes.
    """
    check_local(source, block_size)
    remote = PurePosixPath(destination)
    return remote if write_into else remote / _own_name(source)


def local_target(source: str | PurePosixPath, destination: str | Path, *, write_into: bool, block_size: int) -> Path:
    """Return what *source* is to be on this side: *destination* itself, or its own name in there.

    Raises:
        ValueError: *destination* can't be the name of anything, or *block_size* is no number of bytes.
    """
    check_local(destination, block_size)
    local = Path(destination)
    return local if write_into else local / _own_name(PurePosixPath(source))


def check_local(path: object, block_size: int) -> None:
    """Refuse what can't be the name of anything on this side, and blocks without bytes.

    Raises:
        ValueError: it is so.
    """
    if "\0" in str(path):
        raise ValueError(f"a path on this side can't hold NUL, as {str(path)!r} does; nothing was sent")
    if block_size < 1:
        raise ValueError(f"block_size is a number of bytes above 0, not {block_size!r}")


def _own_name(path: PurePath) -> str:
    """Return what *path* is called in its directory; ``..`` has no name, and would lead out of the destination."""
    return "" if path.name == ".." else path.name
