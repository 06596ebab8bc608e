"""``send()``: one mail over a connection of its own."""

from __future__ import annotations

import inspect
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.peers import HANG, MiniSMTP, ScriptedPeer, hang
from tests.smtp.support import LONG, NAME, PARTING, RECIPIENT, SENDER, SOME, TEXT, letter, opening, raises, said
from transfer import smtp
from transfer.smtp import send
from transfer.smtp._options import UNSET

USERS = {"anna": "secret"}


def to(peer: MiniSMTP | ScriptedPeer, **given: Any) -> dict[str, Any]:
    return {"hostname": peer.host, "port": peer.port, "local_hostname": NAME} | given


def verbs(server: MiniSMTP) -> list[str]:
    return [line.split()[0] for line in server.commands]


# -- what is sent ------------------------------------------------------------------------------------------------------


async def test_a_message_object_is_sent_and_the_connection_ended(smtp_server: MiniSMTP) -> None:
    smtp_server.replies["."] = "250 2.0.0 queued as 1"

    assert await send(letter(Bcc="c@x.org"), **to(smtp_server)) == ({}, "2.0.0 queued as 1")
    assert smtp_server.messages[0].recipients == (f"<{RECIPIENT}>", "<c@x.org>")
    assert verbs(smtp_server) == ["EHLO", "MAIL", "RCPT", "RCPT", "DATA", "QUIT"]


@pytest.mark.parametrize("message", [TEXT, TEXT.decode()], ids=["octets", "text"])
async def test_octets_and_texts_are_sent_as_they_are(smtp_server: MiniSMTP, message: str | bytes) -> None:
    refused, _ = await send(message, sender="", recipients=[RECIPIENT, "c@x.org"], **to(smtp_server))

    assert refused == {}
    assert smtp_server.messages[0].content == TEXT
    assert smtp_server.messages[0].sender.split()[0] == "<>"


async def test_parameters_go_where_they_belong(smtp_server: MiniSMTP) -> None:
    await send(letter(), mail_options=["RET=FULL"], rcpt_options=["NOTIFY=DELAY"], **to(smtp_server))

    assert smtp_server.messages[0].sender.endswith(" RET=FULL")
    assert smtp_server.messages[0].recipients == (f"<{RECIPIENT}> NOTIFY=DELAY",)


async def test_those_who_are_refused_are_told(smtp_server: MiniSMTP) -> None:
    smtp_server.replies["RCPT"] = ["550 no"]
    refused, _ = await send(letter(Cc="c@x.org"), **to(smtp_server))

    assert refused == {RECIPIENT: smtp.SMTPResponse(550, "no")}


@pytest.mark.parametrize(
    "given", [{}, {"sender": SENDER}, {"recipients": RECIPIENT}], ids=["neither", "sender", "recipient"]
)
@pytest.mark.parametrize("message", [TEXT, "text"], ids=["octets", "text"])
async def test_octets_need_sender_and_recipients(message: str | bytes, given: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="needs sender and recipients"):
        await send(message, **given)  # type: ignore[arg-type]  # of several keywords


# -- how it gets there -------------------------------------------------------------------------------------------------


async def test_over_starttls_with_a_login(server_tls_context: ssl.SSLContext, ca_file: Path) -> None:
    with MiniSMTP(tls=server_tls_context, users=USERS) as server:
        await send(
            letter(), **to(server), start_tls=True, cert_bundle=ca_file, username="anna", password="secret", timeout=10
        )
        assert server.messages[0].encrypted
        assert server.logins == ["anna"]
        assert verbs(server)[:4] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]


async def test_over_implicit_tls(server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext) -> None:
    with MiniSMTP(host="127.0.0.1", tls=server_tls_context, implicit_tls=True, users=USERS) as server:
        await send(
            letter(),
            **to(server, hostname="localhost"),
            use_tls=True,
            tls_context=client_tls_context,
            username=b"anna",
            password=b"secret",
        )
        assert server.messages[0].encrypted


