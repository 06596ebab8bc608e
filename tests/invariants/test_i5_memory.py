"""I5: memory per peer is bounded: line, reply, listing, command queue."""

from __future__ import annotations

import tracemalloc
from collections.abc import Awaitable, Callable

import pytest

from tests.engine.support import NOOP, client_of, server_on
from tests.invariants.support import file_client
from tests.peers import Connection, ScriptedPeer, Step, accept_data, call, drip, expect, listen_data, send
from transfer._errors import RemoteProtocolError
from transfer._wire.dialect import FTP_CLIENT, SMTP_CLIENT, Dialect
from transfer.ftp._settings import ListingLimits

BOUND_BYTES = 3 << 20
"""Every limit together with what Python makes of it: a reply of 256 KiB, a listing of 1,000 entries."""
BLOCK = 1 << 16


def flood(octets: bytes) -> Step:
    return drip(octets * (BLOCK // len(octets)), every_seconds=0)


def flood_data(octets: bytes) -> Step:
    def play(connection: Connection) -> None:
        block = octets * (BLOCK // len(octets))
        while True:
            connection.data("d").send(block)

    return call(play)


def asked(dialect: Dialect) -> Callable[[ScriptedPeer, bytes], Awaitable[None]]:
    async def ask(peer: ScriptedPeer, octets: bytes) -> None:
        peer.script(expect(b"NOOP\r\n"), flood(octets))
        with client_of(peer, dialect=dialect) as channel:
            await channel.exchange(NOOP)

    return ask


async def listed(peer: ScriptedPeer, octets: bytes) -> None:
    peer.script(
        send(b"220 ready\r\n"),
        expect(b"TYPE I\r\n"),
        send(b"200 ok\r\n"),
        expect(b"EPSV\r\n"),
        listen_data("d"),
        send(b"229 (|||{d}|)\r\n"),
        expect(b"MLSD\r\n"),
        accept_data("d"),
        send(b"150 here\r\n"),
        flood_data(octets),
    )
    client = await file_client(peer, listing_limits=ListingLimits(entries=1000, octets=1 << 20))
    try:
        await client.list()
    finally:
        client.close()


async def commanded(peer: ScriptedPeer, octets: bytes) -> None:
    peer.script(flood(octets))
    with server_on(peer.socketpair()) as channel:
        while await channel.next_command() is not None:
            pass


FLOODS: dict[str, tuple[Callable[[ScriptedPeer, bytes], Awaitable[None]], bytes]] = {
    "line of a mail server": (asked(SMTP_CLIENT), b"2"),
    "line of a file server": (asked(FTP_CLIENT), b"2"),
    "reply of short lines": (asked(FTP_CLIENT), b"211-\r\n"),
    "reply of long lines": (asked(FTP_CLIENT), b"211-" + b"x" * 8000 + b"\r\n"),
    "entries of a listing": (listed, b"type=file; x\r\n"),
    "octets of a listing": (listed, b"nonsense " * 900 + b"\r\n"),
    "line of a listing": (listed, b"x"),
    "commands": (commanded, b"NOOP\r\n"),
    "line of a command": (commanded, b"x"),
}


@pytest.mark.parametrize("kind", FLOODS)
async def test_an_endless_peer_is_ended_before_it_fills_the_memory(kind: str) -> None:
    take, octets = FLOODS[kind]
    with ScriptedPeer(client_may_leave=True) as peer:
        tracemalloc.start()
        try:
            with pytest.raises(RemoteProtocolError):
                await take(peer, octets)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < BOUND_BYTES
