"""Mails through real servers: every octet arrives, once, and every refusal gets to the caller."""

from __future__ import annotations

import hashlib
import random
from email.message import EmailMessage

import anyio
import pytest

from tests.interop._mail import RECIPIENT, SECONDS, SENDER, client_of, copies, mail_called, mail_in, message, subjects
from tests.interop._servers import SmtpServer
from transfer.smtp import (
    Delivery,
    SMTPAddressError,
    SMTPDataError,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPSenderRefused,
)

refusing = pytest.mark.parametrize("smtp_server", ["postfix", "exim", "aiosmtpd"], indirect=True)
limited = pytest.mark.parametrize("smtp_server", ["postfix", "exim"], indirect=True)
TOO_MUCH = (b"x" * 98 + b"\r\n") * 53_000  # both take 5 MB at most
HEAD = b"From: a@example.com\r\nTo: b@example.com\r\nSubject: octets\r\n\r\n"


# -- content -----------------------------------------------------------------------------------------------------------


async def test_an_attachment_arrives_unharmed(smtp_server: SmtpServer) -> None:
    octets = random.Random(2).randbytes(300_000)
    made = message("Grüße, 漢字 und 🎁")
    made.add_attachment(octets, maintype="application", subtype="octet-stream", filename="Übersicht.bin")
    made.add_attachment(".\n..\n.hidden\n\n.\n", subtype="plain", filename="dots.txt")

    async with client_of(smtp_server) as client:
        refused, _ = await client.send_message(made)

    assert refused == {}
    (kept,) = await mail_in(smtp_server)
    parsed = kept.parsed()
    assert parsed["Subject"] == "Grüße, 漢字 und 🎁"
    first, second = parsed.iter_attachments()
    assert first.get_filename() == "Übersicht.bin"
    assert hashlib.sha256(first.get_content()).digest() == hashlib.sha256(octets).digest()
    assert second.get_content().replace("\r\n", "\n") == ".\n..\n.hidden\n\n.\n"


