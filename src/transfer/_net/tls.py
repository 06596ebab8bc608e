"""TLS settings, the contexts made from them, and the tickets that let a data connection resume a session."""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import ssl
from pathlib import Path

import attrs

from transfer._net.names import ascii_host
from transfer._net.tls_layer import TlsLayer

__all__ = ["TLS", "SessionStore", "verifies_peer", "wrap"]

# Some versions of CPython set this option, and OpenSSL then passes a connection that was cut off for one that ended.
_IGNORE_UNEXPECTED_EOF = getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)


def _path(value: str | os.PathLike[str] | None) -> str | None:
    return None if value is None else os.fspath(value)


@attrs.frozen(kw_only=True)
class TLS:
    """How to set up TLS towards a server. The default verifies its certificate and name against the system's store.

    Attributes:
        verify: False accepts any certificate: the connection is then private only against those who merely listen.
        ca_file: PEM file with the authorities to trust instead of the system's.
        certificate: PEM file with this side's own certificate chain, where the server asks for one.
        key: PEM file with its key, unless that is in *certificate*.
        key_password: the key's pass phrase.
        server_hostname: the name to check and to send (SNI) instead of the host that was dialled.
        truststore: ask the operating system itself to verify (package ``truststore``, extra of the same name).
        minimum_version: the oldest version to agree to.
        context: a context of one's own, used as it is; excludes all of the above but *server_hostname*.
    """

    verify: bool = True
    ca_file: str | None = attrs.field(default=None, converter=_path)
    certificate: str | None = attrs.field(default=None, converter=_path)
    key: str | None = attrs.field(default=None, converter=_path)
    key_password: str | None = attrs.field(default=None, repr=False)
    server_hostname: str | None = None
    truststore: bool = False
    minimum_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    context: ssl.SSLContext | None = None

    def __attrs_post_init__(self) -> None:
        if self.context is not None and attrs.evolve(self, context=None, server_hostname=None) != TLS(
            minimum_version=self.minimum_version
        ):
            raise ValueError("context excludes all other settings but server_hostname")
        if self.key is not None and self.certificate is None:
            raise ValueError("key belongs to a certificate, and there is none")
        if self.truststore and not self.verify:
            raise ValueError("truststore is a way to verify and excludes verify=False")

    def client_context(self) -> ssl.SSLContext:
        """Return the context for these settings; equal settings share one, because making one takes megabytes.

        Raises:
            OSError, ssl.SSLError: a file could not be read or is not PEM.
        """
        if self.context is not None:
            return self.context
        # The system's store is found through these variables, so a change of them means another context.
        store = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
        files = *store, self.ca_file, self.certificate, self.key
        return _client_context(self, store, *map(_version, files))


def _version(path: str | None) -> tuple[int, int] | None:
    """Return what differs once the file at *path* has been written anew; None where there is none to be read."""
    try:
        status = Path(path or "").stat()
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_ino


@functools.lru_cache(maxsize=32)
def _client_context(settings: TLS, *_state: object) -> ssl.SSLContext:
    if settings.truststore:
        import truststore  # an extra: costs nothing to those who do not ask for it

        context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if settings.ca_file:
            context.load_verify_locations(settings.ca_file)
    elif settings.verify:
        context = ssl.create_default_context(cafile=settings.ca_file)
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # without the megabyte of authorities that nobody asks
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.minimum_version = settings.minimum_version
    if settings.certificate:
        # Without a password at all OpenSSL would ask for one on the terminal, and wait.
        context.load_cert_chain(settings.certificate, settings.key, settings.key_password or "")
    context.options &= ~_IGNORE_UNEXPECTED_EOF
    return context


def verifies_peer(context: ssl.SSLContext) -> bool:
    """Whether a handshake with *context* succeeds only with a server whose certificate and name have been verified."""
    return context.verify_mode == ssl.CERT_REQUIRED and context.check_hostname


def wrap(
    context: ssl.SSLContext,
    sock: socket.socket,
    server_hostname: str | None,
    session: ssl.SSLSession | None,
    *,
    server_side: bool,
) -> TlsLayer:
    """Put TLS on *sock* without a handshake, so that a missing close_notify will be noticed.

    Args:
        context: keeps its settings.
        sock: connected and non-blocking; stays the caller's.
        server_hostname: ignored on the server's side.
        session: offered if it was made with the same context; otherwise the handshake will be a full one.
        server_side: which side to take.

    Raises:
        ssl.SSLError, ValueError: as ``SSLContext.wrap_bio``.
    """
    if server_side:
        server_hostname = None
    elif server_hostname is not None:
        server_hostname = _to_ascii(server_hostname)
    elif context.check_hostname:  # which wrap_bio, unlike wrap_socket, lets pass, and then nothing is checked
        raise ValueError("a context that checks the host's name needs one to check")
    options = context.options
    if options & _IGNORE_UNEXPECTED_EOF:  # a connection copies the options when it is made
        context.options = options & ~_IGNORE_UNEXPECTED_EOF
    try:
        layer = TlsLayer(sock, context, server_side=server_side, server_hostname=server_hostname)
    finally:
        if options & _IGNORE_UNEXPECTED_EOF:
            context.options = options
    if session is not None and not server_side:
        with contextlib.suppress(ValueError):  # another context's
            layer.object.session = session
    return layer


class SessionStore:
    """The newest TLS session of one control connection and its data connections.

    Servers that insist on session reuse (RFC 4217 §7 calls it "a good way") accept the newest ticket only, and TLS 1.3
    tickets come with any connection and at any time after the handshake. A store belongs to one connection to one
    host and one context: a session is never offered to anybody else.
    """

    __slots__ = ("_session",)

    def __init__(self) -> None:
        self._session: ssl.SSLSession | None = None

    @property
    def newest(self) -> ssl.SSLSession | None:
        """The session to offer next, None before the first one that can be resumed."""
        return self._session

    def remember(self, tls: ssl.SSLObject | None) -> None:
        """Keep the session of *tls* if it has one that can be resumed; call it before ``unwrap``."""
        session = None if tls is None else tls.session
        if session is not None and (session.has_ticket or session.id):
            self._session = session


def _to_ascii(name: str) -> str:
    """Return *name* as it is sent; raise ValueError where it is none."""
    if "\0" in name or not name:
        raise ValueError(f"{name!r} is no host name")
    spelled = ascii_host(name)
    spelled.encode("idna")  # as it will be done
    return spelled
