"""What a file is called until it is complete."""

from __future__ import annotations

import secrets
from pathlib import PurePath
from typing import TypeVar

__all__ = ["partial_path", "unique_token"]

PathT = TypeVar("PathT", bound=PurePath)

_SUFFIX = ".part"
# What most file systems have room for, in octets.
_NAME_LIMIT = 255


def unique_token() -> str:
    """Return something that no other transfer has in the names of its partial files."""
    return secrets.token_hex(4)


def partial_path(path: PathT, token: str | None) -> PathT:
    """Return where *path* is made; without a *token* it is the same each time, so that it can be found again."""
    end = _SUFFIX if token is None else f".{token}{_SUFFIX}"
    name = path.name
    while len((name + end).encode("utf-8", "surrogateescape")) > _NAME_LIMIT:
        name = name[:-1]
    return path.with_name(name + end)
