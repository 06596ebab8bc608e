"""One step of a mirror, and the words for what a mirror is told. Pure values."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum
from typing import Literal, get_args

import attrs

__all__ = [
    "Compare",
    "Direction",
    "MirrorAction",
    "MirrorActionKind",
    "check_compare",
    "check_direction",
    "format_size",
    "printable",
]

Direction = Literal["download", "upload"]
Compare = Literal["size+time", "size", "hash"]

_UNITS = ("KiB", "MiB", "GiB", "TiB")


class MirrorActionKind(Enum):
    """What is done with a path at the destination."""

    MAKE_DIRECTORY = "make directory"
    ADD = "add"
    UPDATE = "update"
    DELETE_FILE = "delete file"
    DELETE_DIRECTORY = "delete directory"
    SKIP = "skip"

    @property
    def is_transfer(self) -> bool:
        """Whether a file goes over."""
        return self in {MirrorActionKind.ADD, MirrorActionKind.UPDATE}

    @property
    def is_deletion(self) -> bool:
        """Whether something vanishes at the destination."""
        return self in {MirrorActionKind.DELETE_FILE, MirrorActionKind.DELETE_DIRECTORY}


_MARKS = {
    MirrorActionKind.MAKE_DIRECTORY: "+",
    MirrorActionKind.ADD: "+",
    MirrorActionKind.UPDATE: "~",
    MirrorActionKind.DELETE_FILE: "-",
    MirrorActionKind.DELETE_DIRECTORY: "-",
    MirrorActionKind.SKIP: "!",
}
_DIRECTORIES = {MirrorActionKind.MAKE_DIRECTORY, MirrorActionKind.DELETE_DIRECTORY}


@attrs.frozen
class MirrorAction:
    """One step of a plan.

    Attributes:
        kind: what is done.
        path: with what, relative to both trees, with slashes; ``"."`` is the tree itself.
        size: of the file that goes over, in octets; None if unknown or if none does.
        modify: when the file that goes over was modified.
        modify_precision: how exact *modify* is.
        reason: why, for people.
    """

    kind: MirrorActionKind
    path: str
    size: int | None = attrs.field(default=None, kw_only=True)
    modify: datetime | None = attrs.field(default=None, kw_only=True)
    modify_precision: timedelta = attrs.field(default=timedelta(0), kw_only=True)
    reason: str = attrs.field(default="", kw_only=True)

    def __str__(self) -> str:
        slash = "/" if self.kind in _DIRECTORIES else ""
        size = f" ({format_size(self.size)})" if self.kind.is_transfer and self.size is not None else ""
        reason = f": {printable(self.reason)}" if self.reason else ""
        return f"{_MARKS[self.kind]} {printable(self.path)}{slash}{size}{reason}"


def check_direction(value: object) -> Direction:
    """Return *value* if it is a direction.

    Raises:
        ValueError: it is none.
    """
    for direction in get_args(Direction):
        if value == direction:
            return direction  # type: ignore[no-any-return]  # get_args() can't say what it returns
    raise ValueError(f"direction is one of {get_args(Direction)}, not {value!r}")


def check_compare(value: object) -> Compare:
    """Return *value* if it is a way to compare.

    Raises:
        ValueError: it is none.
    """
    for compare in get_args(Compare):
        if value == compare:
            return compare  # type: ignore[no-any-return]  # get_args() can't say what it returns
    raise ValueError(f"compare is one of {get_args(Compare)}, not {value!r}")


def printable(text: str) -> str:
    """Escape what would do something to a terminal; names come from elsewhere."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape", "surrogatepass").decode("ascii")
        for letter in text
    )


def format_size(size: int) -> str:
    if size < 1024:
        return f"{size} B"
    exponent = min((size.bit_length() - 1) // 10, len(_UNITS))
    return f"{size / 1024**exponent:.1f} {_UNITS[exponent - 1]}"
