"""An FTP server in a thread: TLS required on both connections, and one that breaks off downloads on demand."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import TLS_DTPHandler, TLS_FTPHandler
from pyftpdlib.ioloop import IOLoop
from pyftpdlib.servers import FTPServer as Acceptor

__all__ = ["FileServer", "run_ftp_server"]

_EVERY_RIGHT = "elradfmwMT"
_POLL_SECONDS = 0.05
_BREAK_AFTER_BYTES = 1024 * 1024


@attrs.define(eq=False)
class FileServer:
    """Where it listens, what it serves, and how many of the next downloads it will break off."""

    port: int
    root: Path
    user: str
    password: str
    downloads_to_break: int = 0


@contextmanager
def run_ftp_server(certificate: Path, root: Path, user: str, password: str) -> Iterator[FileServer]:
    """Run the server for as long as the body takes."""
    authorizer = DummyAuthorizer()
    authorizer.add_user(user, password, str(root), perm=_EVERY_RIGHT)
    server = FileServer(port=0, root=root, user=user, password=password)

    class Data(TLS_DTPHandler):  # type: ignore[misc]  # pyftpdlib has no types
        def send(self, data: bytes) -> int:
            if server.downloads_to_break and self.tot_bytes_sent > _BREAK_AFTER_BYTES:
                server.downloads_to_break -= 1
                self.handle_close()  # what it does when the network is gone: a 426, with the file in pieces
                return 0
            sent: int = super().send(data)
            return sent

    attributes = {
        "authorizer": authorizer,
        "certfile": str(certificate),
        "dtp_handler": Data,
        "tls_control_required": True,
        "tls_data_required": True,
        "auth_failed_timeout": 0,
    }
    # Handlers are configured by class attributes.
    acceptor = Acceptor(("127.0.0.1", 0), type("Control", (TLS_FTPHandler,), attributes), ioloop=IOLoop())
    server.port = acceptor.address[1]
    ending = threading.Event()

    def serve() -> None:
        while not ending.is_set():
            acceptor.ioloop.loop(timeout=_POLL_SECONDS, blocking=False)
        acceptor.close_all()

    thread = threading.Thread(target=serve, name="demo-ftp-server")
    thread.start()
    try:
        yield server
    finally:
        ending.set()
        thread.join()
