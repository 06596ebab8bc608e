"""Groups of commands: RFC 2920."""

from __future__ import annotations

import socket
from collections.abc import Sequence

import anyio
import pytest

from tests.engine.support import NOOP, SOON, Gate, client_and_packets, client_of, client_on, drain
from tests.net.support import until_waiting
from tests.peers import ScriptedPeer, close, drip, expect, expect_eof, hang, send, send_split
from transfer._engine.channel import ChannelState
from transfer._errors import DisconnectedError, LocalProtocolError, RemoteProtocolError, TransferTimeoutError
from transfer._net.timeouts import Deadline, Timeouts
from transfer._wire.command import Command
from transfer._wire.dialect import FTP_CLIENT, SMTP_CLIENT
from transfer._wire.reply import Reply

MAIL, RCPT, DATA = Command("MAIL", "FROM:<a@b>"), Command("RCPT", "TO:<c@d>"), Command("DATA")
GROUP = (MAIL, RCPT, DATA)
WIRE = b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"
MOST = SMTP_CLIENT.queue_limit
MOST_OCTETS = SMTP_CLIENT.queue_octets_limit


def filling(octets: int) -> tuple[Command, ...]:
    """As many commands as a group may have, *octets* long on the wire."""
    usual = octets // MOST
    sizes = [usual] * (MOST - 1) + [octets - usual * (MOST - 1)]
    return tuple(Command("RCPT", "x" * (size - len(b"RCPT \r\n"))) for size in sizes)


def wire_of(group: Sequence[Command]) -> bytes:
    return b"".join(b"%b\r\n" % str(command).encode() for command in group)


def narrow(sock: socket.socket) -> socket.socket:
    """Make *sock* take less at once than the largest group has."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    return sock


# -- what goes out -----------------------------------------------------------------------------------------------------


async def test_a_group_is_on_its_way_before_the_first_reply(peer: ScriptedPeer) -> None:
    peer.script(expect(WIRE), send(b"250 sender\r\n250 recipient\r\n354 go\r\n"), hang())
    with client_of(peer) as channel:
        replies = await channel.pipeline(GROUP)
        assert [reply.code for reply in replies] == [250, 250, 354]
        assert channel.is_in_step


@pytest.mark.parametrize("group", [GROUP, filling(MOST_OCTETS)], ids=["small", "largest"])
async def test_no_command_is_split_over_two_sends(group: Sequence[Command]) -> None:
    """RFC 2920 §3.1: the group is one send, so it fits into the socket's buffer as a whole or not at all."""
    with client_and_packets(Timeouts(reply=SOON)) as (channel, other):
        with pytest.raises(TransferTimeoutError):
            await channel.pipeline(group)
        assert other.recv(2 * MOST_OCTETS) == wire_of(group)
        assert other.recv(2 * MOST_OCTETS) == b""


async def test_the_largest_group_is_answered(peer: ScriptedPeer) -> None:
    group = filling(MOST_OCTETS)
    assert (len(group), len(wire_of(group))) == (64, 8192)
    peer.script(expect(wire_of(group)), send(b"250 ok\r\n" * MOST), hang())
    with client_of(peer) as channel:
        assert await channel.pipeline(group) == [Reply(250, ("ok",))] * MOST
        assert channel.is_in_step


async def test_a_group_that_finds_little_room_goes_out_as_there_is_more(peer: ScriptedPeer) -> None:
    group = filling(MOST_OCTETS)
    gate = Gate()
    peer.script(gate.step, expect(wire_of(group)), send(b"250 ok\r\n" * MOST), hang())
    with client_on(narrow(peer.socketpair())) as channel:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(channel.pipeline, group)
            await until_waiting()
            gate.open()
        assert channel.is_in_step


async def test_a_group_of_which_a_part_went_out_leaves_a_broken_channel() -> None:
    ours, theirs = socket.socketpair()
    with theirs, client_on(narrow(ours), timeouts=Timeouts(reply=SOON)) as channel:
        with pytest.raises(TransferTimeoutError):
            await channel.pipeline(filling(MOST_OCTETS))
        assert 0 < len(drain(theirs)) < MOST_OCTETS
        assert channel.state is ChannelState.BROKEN


@pytest.mark.parametrize(
    ("group", "why"),
    [
        ((), "A group has 1 to 64 commands, this one has 0"),
        ((RCPT,) * (MOST + 1), "A group has 1 to 64 commands, this one has 65"),
        (filling(MOST_OCTETS + 1), "A group may have 8192 octets, this one has 8193"),
        ((DATA, RCPT), "DATA can't be followed"),
        ((Command("ehlo", "me"), MAIL), "EHLO can't be followed"),
        ((NOOP, MAIL), "NOOP can't be followed"),
        ((MAIL, Command("QUIT"), RCPT), "QUIT can't be followed"),
        ((MAIL, Command("STARTTLS")), "STARTTLS can't be followed"),
        ((Command("AUTH", "PLAIN"),), "AUTH can't be followed"),
        ((Command("BDAT", "5"),), "BDAT can't be followed"),
        ((MAIL, Command("", "dGVzdA==")), "A line without a verb can't be followed"),
        ((MAIL, Command("RCPT", "TO:<a>\r\nDATA")), "argument of RCPT must not hold octet 0x0D"),
    ],
)
async def test_a_group_that_may_not_be_is_refused_before_anything_is_written(
    peer: ScriptedPeer, group: Sequence[Command], why: str
) -> None:
    peer.script(expect_eof())
    with client_of(peer) as channel:
        with pytest.raises(LocalProtocolError, match=why):
            await channel.pipeline(group)
        assert channel.is_in_step


