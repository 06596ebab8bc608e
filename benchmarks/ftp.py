"""A whole job: one file of 512 MiB downloaded and uploaded over FTP, in the clear and inside TLS, by the public calls.

Measured: ``download`` and ``upload`` of ``transfer.ftp.Client`` on asyncio, uvloop and trio, and of aioftp on asyncio
(in the clear also on uvloop), with its default block size, 8 KiB, and with 256 KiB; ``retrbinary`` and ``storbinary``
of the standard library's ftplib, likewise. Connecting and logging in are not counted. Files are on a RAM disk on both
sides. In the clear the server is vsftpd if it is there, otherwise pyftpdlib in a process of its own; inside TLS it is
the latter. A client can't be faster than its server. No target: this is what a user sees. In the round that is not
counted, every octet is compared; three others are.
"""

from __future__ import annotations

import contextlib
import filecmp
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import attrs

from benchmarks.children import (
    HOST,
    find_program,
    free_port,
    python_peer,
    run_program,
    say,
    serving,
    take_turns,
    wait_until_listening,
)
from benchmarks.data_plane import write_file
from benchmarks.model import LOOPS, MIB, OURS, Contestant, Report, Sample, Series, Settings, Skip, rates
from tests.interop._packages import peers_folder

FILE_BYTES = 512 * MIB
LARGE_BLOCK = 256 * 1024
_MOST_ROUNDS = 3
AIOFTP_LOOPS = {"plain": ("asyncio", "uvloop"), "TLS": ("asyncio",)}
# vsftpd first goes to the home of the account that anonymous users are given: it has to be there.
_ACCOUNT = "daemon"
_VSFTPD = """\
listen=YES
listen_address={host}
listen_port={port}
background=NO
anonymous_enable=YES
local_enable=NO
write_enable=YES
anon_root={root}
anon_upload_enable=YES
anon_other_write_enable=YES
anon_world_readable_only=NO
no_anon_password=YES
ftp_username={account}
nopriv_user={account}
secure_chroot_dir={folder}/empty
pasv_enable=YES
connect_from_port_20=NO
xferlog_enable=NO
seccomp_sandbox=NO
isolate=NO
isolate_network=NO
"""


@attrs.frozen(kw_only=True)
class Site:
    """A server, the folder that it serves (``source`` and ``incoming/`` are in it), and one for what is downloaded."""

    kind: str
    port: int
    root: Path
    local: Path
    authority: Path | None

    def turn(self, program: str, direction: str, warm_up: bool, **arguments: object) -> Sample:
        """Run one transfer, and compare what came to the other side with the source: its size, or in full to warm up.

        Raises:
            RuntimeError: they differ.
        """
        source = self.root / "source"
        target = self.local / "downloaded" if direction == "download" else self.root / "incoming" / "uploaded"
        target.unlink(missing_ok=True)
        sample = run_program(
            f"ftp:by_{program}",
            port=self.port,
            direction=direction,
            path=str(target if direction == "download" else source),
            authority=str(self.authority) if self.authority else None,
            **arguments,
        )
        if not filecmp.cmp(source, target, shallow=False) if warm_up else _size(source) != _size(target):
            raise RuntimeError(f"{direction} by {program}: what has arrived is not what was sent")
        target.unlink()
        return sample


def _size(path: Path) -> int:
    return path.stat().st_size


def _vsftpd() -> str:
    if os.geteuid() != 0:
        raise Skip("vsftpd can only be started by root")
    unpacked = peers_folder() / "vsftpd" / "usr" / "sbin" / "vsftpd"
    return str(unpacked) if unpacked.exists() else find_program("vsftpd", "vsftpd")


@contextlib.contextmanager
def _plain_server(program: str | None, folder: Path, root: Path) -> Iterator[int]:
    """Run vsftpd (*program*), or pyftpdlib, and give the port."""
    if program is None:
        with python_peer("ftp_server", root) as port:
            yield port
        return
    port = free_port()
    configuration = folder / "vsftpd.conf"
    text = _VSFTPD.format(host=HOST, port=port, root=root, account=_ACCOUNT, folder=folder)
    configuration.write_text(text, encoding="ascii")
    with serving([program, configuration]) as process:
        wait_until_listening(process, port)
        yield port


@contextlib.contextmanager
def sites(settings: Settings, program: str | None) -> Iterator[list[Site]]:
    """Write the file, and start a server in the clear and one with TLS."""
    # Certificates need a package that only tests and benchmarks have.
    import trustme

    authority = trustme.CA()
    trusted, certificate = settings.folder / "authority.pem", settings.folder / "certificate.pem"
    authority.cert_pem.write_to_path(str(trusted))
    authority.issue_cert(HOST).private_key_and_cert_chain_pem.write_to_path(str(certificate))
    root, local = settings.folder / "root", settings.folder / "local"
    for folder in (root, root / "incoming", local, settings.folder / "empty"):
        folder.mkdir()
    # The server runs as somebody else. vsftpd does not let anonymous users into a root that they can write to.
    settings.folder.chmod(0o711)
    (root / "incoming").chmod(0o777)
    write_file(root / "source", settings.scaled(FILE_BYTES, MIB))
    with (
        _plain_server(program, settings.folder, root) as plain,
        python_peer("ftp_server", root, certificate) as tls,
    ):
        yield [
            Site(kind="plain", port=plain, root=root, local=local, authority=None),
            Site(kind="TLS", port=tls, root=root, local=local, authority=trusted),
        ]


def contestants(site: Site, direction: str) -> Iterator[Contestant]:
    """Yield this library on every loop, and the others at their default and at their best."""
    turn = partial(_turn, site, direction)
    for loop in LOOPS:
        yield Contestant(f"{OURS}, {loop}", partial(turn, "transfer", loop=loop))
    for name, size in (("default blocks", None), ("256 KiB", LARGE_BLOCK)):
        for loop in AIOFTP_LOOPS[site.kind]:
            yield Contestant(f"aioftp, {name}, {loop}", partial(turn, "aioftp", loop=loop, block_bytes=size))
        yield Contestant(f"ftplib, {name}", partial(turn, "ftplib", block_bytes=size))


def _turn(site: Site, direction: str, program: str, warm_up: bool, **arguments: object) -> Sample:
    return site.turn(program, direction, warm_up, **arguments)


def measure(settings: Settings) -> Report:
    """Measure both directions, with and without TLS."""
    notes: list[str] = []
    program = None
    try:
        program = _vsftpd()
    except Skip as skip:
        notes.append(f"The server in the clear was pyftpdlib: {skip}.")
    series: list[Series] = []
    amount = settings.scaled(FILE_BYTES, MIB) / 1e6
    with sites(settings, program) as found:
        for site in found:
            for direction in ("download", "upload"):
                case = f"{direction}, {site.kind}"
                say(f"ftp: {case}")
                samples = take_turns(list(contestants(site, direction)), min(settings.rounds, _MOST_ROUNDS))
                series += [
                    rates(case, name, each, amount=amount, unit="MB/s", cpu="s/GB") for name, each in samples.items()
                ]
    return Report(name="ftp", title="A file by FTP", method=__doc__ or "", series=tuple(series), notes=tuple(notes))
