"""One mail on one session, in lock-step and with PIPELINING: what comes out is the same."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest

from tests.peers import Connection, Step, call, close, expect, expect_eof, hang, reset, send
from tests.smtp.support import (
    DATA,
    GO_ON,
    LONG,
    MAIL,
    MESSAGE,
    PARTING,
    SENDER,
    SHORT,
    SOME,
    TEXT,
    Begin,
    Way,
    envelope,
    impatient,
    raises,
    rcpt,
    stalls,
)
from transfer import smtp
from transfer._wire.command import Command
from transfer.smtp._content import MemoryContent
from transfer.smtp._envelope import NOBODY, cut_group
from transfer.smtp._extensions import Extensions
from transfer.smtp._mail import Mail, draft, prepare
from transfer.smtp._session import Session
from transfer.smtp._transaction import Prepared, Transaction

RESET = [expect(b"RSET\r\n"), send(b"250 ok\r\n"), *PARTING]


# -- accepted ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [250, 251, 259])
async def test_a_mail_that_is_taken(begin: Begin, way: Way, code: int) -> None:
    """RFC 5321 §4.2.5: any 2yz to the final dot means that the server is responsible now."""
    session = begin(
        *way.steps((MAIL, b"250 ok"), (rcpt(b"b@x"), b"251 forwarded"), GO_ON),
        expect(TEXT + b".\r\n"),
        send(b"%d queued as 1\r\n" % code),
        *PARTING,
    )
    transaction = way.take(session)

    assert await transaction.run(envelope("b@x"), TEXT) == ({}, "queued as 1")
    assert transaction.delivery is smtp.Delivery.ACCEPTED
    await session.quit()


async def test_lines_that_begin_with_a_dot_get_another(begin: Begin, way: Way) -> None:
    session = begin(
        *way.steps((MAIL, b"250 ok"), (rcpt(b"b@x"), b"250 ok"), GO_ON),
        expect(b"..\r\n...x\r\ny.\r\n.\r\n"),
        send(b"250 ok\r\n"),
        expect_eof(),
    )
    await way.take(session).run(envelope("b@x"), b".\r\n..x\r\ny.\r\n")


async def test_those_who_are_accepted_get_the_mail(begin: Begin, way: Way) -> None:
    session = begin(
        *way.steps(
            (MAIL, b"250 ok"),
            (rcpt(b"b@x"), b"250 ok"),
            (rcpt(b"c@x"), b"550-5.1.1 no\r\n550 such user"),
            (rcpt(b"d@x"), b"450 later"),
            GO_ON,
        ),
        expect(MESSAGE),
        send(b"250 ok\r\n"),
        *PARTING,
    )
    transaction = way.take(session)
    refused, _ = await transaction.run(envelope("b@x", "c@x", "d@x"), TEXT)

    assert refused == {"c@x": (550, "5.1.1 no\nsuch user"), "d@x": (450, "later")}
    assert all(type(reply) is smtp.SMTPResponse for reply in refused.values())
    assert transaction.delivery is smtp.Delivery.ACCEPTED
    await session.quit()


async def test_a_long_message_arrives_whole(begin: Begin, way: Way) -> None:
    """It is sent in blocks; dots are stuffed across their borders, and the final one comes once."""
    message = b"".join(b".%d\r\n" % number for number in range(120_000))
    session = begin(
        *way.steps((MAIL, b"250 ok"), (rcpt(b"b@x"), b"250 ok"), GO_ON),
        expect(message.replace(b".", b"..") + b".\r\n"),
        send(b"250 ok\r\n"),
        *PARTING,
    )

    assert len(message) > 3 * 256 * 1024
    await way.take(session).run(envelope("b@x"), message)
    await session.quit()


# -- refused -----------------------------------------------------------------------------------------------------------


async def test_a_refused_sender(begin: Begin, way: Way) -> None:
    others = [(rcpt(b"b@x"), b"503 MAIL first"), (DATA, b"503 MAIL first")] if way.pipelining else []
    session = begin(*way.steps((MAIL, b"550 not you"), *others), *RESET)
    transaction = way.take(session)
    with raises(smtp.SMTPSenderRefused) as caught:
        await transaction.run(envelope("b@x"), TEXT)

    assert (caught.value.code, caught.value.message, caught.value.sender) == (550, "not you", SENDER)
    assert caught.value.delivery is transaction.delivery is smtp.Delivery.REFUSED
    await session.quit()


async def test_no_recipient_accepted(begin: Begin, way: Way) -> None:
    refusals = [(rcpt(b"b@x"), b"550 no"), (rcpt(b"c@x"), b"450 later")]
    data = [(DATA, b"554 no valid recipients")] if way.pipelining else []
    session = begin(*way.steps((MAIL, b"250 ok"), *refusals, *data), *RESET)
    transaction = way.take(session)
    with raises(smtp.SMTPRecipientsRefused) as caught:
        await transaction.run(envelope("b@x", "c@x"), TEXT)

    assert [(one.recipient, one.code, one.message) for one in caught.value.recipients] == [
        ("b@x", 550, "no"),
        ("c@x", 450, "later"),
    ]
    assert all(type(one) is smtp.SMTPRecipientRefused for one in caught.value.recipients)
    assert not caught.value.retryable
    assert caught.value.delivery is transaction.delivery is smtp.Delivery.REFUSED
    await session.quit()


@pytest.mark.parametrize(
    ("mail", "error"), [(b"250 ok", smtp.SMTPRecipientsRefused), (b"451 later", smtp.SMTPSenderRefused)]
)
@pytest.mark.parametrize("answer", [send(b"250 taken for nobody\r\n"), send(b"554 no\r\n")], ids=str)
async def test_data_that_is_accepted_for_nobody_ends_with_a_lone_dot(
    begin: Begin, answer: Step, mail: bytes, error: type[smtp.SMTPException]
) -> None:
    """RFC 2920 §3.1: it was sent before the refusals were known, and the server waits for a message now."""
    way = Way(pipelining=True)
    session = begin(*way.steps((MAIL, mail), (rcpt(b"b@x"), b"450 no"), GO_ON), expect(b".\r\n"), answer, *RESET)
    transaction = way.take(session)
    with raises(error) as caught:
        await transaction.run(envelope("b@x"), TEXT)

    assert caught.value.delivery is transaction.delivery is smtp.Delivery.REFUSED
    assert caught.value.retryable
    await session.quit()


@pytest.mark.parametrize("end", [close(), reset(), hang(), send(b"354 more\r\n"), send(b"what\r\n")], ids=str)
async def test_what_becomes_of_the_lone_dot_is_nobodys_concern(begin: Begin, end: Step) -> None:
    way = Way(pipelining=True)
    session = begin(
        *way.steps((MAIL, b"250 ok"), (rcpt(b"b@x"), b"550 no"), GO_ON),
        *(expect(b".\r\n"), end, expect_eof()),
        timeouts=impatient(termination=SHORT),
    )
    transaction = way.take(session)
    with raises(smtp.SMTPRecipientsRefused):
        await transaction.run(envelope("b@x"), TEXT)

    assert transaction.delivery is smtp.Delivery.REFUSED
    assert not session.channel.is_open


async def test_refused_data(begin: Begin, way: Way) -> None:
    session = begin(*way.steps((MAIL, b"250 ok"), (rcpt(b"b@x"), b"250 ok"), (DATA, b"451 4.3.0 later")), *RESET)
    transaction = way.take(session)
    with raises(smtp.SMTPDataError) as caught:
        await transaction.run(envelope("b@x"), TEXT)

    assert (caught.value.code, caught.value.command, caught.value.retryable) == (451, "DATA", True)
    assert caught.value.delivery is transaction.delivery is smtp.Delivery.REFUSED
    await session.quit()


async def test_a_refused_message(begin: Begin, way: Way) -> None:
    session = begin(
        *way.steps((MAIL, b"250 ok"), (rcpt(b"b@x"), b"250 ok"), GO_ON),
        expect(MESSAGE),
        send(b"554 5.6.0 spam\r\n"),
        *RESET,
    )
    transaction = way.take(session)
    with raises(smtp.SMTPDataError) as caught:
        await transaction.run(envelope("b@x"), TEXT)

    assert (caught.value.code, caught.value.message) == (554, "5.6.0 spam")
    assert caught.value.delivery is transaction.delivery is smtp.Delivery.REFUSED
    await session.quit()


async def test_a_message_refused_on_its_way_is_refused_not_lost(begin: Begin, way: Way) -> None:
    """The server has had enough, says so, and hangs up."""
    session = begin(
        *way.steps((MAIL, b"250 ok"), (rcpt(b"b@x"), b"250 ok"), GO_ON),
        expect(b"x" * 100_000),
        send(b"552 too much\r\n"),
        close(),
    )
    transaction = way.take(session)
    with raises(smtp.SMTPDataError, match="552 too much"):
        await transaction.run(envelope("b@x"), b"x" * 2_000_000 + b"\r\n")

    assert transaction.delivery is smtp.Delivery.REFUSED
    assert not session.channel.is_open


@pytest.mark.parametrize("end", [send(b"500 what\r\n"), close(), hang(), send(b"nonsense\r\n")], ids=str)
async def test_a_reset_that_fails_hides_nothing(begin: Begin, way: Way, end: Step) -> None:
    session = begin(
        *way.steps((MAIL, b"250 ok"), (rcpt(b"b@x"), b"250 ok"), (DATA, b"554 no")),
        expect(b"RSET\r\n"),
        end,
        seconds=SOME if stalls([end]) else LONG,
    )
    with raises(smtp.SMTPDataError):
        await way.take(session).run(envelope("b@x"), TEXT)

    assert session.channel.is_open is end.name.startswith("send(b'500")


# -- groups ------------------------------------------------------------------------------------------------------------


def nothing_more(connection: Connection) -> None:
    """The client waits for its replies."""
    assert not connection.pause(0.01)
    assert not connection.wire.readable()


async def test_many_recipients_go_in_several_groups(begin: Begin) -> None:
    """A group has at most 60 commands, and the next one begins when all of its replies are there."""
    names = [f"r{number}@x" for number in range(130)]
    lines = [MAIL, *(rcpt(name.encode()) for name in names), DATA]
    steps: list[Step] = []
    for start in range(0, len(lines), 60):
        group = lines[start : start + 60]
        replies = [b"354 go" if line == DATA else b"250 ok" for line in group]
        steps += [expect(b"".join(line + b"\r\n" for line in group)), call(nothing_more)]
        steps += [send(b"".join(reply + b"\r\n" for reply in replies))]
    session = begin(*steps, expect(MESSAGE), send(b"250 ok\r\n"), *PARTING)
    await Way(pipelining=True).take(session).run(envelope(*names), TEXT)
    await session.quit()


async def test_a_sender_refused_in_the_first_group_ends_the_mail(begin: Begin) -> None:
    names = [f"r{number}@x" for number in range(130)]
    lines = [MAIL, *(rcpt(name.encode()) for name in names)][:60]
    session = begin(
        expect(b"".join(line + b"\r\n" for line in lines)),
        send(b"550 no\r\n" + b"503 MAIL first\r\n" * 59),
        *RESET,
    )
    with raises(smtp.SMTPSenderRefused):
        await Way(pipelining=True).take(session).run(envelope(*names), TEXT)
    await session.quit()


@pytest.mark.parametrize("length", [1, 300, 4000, 7000, 8000])
def test_groups_fit_the_limits_and_lose_nothing(length: int) -> None:
    names = [f"r{number}@x" for number in range(100)]
    mail = Mail(TEXT, sender=SENDER, recipients=names, rcpt_options=["ORCPT=" + "x" * length])
    commands = prepare(draft(mail), Extensions()).envelope.rcpts
    groups: list[Sequence[Command]] = []
    while (start := sum(map(len, groups))) < len(commands):
        groups.append(cut_group(commands, start))

    def size(group: Sequence[Command]) -> int:
        return sum(len(str(command)) + 2 for command in group)

    assert [command for group in groups for command in group] == list(commands)
    assert all(len(group) <= 60 for group in groups)
    assert all(size(group) <= 7168 or len(group) == 1 for group in groups)
    assert all(size([*group, after[0]]) > 7168 or len(group) == 60 for group, after in itertools.pairwise(groups))


def content_alone(session: Session) -> Transaction:
    """A transaction whose envelope was sent by hand."""
    return Transaction(session, Prepared(envelope=NOBODY, content=MemoryContent(TEXT)))


# -- step by step ------------------------------------------------------------------------------------------------------


async def test_a_body_alone_resets_nothing(begin: Begin) -> None:
    session = begin(
        *Way(pipelining=False).steps((DATA, b"503 RCPT first"), GO_ON),
        expect(MESSAGE),
        send(b"554 no\r\n"),
        *Way(pipelining=False).steps(GO_ON),
        expect(MESSAGE),
        send(b"250 queued\r\n"),
        *PARTING,
    )
    for _ in range(2):
        with raises(smtp.SMTPDataError):
            await content_alone(session).run_content()

    assert str(await content_alone(session).run_content()) == "250 queued"
    await session.quit()
