"""Many mails over connections that are cut after every octet: each mail's fate is told, and is the right one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.harness import CutOutcome, cut_everywhere
from tests.peers import MiniSMTP
from tests.smtp.sender.support import AT_ONCE, mails, number_of, numbers, sender
from transfer import RetryPolicy, smtp

ACCEPTED, UNKNOWN = smtp.Delivery.ACCEPTED, smtp.Delivery.UNKNOWN
SHORT_REPLIES = {
    "GREETING": "220",
    "EHLO": "250 x\nPIPELINING",
    "MAIL": "250",
    "RCPT": "250",
    "DATA": "354",
    ".": "250",
    "QUIT": "221",
}
"""Every octet costs two runs on each event loop."""


def server(**replies: Any) -> Callable[[], MiniSMTP]:
    def factory() -> MiniSMTP:
        peer = MiniSMTP(extensions=("PIPELINING",), client_may_leave=True)
        peer.replies |= SHORT_REPLIES | {key: list(value) for key, value in replies.items()}
        return peer

    return factory


def three_mails(retry: RetryPolicy | None = None) -> Callable[[MiniSMTP], Awaitable[list[smtp.Report]]]:
    """Send three mails over one connection at a time."""

    async def scenario(peer: MiniSMTP) -> list[smtp.Report]:
        async with sender(peer, max_connections=1, retry=retry) as many:
            return [report async for report in many.send_many(mails(3))]

    return scenario


def fates_are_told(outcome: CutOutcome, peer: MiniSMTP) -> None:
    """Nothing is raised; each mail has one report; and what that says is what the server knows."""
    assert outcome.exception is None
    taken = Counter(numbers(peer))
    assert set(taken.values()) <= {1}, taken
    fates = {number_of(report): report.delivery for report in outcome.value}
    assert sorted(fates) == [0, 1, 2]
    assert len(outcome.value) == 3
    for number, fate in fates.items():
        if fate is not UNKNOWN:
            assert (fate is ACCEPTED) is (number in taken), (number, fate)
    for report in outcome.value:
        assert isinstance(report.error, smtp.SMTPDeliveryUncertain) is (report.delivery is UNKNOWN)
        assert (report.error is None) is (report.delivery is ACCEPTED)
    if not outcome.was_cut:
        assert set(fates.values()) == {ACCEPTED}


@pytest.mark.parametrize("retry", [None, AT_ONCE], ids=["once", "again"])
async def test_three_pipelined_mails(retry: RetryPolicy | None) -> None:
    done = await cut_everywhere(three_mails(retry), server(), check=fates_are_told)
    assert done.points > 60


async def test_three_mails_of_which_one_is_refused() -> None:
    """The connection goes on after a refusal, and the cut can come at any point of that as well."""

    def fates_but_one(outcome: CutOutcome, peer: MiniSMTP) -> None:
        assert outcome.exception is None
        taken = numbers(peer)
        assert len(set(taken)) == len(taken)
        for report in outcome.value:
            if report.delivery is not UNKNOWN:
                assert (report.delivery is ACCEPTED) is (number_of(report) in taken)

    factory = server(MAIL=["250", "550", "250"], RCPT=["250", "503", "250"], DATA=["354", "503", "354"])
    await cut_everywhere(three_mails(), factory, check=fates_but_one)
