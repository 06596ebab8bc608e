"""What must not happen on the way to data, inside TLS, and when a transfer does not come to its end.

Each test names the guard without which it fails.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
import trustme

from tests.ftp.support import HELLO, LONG, answer, binary, connected, open_data, passive
from tests.peers import (
    Connection,
    MiniFTP,
    ScriptedPeer,
    Step,
    accept_data,
    call,
    close_data,
    expect,
    expect_eof,
    listen_data,
    pause,
    reset_data,
    send,
    send_data,
    start_tls,
)
from tests.peers.descriptors import adopt
from tests.peers.descriptors import close as close_socket
from tests.peers.wire import Gone
from transfer import ftp
from transfer._net.tls import TLS
from transfer.ftp._commands import retr

LINE = b"type=file; x\r\n"


# -- TLS -------------------------------------------------------------------------------------------------------------


async def test_defect_01_plain_text_behind_the_234_is_never_a_reply(peer: ScriptedPeer, ca_file: Path) -> None:
    """Guard: transfer._engine.client:ClientChannel.start_tls, which wants nothing unread before the handshake."""
    injected = b"234 go ahead\r\n200 PBSZ=0\r\n200 PROT P\r\n331 password\r\n230 welcome\r\n"
    peer.script(HELLO, expect(b"AUTH TLS\r\n"), send(injected), expect_eof())
    client = await connected(peer, tls=TLS(ca_file=ca_file))
    with pytest.raises(ftp.FTPProtocolError, match="plain text"):
        await client.upgrade_to_tls()
    assert not client.is_connected
    assert b"USER" not in peer.received


async def test_defect_16_the_certificate_of_data_connections_is_checked_for_the_server_s_name(
    certificate_authority: trustme.CA, ca_file: Path
) -> None:
    """Guard: transfer.ftp._data:DataConnections.secure, which names the server and not the address in the 227."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate_authority.issue_cert("files.example").configure_cert(context)
    context.options |= ssl.OP_NO_TICKET  # a session that is resumed would show no certificate
    context.num_tickets = 0
    client_context = ssl.create_default_context(cafile=str(ca_file))
    client_context.maximum_version = ssl.TLSVersion.TLSv1_3
    with MiniFTP(tls=context, files={"/x": b""}) as server:
        tls = TLS(context=client_context, server_hostname="files.example")
        async with ftp.Client.context(
            server.host, server.port, upgrade_to_tls=True, tls=tls, passive_commands=("pasv",)
        ) as client:
            assert len(await client.list()) == 1
        assert server.protected == [True]


