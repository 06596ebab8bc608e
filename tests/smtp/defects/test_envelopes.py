"""What must not get into an envelope, or be left out of it: D9, D10, D13 to D16, D19 to D23.

Each test names the guard without which it fails.
"""

from __future__ import annotations

import pytest

from tests.peers import MiniSMTP
from tests.smtp.support import RECIPIENT, SENDER, TEXT, connected, letter, raises
from transfer import smtp


def mail_line(server: MiniSMTP) -> str:
    """The MAIL command that came in."""
    (line,) = (command for command in server.commands if command.startswith("MAIL"))
    return line


def rcpt_lines(server: MiniSMTP) -> list[str]:
    """The RCPT commands that came in."""
    return [command for command in server.commands if command.startswith("RCPT")]


def nothing_was_begun(server: MiniSMTP) -> bool:
    """Whether no mail was begun."""
    return not any(command.startswith(("MAIL", "RCPT", "RSET")) for command in server.commands)


# -- D9, D10: SIZE -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["Subject: x\n\none\ntwo", "a\rb", ".\n..\n", "grün\n"], ids=repr)
async def test_d09_the_size_is_that_of_what_is_sent(smtp_server: MiniSMTP, text: str) -> None:
    """Guard: transfer.smtp._mail:prepare, which declares the octets of the message with its line ends mended."""
    async with connected(smtp_server) as client:
        await client.sendmail(SENDER, RECIPIENT, text)
    (message,) = smtp_server.messages
    assert f"SIZE={len(message.content)}" in mail_line(smtp_server).split()


@pytest.mark.parametrize("option", ["SIZE=5", "size=5"])
async def test_d10_the_size_is_declared_once(smtp_server: MiniSMTP, option: str) -> None:
    """Guard: transfer.smtp._commands:merge_options, which lets the caller's parameter win."""
    async with connected(smtp_server) as client:
        await client.sendmail(SENDER, RECIPIENT, TEXT, mail_options=[option])
    assert [word for word in mail_line(smtp_server).split() if word.upper().startswith("SIZE")] == [option]


# -- D13, D14: an address is one address -------------------------------------------------------------------------------

INJECTIONS = [
    "a@x.y> NOTIFY=NEVER ORCPT=rfc822;z@z.z",
    "a@x.y> SIZE=1",
    "a@x.y SIZE=1",
    "<a@x.y> NOTIFY=NEVER",
    "a@x.y>",
    "<a@x.y",
]
LINE_BREAKS = ["a@x.y\r\nRSET", "a@x.y\nRSET", "a@x.y\r", "a\0@x.y", '"a\r\nRSET"@x.y', "a@x.y\u2028RSET"]


@pytest.mark.parametrize("text", INJECTIONS)
async def test_d13_an_address_brings_no_parameters_along(smtp_server: MiniSMTP, text: str) -> None:
    """Guard: transfer.smtp._address:parse_mailbox, a grammar of its own that matches the whole text or nothing."""
    await _refused_everywhere(smtp_server, text)


@pytest.mark.parametrize("text", LINE_BREAKS, ids=ascii)
async def test_d14_an_address_brings_no_line_along(smtp_server: MiniSMTP, text: str) -> None:
    """Guard: transfer.smtp._address, whose grammar has no control characters, in quotes neither; nothing is cut off."""
    await _refused_everywhere(smtp_server, text)


async def _refused_everywhere(server: MiniSMTP, text: str) -> None:
    async with connected(server) as client:
        for attempt in (
            lambda: client.sendmail(SENDER, [RECIPIENT, text], TEXT),
            lambda: client.sendmail(text, [RECIPIENT], TEXT),
            lambda: client.send_message(letter(), recipients=text),
            lambda: client.send_message(letter(), sender=text),
            lambda: client.mail(text),
            lambda: client.rcpt(text),
            lambda: client.vrfy(text),
        ):
            with raises(smtp.SMTPAddressError):
                await attempt()
        assert client.is_connected
    assert nothing_was_begun(server)


# -- D15, D16: recipients from headers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["A, B <b@x.y>", "b@x.y, A", "A"])
async def test_d15_a_name_in_a_header_is_no_recipient(smtp_server: MiniSMTP, value: str) -> None:
    """Guard: transfer.smtp._headers:_parse_address, which takes no address without a domain."""
    async with connected(smtp_server) as client:
        with raises(smtp.SMTPAddressError, match="To"):
            await client.send_message(letter(To=value))
    assert nothing_was_begun(smtp_server)


