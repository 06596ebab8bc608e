"""What programs read from a client beyond its state: its options, and facts of its socket and of TLS."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, overload

import attrs

from transfer.smtp._errors import SMTPServerDisconnected
from transfer.smtp._options import ConnectOptions
from transfer.smtp._session import Session

if TYPE_CHECKING:
    import socket
    import ssl

__all__ = ["Attributes"]

T = TypeVar("T")


class _Option(Generic[T]):
    """An attribute of the client that gives what ``get`` finds in its options.

    What is assigned is checked with the other options, and counts from the next connection on.
    """

    def __init__(self, get: Callable[[ConnectOptions], T], doc: str) -> None:
        self._get = get
        self.__doc__ = doc

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: Attributes, owner: type) -> T: ...
    def __get__(self, client: Attributes | None, owner: type) -> Self | T:
        return self if client is None else self._get(client._options)

    def __set__(self, client: Attributes, value: T) -> None:
        changes: dict[str, Any] = {self._name: value}
        client._options = attrs.evolve(client._options, **changes)


class Attributes:
    """The options of a client as attributes, and what is known of its connection."""

    AUTH_METHODS: ClassVar[tuple[str, ...]] = ("cram-md5", "plain", "login")
    """What a subclass replaces that has an order, or ``auth_…`` methods, of its own. As it is here :meth:`login` tries
    SCRAM first."""

    _options: ConnectOptions
    _session: Session | None

    hostname: _Option[str | None] = _Option(lambda options: options.hostname, "The server to connect to, as given.")
    port: _Option[int | None] = _Option(
        lambda options: options.target_port, "The port to connect to, as given or as it follows from the rest."
    )
    local_hostname: _Option[str | None] = _Option(
        lambda options: options.local_hostname, "What EHLO says; None asks the system."
    )
    source_address: _Option[tuple[str, int] | None] = _Option(
        lambda options: options.source_address, "Host and port to connect from."
    )
    timeout: _Option[float | None] = _Option(
        lambda options: options.timeout_seconds, "Seconds for each reply and each block sent."
    )
    use_tls: _Option[bool] = _Option(lambda options: options.is_implicit_tls, "Whether TLS begins with the first byte.")
    validate_certs: _Option[bool] = _Option(
        lambda options: options.validate_certs, "Whether the server's certificate is checked."
    )
    client_cert: _Option[str | os.PathLike[str] | None] = _Option(
        lambda options: options.client_cert, "File of this side's certificate."
    )
    client_key: _Option[str | os.PathLike[str] | None] = _Option(lambda options: options.client_key, "File of its key.")
    cert_bundle: _Option[str | os.PathLike[str] | None] = _Option(
        lambda options: options.cert_bundle, "File of the certificates to trust."
    )
    tls_context: _Option[ssl.SSLContext | None] = _Option(
        lambda options: options.tls_context, "The TLS settings to use as they are."
    )
    socket_path: _Option[str | bytes | os.PathLike[str] | None] = _Option(
        lambda options: options.socket_path, "The Unix socket to connect to."
    )
    sock: _Option[socket.socket | None] = _Option(lambda options: options.sock, "The socket that was handed in.")

    @property
    def server_auth_methods(self) -> list[str]:
        """The mechanisms that the server offers, in lower case and its order."""
        return list(self._session.extensions.auth_methods) if self._session is not None else []

    @property
    def supported_auth_methods(self) -> list[str]:
        """The mechanisms that both sides know, of those in ``AUTH_METHODS``, in that order."""
        return [name for name in self.AUTH_METHODS if name in self.server_auth_methods]

    def get_transport_info(self, key: str) -> Any:  # noqa: ANN401  # each key has a type of its own
        """Return a fact of the connection; None for one that does not apply.

        Args:
            key: ``socket``, ``peername``, ``sockname``; inside TLS ``ssl_object``, ``sslcontext``, ``peercert``,
                ``cipher``, ``compression``.

        Raises:
            SMTPServerDisconnected: there is no connection.
        """
        if self._session is None or not self._session.is_alive:
            raise SMTPServerDisconnected("Not connected")
        stream = self._session.channel.stream
        sock, tls = stream.raw_socket, stream.tls
        if key == "socket":
            return sock
        if key in ("peername", "sockname"):
            try:
                return sock.getpeername() if key == "peername" else sock.getsockname()
            except OSError:  # reset at this moment
                return None
        if tls is None:
            return None
        facts: dict[str, Callable[[], Any]] = {
            "ssl_object": lambda: tls,
            "sslcontext": lambda: stream.tls_context,
            "peercert": tls.getpeercert,
            "cipher": tls.cipher,
            "compression": tls.compression,
        }
        return facts[key]() if key in facts else None
