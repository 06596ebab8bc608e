"""A client's connection: its state, connecting again after whatever happened, and whose turn it is."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import anyio
import pytest

from tests.peers import MiniSMTP, ScriptedPeer, Step, close, expect, expect_eof, hang, reset, send
from tests.smtp.support import (
    EHLO,
    HELLO,
    LONG,
    PARTING,
    RECIPIENT,
    SENDER,
    SHORT,
    client_of,
    connected,
    opening,
    raises,
    said,
    stalls,
    until,
)
from transfer import smtp

# -- state -------------------------------------------------------------------------------------------------------------


def test_a_client_begins_unconnected() -> None:
    client = smtp.SMTP(hostname="mail.example", use_tls=True, timeout=7)
    client.close()

    assert (client.hostname, client.port, client.timeout) == ("mail.example", 465, 7)
    assert not client.is_connected
    assert client.is_ehlo_or_helo_needed
    assert not client.supports_esmtp
    assert not client.supports_extension("size")
    assert client.last_ehlo_response is None
    assert client.last_helo_response is None
    assert client.last_delivery is None
    assert client.esmtp_extensions == {}
    assert client.server_auth_methods == []


async def test_a_client_shows_where_it_is_connected(smtp_server: MiniSMTP) -> None:
    client = smtp.SMTP(hostname=smtp_server.host, port=smtp_server.port, password="secret")
    assert repr(client) == "<SMTP, not connected>"
    async with client:
        assert repr(client) == f"<SMTP {smtp_server.host}:{smtp_server.port}, connected>"
    assert repr(client) == "<SMTP, not connected>"


@pytest.mark.parametrize(
    ("given", "port"),
    [({}, 25), ({"use_tls": True}, 465), ({"start_tls": True}, 587), ({"port": 2525, "use_tls": True}, 2525)],
    ids=str,
)
def test_the_port_follows_from_the_rest(given: dict[str, int], port: int) -> None:
    assert smtp.SMTP(**given).port == port  # type: ignore[arg-type]  # of several keywords


def test_arguments_that_contradict_each_other_are_refused_at_once() -> None:
    with pytest.raises(ValueError, match="exclude"):
        smtp.SMTP(use_tls=True, start_tls=True)
    with pytest.raises(ValueError, match="exclude"):
        smtp.SMTP(password="x", oauth_token_generator=lambda: NotImplemented)


async def test_what_the_server_said_is_kept(peer: ScriptedPeer) -> None:
    peer.script(
        *opening(b"SIZE 99", b"AUTH PLAIN LOGIN", b"X-YZ a b"), *said((b"HELO x.example", b"250 hi")), expect_eof()
    )
    client = client_of(peer)
    assert await client.connect() == (220, "mini.example ready")
    await client.helo(hostname="x.example")

    assert client.is_connected
    assert client.supports_esmtp
    assert client.supports_extension("Size")
    assert client.esmtp_extensions == {"size": "99", "auth": "PLAIN LOGIN", "x-yz": "a b"}
    assert client.server_auth_methods == ["plain", "login"]
    assert client.last_ehlo_response == (250, "mini.example\nSIZE 99\nAUTH PLAIN LOGIN\nX-YZ a b")
    assert client.last_helo_response == (250, "hi")
    client.close()


@pytest.mark.parametrize(
    "farewell", [close(), reset(), send(b"421 4.4.2 idle too long\r\n"), send(b"what\r\n")], ids=str
)
async def test_a_server_that_went_away_unasked_is_noticed(peer: ScriptedPeer, farewell: Step) -> None:
    """Programs say "if not connected: connect" before each mail."""
    peer.script(*opening(), farewell)
    peer.script(*opening(), *said((b"NOOP", b"250 ok")), *PARTING)
    client = client_of(peer)
    await client.connect()
    await until(lambda: not client.is_connected)
    await client.connect()
    assert await client.noop() == (250, "ok")
    await client.quit()


async def test_the_parting_words_of_the_server_are_the_reason(peer: ScriptedPeer) -> None:
    peer.script(*opening(), send(b"421 4.4.2 idle too long\r\n"), close())
    async with connected(peer) as client:
        await peer.served()
        for _ in range(2):
            with raises(smtp.SMTPServerDisconnected, match="idle too long") as caught:
                await client.sendmail(SENDER, RECIPIENT, "x")
            assert caught.value.reply.code == 421
        assert not client.is_connected
        assert client.last_delivery is smtp.Delivery.NOT_SENT


# -- connecting --------------------------------------------------------------------------------------------------------


async def test_of_two_tasks_one_connects(peer: ScriptedPeer) -> None:
    peer.script(*opening(), *said((b"NOOP", b"250 ok")), expect_eof())
    client = client_of(peer)
    async with anyio.create_task_group() as group:
        group.start_soon(client.connect)
        await anyio.wait_all_tasks_blocked()
        with raises(smtp.SMTPException, match="about to be"):
            await client.connect()
    await client.noop()
    client.close()


async def test_what_connect_is_given_counts_for_later_too_but_for_the_time(peer: ScriptedPeer) -> None:
    for _ in range(2):
        peer.script(HELLO, expect(b"EHLO later.example\r\n"), send(b"250 hello\r\n"), expect_eof())
    client = smtp.SMTP(hostname="192.0.2.1", port=1, timeout=LONG)
    await client.connect(hostname=peer.host, port=peer.port, local_hostname="later.example", timeout=LONG - 1)

    assert (client.hostname, client.port, client.timeout) == (peer.host, peer.port, LONG)
    assert client._session is not None
    assert client._session.channel.timeouts.reply == LONG
    client.close()
    await client.connect()
    client.close()


async def test_the_time_given_to_connect_counts_for_it(peer: ScriptedPeer) -> None:
    peer.script(hang())
    client = client_of(peer)
    with raises(smtp.SMTPConnectTimeoutError) as caught:
        await client.connect(timeout=SHORT)

    assert caught.value.seconds == SHORT


async def test_senseless_arguments_of_connect_leave_the_client_as_it_was(peer: ScriptedPeer) -> None:
    peer.script(*opening(), expect_eof())
    client = client_of(peer)
    with pytest.raises(ValueError, match="exclude"):
        await client.connect(use_tls=True, start_tls=True)
    await client.connect()
    client.close()


def failures() -> Iterator[object]:
    yield pytest.param([send(b"554 no\r\n")], smtp.SMTPConnectResponseError, id="refused")
    yield pytest.param([close()], smtp.SMTPConnectError, id="no greeting")
    yield pytest.param([hang()], smtp.SMTPConnectTimeoutError, id="stall")
    yield pytest.param([send(b"\0\r\n")], smtp.SMTPProtocolError, id="garbage")
    yield pytest.param([HELLO, EHLO, send(b"550 no\r\n"), close()], smtp.SMTPServerDisconnected, id="lost at HELO")
    yield pytest.param([HELLO, EHLO, send(b"450 no\r\n")], smtp.SMTPHeloError, id="no EHLO")
    yield pytest.param(
        [*opening(b"STARTTLS"), *said((b"STARTTLS", b"454 no"))], smtp.SMTPResponseException, id="no TLS"
    )


@pytest.mark.parametrize(("steps", "error"), list(failures()))
async def test_after_a_failed_attempt_the_client_connects_again(
    steps: list[Step], error: type[smtp.SMTPException]
) -> None:
    with ScriptedPeer(client_may_leave=True) as peer:
        peer.script(*steps)
        peer.script(*opening(), *PARTING)
        client = client_of(peer)
        with raises(error):
            await client.connect(timeout=SHORT if stalls(steps) else LONG)
        assert not client.is_connected
        await client.connect()
        await client.quit()


@pytest.mark.parametrize(
    ("steps", "error"),
    [
        ([close()], smtp.SMTPServerDisconnected),
        ([reset()], smtp.SMTPServerDisconnected),
        ([send(b"421 bye\r\n")], smtp.SMTPResponseException),
        ([send(b"250-half\r\n"), hang()], smtp.SMTPReadTimeoutError),
        ([send(b"what\r\n")], smtp.SMTPProtocolError),
        ([send(b"334 more\r\n")], smtp.SMTPProtocolError),
    ],
    ids=["end of file", "reset", "421", "stall", "garbage", "out of turn"],
)
async def test_after_a_lost_command_the_client_connects_again(
    peer: ScriptedPeer, steps: list[Step], error: type[smtp.SMTPException]
) -> None:
    peer.script(*opening(), expect(b"NOOP\r\n"), *steps)
    peer.script(*opening(), *PARTING)
    client = client_of(peer)
    await client.connect()
    with raises(error):
        await client.noop(timeout=SHORT if stalls(steps) else LONG)
    assert not client.is_connected
    with raises(smtp.SMTPServerDisconnected, match="Not connected"):
        await client.noop()
    await client.connect()
    await client.quit()
    with raises(smtp.SMTPServerDisconnected, match="Not connected"):
        await client.quit()


async def test_a_socket_handed_in_serves_once(peer: ScriptedPeer) -> None:
    peer.script(*opening(), *PARTING)
    peer.script(*opening(), *PARTING)
    client = smtp.SMTP(sock=socket.create_connection((peer.host, peer.port)), local_hostname="client.example")
    await client.connect()
    await client.quit()
    with raises(smtp.SMTPConnectError):
        await client.connect()
    await client.connect(sock=None, hostname=peer.host, port=peer.port)
    await client.quit()


# -- close -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "steps", [[hang()], [HELLO, EHLO, hang()], [*opening(b"STARTTLS"), expect(b"STARTTLS\r\n"), hang()]], ids=len
)
async def test_close_gives_up_connecting(steps: list[Step]) -> None:
    with ScriptedPeer(client_may_leave=True) as peer:
        peer.script(*steps)
        peer.script(*opening(), *PARTING)
        client = client_of(peer)
        caught: list[smtp.SMTPServerDisconnected] = []

        async def connect() -> None:
            with raises(smtp.SMTPServerDisconnected, match="Closed while connecting") as info:
                await client.connect()
            caught.append(info.value)

        async with anyio.create_task_group() as group:
            group.start_soon(connect)
            await until(lambda: peer.connections and peer.connections[0].played == len(steps) - 1)
            await anyio.wait_all_tasks_blocked()
            client.close()
        assert len(caught) == 1
        assert not client.is_connected
        await client.connect()
        await client.quit()


async def test_close_ends_the_command_under_way_and_those_that_wait(peer: ScriptedPeer) -> None:
    peer.script(*opening(), expect(b"NOOP\r\n"), expect_eof())
    peer.script(*opening(), *PARTING)
    client = client_of(peer)
    await client.connect()
    ended: list[str] = []

    async def noop() -> None:
        with raises(smtp.SMTPServerDisconnected) as caught:
            await client.noop()
        ended.append(caught.value.message)

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(noop)
        await anyio.wait_all_tasks_blocked()
        client.close()
        client.close()
    assert len(ended) == 3
    await client.connect()
    await client.quit()


async def test_those_who_waited_for_the_old_connection_do_not_get_the_new_one(peer: ScriptedPeer) -> None:
    peer.script(*opening(), expect(b"NOOP\r\n"), expect_eof())
    peer.script(*opening(), *PARTING)
    client = client_of(peer)
    await client.connect()

    async def noop() -> None:
        with raises(smtp.SMTPServerDisconnected):
            await client.noop()

    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(noop)
        await anyio.wait_all_tasks_blocked()
        client.close()
        await client.connect()
    await client.quit()
