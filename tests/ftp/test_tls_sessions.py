"""Whose TLS session a data connection resumes: the newest one of its own server, and nobody else's."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from tests.ftp.support import HELLO, answer, binary, connected
from tests.peers import (
    Connection,
    MiniFTP,
    ScriptedPeer,
    Step,
    call,
    close_data,
    data_tls,
    expect_eof,
    send,
    send_data,
    start_tls,
)
from tests.peers.descriptors import adopt
from tests.peers.descriptors import close as close_socket
from tests.peers.wire import Wire
from transfer import ftp
from transfer._net.tls import TLS

CONTENT = b"0123456789"
LINE = b"type=file; x\r\n"
VERSIONS = pytest.mark.parametrize(
    "version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda version: version.name
)


def client_context(ca_file: Path, version: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(ca_file))
    context.maximum_version = version
    return context


@VERSIONS
@pytest.mark.parametrize("tickets", [True, False], ids=["tickets", "session cache"])
async def test_one_upload_after_the_other_resumes(
    server_certificate: trustme.LeafCert, ca_file: Path, tmp_path: Path, tickets: bool, version: ssl.TLSVersion
) -> None:
    """Nothing is read from an upload's connection, and what the server sends there still counts."""
    (tmp_path / "a").write_bytes(CONTENT)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_certificate.configure_cert(context)
    if not tickets:
        context.options |= ssl.OP_NO_TICKET
    with MiniFTP(tls=context, require_reuse=True) as server:
        tls = TLS(context=client_context(ca_file, version))
        async with ftp.Client.context(server.host, server.port, upgrade_to_tls=True, tls=tls) as client:
            for number in range(4):
                await client.upload(tmp_path / "a", f"b{number}", write_into=True)
            assert len(await client.list()) == 4
        assert server.protected == [True] * 5


@VERSIONS
async def test_the_newest_session_is_offered(
    server_tls_context: ssl.SSLContext, ca_file: Path, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    """That of the data connection before, where it brought one: some servers take each ticket once."""
    with MiniFTP(tls=server_tls_context, files={"/a": CONTENT}) as server:
        client = await connected(server, tls=TLS(context=client_context(ca_file, version)))
        await client.upgrade_to_tls()
        await client.login()
        sessions = client._session.control.channel.sessions
        seen = [sessions.newest]
        for _ in range(2):
            await client.list()
            seen.append(sessions.newest)
        await client.quit()
    assert None not in seen
    assert len({id(session) for session in seen}) == 3


@contextmanager
def listening(host: str) -> Iterator[tuple[bytes, Step]]:
    """Listen somewhere else: what PASV says of it, and the step that accepts the data connection there."""
    sock = adopt(socket.create_server((host, 0)))
    sock.settimeout(5)

    def accept(connection: Connection) -> None:
        connection._add_data("d", sock.accept()[0])

    port = sock.getsockname()[1]
    try:
        yield f"{host.replace('.', ',')},{port >> 8},{port & 255}".encode(), call(accept)
    finally:
        close_socket(sock)


@VERSIONS
async def test_another_host_is_shown_no_session(
    peer: ScriptedPeer, server_tls_context: ssl.SSLContext, ca_file: Path, version: ssl.TLSVersion
) -> None:
    """Not even one that is trusted to be the server's, until it has shown the server's certificate."""
    with listening("127.0.0.7") as (numbers, accept):
        peer.script(
            start_tls(server_tls_context),
            HELLO,
            *answer(b"PBSZ 0", b"200 ok"),
            *answer(b"PROT P", b"200 ok"),
            *binary(),
            *answer(b"PASV", b"227 here (" + numbers + b")"),
            *answer(b"MLSD", b"150 go"),
            accept,
            data_tls("d", server_tls_context, resumed=False),
            send_data("d", LINE),
            close_data("d"),
            send(b"226 done\r\n"),
            expect_eof(),
        )
        client = await connected(
            peer, ssl=client_context(ca_file, version), passive_commands=("pasv",), trust_passive_address=True
        )
        assert len(await client.list()) == 1
        client.close()


@VERSIONS
async def test_a_connection_made_again_is_shown_none_either(
    peer: ScriptedPeer, server_tls_context: ssl.SSLContext, ca_file: Path, version: ssl.TLSVersion
) -> None:
    """A client may be connected to another server by then, under the same name or another."""
    reused: list[bool] = []

    def look(connection: Connection) -> None:
        wire: Wire = connection.wire
        assert wire.tls is not None
        reused.append(bool(wire.tls.session_reused))

    for _ in range(2):
        agreed = (*answer(b"PBSZ 0", b"200 ok"), *answer(b"PROT P", b"200 ok"))
        peer.script(start_tls(server_tls_context), HELLO, *agreed, call(look), *answer(b"QUIT", b"221 bye"))
    client = await connected(peer, ssl=client_context(ca_file, version))
    await client.quit()
    await client.connect(peer.host, peer.port)
    await client.quit()
    assert reused == [False, False]


async def test_two_clients_share_no_session(server_tls_context: ssl.SSLContext, ca_file: Path) -> None:
    context = client_context(ca_file, ssl.TLSVersion.TLSv1_3)
    with MiniFTP(tls=server_tls_context) as server:
        clients = [await connected(server, tls=TLS(context=context)) for _ in range(2)]
        for client in clients:
            await client.upgrade_to_tls()
        stores = [client._session.control.channel.sessions for client in clients]
        assert stores[0] is not stores[1]
        assert stores[0].newest is not stores[1].newest
        for client in clients:
            await client.quit()
