"""One file over loopback, in the clear and inside TLS 1.3: ``send_file`` and ``receive_file`` against anyio's streams.

Measured: sending 1 GiB from a RAM disk, and receiving it into a file there; against a loop of ``read`` and ``send``, or
``receive`` and ``write``, on anyio's ``SocketStream`` and ``TLSStream``, with blocks of 256 KiB and of 64 KiB, anyio's
default. Targets compare with the one of the two that is faster in that case. "kernel alone" is a loop of blocking
``sendfile``, or ``splice``, without any event loop: what can be reached here at all. The peer lets the kernel throw
away what it receives, undecrypted, and has encrypted beforehand what it sends, so that it holds up nobody. The file
that is received into has its full size before, because in a virtual machine new memory costs more than all the rest,
and never twice the same. Files are sent as to another host; a peer on this one would get copies, which it can take in
faster. In the round that is not counted, every octet is compared.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import attrs

from benchmarks.children import python_peer, run_program, say, take_turns
from benchmarks.model import LOOPS, MIB, OURS, Contestant, Report, Sample, Series, Settings, Target, paired_ratio, rates

FILE_BYTES = 1024 * MIB
ANYIO_BLOCKS = {"anyio, 256 KiB": 256 * 1024, "anyio, 64 KiB": 64 * 1024}
KERNEL = "kernel alone"
SEND_RATIO = {"asyncio": 2.0, "uvloop": 1.2, "trio": 1.2}
RECEIVE_RATIO = 2.0
TLS_RATIO = 1.3
CPU_RATIO = 0.5
PEAK_MIB = 4.0
_WARM_UP_SHARE = 8


@attrs.frozen(kw_only=True)
class Site:
    """A peer that listens, the file that it sends, a place for what is received, and whom to trust (TLS only)."""

    kind: str
    port: int
    source: Path
    sink: Path
    size: int
    authority: Path | None

    def turn(self, program: str, direction: str, warm_up: bool, **arguments: object) -> Sample:
        """Run one transfer, a shorter one to warm up, and compare what was received with the source.

        Raises:
            RuntimeError: what was received is not what was sent.
        """
        size = self.size // _WARM_UP_SHARE if warm_up else self.size
        path = self.sink
        if direction == "send":
            path = self.source
            if warm_up:
                path = self.source.with_name("short")
                copy_beginning(self.source, path, size)
        # To compare the end is enough where every octet has been compared before.
        start = 0 if warm_up else size - MIB
        _overwrite(self.sink, start, size)
        sample = run_program(
            f"files:{direction}_by_{program}",
            port=self.port,
            path=str(path),
            size=size,
            authority=str(self.authority) if self.authority else None,
            checked=warm_up,
            **arguments,
        )
        if direction == "receive" and not _are_alike(self.sink, self.source, start, size):
            raise RuntimeError("what was received is not what was sent")
        return sample


def write_file(path: Path, size: int) -> None:
    """Write *size* octets that no step of a transfer finds it easy to compress, or to confuse."""
    with path.open("wb") as file:
        while size > 0:
            size -= file.write(os.urandom(min(size, MIB)))


def copy_beginning(source: Path, target: Path, size: int) -> None:
    """Copy the first *size* octets of *source*."""
    with source.open("rb") as given, target.open("wb") as file:
        while size and (block := given.read(min(size, MIB))):
            size -= file.write(block)


def _overwrite(path: Path, start: int, end: int) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        while start < end:
            start += file.write(bytes(min(end - start, MIB)))


def _are_alike(one: Path, other: Path, start: int, end: int) -> bool:
    with one.open("rb") as first, other.open("rb") as second:
        first.seek(start)
        second.seek(start)
        while start < end:
            block = first.read(min(end - start, MIB))
            if not block or block != second.read(len(block)):
                return False
            start += len(block)
    return True


@contextlib.contextmanager
def sites(settings: Settings) -> Iterator[list[Site]]:
    """Write the file that is sent, and start the peer in the clear and the one with TLS."""
    # Certificates need a package that only tests and benchmarks have.
    import trustme

    authority = trustme.CA()
    trusted, certificate = settings.folder / "authority.pem", settings.folder / "certificate.pem"
    authority.cert_pem.write_to_path(str(trusted))
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    source, size = settings.folder / "source", settings.scaled(FILE_BYTES, MIB)
    sink = settings.folder / "sink"
    for file in (source, sink):
        write_file(file, size)
    with python_peer("peer", source) as plain, python_peer("peer", source, certificate) as tls:
        yield [
            Site(kind=kind, port=port, source=source, sink=sink, size=size, authority=authority_file)
            for kind, port, authority_file in (("plain", plain, None), ("TLS 1.3", tls, trusted))
        ]


def contestants(site: Site, direction: str, loop: str) -> list[Contestant]:
    """Return this library, anyio with both of its block sizes, and the bare system call where there is one."""
    turn = partial(_turn, site, direction, loop)
    found = [
        Contestant(OURS, partial(turn, "transfer")),
        *(Contestant(name, partial(turn, "anyio", block_bytes=size)) for name, size in ANYIO_BLOCKS.items()),
    ]
    if site.authority is None and sys.platform == "linux":
        found.append(Contestant(KERNEL, partial(turn, "kernel")))
    return found


def _turn(site: Site, direction: str, loop: str, program: str, warm_up: bool, **arguments: object) -> Sample:
    return site.turn(program, direction, warm_up, loop=loop, **arguments)


def measure(settings: Settings) -> Report:
    """Measure every direction, with and without TLS, on every loop."""
    series: list[Series] = []
    targets: list[Target] = []
    with sites(settings) as found:
        for site in found:
            for direction in ("send", "receive"):
                for loop in LOOPS:
                    case = f"{direction}, {site.kind}, {loop}"
                    say(f"data_plane: {case}")
                    samples = take_turns(contestants(site, direction, loop), settings.rounds)
                    new = [
                        rates(case, name, each, amount=site.size / 1e6, unit="MB/s", cpu="s/GB")
                        for name, each in samples.items()
                    ]
                    series += new
                    targets += _targets(direction, site.kind, loop, new)
    return Report(
        name="data_plane",
        title="A file over loopback",
        method=__doc__ or "",
        series=tuple(series),
        targets=tuple(targets),
    )


def _targets(direction: str, kind: str, loop: str, series: list[Series]) -> Iterator[Target]:
    ours, *others = series
    peer = max((each for each in others if each.contestant in ANYIO_BLOCKS), key=lambda each: each.median)
    wanted = TLS_RATIO if kind != "plain" else SEND_RATIO[loop] if direction == "send" else RECEIVE_RATIO
    yield Target(
        what=f"{ours.case}: speed against {peer.contestant}",
        relation="≥",
        wanted=wanted,
        reached=paired_ratio(ours.values, peer.values),
    )
    if kind == "plain" and direction == "send":
        yield Target(
            what=f"{ours.case}: CPU time against {peer.contestant}",
            relation="≤",
            wanted=CPU_RATIO,
            reached=paired_ratio(ours.cpu, peer.cpu),
        )
    yield Target(
        what=f"{ours.case}: peak memory above idle",
        relation="≤",
        wanted=PEAK_MIB,
        reached=max(ours.peak_mib, default=None),
        unit="MiB",
    )
