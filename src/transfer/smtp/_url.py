"""Connection URLs: everything that is needed to reach a server, in one line of a configuration.

How this works: the URL is matched as a whole before anything in it is decoded (RFC 3986 §2.4), by a grammar that is
stricter than the RFC's in one point: an ``@`` stands only between the login and the host. A password whose ``/``, ``?``
or ``#`` was not encoded would otherwise be read as a host, a path or a parameter, and be quoted by the next error. No
message shows any part of the URL but the name of a parameter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from transfer._wire.url import decode, parse_host, parse_port

__all__ = ["options_from"]

_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://"
    r"(?:(?P<login>[^@/?#\[\]]*)@)?"
    r"(?P<host>\[[^@/?#\[\]]*\]|[^@/?#\[\]:]*)(?::(?P<port>[0-9]+))?"
    r"(?P<path>/[^@?#]*)?"
    r"(?:\?(?P<query>[^@?#]*))?"
)
_SCHEMES = ("smtp", "smtps", "lmtp")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SUBMISSION_PORT = 587
_START_TLS = {"required": True, "auto": None, "never": False}


def options_from(url: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a connection that *url* describes, those *given* in the place of its own.

    ``ConnectOptions.from_url`` says what a URL may hold. Parameters that make a connection less safe than its scheme
    says, such as ``validate_certs``, are none of a URL's: they stay visible in the program.

    Raises:
        ValueError: *url* breaks a rule, which is named; nothing secret is shown.
    """
    match = None if _CONTROL.search(url) or " " in url else _URL.fullmatch(url)
    if match is None or match["scheme"].lower() not in _SCHEMES:
        raise ValueError(
            "a connection URL is smtp://, smtps:// or lmtp://, [user[:password]@]host[:port] or the path of a Unix"
            " socket, and ?name=value&…; in these, blanks and : / ? # @ [ ] % are percent-encoded"
        )
    scheme = match["scheme"].lower()
    found = _login(match["login"]) | _place(match["host"], match["port"], match["path"]) | _parameters(match["query"])
    if scheme == "smtps":
        if "start_tls" in found:
            raise ValueError("smtps:// is TLS from the first octet and excludes start_tls")
        found["use_tls"] = True
    if scheme == "lmtp":
        found["lmtp"] = True
    options = found | dict(given)
    if scheme == "smtp" and _is_submission(options):
        options["start_tls"] = True
    return options


def _is_submission(options: Mapping[str, Any]) -> bool:
    if "start_tls" in options or any(options.get(name) for name in ("use_tls", "sock", "socket_path")):
        return False
    port = options.get("port")
    return port == _SUBMISSION_PORT or (port is None and options.get("username") is not None)


def _login(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    name, colon, password = text.partition(":")
    if not name:
        raise ValueError("the URL has an @ without a user name before it")
    login = {"username": decode(name, "user name")}
    return login | {"password": decode(password, "password")} if colon else login


def _place(host: str, port: str | None, path: str | None) -> dict[str, Any]:
    if not host:
        if port is not None or path in (None, "/"):
            raise ValueError("the URL names neither a host nor the path of a Unix socket")
        return {"socket_path": decode(path or "", "path")}
    if path not in (None, "/"):
        raise ValueError("a URL with a host has no path; that of a Unix socket follows three slashes")
    number = parse_port(port)
    return {"hostname": parse_host(host)} | ({} if number is None else {"port": number})


def _parameters(query: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in (query or "").split("&") if query is not None else ():
        name, _, value = pair.partition("=")
        if name not in _PARAMETERS:
            raise ValueError(f"{name[:40]!a} is no parameter of a URL; they are {', '.join(_PARAMETERS)}")
        if name in found:
            raise ValueError(f"the URL gives {name} twice")
        found[name] = _PARAMETERS[name](decode(value, name))
    return found


def _text(value: str) -> str:
    if not value:
        raise ValueError("a parameter of the URL is empty")
    return value


def _start_tls(value: str) -> bool | None:
    if value not in _START_TLS:
        raise ValueError(f"start_tls is one of {', '.join(_START_TLS)}")
    return _START_TLS[value]


def _seconds(value: str) -> float:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value):
        raise ValueError("timeout is a number of seconds")
    return float(value)


_PARAMETERS: dict[str, Callable[[str], object]] = {
    "start_tls": _start_tls,
    "timeout": _seconds,
    "local_hostname": _text,
    "server_hostname": _text,
    "cert_bundle": _text,
    "client_cert": _text,
    "client_key": _text,
    "proxy": _text,
}
