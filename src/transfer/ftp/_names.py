"""Names from a listing that may be created on this side, below a destination.

A server chooses the names that it lists, and a download creates them. A name that would leave the destination, or that
this side's file system would take for something else, is refused, never changed: a changed name may be another
file's.
"""

from __future__ import annotations

import os
import re
from pathlib import PurePath, PurePosixPath
from typing import TypeVar

from transfer.ftp._errors import FTPProtocolError

__all__ = ["check_name", "safe_relative"]

_PathT = TypeVar("_PathT", bound=PurePath)

_EXCERPT_LETTERS = 100
_ON_WINDOWS = os.name == "nt"

# Windows opens a device under these names in every directory, whatever the case and the extension; the superscript
# digits count as digits there.
_DEVICE = re.compile(
    r"(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(?:COM|LPT)[0-9¹²³]) *(?:[.:].*)?", re.IGNORECASE | re.DOTALL
)
# A backslash separates, a colon follows a drive or precedes a stream of NTFS, the others cannot be in a name.
_WINDOWS_FORBIDDEN = re.compile(r'[\x00-\x1f"*:<>?\\|]')


def check_name(name: str, *, windows: bool = _ON_WINDOWS) -> str:
    """Return *name*, one component of a path, if a file of that name can be nowhere but in its directory.

    Args:
        name: exactly as the server sent it.
        windows: whether it will be created on Windows, where backslashes and colons lead elsewhere, some names are
            devices, and dots and spaces at the end vanish. On other systems these names are like any other.

    Raises:
        FTPProtocolError: it is empty, ``.`` or ``..``, or holds a slash, NUL, or what *windows* adds.
    """
    reason = _reason(name, windows=windows)
    if reason is not None:
        raise FTPProtocolError(f"name {_excerpt(name)} from the server's listing is refused: {reason}")
    return name


def safe_relative(base: _PathT, name: str | PurePosixPath, *, windows: bool = _ON_WINDOWS) -> _PathT:
    """Join *name* to *base* if that leads to somewhere below *base* and nowhere else.

    Args:
        base: the destination, on this side.
        name: one name, exactly as the server sent it; or a relative path of such names.
        windows: as for :func:`check_name`.

    Raises:
        FTPProtocolError: *name* is absolute, or one of its parts is refused by :func:`check_name`.

    Symbolic links that are already below *base* are the caller's matter: no file system is asked.
    """
    # A path without parts is ".", which is no name either.
    parts = (name,) if isinstance(name, str) else name.parts or (".",)
    return base.joinpath(*[check_name(part, windows=windows) for part in parts])


def _reason(name: str, *, windows: bool) -> str | None:
    if not name:
        return "it is empty"
    if name in {".", ".."}:
        return "it is a directory above or the same"
    if "/" in name or "\0" in name:
        return "it holds a slash or NUL"
    if not windows:
        return None
    if _WINDOWS_FORBIDDEN.search(name):
        return "it holds a character that has a meaning on Windows"
    if name[-1] in " .":
        return "Windows drops the dot or space at its end"
    if _DEVICE.fullmatch(name):
        return "it is a device on Windows"
    return None


def _excerpt(name: str) -> str:
    """Show the beginning of *name*, as ASCII."""
    return ascii(name[:_EXCERPT_LETTERS]) + ("..." if len(name) > _EXCERPT_LETTERS else "")
