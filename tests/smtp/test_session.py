from __future__ import annotations

import logging
import ssl
from pathlib import Path

import pytest

from tests.peers import ScriptedPeer, Step, close, expect, expect_eof, expect_line, hang, reset, send, start_tls
from tests.smtp.support import PARTING, SHORT, Begin, offer, raises, said
from transfer import smtp
from transfer._wire.reply import Reply
from transfer.smtp import _commands as commands

# -- EHLO and HELO -----------------------------------------------------------------------------------------------------


async def test_ehlo_teaches_what_the_server_offers(begin: Begin) -> None:
    session = begin(*offer(b"SIZE 1000", b"auth PLAIN login", b"Pipelining"), expect_eof())
    response = await session.ehlo()

    assert response == (250, "mini.example\nSIZE 1000\nauth PLAIN login\nPipelining")
    assert session.last_ehlo == response
    assert not session.needs_hello
    assert session.extensions.size_limit == 1000
    assert session.extensions.auth_methods == ("plain", "login")
    assert session.extensions.supports("PIPELINING")


async def test_hello_is_said_once(begin: Begin) -> None:
    session = begin(*offer(), expect(b"NOOP\r\n"), send(b"250 ok\r\n"), expect_eof())
    await session.hello()
    await session.hello()
    await session.require(commands.NOOP)


@pytest.mark.parametrize("code", [b"500", b"502", b"550", b"554"])
async def test_a_server_that_refuses_ehlo_for_good_hears_helo(begin: Begin, code: bytes) -> None:
    session = begin(
        *said((b"EHLO client.example", code + b" what"), (b"HELO client.example", b"250 hello")), expect_eof()
    )
    await session.hello()

    assert not session.needs_hello
    assert session.last_ehlo is None
    assert session.last_helo == (250, "hello")
    assert not session.extensions.keywords


async def test_a_server_that_refuses_both_is_a_helo_error(begin: Begin) -> None:
    session = begin(*said((b"EHLO client.example", b"500 no"), (b"HELO client.example", b"501 nor that")), expect_eof())
    with raises(smtp.SMTPHeloError) as caught:
        await session.hello()
    assert (caught.value.code, caught.value.message) == (501, "nor that")
    assert caught.value.command == "HELO client.example"
    assert session.needs_hello
    assert session.channel.is_open


@pytest.mark.parametrize(("reply", "is_open"), [(b"450 later", True), (b"421 later", False)])
async def test_a_server_that_asks_to_come_back_hears_no_helo(begin: Begin, reply: bytes, is_open: bool) -> None:
    session = begin(*said((b"EHLO client.example", reply)), expect_eof())
    with raises(smtp.SMTPHeloError) as caught:
        await session.hello()
    assert caught.value.retryable
    assert session.channel.is_open is is_open


async def test_another_name_can_be_given(begin: Begin) -> None:
    session = begin(*said((b"EHLO [192.0.2.1]", b"250 a"), (b"HELO xn--bcher-kva.example", b"250 b")), expect_eof())
    await session.ehlo("[192.0.2.1]")
    await session.helo("bücher.example")


async def test_a_name_is_asked_of_the_system_where_none_was_given(begin: Begin, peer: ScriptedPeer) -> None:
    session = begin(expect_line(rb"EHLO (?P<name>\S+)"), send(b"250 hello\r\n"), expect_eof())
    session.local_hostname = None
    await session.ehlo()

    assert session.local_hostname == peer.captured["name"].decode()


# -- single commands ---------------------------------------------------------------------------------------------------


async def test_a_code_counts_by_its_first_digit(begin: Begin) -> None:
    session = begin(*said((b"NOOP", b"299 fine"), (b"RSET", b"250")), expect_eof())

    assert await session.require(commands.NOOP) == (299, "fine")
    assert await session.require(commands.RSET) == (250, "")


@pytest.mark.parametrize(("reply", "retryable"), [(b"450 4.3.2 later", True), (b"599 5.9.9 never", False)])
async def test_a_refusal_is_a_response_exception(begin: Begin, reply: bytes, retryable: bool) -> None:
    session = begin(*said((b"NOOP", reply)), *PARTING)
    with raises(smtp.SMTPResponseException) as caught:
        await session.require(commands.NOOP)

    error = caught.value
    code, _, text = reply.decode().partition(" ")
    assert (error.code, error.message, error.command) == (int(code), text, "NOOP")
    assert error.reply == Reply(int(code), (text,))
    assert error.retryable is retryable
    await session.quit()


