"""Both ends of real connections: a `Stream` here, a blocking socket there, driven by the test or by a thread."""

from __future__ import annotations

import random
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

import anyio
import anyio.lowlevel
import pytest

from tests.conftest import BACKENDS
from transfer._errors import ErrorFamily
from transfer._net.stream import Stream
from transfer._net.timeouts import Deadline

S = TypeVar("S", bound=Stream)
ERRORS = ErrorFamily()
asyncio_only = pytest.mark.parametrize("anyio_backend", [backend for backend in BACKENDS if backend.id != "trio"])
"""For what asyncio alone has: ``task.cancel()`` and ``asyncio.wait_for``."""
SOON = 0.01
"""Seconds after which a wait that would last for ever is given up."""


def soon(phase: str = "answer") -> Deadline:
    """A deadline that a waiting test runs into at once."""
    return Deadline(SOON, phase)


def in_time(phase: str = "answer") -> Deadline:
    """A deadline that only a broken test meets."""
    return Deadline(10, phase)


def _peer_end(sock: socket.socket) -> socket.socket:
    sock.settimeout(10)
    return sock


@contextmanager
def pair_of(kind: type[S], *, buffer_bytes: int | None = None) -> Iterator[tuple[S, socket.socket]]:
    """A stream of this *kind* and the other end of its socket pair, with small kernel buffers if asked.

    Small buffers are a socket pair's: over TCP they make the kernel wait for its own timers.
    """
    ours, theirs = socket.socketpair()
    for sock in (ours, theirs) if buffer_bytes else ():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer_bytes or 0)
    stream = kind(ours, peer="peer", errors=ERRORS)
    with theirs:
        try:
            yield stream, _peer_end(theirs)
        finally:
            stream.close()


def pair(*, buffer_bytes: int | None = None) -> AbstractContextManager[tuple[Stream, socket.socket]]:
    """A stream and the other end of its socket pair."""
    return pair_of(Stream, buffer_bytes=buffer_bytes)


@contextmanager
def tcp_pair() -> Iterator[tuple[Stream, socket.socket]]:
    """A stream over TCP on loopback and its other end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    stream = Stream(ours, peer="peer", errors=ERRORS)
    with theirs:
        try:
            yield stream, _peer_end(theirs)
        finally:
            stream.close()


class Played:
    """What a peer does in a thread of its own."""

    def __init__(self, act: Callable[[], Any]) -> None:
        self.result: Any = None
        """What it has brought, once it has ended."""
        self._failure: BaseException | None = None
        self._act = act
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result = self._act()
        except BaseException as exc:  # noqa: BLE001  # it is the test's, not the thread's
            self._failure = exc

    def finish(self) -> Any:
        """Wait for its end; the result, or its exception."""
        self._thread.join(10)
        assert not self._thread.is_alive(), "the peer has not come to its end"
        if self._failure is not None:
            raise self._failure
        return self.result


@contextmanager
def played(act: Callable[..., Any], *args: Any) -> Iterator[Played]:
    """Run ``act(*args)`` in a thread for the length of the block; its exception is the block's."""
    outcome = Played(lambda: act(*args))
    yield outcome
    outcome.finish()


def server_tls(sock: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
    """Shake hands as a server on the blocking *sock*, which is detached."""
    return context.wrap_socket(sock, server_side=True, suppress_ragged_eofs=False)


@contextmanager
def tls_server(sock: socket.socket, context: ssl.SSLContext, act: Callable[[ssl.SSLSocket], Any]) -> Iterator[Played]:
    """Shake hands on *sock* and run *act* on the TLS socket, in a thread; closes it without a word."""

    def run() -> Any:
        with server_tls(sock, context) as tls_socket:
            return act(tls_socket)

    with played(run) as outcome:
        yield outcome


def read_all(sock: socket.socket) -> bytes:
    """Read to the end; a reset or a cut TLS stream is an end, too."""
    data = bytearray()
    try:
        while block := sock.recv(1 << 18):
            data += block
    except (ConnectionError, ssl.SSLEOFError):
        pass
    return bytes(data)


def reset(sock: socket.socket) -> None:
    """Close *sock* by RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def pattern(size: int) -> bytes:
    """*size* bytes without a pattern, so that lost, repeated and swapped blocks show; the same for the same size."""
    return random.Random(size).randbytes(size)


async def until_waiting(task_started: Callable[[], bool] | None = None) -> None:
    """Let the other tasks run until they wait."""
    for _ in range(5):
        await anyio.lowlevel.checkpoint()
    assert task_started is None or task_started()


async def shake_hands(stream: Stream, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> None:
    """Start TLS as a client of localhost."""
    await stream.start_tls(context, server_hostname="localhost", session=session, deadline=in_time("TLS handshake"))


def say_and_wait(secured: ssl.SSLSocket) -> None:
    """A TLS peer that says six bytes and waits for one."""
    secured.sendall(b"abcdef")
    secured.recv(1)
