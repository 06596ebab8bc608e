"""The peer's end of one connection: blocking to its own thread, bounded in time, counted, and cut where a test says.

How this works: the socket is non-blocking underneath; every wait is a ``select`` on it and on the peer's stop
signal with a deadline. TLS runs through an ``SSLObject`` over two memory BIOs, so that what is counted, and where
the output is cut, are octets on the wire, handshake included.
"""

from __future__ import annotations

import contextlib
import enum
import select
import socket
import ssl
import struct
import time
from collections.abc import Callable

from tests.peers import descriptors

_BLOCK = 65_536
_GRACE_SECONDS = 0.05  # what a client sent just before the peer was closed is still played


class CutMode(enum.Enum):
    """How a connection ends when its peer has sent ``cut_after`` octets."""

    FIN = "fin"
    """An orderly end of file; what the client still sends is read and thrown away."""
    RESET = "reset"
    """RST, through SO_LINGER 0."""


class Gone(Exception):
    """The client closed or reset the connection."""


class Stopped(Exception):
    """The peer is being closed by its test."""


class Cut(Exception):
    """The connection was cut after ``cut_after`` octets, as told."""


class Patience(AssertionError):
    """The client did not do its part within the peer's patience."""


class Wire:
    """One accepted connection.

    Args:
        sock: a connected socket, owned from here on.
        stop: becomes readable when the peer is being closed.
        patience_seconds: the longest single wait.
        cut_after: octets on the wire after which the connection is cut, or None.
        cut_mode: how it is cut.
    """

    def __init__(
        self,
        sock: socket.socket,
        *,
        stop: socket.socket,
        patience_seconds: float = 5.0,
        cut_after: int | None = None,
        cut_mode: CutMode = CutMode.FIN,
    ) -> None:
        sock.setblocking(False)
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = descriptors.adopt(sock)
        self.received = bytearray()
        """All plaintext that ever came in."""
        self.buffer = bytearray()
        """The part of it that nobody took yet."""
        self.sent = 0
        """Octets sent, on the wire."""
        self.was_cut = False
        self.ended = False
        """The client's end of file was seen."""
        self.close_notify = False
        """It was announced by TLS."""
        self.tls: ssl.SSLObject | None = None
        self._raw_ended = False
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._stop, self._patience = stop, patience_seconds
        self._cut_after, self._cut_mode = cut_after, cut_mode
        self.when_cut: list[Callable[[], None]] = []
        """Called in turn when the connection is cut, before anything else happens."""

    def cut_if_due(self) -> None:
        """Cut before the first octet when told to cut after none."""
        if self._cut_after is not None and self.sent >= self._cut_after:
            self._cut()

    # -- input

    def fill(self, deadline: float | None = None) -> bool:
        """Read once into the buffer; False at the end of the client's input.

        Raises Gone on a reset, Stopped, and Patience after *deadline* (monotonic; default: the peer's patience).
        """
        deadline = time.monotonic() + self._patience if deadline is None else deadline
        data = self._read_raw(deadline) if self.tls is None else self._read_tls(self.tls, deadline)
        self.buffer += data
        self.received += data
        self.ended = self.ended or not data
        return bool(data)

    def take(self, count: int) -> bytes:
        """Remove *count* octets from the buffer."""
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    def read_line(self) -> bytes:
        """The next line without its CRLF or LF; Gone at the end of file."""
        return self.read_until(b"\n").removesuffix(b"\r")

    def read_until(self, end: bytes) -> bytes:
        """What comes before *end*, which is taken as well; Gone at the end of file."""
        deadline, start = time.monotonic() + self._patience, 0
        while (found := self.buffer.find(end, start)) < 0:
            start = max(0, len(self.buffer) - len(end) + 1)
            if not self.fill(deadline):
                raise Gone("end of file")
        data = self.take(found)
        self.take(len(end))
        return data

    def read_exactly(self, count: int) -> bytes:
        """The next *count* octets; Gone at the end of file."""
        while len(self.buffer) < count:
            if not self.fill():
                raise Gone("end of file")
        return self.take(count)

    def read_to_end(self) -> bytes:
        """Everything up to the client's end of file; every block has its own patience."""
        while self.fill():
            pass
        return self.take(len(self.buffer))

    def readable(self) -> bool:
        """Whether input is there now, in the buffer or on the socket."""
        return self.pending() or bool(select.select([self.socket], [], [], 0)[0])

    def pending(self) -> bool:
        """Whether input is there that the socket no longer shows."""
        return bool(self.buffer) or (self.tls is not None and bool(self.tls.pending() or self._incoming.pending))

    def hang(self, *, reading: bool = True) -> None:
        """Do nothing until the client goes away; Stopped when the peer is closed first."""
        if reading:
            while self.fill(float("inf")):
                pass
            return
        poll = select.poll()  # POLLRDHUP tells that the client left although nothing is read
        poll.register(self.socket, select.POLLRDHUP)
        poll.register(self._stop, select.POLLIN)
        if any(descriptor == self._stop.fileno() for descriptor, _ in poll.poll()):
            raise Stopped

    def _read_raw(self, deadline: float) -> bytes:
        while True:
            try:
                return self.socket.recv(_BLOCK)
            except BlockingIOError:
                self._wait(deadline, reading=True)
            except OSError as exc:
                raise Gone(str(exc)) from exc

    def _read_tls(self, tls: ssl.SSLObject, deadline: float) -> bytes:
        while True:
            try:
                data = tls.read(_BLOCK)
            except ssl.SSLWantReadError:
                self._flush()
                self._feed(deadline)
                continue
            except ssl.SSLZeroReturnError:
                data = b""
            except ssl.SSLEOFError:
                return b""
            except ssl.SSLError as exc:
                raise Gone(f"TLS: {exc}") from exc
            if not data:
                # Python sets OP_IGNORE_UNEXPECTED_EOF, and then a bare FIN looks like close_notify.
                self.close_notify = not self._raw_ended
            return data

    def _feed(self, deadline: float) -> None:
        data = self._read_raw(deadline)
        if data:
            self._incoming.write(data)
        else:
            self._raw_ended = True
            self._incoming.write_eof()

    # -- output

    def send(self, data: bytes) -> None:
        """Send all of *data*; raises Cut at the octet where the connection is to be cut."""
        if self.tls is None:
            self._send_raw(data)
            return
        self.tls.write(data)
        self._flush()

    def _flush(self) -> None:
        self._send_raw(self._outgoing.read())

    def _send_raw(self, data: bytes) -> None:
        view = memoryview(data)
        deadline = time.monotonic() + self._patience
        while view:
            block = view if self._cut_after is None else view[: self._cut_after - self.sent]
            try:
                count = self.socket.send(block)
            except BlockingIOError:
                self._wait(deadline, reading=False)
                continue
            except OSError as exc:
                raise Gone(str(exc)) from exc
            self.sent += count
            view = view[count:]
            deadline = time.monotonic() + self._patience
            self.cut_if_due()

    def _wait(self, deadline: float, *, reading: bool) -> None:
        to_read, to_write = ([self.socket], []) if reading else ([], [self.socket])
        for_ever = deadline == float("inf")
        left = None if for_ever else max(0.0, deadline - time.monotonic())
        readable, writable, _ = select.select([*to_read, self._stop], to_write, [], left)
        if self.socket in readable or writable:
            return
        if not readable:
            raise Patience("the client sent nothing" if reading else "the client read nothing")
        if for_ever or not any(select.select(to_read, to_write, [], _GRACE_SECONDS)):
            raise Stopped

    # -- TLS

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Answer the client's handshake; ssl.SSLError when it fails, Gone when the client leaves in its middle."""
        self._incoming.write(self.take(len(self.buffer)))
        tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        deadline = time.monotonic() + self._patience
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush()
                self._feed(deadline)
            except ssl.SSLEOFError as exc:
                raise Gone("end of file in the TLS handshake") from exc
            except ssl.SSLError:
                with contextlib.suppress(Gone):
                    self._flush()  # the alert
                raise
        self.tls = tls
        self._flush()

    def stop_tls(self, *, first: bool = True, then: bytes = b"") -> None:
        """End TLS and go on in clear; *first* says close_notify before the client's has come, and *then* with it.

        Raises Gone when the client leaves without its own.
        """
        assert self.tls is not None
        tls, deadline = self.tls, time.monotonic() + self._patience
        if not first and self.fill(deadline):
            raise Gone("the client went on in TLS")
        while True:
            try:
                tls.unwrap()
                break
            except ssl.SSLWantReadError:
                self._send_raw(self._outgoing.read() + then)
                then = b""
                self._feed(deadline)
            except ssl.SSLError as exc:
                raise Gone(f"TLS: {exc}") from exc
        self._send_raw(self._outgoing.read() + then)
        self.tls = None
        self.ended = self.close_notify = False
        self.buffer += self._incoming.read()

    # -- the end

    def half_close(self) -> None:
        """Say that nothing more is coming (with close_notify under TLS), and go on reading."""
        self._say_close_notify()
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def close(self, *, notify: bool = True) -> None:
        """Close both directions with FIN, under TLS after close_notify unless *notify* is false; never raises."""
        if self.socket.fileno() < 0:
            return
        if notify:
            self._say_close_notify()
        # Unread input would turn the FIN into a RST.
        with contextlib.suppress(OSError):
            while self.socket.recv(_BLOCK):
                pass
        descriptors.close(self.socket)

    def reset(self) -> None:
        """Send RST; never raises."""
        if self.socket.fileno() >= 0:
            with contextlib.suppress(OSError):
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            descriptors.close(self.socket)

    def drain(self) -> None:
        """Read and drop what the client still sends, until it closes or loses its time; never raises."""
        with contextlib.suppress(OSError, Gone, Stopped, Patience):
            while self._read_raw(time.monotonic() + self._patience):
                pass

    def _say_close_notify(self) -> None:
        if self.tls is None:
            return
        with contextlib.suppress(Gone, Stopped, Patience, Cut):
            with contextlib.suppress(ssl.SSLError):
                self.tls.unwrap()  # WANT_READ until the client has said it too, which nobody waits for
            self._flush()

    def _cut(self) -> None:
        self.was_cut = True
        for call in self.when_cut:
            call()
        if self._cut_mode is CutMode.RESET:
            self.reset()
        else:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)
            self.drain()
            descriptors.close(self.socket)
        raise Cut