@pytest.mark.parametrize("reply", [b"150 wait", b"354 go on"])
async def test_an_answer_out_of_turn_closes_the_connection(begin: Begin, reply: bytes) -> None:
    """Nobody could tell what the server would take the next line for."""
    session = begin(*said((b"NOOP", reply)), expect_eof())
    with raises(smtp.SMTPProtocolError, match="NOOP was answered out of turn") as caught:
        await session.require(commands.NOOP)

    assert caught.value.code == -1
    assert not session.channel.is_open
    with raises(smtp.SMTPServerDisconnected, match="out of turn"):
        await session.require(commands.NOOP)


async def test_any_line_can_be_sent_and_any_code_comes_back(begin: Begin) -> None:
    session = begin(*said((b"XYZ a  b", b"354 go on"), (b"whatever: x", b"599 no")), expect_eof())

    assert (await session.execute(b"XYZ a  b")).code == 354
    assert (await session.execute(b"whatever: x")).code == 599


async def test_lines_that_may_be_secret_stay_out_of_the_log(begin: Begin, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "transfer.wire")
    lines = [b"AUTH PLAIN c2VjcmV0", b"AUTH LOGIN", b"c2VjcmV0", b"=secret", b"secret=", b"NOOP shown"]
    replies = [b"535 no", b"334 VXNlcg==", b"334 UGFzcw==", b"501 no", b"500 no", b"250 ok"]
    session = begin(*said(*zip(lines, replies, strict=True)), expect_eof())
    for line in lines:
        await session.execute(line)

    assert "NOOP shown" in caplog.text
    assert "cret" not in caplog.text
    assert "c2Vj" not in caplog.text


@pytest.mark.parametrize("line", [b"NOOP\r\nRSET", b"NOOP\nRSET", b"NOOP \0", b"\x7f", b"a" * 9000])
async def test_a_line_that_would_be_another_is_refused_unsent(begin: Begin, line: bytes) -> None:
    session = begin(*said((b"NOOP", b"250 ok")), expect_eof())
    with raises(smtp.SMTPAddressError):
        await session.execute(line)

    assert (await session.execute(b"NOOP")).code == 250


# -- QUIT --------------------------------------------------------------------------------------------------------------


async def test_quit_closes(begin: Begin) -> None:
    session = begin(*PARTING)

    assert await session.quit() == (221, "bye")
    assert not session.channel.is_open


@pytest.mark.parametrize("end", [close(), reset()], ids=str)
async def test_a_server_that_just_hangs_up_has_understood(begin: Begin, end: Step) -> None:
    session = begin(expect(b"QUIT\r\n"), end)

    assert (await session.quit()).code == 221
    assert not session.channel.is_open


async def test_a_refusal_to_part_leaves_the_connection_open(begin: Begin) -> None:
    session = begin(*said((b"QUIT", b"500 stay")), *PARTING)
    with raises(smtp.SMTPResponseException):
        await session.quit()

    assert session.channel.is_open
    await session.quit()


async def test_quit_without_a_connection_is_an_error(begin: Begin, peer: ScriptedPeer) -> None:
    session = begin(send(b"421 4.4.2 idle too long\r\n"), close())
    await peer.served()
    with raises(smtp.SMTPServerDisconnected, match="idle too long") as caught:
        await session.quit()

    assert caught.value.reply == Reply(421, ("4.4.2 idle too long",))


# -- STARTTLS ----------------------------------------------------------------------------------------------------------


