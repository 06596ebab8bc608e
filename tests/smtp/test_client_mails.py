"""Mails through the client: whole ones and step by step, to servers with and without extensions."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from email.message import EmailMessage, Message
from email.mime.text import MIMEText

import pytest

from tests.peers import CLOSE, HANG, MiniSMTP, ScriptedPeer, Step, close, expect, expect_eof, hang, send
from tests.peers.mini_smtp import EXTENSIONS
from tests.smtp.support import (
    HELLO,
    LONG,
    PARTING,
    RECIPIENT,
    SENDER,
    SHORT,
    TEXT,
    connected,
    hurry,
    letter,
    offer,
    opening,
    raises,
    said,
    stalls,
)
from transfer import smtp

WITHOUT_PIPELINING = tuple(name for name in EXTENSIONS if name not in {"PIPELINING", "CHUNKING"})


@pytest.fixture(params=[EXTENSIONS, WITHOUT_PIPELINING, ()], ids=["all extensions", "no PIPELINING", "none at all"])
def server(request: pytest.FixtureRequest) -> Iterator[MiniSMTP]:
    with MiniSMTP(extensions=request.param) as made:
        yield made


def fate(client: smtp.SMTP) -> smtp.Delivery | None:
    """What is known of the last mail; a call, because mypy takes an attribute to stay as it was compared."""
    return client.last_delivery


# -- sendmail ----------------------------------------------------------------------------------------------------------


async def test_a_mail_arrives_and_so_does_the_next(server: MiniSMTP) -> None:
    server.replies["."] = ["250 2.0.0 queued as 1", "250 2.0.0 queued as 2"]
    async with connected(server) as client:
        assert await client.sendmail(SENDER, [RECIPIENT, "c@x.org"], TEXT) == ({}, "2.0.0 queued as 1")
        assert await client.sendmail("", RECIPIENT, "é\n.\nx") == ({}, "2.0.0 queued as 2")
        assert fate(client) is smtp.Delivery.ACCEPTED
    first, second = server.messages
    assert (first.sender.split()[0], first.recipients) == (f"<{SENDER}>", (f"<{RECIPIENT}>", "<c@x.org>"))
    assert first.content == TEXT
    assert (second.sender.split()[0], second.content) == ("<>", "é\r\n.\r\nx\r\n".encode())


async def test_those_who_are_refused_are_told(server: MiniSMTP) -> None:
    server.replies["RCPT"] = ["250 ok", "550 5.1.1 no such user", "450 4.2.1 later"]
    async with connected(server) as client:
        refused, _ = await client.sendmail(SENDER, [RECIPIENT, "c@x.org", "d@x.org"], TEXT)
    assert refused == {"c@x.org": (550, "5.1.1 no such user"), "d@x.org": (450, "4.2.1 later")}
    assert server.messages[0].recipients == (f"<{RECIPIENT}>",)


@pytest.mark.parametrize(
    ("verb", "error"),
    [
        ("MAIL", smtp.SMTPSenderRefused),
        ("RCPT", smtp.SMTPRecipientsRefused),
        ("DATA", smtp.SMTPDataError),
        (".", smtp.SMTPDataError),
    ],
)
async def test_after_a_refusal_the_next_mail_goes(server: MiniSMTP, verb: str, error: type[smtp.SMTPException]) -> None:
    server.replies[verb] = ["554 5.7.1 no"]
    async with connected(server) as client:
        with raises(error, match="no"):
            await client.sendmail(SENDER, RECIPIENT, TEXT)
        assert fate(client) is smtp.Delivery.REFUSED
        await client.sendmail(SENDER, RECIPIENT, TEXT)
        assert fate(client) is smtp.Delivery.ACCEPTED
    assert len(server.messages) == 1


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(
    ("answer", "error"),
    [(CLOSE, smtp.SMTPServerDisconnected), (HANG, smtp.SMTPReadTimeoutError)],
    ids=["lost", "stall"],
)
async def test_after_a_loss_the_client_connects_and_the_next_mail_goes(
    server: MiniSMTP, verb: str, answer: str, error: type[smtp.SMTPException]
) -> None:
    server.replies[verb] = [answer]
    async with connected(server) as client:
        with raises(error):
            await client.sendmail(SENDER, RECIPIENT, TEXT, timeout=SHORT if answer == HANG else LONG)
        assert fate(client) is smtp.Delivery.NOT_SENT
        await client.connect()
        await client.sendmail(SENDER, RECIPIENT, TEXT)
    assert len(server.messages) == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [(CLOSE, smtp.SMTPDeliveryUncertainDisconnected), (HANG, smtp.SMTPDeliveryUncertainTimeout)],
    ids=["lost", "stall"],
)
async def test_lost_after_the_end_the_fate_is_unknown(
    server: MiniSMTP, answer: str, error: type[smtp.SMTPException]
) -> None:
    server.replies["."] = [answer]
    async with connected(server) as client:
        if answer == HANG:
            hurry(client, termination=SHORT)
        with raises(error) as caught:
            await client.sendmail(SENDER, RECIPIENT, TEXT)
        assert fate(client) is caught.value.delivery is smtp.Delivery.UNKNOWN


async def test_ehlo_comes_before_the_mail(peer: ScriptedPeer) -> None:
    peer.script(
        HELLO, *offer(b"SIZE"), *said((b"MAIL FROM:<anna@example.org> SIZE=29", b"550 no"), (b"RSET", b"250")), *PARTING
    )
    async with connected(peer, start_tls=False) as client:
        with raises(smtp.SMTPSenderRefused):
            await client.sendmail(SENDER, RECIPIENT, TEXT)
        await client.quit()


async def test_without_a_connection_nothing_is_sent() -> None:
    client = smtp.SMTP()
    for message in (TEXT, "text"):
        with raises(smtp.SMTPServerDisconnected):
            await client.sendmail(SENDER, RECIPIENT, message)
        assert fate(client) is smtp.Delivery.NOT_SENT
    with raises(smtp.SMTPServerDisconnected):
        await client.send_message(letter())


async def test_what_is_wrong_with_a_mail_is_found_before_ehlo(peer: ScriptedPeer) -> None:
    peer.script(HELLO, *PARTING)
    async with connected(peer, start_tls=False) as client:
        with raises(smtp.SMTPAddressError):
            await client.sendmail("a b", RECIPIENT, TEXT)
        with raises(smtp.SMTPAddressError):
            await client.sendmail(SENDER, [RECIPIENT, ""], TEXT)
        with raises(smtp.SMTPRecipientsRefused):
            await client.sendmail(SENDER, [], TEXT)
        with raises(smtp.SMTPAddressError):
            await client.sendmail(SENDER, RECIPIENT, TEXT, mail_options=["SIZE=1 X"])
        with raises(smtp.SMTPMessageError):
            await client.sendmail(SENDER, RECIPIENT, "\ud800")
        with raises(smtp.SMTPMessageError):
            await client.send_message(EmailMessage())
        with pytest.raises(TypeError):
            await client.sendmail(SENDER, RECIPIENT, TEXT, rcpt_options="NOTIFY=NEVER")
        with pytest.raises(TypeError):
            await client.sendmail(SENDER, RECIPIENT, 5)  # type: ignore[arg-type]  # that is the point
        assert fate(client) is smtp.Delivery.NOT_SENT
        await client.quit()


# -- send_message ------------------------------------------------------------------------------------------------------


async def test_a_message_object_goes_to_everybody_in_its_headers(server: MiniSMTP) -> None:
    message = letter(Cc="Carl <c@x.org>", Bcc="d@x.org")
    before = copy.deepcopy(message)
    async with connected(server) as client:
        assert await client.send_message(message) == ({}, "2.0.0 accepted")
    (arrived,) = server.messages
    assert arrived.recipients == (f"<{RECIPIENT}>", "<c@x.org>", "<d@x.org>")
    assert b"d@x.org" not in arrived.content
    assert arrived.content == bytes(before).replace(b"Bcc: d@x.org\n", b"").replace(b"\n", b"\r\n")
    assert message.items() == before.items()


async def test_the_older_kind_of_message_goes_as_well(server: MiniSMTP) -> None:
    message: Message = MIMEText("Grüße\n", "plain", "utf-8")
    message["From"], message["To"] = SENDER, RECIPIENT
    async with connected(server) as client:
        await client.send_message(message)
    assert server.messages[0].content.isascii()


async def test_arguments_take_the_place_of_headers(server: MiniSMTP) -> None:
    async with connected(server) as client:
        await client.send_message(letter(), sender="", recipients=["root", "c@x.org"])
    assert server.messages[0].sender.split()[0] == "<>"
    assert server.messages[0].recipients == ("<root>", "<c@x.org>")


async def test_a_resent_message_goes_by_its_resent_headers(server: MiniSMTP) -> None:
    message = letter(
        Resent_Date="Mon, 01 Jan 2024 00:00:00 +0000", Resent_From="r@x.org", Resent_To="s@x.org", Resent_Bcc="t@x.org"
    )
    async with connected(server) as client:
        await client.send_message(message)
    assert server.messages[0].sender.split()[0] == "<r@x.org>"
    assert server.messages[0].recipients == ("<s@x.org>", "<t@x.org>")
    assert b"t@x.org" not in server.messages[0].content


async def test_parameters_that_the_message_needs_are_added(smtp_server: MiniSMTP) -> None:
    message = letter(To="grün@bücher.example")
    message.set_content("Grüße\n", cte="8bit")
    async with connected(smtp_server) as client:
        await client.send_message(message, mail_options=["RET=HDRS"], rcpt_options=["NOTIFY=NEVER"])
    (arrived,) = smtp_server.messages
    assert arrived.sender == f"<{SENDER}> SIZE={len(arrived.content)} BODY=8BITMIME SMTPUTF8 RET=HDRS"
    assert arrived.recipients == ("<grün@bücher.example> NOTIFY=NEVER",)
    assert "To: grün@bücher.example".encode() in arrived.content


async def test_what_a_server_does_not_offer_is_done_without_or_refused() -> None:
    plain, needs_utf8 = letter(), letter(To="grün@x.org")
    plain.set_content("Grüße\n", cte="8bit")
    with MiniSMTP(extensions=()) as server:
        async with connected(server) as client:
            await client.send_message(plain, recipients="ben@bücher.example")
            with raises(smtp.SMTPNotSupported, match="SMTPUTF8"):
                await client.send_message(needs_utf8)
            assert fate(client) is smtp.Delivery.NOT_SENT
            assert client.is_connected
        (arrived,) = server.messages
        assert (arrived.sender, arrived.recipients) == (f"<{SENDER}>", ("<ben@xn--bcher-kva.example>",))
        assert arrived.content.isascii()


async def test_a_long_message_arrives_whole(server: MiniSMTP) -> None:
    message = letter()
    message.add_attachment(bytes(range(256)) * 4096, "application", "octet-stream", filename="x.bin")
    message.set_boundary("=====")
    async with connected(server) as client:
        await client.send_message(message)
    assert server.messages[0].content == bytes(message).replace(b"\n", b"\r\n")


# -- step by step ------------------------------------------------------------------------------------------------------


async def test_a_mail_step_by_step(peer: ScriptedPeer) -> None:
    peer.script(
        *opening(b"PIPELINING"),
        *said((b"MAIL FROM:<anna@x>", b"250 ok"), (b"RCPT TO:<ben@x>", b"550 no"), (b"RCPT TO:<carl@x>", b"251 ok")),
        *said((b"DATA", b"354 go on")),
        expect(b"..x\r\n.\r\n"),
        send(b"250 queued\r\n"),
        *PARTING,
    )
    async with connected(peer) as client:
        await client.mail("anna@x")
        assert fate(client) is smtp.Delivery.NOT_SENT
        with raises(smtp.SMTPRecipientRefused):
            await client.rcpt("ben@x")
        await client.rcpt("carl@x")
        assert await client.data(".x") == (250, "queued")
        assert fate(client) is smtp.Delivery.ACCEPTED
        await client.quit()


async def test_a_refused_mail_can_be_reset_and_begun_again(smtp_server: MiniSMTP) -> None:
    smtp_server.replies["MAIL"] = ["550 not you"]
    smtp_server.replies["."] = ["554 spam"]
    async with connected(smtp_server) as client:
        with raises(smtp.SMTPSenderRefused):
            await client.mail("anna@x")
        assert fate(client) is smtp.Delivery.REFUSED
        for _ in range(2):
            await client.mail("anna@x")
            await client.rcpt("ben@x")
            await client.rset()
        await client.mail("anna@x")
        await client.rcpt("ben@x")
        with raises(smtp.SMTPDataError):
            await client.data(TEXT)
        assert fate(client) is smtp.Delivery.REFUSED


@pytest.mark.parametrize(
    ("end", "error"),
    [(close(), smtp.SMTPDeliveryUncertainDisconnected), (hang(), smtp.SMTPDeliveryUncertainTimeout)],
    ids=["lost", "stall"],
)
async def test_lost_after_the_end_of_a_body_the_fate_is_unknown(
    peer: ScriptedPeer, end: Step, error: type[smtp.SMTPException]
) -> None:
    peer.script(*opening(), *said((b"DATA", b"354 go on")), expect(TEXT + b".\r\n"), end, expect_eof())
    async with connected(peer) as client:
        if stalls([end]):
            hurry(client, termination=SHORT)
        with raises(error):
            await client.data(TEXT)
        assert fate(client) is smtp.Delivery.UNKNOWN


async def test_what_is_wrong_with_a_step_is_found_before_ehlo(peer: ScriptedPeer) -> None:
    peer.script(HELLO, *PARTING)
    async with connected(peer, start_tls=False) as client:
        for address in ("a b", "a@x> X=1", "grün@x", "a@x\r\nRSET"):
            with raises(smtp.SMTPAddressError):
                await client.mail(address)
            with raises(smtp.SMTPAddressError):
                await client.rcpt(address)
        for address in ("", "<>"):
            with raises(smtp.SMTPAddressError):
                await client.rcpt(address)
        with raises(smtp.SMTPAddressError):
            await client.mail("a@x", options=["X=1 Y=2"])
        with raises(smtp.SMTPMessageError):
            await client.data("\ud800")
        await client.quit()
