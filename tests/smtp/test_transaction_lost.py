"""What a mail comes to when the server goes away in the middle of it, or says what it should not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.peers import Step, close, expect, expect_eof, hang, reset, send
from tests.smtp.support import (
    DATA,
    GO_ON,
    LONG,
    MAIL,
    MESSAGE,
    SHORT,
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

# -- the server goes away ----------------------------------------------------------------------------------------------


def closing(error: type[smtp.SMTPException], *exchanges: tuple[bytes, bytes], body: Sequence[Step] = ()) -> Any:
    return pytest.param(error, exchanges, body, id=f"{(exchanges[-1][0] if not body else b'dot').decode()[:4]}")


GOODBYE = b"421 4.3.2 shutting down"


@pytest.mark.parametrize(
    ("error", "exchanges", "body"),
    [
        closing(smtp.SMTPSenderRefused, (MAIL, GOODBYE)),
        closing(smtp.SMTPRecipientsRefused, (MAIL, b"250 ok"), (rcpt(b"b@x"), b"550 no"), (rcpt(b"c@x"), GOODBYE)),
        closing(
            smtp.SMTPDataError,
            *((MAIL, b"250 ok"), (rcpt(b"b@x"), b"250 ok"), (rcpt(b"c@x"), b"250 ok"), (rcpt(b"d@x"), b"250 ok")),
            (DATA, GOODBYE),
        ),
        closing(
            smtp.SMTPDataError,
            *((MAIL, b"250 ok"), (rcpt(b"b@x"), b"250 ok"), (rcpt(b"c@x"), b"250 ok"), (rcpt(b"d@x"), b"250 ok")),
            GO_ON,
            body=[expect(MESSAGE), send(GOODBYE + b"\r\n")],
        ),
    ],
)
async def test_421_ends_the_mail_and_the_connection(
    begin: Begin,
    way: Way,
    error: type[smtp.SMTPException],
    exchanges: Sequence[tuple[bytes, bytes]],
    body: Sequence[Step],
) -> None:
    lines = [MAIL, rcpt(b"b@x"), rcpt(b"c@x"), rcpt(b"d@x"), DATA]
    steps = list(way.steps(*exchanges))
    if way.pipelining:
        steps[0] = expect(b"".join(line + b"\r\n" for line in lines))  # the server answers only some of them
    session = begin(*steps, *body, expect_eof())
    transaction = way.take(session)
    with raises(error) as caught:
        await transaction.run(envelope("b@x", "c@x", "d@x"), TEXT)

    assert "shutting down" in str(caught.value)
    assert caught.value.delivery is transaction.delivery is smtp.Delivery.REFUSED
    assert not session.channel.is_open
    if isinstance(caught.value, smtp.SMTPRecipientsRefused):
        assert [(one.recipient, one.code) for one in caught.value.recipients] == [
            ("b@x", 550),
            ("c@x", 421),
            ("d@x", 421),
        ]


def lost(*exchanges: tuple[bytes, bytes]) -> Sequence[tuple[bytes, bytes]]:
    return exchanges


STAGES = [
    pytest.param(lost(), id="MAIL"),
    pytest.param(lost((MAIL, b"250 ok")), id="RCPT"),
    pytest.param(lost((MAIL, b"250 ok"), (rcpt(b"b@x"), b"250 ok")), id="DATA"),
]
ENDS = [
    pytest.param(close(), smtp.SMTPServerDisconnected, id="end of file"),
    pytest.param(reset(), smtp.SMTPServerDisconnected, id="reset"),
    pytest.param(hang(), smtp.SMTPReadTimeoutError, id="stall"),
    pytest.param(send(b"garbage\r\n"), smtp.SMTPProtocolError, id="garbage"),
    pytest.param(send(b"3"), smtp.SMTPReadTimeoutError, id="half a reply"),
]


@pytest.mark.parametrize("answered", STAGES)
@pytest.mark.parametrize(("end", "error"), ENDS)
async def test_lost_in_the_envelope_is_not_sent(
    begin: Begin, way: Way, answered: Sequence[tuple[bytes, bytes]], end: Step, error: type[smtp.SMTPException]
) -> None:
    lines = [MAIL, rcpt(b"b@x"), DATA]
    if way.pipelining:
        steps = [expect(b"".join(line + b"\r\n" for line in lines))]
        steps += [send(b"".join(reply + b"\r\n" for _, reply in answered))] if answered else []
    else:
        steps = [*way.steps(*answered), expect(lines[len(answered)] + b"\r\n")]
    stay = [hang()] if end.name.startswith("send(b'3") else []
    session = begin(*steps, end, *stay, seconds=SHORT if stalls([end, *stay]) else LONG)
    transaction = way.take(session)
    with raises(error) as caught:
        await transaction.run(envelope("b@x"), TEXT)

    assert caught.value.delivery is transaction.delivery is smtp.Delivery.NOT_SENT
    assert not session.channel.is_open


@pytest.mark.parametrize(
    ("end", "error", "category"),
    [
        pytest.param(close(), smtp.SMTPDeliveryUncertainDisconnected, smtp.SMTPServerDisconnected, id="end of file"),
        pytest.param(reset(), smtp.SMTPDeliveryUncertainDisconnected, ConnectionError, id="reset"),
        pytest.param(hang(), smtp.SMTPDeliveryUncertainTimeout, smtp.SMTPReadTimeoutError, id="stall"),
        pytest.param(send(b"garbage\r\n"), smtp.SMTPDeliveryUncertain, smtp.SMTPException, id="garbage"),
        pytest.param(send(b"354 more\r\n"), smtp.SMTPDeliveryUncertain, smtp.SMTPException, id="out of turn"),
    ],
)
async def test_lost_after_the_final_dot_is_uncertain(
    begin: Begin, way: Way, end: Step, error: type[smtp.SMTPException], category: type[Exception]
) -> None:
    """RFC 1047: the server may have the mail, so nobody is to repeat it blindly."""
    session = begin(
        *way.steps((MAIL, b"250 ok"), (rcpt(b"b@x"), b"250 ok"), GO_ON),
        expect(MESSAGE),
        end,
        timeouts=impatient(termination=SHORT if stalls([end]) else LONG),
    )
    transaction = way.take(session)
    with raises(error) as caught:
        await transaction.run(envelope("b@x"), TEXT)

    assert issubclass(error, category)
    assert caught.value.__cause__ is not None
    assert caught.value.delivery is transaction.delivery is smtp.Delivery.UNKNOWN
    assert not caught.value.retryable
    assert not session.channel.is_open


@pytest.mark.parametrize("end", [close(), reset(), hang(reading=False)], ids=str)
async def test_lost_before_the_final_dot_is_not_sent(begin: Begin, way: Way, end: Step) -> None:
    session = begin(
        *way.steps((MAIL, b"250 ok"), (rcpt(b"b@x"), b"250 ok"), GO_ON), end, timeouts=impatient(data=SHORT)
    )
    transaction = way.take(session)
    with pytest.raises((smtp.SMTPServerDisconnected, smtp.SMTPReadTimeoutError)) as caught:
        await transaction.run(envelope("b@x"), b"x" * 2_000_000 + b"\r\n")

    assert not isinstance(caught.value, smtp.SMTPDeliveryUncertain)
    assert caught.value.delivery is transaction.delivery is smtp.Delivery.NOT_SENT
    assert not session.channel.is_open


# -- answers out of turn -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "replies",
    [
        (b"354 go on", b"250 ok", b"354 go on"),
        (b"150 wait", b"250 ok", b"354 go on"),
        (b"250 ok", b"354 go on", b"354 go on"),
        (b"250 ok", b"250 ok", b"250 ok"),
        (b"250 ok", b"250 ok", b"150 wait"),
    ],
    ids=["MAIL 354", "MAIL 150", "RCPT 354", "DATA 250", "DATA 150"],
)
async def test_an_answer_out_of_turn_ends_mail_and_connection(
    begin: Begin, way: Way, replies: tuple[bytes, bytes, bytes]
) -> None:
    """Nothing of the message leaves: the server could take it for commands."""
    exchanges: list[tuple[bytes, bytes]] = list(zip((MAIL, rcpt(b"b@x"), DATA), replies, strict=True))
    if not way.pipelining:
        wrong = next(
            place for place, (line, reply) in enumerate(exchanges) if reply[:1] != (b"3" if line == DATA else b"2")
        )
        exchanges = exchanges[: wrong + 1]
    session = begin(*way.steps(*exchanges), expect_eof())
    transaction = way.take(session)
    with raises(smtp.SMTPProtocolError, match="out of turn"):
        await transaction.run(envelope("b@x"), TEXT)

    assert transaction.delivery is smtp.Delivery.NOT_SENT
    assert not session.channel.is_open
