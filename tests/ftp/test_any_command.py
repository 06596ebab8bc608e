"""Any command, its reply, and whether it may be repeated."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.ftp.support import HELLO, connected, impatient
from tests.peers import HANG, MiniFTP, ScriptedPeer, close, expect, expect_eof, hang, send
from transfer import ftp
from transfer._errors import DisconnectedError


async def test_command_returns_code_and_lines(ftp_server: MiniFTP) -> None:
    ftp_server.replies["STAT"] = "211-one\ntwo"
    async with ftp.Client.context(ftp_server.host, ftp_server.port) as client:
        assert await client.command("NOOP", ("1xx", "2xx")) == ("200", [" ok"])
        code, _ = await client.command("NOOP", "2xx")
        assert isinstance(code, ftp.Code)
        assert await client.command("FOO bar", wait_codes="1xx") == ("502", [" not implemented"])


async def test_an_unexpected_code_says_what_was_expected(ftp_server: MiniFTP) -> None:
    async with ftp.Client.context(ftp_server.host, ftp_server.port) as client:
        with pytest.raises(ftp.StatusCodeError) as caught:
            await client.command("FOO bar", ("250", "3xx"))
        error = caught.value
        assert (error.expected_codes, error.received_codes, error.info) == (
            ("250", "3xx"),
            ("502",),
            [" not implemented"],
        )
        assert error.command == "FOO bar"
        assert error.reply is not None
        assert error.reply.code == 502
        assert "FOO bar was answered 502 not implemented (expected 250 or 3xx)" in str(error)
        await client.command("NOOP", "2xx")


async def test_a_reply_can_be_fetched_later_and_answers_no_other_command(ftp_server: MiniFTP) -> None:
    async with ftp.Client.context(ftp_server.host, ftp_server.port) as client:
        tell: Callable[..., Awaitable[object]] = client.command
        assert await tell("PWD") is None
        assert await client.command(None, "257") == ("257", [' "/" is where you are'])
        assert await tell("PWD") is None
        assert await client.command("NOOP", "200") == ("200", [" ok"])
        assert await tell() is None


async def test_a_preliminary_reply_is_followed_by_another(peer: ScriptedPeer) -> None:
    peer.script(
        HELLO,
        expect(b"SITE A\r\n"),
        send(b"150 working\r\n150 still\r\n250 done\r\n"),
        expect(b"SITE B\r\n"),
        send(b"150 working\r\n"),
        send(b"226 done\r\n"),
        expect(b"SITE C\r\n"),
        send(b"426 no\r\n226 aborted\r\n"),
        expect(b"SITE D\r\n"),
        send(b"150 working\r\n250 done\r\n"),
        expect_eof(),
    )
    client = await connected(peer)
    assert await client.command("SITE A", "2xx") == ("250", [" done"])
    assert (await client.command("SITE B", "1xx"))[0] == "150"
    with pytest.raises(ftp.InvalidCommand, match="under way"):
        await client.command("NOOP", "2xx")
    assert (await client.command(None, "2xx"))[0] == "226"
    assert (await client.command("SITE C", "226", "426"))[0] == "226"
    await client.command("SITE D")
    assert (await client.command(None, "1xx"))[0] == "150"
    assert (await client.command(None, "2xx"))[0] == "250"
    client.close()


@pytest.mark.parametrize("line", [" NOOP", "N√ x", "1 x", "X" * 9000])
async def test_what_is_no_command_is_not_sent(peer: ScriptedPeer, line: str) -> None:
    peer.script(HELLO, expect_eof())
    client = await connected(peer)
    with pytest.raises(ftp.InvalidCommand):
        await client.command(line, "2xx")
    client.close()


@pytest.mark.parametrize(
    ("news", "error"),
    [
        (b"421 idle for too long\r\n", ftp.FTPDisconnected),
        (b"226 by the way\r\n", ftp.FTPProtocolError),
        (b"???\r\n", ftp.FTPProtocolError),
    ],
)
async def test_what_comes_unasked_answers_nothing(
    peer: ScriptedPeer, news: bytes, error: type[ftp.FTPException]
) -> None:
    peer.script(send(b"220 hello\r\n" + news), expect_eof())
    client = await connected(peer)
    with pytest.raises(error) as caught:
        await client.command("NOOP", "2xx")
    assert not client.is_connected
    if isinstance(caught.value, DisconnectedError):
        assert caught.value.reply is not None
        assert caught.value.reply.code == 421


@pytest.mark.parametrize("answer", [b"25x no\r\n", b"\xff\xfe\r\n", b"250-" + b"y" * 9000 + b"\r\n", b"250 a\0b\r\n"])
async def test_garbage_in_place_of_a_reply_ends_the_connection(peer: ScriptedPeer, answer: bytes) -> None:
    peer.script(HELLO, expect(b"NOOP\r\n"), send(answer))
    client = await connected(peer)
    with pytest.raises(ftp.FTPProtocolError):
        await client.command("NOOP", "2xx")
    assert not client.is_connected


async def test_a_stall_ends_the_connection(ftp_server: MiniFTP) -> None:
    ftp_server.replies["NOOP"] = HANG
    client = await connected(ftp_server, timeouts=impatient("reply"))
    with pytest.raises(ftp.FTPTimeoutError) as caught:
        await client.command("NOOP", "2xx")
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.phase == "reply to NOOP"
    assert not client.is_connected


# -- what may be repeated ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "retryable"),
    [
        ("RNTO b", False),
        ("dele a", False),
        ("MKD a", False),
        ("RMD a", False),
        ("APPE a", False),
        ("STOU", False),
        ("CWD a", True),
        ("RNFR a", True),
    ],
)
@pytest.mark.parametrize("loss", [close(), hang()], ids=str)
async def test_a_command_that_is_lost_is_retryable_if_it_does_no_harm_twice(
    line: str, retryable: bool, loss: Any
) -> None:
    with ScriptedPeer(client_may_leave=True) as peer:
        peer.script(HELLO, expect(line.encode() + b"\r\n"), loss)
        client = await connected(peer, timeouts=impatient("reply"))
        with pytest.raises((ftp.FTPDisconnected, ftp.FTPTimeoutError)) as caught:
            await client.command(line, "2xx")
        assert caught.value.retryable is retryable


async def test_a_command_that_was_never_sent_is_retryable(peer: ScriptedPeer) -> None:
    peer.script(send(b"220 hello\r\n421 bye\r\n"), expect_eof())
    client = await connected(peer)
    with pytest.raises(ftp.FTPDisconnected) as caught:
        await client.remove_file("a")
    assert caught.value.retryable


@pytest.mark.parametrize(("answer", "retryable"), [(b"450 busy\r\n", True), (b"550 no\r\n", False)])
async def test_a_refused_command_is_retryable_by_its_code(peer: ScriptedPeer, answer: bytes, retryable: bool) -> None:
    peer.script(HELLO, expect(b"DELE a\r\n"), send(answer), expect_eof())
    client = await connected(peer)
    with pytest.raises(ftp.StatusCodeError) as caught:
        await client.remove_file("a")
    assert caught.value.retryable is retryable
    client.close()
