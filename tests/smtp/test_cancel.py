"""Every public coroutine, cancelled at every point where it waits, in every way there is (I2)."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import attrs
import pytest

from tests.harness import ALL_MODES, Outcome, cancel_everywhere
from tests.peers import MiniSMTP, ScriptedPeer
from tests.smtp.support import LONG, NAME, RECIPIENT, SENDER, TEXT, client_of, connected, letter, opening, said
from transfer import smtp

USERS = {"anna": "secret"}
LOGIN = {"username": "anna", "password": "secret"}
TERSE = ("SMTPUTF8", "SIZE")
GROUPING = (*TERSE, "PIPELINING")
LONG_TEXT = b"x" * 78 + b"\r\n"


@attrs.frozen
class Setting:
    """What a run works on."""

    client: smtp.SMTP
    server: MiniSMTP


Call = Callable[[smtp.SMTP], Awaitable[object]]
Around = Callable[[], AbstractAsyncContextManager[Setting]]


def around(
    *,
    extensions: tuple[str, ...] = TERSE,
    connected: bool = True,
    prepare: Call | None = None,
    replies: Mapping[str, Any] | None = None,
    client: Mapping[str, Any] | None = None,
    **server: Any,
) -> Around:
    """A server, and a client that is connected to it or not, and *prepare* done."""

    @asynccontextmanager
    async def setting() -> AsyncIterator[Setting]:
        with MiniSMTP(extensions=extensions, client_may_leave=True, **server) as peer:
            peer.replies |= {"NOOP": "250 noop", "RSET": "250 rset", "HELP": "214 help", "EXPN": "250 expn"} | dict(
                replies or {}
            )
            made = client_of(peer, **(client or {}))
            if connected:
                await made.connect()
            if prepare is not None:
                await prepare(made)
            try:
                yield Setting(made, peer)
            finally:
                made.close()

    return setting


async def in_step(outcome: Outcome) -> None:
    """The connection is closed, or each command still gets its own answer; and the client can connect again."""
    client: smtp.SMTP = outcome.subject.client
    if client.is_connected:
        assert (await client.noop()).message == "noop"
        assert (await client.rset()).message == "rset"
        assert await client.help() == "help"
        client.close()
    await client.connect()
    assert (await client.noop()).message == "noop"


async def fate_is_known(outcome: Outcome) -> None:
    """What the client says of the mail is never less than what became of it."""
    client, server = outcome.subject.client, outcome.subject.server
    fate = client.last_delivery
    if client.is_connected:
        assert (await client.noop()).message == "noop"
        client.close()
    await server.served()
    if fate is smtp.Delivery.ACCEPTED:
        assert len(server.messages) == 1
    elif fate is not smtp.Delivery.UNKNOWN:
        assert server.messages == []
    if outcome.exception is None:
        assert fate is smtp.Delivery.ACCEPTED
    await client.connect()


async def sweep(
    call: Call, setting: Around, check: Callable[[Outcome], Awaitable[None]] = in_step, *, checkpoints: bool = True
) -> None:
    done = await cancel_everywhere(
        lambda subject: call(subject.client),
        around=setting,
        check=check,
        modes=ALL_MODES,
        clean_up_points=2,
        checkpoints=checkpoints,
    )
    assert done.points > 0


# -- single commands ---------------------------------------------------------------------------------------------------

COMMANDS: dict[str, Call] = {
    "noop": lambda client: client.noop(),
    "rset": lambda client: client.rset(),
    "help": lambda client: client.help(),
    "vrfy": lambda client: client.vrfy("ben"),
    "expn": lambda client: client.expn("list"),
    "ehlo": lambda client: client.ehlo(),
    "helo": lambda client: client.helo(),
    "quit": lambda client: client.quit(),
    "execute_command": lambda client: client.execute_command(b"NOOP"),
    "mail": lambda client: client.mail(SENDER),
    "login": lambda client: client.login("anna", "secret"),
    "auth_plain": lambda client: client.auth_plain("anna", "secret"),
    "auth_login": lambda client: client.auth_login("anna", "secret"),
}


@pytest.mark.parametrize("call", COMMANDS.values(), ids=COMMANDS)
async def test_a_cancelled_command_never_shifts_the_replies(call: Call) -> None:
    await sweep(call, around(users=USERS))


async def test_a_cancelled_first_command_says_ehlo_again_or_not() -> None:
    await sweep(lambda client: client.noop(), around(client={"start_tls": False}))


async def test_a_cancelled_rcpt_never_shifts_the_replies() -> None:
    async def begin(client: smtp.SMTP) -> None:
        await client.mail(SENDER)

    await sweep(lambda client: client.rcpt(RECIPIENT), around(prepare=begin))


@pytest.mark.parametrize("method", ["auth_crammd5", "auth_xoauth2"])
async def test_a_cancelled_login_never_shifts_the_replies(method: str) -> None:
    def answer(_: str) -> str:
        return "235 in"

    setting = around(replies={"AUTH": answer})
    await sweep(lambda client: getattr(client, method)("anna", "secret"), setting)


async def test_calling_a_login_off_can_be_cancelled_too() -> None:
    """The server waits for an answer all the while, and would take the next command for it."""
    answered = said((b"NOOP", b"250 noop"))

    @asynccontextmanager
    async def setting() -> AsyncIterator[smtp.SMTP]:
        with ScriptedPeer(client_may_leave=True) as peer:
            peer.script(*opening(), *said((b"AUTH CRAM-MD5", b"334 ?"), (b"*", b"501 off")), *answered)
            async with connected(peer) as client:
                yield client

    async def login(client: smtp.SMTP) -> None:
        with contextlib.suppress(smtp.SMTPAuthenticationError):
            await client.auth_crammd5("anna", "secret")

    async def check(outcome: Outcome) -> None:
        if outcome.point != 0 and outcome.subject.is_connected:
            assert (await outcome.subject.noop()).message == "noop"

    await cancel_everywhere(login, around=setting, check=check, modes=ALL_MODES)


# -- connecting --------------------------------------------------------------------------------------------------------


async def test_a_cancelled_connect_leaves_nothing() -> None:
    await sweep(lambda client: client.connect(), around(connected=False))


async def test_a_cancelled_connect_with_all_that_belongs_to_it_leaves_nothing(
    server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    setting = around(
        connected=False,
        client={"start_tls": True, "tls_context": client_tls_context, **LOGIN},
        tls=server_tls_context,
        users=USERS,
    )
    await sweep(lambda client: client.connect(), setting)


async def test_a_cancelled_connect_with_implicit_tls_leaves_nothing(
    server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    setting = around(
        connected=False,
        client={"use_tls": True, "tls_context": client_tls_context},
        tls=server_tls_context,
        implicit_tls=True,
    )
    await sweep(lambda client: client.connect(), setting)


async def test_a_cancelled_starttls_leaves_nothing_half_encrypted(
    server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    setting = around(client={"start_tls": False, "tls_context": client_tls_context}, tls=server_tls_context)
    await sweep(lambda client: client.starttls(), setting)


async def test_a_cancelled_block_leaves_nothing() -> None:
    async def block(client: smtp.SMTP) -> None:
        async with client:
            await client.noop()

    await sweep(block, around(connected=False))


async def test_a_cancelled_goodbye_leaves_the_error_or_the_cancellation() -> None:
    async def block(client: smtp.SMTP) -> None:
        with contextlib.suppress(LookupError):
            async with client:
                raise LookupError

    await sweep(block, around(), checkpoints=False)


# -- mails -------------------------------------------------------------------------------------------------------------

EXTENSIONS = pytest.mark.parametrize("extensions", [TERSE, GROUPING], ids=["lock-step", "pipelining"])


@EXTENSIONS
async def test_the_fate_of_a_cancelled_mail_is_known(extensions: tuple[str, ...]) -> None:
    await sweep(lambda client: client.sendmail(SENDER, RECIPIENT, TEXT), around(extensions=extensions), fate_is_known)


async def test_the_fate_of_a_cancelled_long_mail_is_known() -> None:
    """Most of its time is spent sending blocks."""
    await sweep(
        lambda client: client.sendmail(SENDER, RECIPIENT, LONG_TEXT * 20_000),
        around(extensions=GROUPING),
        fate_is_known,
    )


async def test_the_fate_of_a_cancelled_message_is_known() -> None:
    await sweep(
        lambda client: client.send_message(letter(Cc="c@x")),
        around(extensions=GROUPING, client={"start_tls": False}),
        fate_is_known,
    )


async def test_the_fate_of_a_cancelled_body_is_known() -> None:
    async def begin(client: smtp.SMTP) -> None:
        await client.mail(SENDER)
        await client.rcpt(RECIPIENT)

    await sweep(lambda client: client.data(TEXT), around(prepare=begin), fate_is_known)


@EXTENSIONS
@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "."])
async def test_a_refused_mail_that_is_cancelled_is_no_other(extensions: tuple[str, ...], verb: str) -> None:
    """The clean-up after a refusal (RSET, the lone dot) is cancelled like everything else."""

    async def refused(client: smtp.SMTP) -> None:
        with contextlib.suppress(smtp.SMTPException):
            await client.sendmail(SENDER, RECIPIENT, TEXT)

    async def check(outcome: Outcome) -> None:
        assert outcome.subject.client.last_delivery is not smtp.Delivery.ACCEPTED
        await in_step(outcome)
        assert not any(message.recipients for message in outcome.subject.server.messages)

    await sweep(refused, around(extensions=extensions, replies={verb: "550 no", "DATA": "354 go on"}), check)


# -- send() ------------------------------------------------------------------------------------------------------------


@EXTENSIONS
async def test_a_cancelled_send_leaves_nothing(extensions: tuple[str, ...]) -> None:
    async def check(outcome: Outcome) -> None:
        await outcome.subject.served()
        if outcome.exception is None:
            assert len(outcome.subject.messages) == 1

    done = await cancel_everywhere(
        lambda server: smtp.send(letter(), hostname=server.host, port=server.port, local_hostname=NAME, timeout=LONG),
        around=lambda: MiniSMTP(extensions=extensions, client_may_leave=True),
        check=check,
        modes=ALL_MODES,
        clean_up_points=2,
    )
    assert done.points > 0
