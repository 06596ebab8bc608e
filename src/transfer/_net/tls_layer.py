"""TLS over a non-blocking socket, by few and large system calls.

How this works: OpenSSL works on memory only, and this class carries octets between that memory and the socket. An
``ssl.SSLSocket`` reads and writes the socket record by record, 16 KiB at a time and each in two pieces when it reads,
which costs half as much again as everything else. The methods behave like those of a non-blocking ``ssl.SSLSocket``
with ``suppress_ragged_eofs=False``: where the socket would block they raise SSLWantReadError or SSLWantWriteError and
are to be called again, :meth:`TlsLayer.send` with the same octets; where the peer has gone without a word, SSLEOFError.
"""

from __future__ import annotations

import contextlib
import socket
import ssl

__all__ = ["TlsLayer"]

# As much as the block of a file (256 KiB): one system call brings it, or takes it away.
_MOST_BYTES = 256 * 1024
# A buffer of the caller's that has less room is no place for what comes from the network.
_LEAST_BYTES = 64 * 1024
_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)


class TlsLayer:
    """One side of TLS on a socket, which stays the caller's to wait for and to close.

    Args:
        sock: connected and non-blocking.
        context: as for ``SSLContext.wrap_bio``, like all others.

    Attributes:
        object: OpenSSL's side, for looking only.

    Raises:
        ssl.SSLError, ValueError: as ``SSLContext.wrap_bio``.
    """

    def __init__(
        self, sock: socket.socket, context: ssl.SSLContext, *, server_hostname: str | None, server_side: bool
    ) -> None:
        self._socket = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.object = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_side, server_hostname=server_hostname
        )
        self._unsent = memoryview(b"")
        self._accepted = 0
        """How many octets of the caller's are encrypted without having gone in full."""
        self._failure: ssl.SSLError | None = None
        self._has_ended = False

    def do_handshake(self) -> None:
        """Shake hands."""
        while True:
            try:
                self.object.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                self._pull(None)
            except ssl.SSLError:
                with contextlib.suppress(OSError):
                    self._flush()  # the alert that says why
                raise
            else:
                self._flush()
                self._hurry()
                return

    def _hurry(self) -> None:
        # A server's session tickets follow the handshake. Where Nagle's algorithm is on (RFC 896) nothing goes after
        # them until they are acknowledged, and Linux would put that off for 40 ms, for each data connection anew.
        if _QUICKACK is not None:
            with contextlib.suppress(OSError):  # no TCP
                self._socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)

    def recv(self, max_bytes: int) -> bytes:
        """Return what one record brings, ``b""`` after a close_notify."""
        self._raise_failure()
        while True:
            try:
                return self.object.read(max_bytes)
            except ssl.SSLWantReadError:
                self._answer()
                self._pull(None)
            except ssl.SSLError as exc:
                self._failure = exc
                raise

    def recv_into(self, buffer: memoryview) -> int:
        """Fill *buffer* as far as what has arrived goes, and return how far; 0 after a close_notify.

        All of *buffer* may be overwritten.
        """
        self._raise_failure()
        filled = 0
        while True:
            try:
                while rest := len(buffer) - filled:
                    count: int = self.object.read(rest, buffer[filled:])  # type: ignore[assignment]  # with a buffer
                    if not count:
                        break
                    filled += count
            except ssl.SSLWantReadError:
                if not filled:
                    self._answer()
                    self._pull(buffer)
                    continue
            except ssl.SSLError as exc:
                self._failure = exc
                if not filled:  # otherwise once what came before has been taken
                    raise
            return filled

    def send(self, data: memoryview) -> int:
        """Send a part of *data* and return how much.

        Where SSLWantWriteError was raised, the same octets are to follow: they have been encrypted already.
        """
        while data and not self._accepted:
            self._flush()
            try:
                self._accepted = self.object.write(data[:_MOST_BYTES])
            except ssl.SSLWantReadError:
                self._pull(None)
        self._flush()
        sent, self._accepted = self._accepted, 0
        return sent

    def unwrap(self) -> None:
        """Say close_notify; the peer's is not awaited."""
        if not self._has_ended:
            self._has_ended = True
            # The word is in memory whatever OpenSSL says of the peer's: that it is missing, or behind unread octets.
            with contextlib.suppress(OSError, ValueError):
                self.object.unwrap()
        self._flush()

    def leave(self) -> bytes:
        """Say close_notify, take the peer's, and return what came behind it, which is no TLS any more."""
        while True:
            try:
                self.object.unwrap()
            except ssl.SSLWantReadError:
                self._flush()
                self._pull(None)
            else:
                self._flush()
                return self._incoming.read()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _answer(self) -> None:
        # OpenSSL has an answer now and then while it reads: to a new key, for one. It can wait for the next send.
        if self._outgoing.pending:
            with contextlib.suppress(ssl.SSLWantWriteError):
                self._flush()

    def _pull(self, buffer: memoryview | None) -> None:
        """Take to memory what has arrived, by way of *buffer* if it has room enough."""
        try:
            if buffer is not None and len(buffer) >= _LEAST_BYTES:
                octets: memoryview | bytes = buffer[: self._socket.recv_into(buffer)]
            else:
                octets = self._socket.recv(_LEAST_BYTES)
        except (BlockingIOError, InterruptedError):
            raise ssl.SSLWantReadError from None
        if octets:
            self._incoming.write(octets)
        else:
            self._incoming.write_eof()

    def _flush(self) -> None:
        """Take from memory to the socket what is to go."""
        while self._unsent or self._outgoing.pending:
            if not self._unsent:
                self._unsent = memoryview(self._outgoing.read())
            try:
                sent = self._socket.send(self._unsent)
            except (BlockingIOError, InterruptedError):
                raise ssl.SSLWantWriteError from None
            self._unsent = self._unsent[sent:]
