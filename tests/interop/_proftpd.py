"""ProFTPD with mod_tls: a data connection under TLS must resume the session of its control connection."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tests.interop import _inetd
from tests.interop._packages import PEER_USER, hand_over, password_hash, peer_account, require_root, unpacked
from tests.interop._ports import free_port
from tests.interop._process import ServerProcess
from tests.interop._servers import HOST, LIMIT_BYTES, PASSWORD, USER, FtpServer, Site, features

MODES = ("plain", "explicit", "implicit")

_FEATURES = features("CLNT CSID EPRT EPSV HOST LANG MDTM MFF MFMT MLST RANG REST SITE SIZE TVFS UTF8")
_TLS_FEATURES = features("AUTH CCC PBSZ PROT SSCN session-reuse-required")

_CONFIGURATION = """\
ServerName interop
ServerType inetd
DefaultServer on
DefaultAddress {host}
Port {port}
UseIPv6 off
UseReverseDNS off
User {account}
Group {group}
Umask 022
AuthUserFile {folder}/passwd
AuthGroupFile {folder}/group
AuthOrder mod_auth_file.c
RequireValidShell off
DefaultRoot ~
AllowOverwrite on
AllowStoreRestart on
AllowRetrieveRestart on
MaxStoreFileSize {limit} B
AllowForeignAddress off
TimesGMT on
MaxInstances 30
PidFile {folder}/pid
ScoreboardFile {folder}/scoreboard
DelayTable none
DelayEngine off
WtmpLog off
SystemLog {folder}/system.log
TransferLog none
ModulePath {folder}/modules
LoadModule mod_tls.c
LoadModule mod_facl.c
LoadModule mod_site_misc.c
LoadModule mod_copy.c
<IfModule mod_ctrls.c>
  ControlsEngine off
</IfModule>
"""

# There is no TLSOptions NoSessionReuseRequired: requiring it is mod_tls's default. Nor is there a TLSSessionCache: each
# session of a user is one process, and its own memory is cache enough for its data connections.
_TLS_CONFIGURATION = """\
TLSEngine on
TLSRequired off
TLSProtocol TLSv1.2 TLSv1.3
TLSRSACertificateFile {chain}
TLSRSACertificateKeyFile {key}
TLSVerifyClient off
TLSRenegotiate none
TLSLog {folder}/tls.log
"""


def start(site: Site, mode: str) -> FtpServer:
    """Start ProFTPD in *mode*, one of ``MODES``."""
    require_root()
    program = unpacked("proftpd-core", "usr/sbin/proftpd")
    port = free_port()
    root = site.folder / "root"
    root.mkdir()
    hand_over(root)
    _gather_modules(site.folder / "modules")
    configuration = _configure(site, root, port, mode)

    # One process for each connection: greetings come at once, however quickly connections follow one another.
    inetd: list[str | Path] = [sys.executable, Path(_inetd.__file__), HOST, str(port)]
    process = ServerProcess.start("proftpd", [*inetd, program, "-c", configuration], site.folder)
    site.cleanup.callback(process.stop)
    process.wait_until_listening(HOST, port)
    return FtpServer(
        name="proftpd",
        mode=mode,
        port=port,
        tls_port=port if mode == "implicit" else None,
        ca_file=None if mode == "plain" else site.certificates.authority,
        features=_FEATURES if mode == "plain" else _FEATURES | _TLS_FEATURES,
        folder=site.folder,
        root=root,
        limited_user=USER,
    )


def _configure(site: Site, root: Path, port: int, mode: str) -> Path:
    folder, account = site.folder, peer_account()
    user = f"{USER}:{password_hash(PASSWORD)}:{account.pw_uid}:{account.pw_gid}::{root}:/bin/false\n"
    for name, text in (("passwd", user), ("group", f"{PEER_USER}:x:{account.pw_gid}:\n")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    values = {
        "host": HOST,
        "limit": LIMIT_BYTES,
        "port": port,
        "account": PEER_USER,
        "group": PEER_USER,
        "folder": folder,
        "chain": site.certificates.chain,
        "key": site.certificates.key,
    }
    text = _CONFIGURATION.format_map(values)
    if mode != "plain":
        text += _TLS_CONFIGURATION.format_map(values)
    if mode == "implicit":
        text += "TLSOptions UseImplicitSSL\n"
    configuration = folder / "proftpd.conf"
    configuration.write_text(text)
    return configuration


def _gather_modules(folder: Path) -> None:
    """Put the modules of both packages into one folder: there is one ModulePath."""
    folder.mkdir()
    for package in ("proftpd-core", "proftpd-mod-crypto"):
        for module in unpacked(package, "usr/lib/proftpd").glob("*.so"):
            shutil.copy(module, folder)