BODIES = {
    "dots": b".\r\n..\r\n.leading\r\n...\r\n \r\n.\r\nin the. middle.\r\n",
    "no-end-of-line": b"first\r\nlast",
    "bare-line-feeds": b"one\n.\ntwo\n\n.\n",
    "empty": b"",
    "empty-lines": b"\r\n\r\n\r\n",
    "long-lines": b"x" * 998 + b"\r\n" + b"." + b"y" * 997 + b"\r\n",
    "eight-bit": "Zoë – ½ €\r\n".encode() + bytes(range(128, 256)) + b"\r\n",
    "one-mebibyte": b"".join(b".%07d abcdefghijklmnopqrstuvwxyz\r\n" % number for number in range(28_000)),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_a_body_arrives_octet_by_octet(smtp_server: SmtpServer, body: bytes) -> None:
    options = ["BODY=8BITMIME"] if not body.isascii() else None
    async with client_of(smtp_server) as client:
        await client.sendmail(SENDER, RECIPIENT, HEAD + body, mail_options=options)

    (kept,) = await mail_in(smtp_server)
    expected = body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    if expected and not expected.endswith(b"\r\n"):
        expected += b"\r\n"
    assert kept.body == expected


async def test_a_text_outside_of_ascii_arrives(smtp_server: SmtpServer) -> None:
    made = message("8 bit")
    made.set_content("Zoë schreibt: ½ €\n", cte="8bit")
    async with client_of(smtp_server) as client:
        await client.send_message(made)

    (kept,) = await mail_in(smtp_server)
    assert kept.parsed()["Content-Transfer-Encoding"] == "8bit"
    assert kept.body == "Zoë schreibt: ½ €\r\n".encode()


async def test_bcc_gets_the_mail_and_nobody_is_told(smtp_server: SmtpServer) -> None:
    made = message("secret")
    made["Cc"] = "Cecil <c@example.com>"
    made["Bcc"] = "d@example.com"
    async with client_of(smtp_server) as client:
        await client.send_message(made)

    for kept in await copies(smtp_server, ["b@example.com", "c@example.com", "d@example.com"]):
        head = kept.parsed()
        assert head["Bcc"] is None
        assert head["Cc"] == "Cecil <c@example.com>"
    assert made["Bcc"] == "d@example.com"


async def test_a_mail_from_nobody(smtp_server: SmtpServer) -> None:
    async with client_of(smtp_server) as client:
        await client.send_message(message("bounce"), sender="")

    (kept,) = await mail_in(smtp_server)
    assert kept.sender == ""


@pytest.mark.parametrize("smtp_server", ["postfix", "exim", "aiosmtpd"], indirect=True)
async def test_an_address_in_utf_8(smtp_server: SmtpServer) -> None:
    made = EmailMessage()
    made["From"] = "Zoë <zoë@example.com>"
    made["To"] = "jürgen@bücher.example"
    made["Subject"] = "internationalised"
    made.set_content("text\n")
    async with client_of(smtp_server) as client:
        await client.send_message(made)

    (kept,) = await mail_in(smtp_server)
    assert "zoë@example.com".encode() in kept.raw
    assert "jürgen@".encode() in kept.raw


async def test_an_address_in_utf_8_where_the_server_has_no_smtputf8(opensmtpd: SmtpServer) -> None:
    async with client_of(opensmtpd) as client:
        with pytest.raises(SMTPNotSupported, match="SMTPUTF8"):
            await client.sendmail(SENDER, "jürgen@example.com", HEAD)
        # A domain has a spelling in ASCII.
        await client.sendmail(SENDER, "juergen@bücher.example", HEAD)

    (kept,) = await mail_in(opensmtpd)
    assert kept.recipients == ("juergen@xn--bcher-kva.example",)


# -- many --------------------------------------------------------------------------------------------------------------


async def test_many_mails_over_one_connection_arrive_once_each(smtp_server: SmtpServer) -> None:
    names = [f"number {number:02}" for number in range(30)]
    async with client_of(smtp_server) as client:
        for name in names:
            refused, _ = await client.send_message(message(name))
            assert refused == {}

    assert subjects(await mail_in(smtp_server, len(names))) == names


async def test_many_recipients_get_one_mail_each(smtp_server: SmtpServer) -> None:
    recipients = [f"recipient{number:03}@example.com" for number in range(150)]
    async with client_of(smtp_server) as client:
        refused, _ = await client.sendmail(SENDER, recipients, HEAD + b"to all\r\n")
        # Aborted mail leaves nothing behind for the next one.
        await client.send_message(message("next"))

    # Servers have limits of their own: who was not refused gets the mail.
    assert all(response.code in {452, 550} for response in refused.values())
    assert len(refused) <= 50
    await copies(smtp_server, [*(name for name in recipients if name not in refused), RECIPIENT])


async def test_a_client_shared_by_tasks_sends_whole_mails(smtp_server: SmtpServer) -> None:
    names = [f"task {number:02}" for number in range(10)]
    async with client_of(smtp_server) as client, anyio.create_task_group() as group:
        for name in names:
            group.start_soon(client.send_message, message(name))

    assert subjects(await mail_in(smtp_server, len(names))) == names


# -- refusals ----------------------------------------------------------------------------------------------------------


@refusing
async def test_those_who_are_accepted_get_the_mail(smtp_server: SmtpServer) -> None:
    recipients = ["b@example.com", "rejects@example.com", "c@example.com", "defer@example.com"]
    async with client_of(smtp_server) as client:
        refused, text = await client.send_message(message("partly", *recipients))
        assert client.last_delivery is Delivery.ACCEPTED
        await client.send_message(message("next"), recipients="d@example.com")

    assert list(refused) == ["rejects@example.com", "defer@example.com"]
    assert refused["rejects@example.com"].code == 550
    assert "no such user" in refused["rejects@example.com"].message
    assert refused["defer@example.com"].code in {450, 451}
    assert text
    await copies(smtp_server, ["b@example.com", "c@example.com", "d@example.com"])


@refusing
async def test_nobody_is_accepted(smtp_server: SmtpServer) -> None:
    async with client_of(smtp_server) as client:
        with pytest.raises(SMTPRecipientsRefused, match="no such user") as caught:
            await client.send_message(message("refused", "rejects@example.com", "rejects2@example.com"))

        assert [one.recipient for one in caught.value.recipients] == ["rejects@example.com", "rejects2@example.com"]
        assert {one.code for one in caught.value.recipients} == {550}
        assert not caught.value.retryable
        assert caught.value.delivery is client.last_delivery is Delivery.REFUSED
        assert client.is_connected
        await client.send_message(message("accepted"))

    assert subjects(await mail_in(smtp_server)) == ["accepted"]


@refusing
async def test_everybody_is_to_be_tried_later(smtp_server: SmtpServer) -> None:
    async with client_of(smtp_server) as client:
        with pytest.raises(SMTPRecipientsRefused) as caught:
            await client.send_message(message("deferred", "defer@example.com"))

    assert caught.value.retryable


@pytest.mark.parametrize("smtp_server", ["exim", "aiosmtpd"], indirect=True)
async def test_a_sender_is_refused(smtp_server: SmtpServer) -> None:
    async with client_of(smtp_server) as client:
        with pytest.raises(SMTPSenderRefused, match="no mail from you") as caught:
            await client.send_message(message("refused"), sender="rejects@example.com")

        assert caught.value.code == 550
        assert caught.value.sender == "rejects@example.com"
        assert not caught.value.retryable
        await client.send_message(message("accepted"))

    assert subjects(await mail_in(smtp_server)) == ["accepted"]


async def test_content_is_refused(exim: SmtpServer) -> None:
    async with client_of(exim) as client:
        with pytest.raises(SMTPDataError, match="content refused") as caught:
            await client.send_message(message("REFUSE"))

        assert caught.value.code == 550
        assert caught.value.delivery is Delivery.REFUSED
        await client.send_message(message("accepted"))

    assert subjects(await mail_in(exim)) == ["accepted"]


@limited
async def test_a_mail_that_is_too_long_is_refused_before_it_is_sent(smtp_server: SmtpServer) -> None:
    async with client_of(smtp_server) as client:
        with pytest.raises(SMTPNotSupported, match="at most") as caught:
            await client.sendmail(SENDER, RECIPIENT, HEAD + TOO_MUCH)

        assert caught.value.delivery is Delivery.NOT_SENT
        assert not caught.value.retryable
        await client.send_message(message("accepted"))

    assert subjects(await mail_in(smtp_server)) == ["accepted"]


@limited
async def test_a_mail_that_is_longer_than_it_says_is_refused_at_its_end(smtp_server: SmtpServer) -> None:
    client = client_of(smtp_server)
    async with client:
        with pytest.raises(SMTPDataError) as caught:
            await client.sendmail(SENDER, RECIPIENT, HEAD + TOO_MUCH, mail_options=["SIZE=1000"])

        assert caught.value.code == 552
        assert caught.value.delivery is Delivery.REFUSED
        if not client.is_connected:
            await client.connect()
        await client.send_message(message("accepted"))

    assert subjects(await mail_in(smtp_server)) == ["accepted"]


async def test_nothing_is_sent_of_a_mail_with_a_wrong_address(smtp_server: SmtpServer) -> None:
    async with client_of(smtp_server) as client:
        for wrong in ("b@example.com> NOTIFY=NEVER", "b@example.com\r\nRSET", "no one@example.com", "@", ""):
            with pytest.raises(SMTPAddressError):
                await client.sendmail(SENDER, ["c@example.com", wrong], HEAD)
        await client.send_message(message("accepted"))

    assert subjects(await mail_in(smtp_server)) == ["accepted"]


# -- options -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("smtp_server", ["postfix", "exim"], indirect=True)
async def test_a_delivery_status_notification_comes_back(smtp_server: SmtpServer) -> None:
    async with client_of(smtp_server) as client:
        await client.ehlo()
        assert client.supports_extension("DSN")
        await client.send_message(
            message("with DSN"),
            mail_options=["RET=HDRS", "ENVID=interop-1"],
            rcpt_options=["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;first@example.com"],
        )

    found = await mail_in(smtp_server, 2)
    (report,) = [kept for kept in found if kept.sender == ""]
    assert report.recipients == (SENDER,)
    (status,) = [part for part in report.parsed().walk() if part.get_content_type() == "message/delivery-status"]
    about_mail, about_recipient = status.iter_parts()
    assert about_mail["Original-Envelope-Id"] == "interop-1"
    assert about_recipient["Original-Recipient"] == "rfc822;first@example.com"
    assert about_recipient["Action"] == "delivered"


@pytest.mark.parametrize("smtp_server", ["postfix", "exim"], indirect=True)
async def test_an_option_that_the_server_does_not_know_is_its_refusal(smtp_server: SmtpServer) -> None:
    async with client_of(smtp_server) as client:
        with pytest.raises(SMTPSenderRefused) as caught:
            await client.send_message(message(), mail_options=["XUNKNOWN=1"])
        assert caught.value.code in {501, 555}
        with pytest.raises(SMTPRecipientsRefused):
            await client.send_message(message(), rcpt_options=["XUNKNOWN=1"])
        await client.send_message(message("accepted"))

    assert subjects(await mail_in(smtp_server)) == ["accepted"]


# -- cancellation ------------------------------------------------------------------------------------------------------


async def test_a_cancelled_mail_leaves_no_half_of_it_behind(smtp_server: SmtpServer) -> None:
    """Cut off at some point of the dialogue; what ``last_delivery`` says then is what has happened."""
    client = client_of(smtp_server)
    accepted, uncertain = [], []
    for number in range(20):
        if not client.is_connected:
            await client.connect()
        name = f"cancelled {number:02}"
        with anyio.move_on_after(number * 0.0005) as scope:
            await client.send_message(message(name))
        if not scope.cancelled_caught:
            assert client.last_delivery is Delivery.ACCEPTED
        if client.last_delivery is Delivery.ACCEPTED:
            accepted.append(name)
        elif client.last_delivery is Delivery.UNKNOWN:
            uncertain.append(name)
    if not client.is_connected:
        await client.connect()
    with anyio.fail_after(SECONDS):
        await client.send_message(message("whole"))
        await client.quit()

    found = await mail_called(smtp_server, *accepted, "whole")
    assert len(set(found)) == len(found)
    assert set(found) <= {*accepted, *uncertain, "whole"}
