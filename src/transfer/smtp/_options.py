"""ConnectOptions: how to reach a server and log in, checked, with the defaults that follow from each other."""

from __future__ import annotations

import enum
import os
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias

import attrs

from transfer._net.timeouts import Timeouts
from transfer.smtp._commands import check_hostname
from transfer.smtp._lines import LinePolicy
from transfer.smtp._mechanism import MechanismFactory
from transfer.smtp._mechanisms import check_names, needs_no_password
from transfer.smtp._url import options_from

if TYPE_CHECKING:
    import socket
    import ssl

__all__ = [
    "DEFAULT_TIMEOUT",
    "LMTP_PORT",
    "SMTP_PORT",
    "SMTP_STARTTLS_PORT",
    "SMTP_TLS_PORT",
    "UNSET",
    "ConnectOptions",
    "SMTPTokenGenerator",
    "Unset",
]

LMTP_PORT = 24
SMTP_PORT = 25
SMTP_TLS_PORT = 465
SMTP_STARTTLS_PORT = 587
DEFAULT_TIMEOUT = 60.0


class Unset(enum.Enum):
    """The type of :data:`UNSET`: an argument that was not given, where None means something."""

    UNSET = enum.auto()

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET
SMTPTokenGenerator: TypeAlias = Callable[[], Awaitable[str]]


def _check_line(_: object, attribute: attrs.Attribute[Any], value: str | None) -> None:
    if value is not None and any(character < " " or character == "\x7f" for character in value):
        raise ValueError(f"{attribute.name} holds a control character, a line break perhaps: {value[:80]!a}")


def _check_source(_: object, attribute: attrs.Attribute[Any], value: tuple[str, int] | None) -> None:
    if value is None:
        return
    host, port = value[0], value[1]
    _check_line(None, attribute, host)
    if not 0 <= port <= 65535:
        raise ValueError(f"the port of {attribute.name} is a number from 0 to 65535, not {port}")


def _check_path(_: object, attribute: attrs.Attribute[Any], value: str | bytes | os.PathLike[str] | None) -> None:
    # A path ends at a NUL, and would be another one; but for Linux's abstract addresses, which begin with one.
    path = os.fsencode(value or b"")
    if b"\0" in path and not path.startswith(b"\0"):
        raise ValueError(f"{attribute.name} holds a NUL: {path[:80]!r}")


