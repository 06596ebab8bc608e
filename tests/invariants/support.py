"""Clients of both protocols, as programs use them, for peers of the tests."""

from __future__ import annotations

from typing import Any

from tests.peers import PeerServer
from transfer import ftp, smtp
from transfer._net.timeouts import Timeouts

MAIL_HELLO = b"220 ready\r\n"
EHLO = b"EHLO me.example\r\n"


def mail_client(peer: PeerServer, **options: Any) -> smtp.SMTP:
    """A client that is about to connect to *peer*."""
    given: dict[str, Any] = {"hostname": peer.host, "port": peer.port, "local_hostname": "me.example", "timeout": 10}
    return smtp.SMTP(**(given | options))


async def file_client(peer: PeerServer, **options: Any) -> ftp.Client:
    """A client that *peer* has greeted."""
    client = ftp.Client(**({"timeouts": Timeouts.uniform(10)} | options))
    await client.connect(peer.host, peer.port)
    return client