@pytest.mark.parametrize("where", ["headers", "argument"])
async def test_d16_a_mailbox_named_twice_gets_one_copy(smtp_server: MiniSMTP, where: str) -> None:
    """Guards: transfer.smtp._message:recipients_of and transfer.smtp._mail:_explicit_recipients."""
    async with connected(smtp_server) as client:
        if where == "headers":
            await client.send_message(letter(To="ben@x.y, eve@x.y", Cc="Ben <ben@X.Y>"))
        else:
            await client.sendmail(SENDER, ["ben@x.y", "eve@x.y", "ben@X.Y"], TEXT)
    assert rcpt_lines(smtp_server) == ["RCPT TO:<ben@x.y>", "RCPT TO:<eve@x.y>"]


# -- D19: a domain has an ASCII form -----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["sendmail", "send_message"])
async def test_d19_a_domain_outside_of_ascii_needs_no_smtputf8(method: str) -> None:
    """Guard: transfer.smtp._address:Mailbox.for_wire, which sends A-labels where SMTPUTF8 is not in force."""
    with MiniSMTP(extensions=()) as server:
        async with connected(server) as client:
            if method == "sendmail":
                await client.sendmail("a@bücher.example", ["b@bücher.example"], TEXT)
            else:
                await client.send_message(letter(), sender="a@bücher.example", recipients="b@bücher.example")
    assert mail_line(server) == "MAIL FROM:<a@xn--bcher-kva.example>"
    assert rcpt_lines(server) == ["RCPT TO:<b@xn--bcher-kva.example>"]


# -- D20, D21: what is no mail -----------------------------------------------------------------------------------------


async def test_d20_without_recipients_nothing_is_sent(smtp_server: MiniSMTP) -> None:
    """Guard: transfer.smtp._mail:draft, which looks before anything is said."""
    async with connected(smtp_server) as client:
        with raises(smtp.SMTPRecipientsRefused) as caught:
            await client.sendmail(SENDER, [], TEXT)
        assert caught.value.recipients == []
        with pytest.raises(ValueError, match="recipients"):
            await client.send_message(letter(To=""))
    assert nothing_was_begun(smtp_server)


@pytest.mark.parametrize("length", [999, 3000])
async def test_d21_a_line_that_no_mail_may_have_is_refused(smtp_server: MiniSMTP, length: int) -> None:
    """Guard: transfer.smtp._lines:check_lines (RFC 5321 §4.5.3.1.6)."""
    text = b"Subject: x\r\n\r\n" + b"x" * length + b"\r\n"
    async with connected(smtp_server) as client:
        with raises(smtp.SMTPMessageError, match="998"):
            await client.sendmail(SENDER, RECIPIENT, text)
        await client.sendmail(SENDER, RECIPIENT, text.replace(b"x" * length, b"x" * 998))
    assert len(smtp_server.messages) == 1


async def test_d21_the_caller_may_allow_it(smtp_server: MiniSMTP) -> None:
    async with connected(smtp_server, line_policy=smtp.LinePolicy.ANY) as client:
        await client.sendmail(SENDER, RECIPIENT, b"x" * 3000)
    assert smtp_server.messages[0].content == b"x" * 3000 + b"\r\n"


# -- D22, kept: programs rely on the first address of From -------------------------------------------------------------


async def test_d22_of_several_from_addresses_the_first_one_sends(smtp_server: MiniSMTP) -> None:
    """Kept as programs know it (contract C17), although RFC 5322 §3.6.2 wants a Sender header then."""
    async with connected(smtp_server) as client:
        await client.send_message(letter(From="carl@x.y, dora@x.y"))
    assert mail_line(smtp_server).startswith("MAIL FROM:<carl@x.y>")


# -- D23: an address is not written in code ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Reply-To", "From", "Cc"])
async def test_d23_a_header_with_an_address_outside_of_ascii_needs_smtputf8(smtp_server: MiniSMTP, name: str) -> None:
    """Guard: transfer.smtp._message:needs_smtputf8."""
    message = letter(**{name: "é@x.y"})
    async with connected(smtp_server) as client:
        await client.send_message(message, sender=SENDER, recipients=RECIPIENT)
    assert "SMTPUTF8" in mail_line(smtp_server).split()
    assert f"{name}: é@x.y".encode() in smtp_server.messages[0].content
