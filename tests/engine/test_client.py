"""The asking side: greeting, exchanges, what comes unasked, and TLS."""

from __future__ import annotations

import ssl

import anyio
import pytest

from tests.engine.support import NOOP, SOON, Gate, arrival, client_of
from tests.net.support import until_waiting
from tests.peers import (
    ScriptedPeer,
    Step,
    close,
    drip,
    expect,
    expect_eof,
    hang,
    send,
    send_split,
    start_tls,
)
from transfer._engine.channel import ChannelState
from transfer._engine.client import ClientChannel
from transfer._errors import (
    DisconnectedError,
    LocalProtocolError,
    RemoteProtocolError,
    TLSError,
    TransferTimeoutError,
)
from transfer._net.timeouts import Deadline, Timeouts
from transfer._wire.command import Command
from transfer._wire.dialect import FTP_CLIENT, SMTP_CLIENT, Dialect
from transfer._wire.reply import Reply

BOTH = pytest.mark.parametrize("dialect", [SMTP_CLIENT, FTP_CLIENT], ids=lambda dialect: dialect.name)


class Later:
    """Octets that come behind a reply: in the same segment, or once the client has read the reply."""

    def __init__(self, octets: bytes, *, together: bool) -> None:
        self.octets, self.together = octets, together
        self.gate = Gate()

    def after(self, reply: bytes) -> list[Step]:
        return [send(reply + self.octets)] if self.together else [send(reply), self.gate.step, send(self.octets)]

    async def come(self, channel: ClientChannel) -> None:
        self.gate.open()
        if not self.together:
            await arrival(channel)


# -- greeting ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("every", [1, 7, 1000])
async def test_the_greeting_is_the_first_reply(peer: ScriptedPeer, every: int) -> None:
    peer.script(send_split(b"220-one\r\n220 two\r\n", every), hang())
    with client_of(peer) as channel:
        assert await channel.greeting() == Reply(220, ("one", "two"))
        assert channel.is_in_step


async def test_a_greeting_that_refuses_is_returned(peer: ScriptedPeer) -> None:
    peer.script(send(b"554 no service\r\n"), hang())
    with client_of(peer) as channel:
        assert await channel.greeting() == Reply(554, ("no service",))
        assert channel.is_in_step


async def test_a_server_that_never_greets_is_given_up(peer: ScriptedPeer) -> None:
    peer.script(hang())
    with client_of(peer, timeouts=Timeouts(greeting=SOON)) as channel:
        with pytest.raises(TransferTimeoutError, match="No greeting within") as caught:
            await channel.greeting()

        assert (caught.value.phase, caught.value.seconds) == ("greeting", SOON)
        assert caught.value.peer == "peer:25"
        assert channel.state is ChannelState.BROKEN


async def test_a_server_that_closes_in_place_of_greeting_is_gone(peer: ScriptedPeer) -> None:
    peer.script(close())
    with client_of(peer) as channel:
        with pytest.raises(DisconnectedError, match="The server closed the connection"):
            await channel.greeting()
        assert channel.state is ChannelState.BROKEN


async def test_after_a_120_the_next_reply_is_the_greeting(peer: ScriptedPeer) -> None:
    peer.script(send(b"120 in a minute\r\n"), send(b"220 ready\r\n"), hang())
    with client_of(peer, dialect=FTP_CLIENT) as channel:
        assert (await channel.greeting()).code == 120
        assert (await channel.next_reply()).code == 220
        assert channel.is_in_step


# -- exchange ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [200, 299, 354, 450, 550, 599])
async def test_a_reply_is_returned_whatever_its_code(peer: ScriptedPeer, code: int) -> None:
    peer.script(expect(b"MAIL FROM:<a@b>\r\n"), send(b"%d-one\r\n%d two\r\n" % (code, code)), hang())
    with client_of(peer) as channel:
        assert await channel.exchange(Command("MAIL", "FROM:<a@b>")) == Reply(code, ("one", "two"))
        assert channel.is_in_step


async def test_replies_answer_their_commands_in_order_however_they_are_cut(peer: ScriptedPeer) -> None:
    codes, steps = range(250, 260), list[Step]()
    for code in codes:
        steps += [expect(b"NOOP\r\n"), send_split(b"%d-one\r\n%d \r\n" % (code, code), code - 249)]
    peer.script(*steps, hang())
    with client_of(peer) as channel:
        assert [await channel.exchange(NOOP) for _ in codes] == [Reply(code, ("one", "")) for code in codes]


async def test_a_command_without_a_verb_is_its_argument_alone(peer: ScriptedPeer) -> None:
    peer.script(expect(b"AGFsaWNl\r\n"), send(b"334 \r\n"), expect(b"\r\n"), send(b"501 what?\r\n"), hang())
    with client_of(peer) as channel:
        assert (await channel.exchange(Command("", "AGFsaWNl", secret=True))).code == 334
        assert (await channel.exchange(Command("", ""))).code == 501


