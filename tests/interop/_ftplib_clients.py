"""The standard library's FTP client in the three modes of a server, with TLS session resumption added."""

from __future__ import annotations

import ftplib
import socket
import ssl
from typing import Any

from tests.interop._servers import FtpServer

_SECONDS = 15.0


class ExplicitClient(ftplib.FTP_TLS):
    """FTP_TLS whose data connections resume the session of the control connection, or begin one of their own."""

    resume = True

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        connection, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        control = self.sock
        assert isinstance(control, ssl.SSLSocket)
        session = control.session if self.resume else None
        return self.context.wrap_socket(connection, server_hostname=self.host, session=session), size


class ImplicitClient(ExplicitClient):
    """The same on a port where TLS begins with the first octet."""

    def connect(self, *args: Any, **options: Any) -> str:
        self.host, self.port = args
        bare = socket.create_connection((self.host, self.port), _SECONDS)
        self.af = bare.family
        self.sock = self.context.wrap_socket(bare, server_hostname=self.host)
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()
        return self.welcome


def connect(server: FtpServer, *, resume: bool = True) -> ftplib.FTP:
    """Return a client that is connected to *server* but not logged in; a ``with`` statement ends it."""
    client: ftplib.FTP
    if server.mode == "plain":
        client = ftplib.FTP(timeout=_SECONDS)
    else:
        kind = ImplicitClient if server.mode == "implicit" else ExplicitClient
        client = kind(context=server.client_context(), timeout=_SECONDS)
        client.resume = resume
    client.connect(server.host, server.port)
    if server.mode == "explicit":
        assert isinstance(client, ExplicitClient)
        client.auth()
    return client


def log_in(server: FtpServer, *, resume: bool = True) -> ftplib.FTP:
    """Return a client that is logged in to *server*, its data connections as protected as the control connection."""
    client = connect(server, resume=resume)
    client.login(server.user, server.password)
    if isinstance(client, ExplicitClient):
        client.prot_p()
    return client
