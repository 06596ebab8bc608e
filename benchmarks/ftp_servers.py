"""The servers that the benchmarks of FTP talk to, in the clear and with TLS: vsftpd and pyftpdlib."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import attrs

from benchmarks.children import HOST, find_program, free_port, python_peer, serving, wait_until_listening
from benchmarks.model import Settings, Skip
from tests.interop._packages import peers_folder

__all__ = ["PLAIN", "TLS", "Server", "prepare", "pyftpdlib", "vsftpd"]

PLAIN, TLS = "plain", "TLS"
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
# Not everybody resumes the session of the control connection on data connections.
_VSFTPD_TLS = """\
ssl_enable=YES
allow_anon_ssl=YES
require_ssl_reuse=NO
ssl_tlsv1=YES
ssl_sslv2=NO
ssl_sslv3=NO
ssl_ciphers=HIGH
rsa_cert_file={folder}/certificate.pem
rsa_private_key_file={folder}/certificate.pem
"""


@attrs.frozen(kw_only=True)
class Server:
    """A server that runs.

    Attributes:
        name: of its program.
        kind: ``PLAIN`` or ``TLS``, the latter by AUTH TLS, for the data as well.
        root: the folder that it serves; ``incoming`` in it can be written to.
        authority: whom to trust, a file; None in the clear.
    """

    name: str
    kind: str
    port: int
    root: Path
    authority: Path | None


def prepare(settings: Settings) -> Path:
    """Make the folder to serve, and certificates, in the benchmark's folder; return the former."""
    # Certificates need a package that only tests and benchmarks have.
    import trustme

    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(settings.folder / "authority.pem"))
    certificate = authority.issue_cert(HOST).private_key_and_cert_chain_pem
    certificate.write_to_path(str(settings.folder / "certificate.pem"))
    root = settings.folder / "root"
    for folder in (root, root / "incoming", settings.folder / "empty"):
        folder.mkdir()
    # The server runs as somebody else. vsftpd does not let anonymous users into a root that they can write to.
    settings.folder.chmod(0o711)
    (root / "incoming").chmod(0o777)
    return root


@contextlib.contextmanager
def vsftpd(settings: Settings, kind: str) -> Iterator[Server]:
    """Run vsftpd.

    Raises:
        Skip: it is not installed, or can't be started by this user.
    """
    program = _find_vsftpd()
    folder, root, port = settings.folder, settings.folder / "root", free_port()
    text = _VSFTPD + (_VSFTPD_TLS if kind == TLS else "")
    configuration = folder / f"vsftpd-{kind}.conf"
    configuration.write_text(
        text.format(host=HOST, port=port, root=root, account=_ACCOUNT, folder=folder), encoding="ascii"
    )
    with serving([program, configuration]) as process:
        wait_until_listening(process, port)
        yield _server("vsftpd", settings, kind, port)


@contextlib.contextmanager
def pyftpdlib(settings: Settings, kind: str, *options: str) -> Iterator[Server]:
    """Run pyftpdlib in a process of its own; *options* are those of ``benchmarks.programs.ftp_server``."""
    arguments = [str(settings.folder / "root"), *options]
    if kind == TLS:
        arguments += ["--certificate", str(settings.folder / "certificate.pem")]
    with python_peer("ftp_server", *arguments) as port:
        yield _server("pyftpdlib", settings, kind, port)


def _server(name: str, settings: Settings, kind: str, port: int) -> Server:
    authority = settings.folder / "authority.pem" if kind == TLS else None
    return Server(name=name, kind=kind, port=port, root=settings.folder / "root", authority=authority)


def _find_vsftpd() -> str:
    if os.geteuid() != 0:
        raise Skip("vsftpd can only be started by root")
    unpacked = peers_folder() / "vsftpd" / "usr" / "sbin" / "vsftpd"
    return str(unpacked) if unpacked.exists() else find_program("vsftpd", "vsftpd")
