"""A network in between: a TCP proxy that hands everything on after a while, and is as fast as it was otherwise.

How this works: each direction of a connection has one thread that receives, and notes when each piece is due, and one
that waits until then and sends; so nothing overtakes anything, and what was received together is sent together. The
end of a direction is handed on in the same way. Between the two, there is room for far more than arrives in the
meantime. Connecting itself takes no longer than without.

``python -m benchmarks.programs.delay PORT SECONDS`` prints the port on which it listens for connections to *PORT*;
*SECONDS* is the way in one direction, half of a round trip. With ``HOST FIRST LAST`` behind, it listens on another
address of this machine under the very numbers of *PORT* and the ports from *FIRST* to *LAST*, as FTP needs it.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import sys
import threading
import time

_HOST = "127.0.0.1"
_BLOCK_BYTES = 64 * 1024
_MOST_BLOCKS = 1024

_Due = tuple[float, bytes]


def _receive(source: socket.socket, pieces: queue.Queue[_Due], seconds: float) -> None:
    piece = b"something"
    while piece:
        try:
            piece = source.recv(_BLOCK_BYTES)
        except OSError:
            piece = b""
        pieces.put((time.monotonic() + seconds, piece))


def _send(target: socket.socket, pieces: queue.Queue[_Due]) -> None:
    while True:
        due, piece = pieces.get()
        time.sleep(max(0.0, due - time.monotonic()))
        # What is for somebody who has gone is dropped.
        with contextlib.suppress(OSError):
            if piece:
                target.sendall(piece)
            else:
                target.shutdown(socket.SHUT_WR)
        if not piece:
            return


def _connect(client: socket.socket, port: int, seconds: float) -> None:
    with client, socket.create_connection((_HOST, port)) as server:
        threads = []
        for source, target in ((client, server), (server, client)):
            source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pieces: queue.Queue[_Due] = queue.Queue(_MOST_BLOCKS)
            threads += [
                threading.Thread(target=_receive, args=(source, pieces, seconds), daemon=True),
                threading.Thread(target=_send, args=(target, pieces), daemon=True),
            ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _serve(listener: socket.socket, port: int, seconds: float) -> None:
    while True:
        client, _ = listener.accept()
        threading.Thread(target=_connect, args=(client, port, seconds), daemon=True).start()


def main(port: int, seconds: float, host: str | None = None, first: int = 0, last: int = -1) -> None:
    """Hand on one connection after the other, and several at once, until the process is ended."""
    for data_port in range(first, last + 1):
        listener = socket.create_server((host or _HOST, data_port))
        threading.Thread(target=_serve, args=(listener, data_port, seconds), daemon=True).start()
    with socket.create_server((host or _HOST, port if host else 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        _serve(listener, port, seconds)


if __name__ == "__main__":
    _port, _seconds, *_elsewhere = sys.argv[1:]
    if _elsewhere:
        _address, _first, _last = _elsewhere
        main(int(_port), float(_seconds), _address, int(_first), int(_last))
    else:
        main(int(_port), float(_seconds))
