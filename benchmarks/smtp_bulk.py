"""10,000 messages of 2 kB over eight connections at once, to Postfix's ``smtp-sink``.

Measured: all of it, from connecting to QUIT, no two messages alike: by ``transfer.smtp.Sender`` with
``max_connections=8`` on asyncio, uvloop and trio, from an asynchronous generator; by eight ``aiosmtplib.SMTP`` in tasks
of one loop, eight sessions of smtpproto (one message object all the time, it takes no octets), and eight
``smtplib.SMTP`` in threads, each with its share. ``smtp-source`` comes with Postfix and is written in C; "-s 8" is its
default of one connection for each message, "-s 8 -d" keeps the eight connections; its time includes starting. Memory is
flat if 10,000 messages need no more than 2,000: the highest resident size above the idle process, in one case less that
in the other.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from benchmarks.children import say
from benchmarks.mailing import (
    AIOSMTPLIB,
    AIOSMTPLIB_LOOPS,
    NO_LOOP,
    SMTPLIB,
    SMTPPROTO,
    SOURCE,
    Key,
    Mailing,
    sink,
    take_turns_in_all,
)
from benchmarks.model import (
    LOOPS,
    OURS,
    Contestant,
    Report,
    Series,
    Settings,
    Skip,
    Target,
    paired_ratio,
    rates,
)

CONNECTIONS = 8
MESSAGES, FEWER_MESSAGES = 10_000, 2_000
SOURCE_OPTIONS = {f"{SOURCE} -s 8 -d": ["-s", "8", "-d"], f"{SOURCE} -s 8": ["-s", "8"]}
MOST_TIMES = 2.0
MOST_GROWTH_MIB = 1.0
_MOST_ROUNDS = 3
ALL, FEWER = "eight connections", "eight connections, a fifth of the messages"


def contestants(mailing: Mailing, fewer: Mailing) -> Iterator[tuple[str, Contestant]]:
    """Yield everybody, and this library once more with fewer messages, with the case that they belong to."""
    for loop in LOOPS:
        case = f"{ALL}, {loop}"
        send = partial(mailing.by_program, loop=loop, connections=CONNECTIONS)
        yield case, Contestant(OURS, partial(send, "bulk:by_transfer"))
        if loop in AIOSMTPLIB_LOOPS:
            yield case, Contestant(AIOSMTPLIB, partial(send, "bulk:by_aiosmtplib"))
        yield case, Contestant(SMTPPROTO, partial(send, "bulk:by_smtpproto"))
    case = f"{ALL}, {NO_LOOP}"
    smtplib = partial(mailing.by_program, "bulk:by_smtplib", connections=CONNECTIONS)
    yield case, Contestant(SMTPLIB, smtplib)
    for name, options in SOURCE_OPTIONS.items():
        yield case, Contestant(name, partial(mailing.by_source, options))
    for loop in LOOPS:
        less = partial(fewer.by_program, "bulk:by_transfer", loop=loop, connections=CONNECTIONS)
        yield f"{FEWER}, {loop}", Contestant(OURS, less)


def measure(settings: Settings) -> Report:
    """Send the same messages by everybody."""
    series: dict[Key, Series] = {}
    notes: list[str] = []
    try:
        with sink() as port:
            say("smtp_bulk")
            mailing = Mailing(port=port, count=settings.scaled(MESSAGES, 40))
            fewer = Mailing(port=port, count=settings.scaled(FEWER_MESSAGES, 8))
            samples = take_turns_in_all(contestants(mailing, fewer), min(settings.rounds, _MOST_ROUNDS))
            for (case, name), found in samples.items():
                amount = fewer.count if case.startswith(FEWER) else mailing.count
                series[case, name] = rates(case, name, found, amount=amount, unit="messages/s", cpu="µs/message")
    except Skip as skip:
        notes.append(f"Not measured: {skip}.")
    return Report(
        name="smtp_bulk",
        title="Messages over eight connections",
        method=__doc__ or "",
        series=tuple(series.values()),
        targets=tuple(compare(series)),
        notes=tuple(notes),
    )


def compare(series: Mapping[Key, Series]) -> Iterator[Target]:
    """Yield the targets, given the series of each case and contestant."""
    for loop in LOOPS:
        ours = series.get((f"{ALL}, {loop}", OURS))
        for name in SOURCE_OPTIONS:
            other = series.get((f"{ALL}, {NO_LOOP}", name))
            # A rate is the inverse of a time.
            reached = paired_ratio(other.values, ours.values) if ours and other else None
            yield Target(what=f"{loop}: time against {name}", relation="≤", wanted=MOST_TIMES, reached=reached)
        yield Target(
            what=f"{loop}: peak memory of all messages, above that of a fifth of them",
            relation="≤",
            wanted=MOST_GROWTH_MIB,
            reached=_growth(_peaks(ours), _peaks(series.get((f"{FEWER}, {loop}", OURS)))),
            unit="MiB",
        )


def _peaks(series: Series | None) -> Sequence[float]:
    return series.peak_mib if series else ()


def _growth(more: Sequence[float], fewer: Sequence[float]) -> float | None:
    if not more or not fewer:
        return None
    # Less than nothing is what two runs differ by anyway.
    return max(0.0, statistics.median(more) - statistics.median(fewer))
