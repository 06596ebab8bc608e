"""I1: no plaintext byte survives a TLS upgrade, client or server."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable

import pytest

from tests.engine.support import server_on
from tests.peers import ScriptedPeer, Step, expect, expect_eof, send
from transfer import ftp, smtp
from transfer._errors import RemoteProtocolError
from transfer._net.timeouts import Timeouts
from transfer._wire.command import Command


def _mail_server(behind: bytes) -> list[Step]:
    offer = b"250-mini.example\r\n250 STARTTLS\r\n"
    return [
        send(b"220 ready\r\n"),
        expect(b"EHLO me.example\r\n"),
        send(offer),
        expect(b"STARTTLS\r\n"),
        send(b"220 go ahead\r\n" + behind),
        expect_eof(),  # not one octet of a handshake
    ]


async def _mail_client(peer: ScriptedPeer, client_context: ssl.SSLContext, server_context: ssl.SSLContext) -> None:
    client = smtp.SMTP(
        hostname=peer.host,
        port=peer.port,
        local_hostname="me.example",
        start_tls=True,
        tls_context=client_context,
        timeout=10,
    )
    try:
        await client.connect()
    finally:
        assert not client.is_connected
        assert client.esmtp_extensions == {}


def _file_server(behind: bytes) -> list[Step]:
    return [send(b"220 ready\r\n"), expect(b"AUTH TLS\r\n"), send(b"234 go ahead\r\n" + behind), expect_eof()]


async def _file_client(peer: ScriptedPeer, client_context: ssl.SSLContext, server_context: ssl.SSLContext) -> None:
    client = ftp.Client(timeouts=Timeouts.uniform(10))
    await client.connect(peer.host, peer.port)
    try:
        await client.upgrade_to_tls(client_context)
    finally:
        assert not client.is_connected


def _client_of_our_server(behind: bytes) -> list[Step]:
    return [send(b"AUTH TLS\r\n" + behind), expect(b"234 go ahead\r\n"), expect_eof()]


async def _our_server(peer: ScriptedPeer, client_context: ssl.SSLContext, server_context: ssl.SSLContext) -> None:
    with server_on(peer.socketpair()) as channel:
        assert await channel.next_command() == Command("AUTH", "TLS")
        await channel.reply(234, "go ahead")
        try:
            await channel.start_tls(server_context)
        finally:
            assert not channel.is_open


Upgrade = Callable[[ScriptedPeer, ssl.SSLContext, ssl.SSLContext], Awaitable[None]]
SIDES: dict[str, tuple[Callable[[bytes], list[Step]], Upgrade]] = {
    "mail client": (_mail_server, _mail_client),
    "file client": (_file_server, _file_client),
    "server": (_client_of_our_server, _our_server),
}


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("behind", [b"250 evil\r\n", b"USER mallory\r\nPASS x\r\n", b"2", b"\r\n", b"\x16\x03\x01"])
async def test_no_plaintext_survives_a_tls_upgrade(
    peer: ScriptedPeer,
    side: str,
    behind: bytes,
    client_tls_context: ssl.SSLContext,
    server_tls_context: ssl.SSLContext,
) -> None:
    script, upgrade = SIDES[side]
    peer.script(*script(behind))
    with pytest.raises(RemoteProtocolError, match="plain text"):
        await upgrade(peer, client_tls_context, server_tls_context)
