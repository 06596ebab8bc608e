"""One connection to a server: greeting, EHLO, STARTTLS, AUTH, single commands, QUIT.

A session knows what the server offers and whether what is said stays private. It is used by one task at a time; the
client above it keeps the order.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, TypeVar

import anyio

from transfer._engine.client import ClientChannel
from transfer._errors import DisconnectedError, TransferError
from transfer._net.hostname import is_loopback, own_hostname
from transfer._net.tls import verifies_peer
from transfer._wire.command import Command
from transfer._wire.dialect import SMTP_CLIENT
from transfer._wire.reply import Reply, Severity
from transfer.smtp import _commands as commands
from transfer.smtp._errors import (
    SMTPAuthenticationError,
    SMTPException,
    SMTPHeloError,
    SMTPNotSupported,
    SMTPProtocolError,
    SMTPResponseException,
)
from transfer.smtp._extensions import Extensions, extensions_from
from transfer.smtp._mechanism import Mechanism, decode_challenge, encode_response
from transfer.smtp._response import SMTPResponse, response_from

if TYPE_CHECKING:
    import ssl

__all__ = ["Session", "refusal"]

Refusal = TypeVar("Refusal", bound=SMTPResponseException)

# RFC 5321 §4.5.3.1.4: "The maximum total length of a command line including the command word and the <CRLF> is 512
# octets"; RFC 4954 §4 has an initial response that makes AUTH longer wait for the server's go-ahead.
_AUTH_LIMIT = 510


def refusal(
    error: type[Refusal], reply: Reply, command: Command | None, channel: ClientChannel, *extra: str
) -> Refusal:
    """Return *error* for a 4yz or 5yz *reply*; *extra* is the address where the class wants one.

    Raises:
        SMTPProtocolError: *reply* is neither a refusal nor the answer that was due, so nobody can tell any more what
            the server takes the next line for; the channel is closed.
    """
    shown = str(command) if command else None
    if reply.severity in (Severity.TRANSIENT, Severity.PERMANENT):
        return error(reply.code, reply.text, *extra, reply=reply, command=shown, peer=channel.peer)
    fault = SMTPProtocolError(
        -1, f"{shown or 'The message'} was answered out of turn: {reply}", reply=reply, command=shown, peer=channel.peer
    )
    channel.abandon(fault)
    raise fault


class Session:
    """A connected channel and what is known of the server.

    Args:
        channel: connected, the greeting not read yet.
        local_hostname: what to call oneself; None asks the system.
        dialled: whether this side made the connection to the server itself, so that a loopback address means that
            nobody can listen; behind a proxy or a socket of unknown origin it means nothing.
        is_lmtp: whether the server speaks LMTP (RFC 2033) instead of SMTP.
    """

    def __init__(
        self, channel: ClientChannel, *, local_hostname: str | None, dialled: bool, is_lmtp: bool = False
    ) -> None:
        self.channel: ClientChannel = channel
        self.is_lmtp: bool = is_lmtp
        self.needs_reset: bool = False
        """Whether a mail was begun that has not ended, so that RSET goes before the next one."""
        self.greeting: SMTPResponse | None = None
        """Set by whoever has read it."""
        self.is_logged_in: bool = False
        """Whether a login has succeeded since the connection or TLS began."""
        self._is_upgraded = False
        self.extensions: Extensions = Extensions()
        self.last_ehlo: SMTPResponse | None = None
        self.last_helo: SMTPResponse | None = None
        self.is_esmtp: bool = False
        """Whether an EHLO has succeeded since the connection or TLS began."""
        self._is_introduced = False
        self.local_hostname = local_hostname
        self.turns: anyio.Lock = anyio.Lock(fast_acquire=True)
        """Whose turn it is; kept here because a lock belongs to one event loop, as a connection does."""
        self._asked = False
        """Whether the server waits for the answer to a challenge, not for a command."""
        self._stays_on_host = False
        # OSError: the server has reset the connection by now, as the next exchange will find.
        with contextlib.suppress(OSError):
            self._stays_on_host = dialled and is_loopback(channel.stream)

    @property
    def is_tls(self) -> bool:
        """Whether TLS is on."""
        return self.channel.stream.tls is not None

    @property
    def offers_starttls(self) -> bool:
        """Whether the server offers STARTTLS, or has offered it before it was taken."""
        return self._is_upgraded or self.extensions.supports("starttls")

    @property
    def is_verified(self) -> bool:
        """Whether TLS is on, and the server has proved by its certificate to be the host that was meant."""
        stream = self.channel.stream
        return stream.tls is not None and stream.tls_context is not None and verifies_peer(stream.tls_context)

    @property
    def is_private(self) -> bool:
        """Whether a password may be sent: inside TLS, or without leaving this host."""
        return self.is_tls or self._stays_on_host

    @property
    def is_alive(self) -> bool:
        """Whether the connection is open, going by all that has arrived; nothing is sent, and nobody waits."""
        # TransferError: it has ended, which the channel knows now; or it is in use, which says that it is alive.
        with contextlib.suppress(TransferError):
            self.channel.look_for_news()
        return self.channel.is_open

    @property
    def needs_hello(self) -> bool:
        """Whether neither EHLO nor HELO has succeeded since the connection or TLS began.

        RFC 5321 §4.1.4: a server that refuses a second EHLO "MUST stay in the same state after transmitting these
        replies that it was in before the EHLO was received".
        """
        return not self._is_introduced

    async def execute(self, line: bytes) -> Reply:
        """Send any one line and return the reply, whatever the code; what may be a secret is kept out of the log."""
        verb, space, argument = line.partition(b" ")
        if self._asked or not (verb.replace(b"-", b"").isalnum() and verb[:1].isalpha()):
            command = Command("", line, secret=True)
        else:
            name = verb.decode("ascii")
            command = Command(name, argument if space else None, secret=name.upper() in SMTP_CLIENT.secret_verbs)
        reply = await self.channel.exchange(command)
        self._asked = reply.severity is Severity.INTERMEDIATE
        return reply

    async def require(
        self,
        command: Command,
        *,
        error: type[SMTPResponseException] = SMTPResponseException,
    ) -> SMTPResponse:
        """Send *command* and return the server's 2yz answer; raise *error* for any other.

        RFC 5321 §4.2: a code that this side does not know counts by its first digit.
        """
        reply = await self.channel.exchange(command)
        if reply.severity is not Severity.COMPLETION:
            raise refusal(error, reply, command, self.channel)
        return response_from(reply)

    async def ehlo(self, name: str | None = None) -> SMTPResponse:
        """Say EHLO, or LHLO, and learn what is offered; raises SMTPHeloError. RFC 5321 §4.1.1.1, RFC 2033 §4.1."""
        make = commands.lhlo if self.is_lmtp else commands.ehlo
        command = make(await self._own_name() if name is None else name)
        reply = await self.channel.exchange(command)
        if reply.severity is not Severity.COMPLETION:
            raise refusal(SMTPHeloError, reply, command, self.channel)
        self.last_ehlo = response_from(reply)
        self.extensions = extensions_from(reply)
        self.is_esmtp = self._is_introduced = True
        return self.last_ehlo

    async def helo(self, name: str | None = None) -> SMTPResponse:
        """Say HELO; raises SMTPHeloError. RFC 5321 §4.1.1.1."""
        command = commands.helo(await self._own_name() if name is None else name)
        reply = await self.channel.exchange(command)
        if reply.severity is not Severity.COMPLETION:
            raise refusal(SMTPHeloError, reply, command, self.channel)
        self.last_helo = response_from(reply)
        self._is_introduced = True
        return self.last_helo

    async def hello(self) -> None:
        """Say EHLO, or HELO to a server that refuses EHLO for good, unless one of them has succeeded already.

        Raises:
            SMTPHeloError: the server refuses both, or asks to come back later.

        RFC 5321 §3.2.
        """
        if not self.needs_hello:
            return
        try:
            await self.ehlo()
        except SMTPHeloError as exc:
            # Old servers have many codes for what they do not know; a 4yz, or a 421 above all, means the client.
            # RFC 2033 §4.1: LMTP has no HELO.
            if exc.retryable or self.is_lmtp or not self.channel.is_open:
                raise
            await self.helo()

    async def start_tls(self, context: ssl.SSLContext, server_hostname: str) -> SMTPResponse:
        """Upgrade to TLS. Everything learned in clear is forgotten (RFC 3207 §4.2).

        Raises:
            SMTPException: TLS is on already.
            SMTPNotSupported: STARTTLS is not offered; nothing was sent.
            SMTPResponseException: the server refused; nothing else was sent.
            SMTPProtocolError: plain octets followed the go-ahead.
            SMTPTLSError: the handshake failed.
        """
        if self.is_tls:
            raise SMTPException("The connection uses TLS already", peer=self.channel.peer)
        await self.hello()
        if not self.extensions.supports("starttls"):
            raise SMTPNotSupported("The server does not offer STARTTLS", peer=self.channel.peer)
        response = await self.require(commands.STARTTLS)
        await self.channel.start_tls(context, server_hostname)
        self.extensions = Extensions()
        self.last_ehlo = self.last_helo = None
        self.is_esmtp = self._is_introduced = self.is_logged_in = False
        self._is_upgraded = True
        return response

    async def authenticate(self, mechanism: Mechanism, *, allow_cleartext: bool = False) -> SMTPResponse:
        """Log in by *mechanism*.

        Raises:
            SMTPNotSupported: the mechanism would show the password to the network; nothing was sent.
            SMTPAddressError: the credentials can't be put into this mechanism's form.
            SMTPAuthenticationError: the server refused, or its challenge made no sense; ``detail`` is what it said of
                the reason before.

        Whatever goes wrong on this side in the middle calls the exchange off with ``*``; the connection stays usable.
        It is closed where the server agrees and still owes the proof that this mechanism demands.

        RFC 4954 §4.
        """
        if mechanism.is_revealing and not (self.is_private or allow_cleartext):
            raise SMTPNotSupported(
                f"AUTH {mechanism.name} would send the password in clear: use TLS, or allow_cleartext_auth=True",
                peer=self.channel.peer,
            )
        waiting = mechanism.initial()
        command = commands.auth(mechanism.name, waiting)
        if len(f"AUTH {command.argument!s}") > _AUTH_LIMIT:
            command = commands.auth(mechanism.name)
        else:
            waiting = None
        reply = await self.channel.exchange(command)
        try:
            while reply.severity is Severity.INTERMEDIATE:
                challenge = decode_challenge(reply.text)
                answer, waiting = waiting, None
                if answer is None:
                    given = mechanism.respond(challenge)
                    answer = given if isinstance(given, bytes) else await given
                reply = await self.channel.exchange(Command("", encode_response(answer), secret=True))
        except SMTPException:
            await self._call_off()
            raise
        except BaseException as exc:
            # The server waits for an answer, and would take the next command for it.
            self.channel.abandon(exc)
            raise
        if reply.severity is not Severity.COMPLETION:
            refused = refusal(SMTPAuthenticationError, reply, command, self.channel)
            refused.detail = mechanism.error
            raise refused
        try:
            mechanism.finish()
        except BaseException as exc:
            self.channel.abandon(exc)
            raise
        self.is_logged_in = True
        return response_from(reply)

    async def _call_off(self) -> None:
        # RFC 4954 §4: "If the client wishes to cancel the authentication exchange, it issues a line with a single "*"";
        # the server "MUST reject the AUTH command by sending a 501 reply". One that asks on is still inside of it.
        try:
            reply = await self.channel.exchange(Command("", "*"))
            if reply.severity is Severity.INTERMEDIATE:
                raise refusal(SMTPAuthenticationError, reply, None, self.channel)
        except TransferError:
            pass  # the channel is closed; why the exchange was to be called off is what the caller hears of
        except BaseException as exc:
            self.channel.abandon(exc)
            raise

    async def quit(self) -> SMTPResponse:
        """Say QUIT and close. A server that just hangs up has understood.

        Raises:
            SMTPResponseException: the server refuses to part; the connection stays open.
        """
        self.channel.look_for_news()
        try:
            response = await self.require(commands.QUIT)
        except DisconnectedError:
            response = SMTPResponse(221, "The server closed the connection")
        self.channel.close()
        return response

    async def _own_name(self) -> str:
        if self.local_hostname is None:
            self.local_hostname = await own_hostname(self.channel.stream)
        return self.local_hostname
