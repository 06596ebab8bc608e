"""Whole dialogues, cut after every octet and cancelled at every wait: what is said of a mail is what became of it."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest

from tests.harness import CutOutcome, Outcome, cancel_everywhere, cut_everywhere
from tests.peers import MiniSMTP
from tests.smtp.support import LONG, NAME, RECIPIENT, SENDER, TEXT
from transfer import smtp
from transfer.smtp import Delivery, RecipientStatus

TO_BOTH = smtp.Mail(TEXT, sender=SENDER, recipients=[RECIPIENT, "c@x"])
ALL_OR_NOTHING = attrs.evolve(TO_BOTH, all_or_nothing=True)


class Pieces:
    """An iterable that can be iterated again."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(TEXT), 10):
            yield TEXT[start : start + 10]


@attrs.frozen(kw_only=True)
class Dialogue:
    """What a server is like, and what is sent to it."""

    server: Mapping[str, Any]
    mail: smtp.Mail = TO_BOTH
    client: Mapping[str, Any] = attrs.field(factory=dict)
    stride: int = 1
    is_tls: bool = False


DIALOGUES = {
    "lock-step": Dialogue(server={"extensions": ()}),
    "pipelined": Dialogue(server={"extensions": ("PIPELINING",)}),
    "BDAT": Dialogue(server={"extensions": ("CHUNKING",)}, mail=ALL_OR_NOTHING),
    "BDAT, pipelined": Dialogue(server={"extensions": ("CHUNKING", "PIPELINING")}, mail=ALL_OR_NOTHING),
    "binary pieces": Dialogue(
        server={"extensions": ("CHUNKING", "BINARYMIME")},
        mail=attrs.evolve(TO_BOTH, message=Pieces(), mail_options=["BODY=BINARYMIME"]),
    ),
    "pieces": Dialogue(server={"extensions": ("PIPELINING",)}, mail=attrs.evolve(TO_BOTH, message=Pieces())),
    "all or nothing": Dialogue(server={"extensions": ("PIPELINING",)}, mail=ALL_OR_NOTHING),
    "LMTP": Dialogue(server={"extensions": ("PIPELINING",), "lmtp": True}),
    "AUTH": Dialogue(
        server={"extensions": ("PIPELINING",), "users": {"anna": "secret"}},
        client={"username": "anna", "password": "secret"},
    ),
    "STARTTLS": Dialogue(server={"extensions": ("PIPELINING",)}, stride=29, is_tls=True),
}


@pytest.fixture(params=list(DIALOGUES))
def dialogue(request: pytest.FixtureRequest, server_tls_context: ssl.SSLContext) -> Dialogue:
    found = DIALOGUES[request.param]
    return attrs.evolve(found, server={**found.server, "tls": server_tls_context}) if found.is_tls else found


def client_for(peer: MiniSMTP, dialogue: Dialogue, client_tls_context: ssl.SSLContext) -> smtp.SMTP:
    kind = smtp.LMTP if peer.lmtp else smtp.SMTP
    own: dict[str, Any] = {"tls_context": client_tls_context} if dialogue.is_tls else {"start_tls": False}
    place: dict[str, Any] = {"hostname": peer.host, "port": peer.port, "local_hostname": NAME, "timeout": LONG}
    return kind(**place, **own, **dialogue.client)


def delivered(peer: MiniSMTP) -> dict[str, int]:
    """How often each recipient was given the mail."""
    found: dict[str, int] = {}
    for message in peer.messages:
        assert message.content == TEXT
        for recipient in message.recipients:
            address = recipient.strip("<>")
            found[address] = found.get(address, 0) + 1
    return found


def judge(report: smtp.Report | None, fate: Delivery | None, peer: MiniSMTP) -> None:
    """Nobody gets a mail twice, and nobody is told what is not so."""
    got = delivered(peer)
    assert all(count == 1 for count in got.values())
    if report is None or not report.recipients:
        assert fate in (None, Delivery.NOT_SENT)
        assert not got
        return
    assert report.delivery is fate
    for recipient in report.recipients:
        if recipient.status is RecipientStatus.ACCEPTED:
            assert recipient.address in got
        elif recipient.status is not RecipientStatus.UNKNOWN:
            assert recipient.address not in got


async def test_a_cut_leaves_the_right_word(dialogue: Dialogue, client_tls_context: ssl.SSLContext) -> None:
    seen: set[Delivery | None] = set()
    last: list[smtp.SMTP] = []

    async def scenario(peer: MiniSMTP) -> smtp.Report:
        client = client_for(peer, dialogue, client_tls_context)
        last[:] = [client]
        try:
            await client.connect()
            return await client.deliver(dialogue.mail)
        finally:
            client.close()

    def check(outcome: CutOutcome, peer: MiniSMTP) -> None:
        seen.add(last[0].last_delivery)
        if outcome.exception is None:
            judge(outcome.value, Delivery.ACCEPTED, peer)
            assert len(delivered(peer)) == 2
        else:
            assert isinstance(outcome.exception, smtp.SMTPException)
            judge(outcome.exception.report, outcome.exception.delivery, peer)

    def factory() -> MiniSMTP:
        return MiniSMTP(client_may_leave=True, **dialogue.server)

    await cut_everywhere(scenario, factory, check=check, stride=dialogue.stride)
    assert {Delivery.ACCEPTED, Delivery.UNKNOWN, None} <= seen


async def test_a_cancellation_leaves_the_right_word(dialogue: Dialogue, client_tls_context: ssl.SSLContext) -> None:
    @asynccontextmanager
    async def around() -> AsyncIterator[tuple[smtp.SMTP, MiniSMTP]]:
        with MiniSMTP(client_may_leave=True, **dialogue.server) as peer:
            client = client_for(peer, dialogue, client_tls_context)
            try:
                yield client, peer
            finally:
                client.close()

    async def scenario(subject: tuple[smtp.SMTP, MiniSMTP]) -> smtp.Report:
        client, _ = subject
        await client.connect()
        return await client.deliver(dialogue.mail)

    async def check(outcome: Outcome) -> None:
        client, peer = outcome.subject
        with contextlib.suppress(smtp.SMTPException):
            if client.is_connected:
                await client.noop()
        client.close()
        await peer.served()
        judge(client.last_report, client.last_delivery, peer)

    await cancel_everywhere(scenario, around=around, check=check, clean_up_points=1)
