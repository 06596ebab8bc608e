"""Text to octets for one line: encode first, look for forbidden octets after."""

from __future__ import annotations

import re

from transfer._errors import LocalProtocolError

__all__ = ["encode_octets"]


def encode_octets(text: str | bytes, encoding: str, forbidden: re.Pattern[bytes], what: str) -> bytes:
    """Encode *text* and make sure that no *forbidden* octet leaves.

    The octets are checked after encoding, because an encoding can make a line end out of an innocent character:
    U+0D0A is CR LF in UTF-16.

    Args:
        text: octets are taken as they are; a str is encoded, lone surrogates giving back the octets that they
            stand for (``surrogateescape``).
        encoding: name of a text encoding.
        forbidden: matches one octet that must not be sent.
        what: names the text in an error, for example ``"argument of RETR"``.

    Raises:
        LocalProtocolError: *text* cannot be encoded, or holds a forbidden octet. Neither the message nor the context
            shows any of the text beyond that octet.
    """
    if isinstance(text, str):
        octets, fault = _encode(text, encoding)
        # Raised out here because the attribute "object" of a UnicodeEncodeError is the text, a password perhaps.
        if octets is None:
            raise LocalProtocolError(f"{what} cannot be sent: {fault}")
    else:
        octets = text
    bad = forbidden.search(octets)
    if bad is not None:
        raise LocalProtocolError(f"{what} must not hold octet 0x{bad[0][0]:02X} (position {bad.start()})")
    return octets


def _encode(text: str, encoding: str) -> tuple[bytes | None, str]:
    try:
        return text.encode(encoding, "surrogateescape"), ""
    except UnicodeEncodeError as exc:
        return None, f"its character at position {exc.start} does not exist in {encoding}"
    except (UnicodeError, LookupError):
        return None, f"{encoding!r} is no encoding for text"
