from __future__ import annotations

import smtplib
import socket
import ssl

import pytest

from tests.peers import CLOSE, HANG, MiniSMTP


def client(server: MiniSMTP) -> smtplib.SMTP:
    return smtplib.SMTP(server.host, server.port, timeout=5)


def test_a_message_arrives_unstuffed() -> None:
    with MiniSMTP() as server, client(server) as session:
        refused = session.sendmail(
            "a@example.org", ["b@example.org", "c@example.org"], "Subject: x\r\n\r\n.dot\r\n..\r\n"
        )
    assert refused == {}
    (message,) = server.messages
    assert message.sender.startswith("<a@example.org>")
    assert message.recipients == ("<b@example.org>", "<c@example.org>")
    assert message.content == b"Subject: x\r\n\r\n.dot\r\n..\r\n"
    assert [command.split()[0] for command in server.commands] == ["ehlo", "mail", "rcpt", "rcpt", "data", "QUIT"]


def test_starttls_and_both_ways_to_log_in(
    server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    with MiniSMTP(tls=server_tls_context, users={"anna": "secret"}) as server:
        for method in ("auth_plain", "auth_login"):
            with client(server) as session:
                session.ehlo()
                assert not session.has_extn("auth")
                session._host = "localhost"  # type: ignore[attr-defined]  # what the certificate is for
                session.starttls(context=client_tls_context)
                session.ehlo()
                assert not session.has_extn("starttls")
                session.user, session.password = "anna", "secret"
                session.auth(method.removeprefix("auth_").upper(), getattr(session, method))
                session.sendmail("a@example.org", "b@example.org", "hi")
    assert server.logins == ["anna", "anna"]
    assert [message.encrypted for message in server.messages] == [True, True]


def test_a_wrong_password_is_refused() -> None:
    with (
        MiniSMTP(users={"anna": "secret"}) as server,
        client(server) as session,
        pytest.raises(smtplib.SMTPAuthenticationError),
    ):
        session.login("anna", "wrong")
    assert server.logins == []


def test_implicit_tls(server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext) -> None:
    with (
        MiniSMTP(tls=server_tls_context, implicit_tls=True) as server,
        smtplib.SMTP_SSL(server.host, server.port, context=client_tls_context, timeout=5) as session,
    ):
        session.sendmail("a@example.org", "b@example.org", "hi")
    assert server.messages[0].encrypted


def test_a_pipelined_group_is_answered_in_order() -> None:
    with MiniSMTP() as server, socket.create_connection((server.host, server.port), timeout=5) as raw:
        server.replies["RCPT"] = ["550 5.1.1 no such user"]
        lines = raw.makefile("rb")
        lines.readline()
        raw.sendall(b"MAIL FROM:<a@b>\r\nRCPT TO:<x@b>\r\nRCPT TO:<y@b>\r\nDATA\r\n")
        assert [lines.readline()[:3] for _ in range(4)] == [b"250", b"550", b"250", b"354"]
        raw.sendall(b".\r\nBDAT 3\r\nabcQUIT\r\n")
        assert [lines.readline()[:3] for _ in range(3)] == [b"250", b"250", b"221"]
        assert lines.read() == b""
        lines.close()
    assert server.messages[0].recipients == ("<y@b>",)
    assert server.messages[0].content == b""


def test_chunks_make_a_message() -> None:
    with MiniSMTP() as server, client(server) as session:
        session.ehlo()
        session.mail("a@b")
        session.rcpt("c@d")
        for line, data in (("BDAT 4", b"one\n"), ("BDAT 2 LAST", b".\n")):
            assert session.sock is not None
            session.sock.sendall(line.encode() + b"\r\n" + data)
            assert session.getreply()[0] == 250
    assert server.messages[0].content == b"one\n.\n"


def test_answers_can_be_replaced() -> None:
    with MiniSMTP() as server:
        server.replies["NOOP"] = "250 one\ntwo"
        server.replies["VRFY"] = lambda argument: f"252 {argument}" if argument == "x" else None
        server.replies["AUTH"] = "454 later"
        server.replies["RSET"] = CLOSE
        server.replies["HELP"] = HANG
        with client(server) as session:
            assert session.noop() == (250, b"one\ntwo")
            assert session.verify("x")[1] == b"x"
            assert session.verify("y")[1] == b"2.1.5 try it"
            assert session.docmd("AUTH", "PLAIN AA==") == (454, b"later")
            assert session.docmd("WHAT")[0] == 500
            with pytest.raises(smtplib.SMTPServerDisconnected):
                session.rset()
        with client(server) as session:
            session.putcmd("HELP")
            server.stop()
            assert session.sock is not None
            assert session.sock.recv(1) == b""
            session.close()
