"""Messages of 2 kB, one after the other over one connection, to Postfix's ``smtp-sink``.

Measured: 4,000 calls in a row, by ``transfer.smtp.SMTP`` on asyncio, uvloop and trio, and by aiosmtplib on asyncio and
uvloop. "octets": ``sendmail(sender, [recipient], octets)``, the faster way, for which there are targets. "object":
``send_message(message)`` of an ``EmailMessage``, the usual one, where much of the time goes to writing the object as
octets. For orientation the standard library's smtplib, and ``smtp-source``, the generator in C that comes with Postfix,
whose time includes starting and connecting.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import attrs

from benchmarks.children import (
    HOST,
    find_program,
    free_port,
    run_program,
    say,
    serving,
    take_turns,
    wait_until_listening,
)
from benchmarks.model import (
    LOOPS,
    OURS,
    Contestant,
    Report,
    Sample,
    Series,
    Settings,
    Skip,
    Target,
    paired_ratio,
    rates,
)

MESSAGES, MESSAGE_OCTETS = 4000, 2000
PEER_RATIO = {"asyncio": 2.5, "uvloop": 2.0}
TRIO_RATIO = 0.9
PEER = "aiosmtplib"
_WARM_UP_MESSAGES = 200


@contextlib.contextmanager
def sink() -> Iterator[int]:
    """Run ``smtp-sink`` and give its port.

    Raises:
        Skip: it is not installed.
    """
    port = free_port()
    # As root it insists on another user; the last argument is the backlog.
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    with serving([find_program("smtp-sink", "postfix"), *user, f"inet:{HOST}:{port}", "100"]) as process:
        wait_until_listening(process, port)
        yield port


@attrs.frozen
class Mailing:
    """A server's port and how many messages it is to get."""

    port: int
    count: int

    def counted(self, warm_up: bool) -> int:
        """Return how many messages one turn sends."""
        return min(_WARM_UP_MESSAGES, self.count) if warm_up else self.count

    def by_program(self, program: str, warm_up: bool, **arguments: object) -> Sample:
        """Send by a function of ``benchmarks.programs.mail``."""
        count = self.counted(warm_up)
        return run_program(f"mail:by_{program}", port=self.port, count=count, size=MESSAGE_OCTETS, **arguments)

    def by_generator(self, program: str, warm_up: bool) -> Sample:
        """Send by ``smtp-source``.

        Raises:
            RuntimeError: it failed.
        """
        counts = ["-l", str(MESSAGE_OCTETS), "-m", str(self.counted(warm_up))]
        start = time.perf_counter()
        process = subprocess.Popen([program, "-s", "1", "-d", *counts, f"inet:{HOST}:{self.port}"])
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - start
        if process.returncode:
            raise RuntimeError(f"smtp-source ended with status {process.returncode}")
        return Sample(wall_seconds=wall, cpu_seconds=used.ru_utime + used.ru_stime, peak_bytes=None, value=None)


def contestants(mailing: Mailing) -> Iterator[tuple[str, Contestant]]:
    """Yield everybody with the case that they belong to, those that are compared side by side."""
    for form in ("octets", "object"):
        for loop in LOOPS:
            case = f"{form}, {loop}"
            yield case, Contestant(OURS, partial(mailing.by_program, "transfer", loop=loop, form=form))
            if loop in PEER_RATIO:
                yield case, Contestant(PEER, partial(mailing.by_program, "aiosmtplib", loop=loop, form=form))
    generator = find_program("smtp-source", "postfix")
    yield "octets, no loop", Contestant("smtplib", partial(mailing.by_program, "smtplib"))
    yield "octets, no loop", Contestant("smtp-source", partial(mailing.by_generator, generator))


def measure(settings: Settings) -> Report:
    """Send the same messages by everybody."""
    count = settings.scaled(MESSAGES, 10)
    series: dict[tuple[str, str], Series] = {}
    notes: list[str] = []
    try:
        with sink() as port:
            say("smtp")
            # All in one round, because trio is compared with asyncio.
            entries = {(case, each.name): each for case, each in contestants(Mailing(port, count))}
            samples = take_turns([Contestant(repr(key), each.turn) for key, each in entries.items()], settings.rounds)
        for case, name in entries:
            found = samples[repr((case, name))]
            series[case, name] = rates(case, name, found, amount=count, unit="messages/s", cpu="µs/message")
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


def compare(values: Mapping[tuple[str, str], Sequence[float]]) -> Iterator[Target]:
    """Yield the targets, given the values of each case and contestant."""
    for loop, wanted in PEER_RATIO.items():
        ours, peer = values.get((f"octets, {loop}", OURS)), values.get((f"octets, {loop}", PEER))
        reached = paired_ratio(ours, peer) if ours and peer else None
        yield Target(what=f"octets, {loop}: speed against {PEER}", relation="≥", wanted=wanted, reached=reached)
    trio, asyncio = values.get(("octets, trio", OURS)), values.get(("octets, asyncio", OURS))
    reached = paired_ratio(trio, asyncio) if trio and asyncio else None
    yield Target(what="octets: speed on trio against asyncio", relation="≥", wanted=TRIO_RATIO, reached=reached)
