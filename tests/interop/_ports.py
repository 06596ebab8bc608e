"""Pick TCP ports for servers that take their port from a configuration file."""

from __future__ import annotations

import random
import socket

_given: set[int] = set()


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port of *host* that nothing listens on and that this process has not been given before.

    The kernel takes the ports of outgoing connections and of ``bind(0)`` from 32768 upwards (Linux) or 49152
    upwards (RFC 6335 §6), so a port below stays free until the server that it is meant for binds it.
    """
    while True:
        port = random.randrange(20000, 32768)
        if port in _given:
            continue
        with socket.socket() as probe:
            # The servers set it too: a connection in TIME_WAIT must not hide a usable port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
        _given.add(port)
        return port
