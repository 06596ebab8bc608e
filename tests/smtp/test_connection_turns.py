"""Whose turn it is, and the beginning and the end of ``async with``."""

from __future__ import annotations

import threading

import anyio
import pytest

from tests.peers import Connection, MiniSMTP, ScriptedPeer, Step, call, close, expect, expect_eof, hang, send
from tests.smtp.support import (
    LONG,
    PARTING,
    SHORT,
    SOME,
    client_of,
    connected,
    opening,
    raises,
    stalls,
    until,
)
from transfer import smtp


def noop_answered_after(event: threading.Event) -> list[Step]:
    """The steps of a server that takes its time."""

    def wait(_: Connection) -> None:
        assert event.wait(LONG)

    return [expect(b"NOOP\r\n"), call(wait), send(b"250 ok\r\n")]


# -- taking turns ------------------------------------------------------------------------------------------------------


async def test_mails_of_several_tasks_do_not_mix(smtp_server: MiniSMTP) -> None:
    async with connected(smtp_server) as client, anyio.create_task_group() as group:
        for number in range(10):
            group.start_soon(
                client.sendmail, f"s{number}@x", [f"r{number}@x", f"q{number}@x"], f"Subject: {number}\n\n"
            )
            group.start_soon(client.noop)
    assert {(message.sender.split()[0], message.recipients, message.content) for message in smtp_server.messages} == {
        (f"<s{n}@x>", (f"<r{n}@x>", f"<q{n}@x>"), b"Subject: %d\r\n\r\n" % n) for n in range(10)
    }


async def test_a_task_that_gives_up_waiting_for_its_turn_harms_nobody(peer: ScriptedPeer) -> None:
    answer = threading.Event()
    peer.script(*opening(), *noop_answered_after(answer), *PARTING)
    async with connected(peer) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(client.noop)
            await until(lambda: b"NOOP" in peer.received)
            with anyio.move_on_after(SHORT) as scope:
                await client.rset()
            assert scope.cancelled_caught
            answer.set()
        await client.quit()


async def test_the_time_given_to_a_call_counts_for_it_alone(smtp_server: MiniSMTP) -> None:
    async with connected(smtp_server) as client:
        assert client._session is not None
        before = client._session.channel.timeouts
        await client.noop(timeout=1.5)
        with pytest.raises(ValueError, match="above 0"):
            await client.noop(timeout=0)
        assert client._session.channel.timeouts == before
        await client.noop(timeout=None)


# -- async with --------------------------------------------------------------------------------------------------------


async def test_the_block_connects_and_parts(peer: ScriptedPeer) -> None:
    peer.script(*opening(), *PARTING)
    async with client_of(peer) as client:
        assert client.is_connected
    assert not client.is_connected


async def test_a_client_that_is_connected_already_is_used_as_it_is(peer: ScriptedPeer) -> None:
    peer.script(*opening(), *PARTING)
    client = client_of(peer)
    await client.connect()
    async with client as same:
        assert same is client
    assert not client.is_connected


async def test_a_client_can_be_entered_again(peer: ScriptedPeer) -> None:
    client = client_of(peer)
    for _ in range(2):
        peer.script(*opening(), *PARTING)
        async with client:
            pass


async def test_a_block_that_closes_needs_no_goodbye(peer: ScriptedPeer) -> None:
    peer.script(*opening(), *PARTING)
    peer.script(*opening(), expect_eof())
    async with client_of(peer) as client:
        await client.quit()
    async with client_of(peer) as client:
        client.close()


@pytest.mark.parametrize(
    "answer", [send(b"500 stay\r\n"), close(), hang(), send(b"what\r\n"), send(b"421 bye\r\n")], ids=str
)
async def test_however_the_server_takes_the_goodbye_the_block_ends_well(peer: ScriptedPeer, answer: Step) -> None:
    peer.script(*opening(), expect(b"QUIT\r\n"), answer)
    async with client_of(peer, timeout=SOME if stalls([answer]) else LONG) as client:
        pass
    assert not client.is_connected


@pytest.mark.parametrize(
    "error", [ValueError("x"), smtp.SMTPDataError(554, "no"), smtp.SMTPRecipientsRefused([])], ids=repr
)
async def test_an_error_that_left_the_connection_intact_ends_with_a_goodbye(
    peer: ScriptedPeer, error: Exception
) -> None:
    peer.script(*opening(), *PARTING)
    with pytest.raises(type(error)) as caught:
        async with client_of(peer):
            raise error

    assert caught.value is error


