"""What a line of a listing is made into, before anyone decides what to do with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any, NotRequired, TypedDict

import attrs

from transfer.ftp._errors import FTPProtocolError
from transfer.ftp._listing._dates import Moment

__all__ = [
    "BasicListInfo",
    "Facts",
    "LineParser",
    "ListInfo",
    "ListedLine",
    "SkippedLine",
    "UnixListInfo",
    "UnreadableLineError",
    "decode_line",
    "excerpt",
    "is_directory",
]

_EXCERPT_OCTETS = 80
# With the empty text, which has no end of its own.
_LINE_END = frozenset({"", "\r", "\n"})
_DOTS = frozenset({".", ".."})

# Facts by their lower-case names. All values are text as it came, but ``unix.mode`` of a Unix listing is an int.
Facts = Mapping[str, str | int]


class BasicListInfo(TypedDict):
    """The facts that most listings have."""

    modify: str
    type: str
    create: NotRequired[str]
    size: str


# The facts of a Unix listing.
UnixListInfo = TypedDict(
    "UnixListInfo",
    {
        "type": str,
        "unix.mode": int,
        "unix.links": str,
        "unix.owner": str,
        "unix.group": str,
        "size": str,
        "modify": str,
        "link_dst": NotRequired[str],
    },
)
ListInfo = BasicListInfo | UnixListInfo


def is_directory(info: Mapping[str, Any]) -> bool:
    """Tell whether *info* is of a directory, and not of a link to one."""
    return str(info.get("type", "")).lower() in {"dir", "cdir", "pdir"} and "link_dst" not in info


class UnreadableLineError(FTPProtocolError, ValueError):
    """A line of a listing is not in the format that was tried: it is skipped. In a reply to MLST it is an error."""


@attrs.define(eq=False)
class ListedLine:
    """A line that was understood.

    Facts may be given as text, "name=value;" each: they are taken apart when they are asked for first.

    Attributes:
        name: the name exactly as it came; octets that are invalid in the encoding are lone surrogates.
        raw: the line's octets, without its end.
        moment: when it was modified, where the format says more about it than ``facts["modify"]`` can hold.
    """

    name: str
    _facts: Facts | str
    raw: bytes = attrs.field(default=b"", kw_only=True)
    moment: Moment | None = attrs.field(default=None, kw_only=True)

    @property
    def facts(self) -> Facts:
        """What the line says of the name, under the names of RFC 3659 §7.5."""
        if isinstance(self._facts, str):
            facts: dict[str, str] = {}
            for fact in self._facts.split(";"):
                if fact:
                    name, _, value = fact.partition("=")
                    facts[name.lower()] = value
            self._facts = facts
        return self._facts

    @property
    def path(self) -> PurePosixPath:
        """The name as a path, which for example no longer has a slash at its end."""
        return PurePosixPath(self.name)

    @property
    def is_dot(self) -> bool:
        """Whether this is the listed directory itself or its parent (``.``, ``..``, ``cdir``, ``pdir``)."""
        if self.name in _DOTS:
            return True
        if isinstance(self._facts, str) and "dir;" not in self._facts.lower():
            return False
        return str(self.facts.get("type", "")).lower() in {"cdir", "pdir"}


@attrs.frozen
class SkippedLine:
    """A line that no parser understood, and what they said of it."""

    raw: bytes
    reason: str


# Either value is good. A parser says "not mine" by raising ValueError or LookupError.
LineParser = Callable[[bytes], ListedLine | tuple[PurePosixPath, Facts]]


def decode_line(raw: bytes | str, encoding: str) -> str:
    """Decode a line, and take off its end, but none of the spaces before that, which belong to the name.

    Raises:
        UnreadableLineError: the octets do not exist in *encoding*, or no octet is left.
    """
    try:
        text = raw if isinstance(raw, str) else raw.decode(encoding, "surrogateescape")
    except UnicodeError as exc:
        raise UnreadableLineError(f"listing line is not {encoding}: {excerpt(raw)}") from exc
    if text[-1:] in _LINE_END:
        text = text.removesuffix("\n").removesuffix("\r")
        if not text:
            raise UnreadableLineError("listing line is empty")
    return text


def excerpt(raw: bytes | str) -> str:
    """Show the beginning of a line, as ASCII."""
    return ascii(raw[:_EXCERPT_OCTETS]) + ("..." if len(raw) > _EXCERPT_OCTETS else "")
