"""Senders to LMTP servers, and senders that sign."""

from __future__ import annotations

import pytest

from tests.peers import MiniSMTP, ScriptedPeer, expect, send
from tests.smtp.sender.support import AT_ONCE, mail, numbers, relay, sender
from tests.smtp.support import HELLO, PARTING, RECIPIENT, SENDER, letter
from transfer import smtp

# -- LMTP --------------------------------------------------------------------------------------------------------------

BOTH = ("a@x.example", "b@x.example")
ENVELOPE = (
    b"MAIL FROM:<anna@example.org>\r\nRCPT TO:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n",
    b"250 ok\r\n250 ok\r\n250 ok\r\n354 go on\r\n",
)
BODY = b"Subject: %d\r\n\r\nx\r\n.\r\n"
LHLO = [HELLO, expect(b"LHLO client.example\r\n"), send(b"250-mini.example\r\n250 PIPELINING\r\n")]


async def test_lmtp_tells_of_each_recipient_and_keeps_the_pace(peer: ScriptedPeer) -> None:
    """RFC 2033 §4.2: one reply for each accepted recipient, also with the next envelope behind the message."""
    peer.script(
        *LHLO,
        *(expect(ENVELOPE[0]), send(ENVELOPE[1])),
        *(expect(BODY % 0 + ENVELOPE[0]), send(b"250 a has it\r\n552 b is full\r\n" + ENVELOPE[1])),
        *(expect(BODY % 1), send(b"450 later\r\n250 b has it\r\n")),
        *PARTING,
    )
    async with sender(relay(peer, lmtp=True), max_connections=1) as many:
        first, second = [report async for report in many.send_many(mail(number, *BOTH) for number in range(2))]
    assert [one.status.name for one in first.recipients] == ["ACCEPTED", "REFUSED"]
    assert [one.status.name for one in second.recipients] == ["DEFERRED", "ACCEPTED"]


async def test_lmtp_tries_again_for_whom_the_server_was_not_ready(peer: ScriptedPeer) -> None:
    again = b"MAIL FROM:<anna@example.org>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n"
    peer.script(
        *LHLO,
        *(expect(ENVELOPE[0]), send(ENVELOPE[1]), expect(BODY % 0), send(b"250 a has it\r\n450 b later\r\n")),
        *(expect(again), send(b"250 ok\r\n250 ok\r\n354 go on\r\n"), expect(BODY % 0), send(b"250 b has it\r\n")),
        *PARTING,
    )
    async with sender(relay(peer, lmtp=True), retry=AT_ONCE) as many:
        report = await many.send(mail(0, *BOTH))
    assert len(report.accepted) == 2
    assert report.attempts == 2


# -- signing -----------------------------------------------------------------------------------------------------------


class Stamp:
    """Signs by a header that says who has signed."""

    def __init__(self, name: bytes = b"sender") -> None:
        self._line = b"Signed-By: " + name + b"\r\n"

    def sign(self, octets: bytes, /) -> bytes:
        return self._line + octets


async def test_every_mail_is_signed_once_by_its_own_signer_or_the_senders() -> None:
    with MiniSMTP() as server:
        server.replies["MAIL"] = ["451 4.3.0 later"]
        async with sender(server, dkim=Stamp(), retry=AT_ONCE, max_connections=1) as many:
            own = smtp.Mail(b"Subject: 1\r\n\r\nx\r\n", sender=SENDER, recipients=RECIPIENT, dkim=Stamp(b"mail"))
            reports = [report async for report in many.send_many([mail(0), own, letter()])]
    assert all(report.accepted for report in reports)
    signed = sorted(message.content.split(b"\r\n")[0] for message in server.messages)
    assert signed == [b"Signed-By: mail", b"Signed-By: sender", b"Signed-By: sender"]
    assert all(message.content.count(b"Signed-By") == 1 for message in server.messages)


async def test_a_signer_that_fails_fails_its_mail_alone() -> None:
    class Broken:
        def sign(self, octets: bytes, /) -> bytes:
            raise LookupError("the key is gone")

    with MiniSMTP() as server:
        async with sender(server) as many:
            broken = smtp.Mail(b"Subject: 0\r\n\r\nx\r\n", sender=SENDER, recipients=RECIPIENT, dkim=Broken())
            with pytest.raises(LookupError, match="key"):
                await many.send(broken)
            await many.send(mail(1))
    assert numbers(server) == [1]
    assert server.accepted == 1
