"""One large message over one connection, to Postfix's ``smtp-sink``.

Measured: the one call that sends it. "100 MB": by ``transfer.smtp.SMTP.deliver``, of octets in memory and from a file
on a RAM disk; by aiosmtplib's and smtplib's ``sendmail``, of the same octets; by smtpproto's ``send_message`` of an
``EmailMessage`` with a text of the same lines, because it takes nothing else; and by ``smtp-source``, whose text is
its own. "1 GiB": from a file, and from an asynchronous generator that reads it in blocks of 64 KiB; the others take
octets in memory only. The message is base64 in lines of 76, as an attachment is. Peak memory is the highest resident
size above the idle process, which has the octets in memory already where they are sent from there. The server looks at
each octet and often is what limits.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import attrs

from benchmarks.children import run_program, say
from benchmarks.mailing import (
    AIOSMTPLIB,
    AIOSMTPLIB_LOOPS,
    NO_LOOP,
    SMTPLIB,
    SMTPPROTO,
    SOURCE,
    Key,
    Mailing,
    compare_speed,
    sink,
    take_turns_in_all,
)
from benchmarks.model import LOOPS, MIB, OURS, Contestant, Report, Sample, Series, Settings, Skip, Target, rates
from benchmarks.programs.messages import RECIPIENT, SENDER

SMALLER_BYTES, LARGER_BYTES = 100_000_000, 1024 * MIB
SMALLER, LARGER = "100 MB", "1 GiB"
OCTETS, FILE, ITERATOR = (f"{OURS}, {form}" for form in ("octets", "file", "iterator"))
RATIO = 3.0
PEAK_MIB = 8.0
_MOST_ROUNDS = 3
_WARM_UP_SHARE = 8
# A line of 76 and CRLF for each 57 octets.
_ENCODED, _LINE = 57, 76


def write_message(path: Path, size: int) -> None:
    """Write a message of *size* octets, a line more or less."""
    octets = base64.encodebytes(os.urandom(_ENCODED * (MIB // _LINE))).replace(b"\n", b"\r\n")
    with path.open("wb") as file:
        size -= file.write(f"From: <{SENDER}>\r\nTo: <{RECIPIENT}>\r\nSubject: benchmark\r\n\r\n".encode())
        while size > 0:
            lines = min(len(octets), size - size % (_LINE + 2) + _LINE + 2)
            size -= file.write(octets[:lines])


@attrs.frozen
class Large:
    """A message in a file, and a shorter one to warm up."""

    port: int
    path: Path
    size: int

    @property
    def short_path(self) -> Path:
        return self.path.with_suffix(".short")

    def write(self) -> None:
        """Write both."""
        write_message(self.path, self.size)
        write_message(self.short_path, self.size // _WARM_UP_SHARE)

    def by_program(self, program: str, warm_up: bool, **arguments: object) -> Sample:
        """Send by a function of ``benchmarks.programs.body``."""
        path = self.short_path if warm_up else self.path
        return run_program(f"body:{program}", port=self.port, path=str(path), **arguments)


def contestants(smaller: Large, larger: Large) -> Iterator[tuple[str, Contestant]]:
    """Yield everybody with the case that they belong to."""
    for loop in LOOPS:
        case = f"{SMALLER}, {loop}"
        send = partial(smaller.by_program, loop=loop)
        for name, form in ((OCTETS, "octets"), (FILE, "file")):
            yield case, Contestant(name, partial(send, "by_transfer", form=form))
        if loop in AIOSMTPLIB_LOOPS:
            yield case, Contestant(AIOSMTPLIB, partial(send, "by_aiosmtplib"))
        yield case, Contestant(SMTPPROTO, partial(send, "by_smtpproto"))
    case = f"{SMALLER}, {NO_LOOP}"
    yield case, Contestant(SMTPLIB, partial(smaller.by_program, "by_smtplib"))
    mailing = Mailing(port=smaller.port, count=1, size=smaller.size)
    yield case, Contestant(SOURCE, partial(mailing.by_source, ["-s", "1"]))
    for loop in LOOPS:
        for name, form in ((FILE, "file"), (ITERATOR, "iterator")):
            large = partial(larger.by_program, "by_transfer", loop=loop, form=form)
            yield f"{LARGER}, {loop}", Contestant(name, large)


def measure(settings: Settings) -> Report:
    """Send the same large messages by everybody."""
    series: dict[Key, Series] = {}
    notes: list[str] = []
    try:
        with sink() as port:
            say("smtp_body")
            smaller = Large(port, settings.folder / "smaller", settings.scaled(SMALLER_BYTES))
            larger = Large(port, settings.folder / "larger", settings.scaled(LARGER_BYTES))
            for each in (smaller, larger):
                each.write()
            samples = take_turns_in_all(contestants(smaller, larger), min(settings.rounds, _MOST_ROUNDS))
            for (case, name), found in samples.items():
                large = larger if case.startswith(LARGER) else smaller
                series[case, name] = rates(case, name, found, amount=large.size / 1e6, unit="MB/s", cpu="s/GB")
    except Skip as skip:
        notes.append(f"Not measured: {skip}.")
    return Report(
        name="smtp_body",
        title="One large message",
        method=__doc__ or "",
        series=tuple(series.values()),
        targets=tuple(compare(series)),
        notes=tuple(notes),
    )


def compare(series: Mapping[Key, Series]) -> Iterator[Target]:
    """Yield the targets, given the series of each case and contestant."""
    values = {key: each.values for key, each in series.items()}
    for loop in AIOSMTPLIB_LOOPS:
        case = f"{SMALLER}, {loop}"
        for name in (OCTETS, FILE):
            what = f"{name.removeprefix(f'{OURS}, ')} of {case}: speed against {AIOSMTPLIB}"
            yield compare_speed(what, values, (case, name), (case, AIOSMTPLIB), RATIO)
    for loop in LOOPS:
        case = f"{LARGER}, {loop}"
        for name in (FILE, ITERATOR):
            ours = series.get((case, name))
            yield Target(
                what=f"{name.removeprefix(f'{OURS}, ')} of {case}: peak memory above idle",
                relation="≤",
                wanted=PEAK_MIB,
                reached=max(ours.peak_mib, default=None) if ours else None,
                unit="MiB",
            )
