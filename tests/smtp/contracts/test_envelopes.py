"""What programs rely on for parameters and headers: C11 to C17."""

from __future__ import annotations

from email.message import Message
from typing import Any

import pytest

from tests.peers import MiniSMTP
from tests.smtp.support import RECIPIENT, SENDER, TEXT, connected, letter, raises
from transfer import smtp

ALL = ("SIZE", "8BITMIME", "SMTPUTF8")


def mail_line(server: MiniSMTP) -> str:
    """The MAIL command that came in."""
    (line,) = (command for command in server.commands if command.startswith("MAIL"))
    return line


def recipients(server: MiniSMTP) -> list[str]:
    """Whom the only mail went to."""
    (message,) = server.messages
    return [recipient.strip("<>") for recipient in message.recipients]


def keywords(line: str) -> list[str]:
    """Keywords of a command's parameters, without SIZE."""
    return [word for word in line.split()[2:] if not word.startswith("SIZE=")]


# -- C11: the size is declared where that is offered -------------------------------------------------------------------


@pytest.mark.parametrize("extensions", [("SIZE",), ("SIZE 100000",), ()])
async def test_c11_the_size_comes_first(extensions: tuple[str, ...]) -> None:
    with MiniSMTP(extensions=extensions) as server:
        async with connected(server) as client:
            await client.sendmail(SENDER, RECIPIENT, TEXT, mail_options=["X-NOTE=1"])
    size = f"SIZE={len(TEXT)} " if extensions else ""
    assert mail_line(server) == f"MAIL FROM:<{SENDER}> {size}X-NOTE=1"


# -- C12, replaced: SMTPUTF8 where an address anywhere needs it; a domain alone goes in A-labels -----------------------

NEEDS_UTF8: list[dict[str, Any]] = [
    {"message": letter(To="grün@example.net")},
    {"message": letter(), "sender": "grün@example.org"},
    {"message": letter(), "recipients": ["ben@example.net", "grün@example.net"]},
    {"message": letter(Reply_To="grün@example.net")},
]


def arguments(case: dict[str, Any]) -> tuple[Message, dict[str, Any]]:
    return case["message"], {name: value for name, value in case.items() if name != "message"}


@pytest.mark.parametrize("case", NEEDS_UTF8, ids=["header", "sender", "recipients", "reply-to"])
async def test_c12_an_address_outside_of_ascii_is_sent_by_smtputf8(case: dict[str, Any]) -> None:
    message, given = arguments(case)
    with MiniSMTP(extensions=ALL) as server:
        async with connected(server) as client:
            await client.send_message(message, **given)
    assert "SMTPUTF8" in keywords(mail_line(server))
    assert "=?" not in server.messages[0].content.decode()


@pytest.mark.parametrize("case", NEEDS_UTF8, ids=["header", "sender", "recipients", "reply-to"])
async def test_c12_where_it_is_not_offered_that_is_an_error_before_mail(case: dict[str, Any]) -> None:
    message, given = arguments(case)
    with MiniSMTP(extensions=("8BITMIME",)) as server:
        async with connected(server) as client:
            with raises(smtp.SMTPNotSupported, match="SMTPUTF8"):
                await client.send_message(message, **given)
            assert client.is_connected
    assert not any(command.startswith("MAIL") for command in server.commands)


async def test_c12_ascii_alone_does_not_ask_for_it() -> None:
    with MiniSMTP(extensions=ALL) as server:
        async with connected(server) as client:
            await client.send_message(letter(From="Grün <anna@example.org>", Subject="grün"))
    assert "SMTPUTF8" not in keywords(mail_line(server))


# -- C13: the caller may ask for it ------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["SMTPUTF8", "smtputf8"])
async def test_c13_sendmail_writes_addresses_in_utf_8_when_asked_for_smtputf8(option: str) -> None:
    with MiniSMTP(extensions=ALL) as server:
        async with connected(server) as client:
            await client.sendmail("grün@example.org", ["blå@example.net"], TEXT, mail_options=[option])
    assert mail_line(server).startswith("MAIL FROM:<grün@example.org> ")
    assert option in keywords(mail_line(server))
    assert "RCPT TO:<blå@example.net>" in server.commands


