"""What must not happen when a call is interrupted, late or large: D1 to D8, and D24.

Each test names the guard without which it fails.
"""

from __future__ import annotations

import socket
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import pytest

from tests.peers import (
    Connection,
    MiniSMTP,
    ScriptedPeer,
    Step,
    call,
    close,
    expect,
    expect_eof,
    expect_until,
    hang,
    send,
)
from tests.smtp.support import (
    DATA,
    GO_ON,
    LONG,
    MAIL,
    MESSAGE,
    PARTING,
    RECIPIENT,
    SENDER,
    SHORT,
    TEXT,
    Way,
    client_of,
    connected,
    opening,
    raises,
    rcpt,
    said,
    until,
)
from transfer import smtp

RCPT = rcpt(b"ben@example.net")
GOING = b"421 4.3.2 going down"


def waiting_for(event: threading.Event) -> Step:
    """The step of a server that takes its time."""

    def wait(_: Connection) -> None:
        assert event.wait(LONG)

    return call(wait)


# -- D1: a late reply never answers the next command -------------------------------------------------------------------


async def test_d01_a_cancelled_command_leaves_no_reply_behind(peer: ScriptedPeer) -> None:
    """Guard: transfer._engine.conversation:Conversation._run, which abandons the channel when it is interrupted."""
    late = threading.Event()
    peer.script(*opening(), expect(b"NOOP\r\n"), waiting_for(late), send(b"250 LATE\r\n"), expect_eof())
    async with connected(peer) as client:
        with anyio.move_on_after(SHORT) as scope:
            await client.noop()
        assert scope.cancelled_caught
        late.set()
        assert not client.is_connected
        with raises(smtp.SMTPServerDisconnected):
            await client.vrfy("ben@x")


async def test_d01b_a_cancelled_mail_leaves_no_reply_to_the_next(peer: ScriptedPeer) -> None:
    """Guards: transfer._engine.client:ClientChannel.payload and transfer.smtp._transaction:Transaction._fail.

    Either abandons the channel when it is interrupted.
    """
    late = threading.Event()
    exchanges = (MAIL, b"250 ok"), (RCPT, b"250 ok"), GO_ON
    peer.script(*opening(), *said(*exchanges), expect(MESSAGE), waiting_for(late), send(b"250 LATE\r\n"), expect_eof())
    async with connected(peer) as client:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(client.sendmail, SENDER, RECIPIENT, TEXT)
                await until(lambda: peer.received.endswith(MESSAGE))
                scope.cancel()
        late.set()
        with raises(smtp.SMTPServerDisconnected):
            await client.sendmail(SENDER, RECIPIENT, TEXT)


# -- D2: a cancelled connect leaves a client that can connect ----------------------------------------------------------


async def test_d02_after_a_cancelled_connect_the_client_connects(peer: ScriptedPeer) -> None:
    """Guard: transfer.smtp._connection:Connection._open, whose finally ends the attempt."""
    peer.script(hang())
    peer.script(*opening(), *PARTING)
    client = client_of(peer)
    with anyio.move_on_after(SHORT) as scope:
        await client.connect()
    assert scope.cancelled_caught
    assert not client.is_connected
    with anyio.fail_after(LONG):
        await client.connect()
        await client.quit()


async def test_d02_a_cancelled_greeting_leaves_no_socket_open(peer: ScriptedPeer) -> None:
    """Guards: transfer.smtp._open:open_session and Conversation._run, which close whatever interrupts them."""
    peer.script(expect_eof())
    client = client_of(peer)
    with anyio.move_on_after(SHORT):
        await client.connect()
    with anyio.fail_after(LONG):
        await peer.served()
    assert not client.is_connected


# -- D3: a cancelled block ends at once --------------------------------------------------------------------------------


async def test_d03_a_cancelled_block_says_no_goodbye(peer: ScriptedPeer) -> None:
    """Guard: transfer.smtp._connection:Connection.__aexit__, which parts after an Exception only."""
    peer.script(*opening(), expect_eof())
    async with anyio.create_task_group() as group, client_of(peer) as client:
        assert client.is_connected
        group.cancel_scope.cancel()
        await anyio.sleep_forever()
    assert not client.is_connected


async def test_d03_a_block_cancelled_in_a_command_does_not_wait_for_its_peer(peer: ScriptedPeer) -> None:
    """Guard: as above."""
    peer.script(*opening(), expect(b"NOOP\r\n"), expect_eof())
    with anyio.fail_after(LONG), anyio.move_on_after(SHORT) as scope:
        async with client_of(peer, timeout=None) as client:
            await client.noop()
    assert scope.cancelled_caught


# -- D4: what is wrong with one recipient is found before MAIL ---------------------------------------------------------


@pytest.mark.parametrize("wrong", ["grün@x", "ben@x\r\n", "Ben <ben@x>", "ben@"])
async def test_d04_a_wrong_recipient_is_found_before_mail(smtp_server: MiniSMTP, wrong: str) -> None:
    """Guard: transfer.smtp._client:SMTP._send, which drafts the whole mail before anything is sent of it."""
    smtp_server.extensions = ()
    async with connected(smtp_server) as client:
        with pytest.raises(smtp.SMTPException):
            await client.sendmail(SENDER, [RECIPIENT, wrong], TEXT)
        assert not any(command.startswith("MAIL") for command in smtp_server.commands)
        assert await client.sendmail(SENDER, [RECIPIENT], TEXT) == ({}, "2.0.0 accepted")


# -- D5, D6: what a 421 says is what is raised -------------------------------------------------------------------------