@pytest.mark.parametrize("verb", ["DATA", "EHLO", "QUIT", "NOOP", "VRFY"])
async def test_what_needs_an_answer_first_may_come_last(peer: ScriptedPeer, verb: str) -> None:
    peer.script(expect(b"RSET\r\n%b\r\n" % verb.encode()), send(b"250 reset\r\n250 that\r\n"), hang())
    with client_of(peer) as channel:
        assert len(await channel.pipeline([Command("RSET"), Command(verb)])) == 2


async def test_ftp_has_no_groups(peer: ScriptedPeer) -> None:
    peer.script(expect(b"TYPE I\r\n"), send(b"200 ok\r\n"), hang())
    with client_of(peer, dialect=FTP_CLIENT) as channel:
        with pytest.raises(LocalProtocolError, match="1 to 1 commands"):
            await channel.pipeline([Command("TYPE", "I"), Command("PASV")])
        assert len(await channel.pipeline([Command("TYPE", "I")])) == 1


# -- what comes back ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("every", [1, 5, 1000])
async def test_each_reply_answers_its_command_refusals_included(peer: ScriptedPeer, every: int) -> None:
    answers = b"250-sender\r\n250 ok\r\n550 nobody\r\n452 later\r\n503 no recipients\r\n"
    peer.script(expect(WIRE.replace(b"DATA", b"RCPT TO:<e@f>\r\nDATA")), send_split(answers, every), hang())
    with client_of(peer) as channel:
        replies = await channel.pipeline([MAIL, RCPT, Command("RCPT", "TO:<e@f>"), DATA])
        assert [str(reply) for reply in replies] == ["250 sender\nok", "550 nobody", "452 later", "503 no recipients"]
        assert channel.is_in_step


async def test_a_421_in_the_middle_is_the_last_reply(peer: ScriptedPeer) -> None:
    peer.script(expect(WIRE), send(b"250 ok\r\n421 going down\r\n"), hang())
    with client_of(peer) as channel:
        assert [reply.code for reply in await channel.pipeline(GROUP)] == [250, 421]
        assert channel.state is ChannelState.CLOSED
        with pytest.raises(DisconnectedError, match="421 going down") as caught:
            await channel.exchange(NOOP)
        assert caught.value.reply == Reply(421, ("going down",))


async def test_a_surplus_reply_answers_nothing(peer: ScriptedPeer) -> None:
    peer.script(expect(WIRE), send(b"250 a\r\n250 b\r\n503 c\r\n250 surplus\r\n"), expect_eof())
    with client_of(peer) as channel:
        assert len(await channel.pipeline(GROUP)) == 3
        with pytest.raises(RemoteProtocolError, match="250 surplus"):
            await channel.exchange(NOOP)
        assert channel.state is ChannelState.BROKEN


@pytest.mark.parametrize("answered", [b"", b"250 a\r\n", b"250 a\r\n250 b\r\n35"])
async def test_an_end_before_the_last_reply_is_a_lost_connection(peer: ScriptedPeer, answered: bytes) -> None:
    peer.script(expect(WIRE), send(answered), close())
    with client_of(peer) as channel:
        with pytest.raises(DisconnectedError):
            await channel.pipeline(GROUP)
        assert channel.state is ChannelState.BROKEN


async def test_garbage_among_the_replies_breaks_the_channel(peer: ScriptedPeer) -> None:
    peer.script(expect(WIRE), send(b"250 a\r\nwhat?\r\n354 c\r\n"), expect_eof())
    with client_of(peer) as channel:
        with pytest.raises(RemoteProtocolError):
            await channel.pipeline(GROUP)
        assert channel.state is ChannelState.BROKEN


async def test_the_deadline_is_the_whole_group_s(peer: ScriptedPeer) -> None:
    peer.script(expect(b"RSET\r\n" * 60), drip(b"250 ok\r\n", every_seconds=0.005))
    with client_of(peer, timeouts=Timeouts(reply=0.03)) as channel:
        with pytest.raises(TransferTimeoutError) as caught:
            await channel.pipeline([Command("RSET")] * 60)
        assert (caught.value.phase, caught.value.seconds) == ("replies to a group", 0.03)
        assert channel.state is ChannelState.BROKEN


async def test_a_deadline_of_its_own_takes_the_place_of_the_usual_one(peer: ScriptedPeer) -> None:
    peer.script(expect(WIRE), hang())
    with client_of(peer) as channel:
        with pytest.raises(TransferTimeoutError) as caught:
            await channel.pipeline(GROUP, Deadline(SOON, "envelope"))
        assert caught.value.phase == "envelope"
