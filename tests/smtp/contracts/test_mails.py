"""What programs rely on when they send: C6 to C10 and C18."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

from tests.peers import MiniSMTP, ScriptedPeer, Step, close, expect, expect_eof, send
from tests.smtp.support import (
    DATA,
    GO_ON,
    MAIL,
    MESSAGE,
    PARTING,
    RECIPIENT,
    SENDER,
    TEXT,
    Way,
    client_of,
    connected,
    letter,
    opening,
    raises,
    rcpt,
    said,
)
from transfer import smtp

FIRST, SECOND = rcpt(b"ben@example.net"), rcpt(b"eve@example.net")
OTHER = "eve@example.net"
TAKEN = [expect(MESSAGE), send(b"250 2.0.0 queued as 7\r\n")]


def begin(way: Way, *keywords: bytes) -> list[Step]:
    """The beginning of a connection to a server that takes groups, or does not."""
    return opening(*([b"PIPELINING"] if way.pipelining else []), *keywords)


# -- C6: whoever is accepted gets the mail -----------------------------------------------------------------------------


async def test_c06_those_who_are_accepted_get_the_mail(peer: ScriptedPeer, way: Way) -> None:
    exchanges = (MAIL, b"250 ok"), (FIRST, b"250 ok"), (SECOND, b"550 5.1.1 unknown"), GO_ON
    peer.script(*begin(way), *way.steps(*exchanges), *TAKEN, expect_eof())
    async with connected(peer) as client:
        outcome = await client.sendmail(SENDER, [RECIPIENT, OTHER], TEXT)

    assert outcome == ({OTHER: smtp.SMTPResponse(550, "5.1.1 unknown")}, "2.0.0 queued as 7")


async def test_c06_without_a_recipient_no_mail_is_begun(peer: ScriptedPeer) -> None:
    exchanges = (MAIL, b"250 ok"), (FIRST, b"450 later"), (SECOND, b"550 unknown"), (b"RSET", b"250 ok")
    peer.script(*opening(), *said(*exchanges), expect_eof())
    async with connected(peer) as client:
        with raises(smtp.SMTPRecipientsRefused) as caught:
            await client.sendmail(SENDER, [RECIPIENT, OTHER], TEXT)

    assert [(one.recipient, one.code) for one in caught.value.recipients] == [(RECIPIENT, 450), (OTHER, 550)]


async def test_c06_where_a_group_gets_data_taken_for_nobody_a_lone_dot_ends_it(peer: ScriptedPeer) -> None:
    """RFC 2920 §3.1: the client "should send a single dot" then."""
    way = Way(pipelining=True)
    peer.script(
        *begin(way),
        *way.steps((MAIL, b"250 ok"), (FIRST, b"550 unknown"), GO_ON),
        *said((b".", b"554 no valid recipients"), (b"RSET", b"250 ok")),
        expect_eof(),
    )
    async with connected(peer) as client:
        with raises(smtp.SMTPRecipientsRefused):
            await client.sendmail(SENDER, RECIPIENT, TEXT)


# -- C7: after a refusal the server is reset, and the refusal is what is raised ----------------------------------------

REFUSALS = [
    pytest.param([(MAIL, b"550 no")], smtp.SMTPSenderRefused, id="MAIL"),
    pytest.param([(MAIL, b"250 ok"), (FIRST, b"550 no")], smtp.SMTPRecipientsRefused, id="RCPT"),
    pytest.param([(MAIL, b"250 ok"), (FIRST, b"250 ok"), (DATA, b"550 no")], smtp.SMTPDataError, id="DATA"),
]


@pytest.mark.parametrize("answer", [send(b"250 ok\r\n"), send(b"500 what\r\n"), close()], ids=str)
@pytest.mark.parametrize(("exchanges", "error"), REFUSALS)
async def test_c07_a_refused_mail_is_reset(
    peer: ScriptedPeer, exchanges: list[tuple[bytes, bytes]], error: type[smtp.SMTPException], answer: Step
) -> None:
    peer.script(*opening(), *said(*exchanges), expect(b"RSET\r\n"), answer)
    async with connected(peer) as client:
        with raises(error):
            await client.sendmail(SENDER, RECIPIENT, TEXT)


async def test_c07_a_refused_message_is_reset(peer: ScriptedPeer) -> None:
    exchanges = (MAIL, b"250 ok"), (FIRST, b"250 ok"), GO_ON
    peer.script(*opening(), *said(*exchanges), expect(MESSAGE), send(b"554 5.7.1 spam\r\n"), *said((b"RSET", b"250")))
    async with connected(peer) as client:
        with raises(smtp.SMTPDataError, match="spam"):
            await client.sendmail(SENDER, RECIPIENT, TEXT)


# -- C8: one client, many tasks ----------------------------------------------------------------------------------------


def expected(count: int) -> set[tuple[tuple[str, ...], bytes]]:
    return {((f"<r{n}@x>", f"<q{n}@x>"), b"Subject: %d\r\n\r\n" % n) for n in range(count)}


async def mail_of(client: smtp.SMTP, n: int) -> object:
    return await client.sendmail("s@x", [f"r{n}@x", f"q{n}@x"], f"Subject: {n}\n\n")


@pytest.mark.parametrize("extensions", [(), ("PIPELINING",)], ids=["lock-step", "pipelining"])
async def test_c08_whole_mails_take_turns(extensions: tuple[str, ...]) -> None:
    with MiniSMTP(extensions=extensions) as server:
        async with connected(server) as client, anyio.create_task_group() as group:
            for number in range(10):
                group.start_soon(mail_of, client, number)
                group.start_soon(client.noop)
    assert {(message.recipients, message.content) for message in server.messages} == expected(10)


def test_c08_gather_is_safe(smtp_server: MiniSMTP) -> None:
    """As programs for asyncio write it."""

    async def program() -> list[Any]:
        async with client_of(smtp_server) as client:
            return await asyncio.gather(*(mail_of(client, n) for n in range(10)), client.noop(), client.vrfy("ben@x"))

    *outcomes, noop, vrfy = asyncio.run(program())
    assert outcomes == [({}, "2.0.0 accepted")] * 10
    assert (noop.code, vrfy.code) == (250, 252)
    assert {(message.recipients, message.content) for message in smtp_server.messages} == expected(10)


# -- C9: no control character reaches a command ------------------------------------------------------------------------

CONTROLS = [*map(chr, range(0x20)), "\x7f"]
Call = Callable[[smtp.SMTP, str], Awaitable[object]]
COMMANDS: dict[str, Call] = {
    "execute_command": lambda client, text: client.execute_command(b"NOOP", text.encode()),
    "ehlo": lambda client, text: client.ehlo(hostname=text),
    "helo": lambda client, text: client.helo(hostname=text),
    "vrfy": lambda client, text: client.vrfy(text),
    "vrfy option": lambda client, text: client.vrfy("ben@x", options=[text]),
    "expn": lambda client, text: client.expn(text),
    "mail": lambda client, text: client.mail(text),
    "mail option": lambda client, text: client.mail("anna@x", options=[text]),
    "rcpt": lambda client, text: client.rcpt(text),
    "rcpt option": lambda client, text: client.rcpt("ben@x", options=[text]),
    "sendmail sender": lambda client, text: client.sendmail(text, ["ben@x"], ""),
    "sendmail recipient": lambda client, text: client.sendmail("anna@x", ["ben@x", text], ""),
    "sendmail option": lambda client, text: client.sendmail("anna@x", ["ben@x"], "", mail_options=[text]),
    "send_message sender": lambda client, text: client.send_message(letter(), sender=text),
    "send_message recipient": lambda client, text: client.send_message(letter(), recipients=[text]),
}


@pytest.mark.parametrize("call", COMMANDS.values(), ids=COMMANDS)
async def test_c09_a_control_character_is_refused_before_anything_is_sent(smtp_server: MiniSMTP, call: Call) -> None:
    async with connected(smtp_server, start_tls=False) as client:
        for control in CONTROLS:
            for text in (f"a{control}b@x", f'"a{control}b"@x', f"ab@x{control}RSET"):
                with pytest.raises(ValueError):  # each command has words of its own for it
                    await call(client, text)
        assert client.is_connected
    assert smtp_server.commands == []


@pytest.mark.parametrize("option", ["hostname", "local_hostname"])
def test_c09_nor_do_the_names_of_hosts_hold_one(option: str) -> None:
    for control in CONTROLS:
        with pytest.raises(ValueError):  # as above
            smtp.SMTP(**{option: f"a{control}b"})  # type: ignore[arg-type]  # the key is no literal


# -- C10: line ends, dots, the end -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "wire"),
    [
        (b"one\ntwo\rthree\r\nfour", b"one\r\ntwo\r\nthree\r\nfour\r\n.\r\n"),
        (b"\r\r\n\n\r", b"\r\n\r\n\r\n\r\n.\r\n"),
        (b".\r\n..\n.x\r.", b"..\r\n...\r\n..x\r\n..\r\n.\r\n"),
        (b"one\r\n", b"one\r\n.\r\n"),
        ("grün\n", "grün\r\n.\r\n".encode()),
    ],
    ids=repr,
)
async def test_c10_line_ends_are_mended_and_dots_stuffed(peer: ScriptedPeer, given: str | bytes, wire: bytes) -> None:
    exchanges = (MAIL, b"250 ok"), (FIRST, b"250 ok"), GO_ON
    peer.script(*opening(), *said(*exchanges), expect(wire), send(b"250 ok\r\n"), *PARTING)
    async with client_of(peer) as client:
        await client.sendmail(SENDER, RECIPIENT, given)


# -- C18: the null reverse-path ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("sender", ["", "<>"])
async def test_c18_no_sender_is_the_null_path(peer: ScriptedPeer, sender: str) -> None:
    exchanges = (b"MAIL FROM:<>", b"250 ok"), (FIRST, b"250 ok"), GO_ON
    peer.script(*opening(), *said(*exchanges), *TAKEN, *PARTING)
    async with client_of(peer) as client:
        await client.sendmail(sender, RECIPIENT, TEXT)