def _check_timeout(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if isinstance(value, int | float) and not value > 0:
        raise ValueError(f"{attribute.name} is a number of seconds above 0 or None for ever, not {value!r}")


def _check_proxy(_: object, __: attrs.Attribute[Any], value: str | None) -> None:
    if value is not None:
        from transfer._net.proxy import check_proxy  # few need it

        check_proxy(value)


def _check_name(_: object, attribute: attrs.Attribute[Any], value: str | None) -> None:
    _check_line(None, attribute, value)
    if value is not None and not value.strip():
        raise ValueError(f"{attribute.name} is empty; None is the host that is connected to")


def _check_mechanisms(_: object, __: attrs.Attribute[Any], value: Sequence[str | MechanismFactory] | None) -> None:
    if value is not None:
        check_names(value)


def _clean_local_hostname(value: str | None) -> str | None:
    return None if value is None else check_hostname(value)


@attrs.frozen(kw_only=True)
class ConnectOptions:
    """The keyword arguments of ``SMTP()``, ``SMTP.connect()`` and ``send()``.

    Args:
        hostname: the server; None is localhost.
        port: None is 465 with implicit TLS, 587 with *start_tls*, else 25; for LMTP it is 24.
        username: None logs nobody in.
        password: excludes *oauth_token_generator*.
        oauth_token_generator: is awaited for a new access token at each login.
        local_hostname: what EHLO says; None asks the system.
        source_address: (host, port) to connect from.
        timeout: seconds for each reply and each block sent; None waits for ever. Not given, it is 60 s, but for the
            reply to the final dot. Timeouts give each step its own.
        use_tls: TLS from the first octet. None, the default, is True for port 465 unless *start_tls* is True.
        start_tls: True requires the upgrade, None takes it if offered, False never does.
        validate_certs: False accepts any certificate; of no effect with *tls_context*.
        client_cert: file of this side's certificate; excludes *tls_context*.
        client_key: file of its key.
        tls_context: used as it is.
        cert_bundle: file of the certificates to trust.
        socket_path: Unix socket to connect to; excludes *port* and *sock*.
        sock: connected socket, which is taken over; excludes *port*.
        allow_cleartext_auth: send a password without TLS even where it leaves this host.
        proxy: URL of a proxy to connect through; excludes *sock*, *socket_path* and *source_address*.
        server_hostname: the name in the server's certificate, where it is not *hostname*.
        line_policy: what to do with lines that no mail may have.
        mechanisms: the SASL mechanisms to log in by, the best first, as names or as factories that are given user name
            and password; None is SCRAM, CRAM-MD5, PLAIN and LOGIN, or OAUTHBEARER and XOAUTH2 for a token.
        lmtp: speak LMTP (RFC 2033), not SMTP.

    Raises:
        ValueError: options contradict each other, or a name holds what no name can.
    """

    hostname: str | None = attrs.field(default=None, validator=_check_line)
    port: int | None = None
    username: str | bytes | None = None
    password: str | bytes | None = attrs.field(default=None, repr=False)
    oauth_token_generator: Callable[[], Awaitable[str]] | None = attrs.field(default=None, repr=False)
    local_hostname: str | None = attrs.field(default=None, converter=_clean_local_hostname)
    source_address: tuple[str, int] | None = attrs.field(default=None, validator=_check_source)
    timeout: float | Timeouts | Unset | None = attrs.field(default=UNSET, validator=_check_timeout)
    use_tls: bool | None = None
    start_tls: bool | None = None
    validate_certs: bool = True
    client_cert: str | os.PathLike[str] | None = None
    client_key: str | os.PathLike[str] | None = attrs.field(default=None, repr=False)
    tls_context: ssl.SSLContext | None = None
    cert_bundle: str | os.PathLike[str] | None = None
    socket_path: str | bytes | os.PathLike[str] | None = attrs.field(default=None, validator=_check_path)
    sock: socket.socket | None = None
    allow_cleartext_auth: bool = False
    proxy: str | None = attrs.field(default=None, validator=_check_proxy, repr=False)
    server_hostname: str | None = attrs.field(default=None, validator=_check_name)
    line_policy: LinePolicy = LinePolicy.NORMALISE
    mechanisms: Sequence[str | MechanismFactory] | None = attrs.field(default=None, validator=_check_mechanisms)
    lmtp: bool = False

    def __attrs_post_init__(self) -> None:
        for is_wrong, fault in (
            (
                self.password is not None and self.oauth_token_generator is not None,
                "password and oauth_token_generator exclude each other",
            ),
            (
                self.start_tls and self.use_tls,
                "start_tls and use_tls exclude each other: use_tls is TLS from the first octet",
            ),
            (
                self.tls_context is not None and self.client_cert is not None,
                "tls_context and client_cert exclude each other: load the certificate into the context",
            ),
            (self.sock is not None and self.socket_path is not None, "sock and socket_path exclude each other"),
            (self.has_socket and self.port is not None, "a socket has no use for a port"),
            (self.has_socket and self.proxy is not None, "a proxy is for connections to a host and a port"),
            (
                self.proxy is not None and self.source_address is not None,
                "source_address and proxy exclude each other: the proxy makes the connection",
            ),
            (
                self.has_socket and self.use_tls and self.hostname is None and self.server_hostname is None,
                "use_tls over a socket needs hostname or server_hostname: the name in the certificate",
            ),
        ):
            if is_wrong:
                raise ValueError(fault)

    @classmethod
    def from_url(cls, url: str, /, **options: Any) -> Self:
        """Take the options from a connection URL; those given by name come first.

        The forms are ``smtp://``, ``smtps://`` (TLS from the first octet) and ``lmtp://``, followed by
        ``[user[:password]@]host[:port]``, or by ``/`` and the path of a Unix socket: ``lmtp:///run/dovecot/lmtp``.
        Names and values may be percent-encoded; blanks and ``: / ? # @ [ ] %`` in them have to be. Parameters:
        ``start_tls`` (``required``, ``auto``, ``never``), ``timeout`` (seconds), ``local_hostname``,
        ``server_hostname``, ``cert_bundle``, ``client_cert``, ``client_key``, ``proxy``.

        An ``smtp://`` URL with port 587, or with a user name and without a port, is one for submission: STARTTLS is
        required, and the port is 587, unless *start_tls* is said.

        Raises:
            ValueError: the URL breaks a rule; the message names the rule and never shows a password.

        RFC 3986, RFC 6409, RFC 8314 §3.3.
        """
        return cls(**options_from(url, options))

    @property
    def has_socket(self) -> bool:
        """Whether the way to the server is a socket or its path, not a host and a port."""
        return self.sock is not None or bool(self.socket_path)

    @property
    def target_hostname(self) -> str:
        """The host to connect to."""
        return "localhost" if self.hostname is None else self.hostname

    @property
    def certificate_hostname(self) -> str:
        """The name to send (SNI) and to look for in the server's certificate."""
        return self.server_hostname or self.target_hostname

    @property
    def target_port(self) -> int | None:
        """The port to connect to; None with a socket."""
        if self.has_socket or self.port is not None:
            return self.port
        if self.lmtp:
            return LMTP_PORT
        if self.use_tls:
            return SMTP_TLS_PORT
        return SMTP_STARTTLS_PORT if self.start_tls else SMTP_PORT

    @property
    def is_implicit_tls(self) -> bool:
        """Whether TLS begins before the greeting.

        RFC 8314 §3.3 gives port 465 to implicit TLS. A server there is silent until it has seen a handshake.
        """
        if self.use_tls is not None:
            return self.use_tls
        return self.port == SMTP_TLS_PORT and not self.start_tls

    @property
    def logs_in(self) -> bool:
        """Whether to log in on connecting: somebody has a name, or a mechanism was asked for that needs none."""
        return self.username is not None or any(map(needs_no_password, self.mechanisms or ()))

    @property
    def is_timeout_given(self) -> bool:
        """Whether the caller chose the time, which then also bounds the reply to the final dot."""
        return not isinstance(self.timeout, Unset)

    @property
    def timeout_seconds(self) -> float | None:
        """Seconds for each reply and each block; None waits for ever."""
        if isinstance(self.timeout, Timeouts):
            return self.timeout.reply
        return DEFAULT_TIMEOUT if isinstance(self.timeout, Unset) else self.timeout

    def evolve(self, **given: Any) -> ConnectOptions:
        """Put the *given* options in the place of these, those that are :data:`UNSET` aside.

        None is no value for ``use_tls`` and ``validate_certs`` and leaves them as they are.

        Raises:
            TypeError: there is no such option.
            ValueError: as at construction.
        """
        changes = {
            name: value
            for name, value in given.items()
            if value is not UNSET and not (value is None and name in {"use_tls", "validate_certs"})
        }
        return attrs.evolve(self, **changes) if changes else self
