"""What the tests of the FTP client share."""

from __future__ import annotations

from typing import Any

from tests.peers import MiniFTP, ScriptedPeer, send
from transfer import ftp
from transfer._net.timeouts import Timeouts

QUICK = Timeouts(greeting=0.05, reply=0.05, initiation=0.05, data=0.05, termination=0.05, close=0.05, connect=1)
HELLO = send(b"220 hello\r\n")


async def connected(peer: ScriptedPeer | MiniFTP, **options: Any) -> ftp.Client:
    client = ftp.Client(**options)
    await client.connect(peer.host, peer.port)
    return client
