"""What the benchmarks of mail share: the server, its generator of mail, and how their results are put together."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from benchmarks.children import (
    HOST,
    find_program,
    free_port,
    run_command,
    run_program,
    serving,
    take_turns,
    wait_until_listening,
)
from benchmarks.model import Contestant, Sample, Target, paired_ratio

AIOSMTPLIB, SMTPPROTO, SMTPLIB, SOURCE = "aiosmtplib", "smtpproto", "smtplib", "smtp-source"
AIOSMTPLIB_LOOPS = ("asyncio", "uvloop")
NO_LOOP = "no loop"
TRIO_RATIO = 0.9
MESSAGE_OCTETS = 2000
Key = tuple[str, str]
"""A case and a contestant."""
Values = Mapping[Key, Sequence[float]]


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


@attrs.frozen(kw_only=True)
class Mailing:
    """What is sent to which port, in full or to warm up.

    Attributes:
        count: of messages.
        size: of each, in octets.
        warm_up_count: of messages, in the round that is not counted.
    """

    port: int
    count: int
    size: int = MESSAGE_OCTETS
    warm_up_count: int = 200

    def counted(self, warm_up: bool) -> int:
        """Return how many messages one turn sends."""
        return min(self.warm_up_count, self.count) if warm_up else self.count

    def by_program(self, program: str, warm_up: bool, **arguments: object) -> Sample:
        """Send by a function ``module:name`` of ``benchmarks.programs``."""
        return run_program(program, port=self.port, count=self.counted(warm_up), size=self.size, **arguments)

    def by_source(self, options: Sequence[str], warm_up: bool) -> Sample:
        """Send by ``smtp-source`` with *options*; its time includes starting, connecting and QUIT.

        Raises:
            Skip: it is not installed.
            RuntimeError: it failed.
        """
        program = find_program("smtp-source", "postfix")
        counts = ["-l", str(self.size), "-m", str(self.counted(warm_up))]
        return run_command([program, *options, *counts, f"inet:{HOST}:{self.port}"])


def take_turns_in_all(entries: Iterable[tuple[str, Contestant]], rounds: int) -> dict[Key, list[Sample]]:
    """Let the contestants of all cases run in the same rounds, so that cases can be compared, too."""
    contestants = {(case, each.name): each for case, each in entries}
    samples = take_turns([Contestant(repr(key), each.turn) for key, each in contestants.items()], rounds)
    return {key: samples[repr(key)] for key in contestants}


def compare_speed(what: str, values: Values, ours: Key, others: Key, wanted: float) -> Target:
    """Return the target to be *wanted* times as fast as *others*."""
    one, other = values.get(ours), values.get(others)
    reached = paired_ratio(one, other) if one and other else None
    return Target(what=what, relation="≥", wanted=wanted, reached=reached)
