"""Connection URLs: ``ftp://``, ``ftps://`` and ``ftpes://``.

How this works: as for mail the URL is matched as a whole before anything in it is decoded, and an ``@`` stands only
between the login and the host, so that no part of a password is taken for something that an error may quote.
"""

from __future__ import annotations

import re

import attrs

from transfer._wire.url import decode, parse_host, parse_port
from transfer.ftp._settings import DEFAULT_PASSWORD, DEFAULT_PORT, DEFAULT_USER

__all__ = ["Address", "parse_url"]

_URL = re.compile(
    r"(?P<scheme>[A-Za-z]+)://"
    r"(?:(?P<login>[^@/?#\[\]]*)@)?"
    r"(?P<host>\[[^@/?#\[\]]*\]|[^@/?#\[\]:]+)(?::(?P<port>[0-9]+))?"
    r"(?:/(?P<path>[^@?#;]*)(?:;type=[AaDdIi])?)?"
)
_IMPLICIT_PORT = 990
_PORTS = {"ftp": DEFAULT_PORT, "ftpes": DEFAULT_PORT, "ftps": _IMPLICIT_PORT}


@attrs.frozen(kw_only=True)
class Address:
    """What a URL says.

    Attributes:
        host: of the server.
        port: that of the scheme, unless it is given.
        user: ``anonymous``, unless it is given.
        password: likewise what anonymous users say.
        scheme: ``ftp``, ``ftps`` (TLS from the first octet on) or ``ftpes`` (TLS by AUTH).
        directories: to change to one after the other, from the one that the login leads to.
    """

    host: str
    port: int
    user: str
    password: str = attrs.field(repr=False)
    scheme: str
    directories: tuple[str, ...] = ()


def parse_url(url: str) -> Address:
    """Read a connection URL.

    RFC 1738 §3.2.2: each part of the path is a directory to change to, so ``/pub`` is below the directory of the login,
    and ``/%2Fpub`` is ``/pub``.

    Raises:
        ValueError: *url* breaks a rule, which is named; nothing secret is shown.
    """
    match = None if re.search(r"[\x00-\x20\x7f]", url) else _URL.fullmatch(url)
    if match is None or match["scheme"].lower() not in _PORTS:
        raise ValueError(
            "a connection URL is ftp://, ftps:// or ftpes://[user[:password]@]host[:port][/directory]; in these, blanks"
            " and : / ? # @ [ ] % ; are percent-encoded"
        )
    user, password = _login(match["login"])
    scheme = match["scheme"].lower()
    return Address(
        host=parse_host(match["host"]),
        port=parse_port(match["port"]) or _PORTS[scheme],
        user=user,
        password=password,
        scheme=scheme,
        directories=tuple(decode(part, "path") for part in (match["path"] or "").split("/") if part),
    )


def _login(text: str | None) -> tuple[str, str]:
    if text is None:
        return DEFAULT_USER, DEFAULT_PASSWORD
    name, colon, password = text.partition(":")
    if not name:
        raise ValueError("the URL has an @ without a user name before it")
    return decode(name, "user name"), decode(password, "password") if colon else DEFAULT_PASSWORD
