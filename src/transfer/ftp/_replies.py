"""What the text of a reply says: addresses, ports, paths, sizes and times.

How this works: each function takes the text of a reply, without its code, and gives back the value or raises
:class:`FTPProtocolError`. Digits are ASCII digits; what is no part of the value is not looked at.
"""

from __future__ import annotations

import re
from datetime import datetime

from transfer._wire.reply import Reply
from transfer.ftp._errors import FTPProtocolError
from transfer.ftp._listing._dates import Moment, parse_time_value

__all__ = [
    "info_lines",
    "parse_directory",
    "parse_epsv",
    "parse_mdtm",
    "parse_mdtm_moment",
    "parse_pasv",
    "parse_size",
]

_EXCERPT_LETTERS = 100
_FIRST_UNPRIVILEGED_PORT = 1024
_LAST_PORT = 65535
# Of a signed 64-bit count, which file sizes and offsets are on both sides.
_LAST_SIZE = 2**63 - 1

# RFC 1123 §4.1.2.6: a client "cannot assume that the parentheses ... will be present" and "must scan the reply for the
# first digit". Six numbers between commas are looked for, as a sentence before them may hold a number of its own.
# Seven are refused, as nobody knows which six are meant.
_SIX_NUMBERS = re.compile(r"(?<![0-9])(?<![0-9],)(?<![0-9], )[0-9]{1,10}(?: ?, ?[0-9]{1,10}){5}(?![0-9]| ?, ?[0-9])")
# RFC 2428 §3: "(<d><d><d><tcp-port><d>)", where the delimiter may be any of 33 to 126.
_EXTENDED = re.compile(r"\(([!-~])\1\1([0-9]{1,10})\1\)")
# RFC 959, Appendix II: a quote in the path is doubled. The pattern takes nothing back, so that it is linear.
_QUOTED = re.compile(r'"((?:[^"]++|"")*+)"')
_SIZE = re.compile(r"\s*([0-9]{1,20})(?!\S)")
_WORD = re.compile(r"\s*(\S+)")


def parse_pasv(text: str) -> tuple[str, int]:
    """Read the text of a 227 reply.

    Returns:
        The address, which a client has no reason to trust, and the port.

    Raises:
        FTPProtocolError: there are no six numbers, one is above 255, or the port is below 1024: no server listens
            there for data, and other services do.
    """
    match = _SIX_NUMBERS.search(text)
    if match is None:
        raise FTPProtocolError(f"227 reply holds no address: {_excerpt(text)}")
    numbers = [int(number) for number in match[0].split(",")]
    if max(numbers) > 255:
        raise FTPProtocolError(f"227 reply holds a number above 255: {_excerpt(text)}")
    port = numbers[4] * 256 + numbers[5]
    if port < _FIRST_UNPRIVILEGED_PORT:
        raise FTPProtocolError(f"227 reply holds the port {port}, which is below {_FIRST_UNPRIVILEGED_PORT}")
    return ".".join(map(str, numbers[:4])), port


def parse_epsv(text: str) -> int:
    """Read the port from the text of a 229 reply, of whose parenthesised groups the last one counts.

    Raises:
        FTPProtocolError: there is no such group, or the port is not from 1 to 65535.

    RFC 2428 §3.
    """
    groups = _EXTENDED.findall(text)
    if not groups:
        raise FTPProtocolError(f"229 reply holds no port: {_excerpt(text)}")
    port = int(groups[-1][1])
    if not 1 <= port <= _LAST_PORT:
        raise FTPProtocolError(f"229 reply holds the port {port}, which does not exist")
    return port


def parse_directory(text: str) -> str:
    """Read the path from the text of a 257 reply, verbatim.

    The path is in the first quotes; two of them stand for one in it, and what follows the closing one is a comment.
    A text without quotes is the path if it is one word; where a path with spaces would end is not guessed.

    Raises:
        FTPProtocolError: there is no path, or it is not in quotes and may be a sentence, or the quotes do not end.

    RFC 959 §5.4 and Appendix II.
    """
    start = text.find('"')
    if start < 0:
        words = text.split()
        if len(words) == 1 and "\0" not in text:
            return words[0]
        raise FTPProtocolError(f"257 reply holds no path: {_excerpt(text)}")
    quoted = _QUOTED.match(text, start)
    if quoted is None:
        raise FTPProtocolError(f"257 reply holds a path whose quotes do not end: {_excerpt(text)}")
    path = quoted[1].replace('""', '"')
    # Quotes that end on another line of the reply, or NUL: no command could say this path.
    if not path or any(letter in path for letter in "\r\n\0"):
        raise FTPProtocolError(f"257 reply holds an empty or impossible path: {_excerpt(text)}")
    return path


def parse_size(text: str) -> int:
    """Read a size in octets from the text of a 213 reply to SIZE.

    Raises:
        FTPProtocolError: it does not begin with a number from 0 to 2**63 - 1.

    RFC 3659 §4.1.
    """
    match = _SIZE.match(text)
    if match is None or int(match[1]) > _LAST_SIZE:
        raise FTPProtocolError(f"213 reply holds no size: {_excerpt(text)}")
    return int(match[1])


def parse_mdtm_moment(text: str) -> Moment:
    """Read a time, with its precision, from the text of a 213 reply to MDTM.

    Raises:
        FTPProtocolError: it does not begin with a time.

    RFC 3659 §2.3 and §3.1.
    """
    word = _WORD.match(text)
    moment = parse_time_value(word[1]) if word is not None else None
    if moment is None:
        raise FTPProtocolError(f"213 reply holds no time: {_excerpt(text)}")
    return moment


def parse_mdtm(text: str) -> datetime:
    """Read a time, aware and in UTC, from the text of a 213 reply to MDTM.

    Raises:
        FTPProtocolError: it does not begin with a time.
    """
    return parse_mdtm_moment(text).clock


def info_lines(reply: Reply) -> list[str]:
    """Write the lines of *reply* as programs know them from ``StatusCodeError.info`` and ``Client.command``.

    The first of several still has the hyphen that followed the code, the last one or only one its space; those
    between them are as they came. A last line without text is empty.
    """
    *before, last = reply.lines
    ending = f" {last}" if last else ""
    if not before:
        return [ending]
    return [f"-{before[0]}", *before[1:], ending]


def _excerpt(text: str) -> str:
    """Show the beginning of *text*, as ASCII."""
    return ascii(text[:_EXCERPT_LETTERS]) + ("..." if len(text) > _EXCERPT_LETTERS else "")
