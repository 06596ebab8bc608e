"""pyftpdlib for anonymous users who may write: ``python -m benchmarks.programs.ftp_server ROOT [OPTION ...]``."""

from __future__ import annotations

import argparse
import logging
import warnings

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
from pyftpdlib.servers import FTPServer


def main(options: argparse.Namespace) -> None:
    """Print the port and serve until the process is ended."""
    logging.basicConfig(level=logging.ERROR)
    warnings.filterwarnings("ignore", "write permissions assigned to anonymous user")
    authorizer = DummyAuthorizer()
    authorizer.add_anonymous(options.root, perm="elradfmwMT")
    # Handlers are configured by class attributes.
    attributes: dict[str, object] = {"authorizer": authorizer}
    if options.certificate is not None:
        attributes["certfile"] = options.certificate
    if options.told_address is not None:
        attributes["masquerade_address"] = options.told_address
    if options.data_ports is not None:
        first, last = options.data_ports
        attributes["passive_ports"] = range(first, last + 1)
    handler = type("Handler", (FTPHandler if options.certificate is None else TLS_FTPHandler,), attributes)
    server = FTPServer(("127.0.0.1", options.port), handler)
    print(server.address[1], flush=True)
    server.serve_forever(handle_exit=False)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("root")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--certificate", help="offer TLS with this one")
    parser.add_argument("--told-address", help="what PASV tells, where a network in between has another")
    parser.add_argument("--data-ports", type=int, nargs=2, metavar=("FIRST", "LAST"))
    return parser.parse_args()


if __name__ == "__main__":
    main(_parse())
