"""The smallest half-duplex client there is: what the harnesses' own tests disturb."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel

from tests.peers import ScriptedPeer, expect, send
from transfer._errors import DisconnectedError


class Channel:
    """Sends a line and reads a line; broken for good when that does not come to its end."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.socket, self.buffer, self.broken = sock, b"", False

    async def exchange(self, command: bytes) -> bytes:
        await anyio.lowlevel.checkpoint_if_cancelled()
        if self.broken:
            raise DisconnectedError("broken")
        self.broken = True
        try:
            self.socket.sendall(command)
            await anyio.lowlevel.checkpoint()  # the reply may be there already, and then nothing below waits
            reply = await self.read_line()
        except OSError as exc:
            raise DisconnectedError(str(exc)) from exc
        self.broken = False
        return reply

    async def read_line(self) -> bytes:
        while b"\n" not in self.buffer:
            try:
                data = self.socket.recv(100)
            except BlockingIOError:
                await anyio.wait_readable(self.socket)
                continue
            if not data:
                raise DisconnectedError("end of file")
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line

    def close(self) -> None:
        self.socket.close()


def dial(host: str, port: int) -> Channel:
    """A channel to there; a peer that resets at once may do so before the dial is over."""
    try:
        return Channel(socket.create_connection((host, port)))
    except OSError as exc:
        raise DisconnectedError(str(exc)) from exc


@asynccontextmanager
async def connected() -> AsyncIterator[Channel]:
    """A channel to a peer that answers ONE and TWO."""
    async with ScriptedPeer(client_may_leave=True) as peer:
        peer.script(expect(b"ONE\n"), send(b"one\n"), expect(b"TWO\n"), send(b"two\n"))
        channel = dial(peer.host, peer.port)
        try:
            yield channel
        finally:
            channel.close()
