"""Every server does what its object claims, shown with the standard library's clients."""

from __future__ import annotations

import ftplib
import io
import smtplib
from contextlib import suppress

import pytest

from tests.interop import _ftplib_clients
from tests.interop._registry import FTP_STARTERS, Registry
from tests.interop._servers import FtpServer, SmtpServer
from tests.interop._smtp_sink import SmtpSinkFactory

SECONDS = 15.0
MESSAGE = b"From: <a@example.com>\r\nTo: <b@example.com>\r\nSubject: smoke\r\n\r\n.one\r\n..two\r\nlast\r\n"
WITH_TLS = ["postfix", "exim", "aiosmtpd"]
CONTENT = bytes(range(256)) * 4096


def connect(server: SmtpServer) -> smtplib.SMTP:
    client = smtplib.SMTP(server.host, server.port, timeout=SECONDS)
    client.ehlo("client.test")
    return client


def connect_by_starttls(server: SmtpServer) -> smtplib.SMTP:
    client = connect(server)
    client.starttls(context=server.client_context())
    client.ehlo("client.test")
    return client


def announced(features: frozenset[str]) -> set[str]:
    return {feature for feature in features if feature.isupper()}


def offered(client: smtplib.SMTP) -> set[str]:
    return {name.upper() for name in client.esmtp_features}


def test_mail_server_announces_its_features(smtp_server: SmtpServer) -> None:
    with connect(smtp_server) as client:
        seen = offered(client)
        assert "AUTH" not in seen
        assert ("STARTTLS" in seen) == ("STARTTLS" in smtp_server.features)
        if "STARTTLS" in seen:
            client.starttls(context=smtp_server.client_context())
            client.ehlo("client.test")
            assert "STARTTLS" not in offered(client)
            seen |= offered(client)

    assert announced(smtp_server.features) <= seen


@pytest.mark.parametrize("smtp_server", ["postfix", "exim"], indirect=True)
def test_mail_server_takes_groups_of_commands_and_chunks(smtp_server: SmtpServer) -> None:
    first, last = b"Subject: chunks\r\n\r\none\r\n", b"two\r\n"
    with connect_by_starttls(smtp_server) as client:
        assert {"PIPELINING", "CHUNKING"} <= offered(client)
        client.send("MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nRCPT TO:<rejects@example.com>\r\n")
        assert [client.getreply()[0] for _ in range(3)] == [250, 250, 550]
        client.send(b"BDAT %d\r\n%bBDAT %d LAST\r\n%b" % (len(first), first, len(last), last))
        assert [client.getreply()[0] for _ in range(2)] == [250, 250]

    assert smtp_server.messages()[0].body == b"one\r\ntwo\r\n"


def test_mail_server_keeps_a_message(smtp_server: SmtpServer) -> None:
    with connect(smtp_server) as client:
        if "STARTTLS" in smtp_server.features:
            client.starttls(context=smtp_server.client_context())
        client.sendmail("a@example.com", ["b@example.com"], MESSAGE)

    (message,) = smtp_server.messages()
    assert message.sender == "a@example.com"
    assert message.recipients == ("b@example.com",)
    assert message.parsed()["Subject"] == "smoke"
    assert message.body == b".one\r\n..two\r\nlast\r\n"


@pytest.mark.parametrize("smtp_server", WITH_TLS, indirect=True)
def test_mail_server_keeps_a_message_that_came_by_implicit_tls(smtp_server: SmtpServer) -> None:
    assert smtp_server.tls_port is not None
    context = smtp_server.client_context()
    with smtplib.SMTP_SSL(smtp_server.host, smtp_server.tls_port, timeout=SECONDS, context=context) as client:
        client.login(smtp_server.user, smtp_server.password)
        client.sendmail("a@example.com", ["b@example.com"], MESSAGE)

    assert len(smtp_server.messages()) == 1


def test_mail_server_is_cleared_for_the_next_test(servers: Registry, smtp_server: SmtpServer) -> None:
    with connect(smtp_server) as client:
        client.sendmail("a@example.com", ["b@example.com"], MESSAGE)
    assert len(smtp_server.messages()) == 1

    assert servers.smtp(smtp_server.name) is smtp_server
    assert smtp_server.messages(0) == []


def test_mail_server_refuses_the_recipients_it_says(smtp_server: SmtpServer) -> None:
    with connect(smtp_server) as client:
        client.mail("a@example.com")
        refused, _ = client.rcpt("rejects@example.com")
        deferred, _ = client.rcpt("defer@example.com")

    if "refuses-recipients" in smtp_server.features:
        assert refused == 550
        assert deferred in {450, 451}
    else:
        assert (refused, deferred) == (250, 250)


@pytest.mark.parametrize("mechanism", ["plain", "login", "cram-md5"])
@pytest.mark.parametrize("smtp_server", WITH_TLS, indirect=True)
def test_mail_server_knows_its_user_and_nobody_else(smtp_server: SmtpServer, mechanism: str) -> None:
    with connect_by_starttls(smtp_server) as client:
        authenticate = getattr(client, f"auth_{mechanism.replace('-', '_')}")
        client.user, client.password = smtp_server.user, smtp_server.password + "x"
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.auth(mechanism.upper(), authenticate)
        if f"auth-{mechanism}" in smtp_server.features:
            client.password = smtp_server.password
            assert client.auth(mechanism.upper(), authenticate)[0] == 235


