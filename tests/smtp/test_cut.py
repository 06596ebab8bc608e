"""Every public coroutine, with the connection cut after every octet that the server sends."""

from __future__ import annotations

import ast
import re
import ssl
from collections.abc import Awaitable, Callable

import pytest

from tests.harness import CutOutcome, cut_everywhere
from tests.peers import MiniSMTP, ScriptedPeer, Step, expect, send
from tests.smtp.support import EHLO, LONG, NAME, RECIPIENT, SENDER, client_of, connected, expect_any, letter, said
from transfer import smtp

Call = Callable[[smtp.SMTP], Awaitable[object]]
# Replies are as short as they can be: every octet costs two runs on each event loop.
GREETED = [send(b"220\r\n"), EHLO]
DOT = b"\r\n.\r\n"


def scripted(*steps: Step) -> Callable[[], ScriptedPeer]:
    """Peers that play *steps*, and the beginning of a conversation for those who connect again."""

    def factory() -> ScriptedPeer:
        peer = ScriptedPeer(client_may_leave=True)
        peer.script(*GREETED, *steps)
        peer.always(*GREETED, send(b"250\r\n"), *said((b"NOOP", b"250")))
        return peer

    return factory


def using(call: Call, *, again: bool = True) -> Callable[[ScriptedPeer], Awaitable[object]]:
    """The scenario that connects, does *call*, and after a loss connects *again* with the same object."""

    async def scenario(peer: ScriptedPeer) -> object:
        client = client_of(peer)
        try:
            await client.connect()
            return await call(client)
        except smtp.SMTPException:
            assert not client.is_connected
            if again and peer.connections:  # or the first script has not been played yet
                peer.cut_after = None
                await client.connect()
                await client.noop()
            raise
        finally:
            client.close()

    return scenario


def fate_is_known(outcome: CutOutcome, peer: ScriptedPeer) -> None:
    """Whoever was sent the final dot may have the mail; who had not even asked for it has it not."""
    if outcome.exception is None:
        assert DOT in peer.received
        return
    assert isinstance(outcome.exception, smtp.SMTPException)
    delivery = outcome.exception.delivery
    if DOT in peer.received:
        assert delivery is smtp.Delivery.UNKNOWN
    elif delivery is smtp.Delivery.UNKNOWN:
        # The dot was written, and lost on its way to a server that had asked for it and hung up.
        assert outcome.after == octets_before_the_body(peer)
    else:
        assert delivery is smtp.Delivery.NOT_SENT
    assert isinstance(outcome.exception, smtp.SMTPDeliveryUncertain) is (delivery is smtp.Delivery.UNKNOWN)


def octets_before_the_body(peer: ScriptedPeer) -> int:
    """What the peer sends up to the end of the 354."""
    sent = re.findall(r"send\((b'[^']*')\)", " ".join(map(str, peer.connections[0].script)))
    return b"".join(map(ast.literal_eval, sent)).index(b"354\r\n") + len(b"354\r\n")


# -- single commands ---------------------------------------------------------------------------------------------------


async def test_every_command_notices_a_cut() -> None:
    async def everything(client: smtp.SMTP) -> None:
        await client.ehlo()
        await client.helo()
        await client.login("anna", "secret")
        await client.auth_plain("anna", "secret")
        await client.auth_login("anna", "secret")
        await client.auth_crammd5("anna", "secret")
        await client.auth_xoauth2("anna", "secret")
        await client.noop()
        await client.help()
        await client.vrfy("ben")
        await client.expn("list")
        await client.execute_command(b"XYZ")
        await client.mail(SENDER)
        await client.rcpt(RECIPIENT)
        await client.rset()
        await client.quit()

    auth = expect_any()
    factory = scripted(
        *(send(b"250\r\n"), EHLO, send(b"250-\r\n250 AUTH PLAIN\r\n"), *said((b"HELO client.example", b"250"))),
        *(auth, send(b"235\r\n"), auth, send(b"235\r\n")),
        *(auth, send(b"334\r\n"), auth, send(b"334\r\n"), auth, send(b"235\r\n")),
        *(auth, send(b"334\r\n"), auth, send(b"235\r\n"), auth, send(b"235\r\n")),
        *said((b"NOOP", b"250"), (b"HELP", b"214"), (b"VRFY ben", b"252"), (b"EXPN list", b"250"), (b"XYZ", b"250")),
        *said((b"MAIL FROM:<anna@example.org>", b"250"), (b"RCPT TO:<ben@example.net>", b"250"), (b"RSET", b"250")),
        *said((b"QUIT", b"221")),
    )
    assert (await cut_everywhere(using(everything, again=False), factory)).points > 100


async def test_the_goodbye_of_a_block_notices_nothing() -> None:
    """Whatever becomes of QUIT, what was done in the block is done."""

    async def block(peer: ScriptedPeer) -> str:
        async with client_of(peer) as client:
            await client.noop()
        return "done"

    def check(outcome: CutOutcome, peer: ScriptedPeer) -> None:
        known = len(b"220\r\n250\r\n250\r\n")
        assert (outcome.value == "done") is (outcome.after is None or outcome.after >= known)

    factory = scripted(send(b"250\r\n"), *said((b"NOOP", b"250"), (b"QUIT", b"221")))
    await cut_everywhere(block, factory, check=check)


