"""A thousand small files over a distance: a directory downloaded from and uploaded to a server that is 20 ms away.

Measured: 1,000 files of 4 KiB in one directory, from connecting to the last reply, in files per second. A proxy between
the client and pyftpdlib hands on what it receives 10 ms later, in both directions, control and data connections
alike; a TCP connection to the proxy is there at once, for everybody. With one connection: ``download`` and ``upload``
of ``transfer.ftp.Client`` and of ``aioftp.Client``, and lftp's ``mirror``. With eight: ``transfer.ftp.ClientPool`` and
lftp's ``mirror --parallel=8``. One round, because it takes long; what limits is the number of round trips, which does
not vary. On another event loop aioftp waits just as long, so it runs on asyncio only.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import attrs

from benchmarks.children import free_port, python_peer, run_command, run_program, say, take_turns
from benchmarks.data_plane import write_file
from benchmarks.ftp import DIRECTIONS, Found, lftp_command
from benchmarks.ftp_servers import PLAIN, Server, prepare, pyftpdlib
from benchmarks.model import LOOPS, OURS, Contestant, Report, Sample, Series, Settings, Skip, Target, paired_ratio

FILES, FILE_BYTES = 1000, 4096
WARM_UP_FILES = 10
ONE_WAY_SECONDS = 0.01
CONNECTIONS = 8
ONE, MANY = "1 connection", f"{CONNECTIONS} connections"
TIMES_AIOFTP, TIMES_LFTP = 4, 0.8
# Every address that begins with 127 is this machine.
_DISTANT = "127.0.0.2"
_DATA_PORTS = 200


@attrs.frozen(kw_only=True)
class Site:
    """The distant server, and the folder for what is downloaded; the root has ``few`` and ``many`` files."""

    server: Server
    local: Path

    def turn(self, direction: str, move: Callable[[str, str], Sample], warm_up: bool) -> Sample:
        """Let *move* take a tree from one place to the other.

        Raises:
            RuntimeError: not every file has arrived in full.
        """
        name = "few" if warm_up else "many"
        folder = self.local if direction == "download" else self.server.root / "incoming"
        target = folder / "arrived"
        shutil.rmtree(target, ignore_errors=True)
        if direction == "download":
            sample = move(name, str(target))
        else:
            sample = move(str(self.server.root / name), "incoming/arrived")
        if _sizes(target) != _sizes(self.server.root / name):
            raise RuntimeError(f"{direction}: not every file has arrived")
        shutil.rmtree(target)
        return sample

    def by_program(self, program: str, direction: str, loop: str, **arguments: object) -> Callable[[str, str], Sample]:
        """Return the move by a function of ``benchmarks.programs.ftp``."""
        return lambda source, target: run_program(
            f"ftp:by_{program}",
            loop=loop,
            host=_DISTANT,
            port=self.server.port,
            direction=direction,
            ends=(source, target),
            authority=None,
            **arguments,
        )

    def by_lftp(self, direction: str, parallel: int) -> Callable[[str, str], Sample]:
        """Return the move by lftp's mirror."""
        way = "--reverse " if direction == "upload" else ""

        def move(source: str, target: str) -> Sample:
            step = f"mirror {way}--no-perms --parallel={parallel} {source} {target}"
            return run_command(lftp_command(self.server, step, host=_DISTANT))

        return move


def _sizes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir()}


def contestants(site: Site, direction: str, case: str) -> Iterator[Contestant]:
    """Yield everybody with as many connections as *case* says."""

    def entry(name: str, move: Callable[[str, str], Sample]) -> Contestant:
        return Contestant(name, partial(site.turn, direction, move))

    if case == MANY:
        for loop in LOOPS:
            by_pool = site.by_program("pool", direction, loop, connections=CONNECTIONS)
            yield entry(f"{OURS}, {loop}", by_pool)
        yield entry("lftp", site.by_lftp(direction, CONNECTIONS))
        return
    for loop in LOOPS:
        yield entry(f"{OURS}, {loop}", site.by_program("transfer", direction, loop))
    yield entry("aioftp", site.by_program("aioftp", direction, "asyncio", block_bytes=None))
    yield entry("lftp", site.by_lftp(direction, 1))


def measure(settings: Settings) -> Report:
    """Measure both directions, with one connection and with eight."""
    root = prepare(settings)
    local = settings.folder / "local"
    local.mkdir()
    count = settings.scaled(FILES, WARM_UP_FILES)
    for name, files in (("few", WARM_UP_FILES), ("many", count)):
        (root / name).mkdir()
        for number in range(files):
            write_file(root / name / f"{number:04}.dat", FILE_BYTES)
    found: dict[tuple[str, str], Series] = {}
    notes: list[str] = []
    port = free_port()
    ports = [str(port + 1), str(port + _DATA_PORTS)]
    try:
        with (
            pyftpdlib(settings, PLAIN, "--port", str(port), "--told-address", _DISTANT, "--data-ports", *ports) as near,
            python_peer("delay", str(near.port), str(ONE_WAY_SECONDS), _DISTANT, *ports),
        ):
            site = Site(server=near, local=local)
            for direction in DIRECTIONS:
                for connections in (ONE, MANY):
                    case = f"{direction}, {connections}"
                    say(f"ftp_tree: {case}")
                    samples = take_turns(list(contestants(site, direction, connections)), 1)
                    found |= {(case, name): _series(case, name, each, count) for name, each in samples.items()}
    except Skip as skip:
        notes.append(f"Not measured: {skip}.")
    return Report(
        name="ftp_tree",
        title="Small files by FTP, over a distance",
        method=__doc__ or "",
        series=tuple(found.values()),
        targets=tuple(compare(found)),
        notes=tuple(notes),
    )


def _series(case: str, name: str, samples: list[Sample], count: int) -> Series:
    return Series(
        case=case,
        contestant=name,
        unit="files/s",
        values=tuple(count / sample["wall_seconds"] for sample in samples),
        cpu=tuple(sample["cpu_seconds"] / count * 1e6 for sample in samples),
        cpu_unit="µs/file",
    )


def compare(found: Found) -> Iterator[Target]:
    """Yield the targets, given what was measured."""
    for direction in DIRECTIONS:
        for loop in LOOPS:
            for connections, other, wanted in (
                (ONE, "aioftp", TIMES_AIOFTP),
                (ONE, "lftp", TIMES_LFTP),
                (MANY, "lftp", TIMES_LFTP),
            ):
                case = f"{direction}, {connections}"
                ours, theirs = found.get((case, f"{OURS}, {loop}")), found.get((case, other))
                yield Target(
                    what=f"{case}, {loop}: speed against {other}",
                    relation="≥",
                    wanted=wanted,
                    reached=paired_ratio(ours.values, theirs.values) if ours and theirs else None,
                )
