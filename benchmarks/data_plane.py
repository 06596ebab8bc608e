"""One file over loopback, in the clear and inside TLS 1.3: ``_net.pump`` against anyio's streams.

Measured: sending 1 GiB (512 MiB with TLS) from a RAM disk, and receiving it into a file there, on asyncio, uvloop and
trio, by ``send_file`` and ``receive_file``; against a loop of ``read`` and ``send``, or ``receive`` and ``write``, on
anyio's ``SocketStream`` and ``TLSStream``, with blocks of 256 KiB and of 64 KiB, anyio's default; the targets compare
with the faster of the two. The peer is a process of its own with blocking sockets, which lets the kernel throw away what
it receives in the clear.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import attrs

from benchmarks.children import python_peer, run_program, say, take_turns
from benchmarks.model import (
    LOOPS,
    MIB,
    OURS,
    Contestant,
    Report,
    Sample,
    Series,
    Settings,
    Target,
    paired_cpu_ratio,
    paired_ratio,
    rates,
)

PLAIN_BYTES, TLS_BYTES = 1024 * MIB, 512 * MIB
PEAK_MIB = 4.0
ANYIO_BLOCKS = {"anyio, 256 KiB": 256 * 1024, "anyio, 64 KiB": 64 * 1024}
SEND_RATIO = {"asyncio": 2.0, "uvloop": 1.2, "trio": 1.2}
RECEIVE_RATIO = 2.0
TLS_RATIO = 1.3
CPU_RATIO = 0.5
_WARM_UP_SHARE = 8


@attrs.frozen(kw_only=True)
class Site:
    """A peer that listens, the file that it sends, a place for what is received, and what to trust (TLS only)."""

    port: int
    source: Path
    sink: Path
    size: int
    authority: Path | None

    @property
    def kind(self) -> str:
        return "TLS 1.3" if self.authority else "plain"

    def turn(self, program: str, direction: str, warm_up: bool, **arguments: object) -> Sample:
        """Run one transfer, a small one to warm up, whose result is compared to the source.

        Raises:
            RuntimeError: what was received is not what was sent.
        """
        size = self.size // _WARM_UP_SHARE if warm_up else self.size
        path = self.sink if direction == "receive" else self.source
        self.sink.unlink(missing_ok=True)
        if direction == "send" and warm_up:
            path = self.source.with_name("short")
            write_file(path, size)
        sample = run_program(
            f"files:{direction}_by_{program}",
            port=self.port,
            path=str(path),
            size=size,
            authority=str(self.authority) if self.authority else None,
            **arguments,
        )
        if direction == "receive" and (self.sink.stat().st_size != size or (warm_up and not self._begins_alike())):
            raise RuntimeError("what was received is not what was sent")
        return sample

    def _begins_alike(self) -> bool:
        with self.sink.open("rb") as received, self.source.open("rb") as sent:
            while block := received.read(MIB):
                if block != sent.read(len(block)):
                    return False
        return True


def write_file(path: Path, size: int) -> None:
    """Write *size* octets that repeat after a MiB."""
    block = os.urandom(MIB)
    with path.open("wb") as file:
        while size > 0:
            size -= file.write(block[:size])


@contextlib.contextmanager
def sites(settings: Settings) -> Iterator[list[Site]]:
    """Start the peer in the clear and the one with TLS, and write what they send."""
    # Certificates need a package that only tests and benchmarks have.
    import trustme

    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    authority_file, certificate = settings.folder / "authority.pem", settings.folder / "certificate.pem"
    authority.cert_pem.write_to_path(str(authority_file))
    issued.private_key_and_cert_chain_pem.write_to_path(str(certificate))
    with contextlib.ExitStack() as stack:
        found = []
        for name, size, extra in (("plain", PLAIN_BYTES, ()), ("tls", TLS_BYTES, (certificate,))):
            folder = settings.folder / name
            folder.mkdir()
            source, octets = folder / "source", settings.scaled(size, MIB)
            write_file(source, octets)
            port = stack.enter_context(python_peer("peer", source, *extra))
            trusted = authority_file if extra else None
            found.append(Site(port=port, source=source, sink=folder / "sink", size=octets, authority=trusted))
        yield found


def contestants(site: Site, direction: str, loop: str) -> list[Contestant]:
    """Return this library and anyio with both of its block sizes."""

    def turn(program: str, warm_up: bool, **arguments: object) -> Sample:
        return site.turn(program, direction, warm_up, loop=loop, ticking=False, **arguments)

    return [
        Contestant(OURS, partial(turn, "transfer")),
        *(Contestant(name, partial(turn, "anyio", block_bytes=size)) for name, size in ANYIO_BLOCKS.items()),
    ]


def measure(settings: Settings) -> Report:
    """Measure every direction, with and without TLS, on every loop."""
    series: list[Series] = []
    targets: list[Target] = []
    with sites(settings) as found:
        for site in found:
            for direction in ("send", "receive"):
                for loop in LOOPS:
                    say(f"data_plane: {direction}, {site.kind}, {loop}")
                    samples = take_turns(contestants(site, direction, loop), settings.rounds)
                    new = [
                        rates(
                            f"{direction}, {site.kind}, {loop}",
                            name,
                            each,
                            amount=site.size / 1e6,
                            unit="MB/s",
                            cpu="s/GB",
                        )
                        for name, each in samples.items()
                    ]
                    series += new
                    targets += _targets(direction, site.kind, loop, {one.contestant: one for one in new})
    return Report(
        name="data_plane",
        title="A file over loopback",
        method=__doc__ or "",
        series=tuple(series),
        targets=tuple(targets),
    )


def _targets(direction: str, kind: str, loop: str, series: dict[str, Series]) -> Iterator[Target]:
    ours = series.pop(OURS)
    # Whichever of the block sizes suits it better in this case.
    peer = max(series.values(), key=lambda each: each.median)
    case = ours.case
    wanted = TLS_RATIO if kind != "plain" else SEND_RATIO[loop] if direction == "send" else RECEIVE_RATIO
    reached = paired_ratio(ours, peer)
    yield Target(what=f"{case}: speed against {peer.contestant}", relation="≥", wanted=wanted, reached=reached)
    if kind == "plain" and direction == "send":
        reached = paired_cpu_ratio(ours, peer)
        yield Target(
            what=f"{case}: CPU time against {peer.contestant}", relation="≤", wanted=CPU_RATIO, reached=reached
        )
    if ours.peak_mib:
        peak = max(ours.peak_mib)
        yield Target(what=f"{case}: peak memory", relation="≤", wanted=PEAK_MIB, reached=peak, unit="MiB")
