"""A whole job: one file of 1 GiB downloaded from and uploaded to an FTP server, in the clear and inside TLS.

Measured: ``download`` and ``upload`` of ``transfer.ftp.Client`` on asyncio, uvloop and trio, and of aioftp on asyncio
(in the clear also on uvloop, inside TLS with pyftpdlib), with its default block size, 8 KiB, and with 256 KiB;
``retrbinary`` and ``storbinary``
of the standard library's ftplib, likewise; curl and lftp. Connecting and logging in are counted for all, starting the
program only for the last two, for whom it is a few milliseconds. Files are on a RAM disk on both sides. The servers are
vsftpd, and pyftpdlib in a process of its own with a quarter of the size; certificates are checked. Targets are held
against vsftpd; what trio does is compared with aioftp on asyncio. In the round that is not counted, every octet is
compared, in the others the sizes are.
"""

from __future__ import annotations

import filecmp
import statistics
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import attrs

from benchmarks.children import HOST, find_program, run_command, run_program, say, take_turns
from benchmarks.data_plane import write_file
from benchmarks.ftp_servers import PLAIN, TLS, Server, prepare, pyftpdlib, vsftpd
from benchmarks.model import (
    LOOPS,
    MIB,
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

FILE_BYTES = 1024 * MIB
SMALL_FILE_BYTES = 256 * MIB
LARGE_BLOCK = 256 * 1024
_MOST_ROUNDS = 3
# Inside TLS it is not measured with vsftpd, which shakes hands only once it has been told what to transfer.
_AIOFTP_LOOPS: dict[tuple[str, str], tuple[str, ...]] = {
    ("vsftpd", PLAIN): ("asyncio", "uvloop"),
    ("vsftpd", TLS): (),
    ("pyftpdlib", PLAIN): ("asyncio", "uvloop"),
    ("pyftpdlib", TLS): ("asyncio",),
}
_BLOCKS = (("default blocks", None), ("256 KiB", LARGE_BLOCK))
DIRECTIONS = ("download", "upload")
PROGRAMS = ("curl", "lftp")
AIOFTP = "aioftp, default blocks"
FTPLIB = ("ftplib, 256 KiB", "ftplib, default blocks")
Found = Mapping[tuple[str, str], Series]
"""By case and contestant."""


@attrs.frozen(kw_only=True)
class Site:
    """A server, the file to move (in its root), and the folder for what is downloaded."""

    server: Server
    source: Path
    local: Path

    def case(self, direction: str) -> str:
        """Say what is done, for tables."""
        return f"{direction}, {self.server.kind}, {self.server.name}"

    def target(self, direction: str) -> Path:
        """Return where the file arrives."""
        folder = self.local if direction == "download" else self.server.root / "incoming"
        return folder / "arrived"

    def turn(self, program: str, direction: str, warm_up: bool, **arguments: object) -> Sample:
        """Run one transfer, and compare what came to the other side with the source: its size, or in full to warm up.

        Raises:
            RuntimeError: they differ.
        """
        target = self.target(direction)
        target.unlink(missing_ok=True)
        if program in PROGRAMS:
            sample = run_command(_COMMANDS[program](self, direction))
        else:
            sample = run_program(
                f"ftp:by_{program}",
                port=self.server.port,
                direction=direction,
                ends=(self.source.name, str(target))
                if direction == "download"
                else (str(self.source), "incoming/arrived"),
                authority=str(self.server.authority) if self.server.authority else None,
                **arguments,
            )
        if not filecmp.cmp(self.source, target, shallow=False) if warm_up else _size(self.source) != _size(target):
            raise RuntimeError(f"{direction} by {program}: what has arrived is not what was sent")
        target.unlink()
        return sample


def _size(path: Path) -> int:
    return path.stat().st_size


def _curl(site: Site, direction: str) -> list[str]:
    url = f"ftp://{HOST}:{site.server.port}/"
    tls = ["--ssl-reqd", "--cacert", str(site.server.authority)] if site.server.authority else []
    way = (
        ["-o", str(site.target(direction)), f"{url}{site.source.name}"]
        if direction == "download"
        else ["-T", str(site.source), f"{url}incoming/arrived"]
    )
    return [find_program("curl", "curl"), "-sS", *tls, *way]


def _lftp(site: Site, direction: str) -> list[str]:
    move = (
        f"get {site.source.name} -o {site.target(direction)}"
        if direction == "download"
        else f"put {site.source} -o incoming/arrived"
    )
    return lftp_command(site.server, move)


def lftp_command(server: Server, *steps: str, host: str = HOST) -> list[str]:
    """Return the command by which lftp takes *steps* on the *server*.

    Raises:
        Skip: it is not installed.
    """
    tls = ["set ftp:ssl-allow no"]
    if server.authority:
        tls = [f"set ssl:ca-file {server.authority}", "set ftp:ssl-force yes", "set ftp:ssl-protect-data yes"]
    script = ["set cmd:fail-exit yes", "set xfer:clobber yes", *tls, f"open -p {server.port} ftp://{host}", *steps]
    return [find_program("lftp", "lftp"), "--norc", "-c", "; ".join(script)]


_COMMANDS = {"curl": _curl, "lftp": _lftp}


def contestants(site: Site, direction: str) -> Iterator[Contestant]:
    """Yield this library on every loop, and the others at their default and at their best."""
    turn = partial(_turn, site, direction)
    for loop in LOOPS:
        yield Contestant(f"{OURS}, {loop}", partial(turn, "transfer", loop=loop))
    for blocks, size in _BLOCKS:
        for loop in _AIOFTP_LOOPS[site.server.name, site.server.kind]:
            yield Contestant(f"aioftp, {blocks}, {loop}", partial(turn, "aioftp", loop=loop, block_bytes=size))
        yield Contestant(f"ftplib, {blocks}", partial(turn, "ftplib", block_bytes=size))
    for program in PROGRAMS:
        yield Contestant(program, partial(turn, program))


def _turn(site: Site, direction: str, program: str, warm_up: bool, **arguments: object) -> Sample:
    return site.turn(program, direction, warm_up, **arguments)


def measure(settings: Settings) -> Report:
    """Measure both directions, with and without TLS, against both servers."""
    notes: list[str] = []
    found: dict[tuple[str, str], Series] = {}
    root = prepare(settings)
    local = settings.folder / "local"
    local.mkdir()
    for run, size in ((vsftpd, FILE_BYTES), (pyftpdlib, SMALL_FILE_BYTES)):
        octets = settings.scaled(size, MIB)
        write_file(root / "source", octets)
        for kind in (PLAIN, TLS):
            try:
                with run(settings, kind) as server:
                    site = Site(server=server, source=root / "source", local=local)
                    for direction in DIRECTIONS:
                        found |= _measure(site, direction, octets, settings)
            except Skip as skip:
                notes.append(f"Not measured: {skip}.")
    return Report(
        name="ftp",
        title="A file by FTP",
        method=__doc__ or "",
        series=tuple(found.values()),
        targets=tuple(compare(found)),
        notes=tuple(notes),
    )


def _measure(site: Site, direction: str, octets: int, settings: Settings) -> Found:
    case = site.case(direction)
    say(f"ftp: {case}")
    samples = take_turns(list(contestants(site, direction)), min(settings.rounds, _MOST_ROUNDS))
    return {
        (case, name): rates(case, name, each, amount=octets / 1e6, unit="MB/s", cpu="s/GB")
        for name, each in samples.items()
    }


def compare(found: Found) -> Iterator[Target]:
    """Yield the targets, given what was measured."""
    for loop in LOOPS:
        default = f"{AIOFTP}, {loop if loop != 'trio' else 'asyncio'}"
        down, up = (f"{direction}, {PLAIN}, vsftpd" for direction in DIRECTIONS)
        yield _speed(found, down, loop, FTPLIB, 1.3)
        yield _speed(found, down, loop, ("curl",), 1.3)
        yield _speed(found, down, loop, (default,), 4)
        others = tuple(sorted({name for case, name in found if case == up and not name.startswith(OURS)}))
        yield _speed(found, up, loop, others, 0.95, "the best")
        yield _cpu(found, up, loop, others, 0.5)
        yield _speed(found, up, loop, (default,), 3.5)
        down, up = (f"{direction}, {TLS}, vsftpd" for direction in DIRECTIONS)
        yield _speed(found, down, loop, ("curl",), 1.2)
        yield _speed(found, down, loop, FTPLIB, 1.5)
        yield _speed(found, up, loop, ("curl",), 1.0)
        yield _speed(found, up, loop, FTPLIB, 1.0)


def _best(found: Found, case: str, names: tuple[str, ...]) -> Series | None:
    return max(
        (found[case, name] for name in names if (case, name) in found), key=lambda each: each.median, default=None
    )


def _speed(
    found: Found, case: str, loop: str, others: tuple[str, ...], wanted: float, called: str | None = None
) -> Target:
    """Compare with the fastest of the *others*."""
    ours, best = found.get((case, f"{OURS}, {loop}")), _best(found, case, others)
    reached = paired_ratio(ours.values, best.values) if ours and best else None
    name = called or others[0].partition(",")[0]
    return Target(what=f"{case}, {loop}: speed against {name}", relation="≥", wanted=wanted, reached=reached)


def _cpu(found: Found, case: str, loop: str, others: tuple[str, ...], wanted: float) -> Target:
    ours, best = found.get((case, f"{OURS}, {loop}")), _best(found, case, others)
    reached = statistics.median(ours.cpu) / statistics.median(best.cpu) if ours and best else None
    return Target(what=f"{case}, {loop}: CPU time against the best", relation="≤", wanted=wanted, reached=reached)
