"""A mail server that misbehaves on purpose: every way it can fail has its exception, and the client goes on."""

from __future__ import annotations

import pytest

from tests.interop._mail import RECIPIENT, SENDER, client_of, mail_in, message, subjects
from tests.interop._servers import SmtpServer
from tests.interop._smtp_sink import SmtpSinkFactory
from transfer.smtp import (
    Delivery,
    SMTPConnectError,
    SMTPConnectResponseError,
    SMTPConnectTimeoutError,
    SMTPDataError,
    SMTPDeliveryUncertainDisconnected,
    SMTPDeliveryUncertainTimeout,
    SMTPException,
    SMTPHeloError,
    SMTPReadTimeoutError,
    SMTPRecipientsRefused,
    SMTPResponse,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)

IMPATIENT = 0.2
SLOW = 30  # seconds that a delay of the server takes: nobody waits for its end
BODY = b"Subject: sink\r\n\r\ntext\r\n"


async def failure(server: SmtpServer, *, timeout: float = 20.0, body: bytes = BODY) -> tuple[SMTPException, bool]:
    """Return what a mail to *server* raises, and whether the client is still connected then."""
    client = client_of(server, timeout=timeout)
    try:
        await client.connect()
        with pytest.raises(SMTPException) as caught:
            await client.sendmail(SENDER, RECIPIENT, body)
        assert client.last_delivery is caught.value.delivery
        return caught.value, client.is_connected
    finally:
        client.close()


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("mail", SMTPSenderRefused),
        ("rcpt", SMTPRecipientsRefused),
        ("data", SMTPDataError),
        (".", SMTPDataError),
    ],
)
@pytest.mark.parametrize("kind", ["soft", "hard"])
async def test_a_refused_command(
    smtp_sink: SmtpSinkFactory, command: str, error: type[SMTPException], kind: str
) -> None:
    option, reply = ("-r", "-b") if kind == "soft" else ("-f", "-B")
    text = "451 4.3.0 too busy" if kind == "soft" else "554 5.7.1 never"
    found, connected = await failure(smtp_sink(option, command, reply, text, keep_messages=False))

    assert type(found) is error
    assert text.partition(" ")[2] in str(found)
    assert found.retryable is (kind == "soft")
    assert found.delivery is Delivery.REFUSED
    assert connected


async def test_a_mail_goes_through_beside_refusals_of_other_commands(smtp_sink: SmtpSinkFactory) -> None:
    server = smtp_sink("-f", "rset,noop,vrfy,quit")
    async with client_of(server) as client:
        for refused in (client.rset(), client.noop(), client.vrfy("b@example.com")):
            with pytest.raises(SMTPResponseException, match="command failed"):
                await refused
        await client.send_message(message("beside"))
        with pytest.raises(SMTPResponseException):
            await client.quit()
        await client.execute_command(b"NOOP")
    assert not client.is_connected
    assert subjects(await mail_in(server)) == ["beside"]


@pytest.mark.parametrize("option", ["-e", "-P"], ids=["no-esmtp", "hidden-esmtp"])
async def test_a_server_without_ehlo_gets_helo(smtp_sink: SmtpSinkFactory, option: str) -> None:
    server = smtp_sink(option)
    async with client_of(server) as client:
        await client.send_message(message("by HELO"))
        assert client.esmtp_extensions == {}
        assert client.last_helo_response is not None
        assert client.last_helo_response.code == 250

    (kept,) = await mail_in(server)
    assert b"X-Client-Proto: SMTP\r\n" in kept.raw


async def test_a_server_that_refuses_ehlo_and_helo(smtp_sink: SmtpSinkFactory) -> None:
    client = client_of(smtp_sink("-f", "ehlo,helo", keep_messages=False))
    with pytest.raises(SMTPHeloError) as caught:
        await client.connect()

    assert caught.value.code == 500
    assert not client.is_connected


async def test_a_server_that_wants_ehlo_later_is_not_asked_by_helo(smtp_sink: SmtpSinkFactory) -> None:
    client = client_of(smtp_sink("-r", "ehlo", keep_messages=False))
    with pytest.raises(SMTPHeloError) as caught:
        await client.connect()

    assert caught.value.code == 450
    assert caught.value.retryable


