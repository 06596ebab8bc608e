"""Checksums as servers word them."""

from __future__ import annotations

import re

from transfer.ftp._checks._algorithms import DIGITS, Checksum, canonical_name
from transfer.ftp._errors import FTPProtocolError

__all__ = ["parse_digits", "parse_hash"]

_EXCERPT_LETTERS = 100
# draft-bryan-ftpext-hash §3.2: 213 SHA-256 0-49 169cd22282da7f147cb491e559e9dd filename.ext
_HASH = re.compile(r"\s*(\S+)\s+[0-9]+-[0-9]+\s+([0-9A-Fa-f]+)(?:\s.*)?", re.DOTALL)


def parse_hash(text: str) -> Checksum:
    """Read the text of a 213 to HASH.

    Raises:
        FTPProtocolError: it can't be read, or is by an algorithm that nobody knows here.
    """
    match = _HASH.fullmatch(text)
    try:
        if match is not None and len(match[2]) == DIGITS[canonical_name(match[1])]:
            return Checksum(canonical_name(match[1]), match[2].lower())
    except ValueError as exc:
        raise FTPProtocolError(f"The server's checksum is by another algorithm: {text[:_EXCERPT_LETTERS]!r}") from exc
    raise _unreadable(text)


def parse_digits(text: str, algorithm: str, path: str) -> Checksum:
    """Read the text of a reply to one of the older commands: digits, with or without the name of the file.

    Args:
        text: behind the code, all lines of it.
        algorithm: that of the command.
        path: as it was asked for; what is in it is not taken for the digits.

    Raises:
        FTPProtocolError: there are no digits, or several different ones.
    """
    count = DIGITS[algorithm]
    # Some leave the zeros at the beginning of a CRC out.
    least = 1 if algorithm == "CRC32" else count
    rest = text.replace(path, " ") if path else text
    words = [word.strip("\"'().,;:=") for word in rest.split()]
    found = {
        word.lower().removeprefix("0x").rjust(count, "0")
        for word in words
        if re.fullmatch(rf"(?:0[xX])?[0-9A-Fa-f]{{{least},{count}}}", word)
    }
    if len(found) != 1:
        raise _unreadable(text)
    return Checksum(algorithm, found.pop())


def _unreadable(text: str) -> FTPProtocolError:
    return FTPProtocolError(f"No checksum can be read in {text[:_EXCERPT_LETTERS]!r}")
