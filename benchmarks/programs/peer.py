"""The other end of a file transfer, at the speed of C: blocking sockets, sendfile, one buffer.

How this works: the peer is to cost so little that the contestant is what is measured. What it receives in the clear it
lets the kernel throw away (``MSG_TRUNC``, Linux), because a copy into a buffer would hold up every sender alike.

``python -m benchmarks.programs.peer SOURCE [CERTIFICATE]`` prints its port. Each connection begins with nine octets:
``S`` and a size, and it takes that many octets and answers with one; or ``R`` and a size, and it sends the beginning of
SOURCE and closes. With CERTIFICATE, a PEM file with its key, everything is inside TLS 1.3.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import struct
import sys
from pathlib import Path

HEADER = struct.Struct("!cQ")
SEND, RECEIVE = b"S", b"R"
DONE = b"!"
_BLOCK_BYTES = 1 << 20
_BUFFER_BYTES = 256 * 1024


def header(direction: bytes, size: int) -> bytes:
    """Return the nine octets with which a contestant opens."""
    return HEADER.pack(direction, size)


def _swallow(connection: socket.socket, size: int) -> None:
    buffer = memoryview(bytearray(_BLOCK_BYTES))
    flags = socket.MSG_TRUNC if sys.platform == "linux" and not _is_tls(connection) else 0
    while size and (count := connection.recv_into(buffer, min(size, _BLOCK_BYTES), flags)):
        size -= count
    if not size:
        connection.sendall(DONE)
        # The contestant closes first.
        connection.recv(1)


def _give(connection: socket.socket, source: int, size: int) -> None:
    if isinstance(connection, ssl.SSLSocket):
        _give_inside_tls(connection, source, size)
        return
    offset = 0
    while offset < size:
        offset += os.sendfile(connection.fileno(), source, offset, min(_BLOCK_BYTES, size - offset))


def _give_inside_tls(connection: ssl.SSLSocket, source: int, size: int) -> None:
    buffer = memoryview(bytearray(_BUFFER_BYTES))
    with open(source, "rb", buffering=0, closefd=False) as file:
        file.seek(0)
        while size and (count := file.readinto(buffer[:size])):
            connection.sendall(buffer[:count])
            size -= count
    connection.unwrap()


def _serve(connection: socket.socket, source: int) -> None:
    direction, size = HEADER.unpack(connection.recv(HEADER.size, 0 if _is_tls(connection) else socket.MSG_WAITALL))
    if direction == SEND:
        _swallow(connection, size)
    else:
        _give(connection, source, size)


def _is_tls(connection: socket.socket) -> bool:
    return isinstance(connection, ssl.SSLSocket)


def main(source: Path, certificate: Path | None) -> None:
    """Serve one connection after the other until the process is ended."""
    context = None
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    descriptor = os.open(source, os.O_RDONLY)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            connection = listener.accept()[0]
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
                stack.callback(connection.close)
                if context is not None:
                    connection = stack.enter_context(context.wrap_socket(connection, server_side=True))
                _serve(connection, descriptor)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
