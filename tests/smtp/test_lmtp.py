"""LMTP: LHLO, and one reply for each recipient after the message (RFC 2033)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.peers import MiniSMTP, ScriptedPeer, close, expect, send
from tests.smtp.support import HELLO, LONG, NAME, PARTING, SENDER, TEXT, raises
from transfer import smtp
from transfer.smtp import Delivery, Mail, RecipientStatus

FIVE = [f"{name}@x" for name in "abcde"]
LHLO = [HELLO, expect(b"LHLO client.example\r\n"), send(b"250-mini\r\n250 PIPELINING\r\n")]
ENVELOPE = [
    expect(
        b"MAIL FROM:<anna@example.org>\r\n"
        + b"".join(b"RCPT TO:<%b@x>\r\n" % b"abcde"[i : i + 1] for i in range(5))
        + b"DATA\r\n"
    ),
    send(b"250 ok\r\n250 a\r\n550 b\r\n250 c\r\n450 d\r\n250 e\r\n354 go\r\n"),
    expect(TEXT + b".\r\n"),
]
MAIL = Mail(TEXT, sender=SENDER, recipients=FIVE)


def lmtp(peer: ScriptedPeer | MiniSMTP) -> smtp.LMTP:
    return smtp.LMTP(hostname=peer.host, port=peer.port, local_hostname=NAME, timeout=LONG)


async def test_each_recipient_has_the_reply_in_its_place(peer: ScriptedPeer) -> None:
    peer.script(
        *LHLO, *ENVELOPE, send(b"250 2.1.5 a has it\r\n452 4.2.2 c is full\r\n550 5.7.1 e wants none\r\n"), *PARTING
    )
    async with lmtp(peer) as client:
        report = await client.deliver(MAIL)
    found = {one.address: (one.status, one.response and one.response.code) for one in report.recipients}
    assert found == {
        "a@x": (RecipientStatus.ACCEPTED, 250),
        "b@x": (RecipientStatus.REFUSED, 550),
        "c@x": (RecipientStatus.DEFERRED, 452),
        "d@x": (RecipientStatus.DEFERRED, 450),
        "e@x": (RecipientStatus.REFUSED, 550),
    }
    assert report.delivery is Delivery.ACCEPTED
    assert report.text == "2.1.5 a has it"


async def test_sendmail_returns_who_does_not_get_it(peer: ScriptedPeer) -> None:
    peer.script(*LHLO, *ENVELOPE, send(b"450 later\r\n250 ok\r\n250 ok\r\n"), *PARTING)
    async with lmtp(peer) as client:
        refused, text = await client.sendmail(SENDER, FIVE, TEXT)
    assert {address: response.code for address, response in refused.items()} == {"a@x": 450, "b@x": 550, "d@x": 450}
    assert text == "ok"


async def test_refused_by_all_is_an_error_and_the_connection_goes_on(peer: ScriptedPeer) -> None:
    peer.script(
        *LHLO, *ENVELOPE, send(b"450 a\r\n452 c\r\n550 e\r\n"), expect(b"RSET\r\n"), send(b"250 ok\r\n"), *PARTING
    )
    async with lmtp(peer) as client:
        with raises(smtp.SMTPRecipientsRefused) as caught:
            await client.deliver(MAIL)
    assert sorted(refused.recipient for refused in caught.value.recipients) == FIVE
    assert caught.value.delivery is Delivery.REFUSED


async def test_lost_between_the_replies_one_has_it_and_two_are_uncertain(peer: ScriptedPeer) -> None:
    peer.script(*LHLO, *ENVELOPE, send(b"250 a has it\r\n"), close())
    client = lmtp(peer)
    await client.connect()
    with raises(smtp.SMTPDeliveryUncertainDisconnected) as caught:
        await client.deliver(MAIL)
    report = caught.value.report
    assert report is not None
    assert report.delivery is client.last_delivery is Delivery.UNKNOWN
    assert [one.status.value for one in report.recipients] == ["accepted", "refused", "unknown", "deferred", "unknown"]


async def test_a_parting_421_counts_for_those_who_had_no_reply(peer: ScriptedPeer) -> None:
    peer.script(*LHLO, *ENVELOPE, send(b"250 a has it\r\n421 4.3.2 bye\r\n"), close())
    client = lmtp(peer)
    await client.connect()
    report = await client.deliver(MAIL)
    assert [one.status.value for one in report.recipients] == [
        "accepted",
        "refused",
        "deferred",
        "deferred",
        "deferred",
    ]
    assert not client.is_connected


async def test_there_is_no_helo(peer: ScriptedPeer) -> None:
    peer.script(HELLO, expect(b"LHLO client.example\r\n"), send(b"502 what\r\n"))
    client = lmtp(peer)
    await client.connect(start_tls=False)
    with raises(smtp.SMTPHeloError):
        await client.ehlo()
    client.close()


@pytest.mark.parametrize("extensions", [(), ("PIPELINING",), ("PIPELINING", "CHUNKING")])
async def test_mails_follow_each_other_over_tcp(extensions: tuple[str, ...]) -> None:
    with MiniSMTP(lmtp=True, extensions=extensions) as server:
        async with lmtp(server) as client:
            for recipients in (["a@x", "b@x", "a@x"], ["c@x"], ["d@x", "e@x"]):
                mail = Mail(TEXT, sender=SENDER, recipients=recipients, all_or_nothing=True)
                report = await client.deliver(mail)
                assert len(report.accepted) == len(set(recipients))
    assert [message.recipients for message in server.messages] == [(f"<{name}@x>",) for name in "abcde"]


async def test_a_unix_socket_is_the_usual_way(socket_path: Path) -> None:
    with MiniSMTP(lmtp=True, path=str(socket_path)) as server:
        async with smtp.SMTP.from_url(f"lmtp://{socket_path}", local_hostname=NAME) as client:
            assert isinstance(client, smtp.LMTP)
            refused, _ = await client.sendmail(SENDER, ["a@x", "b@x"], TEXT)
    assert refused == {}
    assert len(server.messages) == 2
