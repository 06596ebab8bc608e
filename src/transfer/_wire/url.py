"""The parts of a connection URL, decoded and checked; no message shows any of them."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from urllib.parse import unquote_to_bytes

__all__ = ["decode", "parse_host", "parse_port"]

_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HOST = re.compile(r"[^\s/?#@:\[\]\\%<>\"]+")


def parse_host(text: str) -> str:
    """Return the host, a name or an address, that *text* is; an IPv6 address is in brackets.

    Raises:
        ValueError: it is none.
    """
    is_bracketed = text.startswith("[") and text.endswith("]")
    host = decode(text[1:-1] if is_bracketed else text, "host")
    if is_bracketed:
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            host = ""
        if not host:
            raise ValueError("brackets in a URL are for an IPv6 address")
    elif _HOST.fullmatch(host) is None:
        raise ValueError("the URL's host is one word, or an IPv6 address in brackets")
    return host


def parse_port(text: str | None) -> int | None:
    """Return the port, None if there is none.

    Raises:
        ValueError: it is no number from 1 to 65535.
    """
    if text is None:
        return None
    if not 0 < int(text[:6]) <= 65535:
        raise ValueError("the URL's port is a number from 1 to 65535")
    return int(text)


def decode(text: str, what: str) -> str:
    """Undo the percent-encoding of *text*; *what* it is goes into the message, the text does not."""
    decoded = None
    if _BROKEN_ESCAPE.search(text) is None:
        # Raised below and not in here, because the attribute "object" of a UnicodeError may be the secret.
        with contextlib.suppress(UnicodeError):
            decoded = unquote_to_bytes(text).decode("utf-8")
    if decoded is None:
        raise ValueError(f"the {what} in the URL is not percent-encoded UTF-8")
    if _CONTROL.search(decoded):
        raise ValueError(f"the {what} in the URL holds a control character, a line break perhaps")
    return decoded
