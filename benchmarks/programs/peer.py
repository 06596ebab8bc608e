"""The other end of a file transfer. It costs so little that the contestant is what is measured.

How this works: on one connection a contestant says in a line what is to come, a second one carries the file and nothing
else, in the clear or inside TLS 1.3; as in FTP. What the peer receives it lets the kernel throw away (``MSG_TRUNC``,
Linux), TLS records undecrypted: a copy, or a decryption, would hold up every sender alike. What it sends inside TLS
it has encrypted before it says that it is ready.

``python -m benchmarks.programs.peer SOURCE [CERTIFICATE]`` prints its port; CERTIFICATE, a PEM file with its key,
turns TLS on. The line is "WHAT SIZE"::

    send       the contestant sends SIZE octets and ends the connection; the peer says "done"
    check      the same, but the peer compares with the beginning of SOURCE and says "same" or "different"
    receive    the peer waits for "go", sends the beginning of SOURCE and ends the connection

In each case the peer says "ready" once the second connection, and TLS, are there.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_BLOCK_BYTES = 1 << 20
_LINE_BYTES = 100


class _Tls:
    """The server's side of TLS over a blocking socket, encrypting and sending as separate acts."""

    def __init__(self, connection: socket.socket, context: ssl.SSLContext) -> None:
        self._connection = connection
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    def shake_hands(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._connection.sendall(self._outgoing.read())
                self._incoming.write(self._connection.recv(_BLOCK_BYTES))
            else:
                self._connection.sendall(self._outgoing.read())
                return

    def encrypt(self, block: bytes) -> bytes:
        self._tls.write(block)
        return self._outgoing.read()

    def end(self) -> bytes:
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        return self._outgoing.read()

    def decrypt(self, records: bytes) -> Iterator[bytes]:
        self._incoming.write(records)
        with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            while block := self._tls.read(_BLOCK_BYTES):
                yield block


def _swallow(data: socket.socket) -> None:
    buffer = memoryview(bytearray(_BLOCK_BYTES))
    flags = socket.MSG_TRUNC if sys.platform == "linux" else 0
    while data.recv_into(buffer, _BLOCK_BYTES, flags):
        pass


def _is_same(data: socket.socket, tls: _Tls | None, source: BinaryIO, size: int) -> bool:
    same, count = True, 0
    while octets := data.recv(_BLOCK_BYTES):
        for block in (octets,) if tls is None else tls.decrypt(octets):
            same = block == source.read(len(block)) and same
            count += len(block)
    return same and count == size


def _encrypted(tls: _Tls, source: BinaryIO, size: int) -> list[bytes]:
    records = []
    while size and (block := source.read(min(size, _BLOCK_BYTES))):
        records.append(tls.encrypt(block))
        size -= len(block)
    return [*records, tls.end()]


def _give(data: socket.socket, source: BinaryIO, size: int) -> None:
    offset = 0
    while offset < size:
        offset += os.sendfile(data.fileno(), source.fileno(), offset, min(_BLOCK_BYTES, size - offset))


def _serve(control: socket.socket, data: socket.socket, context: ssl.SSLContext | None, source: BinaryIO) -> None:
    what, size = control.recv(_LINE_BYTES).split()
    tls = None
    if context is not None:
        tls = _Tls(data, context)
        tls.shake_hands()
    source.seek(0)
    records = _encrypted(tls, source, int(size)) if tls is not None and what == b"receive" else None
    control.sendall(b"ready")
    if what == b"send":
        _swallow(data)
        control.sendall(b"done")
    elif what == b"check":
        control.sendall(b"same" if _is_same(data, tls, source, int(size)) else b"different")
    else:
        control.recv(_LINE_BYTES)
        if records is None:
            _give(data, source, int(size))
        else:
            for each in records:
                data.sendall(each)


def _server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # A ticket that a sender never reads would turn the end of its connection into a reset.
    context.num_tickets = 0
    return context


def main(path: Path, certificate: Path | None) -> None:
    """Serve one contestant after the other until the process is ended."""
    context = None if certificate is None else _server_context(certificate)
    with socket.create_server(("127.0.0.1", 0)) as listener, path.open("rb", buffering=0) as source:
        print(listener.getsockname()[1], flush=True)
        while True:
            with listener.accept()[0] as control, listener.accept()[0] as data, contextlib.suppress(OSError):
                data.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                _serve(control, data, context, source)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
