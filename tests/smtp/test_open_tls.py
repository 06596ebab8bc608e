"""STARTTLS, implicit TLS, certificates and the login that connecting includes."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.peers import (
    ScriptedPeer,
    Step,
    close,
    expect,
    expect_eof,
    expect_line,
    hang,
    reset,
    send,
    start_tls,
)
from tests.smtp.support import HELLO, LONG, NAME, SHORT, SOME, Open, offer, opening, options_for, raises, said, stalls
from transfer import smtp
from transfer.smtp._open import open_session, tls_context
from transfer.smtp._options import ConnectOptions

# -- STARTTLS ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start_tls_option", [None, True])
async def test_starttls_is_taken_where_it_is_offered(
    opened: Open,
    peer: ScriptedPeer,
    server_tls_context: ssl.SSLContext,
    client_tls_context: ssl.SSLContext,
    start_tls_option: bool | None,
) -> None:
    peer.script(
        *opening(b"STARTTLS", b"SIZE"), *said((b"STARTTLS", b"220 go")), start_tls(server_tls_context), expect_eof()
    )
    session = await opened(options_for(peer, start_tls=start_tls_option, tls_context=client_tls_context))

    assert session.is_tls
    assert session.needs_hello
    assert not session.extensions.keywords


async def test_starttls_that_is_not_offered_is_done_without(opened: Open, peer: ScriptedPeer) -> None:
    peer.script(*opening(b"SIZE"), expect_eof())
    session = await opened(options_for(peer))

    assert not session.is_tls
    assert session.extensions.supports("size")


async def test_starttls_that_is_required_and_not_offered_ends_it(peer: ScriptedPeer) -> None:
    """Nothing else is sent, no password in particular."""
    peer.script(*opening(b"AUTH PLAIN"), expect_eof())
    with raises(smtp.SMTPNotSupported, match="STARTTLS"):
        await open_session(options_for(peer, start_tls=True, username="anna", password="secret"))


@pytest.mark.parametrize("start_tls_option", [None, True])
@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (send(b"454 not now\r\n"), smtp.SMTPResponseException),
        (send(b"501 what\r\n"), smtp.SMTPResponseException),
        (send(b"220 go\r\n250 AUTH PLAIN\r\n"), smtp.SMTPProtocolError),
        (close(), smtp.SMTPServerDisconnected),
        (hang(), smtp.SMTPReadTimeoutError),
    ],
    ids=["454", "501", "injected", "end of file", "stall"],
)
async def test_an_upgrade_that_fails_does_not_go_on_in_clear(
    peer: ScriptedPeer, start_tls_option: bool | None, reply: Step, error: type[smtp.SMTPException]
) -> None:
    peer.script(*opening(b"STARTTLS", b"AUTH PLAIN"), expect(b"STARTTLS\r\n"), reply, expect_eof())
    with raises(error):
        await open_session(
            options_for(
                peer,
                start_tls=start_tls_option,
                username="anna",
                password="secret",
                timeout=SOME if stalls([reply]) else LONG,
            )
        )


async def test_starttls_can_be_declined(opened: Open, peer: ScriptedPeer) -> None:
    """Then EHLO is said when there is something to say."""
    peer.script(HELLO, expect_eof())
    session = await opened(options_for(peer, start_tls=False))

    assert session.needs_hello


async def test_a_certificate_that_is_not_trusted_ends_it(
    peer: ScriptedPeer, server_tls_context: ssl.SSLContext
) -> None:
    peer.script(*opening(b"STARTTLS"), *said((b"STARTTLS", b"220 go")), start_tls(server_tls_context, fails=True))
    with raises(smtp.SMTPTLSError, match="certificate") as caught:
        await open_session(options_for(peer))

    assert isinstance(caught.value, smtp.SMTPConnectError)
    assert not caught.value.retryable


async def test_a_certificate_for_somebody_else_ends_it(
    peer: ScriptedPeer, server_tls_context: ssl.SSLContext, ca_file: Path
) -> None:
    peer.script(*opening(b"STARTTLS"), *said((b"STARTTLS", b"220 go")), start_tls(server_tls_context, fails=True))
    sock = socket.create_connection((peer.host, peer.port))
    with raises(smtp.SMTPTLSError, match="mail.example"):
        await open_session(ConnectOptions(sock=sock, hostname="mail.example", local_hostname=NAME, cert_bundle=ca_file))


async def test_certificates_can_be_accepted_unseen(
    opened: Open, peer: ScriptedPeer, server_tls_context: ssl.SSLContext
) -> None:
    peer.script(*opening(b"STARTTLS"), *said((b"STARTTLS", b"220 go")), start_tls(server_tls_context), expect_eof())
    session = await opened(options_for(peer, validate_certs=False))

    assert session.is_tls


# -- implicit TLS ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [{"use_tls": True}, {"use_tls": True, "start_tls": False}], ids=str)
async def test_implicit_tls_comes_before_the_greeting(
    opened: Open, peer: ScriptedPeer, server_tls_context: ssl.SSLContext, ca_file: Path, given: dict[str, Any]
) -> None:
    peer.script(start_tls(server_tls_context), HELLO, expect_eof())
    session = await opened(options_for(peer, cert_bundle=ca_file, **given))

    assert session.is_tls
    assert session.is_private


async def test_implicit_tls_over_a_socket_handed_in(
    opened: Open, peer: ScriptedPeer, server_tls_context: ssl.SSLContext, ca_file: Path
) -> None:
    peer.script(start_tls(server_tls_context), HELLO, expect_eof())
    sock = socket.create_connection((peer.host, peer.port))
    session = await opened(
        ConnectOptions(sock=sock, hostname="localhost", use_tls=True, cert_bundle=ca_file, timeout=LONG)
    )

    assert session.is_tls


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (send(b"220 plain\r\n"), smtp.SMTPTLSError),
        (close(), smtp.SMTPConnectError),
        (reset(), smtp.SMTPConnectError),
        (hang(), smtp.SMTPConnectTimeoutError),
    ],
    ids=["plain text", "end of file", "reset", "stall"],
)
async def test_a_handshake_that_fails_before_the_greeting(step: Step, error: type[smtp.SMTPException]) -> None:
    with ScriptedPeer(client_may_leave=True) as peer:
        peer.script(step)
        with raises(error):
            await open_session(options_for(peer, use_tls=True, timeout=SHORT if stalls([step]) else LONG))


# -- certificates ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["client_cert", "cert_bundle"])
@pytest.mark.parametrize("content", [None, "no certificate"], ids=["missing", "senseless"])
async def test_files_that_cannot_be_used_are_found_before_anything_is_done(
    tmp_path: Path, name: str, content: str | None
) -> None:
    file = tmp_path / "file.pem"
    if content is not None:
        file.write_text(content)
    with ScriptedPeer() as peer:
        with raises(smtp.SMTPTLSError, match="TLS settings"):
            await open_session(options_for(peer, **{name: file}))
        assert peer.accepted == 0


async def test_files_that_are_no_files_names_are_value_errors() -> None:
    with ScriptedPeer() as peer:
        for given in ({"cert_bundle": "a\0b"}, {"client_cert": "a\0b"}, {"client_key": "key.pem"}):
            with pytest.raises(ValueError, match=r"null|certificate"):
                await open_session(options_for(peer, **given))
        assert peer.accepted == 0


def test_a_context_is_used_as_it_is(client_tls_context: ssl.SSLContext) -> None:
    assert tls_context(ConnectOptions(tls_context=client_tls_context)) is client_tls_context


# -- logging in --------------------------------------------------------------------------------------------------------


async def test_logging_in_comes_last(
    opened: Open, peer: ScriptedPeer, server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    peer.script(
        *opening(b"STARTTLS"),
        *said((b"STARTTLS", b"220 go")),
        start_tls(server_tls_context),
        *offer(b"AUTH PLAIN"),
        *said((b"AUTH PLAIN AGFubmEAc2VjcmV0", b"235 in")),
        expect_eof(),
    )
    await opened(options_for(peer, tls_context=client_tls_context, username="anna", password="secret"))


async def test_a_token_is_asked_for_at_each_login(opened: Open, peer: ScriptedPeer) -> None:
    tokens = ["one", "two"]

    async def give_token() -> str:
        return tokens.pop(0)

    for _ in range(2):
        peer.script(
            *opening(b"AUTH PLAIN XOAUTH2"), expect_line(rb"AUTH XOAUTH2 .*"), send(b"235 in\r\n"), expect_eof()
        )
        await opened(options_for(peer, username="anna", oauth_token_generator=give_token))

    assert tokens == []


async def test_a_token_that_cannot_be_had_is_the_generators_own_error(peer: ScriptedPeer) -> None:
    async def give_token() -> str:
        raise LookupError("no token")

    peer.script(*opening(b"AUTH XOAUTH2"), expect_eof())
    with pytest.raises(LookupError):
        await open_session(options_for(peer, username="anna", oauth_token_generator=give_token))


@pytest.mark.parametrize(
    "given",
    [
        {"username": "anna"},
        {"username": "an\nna", "password": "secret"},
        {"username": "anna", "password": "secret\n"},
        {"username": b"anna", "password": b"sec\0ret"},
        {"username": "anna", "password": "\ud800"},
    ],
    ids=["no password", "user with LF", "password with LF", "password with NUL", "surrogate"],
)
async def test_a_login_that_cannot_be_is_found_before_anything_is_done(given: dict[str, Any]) -> None:
    with ScriptedPeer() as peer:
        with raises(smtp.SMTPAddressError) as caught:
            await open_session(options_for(peer, **given))
        assert "secret" not in str(caught.value)
        assert peer.accepted == 0


async def test_a_token_generator_needs_a_user() -> None:
    async def give_token() -> str:
        raise NotImplementedError

    with raises(smtp.SMTPAddressError, match="username"):
        await open_session(ConnectOptions(oauth_token_generator=give_token))


async def test_a_failed_login_closes_the_connection(peer: ScriptedPeer) -> None:
    peer.script(*opening(b"AUTH PLAIN"), *said((b"AUTH PLAIN AGFubmEAc2VjcmV0", b"535 no")), expect_eof())
    with raises(smtp.SMTPAuthenticationError):
        await open_session(options_for(peer, username="anna", password="secret"))
