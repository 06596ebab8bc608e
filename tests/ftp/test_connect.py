"""The way to a greeting, and to none."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tests.ftp.support import HELLO, connected, impatient
from tests.peers import CLOSE, MiniFTP, ScriptedPeer, close, drip, expect_eof, hang, reset, send
from transfer import ftp


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
        (reset(), (ftp.FTPDisconnected, ftp.FTPConnectError)),  # some loops notice it before they report the connection
        (hang(), ftp.FTPTimeoutError),
        (drip(b"120 patience\r\n", every_seconds=0.01), ftp.FTPTimeoutError),
        (drip(b"2", every_seconds=0.01), ftp.FTPTimeoutError),
    ],
    ids=str,
)
async def test_no_greeting_no_connection(greeting: Any, error: Any) -> None:
    """Whatever the server says in place of 220, the error is of this family and the client can connect again."""
    with ScriptedPeer(client_may_leave=True) as peer:
        peer.script(greeting)
        peer.script(HELLO, expect_eof())
        client = ftp.Client(timeouts=impatient("greeting"))
        with pytest.raises(error):
            await client.connect(peer.host, peer.port)
        assert not client.is_connected
        await client.connect(peer.host, peer.port)
        client.close()


async def test_silence_instead_of_a_greeting_is_explained(peer: ScriptedPeer) -> None:
    """Where TLS comes first, the server waits for us, and we for it."""
    peer.script(hang())
    with pytest.raises(ftp.FTPTimeoutError) as caught:
        await ftp.Client(timeouts=impatient("greeting")).connect(peer.host, peer.port)

    (note,) = caught.value.__notes__
    assert "ssl=True" in note


async def test_a_client_shows_where_it_is_connected(ftp_server: MiniFTP) -> None:
    client = ftp.Client()
    assert repr(client) == "<Client, not connected>"
    await client.connect(ftp_server.host, ftp_server.port)
    assert repr(client) == f"<Client {ftp_server.host}:{ftp_server.port}, connected>"
    client.close()
    assert repr(client) == f"<Client {ftp_server.host}:{ftp_server.port}, closed>"


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
