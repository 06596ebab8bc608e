"""Messages of 2 kB, one after the other over one connection, to Postfix's ``smtp-sink``.

Measured: ``await client.sendmail(...)`` in a row, by ``transfer.smtp.SMTP`` on asyncio, uvloop and trio; against
aiosmtplib on asyncio and uvloop, and the standard library's smtplib. ``smtp-source``, the generator in C that comes with
Postfix, is there for orientation: its time includes starting and connecting. All pass octets, not message objects.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec

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
_WARM_UP_MESSAGES = 200
_PEER = "aiosmtplib"


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


def _generate(program: str, port: int, count: int) -> Sample:
    command = [program, "-s", "1", "-d", "-l", str(MESSAGE_OCTETS), "-m", str(count), f"inet:{HOST}:{port}"]
    start = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    if process.returncode:
        raise RuntimeError(f"smtp-source ended with status {process.returncode}")
    return Sample(wall_seconds=wall, cpu_seconds=used.ru_utime + used.ru_stime, peak_bytes=None, value=None)


def contestants(port: int, count: int, skipped: list[str]) -> Iterator[Contestant]:
    """Yield everybody who is installed, and say in *skipped* who is not."""

    def turn(program: str, warm_up: bool, **arguments: object) -> Sample:
        return run_program(program, port=port, count=_count(warm_up), size=MESSAGE_OCTETS, **arguments)

    def _count(warm_up: bool) -> int:
        return min(_WARM_UP_MESSAGES, count) if warm_up else count

    for loop in LOOPS:
        yield Contestant(f"{OURS}, {loop}", partial(turn, "mail:by_transfer", loop=loop))
    if find_spec(_PEER):
        for loop in PEER_RATIO:
            yield Contestant(f"{_PEER}, {loop}", partial(turn, "mail:by_aiosmtplib", loop=loop))
    else:
        skipped.append(f"{_PEER} is not installed")
    yield Contestant("smtplib", partial(turn, "mail:by_smtplib"))
    try:
        generator = find_program("smtp-source", "postfix")
    except Skip as skip:
        skipped.append(str(skip))
    else:
        yield Contestant("smtp-source", lambda warm_up: _generate(generator, port, _count(warm_up)))


def measure(settings: Settings) -> Report:
    """Send the same messages by everybody."""
    count = settings.scaled(MESSAGES, 10)
    skipped: list[str] = []
    with sink() as port:
        say("smtp")
        samples = take_turns(list(contestants(port, count, skipped)), settings.rounds)
    series = {
        name: rates("2 kB messages", name, found, amount=count, unit="messages/s", cpu="µs/message")
        for name, found in samples.items()
    }
    return Report(
        name="smtp",
        title="Messages over one connection",
        method=__doc__ or "",
        series=tuple(series.values()),
        targets=tuple(_targets(series)),
        skipped=tuple(skipped),
    )


def _targets(series: dict[str, Series]) -> Iterator[Target]:
    for loop, wanted in PEER_RATIO.items():
        peer = series.get(f"{_PEER}, {loop}")
        if peer is not None:
            reached = paired_ratio(series[f"{OURS}, {loop}"], peer)
            yield Target(what=f"{loop}: speed against {_PEER}", relation="≥", wanted=wanted, reached=reached)
    reached = paired_ratio(series[f"{OURS}, trio"], series[f"{OURS}, asyncio"])
    yield Target(what="trio: speed against asyncio", relation="≥", wanted=TRIO_RATIO, reached=reached)
