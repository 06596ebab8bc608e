"""A TLS context with a session to resume, for code that asks for a context and knows nothing of sessions.

The streams of this package take sessions by themselves; programs that set up connections of their own use this.
"""

from __future__ import annotations

import socket
import ssl

__all__ = ["SSLSessionBoundContext"]


class SSLSessionBoundContext(ssl.SSLContext):
    """Passes everything that sets up a connection on to *context*, and has it resume *session*.

    Args:
        protocol: ``ssl.PROTOCOL_TLS_CLIENT``, as for every context.
        context: whose settings and certificates count; those of the object itself do not.
        session: of an earlier connection by *context* to the same host.
    """

    __slots__ = ("context", "session")

    def __init__(
        self,
        protocol: int,  # noqa: ARG002  # __new__ reads it
        context: ssl.SSLContext,
        session: ssl.SSLSession,
    ) -> None:
        self.context: ssl.SSLContext = context
        self.session: ssl.SSLSession = session

    def _chosen(self, session: ssl.SSLSession | None) -> ssl.SSLSession:
        if session is not None:
            raise ValueError("the session was given when the context was made")
        return self.session

    def wrap_socket(
        self,
        sock: socket.socket,
        server_side: bool = False,
        do_handshake_on_connect: bool = True,
        suppress_ragged_eofs: bool = True,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLSocket:
        """Wrap a socket, as :meth:`ssl.SSLContext.wrap_socket` does.

        Raises:
            ValueError: another session is given.
        """
        return self.context.wrap_socket(
            sock,
            server_side=server_side,
            do_handshake_on_connect=do_handshake_on_connect,
            suppress_ragged_eofs=suppress_ragged_eofs,
            server_hostname=server_hostname,
            session=self._chosen(session),
        )

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Wrap two buffers, as :meth:`ssl.SSLContext.wrap_bio` does.

        Raises:
            ValueError: another session is given.
        """
        return self.context.wrap_bio(
            incoming,
            outgoing,
            server_side=server_side,
            server_hostname=server_hostname,
            session=self._chosen(session),
        )