@pytest.mark.parametrize(("option", "code"), [("-f", 500), ("-r", 450), ("-Q", 421)])
async def test_a_greeting_that_sends_us_away(smtp_sink: SmtpSinkFactory, option: str, code: int) -> None:
    client = client_of(smtp_sink(option, "connect", keep_messages=False))
    with pytest.raises(SMTPConnectResponseError) as caught:
        await client.connect()

    assert caught.value.code == code
    assert caught.value.retryable is (code < 500)
    assert isinstance(caught.value, ConnectionError)
    assert not client.is_connected


# -- disconnections ----------------------------------------------------------------------------------------------------


async def test_a_server_that_hangs_up_instead_of_greeting(smtp_sink: SmtpSinkFactory) -> None:
    with pytest.raises(SMTPConnectError) as caught:
        await client_of(smtp_sink("-q", "connect", keep_messages=False)).connect()

    assert caught.value.retryable


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "lock-step"])
@pytest.mark.parametrize("command", ["mail", "rcpt", "data"])
async def test_a_server_that_hangs_up_before_the_mail(
    smtp_sink: SmtpSinkFactory, command: str, pipelining: bool
) -> None:
    server = smtp_sink("-q", command, *(() if pipelining else ("-p",)), keep_messages=False)
    found, connected = await failure(server)

    assert type(found) is SMTPServerDisconnected
    assert found.retryable
    assert found.delivery is Delivery.NOT_SENT
    assert not connected


async def test_a_server_that_hangs_up_after_the_mail_leaves_doubt(smtp_sink: SmtpSinkFactory) -> None:
    found, connected = await failure(smtp_sink("-q", ".", keep_messages=False))

    assert type(found) is SMTPDeliveryUncertainDisconnected
    assert isinstance(found, SMTPServerDisconnected)
    assert not found.retryable
    assert found.delivery is Delivery.UNKNOWN
    assert not connected


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "lock-step"])
@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("mail", SMTPSenderRefused),
        ("rcpt", SMTPRecipientsRefused),
        ("data", SMTPDataError),
        (".", SMTPDataError),
    ],
)
async def test_a_server_that_parts_with_421(
    smtp_sink: SmtpSinkFactory, command: str, error: type[SMTPException], pipelining: bool
) -> None:
    server = smtp_sink("-Q", command, *(() if pipelining else ("-p",)), keep_messages=False)
    found, connected = await failure(server)

    assert type(found) is error
    assert "421" in str(found)
    assert found.retryable
    assert found.delivery is Delivery.REFUSED
    assert not connected


@pytest.mark.parametrize("option", ["-q", "-Q"], ids=["silently", "with-421"])
async def test_a_server_that_hangs_up_on_quit(smtp_sink: SmtpSinkFactory, option: str) -> None:
    server = smtp_sink(option, "quit")
    async with client_of(server) as client:
        await client.send_message(message("before QUIT"))
    client = client_of(server)
    await client.connect()
    if option == "-q":
        assert await client.quit() == SMTPResponse(221, "The server closed the connection")
    else:
        with pytest.raises(SMTPResponseException, match="421"):
            await client.quit()

    assert not client.is_connected
    assert subjects(await mail_in(server)) == ["before QUIT"]


async def test_a_client_goes_on_after_each_disconnection(smtp_sink: SmtpSinkFactory) -> None:
    client = client_of(smtp_sink("-q", "vrfy"))
    for _ in range(5):
        await client.connect()
        with pytest.raises(SMTPServerDisconnected):
            await client.vrfy("b@example.com")
        assert not client.is_connected
    await client.connect()
    assert (await client.noop()).code == 250
    await client.quit()


async def test_a_refusal_in_the_middle_of_the_body_is_heard(smtp_sink: SmtpSinkFactory) -> None:
    """The server answers 550 and reads no further: more than the sockets hold can't be written, and need not be."""
    server = smtp_sink("-A", "0", keep_messages=False)
    found, connected = await failure(server, body=BODY + b"x" * 70 + b"\r\n" * 10_000_000)

    assert type(found) is SMTPDataError
    assert found.code == 550
    assert found.delivery is Delivery.REFUSED
    assert not connected


# -- time --------------------------------------------------------------------------------------------------------------


