"""CR, LF and NUL in anything that a caller passes: an error of the caller's, before one octet is written (I3)."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email.message import Message
from typing import Any

import pytest

from tests.peers import ScriptedPeer
from tests.smtp.support import HELLO, PARTING, RECIPIENT, SENDER, TEXT, client_of, letter
from transfer import LocalProtocolError, smtp

Call = Callable[[smtp.SMTP, str], Awaitable[object]]
BREAKS = pytest.mark.parametrize("bad", ["\r\n", "\r", "\n", "\0"], ids=["CRLF", "CR", "LF", "NUL"])
LOCAL = (LocalProtocolError, ValueError)


def older_letter(name: str, value: str) -> Message:
    """A message of the kind that takes any header."""
    message: Message = Message()
    message["From"], message["To"] = SENDER, RECIPIENT
    message[name] = value
    message.set_payload("text")
    return message


async def give_token() -> str:
    raise NotImplementedError


CALLS: dict[str, Call] = {
    "ehlo": lambda client, bad: client.ehlo(hostname=f"a{bad}b"),
    "helo": lambda client, bad: client.helo(hostname=f"a{bad}b"),
    "vrfy": lambda client, bad: client.vrfy(f"a{bad}b"),
    "vrfy options": lambda client, bad: client.vrfy("a", options=[f"X{bad}"]),
    "expn": lambda client, bad: client.expn(f"a{bad}b@x"),
    "expn options": lambda client, bad: client.expn("a", options=[f"X=1{bad}"]),
    "mail": lambda client, bad: client.mail(f"a@x{bad}RSET"),
    "mail quoted": lambda client, bad: client.mail(f'"a{bad}b"@x'),
    "mail options": lambda client, bad: client.mail("a@x", options=[f"SIZE=1{bad}RSET"]),
    "mail utf-8": lambda client, bad: client.mail(f"é{bad}@x", encoding="utf-8"),
    "rcpt": lambda client, bad: client.rcpt(f"a@x{bad}RSET"),
    "rcpt angled": lambda client, bad: client.rcpt(f"<a@x>{bad}"),
    "rcpt options": lambda client, bad: client.rcpt("a@x", options=[f"NOTIFY{bad}=NEVER"]),
    "execute_command verb": lambda client, bad: client.execute_command(b"NO" + bad.encode() + b"OP"),
    "execute_command argument": lambda client, bad: client.execute_command(b"VRFY", b"a" + bad.encode()),
    "execute_command secret": lambda client, bad: client.execute_command(b"AUTH", b"PLAIN", b"AA==" + bad.encode()),
    "starttls": lambda client, bad: client.starttls(server_hostname=f"a{bad}b"),
    "login name": lambda client, bad: client.login(f"a{bad}b", "secret"),
    "login password": lambda client, bad: client.login("anna", f"secret{bad}"),
    "auth_plain name": lambda client, bad: client.auth_plain(f"a{bad}b", "secret"),
    "auth_plain password": lambda client, bad: client.auth_plain("anna", f"secret{bad}".encode()),
    "auth_login name": lambda client, bad: client.auth_login(f"a{bad}b".encode(), "secret"),
    "auth_login password": lambda client, bad: client.auth_login("anna", f"secret{bad}"),
    "auth_crammd5 name": lambda client, bad: client.auth_crammd5(f"a{bad}b", "secret"),
    "auth_crammd5 password": lambda client, bad: client.auth_crammd5("anna", f"secret{bad}"),
    "auth_xoauth2 name": lambda client, bad: client.auth_xoauth2(f"a{bad}b", "secret"),
    "auth_xoauth2 token": lambda client, bad: client.auth_xoauth2("anna", f"secret{bad}"),
    "sendmail sender": lambda client, bad: client.sendmail(f"a@x{bad}", RECIPIENT, TEXT),
    "sendmail recipient": lambda client, bad: client.sendmail(SENDER, [RECIPIENT, f"a@x{bad}DATA"], TEXT),
    "sendmail mail_options": lambda client, bad: client.sendmail(SENDER, RECIPIENT, TEXT, mail_options=[f"X=1{bad}Y"]),
    "sendmail rcpt_options": lambda client, bad: client.sendmail(SENDER, RECIPIENT, TEXT, rcpt_options=[f"X=1{bad}Y"]),
    "send_message sender": lambda client, bad: client.send_message(letter(), sender=f"a{bad}@x"),
    "send_message recipients": lambda client, bad: client.send_message(letter(), recipients=[f"a{bad}@x"]),
    "send_message mail_options": lambda client, bad: client.send_message(letter(), mail_options=[f"X{bad}"]),
    "send_message rcpt_options": lambda client, bad: client.send_message(letter(), rcpt_options=[f"X{bad}"]),
    "header": lambda client, bad: client.send_message(older_letter("Subject", f"a{bad}Bcc: e@x")),
    "header name": lambda client, bad: client.send_message(older_letter(f"X{bad}Y", "a")),
    "header address": lambda client, bad: client.send_message(older_letter("Cc", f'"a{bad}b"@x')),
}


@asynccontextmanager
async def greeted() -> AsyncIterator[tuple[smtp.SMTP, ScriptedPeer]]:
    """A client that has connected and said nothing yet, and still can at the end."""
    with ScriptedPeer() as peer:
        peer.script(HELLO, *PARTING)
        client = client_of(peer, start_tls=False)
        await client.connect()
        yield client, peer
        assert peer.received == b""
        await client.quit()


@BREAKS
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_calls_write_nothing(call: Call, bad: str) -> None:
    async with greeted() as (client, _):
        with pytest.raises(LOCAL) as caught:
            await call(client, bad)

    assert "secret" not in str(caught.value)


@BREAKS
async def test_every_header_of_a_message_made_by_the_newer_kind_is_safe(bad: str) -> None:
    """The standard library refuses some at once; what it lets in does not get out."""
    for name in ("Subject", "To", "X-Other", "Message-ID", "Reply-To"):
        async with greeted() as (client, peer):
            try:
                message = letter(**{name: f"a@x{bad}RSET"})
            except ValueError:
                continue
            with pytest.raises(LOCAL):
                await client.send_message(message)
            assert peer.received == b""


# -- connecting --------------------------------------------------------------------------------------------------------

OPTIONS: dict[str, Callable[[str], dict[str, Any]]] = {
    "hostname": lambda bad: {"hostname": f"local{bad}host"},
    "local_hostname": lambda bad: {"local_hostname": f"a{bad}b"},
    "source_address": lambda bad: {"source_address": (f"127.0.0.1{bad}", 0)},
    "username": lambda bad: {"username": f"an{bad}na", "password": "secret"},
    "password": lambda bad: {"username": "anna", "password": f"secret{bad}"},
    "username in octets": lambda bad: {"username": f"an{bad}na".encode(), "password": b"secret"},
    "token's user": lambda bad: {"username": f"an{bad}na", "oauth_token_generator": give_token},
}


async def through_the_constructor(usual: dict[str, Any], given: dict[str, Any]) -> None:
    await smtp.SMTP(**(usual | given)).connect()


async def through_connect(usual: dict[str, Any], given: dict[str, Any]) -> None:
    await smtp.SMTP(**usual).connect(**given)


async def through_send(usual: dict[str, Any], given: dict[str, Any]) -> None:
    await smtp.send(letter(), **(usual | given))


@BREAKS
@pytest.mark.parametrize("make", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("through", [through_the_constructor, through_connect, through_send])
async def test_options_dial_nothing(
    make: Callable[[str], dict[str, Any]],
    bad: str,
    through: Callable[[dict[str, Any], dict[str, Any]], Awaitable[None]],
) -> None:
    with ScriptedPeer() as peer:
        with pytest.raises(LOCAL) as caught:
            await through({"hostname": peer.host, "port": peer.port}, make(bad))
        assert peer.accepted == 0

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["socket_path", "client_cert", "client_key", "cert_bundle"])
async def test_a_file_s_name_holds_no_nul(name: str) -> None:
    """CR and LF are allowed in names of files."""
    with ScriptedPeer() as peer:
        given: dict[str, Any] = {name: "a\0b"}
        if name != "socket_path":
            given |= {"hostname": peer.host, "port": peer.port}
        with pytest.raises(ValueError, match=r"NUL|null|certificate"):
            await through_the_constructor({}, given)
        assert peer.accepted == 0


async def test_a_refused_option_leaves_a_socket_to_the_caller() -> None:
    with ScriptedPeer() as peer:
        peer.script(HELLO, *PARTING)
        sock = socket.create_connection((peer.host, peer.port))
        client = smtp.SMTP(sock=sock, start_tls=False, username="anna", password="sec\nret")
        with pytest.raises(LOCAL):
            await client.connect()
        await client.connect(username=None)
        await client.quit()


# -- sending -----------------------------------------------------------------------------------------------------------


@BREAKS
@pytest.mark.parametrize("name", ["sender", "recipients", "mail_options", "rcpt_options"])
@pytest.mark.parametrize("message", [TEXT, letter()], ids=["octets", "object"])
async def test_send_writes_nothing_of_the_mail(bad: str, name: str, message: Any) -> None:
    value: Any = f"a{bad}b" if name in {"sender", "recipients"} else [f"X=1{bad}Y"]
    given: dict[str, Any] = {"sender": SENDER, "recipients": RECIPIENT} | {name: value}
    with ScriptedPeer() as peer:
        peer.script(HELLO, *PARTING)
        with pytest.raises(LOCAL):
            await smtp.send(message, hostname=peer.host, port=peer.port, start_tls=False, **given)
        await peer.served()

    assert peer.received == b"QUIT\r\n"
