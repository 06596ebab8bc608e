"""NOOP in the middle of a transfer: whenever a server answers it, every reply finds its command."""

from __future__ import annotations

import anyio
import pytest

from tests.engine.support import NOOP, SOON
from tests.engine.transfers import GOES_ON, RETR, STOR, aborted_data, begun, control
from tests.net.support import until_waiting
from tests.peers import ScriptedPeer, Step, close, close_data, expect, expect_eof, hang, receive_data, send, send_data
from transfer._engine.channel import ChannelState
from transfer._errors import DisconnectedError, LocalProtocolError
from transfer._net.timeouts import Timeouts
from transfer._wire.reply import Reply

NUDGED = expect(b"NOOP\r\n")
DATA = (send_data("d", b"content"), close_data("d"))
MARKER = expect(b"PWD\r\n")

SERVERS: dict[str, tuple[Step, ...]] = {
    "at once": (send(b"200 ok\r\n"), *DATA, send(b"226 sent\r\n")),
    "with the end": (*DATA, send(b"200 ok\r\n226 sent\r\n")),
    "after the end": (*DATA, send(b"226 sent\r\n"), MARKER, send(b'200 ok\r\n257 "/"\r\n')),
    "right after the end": (*DATA, send(b"226 sent\r\n200 ok\r\n"), MARKER, send(b'257 "/"\r\n')),
    "never": (*DATA, send(b"226 sent\r\n"), MARKER, send(b'257 "/"\r\n')),
    "with 500": (send(b"500 not now\r\n"), *DATA, send(b"226 sent\r\n")),
    "with 503 after the end": (*DATA, send(b"226 sent\r\n"), MARKER, send(b'503 not then\r\n257 "/"\r\n')),
    "and knows no PWD": (*DATA, send(b"226 sent\r\n"), MARKER, send(b"200 ok\r\n550 no\r\n")),
    "in several lines": (send(b"200-well\r\n226 no\r\n200 ok\r\n"), *DATA, send(b"226 sent\r\n")),
}


@pytest.mark.parametrize("when", SERVERS)
async def test_a_server_answers_when_it_likes(peer: ScriptedPeer, when: str) -> None:
    async with control(peer, *begun(RETR), NUDGED, *SERVERS[when], *GOES_ON) as control_:
        transfer = control_.transfer(RETR)
        await transfer.start()
        await transfer.nudge()
        assert await transfer.stream.receive() == b"content"
        assert await transfer.stream.receive() == b""
        assert await transfer.finish() == Reply(226, ("sent",))
        assert control_.channel.is_in_step
        assert await control_.is_in_step()


@pytest.mark.parametrize("code", [200, 426, 451, 552])
async def test_whatever_ends_the_transfer_is_told_from_answers(peer: ScriptedPeer, code: int) -> None:
    """Even by 200, when all answers are there."""
    replies = send(b"200 ok\r\n200 ok\r\n%d ended\r\n" % code)
    async with control(peer, *begun(STOR), NUDGED, NUDGED, receive_data("d"), replies, *GOES_ON) as control_:
        async with control_.transfer(STOR) as transfer:
            await transfer.nudge()
            await transfer.nudge()
        assert transfer.final == Reply(code, ("ended",))
        assert await control_.is_in_step()


async def test_it_may_be_said_while_the_end_is_awaited(peer: ScriptedPeer) -> None:
    async with control(
        peer, *begun(STOR), receive_data("d"), NUDGED, send(b"200 ok\r\n226 stored\r\n"), *GOES_ON
    ) as control_:
        transfer = control_.transfer(STOR)
        await transfer.start()
        async with anyio.create_task_group() as group:
            group.start_soon(transfer.finish)
            await until_waiting()
            await transfer.nudge()
        assert transfer.final == Reply(226, ("stored",))
        await transfer.nudge()
        assert await control_.is_in_step()


async def test_until_all_is_settled_other_commands_are_refused(peer: ScriptedPeer) -> None:
    async with control(peer, *begun(STOR), NUDGED, hang()) as control_:
        transfer = control_.transfer(STOR)
        await transfer.start()
        await transfer.nudge()
        with pytest.raises(LocalProtocolError, match="under way"):
            await control_.channel.exchange(NOOP)
        transfer.cut()


@pytest.mark.parametrize(
    "answers",
    [
        (send(b"200 ok\r\n426 aborted\r\n226 ABOR done\r\n"),),
        (send(b"426 aborted\r\n226 ABOR done\r\n"), MARKER, send(b'200 ok\r\n257 "/"\r\n')),
        (send(b"426 aborted\r\n226 ABOR done\r\n"), MARKER, send(b'257 "/"\r\n')),
        (send(b"426 aborted\r\n200 ok\r\n226 ABOR done\r\n"),),
    ],
    ids=["before", "after", "never", "between"],
)
async def test_an_abort_settles_it_too(peer: ScriptedPeer, answers: tuple[Step, ...]) -> None:
    async with control(
        peer, *begun(RETR), NUDGED, expect(b"ABOR\r\n"), aborted_data(), *answers, *GOES_ON, timeouts=Timeouts(close=20)
    ) as control_:
        transfer = control_.transfer(RETR)
        await transfer.start()
        await transfer.nudge()
        await transfer.abort()
        assert transfer.final is not None
        assert transfer.final.code == 426
        assert await control_.is_in_step()


@pytest.mark.parametrize(
    ("last", "state"),
    [
        ((hang(),), ChannelState.BROKEN),
        ((send(b"what?\r\n"),), ChannelState.BROKEN),
        ((close(),), ChannelState.BROKEN),
        ((send(b"421 leaving\r\n"),), ChannelState.CLOSED),
    ],
    ids=["silence", "garbage", "end", "421"],
)
async def test_a_server_that_says_no_more_is_given_up_and_the_transfer_stays_a_success(
    peer: ScriptedPeer, last: tuple[Step, ...], state: ChannelState
) -> None:
    timeouts = Timeouts(close=SOON if "hang()" in map(str, last) else 20)
    script = (*begun(STOR), NUDGED, receive_data("d"), send(b"226 stored\r\n"), MARKER, *last)
    async with control(peer, *script, timeouts=timeouts) as control_:
        transfer = control_.transfer(STOR)
        await transfer.start()
        await transfer.nudge()
        assert await transfer.finish() == Reply(226, ("stored",))
        assert control_.channel.state is state
        with pytest.raises(DisconnectedError):
            await control_.channel.exchange(NOOP)


async def test_nothing_is_said_before_a_transfer_or_after_it(peer: ScriptedPeer) -> None:
    async with control(peer, *begun(STOR), receive_data("d"), send(b"226 stored\r\n"), *GOES_ON) as control_:
        transfer = control_.transfer(STOR)
        await transfer.nudge()
        await transfer.start()
        await transfer.finish()
        await transfer.nudge()
        await control_.channel.nudge(NOOP)
        assert await control_.is_in_step()


async def test_a_lost_connection_is_told(peer: ScriptedPeer) -> None:
    async with control(peer, *begun(STOR), close(), expect_eof()) as control_:
        transfer = control_.transfer(STOR)
        await transfer.start()
        control_.channel.close()
        await transfer.nudge()
        await transfer.abort()
