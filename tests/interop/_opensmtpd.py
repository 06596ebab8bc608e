"""OpenSMTPD in clear (the other servers do TLS), all mail delivered into one Maildir.

Its spool, its control socket and its helper programs have paths that are compiled in; install.sh makes the folders.
Each instance gets a spool and a /run of its own by a mount namespace. Where that is not allowed, as in some
containers, there can be one instance on a machine at a time.
"""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from tests.interop._mailboxes import Maildir
from tests.interop._packages import PEER_USER, hand_over, require_root, unpacked
from tests.interop._ports import free_port
from tests.interop._process import ServerProcess
from tests.interop._servers import HOST, Site, SmtpServer

_SPOOL = Path("/var/spool/smtpd")
_FEATURES = frozenset({"8BITMIME", "ENHANCEDSTATUSCODES", "SIZE", "DSN", "HELP"})

_CONFIGURATION = """\
listen on {host} port {port} hostname opensmtpd.test
action keep maildir "{folder}/mail" virtual {{ "@" = {account} }}
match from any for any action keep
"""
_UNSHARE = ("unshare", "--mount", "--propagation", "private")


def _may_unshare() -> bool:
    try:
        done = subprocess.run([*_UNSHARE, "mount", "-t", "tmpfs", "tmpfs", "/run"], check=False, capture_output=True)
    except FileNotFoundError:
        return False
    return done.returncode == 0


def start(site: Site) -> SmtpServer:
    """Start OpenSMTPD on ``port``."""
    require_root()
    program = unpacked("opensmtpd", "usr/sbin/smtpd")
    port = free_port()
    folder = site.folder
    (folder / "mail").mkdir()
    hand_over(folder / "mail")
    configuration = folder / "smtpd.conf"
    configuration.write_text(_CONFIGURATION.format(host=HOST, port=port, folder=folder, account=PEER_USER))
    configuration.chmod(0o600)

    spool = _SPOOL
    command: list[str | Path] = [program, "-d", "-f", configuration]
    if _may_unshare():
        spool = folder / "spool"
        spool.mkdir()
        spool.chmod(0o711)
        # Its own resolver, which asks about everybody who connects, is to look into /etc/hosts and no further.
        (folder / "resolv.conf").write_text("lookup file\n")
        mounts = (
            f"mount --bind {shlex.quote(str(spool))} {_SPOOL} && mount -t tmpfs tmpfs /run"
            f" && mount --bind {shlex.quote(str(folder / 'resolv.conf'))} /etc/resolv.conf"
        )
        command = [*_UNSHARE, "sh", "-c", f'{mounts} && exec "$@"', "sh", *command]
    process = ServerProcess.start("opensmtpd", command, folder)
    site.cleanup.callback(process.stop)
    process.wait_until_listening(HOST, port)
    return SmtpServer(
        name="opensmtpd",
        port=port,
        ca_file=None,
        features=_FEATURES,
        folder=folder,
        mailbox=Maildir(folder / "mail"),
        queue=[spool / name for name in ("incoming", "queue", "temporary")],
    )