# -- mails -------------------------------------------------------------------------------------------------------------

MAIL, RCPT, OTHER = b"MAIL FROM:<anna@example.org>", b"RCPT TO:<ben@example.net>", b"RCPT TO:<c@x>"
BODY = [expect(b"x\r\n.\r\n"), send(b"250\r\n")]
LOCK_STEP = scripted(send(b"250\r\n"), *said((MAIL, b"250"), (RCPT, b"250"), (OTHER, b"550"), (b"DATA", b"354")), *BODY)
GROUPED = scripted(
    send(b"250-\r\n250 PIPELINING\r\n"),
    expect(b"\r\n".join((MAIL, RCPT, OTHER, b"DATA", b""))),
    send(b"250\r\n250\r\n550\r\n354\r\n"),
    *BODY,
)


@pytest.mark.parametrize("factory", [LOCK_STEP, GROUPED], ids=["lock-step", "pipelining"])
async def test_the_fate_of_a_mail_that_was_cut_off_is_known(factory: Callable[[], ScriptedPeer]) -> None:
    scenario = using(lambda client: client.sendmail(SENDER, [RECIPIENT, "c@x"], "x"))
    await cut_everywhere(scenario, factory, check=fate_is_known)


async def test_the_fate_of_a_body_that_was_cut_off_is_known() -> None:
    async def step_by_step(client: smtp.SMTP) -> None:
        await client.mail(SENDER)
        await client.rcpt(RECIPIENT)
        await client.data("x")

    factory = scripted(send(b"250\r\n"), *said((MAIL, b"250"), (RCPT, b"250"), (b"DATA", b"354")), *BODY)
    await cut_everywhere(using(step_by_step), factory, check=fate_is_known)


@pytest.mark.parametrize("offered", [b"250\r\n", b"250-\r\n250 PIPELINING\r\n"], ids=["lock-step", "pipelining"])
async def test_a_refusal_that_came_before_the_cut_is_what_is_told(offered: bytes) -> None:
    """The clean-up, RSET or the lone dot, has no say."""

    async def refused(peer: ScriptedPeer) -> str:
        async with connected(peer) as client:
            with pytest.raises(smtp.SMTPException) as caught:
                await client.sendmail(SENDER, RECIPIENT, "x")
            assert client.last_delivery is caught.value.delivery
        if isinstance(caught.value, smtp.SMTPRecipientsRefused):
            return "refused"
        raise caught.value

    refusal = [send(b"250\r\n550\r\n354\r\n"), expect(b".\r\n"), send(b"250\r\n")]
    if offered == b"250\r\n":
        steps = said((MAIL, b"250"), (RCPT, b"550"))
    else:
        steps = [expect(b"\r\n".join((MAIL, RCPT, b"DATA", b""))), *refusal]

    def check(outcome: CutOutcome, peer: ScriptedPeer) -> None:
        known = (
            5 + len(offered) + (10 if len(offered) == 5 else 15)
        )  # the replies to MAIL and RCPT, or to the whole group
        was_refused = outcome.after is None or outcome.after >= known
        assert (outcome.value == "refused") is was_refused
        if outcome.exception is not None:
            assert isinstance(outcome.exception, smtp.SMTPException)
            assert outcome.exception.delivery is smtp.Delivery.NOT_SENT

    await cut_everywhere(refused, scripted(send(offered), *steps, *said((b"RSET", b"250"))), check=check)


# -- whole connections -------------------------------------------------------------------------------------------------


async def test_a_cut_send_tells_the_fate_of_its_mail() -> None:
    async def one_mail(peer: ScriptedPeer) -> object:
        return await smtp.send(
            "x",
            sender=SENDER,
            recipients=[RECIPIENT, "c@x"],
            hostname=peer.host,
            port=peer.port,
            local_hostname=NAME,
            timeout=LONG,
        )

    def check(outcome: CutOutcome, peer: ScriptedPeer) -> None:
        fate_is_known(outcome, peer)
        if outcome.exception is None:
            assert outcome.value == ({"c@x": (550, "")}, "")

    factory = scripted(
        send(b"250\r\n"),
        *said((MAIL, b"250"), (RCPT, b"250"), (OTHER, b"550"), (b"DATA", b"354")),
        *BODY,
        *said((b"QUIT", b"221")),
    )
    await cut_everywhere(one_mail, factory, check=check)


async def test_a_cut_mail_inside_tls_tells_its_fate(
    server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    """The handshake has some thousand octets, so not every one is tried."""

    async def one_mail(peer: MiniSMTP) -> None:
        await smtp.send(
            letter(),
            hostname=peer.host,
            port=peer.port,
            local_hostname=NAME,
            timeout=LONG,
            start_tls=True,
            tls_context=client_tls_context,
            username="anna",
            password="secret",
        )

    def check(outcome: CutOutcome, peer: MiniSMTP) -> None:
        if outcome.exception is None:
            assert len(peer.messages) == 1
        else:
            assert isinstance(outcome.exception, smtp.SMTPException)
            assert outcome.exception.delivery is (smtp.Delivery.UNKNOWN if peer.messages else smtp.Delivery.NOT_SENT)

    def factory() -> MiniSMTP:
        return MiniSMTP(extensions=("PIPELINING",), tls=server_tls_context, users={"anna": "secret"})

    await cut_everywhere(one_mail, factory, check=check, stride=61)
