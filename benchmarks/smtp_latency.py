"""Mail to a server that is 20 ms away: how many round trips it takes.

Measured: the time of the calls, after connecting, in round trips; a proxy between the client and Postfix's
``smtp-sink`` hands on what it receives 10 ms later, in both directions. How long a round trip is, ten ``NOOP`` in a row
through the proxy tell before each turn; the number is the time divided by their median. "a row of messages": 100
messages of 2 kB over one connection, for each; by ``transfer.smtp.Sender.send_many``, and for comparison by
``sendmail`` of ``transfer.smtp.SMTP``, aiosmtplib and smtplib, by smtpproto's ``send_message``, and by
``smtp-source -s 1 -d``, whose time includes connecting. "100 recipients": one message to 100 recipients, in all, by the
same calls for a single message. On another event loop the others wait just as long, so they run on asyncio only.
"""

from __future__ import annotations

import contextlib
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial

import attrs

from benchmarks.children import HOST, python_peer, say
from benchmarks.mailing import (
    AIOSMTPLIB,
    NO_LOOP,
    SMTPLIB,
    SMTPPROTO,
    SOURCE,
    Key,
    Mailing,
    Values,
    sink,
    take_turns_in_all,
)
from benchmarks.model import LOOPS, OURS, Contestant, Report, Sample, Series, Settings, Skip, Target
from benchmarks.smtp import MANY

ONE_WAY_SECONDS = 0.01
MESSAGES, RECIPIENTS = 100, 100
MOST_FOR_EACH, MOST_FOR_RECIPIENTS = 1.3, 4.0
ROW, WIDE = "a row of messages", "100 recipients"
_MOST_ROUNDS = 3
_PROBES = 10
_LINE_BYTES = 1000
_TIMEOUT_SECONDS = 10


@contextlib.contextmanager
def distant_sink() -> Iterator[int]:
    """Run ``smtp-sink`` behind the proxy, and give the proxy's port.

    Raises:
        Skip: it is not installed.
    """
    with sink() as port, python_peer("delay", str(port), str(ONE_WAY_SECONDS)) as distant:
        yield distant


def measure_round_trip(port: int) -> float:
    """Return how long a command and its reply take, in seconds.

    Raises:
        RuntimeError: an answer is not the one expected.
    """

    def expect(code: bytes) -> None:
        answer = connection.recv(_LINE_BYTES)
        if not answer.startswith(code):
            raise RuntimeError(f"the server says {answer!r}, not {code!r}")

    seconds = []
    with socket.create_connection((HOST, port), _TIMEOUT_SECONDS) as connection:
        expect(b"220")
        for _ in range(_PROBES):
            start = time.perf_counter()
            connection.sendall(b"NOOP\r\n")
            expect(b"250")
            seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


@attrs.frozen
class Counting:
    """A turn whose value is how many round trips it took, for each message."""

    mailing: Mailing
    turn: Callable[[bool], Sample]

    def __call__(self, warm_up: bool) -> Sample:
        round_trip = measure_round_trip(self.mailing.port)
        sample = self.turn(warm_up)
        sample["value"] = sample["wall_seconds"] / round_trip / self.mailing.counted(warm_up)
        return sample


def contestants(row: Mailing, wide: Mailing) -> Iterator[tuple[str, Contestant]]:
    """Yield everybody with the case that they belong to."""

    def entry(name: str, loop: str, mailing: Mailing, turn: Callable[[bool], Sample]) -> tuple[str, Contestant]:
        return f"{ROW if mailing is row else WIDE}, {loop}", Contestant(name, Counting(mailing, turn))

    for mailing, recipients, uncounted in ((row, 1, 1), (wide, RECIPIENTS, 0)):
        send = partial(mailing.by_program, recipients=recipients, uncounted=uncounted)
        for loop in LOOPS:
            if mailing is row:
                yield entry(MANY, loop, mailing, partial(send, "mail:by_sender", loop=loop))
            yield entry(OURS, loop, mailing, partial(send, "mail:by_transfer", loop=loop))
            if loop == "asyncio":
                yield entry(AIOSMTPLIB, loop, mailing, partial(send, "mail:by_aiosmtplib", loop=loop))
                yield entry(SMTPPROTO, loop, mailing, partial(send, "mail:by_smtpproto", loop=loop))
        yield entry(SMTPLIB, NO_LOOP, mailing, partial(send, "mail:by_smtplib"))
        if mailing is row:
            yield entry(SOURCE, NO_LOOP, row, partial(row.by_source, ["-s", "1", "-d"]))


def measure(settings: Settings) -> Report:
    """Send from afar by everybody."""
    series: dict[Key, Series] = {}
    notes: list[str] = []
    try:
        with distant_sink() as port:
            say("smtp_latency")
            row = Mailing(port=port, count=settings.scaled(MESSAGES, 5), warm_up_count=2)
            wide = Mailing(port=port, count=1)
            samples = take_turns_in_all(contestants(row, wide), min(settings.rounds, _MOST_ROUNDS))
            for (case, name), found in samples.items():
                counts = tuple(each["value"] for each in found if each["value"] is not None)
                series[case, name] = Series(case=case, contestant=name, unit="round trips", values=counts)
    except Skip as skip:
        notes.append(f"Not measured: {skip}.")
    return Report(
        name="smtp_latency",
        title="Mail over a distance",
        method=__doc__ or "",
        series=tuple(series.values()),
        targets=tuple(compare({key: each.values for key, each in series.items()})),
        notes=tuple(notes),
    )


def compare(values: Values) -> Iterator[Target]:
    """Yield the targets, given the values of each case and contestant."""
    for what, case, name, wanted in (
        (f"{MESSAGES} messages by send_many", ROW, MANY, MOST_FOR_EACH),
        (f"one message to {RECIPIENTS} recipients", WIDE, OURS, MOST_FOR_RECIPIENTS),
    ):
        for loop in LOOPS:
            found = values.get((f"{case}, {loop}", name))
            reached = statistics.median(found) if found else None
            text = f"{what}, {loop}: for each" if case == ROW else f"{what}, {loop}: in all"
            yield Target(what=text, relation="≤", wanted=wanted, reached=reached, unit="round trips")