async def test_defect_17_implicit_tls_agrees_on_the_protection_of_data(
    peer: ScriptedPeer, server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    """Guard: transfer.ftp._session:open_session, which calls agree_on_protection inside implicit TLS too."""
    peer.script(
        start_tls(server_tls_context),
        HELLO,
        *answer(b"PBSZ 0", b"200 PBSZ=0"),
        *answer(b"PROT P", b"200 ok"),
        expect_eof(),
    )
    client = await connected(peer, ssl=client_tls_context)
    client.close()


# -- where data connections lead ---------------------------------------------------------------------------------------


async def test_defect_03_the_address_in_a_227_is_not_dialled(peer: ScriptedPeer) -> None:
    """Guard: transfer.ftp._data:DataConnections._passive, which puts the control connection's peer in its place."""
    with contextlib.closing(socket.create_server(("127.0.0.7", 0))) as stranger:
        stranger.setblocking(False)
        port = stranger.getsockname()[1]
        numbers = b"127,0,0,7,%d,%d" % (port >> 8, port & 255)
        own: list[socket.socket] = []

        def listen(connection: Connection) -> None:
            own.append(adopt(socket.create_server((peer.host, port))))
            own[0].settimeout(LONG)

        def accept(connection: Connection) -> None:
            close_socket(adopt(own[0].accept()[0]))
            close_socket(own[0])

        peer.script(
            HELLO,
            *binary(),
            *answer(b"EPSV", b"502 no"),
            expect(b"PASV\r\n"),
            call(listen),
            send(b"227 here (" + numbers + b")\r\n"),
            expect(b"MLSD\r\n"),
            call(accept),
            send(b"150 go\r\n226 done\r\n"),
            expect_eof(),
        )
        client = await connected(peer)
        assert await client.list() == []
        client.close()
        with pytest.raises(BlockingIOError):
            stranger.accept()


@pytest.mark.parametrize("epsv", [b"500 what?", b"425 busy", b"229 gibberish", b"229 (|||{closed}|)"])
async def test_defect_18_whatever_is_wrong_with_epsv_pasv_is_asked(peer: ScriptedPeer, epsv: bytes) -> None:
    """Guard: transfer.ftp._data:DataConnections._first, which goes on after any failure that leaves the connection.

    That a port which swallows what is sent to it is left in time is held by tests/ftp/test_data.py.
    """

    def shut(connection: Connection) -> None:
        close_socket(connection._listeners.pop("closed"))

    pasv = (expect(b"PASV\r\n"), listen_data("p"), send(b"227 here ({p:pasv})\r\n"))
    peer.script(
        HELLO,
        *binary(),
        listen_data("closed"),
        call(shut),
        *answer(b"EPSV", epsv),
        *pasv,
        *answer(b"MLSD", b"150 go"),
        accept_data("p"),
        send_data("p", LINE),
        close_data("p"),
        send(b"226 done\r\n"),
        expect_eof(),
    )
    client = await connected(peer)
    assert len(await client.list()) == 1
    client.close()


# -- transfers that are left -------------------------------------------------------------------------------------------


ABOR = expect(b"ABOR\r\n")
MARKER = answer(b"PWD", b'257 "/"')
RACES: dict[str, tuple[Step, ...]] = {
    "426 and 226": (ABOR, send(b"426 aborted\r\n226 so it is\r\n")),
    "226 and 226": (ABOR, send(b"226 was done\r\n226 so it is\r\n")),
    "226 and 225": (ABOR, send(b"226 was done\r\n225 nothing to abort\r\n")),
    "426, and 226 late": (ABOR, send(b"426 aborted\r\n"), pause(0.2), send(b"226 so it is\r\n")),
    "226, and 226 late": (ABOR, send(b"226 was done\r\n"), pause(0.2), send(b"226 so it is\r\n"), *MARKER),
    "226 once": (ABOR, send(b"226 so it is\r\n"), *MARKER),
    "data reset as well": (ABOR, reset_data("d"), send(b"426 aborted\r\n226 so it is\r\n")),
    "451 and 226": (ABOR, send(b"451 read error\r\n226 so it is\r\n")),
    "500": (ABOR, send(b"426 aborted\r\n500 ABOR?\r\n")),
}


def leaving(*race: Step) -> tuple[Step, ...]:
    """A download that the client leaves half-way."""
    return HELLO, *binary(), *open_data(b"RETR a"), send_data("d", b"0123"), *race


async def leave(client: ftp.Client, how: str) -> None:
    with anyio.CancelScope() as scope, contextlib.suppress(LookupError):
        async with client._session.data.transfer(retr("a")) as transfer:
            assert await transfer.stream.receive() == b"0123"
            if how == "failed":
                raise LookupError("mine")
            scope.cancel()
            await anyio.lowlevel.checkpoint()
    assert scope.cancelled_caught == (how == "cancelled")


@pytest.mark.parametrize("race", RACES)
@pytest.mark.parametrize("how", ["cancelled", "failed"])
async def test_defect_09_what_answers_a_transfer_that_was_left_answers_no_other_command(
    peer: ScriptedPeer, race: str, how: str
) -> None:
    """Guard: transfer._engine.transfer:Transfer.abort, which reads all that is owed. RFC 959 §4.1.3."""
    peer.script(*leaving(*RACES[race]), *answer(b"PWD", b'257 "/home"'), expect_eof())
    client = await connected(peer)
    with anyio.fail_after(LONG):
        await leave(client, how)
        assert str(await client.get_current_directory()) == "/home"
    client.close()


@pytest.mark.parametrize("how", ["cancelled", "failed"])
async def test_defect_09_a_426_for_the_broken_data_connection_may_come_before_the_abor(
    peer: ScriptedPeer, how: str
) -> None:
    """Guard: transfer._engine.settling:Settling.settle, which reads one reply more if the ABOR has gone."""

    def notice(connection: Connection) -> None:
        with contextlib.suppress(Gone):
            connection.data("d").read_to_end()
        connection.wire.send(b"426 you left\r\n")
        if (line := connection.wire.read_line()) == b"ABOR":
            connection.wire.send(b"225 nothing to abort\r\n")
            line = connection.wire.read_line()
        assert line == b"PWD"
        connection.wire.send(b'257 "/home"\r\n')

    peer.script(*leaving(call(notice)), expect_eof())
    client = await connected(peer)
    await leave(client, how)
    assert str(await client.get_current_directory()) == "/home"
    client.close()


async def test_defect_09_a_421_instead_ends_the_connection_and_says_so(peer: ScriptedPeer) -> None:
    """Guard: transfer._engine.conversation:Conversation._note_closing."""
    peer.script(*leaving(ABOR, send(b"421 that was too much\r\n")))
    client = await connected(peer)
    await leave(client, "failed")
    assert not client.is_connected
    with pytest.raises(ftp.FTPDisconnected, match="too much"):
        await client.get_current_directory()


async def test_defect_09_a_listing_that_is_left_answers_no_other_command(peer: ScriptedPeer) -> None:
    """Guard: transfer.ftp._control:Control.leave."""
    begun = (*passive(), *answer(b"MLSD", b"150 go"), accept_data("d"), send_data("d", LINE))
    peer.script(
        HELLO,
        *binary(),
        *begun,
        ABOR,
        send(b"426 aborted\r\n226 so it is\r\n"),
        *answer(b"PWD", b'257 "/home"'),
        expect_eof(),
    )
    client = await connected(peer)
    async for _ in client.list():
        break
    assert str(await client.get_current_directory()) == "/home"
    client.close()
