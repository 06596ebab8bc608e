"""What is inside TLS and what is not: PROT, CCC, client certificates, and whom a session is shown to."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.ftp.support import HELLO, answer, binary, connected, deliver, impatient, passive
from tests.peers import (
    Connection,
    MiniFTP,
    ScriptedPeer,
    Step,
    accept_data,
    call,
    close,
    close_data,
    data_tls,
    expect,
    expect_eof,
    expect_line,
    half_close,
    hang,
    send,
    send_data,
    start_tls,
)
from transfer import ftp
from transfer._net.tls import TLS

CONTENT = b"0123456789"
LINE = b"type=file; x\r\n"


@pytest.fixture
def secured(
    peer: ScriptedPeer, server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> Callable[..., Any]:
    """Script a server with implicit TLS that agrees to PROT P; the result connects a client to it."""

    async def connect(*steps: Step, **options: Any) -> ftp.Client:
        private = options.get("protect_data", True)
        peer.script(
            start_tls(server_tls_context),
            HELLO,
            *answer(b"PBSZ 0", b"200 ok"),
            *answer(b"PROT P" if private else b"PROT C", b"200 ok"),
            *steps,
            expect_eof(),
        )
        return await connected(peer, ssl=client_tls_context, **options)

    return connect


# -- data ------------------------------------------------------------------------------------------------------------


async def test_data_can_go_in_clear_while_commands_do_not(secured: Callable[..., Any]) -> None:
    client = await secured(*binary(), *deliver(b"MLSD", LINE), protect_data=False)
    assert len(await client.list()) == 1
    client.close()


async def test_the_protection_of_data_can_be_changed_under_way(
    secured: Callable[..., Any], server_tls_context: ssl.SSLContext
) -> None:
    private = (
        *passive("e"),
        *answer(b"MLSD", b"150 go"),
        accept_data("e"),
        data_tls("e", server_tls_context, resumed=True),
        send_data("e", LINE),
        close_data("e"),
        send(b"226 done\r\n"),
    )
    client = await secured(
        *answer(b"PROT C", b"200 ok"),
        *binary(),
        *deliver(b"MLSD", LINE),
        *answer(b"PROT P", b"200 ok"),
        *private,
    )
    await client.set_data_protection(False)
    assert len(await client.list()) == 1
    await client.set_data_protection(True)
    assert len(await client.list()) == 1
    client.close()


async def test_a_server_that_wants_data_to_be_private_keeps_it_so(
    secured: Callable[..., Any], server_tls_context: ssl.SSLContext
) -> None:
    client = await secured(
        *answer(b"PROT C", b"534 P or nothing"),
        *binary(),
        *passive(),
        *answer(b"MLSD", b"150 go"),
        accept_data("d"),
        data_tls("d", server_tls_context),
        send_data("d", LINE),
        close_data("d"),
        send(b"226 done\r\n"),
    )
    with pytest.raises(ftp.StatusCodeError):
        await client.set_data_protection(False)
    assert len(await client.list()) == 1
    client.close()


async def test_what_needs_tls_is_refused_without_it(peer: ScriptedPeer) -> None:
    peer.script(HELLO, expect_eof())
    client = await connected(peer)
    for call_ in (client.set_data_protection(True), client.set_data_protection(False), client.clear_command_channel()):
        with pytest.raises(ftp.InvalidCommand, match="not inside TLS"):
            await call_
    assert client.is_connected
    client.close()
    with pytest.raises(ftp.FTPDisconnected):
        await client.clear_command_channel()


# -- commands --------------------------------------------------------------------------------------------------------


def end_tls(*, first: bool = True, then: bytes = b"") -> Step:
    """End TLS as a server does after CCC; *first* before the client's close_notify has come, and *then* with it."""

    def play(connection: Connection) -> None:
        connection.wire.stop_tls(first=first, then=then)

    return call(play)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda version: version.name)
@pytest.mark.parametrize("first", [True, False], ids=["server first", "client first"])
async def test_commands_go_in_clear_after_ccc_and_data_does_not(
    peer: ScriptedPeer, server_tls_context: ssl.SSLContext, ca_file: Path, first: bool, version: ssl.TLSVersion
) -> None:
    context = ssl.create_default_context(cafile=str(ca_file))
    context.maximum_version = version
    seen: list[bytes] = []
    peer.script(
        start_tls(server_tls_context),
        HELLO,
        *answer(b"PBSZ 0", b"200 ok"),
        *answer(b"PROT P", b"200 ok"),
        *answer(b"CCC", b"200 in clear then"),
        end_tls(first=first),
        *binary(),
        *passive(),
        *answer(b"MLSD", b"150 go"),
        accept_data("d"),
        data_tls("d", server_tls_context, resumed=True),
        send_data("d", LINE),
        close_data("d"),
        send(b"226 done\r\n"),
        call(lambda connection: seen.append(bytes(connection.wire.received))),
        expect_eof(),
    )
    client = await connected(peer, ssl=context)
    await client.clear_command_channel()
    assert len(await client.list()) == 1
    with pytest.raises(ftp.InvalidCommand, match="not inside TLS"):
        await client.clear_command_channel()
    client.close()
    await peer.served()
    assert seen[0].endswith(b"MLSD\r\n")


async def test_a_server_that_refuses_ccc_goes_on_in_tls(secured: Callable[..., Any]) -> None:
    client = await secured(*answer(b"CCC", b"533 stay private"), *answer(b"NOOP", b"200 ok"))
    with pytest.raises(ftp.StatusCodeError):
        await client.clear_command_channel()
    await client.command("NOOP", "200")
    assert client._session.control.is_encrypted
    client.close()


