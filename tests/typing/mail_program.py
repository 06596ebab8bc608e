# pyright: strict
"""A program that is typed against aiosmtplib; `nox -s types` checks it as it is, and again with its import changed.

Nothing here runs: the type checkers have to find the same types in both.
"""

import email.message
import pathlib
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, assert_type

import aiosmtplib

Outcome = tuple[dict[str, aiosmtplib.SMTPResponse], str]


async def token() -> str:
    return "token"


async def send_with_everything(message: email.message.EmailMessage, old: email.message.Message) -> None:
    assert_type(await aiosmtplib.send(message), Outcome)
    assert_type(await aiosmtplib.send(old, sender="a@x", recipients="b@x"), Outcome)
    assert_type(await aiosmtplib.send(b"octets", sender="a@x", recipients=("b@x", "c@x")), Outcome)
    errors, text = await aiosmtplib.send(
        "text",
        sender="a@x",
        recipients=["b@x"],
        mail_options=["BODY=8BITMIME"],
        rcpt_options=("NOTIFY=NEVER",),
        hostname="mail.example",
        port=587,
        username=b"anna",
        password="secret",
        local_hostname="me.example",
        source_address=("192.0.2.1", 0),
        timeout=12.5,
        use_tls=False,
        start_tls=True,
        validate_certs=True,
        client_cert="cert.pem",
        client_key="key.pem",
        cert_bundle="ca.pem",
        tls_context=ssl.create_default_context(),
        socket_path=pathlib.Path("/run/smtp"),
        sock=socket.socket(),
    )
    assert_type(text, str)
    for recipient, response in errors.items():
        code, words = response
        assert_type((recipient, code, words, response.code, response.message), tuple[str, int, str, int, str])


async def use_a_client(message: email.message.EmailMessage) -> None:
    generator: aiosmtplib.SMTPTokenGenerator = token
    same: Callable[[], Awaitable[str]] = generator
    client = aiosmtplib.SMTP(hostname=None, port=None, timeout=None, username="anna", oauth_token_generator=same)
    assert_type(await client.connect(hostname="mail.example", port=25, timeout=3), aiosmtplib.SMTPResponse)
    async with client as entered:
        assert_type(entered, aiosmtplib.SMTP)
        assert_type(await client.sendmail("a@x", ["b@x"], b"octets", timeout=None), Outcome)
        assert_type(await client.send_message(message, sender=None, recipients=None), Outcome)
        assert_type(await client.execute_command(b"NOOP", b"x", timeout=1), aiosmtplib.SMTPResponse)
        assert_type(await client.help(), str)
        for response in (
            await client.ehlo(hostname="me.example"),
            await client.helo(),
            await client.noop(),
            await client.rset(),
            await client.vrfy("b@x", options=["SMTPUTF8"]),
            await client.expn("list@x"),
            await client.mail("a@x", options=[], encoding="utf-8"),
            await client.rcpt("b@x", options=[], encoding="ascii"),
            await client.data("text"),
            await client.starttls(server_hostname="mail.example", validate_certs=False, client_cert=None),
            await client.login("anna", b"secret"),
            await client.auth_plain(b"anna", "secret"),
            await client.auth_login("anna", "secret"),
            await client.auth_crammd5("anna", "secret"),
            await client.auth_xoauth2("anna", "token"),
            await client.quit(timeout=1.0),
        ):
            assert_type(response, aiosmtplib.SMTPResponse)
    client.close()
    assert_type(client.sendmail_sync("a@x", ["b@x"], "text"), Outcome)
    assert_type(client.send_message_sync(message), Outcome)


def read_a_client(client: aiosmtplib.SMTP) -> None:
    assert_type((client.hostname, client.local_hostname), tuple[str | None, str | None])
    assert_type((client.port, client.timeout), tuple[int | None, float | None])
    assert_type((client.use_tls, client.validate_certs), tuple[bool, bool])
    assert_type(client.source_address, tuple[str, int] | None)
    assert_type((client.tls_context, client.sock), tuple[ssl.SSLContext | None, socket.socket | None])
    assert_type((client.is_connected, client.is_ehlo_or_helo_needed, client.supports_esmtp), tuple[bool, bool, bool])
    assert_type(
        (client.last_ehlo_response, client.last_helo_response),
        tuple[aiosmtplib.SMTPResponse | None, aiosmtplib.SMTPResponse | None],
    )
    assert_type((client.esmtp_extensions, client.supports_extension("SIZE")), tuple[dict[str, str], bool])
    assert_type((client.server_auth_methods, client.supported_auth_methods), tuple[list[str], list[str]])
    assert_type(client.get_transport_info("peername"), Any)
    client.hostname, client.port, client.timeout, client.use_tls = "mail.example", 25, 3.0, True


def tell(error: Exception) -> str:
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        assert_type(error.recipients, list[aiosmtplib.SMTPRecipientRefused])
        return ", ".join(one.recipient for one in error.recipients)
    if isinstance(error, aiosmtplib.SMTPSenderRefused):
        return error.sender
    if isinstance(error, aiosmtplib.SMTPResponseException):
        assert_type((error.code, error.message), tuple[int, str])
    if isinstance(error, aiosmtplib.SMTPException):
        return error.message
    caught: tuple[type[OSError], ...] = (
        aiosmtplib.SMTPServerDisconnected,
        aiosmtplib.SMTPConnectError,
        aiosmtplib.SMTPTimeoutError,
        aiosmtplib.SMTPConnectTimeoutError,
        aiosmtplib.SMTPReadTimeoutError,
        aiosmtplib.SMTPConnectResponseError,
    )
    assert_type(aiosmtplib.SMTPStatus(250), aiosmtplib.SMTPStatus)
    return f"{caught} {aiosmtplib.SMTPDataError(554, 'no')} {aiosmtplib.SMTPStatus.completed.value}"
