"""Checksums as servers word them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from transfer.ftp._checks._algorithms import DIGITS, Checksum, canonical_name
from transfer.ftp._errors import FTPProtocolError

__all__ = ["parse_digits", "parse_hash"]

_EXCERPT_LETTERS = 100
# draft-bryan-ftpext-hash §3.2: 213 SHA-256 0-49 169cd22282da7f147cb491e559e9dd filename.ext
# Some leave the name of the file out, or the range, or have other lines before this one.
_HASH = re.compile(r"\s*(\S+)\s+(?:([0-9]+)-[0-9]+\s+)?([0-9A-Fa-f]+)(?:\s.*)?")


def parse_hash(text: str, algorithm: str) -> Checksum:
    """Read the text of a 213 to HASH, which names the algorithm and the range that the checksum is of.

    Args:
        text: behind the code, all lines of it.
        algorithm: the one that the server was to use.

    Raises:
        FTPProtocolError: it can't be read, or the checksum is by another algorithm or not of the whole file.
    """
    found = set()
    for match in filter(None, map(_HASH.fullmatch, text.split("\n"))):
        try:
            name = canonical_name(match[1])
        except ValueError:
            continue
        if len(match[3]) == DIGITS[name]:
            found.add((name, (match[2] or "").strip("0"), match[3].lower()))
    if len(found) != 1:
        raise _unreadable(text)
    name, start, digits = found.pop()
    if name != algorithm or start:
        whole = f"{algorithm} of the whole file"
        raise FTPProtocolError(f"The server's checksum is not the {whole}: {text[:_EXCERPT_LETTERS]!r}")
    return Checksum(name, digits)


def parse_digits(text: str, algorithm: str, path: str) -> Checksum:
    """Read the text of a reply to one of the older commands: digits, with or without the name of the file.

    Args:
        text: behind the code, all lines of it.
        algorithm: that of the command.
        path: as it was asked for; what is in it is not taken for the digits, unless there are no others: files may be
            called by their checksum.

    Raises:
        FTPProtocolError: there are no digits, or several different ones.
    """
    for candidate in (_without(text, (path, PurePosixPath(path).name)), text):
        found = _digits(candidate, DIGITS[algorithm])
        # Some leave the zeros at the beginning of a CRC out. That makes digits of many a word, so it is tried last.
        if not found and algorithm == "CRC32":
            found = _digits(candidate, DIGITS[algorithm], least=1)
        if len(found) == 1:
            return Checksum(algorithm, found.pop())
        if found:
            break
    raise _unreadable(text)


def _without(text: str, names: Iterable[str]) -> str:
    """Return *text* without the *names*, where they are not part of something longer."""
    for name in filter(None, names):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", " ", text)
    return text


def _digits(text: str, count: int, *, least: int | None = None) -> set[str]:
    """Return the words of *text* that are *count* hexadecimal digits, or at *least* so many, with zeros before them."""
    words = (word.strip("\"'().,;:=").lower().removeprefix("0x") for word in text.split())
    wanted = re.compile(rf"[0-9a-f]{{{count if least is None else least},{count}}}")
    return {word.rjust(count, "0") for word in words if wanted.fullmatch(word)}


def _unreadable(text: str) -> FTPProtocolError:
    return FTPProtocolError(f"No checksum can be read in {text[:_EXCERPT_LETTERS]!r}")