async def test_no_password_goes_in_clear_after_ccc(secured: Callable[..., Any]) -> None:
    client = await secured(*answer(b"CCC", b"200 ok"), end_tls())
    await client.clear_command_channel()
    client._session.control.is_local = False
    with pytest.raises(ftp.FTPNotSupported):
        await client.login("anna", "secret")
    client.close()


async def test_what_the_server_says_right_behind_its_close_notify_is_not_lost(secured: Callable[..., Any]) -> None:
    client = await secured(*answer(b"CCC", b"200 ok"), end_tls(then=b"421 and good-bye\r\n"))
    await client.clear_command_channel()
    with pytest.raises(ftp.FTPDisconnected, match="good-bye"):
        await client.command("NOOP", "200")


@pytest.mark.parametrize(
    ("steps", "error"),
    [
        ((expect_line(b"CCC"), send(b"200 ok\r\n"), hang(reading=False)), ftp.FTPTimeoutError),
        ((expect_line(b"CCC"), send(b"200 ok\r\n"), close(notify=False)), ftp.FTPDisconnected),
        ((expect_line(b"CCC"), send(b"200 ok\r\n200 and more\r\n"), half_close()), ftp.FTPException),
    ],
    ids=["silence", "end", "still inside"],
)
async def test_a_tls_that_does_not_end_in_order_ends_the_connection(
    peer: ScriptedPeer,
    server_tls_context: ssl.SSLContext,
    client_tls_context: ssl.SSLContext,
    steps: tuple[Step, ...],
    error: type[ftp.FTPException],
) -> None:
    peer.script(
        start_tls(server_tls_context), HELLO, *answer(b"PBSZ 0", b"200 ok"), *answer(b"PROT P", b"200 ok"), *steps
    )
    client = await connected(peer, ssl=client_tls_context, timeouts=impatient("close"))
    with pytest.raises(error):
        await client.clear_command_channel()
    assert not client.is_connected


async def test_tls_can_begin_anew_after_ccc(
    secured: Callable[..., Any], server_tls_context: ssl.SSLContext, ca_file: Path
) -> None:
    """With sessions of its own: those of the other context can't be resumed."""
    client = await secured(
        *answer(b"CCC", b"200 ok"),
        end_tls(),
        *answer(b"AUTH TLS", b"234 go"),
        start_tls(server_tls_context),
        *answer(b"PBSZ 0", b"200 ok"),
        *answer(b"PROT P", b"200 ok"),
        *binary(),
        *passive(),
        *answer(b"MLSD", b"150 go"),
        accept_data("d"),
        data_tls("d", server_tls_context, resumed=True),
        send_data("d", LINE),
        close_data("d"),
        send(b"226 done\r\n"),
    )
    await client.clear_command_channel()
    await client.upgrade_to_tls(ssl.create_default_context(cafile=str(ca_file)))
    assert len(await client.list()) == 1
    client.close()


# -- the client's certificate ----------------------------------------------------------------------------------------


async def test_a_certificate_of_the_client_s_is_shown_on_both_connections(
    certificate_authority: trustme.CA, server_certificate: trustme.LeafCert, ca_file: Path, tmp_path: Path
) -> None:
    own = certificate_authority.issue_cert("anna@client.example")
    own.private_key_and_cert_chain_pem.write_to_path(tmp_path / "own.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_certificate.configure_cert(context)
    certificate_authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    # So that the data connection shows it as well, and does not merely resume.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    with MiniFTP(tls=context, files={"/a": CONTENT}) as server:
        tls = TLS(ca_file=ca_file, certificate=tmp_path / "own.pem")
        async with ftp.Client.context(server.host, server.port, upgrade_to_tls=True, tls=tls) as client:
            assert len(await client.list()) == 1
        assert server.protected == [True]
        client = await connected(server, tls=TLS(ca_file=ca_file), timeouts=impatient())
        with pytest.raises(ftp.FTPException):
            await client.upgrade_to_tls()
        assert not client.is_connected


# -- the end of the control connection ---------------------------------------------------------------------------------


@pytest.mark.parametrize("notify", [True, False])
async def test_a_server_may_leave_without_a_word_after_quit(
    peer: ScriptedPeer, server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext, notify: bool
) -> None:
    peer.script(
        start_tls(server_tls_context),
        HELLO,
        *answer(b"PBSZ 0", b"200 ok"),
        *answer(b"PROT P", b"200 ok"),
        *answer(b"QUIT", b"221 bye"),
        close(notify=notify),
    )
    async with await connected(peer, ssl=client_tls_context) as client:
        await client.quit()


@pytest.mark.parametrize("notify", [True, False])
async def test_a_server_that_leaves_in_the_middle_is_a_lost_connection_and_no_tls_error(
    peer: ScriptedPeer, server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext, notify: bool
) -> None:
    peer.script(
        start_tls(server_tls_context),
        HELLO,
        *answer(b"PBSZ 0", b"200 ok"),
        *answer(b"PROT P", b"200 ok"),
        expect(b"NOOP\r\n"),
        close(notify=notify),
    )
    client = await connected(peer, ssl=client_tls_context)
    with pytest.raises(ftp.FTPDisconnected) as caught:
        await client.command("NOOP", "200")
    assert not isinstance(caught.value, ftp.FTPTLSError)