async def test_d05_421_to_a_recipient_is_what_is_raised(peer: ScriptedPeer, way: Way) -> None:
    """Guard: transfer.smtp._transaction:Transaction._judge_recipients, which gives a 421 to all who have no answer."""
    begin = opening(*([b"PIPELINING"] if way.pipelining else []))
    peer.script(*begin, *_until_421(way, (MAIL, b"250 ok"), (RCPT, GOING)))
    async with connected(peer) as client:
        with raises(smtp.SMTPRecipientsRefused) as caught:
            await client.sendmail(SENDER, [RECIPIENT, "eve@example.net"], TEXT)
        assert not client.is_connected
    assert [(one.code, one.message) for one in caught.value.recipients] == [(421, "4.3.2 going down")] * 2


def _until_421(way: Way, *exchanges: tuple[bytes, bytes]) -> Iterator[Step]:
    if not way.pipelining:
        yield from (*said(*exchanges), expect_eof())
        return
    yield expect_until(b"DATA\r\n")
    yield send(b"".join(reply + b"\r\n" for _, reply in exchanges))
    yield close()


async def test_d06_after_421_to_data_nothing_more_is_said(peer: ScriptedPeer) -> None:
    """Guard: transfer._engine.conversation:Conversation._collect, which closes the channel at a 421."""
    peer.script(*opening(), *said((MAIL, b"250 ok"), (RCPT, b"250 ok"), (DATA, GOING)), expect_eof())
    async with connected(peer) as client:
        with raises(smtp.SMTPDataError, match="going down"):
            await client.sendmail(SENDER, RECIPIENT, TEXT)
        assert not client.is_connected


# -- D7: a steady upload may take its time -----------------------------------------------------------------------------

BLOCK = 256 * 1024


def reading_slowly(blocks: int, seconds: float) -> Step:
    """The step of a server that reads so many blocks, one after each pause."""

    def read(connection: Connection) -> None:
        for _ in range(blocks):
            connection.pause(seconds)
            connection.wire.read_exactly(BLOCK)

    return call(read)


async def test_d07_a_steady_upload_may_take_longer_than_the_timeout(peer: ScriptedPeer) -> None:
    """Guard: transfer._engine.payload:send_all_but_last_block, which gives each block a deadline of its own."""
    blocks = 16
    message = (b"x" * 78 + b"\r\n") * ((blocks + 1) * BLOCK // 80)
    exchanges = (MAIL, b"250 ok"), (RCPT, b"250 ok"), GO_ON
    peer.script(
        *opening(),
        *said(*exchanges),
        reading_slowly(blocks, SHORT),
        expect_until(b"\r\n.\r\n"),
        send(b"250 ok\r\n"),
        expect_eof(),
    )
    # Over a socket pair, because the system keeps little of what the peer has not read yet.
    async with connected(peer, hostname=None, port=None, sock=peer.socketpair()) as client:
        assert await client.sendmail(SENDER, RECIPIENT, message, timeout=blocks * SHORT / 2) == ({}, "ok")


# -- D8: a large body is not copied again and again --------------------------------------------------------------------


@contextmanager
def forgetful_server() -> Iterator[socket.socket]:
    """The client's end of a connection to a server that keeps nothing of what it is sent."""
    ours, theirs = socket.socketpair()
    ours.settimeout(LONG)

    def line() -> bytes:
        read = b""
        while not read.endswith(b"\n"):
            read += ours.recv(1)
        return read

    def serve() -> None:
        ours.sendall(b"220 ready\r\n")
        for reply in (b"250 mini", b"250 ok", b"250 ok", b"354 go on"):
            line()
            ours.sendall(reply + b"\r\n")
        tail, room = b"", memoryview(bytearray(65536))
        while not tail.endswith(b"\r\n.\r\n"):
            count = ours.recv_into(room)
            assert count
            tail = (tail + bytes(room[max(0, count - 5) : count]))[-5:]
        ours.sendall(b"250 taken\r\n")

    with ours:
        thread = threading.Thread(target=serve)
        thread.start()
        yield theirs
        thread.join(LONG)


@pytest.mark.parametrize("line", [b"x" * 78 + b"\r\n", b"." + b"x" * 77 + b"\r\n"], ids=["clean", "dots"])
async def test_d08_a_large_body_costs_little_more_than_itself(line: bytes) -> None:
    """Guard: transfer.smtp._content:MemoryContent.for_data, which stuffs a large message block by block."""
    message = line * (8 * 1024 * 1024 // len(line))
    with forgetful_server() as sock:
        client = smtp.SMTP(sock=sock, start_tls=False, local_hostname="client.example")
        await client.connect()
        tracemalloc.start()
        try:
            assert await client.sendmail(SENDER, RECIPIENT, message) == ({}, "taken")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            client.close()
    assert peak < 1.5 * len(message)


# -- D24: what the server says while the client is idle ----------------------------------------------------------------


async def test_d24_the_servers_farewell_is_noticed_and_told(peer: ScriptedPeer) -> None:
    """Guard: transfer.smtp._session:Session.is_alive, and Conversation.look_for_news, which keeps the 421."""
    peer.script(*opening(), send(b"421 4.4.2 idle too long\r\n"), hang())
    async with connected(peer) as client:
        await until(lambda: not client.is_connected)
        with raises(smtp.SMTPServerDisconnected, match="idle too long") as caught:
            await client.sendmail(SENDER, RECIPIENT, TEXT)
        assert caught.value.reply is not None
        assert caught.value.reply.code == 421
