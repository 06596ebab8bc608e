"""A small proxy in threads: HTTP CONNECT, SOCKS 4a and SOCKS 5, told apart by their first octet, to real targets.

with MiniProxy(names={"files.example": server.host}) as proxy:
    ftp.Client(proxy=f"socks5://{proxy.host}:{proxy.port}")
"""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Mapping

from tests.peers import descriptors
from tests.peers.server import PeerServer
from tests.peers.wire import Gone, Wire

_BLOCK = 65_536


class MiniProxy(PeerServer):
    """A proxy; see the module's text, and ``PeerServer`` for further arguments.

    Args:
        names: what the names of hosts that only the proxy knows lead to.
    """

    def __init__(self, *, names: Mapping[str, str] | None = None, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]  # PeerServer's own keywords
        self.names = dict(names or {})
        self.targets: list[tuple[str, int]] = []
        """Host, as the client called it, and port of each connection that was asked for, in order."""

    def url(self, scheme: str) -> str:
        """Return what the client is given to come here."""
        return f"{scheme}://{self.host}:{self.port}"

    def serve(self, wire: Wire) -> None:
        first = wire.read_exactly(1)
        if first == b"C":
            host, port, granted, refused = self._asked_by_http(wire)
        elif first == b"\x05":
            host, port, granted, refused = self._asked_by_socks5(wire)
        else:
            host, port, granted, refused = self._asked_by_socks4(wire)
        self.targets.append((host, port))
        try:
            target = descriptors.adopt(self.dial(self.names.get(host, host), port))
        except OSError:
            wire.send(refused)
            return
        try:
            wire.send(granted)
            self._relay(wire.socket, target, bytes(wire.buffer))
        finally:
            descriptors.close(target)

    def _asked_by_http(self, wire: Wire) -> tuple[str, int, bytes, bytes]:
        _, target, _ = wire.read_line().decode().split(" ")
        while wire.read_line():
            pass
        host, _, port = target.rpartition(":")
        return host, int(port), b"HTTP/1.1 200 go on\r\n\r\n", b"HTTP/1.1 502 no way\r\n\r\n"

    def _asked_by_socks5(self, wire: Wire) -> tuple[str, int, bytes, bytes]:
        wire.read_exactly(wire.read_exactly(1)[0])
        wire.send(b"\x05\x00")
        kind = wire.read_exactly(4)[3]
        if kind == 3:
            host = wire.read_exactly(wire.read_exactly(1)[0]).decode()
        else:
            family, size = (socket.AF_INET, 4) if kind == 1 else (socket.AF_INET6, 16)
            host = socket.inet_ntop(family, wire.read_exactly(size))
        port = int.from_bytes(wire.read_exactly(2))
        end = b"\x00\x01\x00\x00\x00\x00\x00\x00"
        return host, port, b"\x05\x00" + end, b"\x05\x05" + end

    def _asked_by_socks4(self, wire: Wire) -> tuple[str, int, bytes, bytes]:
        wire.read_exactly(1)
        port = int.from_bytes(wire.read_exactly(2))
        address = wire.read_exactly(4)
        wire.read_until(b"\0")
        host = wire.read_until(b"\0").decode() if address.startswith(b"\0\0\0") else socket.inet_ntoa(address)
        return host, port, b"\x00\x5a" + bytes(6), b"\x00\x5b" + bytes(6)

    def _relay(self, near: socket.socket, far: socket.socket, early: bytes) -> None:
        """Carry what comes on either side to the other, until both have said their end."""
        far.sendall(early)
        far.setblocking(False)
        other = {near: far, far: near}
        while other:
            for source in self.wait_any(*other):
                try:
                    data = source.recv(_BLOCK)
                    self._pass_on(data, other[source])
                except OSError as exc:
                    raise Gone(str(exc)) from exc
                if not data:
                    del other[source]

    def _pass_on(self, data: bytes, to: socket.socket) -> None:
        if not data:
            with contextlib.suppress(OSError):
                to.shutdown(socket.SHUT_WR)
        view = memoryview(data)
        while view:
            select.select([], [to], [], self.patience_seconds)
            view = view[to.send(view) :]
