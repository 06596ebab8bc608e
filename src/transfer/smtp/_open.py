"""From options to a session that is ready for mail: dial, TLS, greeting, STARTTLS, login."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import attrs

from transfer._engine.client import ClientChannel
from transfer._errors import DisconnectedError, TransferTimeoutError
from transfer._net.connect import adopt, connect_tcp, connect_unix
from transfer._net.stream import Stream
from transfer._net.timeouts import Deadline, Timeouts
from transfer._net.tls import TLS
from transfer._wire.dialect import SMTP_CLIENT
from transfer.smtp._errors import (
    FAMILY,
    SMTPAddressError,
    SMTPConnectError,
    SMTPConnectResponseError,
    SMTPConnectTimeoutError,
    SMTPNotSupported,
    SMTPTLSError,
)
from transfer.smtp._login import check_credentials, login, login_by_token
from transfer.smtp._mechanisms import needs_no_password
from transfer.smtp._options import ConnectOptions
from transfer.smtp._response import SMTPResponse, response_from
from transfer.smtp._session import Session

if TYPE_CHECKING:
    import ssl

__all__ = ["limits", "log_in", "open_session", "tls_context"]

# RFC 5321 §4.5.3.2.6: "When the receiver gets the final period terminating the message data, it typically performs
# processing to deliver the message"; a client that gives up earlier repeats mails that were taken.
_TERMINATION_SECONDS = 600.0


def limits(options: ConnectOptions) -> Timeouts:
    """Return the time limits for ``timeout``: it bounds each step; not given, the final dot has its ten minutes."""
    if isinstance(options.timeout, Timeouts):
        return options.timeout
    timeouts = Timeouts.uniform(options.timeout_seconds)
    if options.is_timeout_given:
        return timeouts
    return attrs.evolve(timeouts, termination=_TERMINATION_SECONDS)


def tls_context(options: ConnectOptions) -> ssl.SSLContext:
    """Return the context that *options* describe.

    Raises:
        SMTPTLSError: a certificate or key file can't be used.
    """
    if options.tls_context is not None:
        return options.tls_context
    settings = TLS(
        verify=options.validate_certs,
        ca_file=options.cert_bundle,
        certificate=options.client_cert,
        key=options.client_key,
    )
    try:
        return settings.client_context()
    except OSError as exc:  # ssl.SSLError is one
        raise SMTPTLSError(f"The TLS settings can't be used: {exc}") from exc


async def log_in(session: Session, options: ConnectOptions) -> None:
    """Log in as *options* say; without a user name, by such mechanisms as need none, if they were asked for."""
    username, password, mechanisms = options.username, options.password, options.mechanisms
    allow_cleartext = options.allow_cleartext_auth
    if options.oauth_token_generator is not None:
        await login_by_token(
            session,
            username or "",
            options.oauth_token_generator,
            mechanisms=mechanisms,
            target=None if options.has_socket else (options.target_hostname, options.target_port),
            allow_cleartext=allow_cleartext,
        )
        return
    if not options.logs_in:
        return
    if username is None or password is None:
        mechanisms = [entry for entry in mechanisms or () if needs_no_password(entry)]
    await login(session, username or "", password or "", mechanisms=mechanisms, allow_cleartext=allow_cleartext)


async def open_session(
    options: ConnectOptions, log_in: Callable[[Session, ConnectOptions], Awaitable[None]] = log_in
) -> tuple[Session, SMTPResponse]:
    """Connect, read the greeting, upgrade and log in as *options* say; return the session and the greeting.

    Args:
        options: where to connect to, and as whom.
        log_in: what to do about the login.

    Raises:
        SMTPAddressError: the user name lacks a password or the other way round, or one can't be sent; nothing was done.
        SMTPTLSError, ValueError: a certificate or key file can't be used; nothing was done.
        SMTPNotSupported: *proxy* needs a package that is not installed; nothing was done.
        SMTPConnectError and its kinds: no connection, no greeting in time, or another than 220.
        Others of the family: what STARTTLS, EHLO and AUTH raise.

    Cancellation and errors: the connection is closed.
    RFC 5321 §3.1, RFC 3207, RFC 8314 §3.3.
    """
    _check_login(options)
    _check_tls_files(options)
    stream = await _dial(options)
    try:
        channel, greeting = await _greet(stream, options)
        # Through a proxy, or from a socket of unknown origin, a loopback address says nothing about who listens.
        dialled = options.sock is None and options.proxy is None
        session = Session(channel, local_hostname=options.local_hostname, dialled=dialled, is_lmtp=options.lmtp)
        session.greeting = greeting
        await _upgrade(session, options)
        await log_in(session, options)
    except BaseException:
        stream.close()
        raise
    return session, greeting


def _check_login(options: ConnectOptions) -> None:
    if options.username is None:
        if options.oauth_token_generator is not None:
            raise SMTPAddressError("oauth_token_generator needs a username")
        return
    has_other = any(map(needs_no_password, options.mechanisms or ()))
    if options.password is None and options.oauth_token_generator is None and not has_other:
        raise SMTPAddressError("username needs a password, or an oauth_token_generator")
    check_credentials(options.username, options.password or b"")


def _check_tls_files(options: ConnectOptions) -> None:
    if options.start_tls is not False or options.is_implicit_tls:
        files = options.client_cert, options.client_key, options.cert_bundle
        if any(file is not None for file in files):
            tls_context(options)


async def _dial(options: ConnectOptions) -> Stream:
    deadline = Deadline(limits(options).connect, "connection")
    if options.sock is not None:
        return adopt(options.sock, errors=FAMILY)
    if options.socket_path:
        return await connect_unix(options.socket_path, errors=FAMILY, deadline=deadline)
    assert options.target_port is not None  # only a socket has none
    try:
        return await connect_tcp(
            options.target_hostname,
            options.target_port,
            errors=FAMILY,
            deadline=deadline,
            source_address=options.source_address,
            proxy=options.proxy,
        )
    except ImportError as exc:
        raise SMTPNotSupported(str(exc)) from exc


async def _greet(stream: Stream, options: ConnectOptions) -> tuple[ClientChannel, SMTPResponse]:
    timeouts = limits(options)
    try:
        if options.is_implicit_tls:
            deadline = Deadline(timeouts.tls, "TLS handshake")
            await stream.start_tls(
                tls_context(options), server_hostname=options.certificate_hostname, deadline=deadline
            )
        channel = ClientChannel(stream, dialect=SMTP_CLIENT, errors=FAMILY, timeouts=timeouts)
        reply = await channel.greeting()
    except SMTPConnectError:
        raise
    except DisconnectedError as exc:
        raise SMTPConnectError(exc.args[0], peer=exc.peer, errno=exc.errno) from exc
    except TransferTimeoutError as exc:
        raise SMTPConnectTimeoutError(exc.args[0], phase=exc.phase, seconds=exc.seconds, peer=exc.peer) from exc
    # RFC 5321 §3.1: 554 "in the initial connection opening message"; §3.8: 421.
    if reply.code != 220:
        raise SMTPConnectResponseError(reply.code, reply.text, reply=reply, peer=channel.peer)
    return channel, response_from(reply)


async def _upgrade(session: Session, options: ConnectOptions) -> None:
    if options.start_tls is False or session.is_tls:
        return
    if options.start_tls is None:
        await session.hello()
        if not session.extensions.supports("starttls"):
            return
    # A server that offers STARTTLS and then refuses is no reason to go on in clear.
    await session.start_tls(tls_context(options), options.certificate_hostname)
