"""Connecting, logging in, single commands, and leaving."""

from __future__ import annotations

import logging
import pickle
import socket
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from tests.peers import CLOSE, HANG, MiniFTP, ScriptedPeer, close, drip, expect, expect_eof, hang, reset, send
from transfer import ftp
from transfer._errors import AuthenticationError, DisconnectedError, TransferError, UnsupportedError
from transfer._net.timeouts import Timeouts

QUICK = Timeouts(greeting=0.05, reply=0.05, initiation=0.05, data=0.05, termination=0.05, close=0.05, connect=1)
HELLO = send(b"220 hello\r\n")


async def connected(peer: ScriptedPeer | MiniFTP, **options: Any) -> ftp.Client:
    client = ftp.Client(**options)
    await client.connect(peer.host, peer.port)
    return client


# -- what the package gives


def test_exceptions_name_the_package_and_can_be_pickled() -> None:
    for name in ftp.__all__:
        found = getattr(ftp, name)
        if isinstance(found, type):
            assert found.__module__ == "transfer.ftp", name
            assert pickle.loads(pickle.dumps(found)) is found
    error = ftp.StatusCodeError(("2xx",), (ftp.Code("550"),), [" no"], command="DELE x", peer="h:21")
    again = pickle.loads(pickle.dumps(error))

    assert type(again) is ftp.StatusCodeError
    assert (again.expected_codes, again.received_codes, again.info) == (("2xx",), ("550",), [" no"])
    assert str(again) == str(error)


def test_defaults() -> None:
    assert (ftp.DEFAULT_PORT, ftp.DEFAULT_USER, ftp.DEFAULT_PASSWORD, ftp.DEFAULT_ACCOUNT) == (
        21,
        "anonymous",
        "anon@",
        "",
    )
    assert ftp.AIOFTPException is ftp.FTPException


