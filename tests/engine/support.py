"""Channels on real sockets: to a scripted peer, to a bare socket, or to each other."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import anyio

from tests.peers import Connection, PeerServer, Step, call
from transfer._engine.channel import Channel
from transfer._engine.client import ClientChannel
from transfer._engine.server import ServerChannel
from transfer._errors import ErrorFamily
from transfer._net.stream import Stream
from transfer._net.timeouts import Timeouts
from transfer._wire.command import Command
from transfer._wire.dialect import FTP_SERVER, SMTP_CLIENT, Dialect

ERRORS = ErrorFamily()
NOOP = Command("NOOP")
PATIENT = Timeouts.uniform(20)
"""Limits that only a broken test meets."""
SOON = 0.02
"""Seconds after which a wait that would last for ever is given up."""


def stream_on(sock: socket.socket, errors: ErrorFamily = ERRORS) -> Stream:
    return Stream(sock, peer="peer:25", errors=errors)


class Gate:
    """Where a peer's script waits until the test lets it go on."""

    def __init__(self) -> None:
        self._event = threading.Event()

    @property
    def step(self) -> Step:
        return call(self._wait)

    def open(self) -> None:
        self._event.set()

    def _wait(self, _: Connection) -> None:
        self._event.wait(10)


@contextmanager
def client_on(
    sock: socket.socket,
    *,
    dialect: Dialect = SMTP_CLIENT,
    errors: ErrorFamily = ERRORS,
    timeouts: Timeouts = PATIENT,
    encoding: str = "utf-8",
) -> Iterator[ClientChannel]:
    """A client's channel on a connected socket, closed at the end."""
    channel = ClientChannel(
        stream_on(sock, errors), dialect=dialect, errors=errors, timeouts=timeouts, encoding=encoding
    )
    try:
        yield channel
    finally:
        channel.close()


@contextmanager
def client_of(
    peer: PeerServer, *, dialect: Dialect = SMTP_CLIENT, timeouts: Timeouts = PATIENT, tcp: bool = False
) -> Iterator[ClientChannel]:
    """A client's channel to *peer*: over a socket pair, or over TCP where a reset is to be seen."""
    with client_on(_dialled(peer) if tcp else peer.socketpair(), dialect=dialect, timeouts=timeouts) as channel:
        yield channel


def _dialled(peer: PeerServer) -> socket.socket:
    try:
        return socket.create_connection((peer.host, peer.port))
    except ConnectionError as exc:  # a peer that resets at once may do so before the dial is over
        raise ERRORS.connect(str(exc)) from exc


@contextmanager
def server_on(
    sock: socket.socket, *, dialect: Dialect = FTP_SERVER, timeouts: Timeouts = PATIENT, encoding: str = "utf-8"
) -> Iterator[ServerChannel]:
    """A server's channel on a connected socket, closed at the end."""
    channel = ServerChannel(stream_on(sock), dialect=dialect, errors=ERRORS, timeouts=timeouts, encoding=encoding)
    try:
        yield channel
    finally:
        channel.close()


@contextmanager
def server_and_socket(**options: object) -> Iterator[tuple[ServerChannel, socket.socket]]:
    """A server's channel and the client's bare, blocking end."""
    ours, theirs = socket.socketpair()
    theirs.settimeout(10)
    with theirs, server_on(ours, **options) as channel:  # type: ignore[arg-type]  # server_on's own keywords
        yield channel, theirs


@contextmanager
def client_and_packets(timeouts: Timeouts = PATIENT) -> Iterator[tuple[ClientChannel, socket.socket]]:
    """A client's channel on a socket that keeps sends apart: each ``recv`` of the other end gives exactly one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    theirs.settimeout(10)
    with theirs, client_on(ours, timeouts=timeouts) as channel:
        yield channel, theirs


@contextmanager
def client_and_server(dialect: Dialect = FTP_SERVER) -> Iterator[tuple[ClientChannel, ServerChannel]]:
    """Both ends of one connection."""
    ours, theirs = socket.socketpair()
    with client_on(ours, dialect=dialect) as client, server_on(theirs, dialect=dialect) as server:
        yield client, server


async def arrival(channel: Channel) -> None:
    """Wait until something has arrived, or the end has."""
    with anyio.fail_after(10):
        await anyio.wait_readable(channel.stream.raw_socket)


def drain(sock: socket.socket) -> bytes:
    """Take what has arrived, without waiting."""
    data = bytearray()
    sock.setblocking(False)
    with suppress(BlockingIOError, ConnectionResetError):
        while block := sock.recv(1 << 20):
            data += block
    return bytes(data)
