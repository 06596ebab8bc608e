"""FTP's exchange in two parts: from the verb over the data to the final reply, or to ABOR."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import attrs
import pytest

from tests.engine.support import NOOP, PATIENT, SOON, Gate, arrival, client_of, stream_on
from tests.net.support import until_waiting
from tests.peers import (
    Connection,
    ScriptedPeer,
    Step,
    accept_data,
    call,
    close,
    close_data,
    data_tls,
    drip,
    expect,
    expect_eof,
    hang,
    listen_data,
    receive_data,
    reset_data,
    send,
    send_data,
)
from tests.peers.wire import Gone
from transfer._engine.channel import ChannelState
from transfer._engine.client import ClientChannel
from transfer._engine.transfer import Transfer
from transfer._errors import DisconnectedError, LocalProtocolError, RemoteProtocolError, TransferTimeoutError
from transfer._net.stream import Stream
from transfer._net.timeouts import Timeouts
from transfer._wire.command import Command
from transfer._wire.dialect import FTP_CLIENT
from transfer._wire.reply import Reply

RETR, STOR = Command("RETR", "x"), Command("STOR", "x")
OPENING = (listen_data("d"), send(b"220 {d}\r\n"))
GOES_ON = (expect(b"NOOP\r\n"), send(b"200 in step\r\n"), hang())


@attrs.define(eq=False)
class Control:
    """A control connection whose server has named the port of a data connection."""

    channel: ClientChannel
    peer: ScriptedPeer
    port: int

    async def connect(self) -> Stream:
        return stream_on(socket.create_connection((self.peer.host, self.port)))

    def transfer(self, command: Command, secure: Callable[[Stream], Awaitable[None]] | None = None) -> Transfer:
        return Transfer(self.channel, command, connect=self.connect, secure=secure)

    async def is_in_step(self) -> bool:
        """Whether the next command gets its own reply."""
        return (await self.channel.exchange(NOOP)).text == "in step"


@asynccontextmanager
async def control(peer: ScriptedPeer, *steps: Step, timeouts: Timeouts = PATIENT) -> AsyncIterator[Control]:
    peer.script(*OPENING, *steps)
    with client_of(peer, dialect=FTP_CLIENT, timeouts=timeouts) as channel:
        yield Control(channel, peer, int((await channel.greeting()).text))


def begun(command: Command) -> tuple[Step, ...]:
    """The peer takes *command* and opens the transfer."""
    return expect(f"{command}\r\n".encode()), accept_data("d"), send(b"150 here\r\n")


def aborted_data() -> Step:
    """The data connection has been reset, so nobody can take what came for the whole."""

    def play(connection: Connection) -> None:
        with pytest.raises(Gone):
            connection.data("d").read_to_end()

    return call(play)


# -- to its end --------------------------------------------------------------------------------------------------------


async def test_a_download_is_verb_data_and_final_reply(peer: ScriptedPeer) -> None:
    sent = (send_data("d", b"content"), close_data("d"), send(b"226 sent\r\n"))
    async with control(peer, *begun(RETR), *sent, *GOES_ON) as control_:
        transfer = control_.transfer(RETR)
        before = transfer.final
        assert await transfer.start() == Reply(150, ("here",))
        assert before is None
        assert not control_.channel.is_in_step
        assert await transfer.stream.receive() == b"content"
        assert await transfer.stream.receive() == b""
        assert await transfer.finish() == transfer.final == Reply(226, ("sent",))
        assert transfer.stream.is_closed
        assert await control_.is_in_step()


async def test_an_upload_ends_its_data_before_it_waits_for_the_final_reply(peer: ScriptedPeer) -> None:
    async with control(peer, *begun(STOR), receive_data("d"), send(b"226 stored\r\n"), *GOES_ON) as control_:
        async with control_.transfer(STOR) as transfer:
            await transfer.stream.send(b"content")
        assert transfer.final == Reply(226, ("stored",))
        assert await control_.is_in_step()
    assert peer.captured["d"] == b"content"


async def test_a_refusal_at_the_end_is_the_final_reply(peer: ScriptedPeer) -> None:
    async with control(peer, *begun(STOR), receive_data("d"), send(b"552 quota\r\n"), *GOES_ON) as control_:
        async with control_.transfer(STOR) as transfer:
            await transfer.stream.send(b"content")
        assert transfer.final == Reply(552, ("quota",))
        assert await control_.is_in_step()


@pytest.mark.parametrize("code", [425, 550])
async def test_a_refusal_at_the_beginning_ends_the_transfer(peer: ScriptedPeer, code: int) -> None:
    refusal = send(b"%d no\r\n" % code)
    async with control(peer, expect(b"RETR x\r\n"), refusal, *GOES_ON) as control_:
        async with control_.transfer(RETR) as transfer:
            assert transfer.final == Reply(code, ("no",))
            assert transfer.stream.is_closed
        assert await control_.is_in_step()


async def test_a_final_reply_at_once_still_has_its_data(peer: ScriptedPeer) -> None:
    data = (accept_data("d"), send_data("d", b"listing"), close_data("d"))
    async with control(peer, expect(b"RETR x\r\n"), send(b"226 all of it\r\n"), *data, *GOES_ON) as control_:
        async with control_.transfer(RETR) as transfer:
            assert await transfer.stream.receive() == b"listing"
        assert transfer.final == Reply(226, ("all of it",))
        assert await control_.is_in_step()


async def test_further_preliminary_replies_are_waited_through(peer: ScriptedPeer) -> None:
    replies = send(b"150 really\r\n125 any moment\r\n226 done\r\n")
    async with control(peer, *begun(STOR), receive_data("d"), replies, *GOES_ON) as control_:
        async with control_.transfer(STOR) as transfer:
            pass
        assert transfer.final == Reply(226, ("done",))
        assert await control_.is_in_step()


async def test_tls_begins_on_the_data_connection_once_the_server_has_agreed(
    peer: ScriptedPeer, server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    data = (data_tls("d", server_tls_context), send_data("d", b"private"), close_data("d"), send(b"226 ok\r\n"))
    async with control(peer, *begun(RETR), *data, *GOES_ON) as control_:

        async def secure(stream: Stream) -> None:
            await stream.start_tls(client_tls_context, server_hostname="localhost")

        async with control_.transfer(RETR, secure) as transfer:
            assert await transfer.stream.receive() == b"private"
            assert await transfer.stream.receive() == b""
        assert control_.channel.sessions.newest is not None  # for the next one to resume
        assert await control_.is_in_step()


async def test_a_transfer_is_started_once_and_has_no_stream_before(peer: ScriptedPeer) -> None:
    async with control(peer, expect(b"RETR x\r\n"), send(b"550 no\r\n"), hang()) as control_:
        transfer = control_.transfer(RETR)
        with pytest.raises(RuntimeError, match="not been started"):
            _ = transfer.stream
        await transfer.start()
        with pytest.raises(RuntimeError, match="started once"):
            await transfer.start()


async def test_during_a_transfer_other_commands_are_refused(peer: ScriptedPeer) -> None:
    async with (
        control(peer, *begun(STOR), receive_data("d"), send(b"226 ok\r\n"), hang()) as control_,
        control_.transfer(STOR),
    ):
        for use in (control_.channel.exchange(NOOP), control_.channel.pipeline([NOOP]), control_.channel.payload(b"x")):
            with pytest.raises(LocalProtocolError, match="transfer is under way"):
                await use
        assert control_.channel.is_open


# -- what goes wrong before the data -----------------------------------------------------------------------------------


async def test_no_verb_is_sent_without_a_data_connection(peer: ScriptedPeer) -> None:
    async def refused() -> Stream:
        raise DisconnectedError("nobody listens")

    async with control(peer, *GOES_ON) as control_:
        transfer = Transfer(control_.channel, RETR, connect=refused)
        with pytest.raises(DisconnectedError, match="nobody listens"):
            await transfer.start()
        await transfer.abort()
        assert await control_.is_in_step()


async def test_a_handshake_that_fails_aborts_the_transfer(peer: ScriptedPeer) -> None:
    async def secure(stream: Stream) -> None:
        raise LookupError("no certificate")

    answers = (expect(b"ABOR\r\n"), aborted_data(), send(b"426 aborted\r\n226 done\r\n"))
    async with control(peer, *begun(RETR), *answers, *GOES_ON) as control_:
        with pytest.raises(LookupError, match="no certificate"):
            await control_.transfer(RETR, secure).start()
        assert await control_.is_in_step()


async def test_a_server_that_does_not_answer_the_verb_is_given_up(peer: ScriptedPeer) -> None:
    async with control(peer, expect(b"RETR x\r\n"), hang(), timeouts=Timeouts(initiation=SOON)) as control_:
        with pytest.raises(TransferTimeoutError) as caught:
            await control_.transfer(RETR).start()
        assert (caught.value.phase, caught.value.seconds) == ("reply to RETR", SOON)
        assert control_.channel.state is ChannelState.BROKEN


# -- what goes wrong at the end ----------------------------------------------------------------------------------------


async def test_a_server_that_does_not_end_the_transfer_is_given_up(peer: ScriptedPeer) -> None:
    async with control(peer, *begun(STOR), receive_data("d"), hang(), timeouts=Timeouts(termination=SOON)) as control_:
        transfer = control_.transfer(STOR)
        await transfer.start()
        with pytest.raises(TransferTimeoutError) as caught:
            await transfer.finish()
        assert (caught.value.phase, caught.value.seconds) == ("reply to the end of the transfer", SOON)
        assert control_.channel.state is ChannelState.BROKEN


@pytest.mark.parametrize(
    ("steps", "error"),
    [
        ((close(),), DisconnectedError),
        ((send(b"done!\r\n"),), RemoteProtocolError),
        ((drip(b"150 x\r\n" * 50, every_seconds=0),), RemoteProtocolError),
    ],
    ids=["end", "garbage", "preliminary replies for ever"],
)
async def test_a_final_reply_that_never_comes_breaks_the_channel(
    peer: ScriptedPeer, steps: tuple[Step, ...], error: type[Exception]
) -> None:
    async with control(peer, *begun(STOR), receive_data("d"), *steps) as control_:
        transfer = control_.transfer(STOR)
        await transfer.start()
        with pytest.raises(error):
            await transfer.finish()
        assert control_.channel.state is ChannelState.BROKEN
        assert transfer.stream.is_closed


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
    timeouts = Timeouts(close=0.1)
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
        with anyio.move_on_after(SOON) as scope:
            async with control_.transfer(RETR) as transfer:
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


async def test_a_server_that_answers_once_for_transfer_and_abor_is_given_up_soon(peer: ScriptedPeer) -> None:
    """Its only reply may be that to the ABOR, and be so late that the other would answer the next command."""
    peer_said = send(b"226 both are over\r\n")
    async with control(
        peer, *begun(RETR), expect(b"ABOR\r\n"), peer_said, expect_eof(), timeouts=Timeouts(close=600)
    ) as control_:
        transfer = control_.transfer(RETR)
        await transfer.start()
        with anyio.fail_after(20):
            await transfer.abort()

        assert control_.channel.state is ChannelState.BROKEN