@pytest.mark.parametrize(
    "arguments",
    [
        {"socket_timeout": 0},
        {"socket_timeout": 1, "timeouts": Timeouts()},
        {"connection_timeout": -1},
        {"passive_commands": ()},
        {"passive_commands": ("port",)},
        {"encoding": "no-such-encoding"},
        {"encoding": "utf-16"},
        {"read_speed_limit": -1},
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        ftp.Client(**arguments)


def test_a_context_excludes_tls(client_tls_context: Any) -> None:
    from transfer._net.tls import TLS

    with pytest.raises(ValueError, match="excludes"):
        ftp.Client(ssl=client_tls_context, tls=TLS())


def test_timeouts_are_finite_unless_told_otherwise() -> None:
    assert ftp.Client()._settings.timeouts == Timeouts()
    limits = ftp.Client(socket_timeout=7, connection_timeout=3)._settings.timeouts

    assert (limits.reply, limits.data, limits.connect) == (7, 7, 3)
    assert ftp.Client(socket_timeout=7)._settings.timeouts.connect == Timeouts().connect


# -- connecting


async def test_connect_returns_the_greeting(peer: ScriptedPeer) -> None:
    peer.script(send(b"120 wait\r\n220-one\r\ntwo\r\n220 three\r\n"), expect_eof())
    client = ftp.Client()

    assert await client.connect(peer.host, peer.port) == ["-one", "two", " three"]
    assert client.is_connected
    assert (client.server_host, client.server_port) == (peer.host, peer.port)
    client.close()
    assert not client.is_connected


@pytest.mark.parametrize(
    ("greeting", "error"),
    [
        (send(b"421 too many\r\n"), ftp.StatusCodeError),
        (send(b"230 you are in already\r\n"), ftp.StatusCodeError),
        (send(b"SSH-2.0-OpenSSH\r\n"), ftp.FTPProtocolError),
        (send(b"220 \0\r\n"), ftp.FTPProtocolError),
        (send(b"220-" + b"x" * 300 + b"\r\n" * 5000), ftp.FTPProtocolError),
        (send(b"2" * 20_000), ftp.FTPProtocolError),
        (close(), ftp.FTPDisconnected),
        (reset(), ftp.FTPDisconnected),
        (hang(), ftp.FTPTimeoutError),
        (drip(b"120 patience\r\n", every_seconds=0.01), ftp.FTPTimeoutError),
        (drip(b"2", every_seconds=0.01), ftp.FTPTimeoutError),
    ],
    ids=str,
)
async def test_no_greeting_no_connection(greeting: Any, error: type[ftp.FTPException]) -> None:
    """Whatever the server says in place of 220, the error is of this family and the client can connect again."""
    with ScriptedPeer(client_may_leave=True) as peer:
        peer.script(greeting)
        peer.script(HELLO, expect_eof())
        client = ftp.Client(timeouts=QUICK)
        with pytest.raises(error):
            await client.connect(peer.host, peer.port)
        assert not client.is_connected
        await client.connect(peer.host, peer.port)
        client.close()


async def test_a_refused_dial_is_a_connection_error() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        with pytest.raises(ftp.FTPConnectError) as caught:
            await ftp.Client().connect("127.0.0.1", sock.getsockname()[1])
    assert isinstance(caught.value, ConnectionError)
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("host", "port"), [("", 21), ("a\r\nb", 21), ("a\0b", 21), ("localhost", 0), ("localhost", 70000)]
)
async def test_what_is_no_address_is_a_value_error(host: str, port: int) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        await ftp.Client().connect(host, port)


async def test_connect_while_connected_is_refused(ftp_server: MiniFTP) -> None:
    async with ftp.Client.context(ftp_server.host, ftp_server.port) as client:
        with pytest.raises(ftp.InvalidCommand, match="already connected"):
            await client.connect(ftp_server.host, ftp_server.port)
        await client.command("NOOP", "2xx")


async def test_before_connect_nothing_works() -> None:
    client = ftp.Client()
    client.close()
    with pytest.raises(ftp.FTPDisconnected):
        await client.login()
    with pytest.raises(ConnectionError):
        await client.list()


async def test_after_a_loss_the_client_connects_again(ftp_server: MiniFTP) -> None:
    ftp_server.replies["NOOP"] = [CLOSE]
    client = await connected(ftp_server)
    with pytest.raises(ftp.FTPDisconnected):
        await client.command("NOOP", "2xx")
    assert not client.is_connected
    with pytest.raises(ftp.FTPDisconnected, match="Not connected"):
        await client.command("NOOP", "2xx")
    await client.connect(ftp_server.host, ftp_server.port)
    await client.login()
    await client.command("NOOP", "2xx")
    await client.quit()
    await client.connect(ftp_server.host, ftp_server.port)
    await client.quit()


# -- logging in


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
    await client.quit()

    assert "PASS s3cret" in ftp_server.commands
    for shown in (
        caplog.text,
        *(f"{error.value!r} {error.value} {error.value.command}" for error in (caught, raw, censored)),
    ):
        assert "s3cret" not in shown
        assert "acc0unt" not in shown
    assert caught.value.command == "PASS ****"
    assert repr(ftp.Client.context("h", 1, "u", "s3cret", "acc0unt")).count("s3cret") == 0


@pytest.mark.parametrize("bad", ["a\r\nDELE x", "a\nb", "a\rb", "a\0b"])
@pytest.mark.parametrize(
    "call",
    [
        lambda client, bad: client.login(bad),
        lambda client, bad: client.login("u", bad),
        lambda client, bad: client.login("u", "p", bad),
        lambda client, bad: client.command(f"NOOP {bad}", "2xx"),
        lambda client, bad: client.command(f"NO{bad}", "2xx"),
        lambda client, bad: client.change_directory(bad),
        lambda client, bad: client.make_directory(bad),
        lambda client, bad: client.make_directory(bad, parents=False),
        lambda client, bad: client.remove_directory(bad),
        lambda client, bad: client.remove_file(bad),
        lambda client, bad: client.remove(bad),
        lambda client, bad: client.rename(bad, "b"),
        lambda client, bad: client.rename("a", bad),
        lambda client, bad: client.stat(bad),
        lambda client, bad: client.exists(bad),
        lambda client, bad: client.is_file(bad),
        lambda client, bad: client.is_dir(bad),
        lambda client, bad: client.list(bad)._collect(),
        lambda client, bad: client.list(bad, raw_command="LIST")._collect(),
        lambda client, bad: client.upload(__file__, bad),
        lambda client, bad: client.upload(__file__, bad, write_into=True),
        lambda client, bad: client.download(bad),
    ],
)
async def test_line_breaks_never_leave(peer: ScriptedPeer, call: Callable[..., Any], bad: str) -> None:
    """CR, LF and NUL in anything that a caller passes are refused before a byte is written (I3)."""
    peer.script(HELLO, expect_eof())
    client = await connected(peer)
    with pytest.raises(ftp.InvalidCommand) as caught:
        await call(client, bad)
    assert isinstance(caught.value, ValueError)
    assert client.is_connected
    client.close()
    await peer.served()
    assert peer.received == b""


@pytest.fixture
def far_server(peer: ScriptedPeer) -> Callable[..., dict[str, Any]]:
    """Play a server that is reached through a proxy: not on this machine, as far as the client can know."""
    from tests.peers import expect_until

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


# -- any command


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
        assert await client.command("PWD") is None
        assert await client.command(None, "257") == ("257", [' "/" is where you are'])
        assert await client.command("PWD") is None
        assert await client.command("NOOP", "200") == ("200", [" ok"])
        assert await client.command() is None


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
    client = await connected(ftp_server, timeouts=QUICK)
    with pytest.raises(ftp.FTPTimeoutError) as caught:
        await client.command("NOOP", "2xx")
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.phase == "reply to NOOP"
    assert not client.is_connected


# -- what may be repeated


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
        client = await connected(peer, timeouts=QUICK)
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


# -- leaving


async def test_context_logs_in_and_says_goodbye(ftp_server: MiniFTP) -> None:
    ftp_server.users = {"u": "p"}
    async with ftp.Client.context(ftp_server.host, ftp_server.port, "u", "p") as client:
        assert isinstance(client, ftp.Client)
    assert ftp_server.commands == ["USER u", "PASS p", "QUIT"]
    assert not client.is_connected


async def test_context_gives_subclasses_of_the_client(ftp_server: MiniFTP) -> None:
    class Own(ftp.Client):
        pass

    async with Own.context(ftp_server.host, ftp_server.port, socket_timeout=5) as client:
        assert type(client) is Own


@pytest.mark.parametrize("verb", ["GREETING", "USER", "PASS"])
async def test_context_that_cannot_enter_closes(verb: str) -> None:
    with MiniFTP() as server:
        server.replies[verb] = "530 no"
        context = ftp.Client.context(server.host, server.port)
        with pytest.raises(ftp.StatusCodeError):
            await context.__aenter__()
        assert not context.client.is_connected
        await server.served()
        assert "QUIT" not in server.commands


@pytest.mark.parametrize("farewell", ["221 bye", "500 what?", "421 bye", CLOSE, HANG])
async def test_nothing_that_happens_while_leaving_undoes_what_was_done(farewell: str) -> None:
    with MiniFTP() as server:
        server.replies["QUIT"] = farewell
        async with ftp.Client.context(server.host, server.port, timeouts=QUICK) as client:
            await client.command("NOOP", "2xx")
        assert not client.is_connected
        await server.served()


@pytest.mark.parametrize("farewell", ["221 bye", "500 what?", CLOSE, HANG])
async def test_the_exception_of_the_body_comes_out_whatever_the_server_does(farewell: str) -> None:
    """Clean-up never replaces the caller's exception (I8)."""
    with MiniFTP() as server:
        server.replies["QUIT"] = farewell
        with pytest.raises(KeyError, match="mine"):
            async with ftp.Client.context(server.host, server.port, timeouts=QUICK) as client:
                raise KeyError("mine")
        assert not client.is_connected
        await server.served()
        assert server.commands[-1] == "QUIT"


async def test_after_an_error_quit_is_said_only_in_step(peer: ScriptedPeer) -> None:
    peer.script(
        HELLO,
        expect(b"USER anonymous\r\n"),
        send(b"230 in\r\n"),
        expect(b"SITE A\r\n"),
        send(b"150 working\r\n"),
        expect_eof(),
    )
    with pytest.raises(KeyError):
        async with ftp.Client.context(peer.host, peer.port) as client:
            await client.command("SITE A", "1xx")
            raise KeyError


async def test_a_cancelled_body_still_says_goodbye(ftp_server: MiniFTP) -> None:
    with anyio.move_on_after(5) as scope:
        async with ftp.Client.context(ftp_server.host, ftp_server.port):
            scope.cancel()
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    await ftp_server.served()
    assert ftp_server.commands[-1] == "QUIT"


async def test_a_client_is_a_context_by_itself(ftp_server: MiniFTP) -> None:
    async with ftp.Client() as client:
        pass
    async with ftp.Client() as client:
        await client.connect(ftp_server.host, ftp_server.port)
    assert not client.is_connected
    assert ftp_server.commands == ["QUIT"]


@pytest.mark.parametrize(
    ("answer", "error"), [("500 what?", ftp.StatusCodeError), (CLOSE, ftp.FTPDisconnected), (HANG, ftp.FTPTimeoutError)]
)
async def test_quit_closes_in_any_case(answer: str, error: type[TransferError]) -> None:
    with MiniFTP() as server:
        server.replies["QUIT"] = answer
        client = await connected(server, timeouts=QUICK)
        with pytest.raises(error):
            await client.quit()
        assert not client.is_connected


def test_close_needs_no_event_loop() -> None:
    with MiniFTP() as server:
        client = ftp.Client()
        anyio.run(client.connect, server.host, server.port)
        client.close()
        client.close()
        assert not client.is_connected
