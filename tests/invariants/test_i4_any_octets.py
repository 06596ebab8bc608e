"""I4: arbitrary bytes from a peer parse or raise RemoteProtocolError, nothing else."""

from __future__ import annotations

import contextlib
import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine.support import client_on, drain, server_on
from transfer._engine.client import ClientChannel
from transfer._engine.server import ServerChannel
from transfer._errors import DisconnectedError, RemoteProtocolError
from transfer._wire.command import Command
from transfer._wire.dialect import FTP_CLIENT, SMTP_CLIENT, Dialect
from transfer._wire.reply import Reply

# Not only noise, which ends at its first octet: also what is nearly right.
ALMOST = st.lists(
    st.sampled_from(
        [b"250", b"-", b" ", b"\r\n", b"\n", b"\r", b"\0", b"\xff", b"\xff\xf4", b"ok", b"421 x\r\n", b"AUTH "]
    )
    | st.binary(max_size=8)
).map(b"".join)
WAYS = ("whole", "octet by octet", "with trailing octets")


def deliver(sock: socket.socket, octets: bytes, way: str) -> None:
    for piece in [octets[i : i + 1] for i in range(len(octets))] if way == "octet by octet" else [octets]:
        sock.send(piece)
    if way == "with trailing octets":
        sock.send(b"\r\n250 trailing\r\n")
    sock.shutdown(socket.SHUT_WR)


async def replies(channel: ClientChannel) -> None:
    while True:
        assert isinstance(await channel.next_reply(), Reply)


async def commands(channel: ServerChannel) -> None:
    while (command := await channel.next_command()) is not None:
        assert isinstance(command, Command)


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(octets=ALMOST)
async def test_any_octets_parse_or_are_the_peer_s_fault(way: str, octets: bytes) -> None:
    """The end of the connection is, too."""
    for dialect in (SMTP_CLIENT, FTP_CLIENT):
        await check_client(dialect, octets, way)
    ours, theirs = socket.socketpair()
    with theirs, server_on(ours) as server:
        deliver(theirs, octets, way)
        with contextlib.suppress(RemoteProtocolError, DisconnectedError):
            await commands(server)
        assert not server.is_open


async def check_client(dialect: Dialect, octets: bytes, way: str) -> None:
    ours, theirs = socket.socketpair()
    with theirs, client_on(ours, dialect=dialect) as client:
        deliver(theirs, octets, way)
        with pytest.raises((RemoteProtocolError, DisconnectedError)):
            await replies(client)
        assert not client.is_open
        assert drain(theirs) == b""
