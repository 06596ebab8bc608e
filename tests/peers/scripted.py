"""A peer that plays a script per connection, on real sockets, and tells the test what did not go by the script.

    async with ScriptedPeer() as peer:
        peer.script(send(b"220 ready\r\n"), expect(b"NOOP\r\n"), hang())
        ...  # connect to peer.host, peer.port

A step that the client did not follow is an AssertionError at the end of the block, or a note on the exception that is
already on its way. Every wait is bounded. When a script has come to its end the peer half-closes and reads on until the
client closes; end it with ``expect_eof()`` where the client may not send more.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Iterator

from tests.peers import descriptors
from tests.peers.server import PeerServer
from tests.peers.steps import Left, Mismatch, Step
from tests.peers.wire import Cut, Gone, Patience, Stopped, Wire

_PLACEHOLDER = re.compile(rb"\{(\w+)(:pasv)?\}")


class Connection:
    """One control connection, with its data connections and captures, in its own thread."""

    def __init__(self, peer: ScriptedPeer, wire: Wire, script: tuple[Step, ...]) -> None:
        self.peer, self.wire, self.script = peer, wire, script
        self.played = 0
        """Steps done."""
        self._skipping = False
        self._listeners: dict[str, socket.socket] = {}
        self._ports: dict[str, int] = {}
        self._data: dict[str, Wire] = {}
        wire.when_cut.append(self._close_data)  # a server that dies takes all its connections with it

    def play(self) -> None:
        """Play the script; AssertionError for what the client did not do."""
        try:
            for step in self._steps():
                try:
                    self._play(step)
                except Cut:
                    if self.wire.was_cut:
                        raise
                    self._skipping = True
                    self.wire.send(self.peer.data_cut_reply)
                self.played += 1
            self.wire.half_close()
            self.wire.drain()
        finally:
            self._close_data()

    def _close_data(self) -> None:
        for listener in self._listeners.values():
            descriptors.close(listener)
        for wire in self._data.values():
            wire.close()

    def _steps(self) -> Iterator[Step]:
        # After a cut data connection "426" stands in for what the script says up to the client's next command.
        for step in self.script:
            self._skipping = self._skipping and not step.listens
            if not self._skipping:
                yield step

    def _play(self, step: Step) -> None:
        where = f"connection {self.peer.connections.index(self) + 1}, step {self.played + 1}: "
        try:
            step.play(self)
        except Mismatch as exc:
            raise Mismatch(where + str(exc)) from exc
        except (Left, Gone, Patience, Stopped) as exc:
            if step.may_remain or self.peer.client_may_leave or self.peer.was_cut:
                raise Stopped from exc
            text = str(exc) if isinstance(exc, Left) else f"{step}: {str(exc) or 'the peer was closed'}"
            raise Left(where + text) from exc

    # -- used by the steps

    def capture(self, found: dict[str, bytes]) -> None:
        """Keep *found* for the test and for later sends."""
        self.peer.captured.update(found)

    def fill_in(self, data: bytes) -> bytes:
        """Replace the placeholders whose name is known."""

        def value(found: re.Match[bytes]) -> bytes:
            name = found[1].decode()
            if name in self._ports:
                port = self._ports[name]
                return (
                    f"{self.peer.host.replace('.', ',')},{port >> 8},{port & 255}".encode()
                    if found[2]
                    else b"%d" % port
                )
            return self.peer.captured.get(name, found[0])

        return _PLACEHOLDER.sub(value, data)

    def pause(self, seconds: float) -> bool:
        """Let *seconds* pass; whether the peer was closed meanwhile."""
        return self.peer.stopping(seconds)

    def handshake(self, wire: Wire, context: ssl.SSLContext, *, fails: bool) -> None:
        """Answer a handshake on *wire*."""
        try:
            wire.start_tls(context)
        except ssl.SSLError as exc:
            if not fails:
                raise Left(f"the TLS handshake failed: {exc}") from exc
        else:
            # A TLS 1.3 client refuses after the server's part is done: its alert comes with the first read.
            if fails and self._goes_on(wire):
                raise Mismatch("expected the client to refuse the TLS handshake\nreceived: it completed")

    @staticmethod
    def _goes_on(wire: Wire) -> bool:
        try:
            return wire.fill()
        except (Gone, Patience, Stopped):
            return False

    def listen_data(self, name: str) -> None:
        """Open the data listener *name*."""
        listener = self.peer.listen()
        self._listeners[name], self._ports[name] = listener, listener.getsockname()[1]

    def accept_data(self, name: str) -> None:
        """Accept the data connection *name*; the listener is closed then."""
        listener = self._listeners.pop(name)
        try:
            self.peer.wait_any(listener)
            sock, _ = listener.accept()
        finally:
            descriptors.close(listener)
        self._add_data(name, sock)

    def connect_data(self, name: str, port: str) -> None:
        """Connect the data connection *name*."""
        number = int(self.peer.captured[port])
        try:
            self._add_data(name, self.peer.dial(self.wire.socket.getpeername()[0], number))
        except OSError as exc:
            raise Left(f"the client's data listener {number}: {exc}") from exc

    def data(self, name: str) -> Wire:
        """The data connection *name*."""
        return self._data[name]

    def _add_data(self, name: str, sock: socket.socket) -> None:
        self._data[name] = self.peer.new_wire(sock, data=True)
        self._data[name].cut_if_due()


class ScriptedPeer(PeerServer):
    """A listener that plays scripts; see the module's text and ``PeerServer`` for the arguments.

    With *client_may_leave* a client may go away at any step and scripts may remain unplayed; wrong octets still fail.
    """

    def __init__(self, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]  # PeerServer's own keywords
        self.captured: dict[str, bytes] = {}
        """Named groups of ``expect_line``, and what ``expect_until`` and ``receive_data`` took."""
        self.data_cut_reply = b"426 data connection cut\r\n"
        """What the control connection says in place of the script's next replies when a data connection was cut."""
        self.connections: list[Connection] = []
        self._scripts: list[tuple[Step, ...]] = []
        self._always: tuple[Step, ...] | None = None
        self._scripts_lock = threading.Lock()

    def script(self, *steps: Step) -> None:
        """Queue a script for the next connection that has none."""
        self._scripts.append(steps)

    def always(self, *steps: Step) -> None:
        """Play this script on every connection for which none is queued."""
        self._always = steps

    @property
    def received(self) -> bytes:
        """All plaintext that the clients sent on control connections, in the connections' order."""
        return b"".join(bytes(connection.wire.received) for connection in self.connections)

    def serve(self, wire: Wire) -> None:
        with self._scripts_lock:
            script = self._scripts.pop(0) if self._scripts else self._always
            if script is None:
                raise AssertionError(f"connection {self.accepted}: the peer has no script for it")
            connection = Connection(self, wire, script)
            self.connections.append(connection)
        connection.play()

    def finish(self) -> None:
        if self._scripts and not (self.client_may_leave or self.was_cut):
            self.failures.append(f"{len(self._scripts)} script(s) never played: the client did not connect")
