"""Message objects that cannot be sent as they are: long headers are folded, parts get a transfer encoding.

How this works: this is the rare way, gone only if a long line is found in what was written, or if the server takes no
octets above 127. Of the tree of
parts those are copied that change, and those that hold them; the caller's objects stay as they are. What is signed is
not touched, since nobody could verify it then.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import copy
import re
from collections.abc import Callable
from typing import Any

import attrs

from transfer.smtp._errors import SMTPMessageError
from transfer.smtp._lines import LINE_LIMIT, has_long_line
from transfer.smtp._writer import AnyMessage, WireGenerator, raw_payload

__all__ = ["MendingGenerator", "encode_parts"]

_LONG_FAULT = f"a line of more than {LINE_LIMIT} octets (RFC 5321 §4.5.3.1.6)"
_EIGHT_BIT_FAULT = "octets above 127, which the server does not take (RFC 6152 §3)"
_SIGNED = "it is part of a multipart/signed, which may not be changed"
_DKIM = "it has a DKIM-Signature, which would not hold any more"
_ENCODING = "Content-Transfer-Encoding"
_HEADER_LINE = 78  # RFC 5322 §2.1.1: "SHOULD be no more than 78 characters"
_BASE64_LINE = 76
_HEADER_WORD = re.compile(rb"[ \t]*+[^ \t]++(?:[ \t]++\Z)?")
_LONG_LINE = re.compile(rb"[^\r\n]{%d,}+" % (LINE_LIMIT + 1))
# 25 octets or encoded octets take 75 characters at most, which leaves the soft line break its place (RFC 2045 §6.7).
_QUOTED = re.compile(rb"(?:=[0-9A-Fa-f]{2}|[^\r\n]){25}+(?=[^\r\n])")


class MendingGenerator(WireGenerator):
    """Folds headers that have lines of more than 998 octets, as parsed ones may.

    Raises:
        SMTPMessageError: one has no white space to fold at.
    """

    def fold_header(self, name: str, value: str) -> bytes:
        """Write one header."""
        folded = super().fold_header(name, value)
        if not has_long_line(folded):
            return folded
        folded = b"\r\n".join(_fold_line(line) for line in folded.split(b"\r\n"))
        if has_long_line(folded):
            raise _header_refusal(name, "no white space to fold it at")
        return folded


def encode_parts(message: AnyMessage, *, seven_bit: bool) -> AnyMessage:
    """Give *message*, or a copy of it in which parts that cannot be sent as they are have a transfer encoding.

    It is quoted-printable or base64, whichever is shorter. Such parts have lines of more than 998 octets, or octets
    above 127 which the standard library can make nothing of, because it does not know their character set.

    Args:
        message: is left as it is.
        seven_bit: whether octets above 127 cannot be sent.

    Raises:
        SMTPMessageError: such a part or its header is signed, or it is of a kind that cannot be encoded.

    RFC 2045 §6.4, §6.7, §6.8; RFC 1847 §2.1; RFC 6152 §3.
    """
    return _mend(message, _Place(seven_bit=seven_bit))


@attrs.frozen
class _Place:
    """Where in a message a part is."""

    seven_bit: bool
    numbers: tuple[int, ...] = ()
    is_message: bool = attrs.field(default=True, kw_only=True)
    """Whether it has the headers of a message, and not of a part."""
    seal: str = attrs.field(default="", kw_only=True)
    """What signs it."""

    def refusal(self, part: AnyMessage, fault: str, reason: str) -> SMTPMessageError:
        name = f"part {'.'.join(map(str, self.numbers))}" if self.numbers else "the message"
        return SMTPMessageError(f"{name} ({part.get_content_type()}) has {fault}, and {reason}")


def _mend(part: AnyMessage, place: _Place) -> AnyMessage:
    if place.seal == _SIGNED:
        for name, value in part.raw_items():
            if has_long_line(str(value).encode("utf-8", "surrogateescape")):
                raise _header_refusal(name, "is signed, so it cannot be folded")
    if part.get_content_type() == "multipart/signed":
        place = attrs.evolve(place, seal=_SIGNED)
    elif "DKIM-Signature" in part:
        place = attrs.evolve(place, seal=place.seal or _DKIM)
    payload = raw_payload(part)
    if not isinstance(payload, list):
        return _encode_leaf(part, payload, place)
    for text in (part.preamble, part.epilogue):
        fault = _find_fault(_octets_of(text or ""), place)
        if fault:
            raise place.refusal(part, fault, "it is before or behind its parts, where nothing can encode it")
    is_message = part.get_content_maintype() == "message"
    children: list[Any] = [
        _mend(child, attrs.evolve(place, numbers=(*place.numbers, number), is_message=is_message))
        for number, child in enumerate(payload, 1)
    ]
    if all(new is old for new, old in zip(children, payload, strict=True)):
        return part
    twin = copy.copy(part)
    twin.set_payload(children)
    return twin


def _header_refusal(name: str, reason: str) -> SMTPMessageError:
    return SMTPMessageError(f"the header {name[:80]!a} has {_LONG_FAULT}, and {reason}")


def _find_fault(octets: bytes, place: _Place) -> str:
    if has_long_line(octets):
        return _LONG_FAULT
    return _EIGHT_BIT_FAULT if place.seven_bit and not octets.isascii() else ""


def _encode_leaf(part: AnyMessage, payload: object, place: _Place) -> AnyMessage:
    octets = _octets_of(payload) if isinstance(payload, str) else b""
    fault = _find_fault(octets, place)
    if not fault:
        return part
    # Gateways that take eight bits from a message break its DKIM-Signature, and always have (RFC 6376 §5.3).
    if place.seal == _SIGNED or (place.seal and fault is _LONG_FAULT):
        raise place.refusal(part, fault, place.seal)
    if fault is _EIGHT_BIT_FAULT and _has_known_charset(part):
        return part  # the standard library encodes it
    if part.get_content_maintype() in ("message", "multipart"):
        raise place.refusal(part, fault, "its type cannot be encoded (RFC 2045 §6.4)")
    encoding = str(part.get(_ENCODING, "")).strip().lower()
    encode = _ENCODERS.get(encoding)
    if encode is None:
        raise place.refusal(part, fault, f"its encoding is {encoding[:40]!a}, which cannot be made anew")
    if encoding == "binary" and part.get_content_maintype() != "text":
        encode = _encode_octets
    new_encoding, encoded = encode(octets)
    # A shallow copy shares the list of headers until one is deleted, which makes a new list.
    twin = copy.copy(part)
    del twin[_ENCODING]
    twin[_ENCODING] = new_encoding
    if place.is_message and "MIME-Version" not in twin:
        twin["MIME-Version"] = "1.0"
    twin.set_payload(encoded.decode("ascii", "surrogateescape"))
    return twin


def _has_known_charset(part: AnyMessage) -> bool:
    charset = part.get_content_charset()
    try:
        return charset is not None and codecs.lookup(charset) is not None
    except (LookupError, ValueError):
        return False


def _encode_text(octets: bytes) -> tuple[str, bytes]:
    # RFC 2045 §6.7, §6.8: a line end is CRLF before it is encoded.
    lines = octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    quoted, encoded = binascii.b2a_qp(lines, istext=True), _encode_octets(lines)
    return encoded if len(encoded[1]) < len(quoted) else ("quoted-printable", quoted)


def _encode_octets(octets: bytes) -> tuple[str, bytes]:
    return "base64", base64.encodebytes(octets)


def _wrap_quoted(octets: bytes) -> tuple[str, bytes]:
    return "quoted-printable", _LONG_LINE.sub(lambda line: _QUOTED.sub(rb"\g<0>=\r\n", line[0]), octets)


def _wrap_base64(octets: bytes) -> tuple[str, bytes]:
    data = b"".join(octets.split())
    return "base64", b"".join(
        data[start : start + _BASE64_LINE] + b"\r\n" for start in range(0, len(data), _BASE64_LINE)
    )


_ENCODERS: dict[str, Callable[[bytes], tuple[str, bytes]]] = {
    "": _encode_text,
    "7bit": _encode_text,
    "8bit": _encode_text,
    "binary": _encode_text,
    "quoted-printable": _wrap_quoted,
    "base64": _wrap_base64,
}


def _fold_line(line: bytes) -> bytes:
    """Fold a header's line before words: unfolded, it is the same again (RFC 5322 §2.2.3)."""
    if len(line) <= LINE_LIMIT:
        return line
    lines = [b""]
    for word in _HEADER_WORD.findall(line):
        if lines[-1] and len(lines[-1]) + len(word) > _HEADER_LINE:
            lines.append(word)
        else:
            lines[-1] += word
    return b"\r\n".join(lines)


def _octets_of(text: str) -> bytes:
    # Octets that were parsed are surrogates in it.
    return text.encode("ascii", "surrogateescape")
