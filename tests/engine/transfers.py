"""A control connection whose server has a port for data, and the parts of that server's script."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import attrs
import pytest

from tests.engine.support import NOOP, PATIENT, client_of, stream_on
from tests.peers import (
    Connection,
    ScriptedPeer,
    Step,
    accept_data,
    call,
    expect,
    hang,
    listen_data,
    send,
)
from tests.peers.wire import Gone
from transfer._engine.client import ClientChannel
from transfer._engine.transfer import Transfer
from transfer._net.stream import Stream
from transfer._net.timeouts import Timeouts
from transfer._wire.command import Command
from transfer._wire.dialect import FTP_CLIENT

RETR, STOR = Command("RETR", "x"), Command("STOR", "x")
OPENING = (listen_data("d"), send(b"220 {d}\r\n"))
GOES_ON = (expect(b"NOOP\r\n"), send(b"200 in step\r\n"), hang())


@attrs.define(eq=False)
class Control:
    """A control connection whose server has named the port of a data connection."""

    channel: ClientChannel
    peer: ScriptedPeer
    port: int

    async def connect(self) -> Stream:
        return stream_on(socket.create_connection((self.peer.host, self.port)))

    def transfer(self, command: Command, secure: Callable[[Stream], Awaitable[None]] | None = None) -> Transfer:
        return Transfer(self.channel, command, connect=self.connect, secure=secure)

    async def is_in_step(self) -> bool:
        """Whether the next command gets its own reply."""
        return (await self.channel.exchange(NOOP)).text == "in step"


@asynccontextmanager
async def control(peer: ScriptedPeer, *steps: Step, timeouts: Timeouts = PATIENT) -> AsyncIterator[Control]:
    peer.script(*OPENING, *steps)
    with client_of(peer, dialect=FTP_CLIENT, timeouts=timeouts) as channel:
        yield Control(channel, peer, int((await channel.greeting()).text))


def begun(command: Command) -> tuple[Step, ...]:
    """The peer takes *command* and opens the transfer."""
    return expect(f"{command}\r\n".encode()), accept_data("d"), send(b"150 here\r\n")


def aborted_data() -> Step:
    """The data connection has been reset, so nobody can take what came for the whole."""

    def play(connection: Connection) -> None:
        with pytest.raises(Gone):
            connection.data("d").read_to_end()

    return call(play)
