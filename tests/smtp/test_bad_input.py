"""A peer that talks nonsense, too much, or not at all: the right error in time, nothing left over, and a new start."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import anyio
import attrs
import pytest

from tests.harness.leaks import LeakWatch
from tests.peers import ScriptedPeer, Step, close, drip, expect, hang, reset, send, start_tls
from tests.smtp.support import (
    EHLO,
    HELLO,
    LONG,
    MAIL,
    PARTING,
    RECIPIENT,
    SENDER,
    SOME,
    TEXT,
    client_of,
    offer,
    opening,
    said,
    stalls,
)
from transfer import smtp

Call = Callable[[smtp.SMTP], Awaitable[object]]
RCPT = b"RCPT TO:<ben@example.net>"
GROUP = MAIL + b"\r\n" + RCPT + b"\r\nDATA\r\n"
MAIL_TAKEN, RCPT_TAKEN, GO_ON = (MAIL, b"250 ok"), (RCPT, b"250 ok"), (b"DATA", b"354 go on")


@attrs.frozen
class Stage:
    """Where in the conversation it happens: the steps up to there, and what the program does."""

    steps: Sequence[Step]
    call: Call
    options: dict[str, Any] = attrs.field(factory=dict)
    lost: type[smtp.SMTPException] | None = smtp.SMTPServerDisconnected
    late: type[smtp.SMTPException] = smtp.SMTPReadTimeoutError
    wrong: type[smtp.SMTPException] = smtp.SMTPProtocolError


def connect(client: smtp.SMTP) -> Awaitable[object]:
    return client.connect()


async def mail(client: smtp.SMTP) -> None:
    await client.connect()
    await client.sendmail(SENDER, RECIPIENT, TEXT)


async def part(client: smtp.SMTP) -> None:
    await client.connect()
    await client.quit()


LOGIN = {"username": "anna", "password": "secret"}
UNCERTAIN: dict[str, Any] = {
    "lost": smtp.SMTPDeliveryUncertainDisconnected,
    "late": smtp.SMTPDeliveryUncertainTimeout,
    "wrong": smtp.SMTPDeliveryUncertain,
}
STAGES = {
    "greeting": Stage([], connect, lost=smtp.SMTPConnectError, late=smtp.SMTPConnectTimeoutError),
    "EHLO": Stage([HELLO, EHLO], connect),
    "HELO": Stage([HELLO, *said((b"EHLO client.example", b"500 what")), expect(b"HELO client.example\r\n")], connect),
    "STARTTLS": Stage([*opening(b"STARTTLS"), expect(b"STARTTLS\r\n")], connect),
    "AUTH": Stage([*opening(b"AUTH PLAIN"), expect(b"AUTH PLAIN AGFubmEAc2VjcmV0\r\n")], connect, LOGIN),
    "password": Stage(
        [*opening(b"AUTH LOGIN"), *said((b"AUTH LOGIN", b"334 VXNlcg==")), expect(b"YW5uYQ==\r\n")], connect, LOGIN
    ),
    "MAIL": Stage([*opening(), expect(MAIL + b"\r\n")], mail),
    "RCPT": Stage([*opening(), *said(MAIL_TAKEN), expect(RCPT + b"\r\n")], mail),
    "DATA": Stage([*opening(), *said(MAIL_TAKEN, RCPT_TAKEN), expect(b"DATA\r\n")], mail),
    "group": Stage([*opening(b"PIPELINING"), expect(GROUP), send(b"250 ok\r\n")], mail),
    "dot": Stage([*opening(), *said(MAIL_TAKEN, RCPT_TAKEN, GO_ON), expect(TEXT + b".\r\n")], mail, **UNCERTAIN),
    "QUIT": Stage([*opening(), expect(b"QUIT\r\n")], part, lost=None),
}
NONSENSE = {
    "garbage": b"\xff\xfe nonsense\r\n",
    "empty line": b"\r\n",
    "NUL": b"250 o\0k\r\n",
    "code out of range": b"600 what\r\n",
    "code of four digits": b"2500 what\r\n",
    "code and no separator": b"250what\r\n",
    "codes that differ": b"250-one\r\n251 two\r\n",
    "endless line": b"250 " + b"x" * 70_000,
    "endless line without a code": b"x" * 70_000,
    "endless reply": b"250-x\r\n" * 10_000,
    "long reply": (b"250-" + b"x" * 8_000 + b"\r\n") * 10,
}


def stages(*without: str) -> Any:
    return pytest.mark.parametrize(
        "stage", [pytest.param(stage, id=name) for name, stage in STAGES.items() if name not in without]
    )


async def bring_about(
    stage: Stage, bad: Sequence[Step], error: type[smtp.SMTPException] | None, seconds: float
) -> None:
    """Play *stage*, then *bad*; the call raises exactly *error*, or nothing, and the client can connect again."""
    with ScriptedPeer(client_may_leave=True) as peer:
        peer.script(*stage.steps, *bad)
        peer.script(*opening(), *said((b"NOOP", b"250 ok")), *PARTING)
        client = client_of(peer, timeout=seconds, **stage.options)
        caught: smtp.SMTPException | None = None
        try:
            await stage.call(client)
        except smtp.SMTPException as exc:
            caught = exc
        assert (type(caught) if caught else None) is error, repr(caught)
        assert not client.is_connected
        await client.connect(username=None, password=None, timeout=LONG)
        await client.noop(timeout=LONG)
        await client.quit(timeout=LONG)
        peer.raise_failures()


# -- what the peer says ------------------------------------------------------------------------------------------------


@stages()
@pytest.mark.parametrize("octets", [pytest.param(octets, id=name) for name, octets in NONSENSE.items()])
async def test_nonsense_is_the_peers_fault(stage: Stage, octets: bytes) -> None:
    with LeakWatch(1) as watch:
        await bring_about(stage, [send(octets), hang()], stage.wrong, LONG)
        assert await watch.problems() == []


@stages("greeting", "password", "AUTH", "EHLO", "HELO", "STARTTLS", "QUIT", "DATA", "group")
@pytest.mark.parametrize("octets", [b"150 wait\r\n", b"334 more\r\n"], ids=["150", "334"])
async def test_an_answer_out_of_turn_is_the_peers_fault(stage: Stage, octets: bytes) -> None:
    with LeakWatch(1) as watch:
        await bring_about(stage, [send(octets), hang()], stage.wrong, LONG)
        assert await watch.problems() == []


@stages()
@pytest.mark.parametrize(
    "end",
    [[close()], [reset()], [send(b"2"), close()], [send(b"250-half\r\n250"), reset()]],
    ids=["end of file", "reset", "end of file in the middle", "reset in the middle"],
)
async def test_an_early_end_is_a_loss(stage: Stage, end: Sequence[Step]) -> None:
    with LeakWatch(1) as watch:
        await bring_about(stage, end, stage.lost, LONG)
        assert await watch.problems() == []


@pytest.mark.parametrize(
    "silence",
    [
        [hang()],
        [hang(reading=False)],
        [send(b"250-half\r\n"), hang()],
        [drip(b"2", every_seconds=0.01)],
        [drip(b"250-x\r\n", every_seconds=0.01)],
    ],
    ids=["silence", "deaf silence", "half a reply", "octet by octet", "line by line"],
)
async def test_a_stall_ends_in_time(silence: Sequence[Step]) -> None:
    """The limit counts for the whole reply: a peer that drips gets no more of it. All stages at once."""
    with LeakWatch(1) as watch, anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            for stage in STAGES.values():
                group.start_soon(bring_about, stage, silence, stage.late, SOME)
        assert await watch.problems() == []


# -- handshakes --------------------------------------------------------------------------------------------------------


HANDSHAKES = {
    "implicit": ([], {"use_tls": True}),
    "STARTTLS": ([*opening(b"STARTTLS"), *said((b"STARTTLS", b"220 go"))], {"start_tls": True}),
}


@pytest.mark.parametrize(("steps", "options"), HANDSHAKES.values(), ids=HANDSHAKES)
@pytest.mark.parametrize(
    ("bad", "implicit", "explicit"),
    [
        ([send(b"\x16\x03\x03\xff\xff" + b"x" * 70_000)], smtp.SMTPTLSError, smtp.SMTPTLSError),
        ([send(b"\x15\x03\x03\x00\x02\x02\x28")], smtp.SMTPTLSError, smtp.SMTPTLSError),
        ([close()], smtp.SMTPConnectError, smtp.SMTPServerDisconnected),
        ([reset()], smtp.SMTPConnectError, smtp.SMTPServerDisconnected),
        ([send(b"\x16\x03"), close()], smtp.SMTPConnectError, smtp.SMTPServerDisconnected),
        ([hang()], smtp.SMTPConnectTimeoutError, smtp.SMTPReadTimeoutError),
        ([drip(b"\x16", every_seconds=0.02)], smtp.SMTPTLSError, smtp.SMTPTLSError),
    ],
    ids=["garbage", "alert", "end of file", "reset", "end of file in the middle", "stall", "drip"],
)
async def test_a_handshake_that_goes_wrong(
    steps: list[Step],
    options: dict[str, Any],
    bad: list[Step],
    implicit: type[smtp.SMTPException],
    explicit: type[smtp.SMTPException],
) -> None:
    with ScriptedPeer(client_may_leave=True) as peer, LeakWatch(1) as watch:
        # The client's part of the handshake comes first, or plain octets would be met by it.
        peer.script(*steps, expect(b"\x16\x03\x01"), *bad)
        client = client_of(peer, timeout=SOME if stalls(bad) else LONG, **options)
        with pytest.raises(smtp.SMTPException) as caught:
            await client.connect()
        assert type(caught.value) is (implicit if "use_tls" in options else explicit), repr(caught.value)
        assert not client.is_connected
        assert await watch.problems() == []


async def test_a_connection_that_is_cut_inside_tls_is_a_loss(
    server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    with ScriptedPeer() as peer, LeakWatch(1) as watch:
        for notify in (False, True):
            peer.script(start_tls(server_tls_context), HELLO, *offer(), expect(b"NOOP\r\n"), close(notify=notify))
        client = client_of(peer, use_tls=True, tls_context=client_tls_context)
        for _ in range(2):
            await client.connect()
            with pytest.raises(smtp.SMTPServerDisconnected):
                await client.noop()
            assert not client.is_connected
        assert await watch.problems() == []
