"""Patterns of paths, matched on this side, name by name as a tree is listed. Pure code.

How this works: a pattern is cut at its slashes into one expression for each name, None for ``**``. A directory carries
the set of places in the pattern that its path has come to; a name moves on from each of them, which is at most one step
for each expression, however many ``**`` there are. Within a name, the expressions that ``fnmatch`` makes take nothing
back that they have matched before a later ``*``.
"""

from __future__ import annotations

import fnmatch
import re
from functools import partial

from transfer.ftp._list import Route

__all__ = ["parse_glob"]

_ANY = "**"
_SIGNS = re.compile(r"[*?\[]")


def parse_glob(pattern: str) -> tuple[str, Route]:
    """Return the directory that *pattern* begins with, literally, and the route through what is below it.

    Raises:
        ValueError: there is no name in it.
    """
    names = [name for name in pattern.split("/") if name not in {"", "."}]
    if not names:
        raise ValueError(f"{pattern!r} is not a pattern: there is no name in it")
    literal = next((place for place, name in enumerate(names) if _SIGNS.search(name)), len(names) - 1)
    where = ("/" if pattern.startswith("/") else "") + "/".join(names[:literal])
    expressions = tuple(None if name == _ANY else re.compile(fnmatch.translate(name)) for name in names[literal:])
    return where, partial(_choose, expressions, pattern.endswith("/"))


def _choose(
    expressions: tuple[re.Pattern[str] | None, ...],
    only_directories: bool,
    name: str,
    is_directory: bool,
    state: object,
) -> tuple[bool, object]:
    reached = state if isinstance(state, frozenset) else frozenset({0})
    last, matches = len(expressions) - 1, False
    onward: set[int] = set()
    for place in _with_skips(expressions, reached):
        expression = expressions[place]
        if expression is None:
            onward.add(place)
            matches = matches or place == last
        elif expression.match(name):
            matches = matches or place == last
            if place < last:
                onward.add(place + 1)
    wanted = matches and (is_directory or not only_directories)
    return wanted, frozenset(onward) if is_directory and onward else None


def _with_skips(expressions: tuple[re.Pattern[str] | None, ...], reached: frozenset[int]) -> set[int]:
    """Add the places behind each ``**``, which may stand for no directory at all."""
    places = set(reached)
    for place, expression in enumerate(expressions[:-1]):
        if expression is None and place in places:
            places.add(place + 1)
    return places