@pytest.mark.parametrize("error", [ConnectionError("x"), TimeoutError("x"), smtp.SMTPServerDisconnected("x")], ids=repr)
async def test_an_error_of_connections_ends_without_one(peer: ScriptedPeer, error: Exception) -> None:
    peer.script(*opening(), expect_eof())
    with pytest.raises(type(error)) as caught:
        async with client_of(peer):
            raise error

    assert caught.value is error


async def test_a_cancelled_block_ends_at_once(peer: ScriptedPeer) -> None:
    peer.script(*opening(), expect_eof())
    client = client_of(peer)
    with anyio.CancelScope() as scope:
        async with client:
            scope.cancel()
            await anyio.sleep_forever()
    assert not client.is_connected


async def test_the_goodbye_waits_for_the_command_of_another_task(peer: ScriptedPeer) -> None:
    answer = threading.Event()
    peer.script(*opening(), *noop_answered_after(answer), *PARTING)

    async def answer_later() -> None:
        await anyio.sleep(SHORT)
        answer.set()

    async with anyio.create_task_group() as group, client_of(peer) as client:
        group.start_soon(client.noop)
        await until(lambda: b"NOOP" in peer.received)
        group.start_soon(answer_later)


async def test_the_goodbye_does_not_wait_for_ever(peer: ScriptedPeer) -> None:
    peer.script(*opening(), expect(b"NOOP\r\n"), expect_eof())

    async def noop(client: smtp.SMTP) -> None:
        with raises(smtp.SMTPServerDisconnected):
            await client.noop(timeout=LONG)

    async with anyio.create_task_group() as group, client_of(peer, timeout=SOME) as client:
        group.start_soon(noop, client)
        await anyio.wait_all_tasks_blocked()


# -- async with, in several tasks --------------------------------------------------------------------------------------


async def test_tasks_that_enter_at_once_share_a_connection(smtp_server: MiniSMTP) -> None:
    client = client_of(smtp_server)
    inside: list[int] = []

    async def send_one(number: int) -> None:
        async with client:
            inside.append(number)
            await until(lambda: len(inside) == 5)
            await client.sendmail("s@x", f"r{number}@x", b"")

    async with anyio.create_task_group() as group:
        for number in range(5):
            group.start_soon(send_one, number)

    assert sorted(message.recipients for message in smtp_server.messages) == [(f"<r{n}@x>",) for n in range(5)]
    assert smtp_server.commands.count("QUIT") == smtp_server.accepted == 1
    assert not client.is_connected


async def test_the_last_block_to_end_says_goodbye(smtp_server: MiniSMTP) -> None:
    client = client_of(smtp_server)
    async with client:
        with pytest.raises(ConnectionError, match="not ours"):
            async with client:
                raise ConnectionError("not ours")
        assert (await client.noop()).code == 250
    assert not client.is_connected


async def test_whoever_waits_for_a_failed_attempt_makes_one_of_its_own(peer: ScriptedPeer) -> None:
    refuse = threading.Event()

    def wait(_: Connection) -> None:
        assert refuse.wait(LONG)

    peer.script(call(wait), send(b"554 not you\r\n"), close())
    peer.script(*opening(), *PARTING)
    client = client_of(peer)
    entering: list[int] = []
    outcomes: list[object] = []

    async def enter() -> None:
        entering.append(1)
        try:
            async with client:
                outcomes.append("connected")
        except smtp.SMTPConnectResponseError as exc:
            outcomes.append(exc.code)

    async with anyio.create_task_group() as group:
        group.start_soon(enter)
        await until(lambda: peer.accepted)
        group.start_soon(enter)
        await until(lambda: len(entering) == 2)
        refuse.set()

    assert outcomes == [554, "connected"]


async def answer_soon(answer: threading.Event) -> None:
    answer.set()


async def test_whoever_enters_during_the_goodbye_gets_a_new_connection(peer: ScriptedPeer) -> None:
    answer = threading.Event()

    def wait(_: Connection) -> None:
        assert answer.wait(LONG)

    peer.script(*opening(), expect(b"QUIT\r\n"), call(wait), send(b"221 bye\r\n"), expect_eof())
    peer.script(*opening(), expect(b"NOOP\r\n"), send(b"250 ok\r\n"), *PARTING)
    client = client_of(peer)

    async def leave() -> None:
        async with client:
            pass

    async with anyio.create_task_group() as group:
        group.start_soon(leave)
        await until(lambda: b"QUIT" in peer.received)
        group.start_soon(answer_soon, answer)
        async with client:
            await client.noop()
