"""Postfix with its own queue: STARTTLS and implicit TLS, AUTH after TLS, all mail delivered into one Maildir."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.interop._mailboxes import Maildir
from tests.interop._packages import hand_over, installed, peer_account, require_root
from tests.interop._ports import free_port
from tests.interop._process import ServerProcess
from tests.interop._servers import HOST, PASSWORD, USER, Site, SmtpServer, features

_FEATURES = features(
    "STARTTLS AUTH PIPELINING SIZE ENHANCEDSTATUSCODES 8BITMIME DSN SMTPUTF8 CHUNKING VRFY ETRN "
    "implicit-tls refuses-recipients auth-plain auth-login auth-cram-md5"
)

# default_transport = virtual: with static maps, virtual(8) takes any recipient of any domain.
_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = postfix.test
mydestination =
alias_maps =
alias_database =
inet_interfaces = {host}
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
maillog_file = /dev/stdout
message_size_limit = 5000000
default_transport = virtual
virtual_mailbox_base = {folder}
virtual_mailbox_maps = static:mail/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = check_recipient_access regexp:{folder}/etc/recipients, permit_mynetworks, reject
smtpd_client_connection_rate_limit = 0
smtpd_client_connection_count_limit = 0
smtpd_tls_security_level = may
smtpd_tls_cert_file = {chain}
smtpd_tls_key_file = {key}
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = cyrus
smtpd_sasl_path = smtpd
cyrus_sasl_config_path = {folder}/etc/sasl
smtpd_sasl_local_domain = $myhostname
smtpd_tls_auth_only = yes
"""

_MASTER = """\
{host}:{port} inet n - n - - smtpd
{host}:{tls_port} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
{host}:{impatient_port} inet n - n - - smtpd -o smtpd_timeout=1s
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

_SASL = """\
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {folder}/etc/sasldb
mech_list: PLAIN LOGIN CRAM-MD5
"""


def start(site: Site) -> SmtpServer:
    """Start Postfix: STARTTLS on ``port``, implicit TLS on ``tls_port``, little patience on ``impatient_port``."""
    require_root()
    postfix = installed("postfix", "postfix")
    ports = {"port": free_port(), "tls_port": free_port(), "impatient_port": free_port()}
    _configure(site, ports)

    process = ServerProcess.start("postfix", [postfix, "-c", site.folder / "etc", "start-fg"], site.folder)
    site.cleanup.callback(process.stop)
    process.wait_until_listening(HOST, *ports.values())
    return SmtpServer(
        name="postfix",
        port=ports["port"],
        tls_port=ports["tls_port"],
        impatient_port=ports["impatient_port"],
        ca_file=site.certificates.authority,
        features=_FEATURES,
        folder=site.folder,
        mailbox=Maildir(site.folder / "mail"),
        queue=[site.folder / "spool" / name for name in ("maildrop", "incoming", "active", "deferred")],
    )


def _configure(site: Site, ports: dict[str, int]) -> None:
    folder = site.folder
    for name in ("etc/sasl", "spool", "data", "mail"):
        (folder / name).mkdir(parents=True)
    hand_over(folder / "mail")
    hand_over(folder / "data", user="postfix")
    account = peer_account()
    values = {
        "folder": folder,
        "host": HOST,
        **ports,
        "uid": account.pw_uid,
        "gid": account.pw_gid,
        "chain": site.certificates.chain,
        "key": site.certificates.key,
    }
    (folder / "etc/main.cf").write_text(_MAIN.format_map(values))
    (folder / "etc/master.cf").write_text(_MASTER.format_map(values))
    (folder / "etc/recipients").write_text("/^rejects/ 550 5.1.1 no such user\n/^defer/ 450 4.2.1 try later\n")
    (folder / "etc/sasl/smtpd.conf").write_text(_SASL.format_map(values))
    _add_sasl_user(folder / "etc/sasldb")


def _add_sasl_user(database: Path) -> None:
    program = installed("saslpasswd2", "sasl2-bin")
    subprocess.run(
        [program, "-p", "-c", "-f", database, "-u", "postfix.test", USER], input=PASSWORD.encode(), check=True
    )
    hand_over(database, user="postfix")
