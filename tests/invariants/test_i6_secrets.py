"""I6: secrets never reach logs, reprs or exceptions."""

from __future__ import annotations

import base64
import contextlib
import logging
import traceback
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from tests.invariants.support import MAIL_HELLO, file_client, mail_client
from tests.peers import CLOSE, Connection, ScriptedPeer, call, expect, send
from transfer import TLS, ftp
from transfer._errors import TransferError
from transfer._wire.command import Command
from transfer.smtp._auth import LOGIN, PLAIN

SECRET = "pa55-w0rd"
# As it is, and wherever base64 may begin it.
DISGUISES = (SECRET, *(base64.b64encode(b"x" * shift + SECRET.encode())[4:-4].decode() for shift in range(3)))
ENCODED = base64.b64encode(f"\0anna\0{SECRET}".encode())

# What a server says to one line after the other before it closes.
ENDINGS: dict[str, tuple[str, ...]] = {
    "welcome": ("235 in",),
    "asked for more, welcome": ("334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 in"),
    "asked for more, refused": ("331 password", "332 account", "530 no"),
    "refused": ("535 no",),
    "asked for nonsense": ("334 ?", "501 called off", "504 unknown"),
    "garbage": ("what?",),
    "garbage later": ("331 password", "what?"),
    "gone": (CLOSE,),
    "gone later": ("334 VXNlcm5hbWU6", CLOSE),
    "closing": ("421 bye",),
    "out of turn": ("235 in\r\n250 again",),
}
Way = Callable[[ScriptedPeer], Coroutine[Any, Any, object]]


def mail(*calls: Callable[[Any, str], Coroutine[Any, Any, object]], secret: str = SECRET, **options: Any) -> Way:
    async def use(peer: ScriptedPeer) -> object:
        client = mail_client(peer, **options)
        try:
            await client.connect()
            for one in calls:
                await one(client, secret)
        finally:
            client.close()
        return client

    return use


def files(*calls: Callable[[Any, str], Coroutine[Any, Any, object]], secret: str = SECRET, **options: Any) -> Way:
    async def use(peer: ScriptedPeer) -> object:
        client = await file_client(peer, **options)
        try:
            for one in calls:
                await one(client, secret)
        finally:
            client.close()
        return client

    return use


async def by_hand(client: Any, secret: str) -> None:
    """What is sent where nothing was asked is a command, whatever it may look like: so only where it was."""
    if (await client.execute_command(b"AUTH", b"PLAIN", ENCODED)).code == 334:
        await client.execute_command(ENCODED)


WAYS: dict[str, Way] = {
    "mail: connect": mail(username="anna", password=SECRET),
    "mail: login": mail(lambda client, secret: client.login("anna", secret)),
    "mail: PLAIN": mail(lambda client, secret: client.auth_plain("anna", secret)),
    "mail: LOGIN": mail(lambda client, secret: client.auth_login("anna", secret)),
    "mail: XOAUTH2": mail(lambda client, secret: client.auth_xoauth2("anna", secret)),
    "mail: any line": mail(by_hand),
    "mail: line breaks": mail(lambda client, secret: client.auth_plain("anna", secret), secret=SECRET + "\0\r\n"),
    "mail: no mechanism's letters": mail(lambda client, secret: client.login("anna", secret), secret=SECRET + "\ud800"),
    "files: login": files(lambda client, secret: client.login("anna", secret, secret)),
    "files: any line": files(lambda client, secret: client.command(f"pass {secret}", "230")),
    "files: censored": files(lambda client, secret: client.command(f"SITE PSWD {secret}", "200", censor_after=10)),
    "files: line breaks": files(lambda client, secret: client.login("anna", secret), secret=SECRET + "\r\n"),
    "files: no letters of the encoding": files(
        lambda client, secret: client.login("anna", secret), secret=SECRET + "€", encoding="latin-1"
    ),
}


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("way", WAYS)
async def test_a_secret_reaches_no_log_no_repr_and_no_exception(way: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []
    for answers in ENDINGS.values():

        def answer(connection: Connection, answers: tuple[str, ...] = answers) -> None:
            for text in answers:
                connection.wire.read_line()
                if text == CLOSE:
                    connection.wire.close()
                connection.wire.send(text.encode() + b"\r\n")

        with ScriptedPeer(client_may_leave=True) as peer:
            hello = [expect(b"EHLO me.example\r\n"), send(b"250-me\r\n250 AUTH PLAIN LOGIN XOAUTH2\r\n")]
            peer.script(send(MAIL_HELLO), *(hello if way.startswith("mail") else []), call(answer))
            with contextlib.suppress(TransferError, ValueError):
                try:
                    shown.append(repr(await WAYS[way](peer)))
                except BaseException as exc:
                    shown += traceback.format_exception(exc)
                    shown += [f"{error!r} {error} {vars(error)}" for error in chain(exc)]
                    raise
    shown += caplog.messages
    assert caplog.messages
    for text in shown:
        assert not [disguise for disguise in DISGUISES if disguise in text], text


def test_no_object_that_holds_a_secret_shows_it() -> None:
    holders = [
        Command("PASS", SECRET, secret=True),
        TLS(certificate="/a.pem", key_password=SECRET),
        ftp.Client.context("localhost", user="anna", password=SECRET, account=SECRET),
        PLAIN("anna", SECRET),
        LOGIN("anna", SECRET),
    ]
    for holder in holders:
        for text in (repr(holder), str(holder)):
            assert not [disguise for disguise in DISGUISES if disguise in text], text
