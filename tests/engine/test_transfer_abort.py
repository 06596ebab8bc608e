"""A transfer that does not come to its end: ABOR, and what a broken data connection means."""

from __future__ import annotations

import anyio
import pytest

from tests.engine.support import NOOP, SOON, Gate, arrival
from tests.engine.transfers import GOES_ON, RETR, STOR, aborted_data, begun, control
from tests.net.support import until_waiting
from tests.peers import (
    ScriptedPeer,
    Step,
    close,
    drip,
    expect,
    expect_eof,
    hang,
    receive_data,
    reset_data,
    send,
)
from transfer._engine.channel import ChannelState
from transfer._errors import DisconnectedError
from transfer._net.timeouts import Timeouts
from transfer._wire.reply import Reply

# -- abort -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answers",
    [
        b"426 aborted\r\n226 ABOR done\r\n",
        b"226 was over\r\n226 ABOR done\r\n",
        b"226 was over\r\n225 nothing to abort\r\n",
        b"150 still\r\n426-abor\r\n226 x\r\n426 ted\r\n226 ABOR done\r\n",
        b"550 read error\r\n500 ABOR?\r\n",
    ],
)
async def test_an_abort_reads_both_replies_and_the_channel_is_in_step(peer: ScriptedPeer, answers: bytes) -> None:
    """RFC 959 §4.1.3."""
    async with control(
        peer, *begun(RETR), expect(b"ABOR\r\n"), aborted_data(), send(answers), *GOES_ON, timeouts=Timeouts(close=20)
    ) as control_:
        transfer = control_.transfer(RETR)
        await transfer.start()
        await transfer.abort()
        await transfer.abort()

        assert transfer.final is not None
        assert str(transfer.final.code).encode() in answers
        assert transfer.final.code // 100 > 1
        assert transfer.stream.is_closed
        assert await control_.is_in_step()


async def test_a_transfer_that_is_over_needs_no_abor(peer: ScriptedPeer) -> None:
    gate = Gate()
    async with control(peer, *begun(RETR), gate.step, send(b"226 sent\r\n"), *GOES_ON) as control_:
        transfer = control_.transfer(RETR)
        await transfer.start()
        gate.open()
        await arrival(control_.channel)
        await transfer.abort()
        assert transfer.final == Reply(226, ("sent",))
        assert await control_.is_in_step()
        await transfer.abort()


@pytest.mark.parametrize(
    ("answers", "state"),
    [
        ((hang(),), ChannelState.BROKEN),
        ((send(b"426 aborted\r\n"), hang()), ChannelState.BROKEN),
        ((send(b"what?\r\n"),), ChannelState.BROKEN),
        ((close(),), ChannelState.BROKEN),
        ((drip(b"150 x\r\n" * 50, every_seconds=0),), ChannelState.BROKEN),
        ((send(b"421 that was too much\r\n"),), ChannelState.CLOSED),
    ],
    ids=["silence", "half", "garbage", "end", "preliminary replies for ever", "421"],
)
async def test_an_abort_never_raises_and_never_leaves_a_doubtful_channel(
    peer: ScriptedPeer, answers: tuple[Step, ...], state: ChannelState
) -> None:
    timeouts = Timeouts(close=0.1 if "hang()" in map(str, answers) else 20)
    async with control(peer, *begun(RETR), expect(b"ABOR\r\n"), *answers, timeouts=timeouts) as control_:
        transfer = control_.transfer(RETR)
        await transfer.start()
        await transfer.abort()
        assert control_.channel.state is state
        with pytest.raises(DisconnectedError):
            await control_.channel.exchange(NOOP)


async def test_what_the_body_raises_comes_out_and_the_channel_goes_on(peer: ScriptedPeer) -> None:
    answers = (expect(b"ABOR\r\n"), send(b"426 aborted\r\n226 done\r\n"))
    async with control(peer, *begun(RETR), *answers, *GOES_ON) as control_:
        with pytest.raises(LookupError, match="the caller's own"):
            async with control_.transfer(RETR):
                raise LookupError("the caller's own")
        assert await control_.is_in_step()