def test_exim_refuses_content_after_data(exim: SmtpServer) -> None:
    with connect(exim) as client, pytest.raises(smtplib.SMTPDataError) as caught:
        client.sendmail("a@example.com", ["b@example.com"], MESSAGE.replace(b"smoke", b"REFUSE"))

    assert caught.value.smtp_code == 550


def test_sink_keeps_messages(smtp_sink: SmtpSinkFactory) -> None:
    server = smtp_sink()
    with connect(server) as client:
        assert announced(server.features) <= offered(client)
        client.sendmail("a@example.com", ["b@example.com", "c@example.com"], MESSAGE)

    (message,) = server.messages()
    assert message.sender == "a@example.com"
    assert message.recipients == ("b@example.com", "c@example.com")
    assert message.body == b".one\r\n..two\r\nlast\r\n"


def test_sink_misbehaves_as_told(smtp_sink: SmtpSinkFactory) -> None:
    refusing, closing = smtp_sink("-f", "rcpt"), smtp_sink("-q", "data", keep_messages=False)
    with connect(refusing) as client, pytest.raises(smtplib.SMTPRecipientsRefused):
        client.sendmail("a@example.com", ["b@example.com"], MESSAGE)
    with connect(closing) as client, pytest.raises(smtplib.SMTPServerDisconnected):
        client.sendmail("a@example.com", ["b@example.com"], MESSAGE)
    with pytest.raises(LookupError):
        closing.messages()


def test_file_server_announces_its_features(ftp_server: FtpServer) -> None:
    with _ftplib_clients.log_in(ftp_server) as client:
        if "no-feat" in ftp_server.features:
            with pytest.raises(ftplib.error_perm, match=r"^502"):
                client.sendcmd("FEAT")
            return
        _, *lines, _ = client.sendcmd("FEAT").splitlines()

    assert announced(ftp_server.features) <= {line.split()[0].upper() for line in lines}


def test_file_server_moves_files_both_ways(ftp_server: FtpServer) -> None:
    received = io.BytesIO()
    with _ftplib_clients.log_in(ftp_server) as client:
        client.mkd("folder")
        client.storbinary("STOR folder/file", io.BytesIO(CONTENT))
        client.retrbinary("RETR folder/file", received.write)
        names = client.nlst("folder") if "no-nlst" not in ftp_server.features else ["file"]

    assert received.getvalue() == CONTENT
    assert (ftp_server.root / "folder" / "file").read_bytes() == CONTENT
    assert [name.rpartition("/")[2] for name in names if not name.endswith(".")] == ["file"]


def test_file_server_is_cleared_for_the_next_test(servers: Registry, ftp_server: FtpServer) -> None:
    (ftp_server.root / "folder").mkdir()
    (ftp_server.root / "folder" / "file").touch()
    (ftp_server.root / "link").symlink_to("folder")

    assert servers.ftp(ftp_server.name, ftp_server.mode) is ftp_server
    assert list(ftp_server.root.iterdir()) == []


# In one mode of each: some servers let a guesser of passwords wait.
@pytest.mark.parametrize("ftp_server", [key for key in FTP_STARTERS if "explicit" in key], indirect=True)
def test_file_server_knows_its_user_and_nobody_else(ftp_server: FtpServer) -> None:
    with _ftplib_clients.connect(ftp_server) as client, pytest.raises(ftplib.error_perm, match=r"^530"):
        client.login(ftp_server.user, ftp_server.password + "x")


@pytest.mark.parametrize(
    ("ftp_server", "code"),
    [
        (("vsftpd", "explicit"), "522"),
        (("vsftpd", "implicit"), "522"),
        (("proftpd", "explicit"), "425"),
        (("proftpd", "implicit"), "425"),
    ],
    indirect=["ftp_server"],
)
def test_file_server_refuses_data_connections_of_another_tls_session(ftp_server: FtpServer, code: str) -> None:
    assert "session-reuse-required" in ftp_server.features
    (ftp_server.root / "file").write_bytes(CONTENT)
    received = b""
    with _ftplib_clients.log_in(ftp_server, resume=False) as client:
        # The client may or may not notice the end of the data connection before it reads the reply.
        with suppress(OSError), client.transfercmd("RETR file") as data:
            received = data.recv(1)
        with pytest.raises(ftplib.Error, match=f"^{code}"):
            client.voidresp()

    assert received == b""


def test_mode_is_chosen_by_parameter(vsftpd: FtpServer) -> None:
    assert vsftpd.mode == "explicit"


@pytest.mark.parametrize("vsftpd", ["implicit"], indirect=True)
def test_mode_of_a_parameter_replaces_the_default(vsftpd: FtpServer) -> None:
    assert vsftpd.mode == "implicit"
    assert vsftpd.tls_port == vsftpd.port
