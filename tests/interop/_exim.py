"""Exim: STARTTLS and implicit TLS, AUTH after TLS, all mail delivered into one Maildir."""

from __future__ import annotations

from tests.interop._mailboxes import Maildir
from tests.interop._packages import PEER_USER, hand_over, peer_account, require_root, unpacked
from tests.interop._ports import free_port
from tests.interop._process import ServerProcess
from tests.interop._servers import HOST, PASSWORD, USER, Site, SmtpServer, features

_FEATURES = features(
    "STARTTLS AUTH SIZE 8BITMIME DSN PIPELINING CHUNKING SMTPUTF8 PRDR VRFY "
    "implicit-tls refuses-senders refuses-recipients refuses-content auth-plain auth-login auth-cram-md5"
)

# Angle brackets mark what start() fills in: the language itself is full of braces and of dollars.
_CONFIGURATION = """\
primary_hostname = exim.test
qualify_domain = example.com
local_interfaces = <host>
daemon_smtp_ports = <port> : <tls_port>
tls_on_connect_ports = <tls_port>
exim_path = <program>
spool_directory = <folder>/spool
log_file_path = <folder>/%s.log
pid_file_path = <folder>/pid
keep_environment =
never_users =
exim_user = root
exim_group = root
host_lookup =
rfc1413_query_timeout = 0s
dns_again_means_nonexist = *
smtp_accept_max = 100
# Ten mails on one connection, and Exim would keep the next ones for a queue runner, which there is not.
smtp_accept_queue_per_connection = 0
message_size_limit = 5M
accept_8bitmime = true
smtputf8_advertise_hosts = *
dsn_advertise_hosts = *
chunking_advertise_hosts = *
pipelining_advertise_hosts = *
prdr_enable = true
smtp_enforce_sync = true
tls_advertise_hosts = *
tls_certificate = <chain>
tls_privatekey = <key>
auth_advertise_hosts = ${if eq{$tls_in_cipher}{}{}{*}}
acl_smtp_mail = sender
acl_smtp_rcpt = recipient
acl_smtp_data = content
acl_smtp_vrfy = accept

begin acl
sender:
  deny senders = ^rejects.*
       message = no mail from you
  accept
recipient:
  deny local_parts = ^rejects.*
       message = no such user here
  defer local_parts = ^defer.*
       message = try later
  accept
content:
  deny condition = ${if match{$h_subject:}{REFUSE}}
       message = content refused
  accept

begin routers
all:
  driver = accept
  transport = maildir

begin transports
maildir:
  driver = appendfile
  directory = <folder>/mail
  maildir_format
  create_directory
  user = <user>
  group = <group>
  envelope_to_add
  return_path_add
  batch_max = 100

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if and{{eq{$auth2}{<login>}}{eq{$auth3}{<password>}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${if and{{eq{$auth1}{<login>}}{eq{$auth2}{<password>}}}}
  server_set_id = $auth1
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${if eq{$auth1}{<login>}{<password>}fail}
  server_set_id = $auth1
"""


def start(site: Site) -> SmtpServer:
    """Start Exim: STARTTLS on ``port``, implicit TLS on ``tls_port``; a Subject with REFUSE gets 550 after DATA."""
    require_root()
    program = unpacked("exim4-daemon-light", "usr/sbin/exim4")
    port, tls_port = free_port(), free_port()
    folder = site.folder
    for name in ("spool", "mail"):
        (folder / name).mkdir()
    hand_over(folder / "mail")
    values = {
        "host": HOST,
        "port": port,
        "tls_port": tls_port,
        "program": program,
        "folder": folder,
        "chain": site.certificates.chain,
        "key": site.certificates.key,
        "user": PEER_USER,
        "group": peer_account().pw_gid,
        "login": USER,
        "password": PASSWORD,
    }
    text = _CONFIGURATION
    for name, value in values.items():
        text = text.replace(f"<{name}>", str(value))
    configuration = folder / "exim.conf"
    configuration.write_text(text)
    # Exim reads no configuration that others could have written.
    configuration.chmod(0o644)

    process = ServerProcess.start("exim", [program, "-bdf", "-C", configuration], folder)
    site.cleanup.callback(process.stop)
    process.wait_until_listening(HOST, port, tls_port)
    return SmtpServer(
        name="exim",
        port=port,
        tls_port=tls_port,
        ca_file=site.certificates.authority,
        features=_FEATURES,
        folder=folder,
        mailbox=Maildir(folder / "mail"),
        queue=[folder / "spool" / "input"],
    )
