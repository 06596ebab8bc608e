"""Data connections that the server makes, and transfers whose data goes elsewhere."""

from __future__ import annotations

import anyio
import attrs
import pytest

from tests.engine.support import SOON
from tests.engine.transfers import GOES_ON, RETR, STOR, Control, control
from tests.peers import ScriptedPeer, Step, accept_data, close_data, expect, send, send_data
from transfer._engine.channel import ChannelState
from transfer._engine.transfer import Transfer
from transfer._errors import TransferTimeoutError
from transfer._net.stream import Stream
from transfer._wire.reply import Reply

DATA = (accept_data("d"), send_data("d", b"content"), close_data("d"))


@attrs.define(eq=False)
class Late:
    """An arrival that dials, and only after a while: what the server does in truth."""

    control: Control
    seconds: float = 0.0
    fails: bool = False
    closed: int = 0

    async def accept(self) -> Stream:
        await anyio.sleep(self.seconds)
        if self.fails:
            raise TransferTimeoutError("nobody came", phase="arrival", seconds=1)
        return await self.control.connect()

    def close(self) -> None:
        self.closed += 1


def arriving(control_: Control, arrival: Late) -> Transfer:
    async def connect() -> Late:
        return arrival

    return Transfer(control_.channel, RETR, connect=connect)


@pytest.mark.parametrize(
    "steps",
    [
        (send(b"150 here\r\n"), *DATA, send(b"226 sent\r\n")),
        (send(b"150 here\r\n226 sent\r\n"), *DATA),
        (send(b"226 sent\r\n"), *DATA),
    ],
    ids=["150 first", "226 at once behind it", "226 alone"],
)
@pytest.mark.parametrize("seconds", [0.0, 0.05])
async def test_what_arrives_is_the_stream(peer: ScriptedPeer, steps: tuple[Step, ...], seconds: float) -> None:
    async with control(peer, expect(b"RETR x\r\n"), *steps, *GOES_ON) as control_:
        arrival = Late(control_, seconds)
        async with arriving(control_, arrival) as transfer:
            assert transfer.has_begun
            assert await transfer.stream.receive() == b"content"
            assert arrival.closed  # nobody else gets in
        assert transfer.final == Reply(226, ("sent",))
        assert await control_.is_in_step()


async def test_a_refusal_beats_the_arrival(peer: ScriptedPeer) -> None:
    async with control(peer, expect(b"RETR x\r\n"), send(b"150 here\r\n425 no\r\n"), *GOES_ON) as control_:
        arrival = Late(control_, 600)
        transfer = arriving(control_, arrival)
        assert await transfer.start() == transfer.final == Reply(425, ("no",))
        assert arrival.closed
        with pytest.raises(RuntimeError):
            _ = transfer.stream
        assert await control_.is_in_step()


async def test_an_arrival_that_fails_aborts_the_transfer(peer: ScriptedPeer) -> None:
    answers = (expect(b"ABOR\r\n"), send(b"425 no data\r\n226 ok\r\n"))
    async with control(peer, expect(b"RETR x\r\n"), send(b"150 here\r\n"), *answers, *GOES_ON) as control_:
        arrival = Late(control_, fails=True)
        with pytest.raises(TransferTimeoutError, match="nobody came"):
            await arriving(control_, arrival).start()
        assert arrival.closed
        assert await control_.is_in_step()


async def test_a_cancelled_wait_for_it_leaves_the_channel_in_step(peer: ScriptedPeer) -> None:
    answers = (expect(b"ABOR\r\n"), send(b"425 no data\r\n226 ok\r\n"))
    async with control(peer, expect(b"RETR x\r\n"), send(b"150 here\r\n"), *answers, *GOES_ON) as control_:
        arrival = Late(control_, 600)
        with anyio.move_on_after(SOON) as scope:
            await arriving(control_, arrival).start()
        assert scope.cancelled_caught
        assert arrival.closed
        assert await control_.is_in_step()


async def test_a_cancelled_wait_for_the_end_leaves_the_channel_in_step(peer: ScriptedPeer) -> None:
    answers = (expect(b"ABOR\r\n"), send(b"226 stored\r\n225 nothing to abort\r\n"))
    async with control(
        peer, expect(b"STOR x\r\n"), accept_data("d"), send(b"150 x\r\n"), *answers, *GOES_ON
    ) as control_:
        transfer = control_.transfer(STOR)
        await transfer.start()
        with anyio.move_on_after(SOON) as scope:
            await transfer.finish()
        assert scope.cancelled_caught
        assert control_.channel.state is ChannelState.OPEN
        assert await control_.is_in_step()


async def test_a_transfer_whose_data_goes_elsewhere_is_its_replies(peer: ScriptedPeer) -> None:
    async with control(peer, expect(b"RETR x\r\n"), send(b"150 here\r\n226 sent\r\n"), *GOES_ON) as control_:
        transfer = Transfer(control_.channel, RETR, connect=None)
        with pytest.raises(RuntimeError, match="not been started"):
            await transfer.finish()
        assert await transfer.start() == Reply(150, ("here",))
        assert await transfer.finish() == Reply(226, ("sent",))
        assert await control_.is_in_step()


async def test_a_refused_one_has_not_begun(peer: ScriptedPeer) -> None:
    async with control(peer, expect(b"RETR x\r\n"), send(b"550 no\r\n"), *GOES_ON) as control_:
        transfer = Transfer(control_.channel, RETR, connect=None)
        await transfer.start()
        assert not transfer.has_begun
        assert await control_.is_in_step()
