"""What a client was told when it was made, checked and in the form that the rest works with."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

import attrs

from transfer._net.throttle import Throttle
from transfer._net.timeouts import Timeouts
from transfer._net.tls import TLS
from transfer._wire.dialect import FTP_CLIENT
from transfer._wire.reply import ReplyParser
from transfer.ftp._listing import ListingParser
from transfer.ftp._profile import ServerProfile

if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = [
    "DEFAULT_ACCOUNT",
    "DEFAULT_BLOCK_SIZE",
    "DEFAULT_PASSWORD",
    "DEFAULT_PORT",
    "DEFAULT_USER",
    "END_OF_LINE",
    "PASSIVE_COMMANDS",
    "ListingLimits",
    "Settings",
    "StreamThrottle",
    "check_passive_commands",
    "choose_proxy",
    "choose_timeouts",
    "choose_tls",
    "make_throttle",
]

DEFAULT_PORT = 21
DEFAULT_USER = "anonymous"
DEFAULT_PASSWORD = "anon@"  # noqa: S105  # what anonymous users say, and no secret
DEFAULT_ACCOUNT = ""
DEFAULT_BLOCK_SIZE = 8192
END_OF_LINE = "\r\n"
PASSIVE_COMMANDS = ("epsv", "pasv")


class StreamThrottle(NamedTuple):
    """A client's speed limits for data; ``read.limit`` and ``write.limit`` may be changed at any time."""

    read: Throttle
    write: Throttle

    def clone(self) -> StreamThrottle:
        """Return the same limits with accounts of their own."""
        return StreamThrottle(self.read.clone(), self.write.clone())

    @classmethod
    def from_limits(
        cls, read_speed_limit: float | None = None, write_speed_limit: float | None = None
    ) -> StreamThrottle:
        """Return limits in bytes per second, None for no limit."""
        return cls(Throttle(limit=read_speed_limit), Throttle(limit=write_speed_limit))


@attrs.frozen(kw_only=True)
class ListingLimits:
    """How much a server may say in one listing: octets in a line, entries, octets in all."""

    line_octets: int = 16_384
    entries: int = 1_000_000
    octets: int = 256 * 1024 * 1024


def _check_encoding(_instance: object, _attribute: object, value: str) -> None:
    try:
        ReplyParser(FTP_CLIENT, value)
    except LookupError as exc:
        raise ValueError(f"{value!r} is not an encoding that Python knows") from exc


def _check_ports(_instance: object, _attribute: object, value: tuple[int, ...] | None) -> None:
    if value is not None and not (value and all(1 <= port <= 65535 for port in value)):
        raise ValueError("active_ports are ports from 1 to 65535, at least one of them")


def _check_address(_instance: object, _attribute: object, value: str | None) -> None:
    if value is not None:
        ipaddress.ip_address(value)


def _check_interval(_instance: object, _attribute: object, value: float | None) -> None:
    if value is not None and not value > 0:
        raise ValueError(f"noop_interval is a number of seconds above 0 or None, not {value!r}")


def check_passive_commands(commands: Iterable[str]) -> tuple[str, ...]:
    """Return *commands* in lower case.

    Raises:
        ValueError: they are not one or both of those that there are.
    """
    lower = tuple(command.lower() for command in commands)
    if not lower or not set(lower) <= set(PASSIVE_COMMANDS):
        raise ValueError(f"passive commands are one or both of {PASSIVE_COMMANDS}, not {lower!r}")
    return lower


@attrs.frozen(kw_only=True)
class Settings:
    """Everything that a connection is made with; the arguments of ``Client`` explain it."""

    timeouts: Timeouts
    tls: TLS
    implicit_tls: bool
    encoding: str = attrs.field(validator=_check_encoding)
    passive_commands: tuple[str, ...] = attrs.field(converter=check_passive_commands)
    trust_passive_address: bool
    allow_cleartext_auth: bool
    require_close_notify: bool
    active: bool = False
    active_ports: tuple[int, ...] | None = attrs.field(default=None, validator=_check_ports)
    active_address: str | None = attrs.field(default=None, validator=_check_address)
    protect_data: bool = True
    noop_interval: float | None = attrs.field(default=None, validator=_check_interval)
    virtual_host: str | None = None
    client_name: str | None = None
    negotiate: bool = False
    profile: ServerProfile | None = None
    reconnect: bool = False
    proxy: str | None
    source_address: tuple[str, int] | None
    throttle: StreamThrottle
    parser: ListingParser
    read_epsv: Callable[[str], tuple[str | None, int]]
    """What reads the text of a 229 reply: an address, None for that of the control connection, and the port."""
    read_pasv: Callable[[str], tuple[str, int]]
    limits: ListingLimits

    def __attrs_post_init__(self) -> None:
        if self.active and self.proxy is not None:
            raise ValueError("active excludes proxy: the server could not reach this side")
        if not self.active and (self.active_ports is not None or self.active_address is not None):
            raise ValueError("active_ports and active_address go with active=True")


def choose_timeouts(
    timeouts: Timeouts | None, socket_timeout: float | None, connection_timeout: float | None
) -> Timeouts:
    """Bring the three ways to say how long to wait into one; what is not said has a finite default.

    Raises:
        ValueError: both *timeouts* and *socket_timeout* are given, or a number is not above 0.
    """
    if timeouts is not None and socket_timeout is not None:
        raise ValueError("timeouts and socket_timeout exclude each other")
    if timeouts is None:
        # RFC 959 sets no limits; five minutes for a greeting are meant for busy mail servers.
        timeouts = Timeouts(greeting=60)
        if socket_timeout is not None:
            # It is for the sockets in use; the dial has its own.
            timeouts = attrs.evolve(Timeouts.uniform(socket_timeout), connect=timeouts.connect)
    return timeouts if connection_timeout is None else attrs.evolve(timeouts, connect=connection_timeout)


def choose_proxy(
    proxy: str | None,
    host: str | None,
    port: int | None,
    version: int,
    username: str | None,
    password: str | None,
) -> str | None:
    """Bring the two ways to name a proxy into one, its URL.

    Raises:
        ValueError: both are used, or something is missing.
    """
    if host is None:
        if port is not None or username is not None or password is not None:
            raise ValueError("socks_port, username and password are those of a proxy, and socks_host is not given")
        return proxy
    if proxy is not None:
        raise ValueError("proxy and socks_host exclude each other")
    if port is None or version not in (4, 5):
        raise ValueError("a SOCKS proxy has a socks_port, and socks_version is 4 or 5")
    login = "" if username is None else f"{quote(username, safe='')}:{quote(password or '', safe='')}@"
    return f"socks{version}://{login}{f'[{host}]' if ':' in host else host}:{port}"


def choose_tls(tls: TLS | None, ssl: bool | SSLContext | None) -> TLS:
    """Bring the two ways to set up TLS into one.

    Raises:
        ValueError: both *tls* and a context are given.
    """
    if ssl is None or isinstance(ssl, bool):
        return tls or TLS()
    if tls is not None:
        raise ValueError("a context in ssl excludes tls")
    return TLS(context=ssl)


def make_throttle(read_speed_limit: float | None, write_speed_limit: float | None) -> StreamThrottle:
    """Make the limits of one client, in bytes per second.

    Raises:
        ValueError: a limit is below 0; 0 and None are no limit.
    """
    for limit in (read_speed_limit, write_speed_limit):
        if limit is not None and limit < 0:
            raise ValueError(f"a speed limit is in bytes per second or None, not {limit!r}")
    return StreamThrottle.from_limits(read_speed_limit, write_speed_limit)
