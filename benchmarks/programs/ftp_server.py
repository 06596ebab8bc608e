"""pyftpdlib for anonymous users who may write: ``python -m benchmarks.programs.ftp_server ROOT [CERTIFICATE]``."""

from __future__ import annotations

import logging
import sys
import warnings

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
from pyftpdlib.servers import FTPServer


def main(root: str, certificate: str | None) -> None:
    """Print the port and serve until the process is ended."""
    logging.basicConfig(level=logging.ERROR)
    warnings.filterwarnings("ignore", "write permissions assigned to anonymous user")
    authorizer = DummyAuthorizer()
    authorizer.add_anonymous(root, perm="elradfmw")
    # Handlers are configured by class attributes.
    attributes: dict[str, object] = {"authorizer": authorizer}
    if certificate is not None:
        attributes["certfile"] = certificate
    handler = type("Handler", (FTPHandler if certificate is None else TLS_FTPHandler,), attributes)
    server = FTPServer(("127.0.0.1", 0), handler)
    print(server.address[1], flush=True)
    server.serve_forever(handle_exit=False)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