async def test_c13_a_server_without_it_gets_nothing() -> None:
    with MiniSMTP(extensions=()) as server:
        async with connected(server) as client:
            with raises(smtp.SMTPNotSupported, match="SMTPUTF8"):
                await client.sendmail(SENDER, RECIPIENT, TEXT, mail_options=["SMTPUTF8"])
    assert server.commands == ["EHLO client.example"]


# -- C14, replaced: 8BITMIME where the message needs it ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("extensions", "text", "wanted", "encoding"),
    [
        (ALL, "plain\n", [], "7bit"),
        (ALL, "grün\n", ["BODY=8BITMIME"], "8bit"),
        (("SIZE",), "grün\n", [], "base64"),
    ],
    ids=["not needed", "needed", "not offered"],
)
async def test_c14_8bitmime_is_asked_for_where_it_is_needed(
    extensions: tuple[str, ...], text: str, wanted: list[str], encoding: str
) -> None:
    message = letter()
    message.set_content(text, cte="8bit" if not text.isascii() else "7bit")
    with MiniSMTP(extensions=extensions) as server:
        async with connected(server) as client:
            await client.send_message(message)
    assert keywords(mail_line(server)) == wanted
    content = server.messages[0].content
    assert f"Content-Transfer-Encoding: {encoding}".encode() in content
    assert content.isascii() or "BODY=8BITMIME" in wanted


# -- C15: blind copies -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Bcc", "Resent-Bcc"])
async def test_c15_blind_recipients_get_the_mail_and_stay_out_of_it(smtp_server: MiniSMTP, name: str) -> None:
    prefix = "Resent-" if name.startswith("Resent") else ""
    message = letter()
    if prefix:
        message["Resent-Date"] = "Thu, 1 Jan 2026 00:00:00 +0000"
        message["Resent-From"], message["Resent-To"] = SENDER, RECIPIENT
    message[name] = "eve@example.net"
    before = message.items()
    async with connected(smtp_server) as client:
        await client.send_message(message)

    assert recipients(smtp_server) == [RECIPIENT, "eve@example.net"]
    assert b"eve@" not in smtp_server.messages[0].content
    assert b"bcc" not in smtp_server.messages[0].content.lower()
    assert message.items() == before


# -- C16: mails that were sent on --------------------------------------------------------------------------------------


def sent_on(**headers: str) -> Message:
    return letter(Resent_Date="Thu, 1 Jan 2026 00:00:00 +0000", **headers)


async def test_c16_a_mail_that_was_sent_on_goes_by_its_resent_headers(smtp_server: MiniSMTP) -> None:
    async with connected(smtp_server) as client:
        await client.send_message(
            sent_on(Resent_From="carl@example.org", Resent_To="dora@x", Resent_Cc="emil@x", Resent_Bcc="fritz@x")
        )
    assert mail_line(smtp_server).startswith("MAIL FROM:<carl@example.org>")
    assert recipients(smtp_server) == ["dora@x", "emil@x", "fritz@x"]


async def test_c16_resent_sender_comes_before_resent_from(smtp_server: MiniSMTP) -> None:
    async with connected(smtp_server) as client:
        await client.send_message(sent_on(Resent_From="carl@x", Resent_Sender="clerk@x", Resent_To="dora@x"))
    assert mail_line(smtp_server).startswith("MAIL FROM:<clerk@x>")


async def test_c16_two_blocks_are_a_value_error(smtp_server: MiniSMTP) -> None:
    message = sent_on(Resent_From="carl@x", Resent_To="dora@x")
    message["Resent-Date"] = "Fri, 2 Jan 2026 00:00:00 +0000"
    async with connected(smtp_server, start_tls=False) as client:
        with pytest.raises(ValueError, match="Resent-"):
            await client.send_message(message)
    assert smtp_server.commands == []


# -- C17: who sends ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "sender"),
    [
        ({"Sender": "clerk@x"}, "clerk@x"),
        ({"From": "Carl <carl@x>, dora@x"}, "carl@x"),
        ({"From": "carl@x, dora@x", "Sender": "Clerk <clerk@x>"}, "clerk@x"),
    ],
    ids=["Sender and From", "two in From", "Sender and two in From"],
)
async def test_c17_sender_comes_before_from_and_the_first_address_counts(
    smtp_server: MiniSMTP, headers: dict[str, str], sender: str
) -> None:
    async with connected(smtp_server) as client:
        await client.send_message(letter(**headers))
    assert mail_line(smtp_server).startswith(f"MAIL FROM:<{sender}>")
