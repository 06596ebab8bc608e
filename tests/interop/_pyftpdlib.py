"""pyftpdlib in a thread of this process: in clear, or with TLS on request."""

from __future__ import annotations

import threading

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
from pyftpdlib.ioloop import IOLoop
from pyftpdlib.servers import FTPServer as Acceptor

from tests.interop._servers import HOST, PASSWORD, USER, FtpServer, Site, features

MODES = ("plain", "explicit")

_FEATURES = features("EPRT EPSV MDTM MFMT MLST REST SIZE TVFS UTF8")
_TLS_FEATURES = features("AUTH PBSZ PROT")
_EVERY_RIGHT = "elradfmwMT"
_POLL_SECONDS = 0.05


def start(site: Site, mode: str) -> FtpServer:
    """Start pyftpdlib in *mode*, one of ``MODES``."""
    root = site.folder / "root"
    root.mkdir()
    authorizer = DummyAuthorizer()
    authorizer.add_user(USER, PASSWORD, str(root), perm=_EVERY_RIGHT)
    # Handlers are configured by class attributes: a class of our own for each server.
    attributes: dict[str, object] = {"authorizer": authorizer, "auth_failed_timeout": 0}
    if mode == "explicit":
        attributes["certfile"] = str(site.certificates.combined)
    handler = type("Handler", (FTPHandler if mode == "plain" else TLS_FTPHandler,), attributes)
    loop = IOLoop()
    acceptor = Acceptor((HOST, 0), handler, ioloop=loop)
    _serve(site, acceptor, loop)
    return FtpServer(
        name="pyftpdlib",
        mode=mode,
        port=acceptor.address[1],
        ca_file=None if mode == "plain" else site.certificates.authority,
        features=_FEATURES if mode == "plain" else _FEATURES | _TLS_FEATURES,
        folder=site.folder,
        root=root,
    )


def _serve(site: Site, acceptor: Acceptor, loop: IOLoop) -> None:
    """Run the *loop* of *acceptor* in a thread until the clean-up."""
    ending = threading.Event()

    def run() -> None:
        while not ending.is_set():
            # Not serve_forever, which would write its greeting to the log each time.
            loop.loop(timeout=_POLL_SECONDS, blocking=False)
        acceptor.close_all()

    thread = threading.Thread(target=run, name="pyftpdlib")
    thread.start()
    site.cleanup.callback(thread.join)
    site.cleanup.callback(ending.set)
