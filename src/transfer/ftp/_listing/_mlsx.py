"""The lines of MLSD and MLST: facts, a space, and a name (RFC 3659 §7)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from transfer.ftp._listing._line import ListedLine, UnreadableLineError, decode_line, excerpt

__all__ = ["parse_mlst_reply", "read_mlsx_line", "read_mlsx_lines"]

# RFC 3659 §7.2: entry = [ facts ] SP pathname, facts = 1*( fact ";" ), fact = factname "=" value. Values have no
# spaces there, but the targets of links have them in the wild; the facts end at the first ";" before a space that no
# further fact follows.
_LINE = re.compile(r"((?:[^=; ]+=[^;]*+;+)*(?:[^=; ]+=[^; ]*+)?) (.+)", re.DOTALL)
_CODE = re.compile(r"[0-9]{3}-")


def read_mlsx_line(raw: bytes | str, encoding: str = "utf-8") -> ListedLine:
    """Read a line of MLSD, or of an MLST reply without the space before it.

    Facts have lower-case names and keep their values as they are; of a fact given twice the last one counts. The name
    is all that follows the first space after the facts, be it semicolons, equals signs or more spaces.

    Raises:
        UnreadableLineError: there is no name, or what is before it is not a list of facts.

    RFC 3659 §7.2, §7.5.
    """
    text = decode_line(raw, encoding)
    match = _LINE.fullmatch(text)
    if match is None:
        reason = "does not begin with facts" if text.partition(" ")[2] else "has no name"
        raise UnreadableLineError(f"MLSx line {reason}: {excerpt(text)}")
    return ListedLine(match[2], match[1], raw=raw if isinstance(raw, bytes) else b"")


def read_mlsx_lines(
    lines: Iterable[bytes], encoding: str, read: Callable[[bytes], ListedLine | None]
) -> list[ListedLine]:
    """Read many lines without their ends, as :func:`read_mlsx_line` does; *read* is given those that are not plain.

    This is the loop that a long listing goes through, which is why there are no calls in it.
    """
    listed: list[ListedLine] = []
    for raw in lines:
        try:
            match = _LINE.fullmatch(raw.decode(encoding, "surrogateescape"))
        except UnicodeError:
            match = None
        if match is not None and not raw.endswith(b"\r"):
            listed.append(ListedLine(match[2], match[1], raw=raw))
        elif (line := read(raw)) is not None:
            listed.append(line)
    return listed


def parse_mlst_reply(lines: Sequence[str], read: Callable[[str], ListedLine] = read_mlsx_line) -> ListedLine:
    """Find the entry in the *lines* of a 250 reply to MLST.

    Args:
        lines: of the reply, without its code.
        read: makes an entry of a line, or raises ValueError or LookupError.

    Raises:
        UnreadableLineError: no line is an entry where one may be.

    RFC 3659 §7.2: "250-" text, then SP entry, then "250 " text. An entry without the space, or with a code and a
    hyphen before it, is taken as well, and so is one in a reply of a single line.
    """
    for text in lines[1:-1] or lines:
        text = _CODE.sub("", text, count=1)
        # With the space first: " type=dir; x" is the entry "type=dir; x", not a name without facts.
        for candidate in (text.removeprefix(" "), text):
            try:
                return read(candidate)
            except (ValueError, LookupError):
                continue
    raise UnreadableLineError(f"MLST reply holds no entry: {excerpt(' / '.join(lines))}")
