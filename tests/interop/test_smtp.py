"""``transfer.smtp`` and real mail servers: connecting, TLS, logging in, parting."""

from __future__ import annotations

import socket

import anyio
import pytest

from tests.interop._mail import SECONDS, SENDER, client_of, copies, mail_in, message, options, subjects
from tests.interop._servers import SmtpServer
from transfer import DisconnectedError, TLSError, UnsupportedError
from transfer.smtp import (
    SMTP,
    Delivery,
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPConnectTimeoutError,
    SMTPHeloError,
    SMTPNotSupported,
    SMTPServerDisconnected,
    SMTPTLSError,
    send,
)

with_tls = pytest.mark.parametrize("smtp_server", ["postfix", "exim", "aiosmtpd"], indirect=True)


async def is_encrypted(client: SMTP) -> bool:
    """Ask the server: those with TLS offer AUTH inside of it and nowhere else."""
    if client.is_ehlo_or_helo_needed:
        await client.ehlo()
    return client.supports_extension("auth")


def announced(server: SmtpServer) -> set[str]:
    return {feature.lower() for feature in server.features if feature.isupper()}


# -- greeting and EHLO -------------------------------------------------------------------------------------------------


async def test_the_greeting_is_returned_and_ehlo_says_what_the_server_offers(smtp_server: SmtpServer) -> None:
    client = client_of(smtp_server, start_tls=False)
    greeting = await client.connect()
    assert greeting.code == 220
    assert client.is_ehlo_or_helo_needed

    response = await client.ehlo()

    assert response.code == 250
    assert client.supports_esmtp
    # AUTH is offered inside TLS only, and STARTTLS outside only.
    assert announced(smtp_server) - {"auth"} <= set(client.esmtp_extensions)
    assert all(client.supports_extension(name.upper()) for name in client.esmtp_extensions)
    assert client.server_auth_methods == []
    assert (await client.quit()).code == 221
    assert not client.is_connected


async def test_helo_is_understood_as_well(smtp_server: SmtpServer) -> None:
    async with client_of(smtp_server, start_tls=False) as client:
        assert (await client.helo()).code == 250
        assert client.esmtp_extensions == {}
        # Nothing is offered to whoever says HELO, so nothing of it is used.
        await client.sendmail(SENDER, "b@example.com", b"Subject: by HELO\n\n.\n")

    (kept,) = await mail_in(smtp_server)
    assert kept.body == b".\r\n"


async def test_a_second_ehlo_that_is_refused_changes_nothing(opensmtpd: SmtpServer) -> None:
    async with client_of(opensmtpd) as client:
        offered = client.esmtp_extensions
        with pytest.raises(SMTPHeloError, match="503"):
            await client.ehlo()

        assert client.supports_esmtp
        assert client.esmtp_extensions == offered
        assert not client.is_ehlo_or_helo_needed
        await client.send_message(message("still"))

    assert subjects(await mail_in(opensmtpd)) == ["still"]


async def test_single_commands_are_answered_in_step(smtp_server: SmtpServer) -> None:
    async with client_of(smtp_server) as client:
        assert (await client.noop()).code == 250
        assert (await client.rset()).code == 250
        assert (await client.mail(SENDER)).code == 250
        assert (await client.rset()).code == 250
        if "VRFY" in smtp_server.features:
            assert (await client.vrfy("b@example.com")).code in {250, 252}
        assert (await client.execute_command(b"NOOP")).code == 250
        assert (await client.execute_command(b"XNONSENSE", b"argument")).code in {500, 502, 554}
        if "HELP" in smtp_server.features:
            assert await client.help()
        assert (await client.noop()).code == 250


async def test_a_mail_can_be_sent_step_by_step(smtp_server: SmtpServer) -> None:
    async with client_of(smtp_server) as client:
        await client.mail(SENDER)
        await client.rcpt("b@example.com")
        await client.rcpt("c@example.com")
        response = await client.data("Subject: steps\n\n..\n.")
        assert response.code == 250
        assert client.last_delivery is Delivery.ACCEPTED

    for kept in await copies(smtp_server, ["b@example.com", "c@example.com"]):
        assert kept.body == b"..\r\n.\r\n"


# -- TLS ---------------------------------------------------------------------------------------------------------------


async def test_tls_is_taken_where_it_is_offered(smtp_server: SmtpServer) -> None:
    async with client_of(smtp_server) as client:
        assert await is_encrypted(client) == ("STARTTLS" in smtp_server.features)
        await client.send_message(message("opportunistic"))

    assert subjects(await mail_in(smtp_server)) == ["opportunistic"]


