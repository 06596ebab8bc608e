"""What every peer is: a listener on loopback, one thread per connection, and failures that reach the test.

Threads, because a peer must not care what happens to the loop under test: a harness cancels its tasks at every
checkpoint, runs many short loops, or blocks it. Nothing here awaits, so entering and leaving a peer is no
checkpoint, and plain ``with`` works as well as ``async with``.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
import traceback
from types import TracebackType
from typing import Self

import anyio

from tests.peers import descriptors
from tests.peers.loopback import LOOPBACK
from tests.peers.wire import Cut, CutMode, Gone, Patience, Stopped, Wire


class PeerServer:
    """Base of the peers; a subclass says in ``serve`` what happens on a connection.

    Args:
        host: a loopback address to listen on; the port is free and chosen by the system.
        path: listen on this Unix socket instead.
        patience_seconds: the longest single wait for the client; then the peer fails, and the test with it.
        client_may_leave: a client that goes away early is no failure (it was cancelled, or cut off).
    """

    def __init__(
        self,
        *,
        host: str = LOOPBACK,
        path: str | None = None,
        patience_seconds: float = 5.0,
        client_may_leave: bool = False,
    ) -> None:
        self.host, self.path = host, path
        self.patience_seconds, self.client_may_leave = patience_seconds, client_may_leave
        self.port = 0
        """Known once the peer is entered, and kept when it has ended: connecting is refused then."""
        self.cut_after: int | None = None
        """Cut every control connection after this many octets sent by the peer (on the wire, TLS included)."""
        self.cut_data_after: int | None = None
        """The same for every data connection."""
        self.cut_mode = CutMode.FIN
        self.was_cut = False
        """Some connection was cut."""
        self.accepted = 0
        """Control connections so far."""
        self.failures: list[str] = []
        """What went wrong in the peer's threads; raised as one AssertionError at the end of the ``with`` block."""
        self._threads: list[threading.Thread] = []
        self._wires: list[Wire] = []
        self._data_wires: list[Wire] = []
        self._busy = 0
        self._lock = threading.Lock()

    def serve(self, wire: Wire) -> None:
        """Play the peer's part on one connection, in that connection's thread."""
        raise NotImplementedError

    def finish(self) -> None:
        """Called once, after every connection has ended, to add to ``failures``."""

    # -- connections

    def socketpair(self) -> socket.socket:
        """Give the client's end of a socket pair whose other end this peer serves like an accepted connection."""
        ours, theirs = socket.socketpair()
        self._start(self._serve, ours)
        return theirs

    def new_wire(self, sock: socket.socket, *, data: bool = False) -> Wire:
        """Take over a connected socket, to be cut as told for its kind."""
        wire = Wire(
            sock,
            stop=self._stop,
            patience_seconds=self.patience_seconds,
            cut_after=self.cut_data_after if data else self.cut_after,
            cut_mode=self.cut_mode,
        )
        wire.when_cut.append(self._note_cut)
        (self._data_wires if data else self._wires).append(wire)
        return wire

    def dial(self, host: str, port: int) -> socket.socket:
        """Connect to where somebody listens, from the peer's own address."""
        return socket.create_connection((host, port), self.patience_seconds, source_address=(self.host, 0))

    @property
    def control_octets(self) -> int:
        """Octets sent so far on control connections, TLS included."""
        return sum(wire.sent for wire in self._wires)

    @property
    def data_octets(self) -> int:
        """The same for data connections."""
        return sum(wire.sent for wire in self._data_wires)

    def listen(self) -> socket.socket:
        """A further listener on the same host, for data connections; close it with ``descriptors.close``."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        return descriptors.adopt(socket.create_server((self.host, 0), family=family))

    def _listen_unix(self, path: str) -> socket.socket:
        listener = descriptors.adopt(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        try:
            listener.bind(path)
        except OSError:
            descriptors.close(listener)
            raise
        listener.listen()
        return listener

    def wait_any(self, *sockets: socket.socket) -> list[socket.socket]:
        """Those of *sockets* that can be read; waits for one. Stopped and Patience as on a wire."""
        readable, _, _ = select.select([*sockets, self._stop], [], [], self.patience_seconds)
        if not readable:
            raise Patience("nothing came")
        if readable == [self._stop]:
            raise Stopped
        return [sock for sock in readable if sock is not self._stop]

    def stopping(self, seconds: float) -> bool:
        """Wait *seconds*; whether the peer is being closed."""
        return bool(select.select([self._stop], [], [], seconds)[0])

    async def served(self) -> None:
        """Wait until no connection is being served any more; AssertionError after the peer's patience."""
        with anyio.move_on_after(self.patience_seconds):
            while self._busy:  # noqa: ASYNC110 (it is counted in threads, which no event of the loop knows)
                await anyio.sleep(0.001)
        self.raise_failures()
        assert not self._busy, f"the peer still serves {self._busy} connection(s)"

    def raise_failures(self) -> None:
        """Raise what went wrong so far."""
        if self.failures:
            raise AssertionError("\n".join(self.failures))

    def _note_cut(self) -> None:
        self.was_cut = True

    def _start(self, target: object, *args: object) -> None:
        with self._lock:
            self._busy += target == self._serve
        thread = threading.Thread(target=target, args=args, daemon=True)  # type: ignore[arg-type]  # one of ours
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        listener.setblocking(False)
        stopping = False
        while not stopping:
            readable, _, _ = select.select([listener, self._stop], [], [])
            stopping = self._stop in readable  # a client that has connected by now is still served
            with contextlib.suppress(BlockingIOError):
                while True:
                    self._start(self._serve, listener.accept()[0])
        descriptors.close(listener)

    def _serve(self, sock: socket.socket) -> None:
        with self._lock:
            self.accepted += 1
        wire = self.new_wire(sock)
        try:
            wire.cut_if_due()
            self.serve(wire)
        except (Cut, Stopped, Gone):
            pass
        except AssertionError as exc:
            self.failures.append(str(exc))
        except Exception:  # noqa: BLE001 (it belongs to the test, not to this thread)
            self.failures.append(traceback.format_exc())
        finally:
            wire.close()
            with self._lock:
                self._busy -= 1

    # -- entering and leaving

    def __enter__(self) -> Self:
        listener = self._listen_unix(self.path) if self.path is not None else self.listen()
        if self.path is None:
            self.port = listener.getsockname()[1]
        self._stop, self._stopper = socket.socketpair()
        descriptors.adopt(self._stop)
        descriptors.adopt(self._stopper)
        self._start(self._accept, listener)
        return self

    def stop(self) -> None:
        """End every connection and wait for the threads, within the peer's patience; a second call does nothing."""
        with contextlib.suppress(OSError):
            self._stopper.send(b"!")
        deadline = time.monotonic() + self.patience_seconds + 1
        for thread in self._threads:  # grows until the first, the one that accepts, has ended
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                self.failures.append("a connection of the peer did not end")
        descriptors.close(self._stop)
        descriptors.close(self._stopper)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.finish()
        if error is None:
            self.raise_failures()
        elif self.failures:
            error.add_note("The peer says:\n" + "\n".join(self.failures))

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)