async def test_what_was_learned_in_clear_is_forgotten(
    begin: Begin, server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    session = begin(
        *offer(b"STARTTLS", b"PIPELINING"),
        *said((b"STARTTLS", b"220 go")),
        start_tls(server_tls_context),
        *offer(b"AUTH PLAIN"),
        expect_eof(),
    )
    assert await session.start_tls(client_tls_context, "localhost") == (220, "go")
    assert session.is_tls
    assert session.is_verified
    assert session.is_private
    assert session.needs_hello
    assert session.last_ehlo is session.last_helo is None
    assert not session.extensions.keywords
    await session.hello()

    assert session.extensions.auth_methods == ("plain",)
    assert not session.extensions.supports("pipelining")
    with raises(smtp.SMTPException, match="TLS already"):
        await session.start_tls(client_tls_context, "localhost")


async def test_starttls_that_is_not_offered_is_not_tried(begin: Begin, client_tls_context: ssl.SSLContext) -> None:
    session = begin(*offer(b"SIZE"), expect_eof())
    with raises(smtp.SMTPNotSupported, match="STARTTLS"):
        await session.start_tls(client_tls_context, "localhost")

    assert session.channel.is_open


async def test_a_refused_starttls_leaves_the_connection_in_clear(
    begin: Begin, client_tls_context: ssl.SSLContext
) -> None:
    session = begin(*offer(b"STARTTLS"), *said((b"STARTTLS", b"454 not now")), *PARTING)
    with raises(smtp.SMTPResponseException) as caught:
        await session.start_tls(client_tls_context, "localhost")

    assert (caught.value.code, caught.value.retryable) == (454, True)
    assert not session.is_tls
    assert not session.is_verified
    await session.quit()


@pytest.mark.parametrize(
    "injected", [b"250-evil\r\n250 AUTH PLAIN\r\n", b"250", b"220 go\r\n"], ids=["replies", "fragment", "reply"]
)
@pytest.mark.parametrize("apart", [False, True], ids=["in one segment", "apart"])
async def test_plain_text_behind_the_go_ahead_closes(
    begin: Begin, peer: ScriptedPeer, client_tls_context: ssl.SSLContext, injected: bytes, apart: bool
) -> None:
    """RFC 3207 §4.2; nothing of it answers what is sent inside TLS, because there is no TLS."""
    parts = [send(b"220 go\r\n"), send(injected)] if apart else [send(b"220 go\r\n" + injected)]
    session = begin(*offer(b"STARTTLS"), expect(b"STARTTLS\r\n"), *parts)
    peer.client_may_leave = True
    # Apart, it may come while the handshake is under way, and is then no TLS record, or the beginning of one.
    with pytest.raises((smtp.SMTPProtocolError, smtp.SMTPTLSError, smtp.SMTPServerDisconnected)) as caught:
        await session.start_tls(client_tls_context, "localhost")

    assert apart or type(caught.value) is smtp.SMTPProtocolError
    assert not session.channel.is_open


async def test_a_certificate_that_is_not_trusted_closes(begin: Begin, server_tls_context: ssl.SSLContext) -> None:
    session = begin(*offer(b"STARTTLS"), *said((b"STARTTLS", b"220 go")), start_tls(server_tls_context, fails=True))
    with raises(smtp.SMTPTLSError) as caught:
        await session.start_tls(ssl.create_default_context(), "localhost")

    assert isinstance(caught.value.__cause__, ssl.SSLError)
    assert not caught.value.retryable
    assert not session.channel.is_open


@pytest.mark.parametrize("verify_mode", [ssl.CERT_NONE, ssl.CERT_OPTIONAL, ssl.CERT_REQUIRED])
async def test_a_server_is_verified_by_its_certificate_and_its_name(
    begin: Begin, server_tls_context: ssl.SSLContext, ca_file: Path, verify_mode: ssl.VerifyMode
) -> None:
    context = ssl.create_default_context(cafile=ca_file)
    context.check_hostname = False
    context.verify_mode = verify_mode
    session = begin(
        *offer(b"STARTTLS"), *said((b"STARTTLS", b"220 go")), start_tls(server_tls_context), *offer(), expect_eof()
    )
    await session.start_tls(context, "localhost")
    await session.hello()

    assert session.is_tls
    assert not session.is_verified


# -- time --------------------------------------------------------------------------------------------------------------


async def test_a_server_that_does_not_answer_is_a_read_timeout(begin: Begin) -> None:
    session = begin(expect(b"NOOP\r\n"), hang(), seconds=SHORT)
    with raises(smtp.SMTPReadTimeoutError) as caught:
        await session.require(commands.NOOP)

    assert (caught.value.phase, caught.value.seconds) == ("reply", SHORT)
    assert not session.channel.is_open