async def test_a_late_greeting(smtp_sink: SmtpSinkFactory) -> None:
    client = client_of(smtp_sink("-W", f"connect:{SLOW}", keep_messages=False), timeout=IMPATIENT)
    with pytest.raises(SMTPConnectTimeoutError) as caught:
        await client.connect()

    assert caught.value.phase == "greeting"
    assert caught.value.seconds == IMPATIENT
    assert isinstance(caught.value, TimeoutError)
    assert not client.is_connected


@pytest.mark.parametrize("command", ["mail", "rcpt", "data"])
async def test_a_late_reply_before_the_mail(smtp_sink: SmtpSinkFactory, command: str) -> None:
    server = smtp_sink("-W", f"{command}:{SLOW}", keep_messages=False)
    found, connected = await failure(server, timeout=IMPATIENT)

    assert type(found) is SMTPReadTimeoutError
    assert found.retryable
    assert found.delivery is Delivery.NOT_SENT
    assert not connected


async def test_a_late_reply_to_the_mail_leaves_doubt(smtp_sink: SmtpSinkFactory) -> None:
    found, connected = await failure(smtp_sink("-W", f".:{SLOW}", keep_messages=False), timeout=IMPATIENT)

    assert type(found) is SMTPDeliveryUncertainTimeout
    assert isinstance(found, SMTPReadTimeoutError)
    assert not found.retryable
    assert found.delivery is Delivery.UNKNOWN
    assert not connected


async def test_a_server_that_does_not_read_the_body(smtp_sink: SmtpSinkFactory) -> None:
    server = smtp_sink("-H", str(SLOW), "-T", "4096", keep_messages=False)
    found, connected = await failure(server, timeout=IMPATIENT, body=BODY + b"x" * 70 + b"\r\n" * 10_000_000)

    assert type(found) is SMTPReadTimeoutError
    assert found.delivery is Delivery.NOT_SENT
    assert not connected


async def test_a_late_reply_within_the_time_is_waited_for(smtp_sink: SmtpSinkFactory) -> None:
    server = smtp_sink("-W", "data:1")
    async with client_of(server) as client:
        await client.send_message(message("patience"))

    assert subjects(await mail_in(server)) == ["patience"]


async def test_leaving_the_block_does_not_wait_for_a_late_reply_to_quit(smtp_sink: SmtpSinkFactory) -> None:
    server = smtp_sink("-W", f"quit:{SLOW}")
    async with client_of(server, timeout=IMPATIENT) as client:
        await client.send_message(message("parted"))

    assert not client.is_connected
    assert subjects(await mail_in(server)) == ["parted"]


# -- what is not offered -----------------------------------------------------------------------------------------------


async def test_a_server_without_8bitmime_gets_ascii(smtp_sink: SmtpSinkFactory) -> None:
    made = message("7 bit")
    made.set_content("Zoë schreibt: ½ €\n", cte="8bit")
    server = smtp_sink("-8")
    async with client_of(server) as client:
        await client.send_message(made)

    (kept,) = await mail_in(server)
    assert kept.raw.isascii()
    assert kept.parsed().get_content().rstrip() == "Zoë schreibt: ½ €"
    assert b"BODY=" not in kept.raw


async def test_hundreds_of_mails_with_and_without_pipelining(smtp_sink: SmtpSinkFactory) -> None:
    for options in ((), ("-p",)):
        server = smtp_sink(*options)
        names = [f"number {number:03}" for number in range(200)]
        async with client_of(server) as client:
            for name in names:
                await client.send_message(message(name, "b@example.com", "c@example.com"))

        found = await mail_in(server, len(names))
        assert subjects(found) == names
        assert {kept.recipients for kept in found} == {("b@example.com", "c@example.com")}


async def test_a_mail_of_twenty_mebibytes_arrives_whole(smtp_sink: SmtpSinkFactory) -> None:
    line = b"." + b"abcdefghi" * 7 + b"\r\n"
    body = BODY + line * 320_000
    server = smtp_sink()
    async with client_of(server) as client:
        await client.sendmail(SENDER, RECIPIENT, body)

    (kept,) = await mail_in(server)
    assert kept.body == body.partition(b"\r\n\r\n")[2]
