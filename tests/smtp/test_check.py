"""``check()``: what a server is found to offer, whether the login works, and how each way to fail is told."""

from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
import trustme

from tests.harness import ALL_MODES, CutOutcome, Outcome, cancel_everywhere, cut_everywhere
from tests.peers import CLOSE, MiniSMTP, ScriptedPeer, Step, close, expect, expect_eof, send
from tests.smtp.support import LONG, NAME, PARTING, client_of, connected, opening, raises, said
from transfer import smtp

USERS = {"anna": "secret"}
LOGIN = {"username": "anna", "password": "secret"}

# -- what is found -----------------------------------------------------------------------------------------------------


async def test_a_plain_server_shows_what_it_offers(smtp_server: MiniSMTP) -> None:
    smtp_server.extensions = ("SIZE 1000", "8BITMIME", "DSN")
    client = client_of(smtp_server)
    check = await client.check()

    assert check == smtp.Check(
        peer=f"{smtp_server.host}:{smtp_server.port}",
        greeting=smtp.SMTPResponse(220, "mini.example ESMTP ready"),
        name="mini.example",
        extensions={"size": "1000", "8bitmime": "", "dsn": ""},
        size_limit=1000,
        auth_methods=(),
        offers_starttls=False,
        tls_version=None,
        cipher=None,
        certificate=None,
        is_logged_in=False,
    )
    assert not client.is_connected
    assert smtp_server.commands == ["EHLO client.example", "QUIT"]
    assert smtp_server.messages == []


@pytest.mark.parametrize("is_implicit", [False, True], ids=["STARTTLS", "implicit TLS"])
async def test_tls_its_certificate_and_the_login_are_shown(
    certificate_authority: trustme.CA, ca_file: Path, is_implicit: bool
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    end = dt.datetime(2037, 5, 6, 7, 8, 9, tzinfo=dt.UTC)
    certificate_authority.issue_cert("localhost", "127.0.0.1", not_after=end, common_name="mini").configure_cert(
        context
    )
    with MiniSMTP(host="127.0.0.1", tls=context, implicit_tls=is_implicit, users=USERS) as server:
        check = await client_of(server, cert_bundle=ca_file, use_tls=is_implicit, **LOGIN).check()

    assert check.is_logged_in
    assert check.auth_methods == ("plain", "login")
    assert check.offers_starttls is not is_implicit
    assert "starttls" not in check.extensions
    assert (check.tls_version or "").startswith("TLSv1.")
    assert check.cipher
    assert check.certificate is not None
    assert check.certificate.subject.endswith("commonName=mini")
    assert check.certificate.issuer.startswith("organizationName=")
    assert check.certificate.names == ("localhost", "127.0.0.1")
    assert check.certificate.expires == end
    assert server.logins == ["anna"]
    assert server.messages == []


async def test_a_certificate_that_nobody_verified_is_not_shown(server_tls_context: ssl.SSLContext) -> None:
    with MiniSMTP(tls=server_tls_context) as server:
        check = await client_of(server, validate_certs=False).check()
    assert check.tls_version
    assert check.certificate is None


async def test_starttls_that_is_declined_is_shown_as_offered(server_tls_context: ssl.SSLContext) -> None:
    with MiniSMTP(tls=server_tls_context) as server:
        check = await client_of(server, start_tls=False).check()
    assert check.offers_starttls
    assert "starttls" in check.extensions
    assert check.tls_version is None


@pytest.mark.parametrize(
    ("ehlo", "name", "extensions"),
    [
        (b"250 mail.example greets you\r\n", "mail.example", {}),
        (b"250-mail.example\r\n250 SIZE 0\r\n", "mail.example", {"size": "0"}),
        (b"250\r\n", "", {}),
    ],
)
async def test_the_name_is_the_first_word_of_the_answer_to_ehlo(
    peer: ScriptedPeer, ehlo: bytes, name: str, extensions: dict[str, str]
) -> None:
    peer.script(send(b"220 other.example\r\n"), expect(b"EHLO client.example\r\n"), send(ehlo), *PARTING)
    check = await client_of(peer).check()
    assert (check.name, check.extensions, check.size_limit) == (name, extensions, None)


async def test_a_server_that_knows_helo_alone_is_checked_too(peer: ScriptedPeer) -> None:
    tries = said((b"EHLO client.example", b"502 what"), (b"HELO client.example", b"250 old.example"))
    peer.script(send(b"220 old\r\n"), *tries, *PARTING)
    check = await client_of(peer).check()
    assert (check.name, check.extensions, check.auth_methods) == ("old.example", {}, ())


# -- a client that is connected ----------------------------------------------------------------------------------------


async def test_a_client_that_is_connected_stays_so(smtp_server: MiniSMTP) -> None:
    smtp_server.users = USERS
    async with connected(smtp_server, **LOGIN) as client:
        first = await client.check()
        second = await client.check()
        assert client.is_connected

    assert first == second
    assert first.is_logged_in
    assert smtp_server.accepted == 1
    assert smtp_server.logins == ["anna"]
    assert [line for line in smtp_server.commands if not line.startswith("AUTH")] == [
        "EHLO client.example",
        "NOOP",
        "NOOP",
    ]


async def test_a_login_by_hand_is_shown() -> None:
    with MiniSMTP(users=USERS) as server:
        async with connected(server, start_tls=False) as client:
            assert not (await client.check()).is_logged_in
            await client.login("anna", "secret")
            assert (await client.check()).is_logged_in


async def test_a_connection_that_has_died_is_noticed(smtp_server: MiniSMTP) -> None:
    smtp_server.replies["NOOP"] = CLOSE
    async with connected(smtp_server) as client:
        with raises(smtp.SMTPServerDisconnected):
            await client.check()
        assert not client.is_connected


async def test_checks_of_several_tasks_do_not_mix(smtp_server: MiniSMTP) -> None:
    client = client_of(smtp_server)
    found: list[smtp.Check] = []

    async def check() -> None:
        found.append(await client.check())

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(check)
    assert len(found) == 5
    assert len(set(map(repr, found))) == 1


# -- failures ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("replies", "options", "error", "retryable"),
    [
        ({"GREETING": "554 go away"}, {}, smtp.SMTPConnectResponseError, False),
        ({"GREETING": "421 later"}, {}, smtp.SMTPConnectResponseError, True),
        ({"GREETING": CLOSE}, {}, smtp.SMTPConnectError, True),
        ({"EHLO": "421 later"}, {}, smtp.SMTPHeloError, True),
        ({"AUTH": "535 5.7.8 no"}, LOGIN, smtp.SMTPAuthenticationError, False),
        ({"AUTH": "454 later"}, LOGIN, smtp.SMTPAuthenticationError, True),
        ({}, LOGIN | {"password": "wrong"}, smtp.SMTPAuthenticationError, False),
        ({}, {"start_tls": True}, smtp.SMTPNotSupported, False),
    ],
    ids=["554", "421", "closed", "EHLO", "login refused", "login later", "wrong password", "no STARTTLS"],
)
async def test_every_way_to_fail_is_an_error_of_the_family_and_leaves_no_connection(
    smtp_server: MiniSMTP,
    replies: dict[str, str],
    options: dict[str, Any],
    error: type[smtp.SMTPException],
    retryable: bool,
) -> None:
    smtp_server.users = USERS
    smtp_server.replies |= replies
    client = client_of(smtp_server, **options)
    with raises(error) as caught:
        await client.check()

    assert caught.value.retryable is retryable
    assert not client.is_connected
    assert "secret" not in str(caught.value)


