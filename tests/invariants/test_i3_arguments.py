"""I3: CR, LF and NUL (and ``<``, ``>``, space where the grammar forbids them) never leave in an argument."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.engine.support import drain, server_and_socket
from tests.invariants.support import EHLO, MAIL_HELLO, file_client, mail_client
from tests.peers import ScriptedPeer, expect, expect_eof, send
from transfer import ftp, smtp
from transfer._errors import LocalProtocolError

LINE_BREAKERS = ["a@b\r\nRSET", "a@b\nRSET", "a@b\rRSET", "a@b\0", "\n"]
DELIMITERS = ["a<b@c", "a>b@c", "a b@c", "a@b> SIZE=1", "<a@b>,<c@d>"]

Call = Callable[[Any, str], Coroutine[Any, Any, object]]
# What is no address has no delimiters: a hostname is one word, a path or a raw line may hold any.
MAIL_CALLS: dict[str, tuple[Call, list[str]]] = {
    "mail": (lambda client, bad: client.mail(bad), LINE_BREAKERS + DELIMITERS),
    "rcpt": (lambda client, bad: client.rcpt(bad), LINE_BREAKERS + DELIMITERS),
    "vrfy": (lambda client, bad: client.vrfy(bad), LINE_BREAKERS + DELIMITERS),
    "expn": (lambda client, bad: client.expn(bad), LINE_BREAKERS + DELIMITERS),
    "sender": (lambda client, bad: client.sendmail(bad, "c@d", "text"), LINE_BREAKERS + DELIMITERS),
    "recipient": (lambda client, bad: client.sendmail("a@b", ["c@d", bad], "text"), LINE_BREAKERS + DELIMITERS),
    "mail option": (lambda client, bad: client.mail("a@b", options=[bad]), LINE_BREAKERS + DELIMITERS),
    "rcpt option": (lambda client, bad: client.rcpt("a@b", options=[bad]), LINE_BREAKERS + DELIMITERS),
    "ehlo": (lambda client, bad: client.ehlo(hostname=bad), [*LINE_BREAKERS, "a b"]),
    "helo": (lambda client, bad: client.helo(hostname=bad), [*LINE_BREAKERS, "a b"]),
    "any line": (lambda client, bad: client.execute_command(b"NOOP", bad.encode()), LINE_BREAKERS),
}
FILE_CALLS: dict[str, tuple[Call, list[str]]] = {
    "user": (lambda client, bad: client.login(bad), LINE_BREAKERS),
    "password": (lambda client, bad: client.login("u", bad), LINE_BREAKERS),
    "directory": (lambda client, bad: client.change_directory(bad), LINE_BREAKERS),
    "list": (lambda client, bad: client.list(bad)._collect(), LINE_BREAKERS),
    "rename": (lambda client, bad: client.rename("x", bad), LINE_BREAKERS),
    "download": (lambda client, bad: client.download(bad, "/nowhere"), LINE_BREAKERS),
    "any command": (lambda client, bad: client.command(f"SITE {bad}"), LINE_BREAKERS),
}
PLACES = [*MAIL_CALLS, *FILE_CALLS, "reply"]


@asynccontextmanager
async def mail(peer: ScriptedPeer) -> AsyncIterator[smtp.SMTP]:
    peer.script(send(MAIL_HELLO), expect(EHLO), send(b"250 me\r\n"), expect_eof())
    client = mail_client(peer)
    await client.connect()
    yield client
    assert client.is_connected
    client.close()


@asynccontextmanager
async def files(peer: ScriptedPeer) -> AsyncIterator[ftp.Client]:
    peer.script(send(b"220 ready\r\n"), expect_eof())
    client = await file_client(peer)
    yield client
    assert client.is_connected
    client.close()


@pytest.mark.parametrize("place", PLACES)
async def test_line_breaks_and_delimiters_never_leave_in_an_argument(place: str) -> None:
    """Nothing is written, and the connection goes on."""
    if place == "reply":
        with server_and_socket() as (server, client):
            for bad in LINE_BREAKERS:
                for lines in (bad, ["fine", bad]):
                    with pytest.raises(LocalProtocolError):
                        await server.reply(250, lines)
            assert drain(client) == b""
        return
    open_client, (call, bads) = (mail, MAIL_CALLS[place]) if place in MAIL_CALLS else (files, FILE_CALLS[place])
    with ScriptedPeer() as peer:
        async with open_client(peer) as client:
            for bad in bads:
                with pytest.raises(LocalProtocolError):
                    await call(client, bad)
        await peer.served()
        assert peer.received in (EHLO, b"")
