"""TLS settings, the contexts made from them, and the tickets that let a data connection resume a session."""

from __future__ import annotations

import functools
import os
import ssl
from pathlib import Path

import attrs

__all__ = ["TLS", "SessionStore"]


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
        if self.context is not None and (self.ca_file or self.certificate or self.key or not self.verify):
            raise ValueError("context excludes verify, ca_file, certificate and key")
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
        return _client_context(self, store, _changed(self.ca_file), _changed(self.certificate), _changed(self.key))


def _changed(path: str | None) -> int | None:
    return None if path is None else Path(path).stat().st_mtime_ns


@functools.lru_cache(maxsize=32)
def _client_context(settings: TLS, *_state: object) -> ssl.SSLContext:
    if settings.truststore:
        import truststore  # an extra: costs nothing to those who do not ask for it

        context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if settings.ca_file:
            context.load_verify_locations(settings.ca_file)
    else:
        context = ssl.create_default_context(cafile=settings.ca_file)
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.minimum_version = settings.minimum_version
    if settings.certificate:
        context.load_cert_chain(settings.certificate, settings.key, settings.key_password)
    # CPython sets this option and thereby hides that a peer ended without close_notify: truncation must be seen.
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    return context


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

    def remember(self, tls_socket: ssl.SSLSocket | None) -> None:
        """Keep the session of *tls_socket* if it has one that can be resumed; call it before ``unwrap``."""
        session = None if tls_socket is None else tls_socket.session
        if session is not None and (session.has_ticket or session.id):
            self._session = session