async def test_a_server_that_hangs_up_after_its_greeting_is_not_asked_again(peer: ScriptedPeer) -> None:
    peer.script(send(b"220 mini.example\r\n"), close())
    with raises(smtp.SMTPServerDisconnected):
        await client_of(peer, start_tls=False).check()
    assert peer.accepted == 1


async def test_a_server_that_parts_rudely_was_checked_all_the_same(smtp_server: MiniSMTP) -> None:
    smtp_server.replies["QUIT"] = CLOSE
    assert (await client_of(smtp_server).check()).name == "mini.example"


# -- clients from URLs -------------------------------------------------------------------------------------------------


async def test_a_url_is_all_that_a_check_needs() -> None:
    with MiniSMTP(users={"anna@example.org": "p:/?#@%"}) as server:
        login = "anna%40example.org:p%3A%2F%3F%23%40%25"
        url = f"smtp://{login}@{server.host}:{server.port}?local_hostname={NAME}&timeout={LONG}"
        client = smtp.SMTP.from_url(url)
        check = await client.check()

    assert type(client) is smtp.SMTP
    assert check.is_logged_in
    assert server.commands[0] == f"EHLO {NAME}"


async def test_smtps_begins_with_tls(server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext) -> None:
    with MiniSMTP(host="127.0.0.1", tls=server_tls_context, implicit_tls=True) as server:
        url = f"smtps://localhost:{server.port}?local_hostname={NAME}"
        check = await smtp.SMTP.from_url(url, tls_context=client_tls_context, timeout=LONG).check()
    assert check.tls_version
    assert check.peer == f"localhost:{server.port}"


