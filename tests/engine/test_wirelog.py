"""The log of the conversation: complete, one line per line, and without secrets."""

from __future__ import annotations

import logging
import ssl

import anyio
import pytest

from tests.engine.support import client_and_server, client_of
from tests.peers import ScriptedPeer, expect, hang, send
from transfer._engine.wirelog import LOGGER, WireLog
from transfer._wire.command import Command
from transfer._wire.dialect import FTP_CLIENT
from transfer._wire.reply import Reply

SECRET = "s3cret"


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, logger="transfer.wire")
    return caplog


def test_the_logger_s_name_is_what_the_documentation_says() -> None:
    assert LOGGER.name == "transfer.wire"


# -- what is shown -----------------------------------------------------------------------------------------------------


async def test_each_line_on_the_wire_is_one_line_of_the_log(peer: ScriptedPeer, log: pytest.LogCaptureFixture) -> None:
    peer.script(expect(b"EHLO me\r\n"), send(b"250-hello\r\n250-SIZE 5\r\n250 HELP\r\n"), hang())
    with client_of(peer) as channel:
        await channel.exchange(Command("EHLO", "me"))
    assert log.messages == [
        "peer:25 C: EHLO me",
        "peer:25 S: 250-hello",
        "peer:25 S: 250-SIZE 5",
        "peer:25 S: 250 HELP",
        "peer:25 *: closed",
    ]
    assert {record.levelno for record in log.records} == {logging.DEBUG}


async def test_groups_bodies_and_failures_are_told(peer: ScriptedPeer, log: pytest.LogCaptureFixture) -> None:
    peer.script(
        expect(b"MAIL FROM:<>\r\nDATA\r\n"), send(b"250 ok\r\n354 go\r\n"), expect(b"hi\r\n.\r\n"), send(b"what?\r\n")
    )
    with client_of(peer) as channel:
        await channel.pipeline([Command("MAIL", "FROM:<>"), Command("DATA")])
        with pytest.raises(Exception, match="what"):
            await channel.payload(b"hi\r\n", end=b".\r\n")
    assert log.messages == [
        "peer:25 C: MAIL FROM:<>",
        "peer:25 C: DATA",
        "peer:25 S: 250 ok",
        "peer:25 S: 354 go",
        "peer:25 *: message, last block of 7 octets",
        "peer:25 *: given up: RemoteProtocolError",
    ]


async def test_both_ends_log_the_handshake_with_version_and_cipher(
    log: pytest.LogCaptureFixture, server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    with client_and_server() as (client, server):
        async with anyio.create_task_group() as group:
            group.start_soon(server.start_tls, server_tls_context)
            await client.start_tls(client_tls_context, "localhost")
        assert client.stream.tls is not None
        cipher = client.stream.tls.cipher()
    assert cipher is not None
    assert log.messages[:2] == [f"peer:25 *: {cipher[1]} {cipher[0]}"] * 2


def test_nothing_is_put_together_when_nobody_listens(caplog: pytest.LogCaptureFixture) -> None:
    class Loud(str):
        __slots__ = ()

        def __str__(self) -> str:
            raise AssertionError("formatted for nobody")

    caplog.set_level(logging.INFO, logger="transfer.wire")
    wire_log = WireLog("peer:25")
    wire_log.commands([Command(Loud("NOOP"))])
    wire_log.reply(Reply(250, (Loud("ok"),)))
    wire_log.event("%s", Loud("event"))

    assert caplog.messages == []


# -- what is not -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["PASS", "pass", "ACCT"])
async def test_the_argument_of_a_secret_verb_is_never_shown(
    peer: ScriptedPeer, log: pytest.LogCaptureFixture, verb: str
) -> None:
    """Whether its command says that it is secret or not."""
    peer.script(expect(f"{verb} {SECRET}\r\n".encode()), send(b"230 welcome\r\n"), hang())
    with client_of(peer, dialect=FTP_CLIENT) as channel:
        await channel.exchange(Command(verb, SECRET))
    assert f"peer:25 C: {verb} ****" in log.messages
    assert SECRET not in log.text


async def test_a_secret_line_without_a_verb_is_never_shown(peer: ScriptedPeer, log: pytest.LogCaptureFixture) -> None:
    peer.script(expect(SECRET.encode() + b"\r\n"), send(b"235 welcome\r\n"), hang())
    with client_of(peer) as channel:
        await channel.exchange(Command("", SECRET, secret=True))
    assert "peer:25 C:  ****" in log.messages
    assert SECRET not in log.text


async def test_a_challenge_is_never_shown(peer: ScriptedPeer, log: pytest.LogCaptureFixture) -> None:
    """It is half of a proof, or repeats what it was sent."""
    peer.script(expect(b"AUTH X\r\n"), send(b"334 czNjcmV0\r\n"), expect(b"*\r\n"), send(b"334 \r\n"), hang())
    with client_of(peer) as channel:
        await channel.exchange(Command("AUTH", "X"))
        await channel.exchange(Command("", "*"))
    assert [text for text in log.messages if " S: " in text] == ["peer:25 S: 334 ****", "peer:25 S: 334 "]


async def test_a_server_does_not_show_what_it_received_either(log: pytest.LogCaptureFixture) -> None:
    with client_and_server() as (client, server):

        async def serve() -> None:
            assert await server.next_command() == Command("PASS", SECRET, secret=True)
            await server.reply(230, "welcome")

        async with anyio.create_task_group() as group:
            group.start_soon(serve)
            await client.exchange(Command("PASS", SECRET))
    assert log.messages.count("peer:25 C: PASS ****") == 2
    assert SECRET not in log.text


async def test_a_body_is_never_shown(peer: ScriptedPeer, log: pytest.LogCaptureFixture) -> None:
    peer.script(expect(SECRET.encode()), send(b"250 ok\r\n"), hang())
    with client_of(peer) as channel:
        await channel.payload(SECRET.encode())
    assert SECRET not in log.text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ok\nevil:21 S: 230 forged", r"ok\nevil:21 S: 230 forged"),
        ("\x1b[2J gone", r"\x1b[2J gone"),
        ("caf\u00e9 \udcff \u202e", r"caf\xe9 \udcff \u202e"),
        (r"C:\temp 'quoted'", r"C:\temp 'quoted'"),
    ],
)
def test_nobody_can_forge_a_line(log: pytest.LogCaptureFixture, text: str, shown: str) -> None:
    wire_log = WireLog("peer:21")
    wire_log.commands([Command("STOR", text)])
    wire_log.reply(Reply(550, (text,)))
    wire_log.event("%s", text)

    assert log.messages == [f"peer:21 C: STOR {shown}", f"peer:21 S: 550 {shown}", f"peer:21 *: {shown}"]
