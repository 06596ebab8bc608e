"""Messages one after the other over one connection, to Postfix's ``smtp-sink``.

Measured: calls in a row, by ``transfer.smtp.SMTP`` on asyncio, uvloop and trio, by aiosmtplib on asyncio and uvloop, by
smtpproto on all three, and by the standard library's smtplib. "octets": 4,000 times
``sendmail(sender, [recipient], octets)`` of 2 kB, the faster way. "send_many": as many, of the same size but no two
alike, by ``transfer.smtp.Sender.send_many`` over one connection; the others have no such call, so it is compared with
their "octets". "object": 4,000 times ``send_message(message)`` of an ``EmailMessage`` with 2 kB of text, the usual way,
where much of the time goes to writing the object as octets; smtpproto takes nothing else. "attachment": 400 times
``send_message`` of one ``EmailMessage`` with an attachment of 100 kB. The first 50 messages are not counted, nor is
connecting. ``smtp-source`` is the generator in C that comes with Postfix; "-s 1" is its default of one connection for
each message, "-s 1 -d" keeps the connection, which is what targets compare with; its time includes starting and
connecting. Everybody's timeouts are the defaults; the other packages have no further setting that bears on speed.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from benchmarks.children import say
from benchmarks.mailing import (
    AIOSMTPLIB,
    AIOSMTPLIB_LOOPS,
    NO_LOOP,
    SMTPLIB,
    SMTPPROTO,
    SOURCE,
    TRIO_RATIO,
    Mailing,
    Values,
    compare_speed,
    sink,
    take_turns_in_all,
)
from benchmarks.model import LOOPS, OURS, Contestant, Report, Series, Settings, Skip, Target, rates

MESSAGES, ATTACHMENTS = 4000, 400
ATTACHMENT_OCTETS = 100_000
AIOSMTPLIB_RATIO = {"asyncio": 2.5, "uvloop": 2.0}
SMTPLIB_RATIO = 1.0
SOURCE_AT_BEST = f"{SOURCE} -s 1 -d"
SOURCE_OPTIONS = {SOURCE_AT_BEST: ["-s", "1", "-d"], f"{SOURCE} -s 1": ["-s", "1"]}
MANY_RATIOS = {AIOSMTPLIB: 5.0, SMTPLIB: 1.5, SOURCE_AT_BEST: 0.7}
ATTACHMENT_RATIO = 3.0
MANY = f"{OURS}, send_many"


def contestants(mailing: Mailing, form: str) -> Iterator[tuple[str, Contestant]]:
    """Yield everybody who can send in this *form*, with the case that they belong to."""
    for loop in LOOPS:
        case = f"{form}, {loop}"
        send = partial(mailing.by_program, loop=loop, form=form)
        yield case, Contestant(OURS, partial(send, "mail:by_transfer"))
        if form == "octets":
            yield case, Contestant(MANY, partial(send, "mail:by_sender"))
        if loop in AIOSMTPLIB_LOOPS:
            yield case, Contestant(AIOSMTPLIB, partial(send, "mail:by_aiosmtplib"))
        if form != "octets":
            yield case, Contestant(SMTPPROTO, partial(send, "mail:by_smtpproto"))
    case = f"{form}, {NO_LOOP}"
    yield case, Contestant(SMTPLIB, partial(mailing.by_program, "mail:by_smtplib", form=form))
    if form == "octets":
        for name, options in SOURCE_OPTIONS.items():
            yield case, Contestant(name, partial(mailing.by_source, options))


def measure(settings: Settings) -> Report:
    """Send the same messages by everybody."""
    series: dict[tuple[str, str], Series] = {}
    notes: list[str] = []
    try:
        with sink() as port:
            small = Mailing(port=port, count=settings.scaled(MESSAGES, 10))
            large = Mailing(port=port, count=settings.scaled(ATTACHMENTS, 10), size=ATTACHMENT_OCTETS, warm_up_count=20)
            for form, mailing in (("octets", small), ("object", small), ("attachment", large)):
                say(f"smtp: {form}")
                samples = take_turns_in_all(contestants(mailing, form), settings.rounds)
                for (case, name), found in samples.items():
                    series[case, name] = rates(
                        case, name, found, amount=mailing.count, unit="messages/s", cpu="µs/message"
                    )
    except Skip as skip:
        notes.append(f"Not measured: {skip}.")
    return Report(
        name="smtp",
        title="Messages over one connection",
        method=__doc__ or "",
        series=tuple(series.values()),
        targets=tuple(compare({key: each.values for key, each in series.items()})),
        notes=tuple(notes),
    )


def compare(values: Values) -> Iterator[Target]:
    """Yield the targets, given the values of each case and contestant."""
    alone = f"octets, {NO_LOOP}"
    for loop in LOOPS:
        case = f"octets, {loop}"
        ours = (case, OURS)
        if loop in AIOSMTPLIB_LOOPS:
            what = f"{case}: speed against {AIOSMTPLIB}"
            yield compare_speed(what, values, ours, (case, AIOSMTPLIB), AIOSMTPLIB_RATIO[loop])
        yield compare_speed(f"{case}: speed against {SMTPLIB}", values, ours, (alone, SMTPLIB), SMTPLIB_RATIO)
    yield _trio_with_asyncio(values, "octets", OURS)
    for loop in LOOPS:
        case = f"octets, {loop}"
        for peer, wanted in MANY_RATIOS.items():
            if peer != AIOSMTPLIB or loop in AIOSMTPLIB_LOOPS:
                other = (case if peer == AIOSMTPLIB else alone, peer)
                yield compare_speed(f"send_many, {loop}: speed against {peer}", values, (case, MANY), other, wanted)
    yield _trio_with_asyncio(values, "send_many", MANY)
    for loop in AIOSMTPLIB_LOOPS:
        case = f"attachment, {loop}"
        what = f"{case}: speed against {AIOSMTPLIB}"
        yield compare_speed(what, values, (case, OURS), (case, AIOSMTPLIB), ATTACHMENT_RATIO)


def _trio_with_asyncio(values: Values, what: str, contestant: str) -> Target:
    ours, others = ("octets, trio", contestant), ("octets, asyncio", contestant)
    return compare_speed(f"{what}: speed on trio against asyncio", values, ours, others, TRIO_RATIO)
