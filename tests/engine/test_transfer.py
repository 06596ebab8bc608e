"""FTP's exchange in two parts: from the verb over the data to the final reply, or to ABOR."""

from __future__ import annotations

import ssl

import pytest

from tests.engine.support import NOOP, SOON
from tests.engine.transfers import GOES_ON, RETR, STOR, aborted_data, begun, control
from tests.peers import (
    ScriptedPeer,
    Step,
    accept_data,
    close,
    close_data,
    data_tls,
    drip,
    expect,
    hang,
    receive_data,
    send,
    send_data,
)
from transfer._engine.channel import ChannelState
from transfer._engine.transfer import Transfer
from transfer._errors import DisconnectedError, LocalProtocolError, RemoteProtocolError, TransferTimeoutError
from transfer._net.stream import Stream
from transfer._net.timeouts import Timeouts
from transfer._wire.reply import Reply

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
    async with control(peer, *begun(STOR), hang(), timeouts=Timeouts(termination=SOON)) as control_:
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
