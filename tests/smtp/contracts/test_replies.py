"""What programs rely on for answers, refusals and time: C20 to C28, C31 and C-T."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.peers import CLOSE, HANG, MiniSMTP, ScriptedPeer, drip, expect, expect_eof, hang, pause, send
from tests.smtp.support import (
    GO_ON,
    LONG,
    MAIL,
    MESSAGE,
    PARTING,
    RECIPIENT,
    SENDER,
    SHORT,
    SOME,
    TEXT,
    client_of,
    connected,
    opening,
    raises,
    rcpt,
    said,
    until,
)
from transfer import smtp

Call = Callable[[smtp.SMTP], Awaitable[object]]

# -- C20: 421 is the end of the connection -----------------------------------------------------------------------------

CALLS: list[tuple[str, Call]] = [
    ("EHLO", lambda client: client.ehlo()),
    ("HELO", lambda client: client.helo()),
    ("NOOP", lambda client: client.noop()),
    ("RSET", lambda client: client.rset()),
    ("VRFY", lambda client: client.vrfy("ben@x")),
    ("MAIL", lambda client: client.mail("anna@x")),
    ("RCPT", lambda client: client.rcpt("ben@x")),
    ("DATA", lambda client: client.data("")),
]


@pytest.mark.parametrize(("verb", "call"), CALLS, ids=[verb for verb, _ in CALLS])
async def test_c20_421_to_any_command_closes_the_connection(smtp_server: MiniSMTP, verb: str, call: Call) -> None:
    async with connected(smtp_server) as client:
        smtp_server.replies[verb] = "421 4.3.2 going down"
        with pytest.raises(smtp.SMTPResponseException, match="going down") as caught:
            await call(client)
        assert caught.value.code == 421
        assert not client.is_connected
    assert smtp_server.commands[-1].startswith(verb)


async def test_c20_execute_command_returns_421_and_closes(smtp_server: MiniSMTP) -> None:
    smtp_server.replies["XYZ"] = "421 bye"
    async with connected(smtp_server) as client:
        assert await client.execute_command(b"XYZ") == (421, "bye")
        assert not client.is_connected


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "."])
async def test_c20_421_to_a_mail_closes_the_connection(smtp_server: MiniSMTP, verb: str) -> None:
    smtp_server.replies[verb] = "421 4.3.2 going down"
    async with connected(smtp_server) as client:
        with pytest.raises(smtp.SMTPException, match="going down"):
            await client.sendmail(SENDER, RECIPIENT, TEXT)
        assert not client.is_connected
    assert "RSET" not in smtp_server.commands


# -- C21: a reply that is late can answer nothing any more -------------------------------------------------------------


@pytest.mark.parametrize("verb", ["NOOP", "MAIL", "DATA"])
async def test_c21_a_timeout_closes_the_connection(smtp_server: MiniSMTP, verb: str) -> None:
    call = dict(CALLS)[verb]
    smtp_server.replies[verb] = HANG
    client = client_of(smtp_server, timeout=SOME)
    await client.connect()
    with raises(smtp.SMTPReadTimeoutError):
        await call(client)

    assert not client.is_connected
    with raises(smtp.SMTPServerDisconnected):
        await client.noop()


# -- C22: a server that hangs up after QUIT has understood -------------------------------------------------------------


async def test_c22_a_loss_after_quit_is_a_goodbye(smtp_server: MiniSMTP) -> None:
    smtp_server.replies["QUIT"] = CLOSE
    async with connected(smtp_server) as client:
        assert (await client.quit()).code == 221
        assert not client.is_connected


# -- C23, replaced: what nobody asked for ends the connection, and a 421 is the reason given ---------------------------


@pytest.mark.parametrize("unasked", [b"250 surplus\r\n", b"what", b"421 4.4.2 idle too long\r\n"], ids=repr)
async def test_c23_unsolicited_octets_never_answer_the_next_command(peer: ScriptedPeer, unasked: bytes) -> None:
    peer.script(*opening(), send(unasked), expect_eof())
    client = client_of(peer)
    await client.connect()
    await until(lambda: not client.is_connected)
    with raises(smtp.SMTPServerDisconnected, match="idle too long" if unasked.startswith(b"421") else None) as caught:
        await client.noop()

    reply = caught.value.reply
    assert (reply is not None and reply.code == 421) == unasked.startswith(b"421")
    client.close()


# -- C24, C25: nonsense ------------------------------------------------------------------------------------------------

LINE, REPLY = 8192, 32768


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param([send(b"250 " + b"x" * LINE + b"\r\n")], id="line"),
        pytest.param([drip(b"x" * 1024, every_seconds=0, times=9)], id="no line end"),
        pytest.param([drip(b"250-" + b"x" * 1000 + b"\r\n", every_seconds=0, times=40)], id="reply"),
    ],
)
async def test_c24_a_reply_has_a_limit(reply: list[Any]) -> None:
    with ScriptedPeer(client_may_leave=True) as peer:
        peer.script(*opening(), expect(b"NOOP\r\n"), *reply, hang())
        async with connected(peer) as client:
            with pytest.raises(smtp.SMTPResponseException) as caught:
                await client.noop()
            assert caught.value.code == -1
            assert not client.is_connected


async def test_c24_what_is_within_the_limit_is_taken(peer: ScriptedPeer) -> None:
    text = b"x" * (LINE // 4)
    lines = [b"250-" + text + b"\r\n"] * (REPLY // len(text) - 2) + [b"250 " + text + b"\r\n"]
    peer.script(*opening(), expect(b"NOOP\r\n"), send(b"".join(lines)), *PARTING)
    async with client_of(peer) as client:
        assert len((await client.noop()).message) >= len(text) * len(lines)


@pytest.mark.parametrize(
    "line", [b"what", b"25 ok", b"2500 ok", b"25x ok", b"250ok", b"", b"999 ok", b"\xff\xfe"], ids=repr
)
async def test_c25_a_malformed_reply_is_a_response_exception(peer: ScriptedPeer, line: bytes) -> None:
    peer.script(*opening(), expect(b"NOOP\r\n"), send(line + b"\r\n"), expect_eof())
    async with connected(peer) as client:
        with raises(smtp.SMTPProtocolError) as caught:
            await client.noop()
        assert isinstance(caught.value, smtp.SMTPResponseException)
        assert caught.value.code == -1 == int(smtp.SMTPStatus.invalid_response)
        assert not client.is_connected


# -- C26: a code is enough ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reply", [b"250\r\n", b"250 \r\n", b"250-\r\n250\r\n"], ids=repr)
async def test_c26_a_reply_may_be_a_bare_code(peer: ScriptedPeer, reply: bytes) -> None:
    peer.script(*opening(), expect(b"NOOP\r\n"), send(reply), *PARTING)
    async with client_of(peer) as client:
        code, text = await client.noop()
    assert (code, text.strip()) == (250, "")


# -- C27: what old servers offer ---------------------------------------------------------------------------------------


async def test_c27_mechanisms_are_read_from_the_old_form(peer: ScriptedPeer) -> None:
    peer.script(*opening(b"AUTH=LOGIN PLAIN", b"  SIZE 99"), expect_eof())
    async with connected(peer) as client:
        assert client.server_auth_methods == ["login", "plain"]
        assert client.supports_extension("AUTH")
        assert client.esmtp_extensions["size"] == "99"


# -- C28: the reason for which a token was refused ---------------------------------------------------------------------


async def test_c28_a_refused_token_brings_the_servers_own_error(peer: ScriptedPeer) -> None:
    challenge = base64.b64encode(b'{"status":"401"}')
    token = base64.b64encode(b"user=anna\x01auth=Bearer t0ken\x01\x01")
    peer.script(
        *opening(b"AUTH XOAUTH2"),
        *said((b"AUTH XOAUTH2 " + token, b"334 " + challenge), (b"", b"535 5.7.8 expired")),
        expect_eof(),
    )
    async with connected(peer) as client:
        with raises(smtp.SMTPAuthenticationError, match="expired") as caught:
            await client.auth_xoauth2("anna", "t0ken")
        assert caught.value.code == 535
        assert client.is_connected


# -- C31: which codes are acceptance -----------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [250, 251])
async def test_c31_rcpt_is_accepted_by_250_and_251(smtp_server: MiniSMTP, code: int) -> None:
    smtp_server.replies["RCPT"] = f"{code} fine"
    async with connected(smtp_server) as client:
        await client.mail(SENDER)
        assert await client.rcpt(RECIPIENT) == (code, "fine")
        await client.rset()
        assert (await client.sendmail(SENDER, RECIPIENT, TEXT))[0] == {}


@pytest.mark.parametrize("code", [250, 251, 252])
async def test_c31_vrfy_is_answered_by_252_as_well(smtp_server: MiniSMTP, code: int) -> None:
    smtp_server.replies["VRFY"] = f"{code} fine"
    async with connected(smtp_server) as client:
        assert await client.vrfy(RECIPIENT) == (code, "fine")


# -- C-T, replaced: the time given bounds each reply, never the whole --------------------------------------------------


async def test_ct_the_time_bounds_each_reply_not_their_sum(peer: ScriptedPeer) -> None:
    steps = [step for one in opening() for step in (pause(SHORT), one)]
    for _ in range(6):
        steps += [expect(b"NOOP\r\n"), pause(2 * SHORT), send(b"250 ok\r\n")]
    peer.script(*steps, expect_eof())
    async with connected(peer, timeout=8 * SHORT) as client:
        for _ in range(6):
            await client.noop()


async def test_ct_a_dripping_reply_does_not_win_time(peer: ScriptedPeer) -> None:
    peer.script(*opening(), expect(b"NOOP\r\n"), drip(b"250-x\r\n", every_seconds=SHORT / 5))
    async with connected(peer) as client:
        with raises(smtp.SMTPReadTimeoutError):
            await client.noop(timeout=2 * SHORT)


@pytest.mark.parametrize("given", ["to the client", "to the call"])
async def test_ct_the_time_given_bounds_the_last_reply_too(peer: ScriptedPeer, given: str) -> None:
    exchanges = (MAIL, b"250 ok"), (rcpt(b"ben@example.net"), b"250 ok"), GO_ON
    peer.script(*opening(), *said(*exchanges), expect(MESSAGE), hang())
    limit: dict[str, Any] = {"timeout": SOME}
    async with connected(peer, **(limit if given == "to the client" else {})) as client:
        with raises(smtp.SMTPDeliveryUncertainTimeout) as caught:
            await client.sendmail(SENDER, RECIPIENT, TEXT, **({} if given == "to the client" else limit))
    assert isinstance(caught.value, smtp.SMTPReadTimeoutError)
    assert caught.value.seconds == SOME


async def test_ct_where_none_was_given_the_last_reply_has_ten_minutes(smtp_server: MiniSMTP) -> None:
    """RFC 5321 §4.5.3.2.6. Nobody waits so long here, so this looks at the limits of the connection."""
    client = smtp.SMTP(hostname=smtp_server.host, port=smtp_server.port)
    assert client.timeout == 60
    async with client:
        assert client._session is not None
        limits = client._session.channel.timeouts
    assert (limits.reply, limits.termination) == (60, 600)


async def test_ct_connecting_has_its_time() -> None:
    with ScriptedPeer() as peer:
        peer.script(hang())
        with raises(smtp.SMTPConnectTimeoutError) as caught:
            await client_of(peer, timeout=SHORT).connect()
    assert isinstance(caught.value, smtp.SMTPConnectError | TimeoutError)


@pytest.mark.parametrize("implicit", [False, True], ids=["STARTTLS", "implicit"])
async def test_ct_a_handshake_has_its_time(peer: ScriptedPeer, implicit: bool) -> None:
    before = [] if implicit else [*opening(b"STARTTLS"), *said((b"STARTTLS", b"220 go"))]
    peer.script(*before, hang())
    with pytest.raises(smtp.SMTPTimeoutError):
        await client_of(peer, timeout=SOME, use_tls=implicit or None).connect()


async def test_ct_the_time_given_to_connect_is_not_kept(smtp_server: MiniSMTP) -> None:
    client = client_of(smtp_server)
    await client.connect(timeout=1.5)
    assert client.timeout == LONG
    await client.quit()
