"""vsftpd: a data connection under TLS must resume the session of its control connection."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.interop._packages import PEER_USER, hand_over, installed, require_root, unpacked
from tests.interop._ports import free_port
from tests.interop._process import ServerProcess
from tests.interop._servers import HOST, PASSWORD, USER, FtpServer, Site, features

MODES = ("plain", "explicit", "implicit")

_FEATURES = features("EPRT EPSV MDTM PASV REST SIZE TVFS UTF8")
_TLS_FEATURES = features("AUTH PBSZ PROT session-reuse-required")

_CONFIGURATION = """\
listen=YES
listen_address={host}
listen_port={port}
background=NO
anonymous_enable=NO
local_enable=YES
guest_enable=YES
guest_username={account}
virtual_use_local_privs=YES
local_root={root}
write_enable=YES
chroot_local_user=YES
allow_writeable_chroot=YES
local_umask=022
file_open_mode=0666
secure_chroot_dir={folder}/empty
nopriv_user={account}
pam_service_name={service}
pasv_enable=YES
port_enable=YES
connect_from_port_20=NO
ascii_upload_enable=YES
ascii_download_enable=YES
ls_recurse_enable=YES
mdtm_write=YES
delay_failed_login=0
xferlog_enable=NO
vsftpd_log_file={folder}/commands.log
log_ftp_protocol=YES
seccomp_sandbox=NO
isolate=NO
isolate_network=NO
utf8_filesystem=YES
ssl_enable={tls}
implicit_ssl={implicit}
require_ssl_reuse=YES
force_local_logins_ssl=NO
force_local_data_ssl=NO
ssl_tlsv1=YES
ssl_sslv2=NO
ssl_sslv3=NO
ssl_ciphers=HIGH
rsa_cert_file={chain}
rsa_private_key_file={key}
"""

# pam_userdb reads the table in this process; a module that runs a program would not do, because vsftpd takes the
# SIGCHLD of any child for that of a session.
_PAM = """\
auth required pam_userdb.so crypt=none db={table}
account required pam_permit.so
session required pam_permit.so
"""


def start(site: Site, mode: str) -> FtpServer:
    """Start vsftpd in *mode*, one of ``MODES``."""
    require_root()
    program = unpacked("vsftpd", "usr/sbin/vsftpd")
    port = free_port()
    folder, root = site.folder, site.folder / "root"
    for path in (root, folder / "empty"):
        path.mkdir()
    hand_over(root)
    service = f"transfer-interop-vsftpd-{port}"
    _add_pam_service(site, service)
    values = {
        "host": HOST,
        "port": port,
        "account": PEER_USER,
        "root": root,
        "folder": folder,
        "service": service,
        "tls": "NO" if mode == "plain" else "YES",
        "implicit": "YES" if mode == "implicit" else "NO",
        "chain": site.certificates.chain,
        "key": site.certificates.key,
    }
    configuration = folder / "vsftpd.conf"
    configuration.write_text(_CONFIGURATION.format_map(values))

    process = ServerProcess.start("vsftpd", [program, configuration], folder)
    site.cleanup.callback(process.stop)
    process.wait_until_listening(HOST, port)
    return FtpServer(
        name="vsftpd",
        mode=mode,
        port=port,
        tls_port=port if mode == "implicit" else None,
        ca_file=None if mode == "plain" else site.certificates.authority,
        features=_FEATURES if mode == "plain" else _FEATURES | _TLS_FEATURES,
        folder=folder,
        root=root,
    )


def _add_pam_service(site: Site, service: str) -> None:
    """Write the table of users, and the PAM service that looks into it until the server has ended."""
    table = site.folder / "users"
    loader = installed("db5.3_load", "db5.3-util")
    lines = f"{USER}\n{PASSWORD}\n"
    # pam_userdb appends ".db" to the name that it is given.
    subprocess.run([loader, "-T", "-t", "hash", f"{table}.db"], input=lines.encode(), check=True)
    Path(f"{table}.db").chmod(0o600)
    path = Path("/etc/pam.d") / service
    path.write_text(_PAM.format(table=table))
    site.cleanup.callback(path.unlink, missing_ok=True)