@with_tls
async def test_starttls_forgets_what_was_offered_in_clear(smtp_server: SmtpServer) -> None:
    async with client_of(smtp_server, start_tls=False) as client:
        assert not await is_encrypted(client)
        assert client.supports_extension("starttls")

        assert (await client.starttls()).code == 220

        assert client.is_ehlo_or_helo_needed
        assert client.esmtp_extensions == {}
        assert await is_encrypted(client)
        assert not client.supports_extension("starttls")
        assert announced(smtp_server) - {"starttls"} <= set(client.esmtp_extensions)


@with_tls
async def test_tls_from_the_first_octet(smtp_server: SmtpServer) -> None:
    async with client_of(smtp_server, port=smtp_server.tls_port, use_tls=True) as client:
        assert await is_encrypted(client)
        assert (await client.login(smtp_server.user, smtp_server.password)).code == 235
        await client.send_message(message("implicit"))

    assert subjects(await mail_in(smtp_server)) == ["implicit"]


async def test_required_tls_that_is_not_offered_ends_the_connection(opensmtpd: SmtpServer) -> None:
    client = client_of(opensmtpd, start_tls=True)
    with pytest.raises(SMTPNotSupported, match="STARTTLS") as caught:
        await client.connect()

    assert isinstance(caught.value, UnsupportedError)
    assert not client.is_connected


@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "implicit"])
@with_tls
async def test_a_certificate_of_an_unknown_authority_is_refused(smtp_server: SmtpServer, implicit: bool) -> None:
    port = smtp_server.tls_port if implicit else smtp_server.port
    client = client_of(smtp_server, tls_context=None, port=port, use_tls=implicit)
    with pytest.raises(SMTPTLSError, match="local issuer certificate") as caught:
        await client.connect()

    assert isinstance(caught.value, TLSError)
    assert not caught.value.retryable
    assert not client.is_connected


@with_tls
async def test_a_certificate_for_another_host_is_refused(smtp_server: SmtpServer) -> None:
    async with client_of(smtp_server, start_tls=False) as client:
        with pytest.raises(SMTPTLSError, match=r"other\.test"):
            await client.starttls(server_hostname="other.test")
        assert not client.is_connected


@with_tls
async def test_an_unverified_certificate_is_taken_when_told_so(smtp_server: SmtpServer) -> None:
    async with client_of(smtp_server, tls_context=None, validate_certs=False) as client:
        assert await is_encrypted(client)


@with_tls
async def test_a_certificate_bundle_is_trusted(smtp_server: SmtpServer) -> None:
    async with client_of(smtp_server, tls_context=None, cert_bundle=smtp_server.ca_file, start_tls=True) as client:
        assert await is_encrypted(client)


async def test_tls_on_a_port_without_it_is_an_error_of_tls(opensmtpd: SmtpServer) -> None:
    with pytest.raises(SMTPTLSError):
        await client_of(opensmtpd, use_tls=True).connect()


@with_tls
async def test_clear_text_on_a_port_with_tls_times_out(smtp_server: SmtpServer) -> None:
    client = client_of(smtp_server, port=smtp_server.tls_port, timeout=0.3)
    # Either side may be the first to lose patience.
    with pytest.raises(SMTPConnectError) as caught:
        await client.connect()

    assert isinstance(caught.value, SMTPConnectTimeoutError)
    assert caught.value.phase == "greeting"


# -- login -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mechanism", ["plain", "login", "crammd5"])
@with_tls
async def test_login_by_one_mechanism(smtp_server: SmtpServer, mechanism: str) -> None:
    async with client_of(smtp_server) as client:
        await client.ehlo()
        name = {"crammd5": "cram-md5"}.get(mechanism, mechanism)
        if name not in client.server_auth_methods:
            assert f"auth-{name}" not in smtp_server.features
            return
        authenticate = getattr(client, f"auth_{mechanism}")
        with pytest.raises(SMTPAuthenticationError) as caught:
            await authenticate(smtp_server.user, smtp_server.password + "x")
        assert caught.value.code == 535
        assert not caught.value.retryable
        assert smtp_server.password not in str(caught.value)

        assert (await authenticate(smtp_server.user, smtp_server.password)).code == 235
        await client.send_message(message(name))

    assert subjects(await mail_in(smtp_server)) == [name]


