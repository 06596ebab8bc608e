"""Patterns of names that a mirror leaves out, in the way of ``.gitignore``. Pure code.

How this works: a pattern is cut at its slashes, and each part is matched against one name of the path. ``**`` takes any
number of names: the matcher goes back to the last one only, so that its time is bounded by the product of both
lengths, however many there are. Within a name, ``fnmatch`` is bounded in the same way.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from typing import Self

import attrs

__all__ = ["Exclusions"]

_ANY = "**"


@attrs.frozen
class Exclusions:
    """Which paths are left out: of several patterns that match, the last one decides."""

    _patterns: tuple[_Pattern, ...]

    @classmethod
    def parse(cls, patterns: Iterable[str]) -> Self:
        """Read *patterns*; their form is explained at :meth:`Client.plan_mirror`.

        Raises:
            ValueError: one is empty, or a string was given where several are expected.
        """
        if isinstance(patterns, str):
            raise ValueError(f"exclude is several patterns, not one string: [{patterns!r}]")
        return cls(tuple(_parse(text) for text in patterns))

    def excludes(self, path: str, is_directory: bool) -> bool:
        """Tell whether *path*, which is in no directory that is excluded, is left out."""
        excluded = False
        names = path.split("/")
        for pattern in self._patterns:
            if pattern.is_negated is excluded and pattern.matches(names, is_directory=is_directory):
                excluded = not excluded
        return excluded


@attrs.frozen
class _Pattern:
    parts: tuple[re.Pattern[str] | None, ...]
    """One for each name; None for ``**``."""
    is_negated: bool
    only_directories: bool

    def matches(self, names: list[str], *, is_directory: bool) -> bool:
        if self.only_directories and not is_directory:
            return False
        part = name = 0
        retry: tuple[int, int] | None = None
        while name < len(names):
            expression = self.parts[part] if part < len(self.parts) else None
            if part < len(self.parts) and expression is None:
                part += 1
                retry = part, name
            elif expression is not None and expression.match(names[name]):
                part, name = part + 1, name + 1
            elif retry is not None:
                retry = retry[0], retry[1] + 1
                part, name = retry
            else:
                return False
        # "**" at the end stands for what is in a directory, and not for the directory.
        return part == len(self.parts)


def _parse(text: str) -> _Pattern:
    is_negated = text.startswith("!")
    body = text[1:] if is_negated else text.removeprefix("\\") if text.startswith("\\!") else text
    only_directories = body.endswith("/")
    names = [name for name in body.split("/") if name]
    if not names:
        raise ValueError(f"{text!r} is not a pattern: there is no name in it")
    if "/" not in body.rstrip("/"):
        names.insert(0, _ANY)
    return _Pattern(
        tuple(None if name == _ANY else re.compile(fnmatch.translate(name)) for name in names),
        is_negated,
        only_directories,
    )