async def test_a_421_is_returned_and_closes_the_channel(peer: ScriptedPeer) -> None:
    peer.script(expect(b"NOOP\r\n"), send(b"421 closing\r\n"), expect_eof())
    with client_of(peer) as channel:
        assert (await channel.exchange(NOOP)).code == 421
        assert channel.state is ChannelState.CLOSED


async def test_a_deadline_of_its_own_takes_the_place_of_the_usual_one(peer: ScriptedPeer) -> None:
    peer.script(expect(b"NOOP\r\n"), hang())
    with client_of(peer) as channel:
        with pytest.raises(TransferTimeoutError) as caught:
            await channel.exchange(NOOP, Deadline(SOON, "sign of life"))
        assert (caught.value.phase, caught.value.seconds) == ("sign of life", SOON)


async def test_a_server_that_does_not_answer_is_given_up(peer: ScriptedPeer) -> None:
    peer.script(expect(b"NOOP\r\n"), hang())
    with client_of(peer, timeouts=Timeouts(reply=SOON)) as channel:
        with pytest.raises(TransferTimeoutError) as caught:
            await channel.exchange(NOOP)
        assert (caught.value.phase, caught.value.seconds) == ("reply", SOON)
        assert channel.state is ChannelState.BROKEN


@pytest.mark.parametrize("data", [b"250-x\r\n", b"x"], ids=["lines", "octets"])
async def test_a_server_that_drips_does_not_move_the_deadline(peer: ScriptedPeer, data: bytes) -> None:
    peer.script(expect(b"NOOP\r\n"), send(b"250-"), drip(data, every_seconds=0.004))
    with client_of(peer, timeouts=Timeouts(reply=0.03)) as channel:
        with pytest.raises(TransferTimeoutError):
            await channel.exchange(NOOP)
        assert channel.state is ChannelState.BROKEN


@pytest.mark.parametrize(
    "argument",
    ["a\r\nRSET", "a\nb", "a\rb", "a\0b", b"a\r\nb", "x" * 9000],
    ids=["crlf", "lf", "cr", "nul", "b", "long"],
)
async def test_what_may_not_be_sent_is_refused_before_anything_is_written(
    peer: ScriptedPeer, argument: str | bytes
) -> None:
    peer.script(expect(b"NOOP\r\n"), send(b"250 ok\r\n"), hang())
    with client_of(peer) as channel:
        for command in (Command("MAIL", argument), Command("", argument)):
            with pytest.raises(LocalProtocolError):
                await channel.exchange(command)
        assert (await channel.exchange(NOOP)).code == 250  # the first and only octets that the peer gets


# -- what comes unasked ------------------------------------------------------------------------------------------------


async def test_an_unsolicited_421_is_the_cause_and_answers_nothing(peer: ScriptedPeer) -> None:
    peer.script(send(b"421 idle for too long\r\n"), expect_eof())
    with client_of(peer) as channel:
        await arrival(channel)
        with pytest.raises(DisconnectedError, match="421 idle for too long") as caught:
            await channel.exchange(NOOP)
        assert caught.value.reply == Reply(421, ("idle for too long",))
        assert channel.state is ChannelState.BROKEN


@pytest.mark.parametrize(
    ("octets", "what"),
    [(b"250 again\r\n", "a reply \\(250 again\\)"), (b"25", "something"), (b"\0\n", "something")],
)
@pytest.mark.parametrize("together", [True, False])
async def test_anything_else_unsolicited_breaks_the_channel(
    peer: ScriptedPeer, octets: bytes, what: str, together: bool
) -> None:
    later = Later(octets, together=together)
    peer.script(expect(b"NOOP\r\n"), *later.after(b"250 ok\r\n"), expect_eof())
    with client_of(peer) as channel:
        assert await channel.exchange(NOOP) == Reply(250, ("ok",))
        await later.come(channel)
        with pytest.raises(RemoteProtocolError, match=f"The server sent {what} that nobody had asked for"):
            await channel.exchange(NOOP)
        assert channel.state is ChannelState.BROKEN


async def test_an_end_between_two_exchanges_is_a_lost_connection(peer: ScriptedPeer) -> None:
    peer.script(expect(b"NOOP\r\n"), send(b"250 ok\r\n"), close())
    with client_of(peer) as channel:
        await channel.exchange(NOOP)
        await arrival(channel)
        with pytest.raises(DisconnectedError, match="The server closed the connection"):
            await channel.exchange(NOOP)


async def test_looking_for_news_sends_nothing_and_finds_nothing(peer: ScriptedPeer) -> None:
    peer.script(expect_eof())
    with client_of(peer) as channel:
        channel.look_for_news()
        assert channel.is_in_step


# -- one task at a time ------------------------------------------------------------------------------------------------


