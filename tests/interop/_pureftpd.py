"""Pure-FTPd: in clear, or with TLS on request; it has no implicit TLS."""

from __future__ import annotations

import subprocess

from tests.interop._packages import hand_over, password_hash, peer_account, require_root, unpacked
from tests.interop._ports import free_port
from tests.interop._process import ServerProcess
from tests.interop._servers import HOST, LIMIT_BYTES, PASSWORD, USER, FtpServer, Site, features

MODES = ("plain", "explicit")

_LIMITED = "bob"
_FEATURES = features("EPRT EPSV ESTA ESTP IDLE MDTM MFMT MLST MLSD PASV PRET REST SIZE TVFS UTF8")
_TLS_FEATURES = features("AUTH PBSZ PROT")


def start(site: Site, mode: str) -> FtpServer:
    """Start Pure-FTPd in *mode*, one of ``MODES``."""
    require_root()
    program = unpacked("pure-ftpd", "usr/sbin/pure-ftpd")
    port = free_port()
    folder, root = site.folder, site.folder / "root"
    limited_root = folder / "limited"
    for home in (root, limited_root):
        home.mkdir()
        hand_over(home)
    account = peer_account()
    # Written by hand: pure-pw asks for the password on a terminal.
    identity = f"{password_hash(PASSWORD)}:{account.pw_uid}:{account.pw_gid}:"
    # The ninth field of those after the folder is the quota in octets; Pure-FTPd counts in a file in that folder.
    lines = [
        f"{USER}:{identity}:{root}/./::::::::::::",
        f"{_LIMITED}:{identity}:{limited_root}/./:::::::{LIMIT_BYTES}:::::",
    ]
    (folder / "passwd").write_text("".join(f"{line}\n" for line in lines))
    compiler = unpacked("pure-ftpd", "usr/bin/pure-pw")
    subprocess.run([compiler, "mkdb", folder / "users.pdb", "-f", folder / "passwd"], check=True)

    command: list[str] = [
        str(program),
        *("-S", f"{HOST},{port}"),
        *("-l", f"puredb:{folder}/users.pdb"),
        *("-g", f"{folder}/pid"),
        *("-2", str(site.certificates.combined)),
        *("-Y", "0" if mode == "plain" else "1"),  # 1: both in clear and under TLS
        *("-U", "022:022"),
        *("-u", "1"),  # the lowest uid that may log in
        *("-c", "50", "-C", "50", "-L", "20000:10"),  # connections, per address, entries and depth of a listing
        *("-A", "-E", "-H", "-D"),  # chroot everyone, nobody anonymous, no name look-ups, list dot files
    ]
    process = ServerProcess.start("pureftpd", command, folder)
    site.cleanup.callback(process.stop)
    process.wait_until_listening(HOST, port)
    return FtpServer(
        name="pureftpd",
        mode=mode,
        port=port,
        ca_file=None if mode == "plain" else site.certificates.authority,
        features=_FEATURES if mode == "plain" else _FEATURES | _TLS_FEATURES,
        folder=folder,
        root=root,
        limited_user=_LIMITED,
    )
