"""BDAT: chunks straight from the source, and only when every recipient was answered (RFC 3030)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.peers import MiniSMTP, ScriptedPeer, Step, call, expect, expect_eof, hang, send
from tests.peers.scripted import Connection
from tests.smtp.support import PARTING, RECIPIENT, SENDER, connected, opening, raises
from transfer import smtp
from transfer.smtp import Delivery, Mail, RecipientStatus

MAIL, RCPT = b"MAIL FROM:<anna@example.org>", b"RCPT TO:<ben@example.net>"
BINARY = ["BODY=BINARYMIME"]
OFFER = (b"PIPELINING", b"CHUNKING", b"BINARYMIME", b"8BITMIME")


def nothing_yet(connection: Connection) -> None:
    """The client waits for the replies to its recipients."""
    assert not connection.pause(0.01)
    assert not connection.wire.readable()


def enveloped(*parameters: bytes, replies: bytes = b"250 ok\r\n250 ok\r\n") -> list[Step]:
    line = b" ".join((MAIL, *parameters))
    return [expect(line + b"\r\n" + RCPT + b"\r\n"), call(nothing_yet), send(replies)]


def binary(message: object) -> Mail:
    return Mail(message, sender=SENDER, recipients=RECIPIENT, mail_options=BINARY)  # type: ignore[arg-type]  # any


@pytest.mark.parametrize(
    "body", [b"", b"x", b".\r\n.\r\n", b"bare \n and \r\0", b"no end", b"\xff" * 70_000, b"." * 262_145]
)
async def test_a_binary_message_goes_octet_for_octet_in_one_chunk(peer: ScriptedPeer, body: bytes) -> None:
    chunk = b"BDAT %d LAST\r\n" % len(body) + body
    peer.script(*opening(*OFFER), *enveloped(*map(str.encode, BINARY)), expect(chunk), send(b"250 taken\r\n"), *PARTING)
    async with connected(peer) as client:
        report = await client.deliver(binary(body))
        await client.quit()
    assert (report.delivery, report.text) == (Delivery.ACCEPTED, "taken")


async def test_what_has_no_size_goes_in_pieces(smtp_server: MiniSMTP) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b".\r" * 40_000

    smtp_server.extensions = ("CHUNKING", "BINARYMIME")
    async with connected(smtp_server) as client:
        await client.deliver(binary(pieces()))
    (message,) = smtp_server.messages
    assert message.content == b".\r" * 1_200_000
    sizes = [int(line.split()[1]) for line in smtp_server.commands if line.startswith("BDAT")]
    assert len(sizes) > 1
    assert sum(sizes) == 2_400_000
    assert smtp_server.commands[-1].endswith(" LAST")


@pytest.mark.parametrize("missing", [b"BINARYMIME", b"CHUNKING"])
async def test_a_binary_message_is_not_sent_otherwise(peer: ScriptedPeer, missing: bytes) -> None:
    peer.script(*opening(*(keyword for keyword in OFFER if keyword != missing)), *PARTING)
    async with connected(peer) as client:
        with raises(smtp.SMTPNotSupported, missing.decode()):
            await client.deliver(binary(b"\0"))
        await client.quit()


@pytest.mark.parametrize("reply", [b"452 4.3.1 full", b"552 5.3.4 too large", b"503 no"])
async def test_a_refused_chunk_ends_the_mail_and_is_reset(peer: ScriptedPeer, reply: bytes) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 65_536

    first = b"BDAT 1048576\r\n" + b"x" * 1_048_576
    refused = [expect(first), send(reply + b"\r\n"), expect(b"RSET\r\n"), send(b"250 ok\r\n")]
    peer.script(*opening(*OFFER), *enveloped(*map(str.encode, BINARY)), *refused, *PARTING)
    async with connected(peer) as client:
        with raises(smtp.SMTPDataError) as caught:
            await client.deliver(binary(pieces()))
        await client.quit()
    assert caught.value.delivery is Delivery.REFUSED
    assert caught.value.retryable is reply.startswith(b"4")


async def test_nothing_of_the_message_goes_to_nobody(peer: ScriptedPeer) -> None:
    replies = enveloped(*map(str.encode, BINARY), replies=b"250 ok\r\n550 5.1.1 no\r\n")
    peer.script(*opening(*OFFER), *replies, expect(b"RSET\r\n"), send(b"250 ok\r\n"), *PARTING)
    async with connected(peer) as client:
        with raises(smtp.SMTPRecipientsRefused):
            await client.deliver(binary(b"x"))
        await client.quit()


async def test_a_lost_connection_after_the_last_chunk_leaves_doubt(peer: ScriptedPeer) -> None:
    peer.script(*opening(*OFFER), *enveloped(*map(str.encode, BINARY)), expect(b"BDAT 1 LAST\r\nx"))
    async with connected(peer) as client:
        with raises(smtp.SMTPDeliveryUncertainDisconnected) as caught:
            await client.deliver(binary(b"x"))
    assert caught.value.report is not None
    assert [one.status for one in caught.value.report.recipients] == [RecipientStatus.UNKNOWN]


async def test_a_chunk_that_is_not_the_last_leaves_no_doubt(peer: ScriptedPeer) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 65_536

    first = b"BDAT 1048576\r\n" + b"x" * 1_048_576
    peer.script(*opening(*OFFER), *enveloped(*map(str.encode, BINARY)), expect(first))
    async with connected(peer) as client:
        with raises(smtp.SMTPServerDisconnected) as caught:
            await client.deliver(binary(pieces()))
    assert caught.value.delivery is Delivery.NOT_SENT


# -- by itself ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("octets", "everybody", "verb"), [(60_000, False, "DATA"), (70_000, False, "BDAT"), (10, True, "BDAT")]
)
async def test_it_is_used_where_it_saves_something(
    smtp_server: MiniSMTP, tmp_path: Path, octets: int, everybody: bool, verb: str
) -> None:
    text = b".\r\n" * (octets // 3)
    path = tmp_path / "message"
    path.write_bytes(text)
    async with connected(smtp_server) as client:
        for message in (text, path):
            await client.deliver(Mail(message, sender=SENDER, recipients=RECIPIENT, all_or_nothing=everybody))
    assert [message.content for message in smtp_server.messages] == [text, text]
    assert sum(line.startswith(verb) for line in smtp_server.commands) == 2
    assert sum(line.startswith(("DATA", "BDAT")) for line in smtp_server.commands) == 2


async def test_a_server_that_stays_silent_after_it_is_given_up(peer: ScriptedPeer) -> None:
    peer.script(*opening(*OFFER), *enveloped(*map(str.encode, BINARY)), expect(b"BDAT 1 LAST\r\nx"), hang())
    async with connected(peer, timeout=0.4) as client:
        with raises(smtp.SMTPDeliveryUncertainTimeout):
            await client.deliver(binary(b"x"))


async def test_line_ends_are_mended_where_the_message_is_text(peer: ScriptedPeer) -> None:
    mail = Mail(b"one\ntwo\r.three", sender=SENDER, recipients=RECIPIENT, all_or_nothing=True)
    chunk = b"BDAT 18 LAST\r\none\r\ntwo\r\n.three\r\n"
    peer.script(*opening(*OFFER), *enveloped(), expect(chunk), send(b"250 ok\r\n"), expect_eof())
    async with connected(peer) as client:
        await client.deliver(mail)
