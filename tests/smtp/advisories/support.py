"""What the tests of advisories share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.peers import ScriptedPeer
from tests.smtp.support import HELLO, PARTING, client_of
from transfer import LocalProtocolError, smtp

LOCAL = (LocalProtocolError, ValueError)
"""What a caller's own mistake raises."""
BREAKS = ["\r\n", "\r", "\n", "\0"]
"""What ends a line, or a text in C."""
CONTROLS = ["\r\n", *map(chr, range(0x20)), "\x7f"]
ANY_BREAKS = [*CONTROLS, "\x85", "\u2028", "\u2029"]
"""What ends a line anywhere, in logs and in gateways too."""


@asynccontextmanager
async def greeted() -> AsyncIterator[tuple[smtp.SMTP, ScriptedPeer]]:
    """A client that has connected and said nothing yet, and still can at the end."""
    with ScriptedPeer() as peer:
        peer.script(HELLO, *PARTING)
        client = client_of(peer, start_tls=False)
        await client.connect()
        yield client, peer
        assert peer.received == b""
        await client.quit()
