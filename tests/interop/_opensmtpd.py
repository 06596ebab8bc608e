"""OpenSMTPD in clear (the other servers do TLS), all mail delivered into one Maildir.

Its spool, its control socket and its helper programs have paths that are compiled in; install.sh makes the folders,
and there can be one instance at a time.
"""

from __future__ import annotations

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

    process = ServerProcess.start("opensmtpd", [program, "-d", "-f", configuration], folder)
    site.cleanup.callback(process.stop)
    process.wait_until_listening(HOST, port)
    return SmtpServer(
        name="opensmtpd",
        port=port,
        ca_file=None,
        features=_FEATURES,
        folder=folder,
        mailbox=Maildir(folder / "mail"),
        queue=[_SPOOL / name for name in ("incoming", "queue", "temporary")],
    )
