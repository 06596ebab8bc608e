"""Accept connections and start one process for each, with the connection as its standard input and output.

Run as a script: ``_inetd.py HOST PORT PROGRAM ARGUMENT...``
"""

from __future__ import annotations

import os
import signal
import socket
import sys


def serve(host: str, port: int, command: list[str]) -> None:
    """Serve until killed."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children
    with socket.create_server((host, port), backlog=100) as listener:
        while True:
            connection, _ = listener.accept()
            with connection:
                if os.fork() == 0:
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    for descriptor in (0, 1):
                        os.dup2(connection.fileno(), descriptor)
                    os.execv(command[0], command)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
