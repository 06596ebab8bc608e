"""Logging in: what is asked for, what is refused, what never goes over a network in clear."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from tests.ftp.support import HELLO, connected
from tests.peers import MiniFTP, ScriptedPeer, expect, expect_eof, expect_until, send
from transfer import ftp
from transfer._errors import AuthenticationError, UnsupportedError


@pytest.mark.parametrize(
    "script",
    [
        [(b"USER u\r\n", b"230 in\r\n")],
        [(b"USER u\r\n", b"232 in, by certificate\r\n")],
        [(b"USER u\r\n", b"331 p\r\n"), (b"PASS p\r\n", b"230 in\r\n")],
        [(b"USER u\r\n", b"331 p\r\n"), (b"PASS p\r\n", b"202 superfluous\r\n")],
        [(b"USER u\r\n", b"332 a\r\n"), (b"ACCT a\r\n", b"230 in\r\n")],
        [(b"USER u\r\n", b"331 p\r\n"), (b"PASS p\r\n", b"332 a\r\n"), (b"ACCT a\r\n", b"230 in\r\n")],
        [(b"USER u\r\n", b"339 p?\r\n"), (b"PASS p\r\n", b"339 a?\r\n"), (b"ACCT a\r\n", b"230 in\r\n")],
    ],
)
async def test_login_gives_what_is_asked_for(peer: ScriptedPeer, script: list[tuple[bytes, bytes]]) -> None:
    peer.script(HELLO, *(step for line, reply in script for step in (expect(line), send(reply))), expect_eof())
    client = await connected(peer)
    await client.login("u", "p", "a")
    client.close()


@pytest.mark.parametrize(
    ("replies", "error", "retryable"),
    [
        ([b"530 no\r\n"], ftp.FTPAuthenticationError, False),
        ([b"331 p\r\n", b"530 wrong\r\n"], ftp.FTPAuthenticationError, False),
        ([b"331 p\r\n", b"530 too many connections\r\n"], ftp.FTPAuthenticationError, True),
        ([b"331 p\r\n", b"430 wrong\r\n"], ftp.FTPAuthenticationError, True),
        ([b"331 p\r\n", b"331 p\r\n"], ftp.FTPAuthenticationError, False),
        ([b"332 a\r\n", b"332 a\r\n"], ftp.FTPAuthenticationError, False),
        ([b"550 TLS first\r\n"], ftp.FTPAuthenticationError, False),
        ([b"421 full\r\n"], ftp.StatusCodeError, True),
        ([b"500 what?\r\n"], ftp.StatusCodeError, False),
        ([b"331 p\r\n", b"503 USER first\r\n"], ftp.StatusCodeError, False),
    ],
)
async def test_a_refused_login(
    peer: ScriptedPeer, replies: list[bytes], error: type[ftp.StatusCodeError], retryable: bool
) -> None:
    lines = [b"USER u\r\n", b"PASS s3cret\r\n" if replies[0].startswith(b"331") else b"ACCT acc0unt\r\n"]
    peer.script(
        HELLO, *(step for pair in zip(lines, replies, strict=False) for step in (expect(pair[0]), send(pair[1])))
    )
    client = await connected(peer)
    with pytest.raises(error) as caught:
        await client.login("u", "s3cret", "acc0unt")

    assert type(caught.value) is error
    assert isinstance(caught.value, AuthenticationError) == (error is ftp.FTPAuthenticationError)
    assert caught.value.retryable is retryable
    assert caught.value.received_codes == (replies[-1][:3].decode(),)
    assert caught.value.peer == f"{peer.host}:{peer.port}"
    client.close()


async def test_the_password_is_never_shown(ftp_server: MiniFTP, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ftp_server.users = {"u": "right"}
    client = await connected(ftp_server)
    with pytest.raises(ftp.FTPAuthenticationError) as caught:
        await client.login("u", "s3cret", "acc0unt")
    with pytest.raises(ftp.StatusCodeError) as raw:
        await client.command("pass s3cret", "230")
    with pytest.raises(ftp.StatusCodeError) as censored:
        await client.command("SITE TOKEN s3cret", "200", censor_after=11)
    with pytest.raises(ftp.StatusCodeError) as bare:
        await client.command("s3cret", "200", censor_after=1)
    await client.quit()

    assert {"PASS s3cret", "s3cret"} <= set(ftp_server.commands)
    for shown in (
        caplog.text,
        *(f"{error.value!r} {error.value} {error.value.command}" for error in (caught, raw, censored, bare)),
    ):
        assert "s3cret" not in shown
        assert "acc0unt" not in shown
    assert caught.value.command == "PASS ****"
    assert repr(ftp.Client.context("h", 1, "u", "s3cret", "acc0unt")).count("s3cret") == 0


@pytest.fixture
def far_server(peer: ScriptedPeer) -> Callable[..., dict[str, Any]]:
    """Play a server that is reached through a proxy: not on this machine, as far as the client can know."""

    def script(*steps: Any) -> dict[str, Any]:
        peer.script(expect_until(b"\r\n\r\n"), send(b"HTTP/1.1 200 OK\r\n\r\n"), HELLO, *steps)
        return {"proxy": f"http://{peer.host}:{peer.port}"}

    return script


async def test_a_password_does_not_go_over_a_network_in_clear(far_server: Callable[..., dict[str, Any]]) -> None:
    client = ftp.Client(**far_server(expect_eof()))
    await client.connect("ftp.example", 21)
    with pytest.raises(UnsupportedError, match="in clear"):
        await client.login("u", "s3cret")
    with pytest.raises(ftp.FTPNotSupported):
        await client.login("anonymous", "", "acc0unt")
    assert client.is_connected
    client.close()


@pytest.mark.parametrize(
    ("options", "login"),
    [
        ({"allow_cleartext_auth": True}, ("u", "s3cret")),
        ({}, ("anonymous", "me@example.org")),
        ({}, ("FTP", "x")),
        ({}, ("u", "")),
    ],
)
async def test_in_clear_goes_what_is_allowed_or_no_secret(
    far_server: Callable[..., dict[str, Any]], options: dict[str, Any], login: tuple[str, str]
) -> None:
    user, password = (text.encode() for text in login)
    script = (
        expect(b"USER " + user + b"\r\n"),
        send(b"331 p\r\n"),
        expect(b"PASS " + password + b"\r\n"),
        send(b"230 in\r\n"),
    )
    client = ftp.Client(**far_server(*script, expect_eof()), **options)
    await client.connect("ftp.example", 21)
    await client.login(*login)
    client.close()