async def test_a_second_task_is_refused_and_the_first_goes_on(
    peer: ScriptedPeer, client_tls_context: ssl.SSLContext
) -> None:
    gate = Gate()
    peer.script(expect(b"NOOP\r\n"), gate.step, send(b"250 for the first\r\n"), hang())
    with client_of(peer) as channel:
        replies = []

        async def first() -> None:
            replies.append(await channel.exchange(NOOP))

        async with anyio.create_task_group() as group:
            group.start_soon(first)
            await until_waiting()
            for second in (
                channel.exchange(NOOP),
                channel.pipeline([NOOP]),
                channel.next_reply(),
                channel.payload(b"x"),
                channel.start_tls(client_tls_context, None),
            ):
                with pytest.raises(LocalProtocolError, match="Another command or transfer is under way"):
                    await second
            with pytest.raises(LocalProtocolError, match="Another command or transfer is under way"):
                channel.look_for_news()
            gate.open()
        assert replies == [Reply(250, ("for the first",))]
        assert channel.is_in_step


async def test_a_command_during_a_transfer_is_refused(peer: ScriptedPeer) -> None:
    peer.script(expect(b"RETR x\r\n"), send(b"150 here\r\n"), send(b"226 done\r\n"), hang())
    with client_of(peer, dialect=FTP_CLIENT) as channel:
        assert (await channel.exchange(Command("RETR", "x"))).code == 150
        channel.owe_reply()
        assert not channel.is_in_step
        with pytest.raises(LocalProtocolError, match="transfer is under way"):
            await channel.exchange(NOOP)
        assert (await channel.next_reply()).code == 226
        assert channel.is_in_step


# -- TLS: RFC 3207 §4.2, RFC 4217 §4 -----------------------------------------------------------------------------------


@BOTH
async def test_a_conversation_goes_on_inside_tls(
    peer: ScriptedPeer, dialect: Dialect, server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    peer.script(
        expect(b"AUTH TLS\r\n"),
        send(b"234 go ahead\r\n"),
        start_tls(server_tls_context),
        expect(b"NOOP\r\n"),
        send_split(b"200-in\r\n200 private\r\n"),
        hang(),
    )
    with client_of(peer, dialect=dialect) as channel:
        assert (await channel.exchange(Command("AUTH", "TLS"))).code == 234
        await channel.start_tls(client_tls_context, "localhost")
        assert channel.stream.tls is not None
        assert await channel.exchange(NOOP) == Reply(200, ("in", "private"))


@BOTH
@pytest.mark.parametrize("injected", [b"250 evil\r\n", b"250 ev", b"\n", b"\x16\x03"])
@pytest.mark.parametrize("together", [True, False])
async def test_plaintext_after_the_go_ahead_closes_and_is_never_used(
    peer: ScriptedPeer, client_tls_context: ssl.SSLContext, dialect: Dialect, injected: bytes, together: bool
) -> None:
    """RFC 3207 §4.2 and RFC 4217 §4: whether it came with the go-ahead or was still in the socket."""
    later = Later(injected, together=together)
    # At the end of the script: not a single octet of a handshake.
    peer.script(expect(b"STARTTLS\r\n"), *later.after(b"220 go\r\n"), expect_eof())
    with client_of(peer, dialect=dialect) as channel:
        await channel.exchange(Command("STARTTLS"))
        await later.come(channel)
        with pytest.raises(RemoteProtocolError, match=f"{len(injected)} octets of plain text came before"):
            await channel.start_tls(client_tls_context, "localhost")
        assert channel.state is ChannelState.BROKEN


async def test_an_end_in_place_of_the_handshake_is_a_lost_connection(
    peer: ScriptedPeer, client_tls_context: ssl.SSLContext
) -> None:
    peer.script(close())
    with client_of(peer) as channel:
        await arrival(channel)
        with pytest.raises(DisconnectedError, match="The server closed the connection"):
            await channel.start_tls(client_tls_context, "localhost")
        assert channel.state is ChannelState.BROKEN


async def test_a_certificate_that_nobody_trusts_breaks_the_channel(
    peer: ScriptedPeer, server_tls_context: ssl.SSLContext
) -> None:
    peer.script(start_tls(server_tls_context, fails=True))
    with client_of(peer) as channel:
        with pytest.raises(TLSError, match="certificate"):
            await channel.start_tls(ssl.create_default_context(cadata=None), "localhost")
        assert channel.state is ChannelState.BROKEN


async def test_a_handshake_that_stalls_is_given_up(peer: ScriptedPeer, client_tls_context: ssl.SSLContext) -> None:
    peer.script(hang())
    with client_of(peer, timeouts=Timeouts(tls=SOON)) as channel:
        with pytest.raises(TransferTimeoutError) as caught:
            await channel.start_tls(client_tls_context, "localhost")
        assert (caught.value.phase, caught.value.seconds) == ("TLS handshake", SOON)
        assert channel.state is ChannelState.BROKEN
