"""From options to a session: every way to a server, and every reason why none comes about."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.peers import (
    ScriptedPeer,
    Step,
    close,
    drip,
    expect_eof,
    hang,
    reset,
    send,
)
from tests.smtp.support import EHLO, HELLO, LONG, NAME, SHORT, SOME, Open, opening, options_for, raises, stalls
from transfer import smtp
from transfer._net.timeouts import Timeouts
from transfer.smtp._open import limits, open_session
from transfer.smtp._options import ConnectOptions

# -- ways to the server ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hostname", ["127.0.0.1", "localhost"])
async def test_by_name_and_by_address(opened: Open, hostname: str) -> None:
    with ScriptedPeer(host="127.0.0.1") as peer:
        peer.script(*opening(), expect_eof())
        session = await opened(options_for(peer, hostname=hostname))

        assert session.channel.peer == f"{hostname}:{peer.port}"
        assert session.is_private
        assert not session.is_tls
        session.channel.close()


async def test_from_a_source_address(opened: Open, peer: ScriptedPeer) -> None:
    peer.script(*opening(), expect_eof())
    session = await opened(options_for(peer, source_address=("127.0.0.2", 0)))

    assert session.channel.stream.raw_socket.getsockname()[0] == "127.0.0.2"


async def test_by_unix_socket(socket_path: Path) -> None:
    path = str(socket_path)
    with ScriptedPeer(path=path) as peer, ExitStack() as cleanup:
        peer.script(*opening(), expect_eof())
        session = await Open(cleanup)(ConnectOptions(socket_path=path, local_hostname=NAME))
        assert session.is_private


async def test_by_a_socket_handed_in(opened: Open, peer: ScriptedPeer) -> None:
    """What is behind it is unknown: a loopback address says nothing about who listens."""
    peer.script(*opening(), expect_eof())
    sock = socket.create_connection((peer.host, peer.port))
    session = await opened(ConnectOptions(sock=sock, local_hostname=NAME))

    assert not session.is_private


async def test_a_socket_that_is_not_connected_stays_the_callers() -> None:
    with socket.socket() as sock:
        with raises(smtp.SMTPConnectError):
            await open_session(ConnectOptions(sock=sock))
        assert sock.fileno() >= 0


async def test_what_is_no_socket_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        await open_session(ConnectOptions(sock="socket"))  # type: ignore[arg-type]  # that is the point


# -- no connection -----------------------------------------------------------------------------------------------------


async def test_a_refused_dial_is_a_connect_error() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        with raises(smtp.SMTPConnectError) as caught:
            await open_session(ConnectOptions(hostname="127.0.0.1", port=sock.getsockname()[1]))

    assert caught.value.errno
    assert caught.value.retryable
    assert isinstance(caught.value, ConnectionError)


async def test_a_path_without_a_socket_is_a_connect_error(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing", str(tmp_path / ("x" * 200))):
        with raises(smtp.SMTPConnectError):
            await open_session(ConnectOptions(socket_path=path))


async def test_a_name_that_does_not_resolve_is_a_connect_error() -> None:
    for name in ("name.invalid", "x" * 70 + ".example"):
        with raises(smtp.SMTPConnectError):
            await open_session(ConnectOptions(hostname=name, port=25))


async def test_a_dial_that_takes_too_long_is_a_connect_timeout() -> None:
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):  # nobody accepts, and the queue is full
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        with raises(smtp.SMTPConnectTimeoutError) as caught:
            await open_session(ConnectOptions(hostname="127.0.0.1", port=listener.getsockname()[1], timeout=SHORT))

    assert (caught.value.phase, caught.value.seconds) == ("connection", SHORT)


@pytest.mark.parametrize("port", [-1, 65536])
async def test_a_port_out_of_range_is_a_value_error(port: int) -> None:
    with pytest.raises(ValueError, match="port"):
        await open_session(ConnectOptions(port=port))


# -- the greeting ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "retryable"), [(554, False), (421, True), (450, True), (250, False), (354, False)])
async def test_a_greeting_that_is_no_welcome(peer: ScriptedPeer, code: int, retryable: bool) -> None:
    peer.script(send(b"%d no\r\n" % code), expect_eof())
    with raises(smtp.SMTPConnectResponseError) as caught:
        await open_session(options_for(peer))

    assert (caught.value.code, caught.value.message, caught.value.retryable) == (code, "no", retryable)
    assert isinstance(caught.value, smtp.SMTPConnectError)


@pytest.mark.parametrize(
    ("steps", "error"),
    [
        ([close()], smtp.SMTPConnectError),
        ([send(b"220-wait\r\n"), close()], smtp.SMTPConnectError),
        ([reset()], smtp.SMTPConnectError),
        ([hang()], smtp.SMTPConnectTimeoutError),
        ([drip(b"220-wait\r\n", every_seconds=0.01)], smtp.SMTPConnectTimeoutError),
        ([send(b"SSH-2.0-OpenSSH_9.6\r\n")], smtp.SMTPProtocolError),
    ],
    ids=["end of file", "end of file in the middle", "reset", "stall", "drip", "garbage"],
)
async def test_no_greeting_no_connection(steps: list[Step], error: type[smtp.SMTPException]) -> None:
    with ScriptedPeer(client_may_leave=True) as peer:
        peer.script(*steps)
        with raises(error):
            await open_session(options_for(peer, timeout=SHORT if stalls(steps) else LONG))


# -- time --------------------------------------------------------------------------------------------------------------


def test_the_end_of_a_message_has_ten_minutes_unless_a_time_was_given() -> None:
    """RFC 5321 §4.5.3.2.6."""
    assert limits(ConnectOptions()).termination == 600
    assert limits(ConnectOptions()).reply == limits(ConnectOptions()).data == 60
    assert limits(ConnectOptions(timeout=5)) == Timeouts.uniform(5)
    assert limits(ConnectOptions(timeout=None)) == Timeouts.uniform(None)


async def test_a_server_that_ignores_ehlo_is_a_read_timeout(peer: ScriptedPeer) -> None:
    peer.script(HELLO, EHLO, hang())
    with raises(smtp.SMTPReadTimeoutError):
        await open_session(options_for(peer, timeout=SOME))