async def test_a_cancelled_body_is_aborted_under_a_shield(peer: ScriptedPeer) -> None:
    answers = (expect(b"ABOR\r\n"), send(b"426 aborted\r\n226 done\r\n"))
    async with control(peer, *begun(RETR), *answers, *GOES_ON) as control_:
        with anyio.CancelScope() as scope:
            async with control_.transfer(RETR) as transfer:
                scope.cancel()
                await transfer.stream.receive()
        assert scope.cancelled_caught
        assert await control_.is_in_step()


async def test_without_a_limit_for_clean_up_a_cancellation_ends_it(peer: ScriptedPeer) -> None:
    async with control(peer, *begun(RETR), expect(b"ABOR\r\n"), hang(), timeouts=Timeouts(close=None)) as control_:
        transfer = control_.transfer(RETR)
        await transfer.start()
        with anyio.move_on_after(SOON) as scope:
            await transfer.abort()
        assert scope.cancelled_caught
        assert control_.channel.state is ChannelState.BROKEN


async def test_an_abort_while_another_task_reads_the_reply_breaks_the_channel(peer: ScriptedPeer) -> None:
    gate = Gate()
    async with control(peer, *begun(STOR), receive_data("d"), gate.step, expect_eof()) as control_:
        transfer = control_.transfer(STOR)
        await transfer.start()

        async def finish() -> None:
            with pytest.raises(DisconnectedError):
                await transfer.finish()

        async with anyio.create_task_group() as group:
            group.start_soon(finish)
            await until_waiting()
            await transfer.abort()
            assert control_.channel.state is ChannelState.BROKEN
        gate.open()


# -- what a broken data connection means -------------------------------------------------------------------------------


async def test_the_server_s_own_words_explain_a_broken_data_connection(peer: ScriptedPeer) -> None:
    async with control(peer, *begun(STOR), reset_data("d"), send(b"552 quota\r\n"), *GOES_ON) as control_:
        transfer = control_.transfer(STOR)
        await transfer.start()
        assert await transfer.outcome() == transfer.final == Reply(552, ("quota",))
        assert await transfer.outcome() == Reply(552, ("quota",))
        await transfer.abort()
        assert await control_.is_in_step()


async def test_a_server_that_does_not_explain_is_given_up(peer: ScriptedPeer) -> None:
    async with control(peer, *begun(STOR), reset_data("d"), hang(), timeouts=Timeouts(close=SOON)) as control_:
        transfer = control_.transfer(STOR)
        await transfer.start()
        assert await transfer.outcome() is None
        assert control_.channel.state is ChannelState.BROKEN
        await transfer.abort()


@pytest.mark.parametrize("late", [b"", b"226 this was the ABOR\r\n", b"225 nothing to abort\r\n"])
async def test_where_one_reply_may_stand_for_two_a_marker_tells(peer: ScriptedPeer, late: bytes) -> None:
    """The only reply may be that to the ABOR, or another one be so late that it would answer the next command."""
    marker = expect(b"PWD\r\n"), send(late + b'257 "/"\r\n')
    answers = expect(b"ABOR\r\n"), send(b"226 over\r\n"), *marker
    async with control(peer, *begun(RETR), *answers, *GOES_ON, timeouts=Timeouts(close=20)) as control_:
        transfer = control_.transfer(RETR)
        await transfer.start()
        await transfer.abort()
        assert await control_.is_in_step()


async def test_a_server_that_does_not_know_the_marker_is_given_up(peer: ScriptedPeer) -> None:
    answers = expect(b"ABOR\r\n"), send(b"226 over\r\n"), expect(b"PWD\r\n"), send(b"550 no\r\n"), expect_eof()
    async with control(peer, *begun(RETR), *answers, timeouts=Timeouts(close=SOON)) as control_:
        transfer = control_.transfer(RETR)
        await transfer.start()
        await transfer.abort()
        assert control_.channel.state is ChannelState.BROKEN