async def test_over_a_unix_socket(socket_path: Path) -> None:
    with MiniSMTP(path=str(socket_path), users=USERS) as server:
        await send(letter(), socket_path=socket_path, local_hostname=NAME, username="anna", password="secret")
        await send(letter(), socket_path=str(socket_path).encode(), local_hostname=NAME)
        assert len(server.messages) == 2


async def test_over_a_socket_handed_in(smtp_server: MiniSMTP) -> None:
    sock = socket.create_connection((smtp_server.host, smtp_server.port))
    await send(letter(), sock=sock, local_hostname=NAME)

    assert sock.fileno() < 0
    assert len(smtp_server.messages) == 1


# -- what can go wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "reply", "error"),
    [
        ("GREETING", "554 no", smtp.SMTPConnectResponseError),
        ("EHLO", "450 later", smtp.SMTPHeloError),
        ("MAIL", "550 no", smtp.SMTPSenderRefused),
        ("RCPT", "550 no", smtp.SMTPRecipientsRefused),
        ("DATA", "554 no", smtp.SMTPDataError),
        (".", "554 no", smtp.SMTPDataError),
        ("MAIL", "nonsense", smtp.SMTPProtocolError),
        ("GREETING", HANG, smtp.SMTPConnectTimeoutError),
        ("MAIL", HANG, smtp.SMTPReadTimeoutError),
        (".", HANG, smtp.SMTPDeliveryUncertainTimeout),
    ],
)
async def test_what_the_server_does_comes_out_as_its_class(
    smtp_server: MiniSMTP, verb: str, reply: str, error: type[smtp.SMTPException]
) -> None:
    smtp_server.replies[verb] = [reply]
    with raises(error):
        await send(letter(), **to(smtp_server, timeout=SOME if reply == HANG else LONG))

    assert smtp_server.messages == []


async def test_a_refused_mail_ends_with_a_goodbye(smtp_server: MiniSMTP) -> None:
    smtp_server.replies["RCPT"] = "550 no"
    with raises(smtp.SMTPRecipientsRefused):
        await send(letter(), **to(smtp_server))
    await smtp_server.served()

    assert verbs(smtp_server)[-2:] == ["RSET", "QUIT"]


async def test_a_goodbye_that_is_not_answered_takes_nothing_back() -> None:
    with ScriptedPeer() as peer:
        line = b"MAIL FROM:<anna@example.org>"
        peer.script(
            *opening(),
            *said((line, b"250 ok"), (b"RCPT TO:<ben@example.net>", b"250 ok"), (b"DATA", b"354 go on")),
            *said((b"x\r\n.", b"250 queued")),
            PARTING[0],
            hang(),
        )
        assert await send("x", sender=SENDER, recipients=RECIPIENT, **to(peer, timeout=SOME)) == ({}, "queued")


async def test_no_password_is_sent_in_clear_to_a_socket_of_unknown_origin() -> None:
    with MiniSMTP(users=USERS) as server:
        for allowed in (False, True):
            options: dict[str, Any] = {"sock": server.socketpair(), "local_hostname": NAME}
            if allowed:
                await send(letter(), **options, username="anna", password="secret", allow_cleartext_auth=True)
            else:
                with raises(smtp.SMTPNotSupported):
                    await send(letter(), **options, username="anna", password="secret")
        assert server.logins == ["anna"]


async def test_arguments_that_contradict_each_other_are_refused_unsent(smtp_server: MiniSMTP) -> None:
    with pytest.raises(ValueError, match="exclude"):
        await send(letter(), **to(smtp_server), use_tls=True, start_tls=True)

    assert smtp_server.accepted == 0


def test_the_arguments_are_those_of_the_client() -> None:
    of_send = dict(inspect.signature(send).parameters)
    for name, parameter in list(inspect.signature(smtp.SMTP.__init__).parameters.items())[1:]:
        mine = of_send[name]
        assert (mine.kind, mine.annotation) == (parameter.kind, parameter.annotation), name
        assert mine.default == ("localhost" if name == "hostname" else parameter.default), name
    assert of_send["timeout"].default is UNSET