async def test_submission_without_starttls_is_refused(peer: ScriptedPeer) -> None:
    """The port is not the one that the URL names, so that the test has one to listen on; what follows from it stays."""
    peer.script(*opening(b"AUTH PLAIN"), expect_eof())
    options = smtp.SMTP.from_url("smtp://anna:secret@mail.example:587", hostname=peer.host, timeout=LONG)._options
    client = smtp.SMTP(
        hostname=peer.host,
        port=peer.port,
        start_tls=options.start_tls,
        username=options.username,
        password=options.password,
        local_hostname=NAME,
    )
    with raises(smtp.SMTPNotSupported, match="STARTTLS"):
        await client.check()


def lmtp_steps() -> list[Step]:
    """A mail by LMTP for two recipients, one of whom is refused at the end."""
    return [
        *(send(b"220 mini.example LMTP\r\n"), *said((b"LHLO client.example", b"250 mini.example"))),
        *said((b"MAIL FROM:<a@x>", b"250 ok"), (b"RCPT TO:<b@x>", b"250 ok"), (b"RCPT TO:<c@x>", b"250 ok")),
        *(*said((b"DATA", b"354 go")), expect(b"hello\r\n.\r\n"), send(b"250 stored\r\n452 full\r\n"), *PARTING),
    ]


@pytest.mark.parametrize("kind", [smtp.SMTP, smtp.LMTP])
async def test_an_lmtp_url_with_a_path_makes_an_lmtp_client_on_a_unix_socket(
    kind: type[smtp.SMTP], socket_path: Path
) -> None:
    with ScriptedPeer(path=str(socket_path)) as peer:
        peer.script(*lmtp_steps())
        client = kind.from_url(f"lmtp://{socket_path}", local_hostname=NAME, timeout=LONG)
        assert type(client) is smtp.LMTP
        async with client:
            refused, text = await client.sendmail("a@x", ["b@x", "c@x"], "hello")

    assert refused == {"c@x": (452, "full")}
    assert text == "stored"


def test_a_class_keeps_to_its_protocol() -> None:
    class Mine(smtp.SMTP):
        pass

    assert type(Mine.from_url("smtp://h")) is Mine
    for kind, url in ((Mine, "lmtp://h"), (smtp.LMTP, "smtp://h"), (smtp.LMTP, "smtps://h")):
        with pytest.raises(ValueError, match=kind.__name__):
            kind.from_url(url)
    assert smtp.LMTP().port == 24
    assert smtp.LMTP.from_url("lmtp://h").port == 24
    assert smtp.SMTP.from_url("smtp://h:26").port == 26


def test_a_url_that_is_none_is_a_value_error_without_the_password() -> None:
    with pytest.raises(ValueError, match="percent-encoded") as caught:
        smtp.SMTP.from_url("smtp://anna:s3cret/@h")
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(smtp.SMTP.from_url("smtp://anna:s3cret@h"))


# -- cancelled and cut everywhere --------------------------------------------------------------------------------------


def _server() -> MiniSMTP:
    server = MiniSMTP(extensions=("SIZE",), users=USERS, client_may_leave=True)
    server.replies |= {"NOOP": "250 noop", "RSET": "250 rset"}
    return server


@pytest.mark.parametrize("is_connected", [False, True], ids=["from nothing", "connected"])
async def test_a_cancelled_check_leaves_nothing_open_or_out_of_step(is_connected: bool) -> None:
    @asynccontextmanager
    async def setting() -> AsyncIterator[smtp.SMTP]:
        with _server() as server:
            client = client_of(server, **LOGIN)
            if is_connected:
                await client.connect()
            try:
                yield client
            finally:
                client.close()

    async def check(outcome: Outcome) -> None:
        client: smtp.SMTP = outcome.subject
        if client.is_connected:
            assert is_connected
            assert (await client.rset()).message == "rset"
            assert (await client.noop()).message == "noop"
            client.close()
        assert (await client.check()).is_logged_in

    sweep = await cancel_everywhere(
        lambda client: client.check(), around=setting, check=check, modes=ALL_MODES, clean_up_points=2
    )
    assert sweep.points > 0


async def test_a_cut_check_is_an_error_or_was_done() -> None:
    def peer() -> ScriptedPeer:
        peer = ScriptedPeer(client_may_leave=True)
        peer.script(send(b"220\r\n"), expect(b"EHLO client.example\r\n"), send(b"250-a\r\n250 SIZE 5\r\n"), *PARTING)
        return peer

    async def check(peer: ScriptedPeer) -> int | None:
        return (await client_of(peer).check()).size_limit

    def judge(outcome: CutOutcome, peer: ScriptedPeer) -> None:
        known = len(b"220\r\n250-a\r\n250 SIZE 5\r\n")
        is_known = outcome.after is None or outcome.after >= known
        assert outcome.value == (5 if is_known else None)
        assert is_known or isinstance(outcome.exception, smtp.SMTPException)

    await cut_everywhere(check, peer, check=judge)