@with_tls
async def test_login_takes_the_best_mechanism(smtp_server: SmtpServer) -> None:
    async with client_of(smtp_server, username=smtp_server.user, password=smtp_server.password) as client:
        assert client.is_connected
        await client.send_message(message("logged in"))

    assert len(await mail_in(smtp_server)) == 1


@with_tls
async def test_a_wrong_password_leaves_the_connection_usable(smtp_server: SmtpServer) -> None:
    async with client_of(smtp_server) as client:
        with pytest.raises(SMTPAuthenticationError):
            await client.login(smtp_server.user, "wrong")
        assert client.is_connected
        assert (await client.login(smtp_server.user, smtp_server.password)).code == 235


@with_tls
async def test_connecting_with_a_wrong_password_closes(smtp_server: SmtpServer) -> None:
    client = client_of(smtp_server, username=smtp_server.user, password="wrong")
    with pytest.raises(SMTPAuthenticationError):
        await client.connect()

    assert not client.is_connected


async def test_login_where_none_is_offered(opensmtpd: SmtpServer) -> None:
    async with client_of(opensmtpd) as client:
        with pytest.raises(SMTPNotSupported, match="does not offer AUTH"):
            await client.login("alice", "secret")
        assert (await client.noop()).code == 250


@with_tls
async def test_send_does_everything_in_one_call(smtp_server: SmtpServer) -> None:
    refused, text = await send(
        message("one call"),
        **options(smtp_server),
        start_tls=True,
        username=smtp_server.user,
        password=smtp_server.password,
    )

    assert refused == {}
    assert text
    assert subjects(await mail_in(smtp_server)) == ["one call"]


# -- one object, several connections -----------------------------------------------------------------------------------


async def test_a_client_that_has_parted_connects_again(smtp_server: SmtpServer) -> None:
    client = client_of(smtp_server)
    for number in range(3):
        await client.connect()
        await client.send_message(message(f"connection {number}"))
        assert (await client.quit()).code == 221
        with pytest.raises(SMTPServerDisconnected):
            await client.noop()

    assert subjects(await mail_in(smtp_server, 3)) == ["connection 0", "connection 1", "connection 2"]


async def test_two_clients_at_once_do_not_meet(smtp_server: SmtpServer) -> None:
    async def work(name: str) -> None:
        async with client_of(smtp_server) as client:
            for number in range(5):
                await client.send_message(message(f"{name} {number}"))

    async with anyio.create_task_group() as group:
        group.start_soon(work, "left")
        group.start_soon(work, "right")

    expected = sorted(f"{name} {number}" for name in ("left", "right") for number in range(5))
    assert subjects(await mail_in(smtp_server, 10)) == expected


async def neglected(server: SmtpServer) -> SMTP:
    """Return a client whose connection has sent one mail, and that *server* has given up since."""
    assert server.impatient_port is not None
    sock = socket.create_connection((server.host, server.impatient_port))
    client = client_of(server, sock=sock, port=None, start_tls=False)
    await client.connect()
    await client.send_message(message("before"))
    with anyio.fail_after(SECONDS):
        await anyio.wait_readable(sock)
    return client


async def test_an_idle_connection_that_the_server_gave_up_says_why(postfix: SmtpServer) -> None:
    clients: list[SMTP] = []

    async def neglect() -> None:
        clients.append(await neglected(postfix))

    async with anyio.create_task_group() as group:
        group.start_soon(neglect)
        group.start_soon(neglect)
    client, parting = clients

    with pytest.raises(SMTPServerDisconnected, match="421") as caught:
        await client.send_message(message("lost"))

    assert isinstance(caught.value, DisconnectedError)
    assert caught.value.reply is not None
    assert caught.value.reply.code == 421
    assert caught.value.retryable
    assert caught.value.delivery is Delivery.NOT_SENT
    assert not client.is_connected
    await client.connect(sock=None, port=postfix.impatient_port)
    await client.send_message(message("after"))
    await client.quit()
    with pytest.raises(SMTPServerDisconnected, match="421"):
        await parting.quit()
    assert not parting.is_connected
    assert subjects(await mail_in(postfix, 3)) == ["after", "before", "before"]


async def test_nobody_listens_there(smtp_server: SmtpServer) -> None:
    client = client_of(smtp_server, port=1)
    with pytest.raises(SMTPConnectError) as caught:
        await client.connect()

    assert caught.value.retryable
    assert caught.value.peer == f"{smtp_server.host}:1"
