"""The algorithms that FTP servers have, by the names of the registry that HASH goes by."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from typing import Protocol

import attrs

__all__ = ["ALGORITHMS", "COMMANDS", "DIGITS", "Checksum", "Hasher", "canonical_name", "new_hasher"]

DIGITS: Mapping[str, int] = {"SHA-512": 128, "SHA-256": 64, "SHA-1": 40, "MD5": 32, "CRC32": 8}
"""How many hexadecimal digits a checksum has, the strongest algorithm first."""
ALGORITHMS = tuple(DIGITS)
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "SHA-512": ("XSHA512",),
    "SHA-256": ("XSHA256",),
    "SHA-1": ("XSHA1", "XSHA"),
    "MD5": ("XMD5", "MD5"),
    "CRC32": ("XCRC",),
}
"""The commands that were in use before HASH, for each algorithm."""


@attrs.frozen
class Checksum:
    """A checksum of a whole file.

    Attributes:
        algorithm: one of ``SHA-512``, ``SHA-256``, ``SHA-1``, ``MD5``, ``CRC32``.
        digits: hexadecimal, in lower case.
    """

    algorithm: str
    digits: str


class Hasher(Protocol):
    """Something that computes a checksum."""

    def update(self, data: bytes | memoryview, /) -> object:
        """Take more octets."""

    def hexdigest(self) -> str:
        """Return the digits for the octets so far."""
        ...


class _CRC32:
    """CRC-32 as of ISO 3309, which XCRC gives."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes | memoryview, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def hexdigest(self) -> str:
        return f"{self._value:08x}"


def canonical_name(name: str) -> str:
    """Return the *name* of an algorithm as it is in ``ALGORITHMS``; ``sha256`` and ``SHA-256`` are one.

    Raises:
        ValueError: there is none of that name.
    """
    plain = name.upper().replace("-", "").replace("_", "")
    for known in ALGORITHMS:
        if known.replace("-", "") == plain:
            return known
    raise ValueError(f"{name!r} is none of the algorithms {', '.join(ALGORITHMS)}")


def new_hasher(algorithm: str) -> Hasher:
    """Return what computes checksums by *algorithm*, a name of ``ALGORITHMS``."""
    if algorithm == "CRC32":
        return _CRC32()
    return hashlib.new(algorithm.replace("-", ""), usedforsecurity=False)
