"""``SMTP``: the client object, a few lines per method; sessions and transactions do the work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from transfer._wire.command import Command
from transfer._wire.reply import Reply, Severity
from transfer.smtp import _commands as commands
from transfer.smtp._address import parse_mailbox
from transfer.smtp._alone import run_alone
from transfer.smtp._commands import check_hostname
from transfer.smtp._connection import Path, Timeout
from transfer.smtp._content import Content, MemoryContent
from transfer.smtp._dispatch import Dispatch
from transfer.smtp._envelope import NOBODY
from transfer.smtp._errors import (
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientRefused,
    SMTPSenderRefused,
)
from transfer.smtp._logins import Logins
from transfer.smtp._mail import Mail, draft, prepare, sign, to_octets
from transfer.smtp._message import AnyMessage
from transfer.smtp._open import tls_context as make_context
from transfer.smtp._options import UNSET, Unset
from transfer.smtp._report import Delivery, Report
from transfer.smtp._response import SMTPResponse, response_from
from transfer.smtp._session import refusal
from transfer.smtp._transaction import Prepared, Transaction

if TYPE_CHECKING:
    import ssl

__all__ = ["SMTP"]

_Outcome = tuple[dict[str, SMTPResponse], str]


class SMTP(Logins):
    """An SMTP client; one connection at a time, reusable by connecting again.

    Args:
        hostname: the server; None is localhost.
        port: None is 465 with *use_tls*, 587 with ``start_tls=True``, else 25. 465 implies TLS unless
            ``use_tls=False`` is given.
        username: log in after connecting; with *password* or *oauth_token_generator* (XOAUTH2).
        local_hostname: what EHLO says; None asks the system.
        source_address: (host, port) to connect from.
        timeout: seconds for each reply and each block sent, None for ever. Not given: 60 s, and 10 minutes for the
            reply to the final dot (RFC 5321 §4.5.3.2.6).
        use_tls: TLS from the first byte.
        start_tls: True requires the upgrade, None takes it when offered, False never does.
        validate_certs: whether the server's certificate is checked.
        client_cert: PEM file of this side's certificate.
        client_key: PEM file of its key, if that is not in the same file.
        tls_context: a context instead of the four others.
        cert_bundle: PEM file of the authorities to trust, instead of the system's.
        socket_path: a Unix socket to connect to.
        sock: a connected socket, which is taken over.
        allow_cleartext_auth: send a password without TLS to another host.
        proxy: ``socks5://``, ``socks4://`` or ``http://`` URL of a proxy to connect through.
        server_hostname: the name to look for in the server's certificate instead of *hostname*.
        line_policy: what becomes of lines that no mail may have.
        mechanisms: the SASL mechanisms to log in by, the best first, by name or as a factory; None is the usual ones.

    Raises:
        ValueError: the arguments contradict each other.

    Several tasks may use one client: whole mails, and single commands, take turns. Cancelling a call in the middle of
    an exchange closes the connection, because the reply could no longer be told from the next one; ``last_delivery``
    then says what is known of the mail. Works under asyncio and trio.
    """

    last_delivery: Delivery | None
    _last: tuple[Mail, Dispatch | None, SMTPException | None] | None = None

    # -- mails ---------------------------------------------------------------------------------------------------------

    async def sendmail(
        self,
        sender: str,
        recipients: str | Sequence[str],
        message: str | bytes,
        /,
        *,
        mail_options: Sequence[str] | None = None,
        rcpt_options: Sequence[str] | None = None,
        timeout: Timeout = UNSET,
    ) -> tuple[dict[str, SMTPResponse], str]:
        """Send *message* as it is, with CRLF line ends and its dots stuffed, to those *recipients* that are accepted.

        Args:
            sender: the reverse-path; ``""`` for the null one.
            recipients: one address, or several.
            message: octets, or a text, which is sent in UTF-8.
            mail_options: raw ESMTP parameters for MAIL.
            rcpt_options: raw ESMTP parameters for every RCPT.
            timeout: seconds for each reply and block of this mail.

        Returns:
            The refused recipients with their replies, and the text of the reply to the final dot.

        Raises:
            SMTPAddressError: an address or option breaks the grammar; nothing was sent.
            SMTPSenderRefused, SMTPRecipientsRefused, SMTPDataError: nobody gets the mail.
            SMTPDeliveryUncertain: the connection was lost after the final dot (RFC 1047).
            SMTPServerDisconnected, SMTPReadTimeoutError: lost before it; the mail was not taken.

        With PIPELINING, envelope and DATA go in one flight (RFC 2920). Cancellation: see the class.
        """
        mail = Mail(message, sender=sender, recipients=recipients, mail_options=mail_options, rcpt_options=rcpt_options)
        dispatch, reply = await self._send(mail, timeout)
        return dispatch.errors(), reply.text

    async def send_message(
        self,
        message: AnyMessage,
        /,
        *,
        sender: str | None = None,
        recipients: str | Sequence[str] | None = None,
        mail_options: Sequence[str] | None = None,
        rcpt_options: Sequence[str] | None = None,
        timeout: Timeout = UNSET,
    ) -> tuple[dict[str, SMTPResponse], str]:
        """Send a message object; its headers give the envelope where *sender* or *recipients* does not.

        Bcc is used and not sent; the object stays as it is. Returns and raises as :meth:`sendmail`, and ValueError
        for a message without a sender or recipients, or with a header that would break out of its line.
        """
        mail = Mail(message, sender=sender, recipients=recipients, mail_options=mail_options, rcpt_options=rcpt_options)
        dispatch, reply = await self._send(mail, timeout)
        return dispatch.errors(), reply.text

    async def deliver(self, mail: Mail | AnyMessage, /) -> Report:
        """Send a mail and tell what became of it for each recipient.

        Args:
            mail: a message object, or a :class:`Mail`, which has room for everything else that can be sent and asked
                for.

        Returns:
            The report; at least one recipient was accepted.

        Raises as :meth:`send_message`, if nobody gets the mail; ``report`` of the error tells of each recipient, too.
        Cancellation: see the class.
        """
        mail = mail if isinstance(mail, Mail) else Mail(mail)
        dispatch, _ = await self._send(mail, UNSET)
        return dispatch.report(mail)

    def sendmail_sync(self, *args: Any, **kwargs: Any) -> tuple[dict[str, SMTPResponse], str]:
        """Connect, :meth:`sendmail` and part, in an event loop of its own; RuntimeError where this thread has one."""
        return run_alone(partial(self._send_alone, partial(self.sendmail, *args, **kwargs)), "sendmail")

    def send_message_sync(self, *args: Any, **kwargs: Any) -> tuple[dict[str, SMTPResponse], str]:
        """Connect, :meth:`send_message` and part; as :meth:`sendmail_sync`."""
        return run_alone(partial(self._send_alone, partial(self.send_message, *args, **kwargs)), "send_message")

    async def _send_alone(self, send: Callable[[], Awaitable[_Outcome]]) -> _Outcome:
        async with self:
            return await send()

    async def _send(self, mail: Mail, timeout: Timeout) -> tuple[Dispatch, Reply]:
        dispatch: Dispatch | None = None
        try:
            outline = draft(mail, self._options.line_policy)
            await outline.content.measure()
            async with self._turn(timeout) as session:
                if session.needs_hello:
                    await session.hello()
                if mail.dkim is not None:
                    outline = await sign(outline, mail.dkim, session.extensions)
                is_verified_tls = mail.asked is not None and session.is_verified
                dispatch = Dispatch(session, prepare(outline, session.extensions, is_verified_tls=is_verified_tls))
                reply = await dispatch.run()
        except BaseException as exc:
            self._note(mail, dispatch, exc)
            raise
        self._note(mail, dispatch, None)
        return dispatch, reply

    def _note(self, mail: Mail, dispatch: Dispatch | None, exc: BaseException | None) -> None:
        """Leave the fate of the mail in ``last_delivery`` and ``last_report``, however the call ended."""
        error = exc if isinstance(exc, SMTPException) else None
        self._last = mail, dispatch, error
        if error is not None:
            self.last_delivery = error.delivery
            error.report = self.last_report
        else:
            self.last_delivery = Delivery.NOT_SENT if dispatch is None else dispatch.delivery

    @property
    def last_report(self) -> Report | None:
        """What became of the last mail for each recipient, also where a cancellation left no exception to tell it."""
        if self._last is None:
            return None
        mail, dispatch, error = self._last
        return Report(mail=mail, error=error) if dispatch is None else dispatch.report(mail, error)

    # -- single commands -----------------------------------------------------------------------------------------------

    async def execute_command(self, *args: bytes, timeout: Timeout = UNSET) -> SMTPResponse:
        """Send one line, the *args* joined by spaces, and return the reply, whatever its code.

        What the line means is the caller's affair: after the 354 to DATA or the 334 to AUTH, the next line is no
        command. The argument of AUTH, and a line that begins with no verb, are kept out of the log.

        Raises:
            SMTPAddressError: a part holds a control character; nothing was sent.
            SMTPServerDisconnected, SMTPReadTimeoutError, SMTPProtocolError: no proper reply came.
        """
        line = b" ".join(args)
        async with self._turn(timeout) as session:
            return response_from(await session.execute(line))

    async def ehlo(self, *, hostname: str | None = None, timeout: Timeout = UNSET) -> SMTPResponse:
        """Say EHLO as *hostname* and learn what the server offers; raises SMTPHeloError."""
        async with self._turn(timeout) as session:
            return await session.ehlo(hostname)

    async def helo(self, *, hostname: str | None = None, timeout: Timeout = UNSET) -> SMTPResponse:
        """Say HELO as *hostname*; raises SMTPHeloError."""
        async with self._turn(timeout) as session:
            return await session.helo(hostname)

    async def help(self, *, timeout: Timeout = UNSET) -> str:
        """Return the server's help text."""
        return (await self._require(commands.HELP, timeout)).message

    async def rset(self, *, timeout: Timeout = UNSET) -> SMTPResponse:
        """Give up the mail that was begun by :meth:`mail`."""
        return await self._require(commands.RSET, timeout)

    async def noop(self, *, timeout: Timeout = UNSET) -> SMTPResponse:
        """Ask for a sign of life."""
        return await self._require(commands.NOOP, timeout)

    async def vrfy(
        self, address: str, /, *, options: Sequence[str] | None = None, timeout: Timeout = UNSET
    ) -> SMTPResponse:
        """Ask whether the server knows *address*; 252 means that it would rather not say (RFC 5321 §3.5).

        An address outside of ASCII needs the option ``"SMTPUTF8"``; SMTPNotSupported where that is not offered.
        """
        utf8 = commands.asks_utf8(commands.check_options(options or ()))
        return await self._require(commands.vrfy(parse_mailbox(address), options or (), utf8=utf8), timeout, utf8=utf8)

    async def expn(
        self, address: str, /, *, options: Sequence[str] | None = None, timeout: Timeout = UNSET
    ) -> SMTPResponse:
        """Ask for the members of a mailing list; *options* as for :meth:`vrfy`."""
        utf8 = commands.asks_utf8(commands.check_options(options or ()))
        return await self._require(commands.expn(parse_mailbox(address), options or (), utf8=utf8), timeout, utf8=utf8)

    async def _require(self, command: Command, timeout: Timeout, *, utf8: bool = False) -> SMTPResponse:
        async with self._turn(timeout) as session:
            await session.hello()
            if utf8 and not session.extensions.supports("smtputf8"):
                raise SMTPNotSupported("The server does not offer SMTPUTF8", peer=session.channel.peer)
            return await session.require(command)

    async def quit(self, *, timeout: Timeout = UNSET) -> SMTPResponse:
        """Say QUIT and close; a server that just hangs up has understood.

        Raises:
            SMTPResponseException: the server refuses to part; the connection stays open.
            SMTPServerDisconnected: there is no connection.
        """
        async with self._turn(timeout) as session:
            response = await session.quit()
        self.close()
        return response

    # -- TLS -----------------------------------------------------------------------------------------------------------

    async def starttls(
        self,
        *,
        server_hostname: str | None = None,
        validate_certs: bool | None = None,
        client_cert: Path | Unset | None = UNSET,
        client_key: Path | Unset | None = UNSET,
        cert_bundle: Path | Unset | None = UNSET,
        tls_context: ssl.SSLContext | Unset | None = UNSET,
        timeout: Timeout = UNSET,
    ) -> SMTPResponse:
        """Upgrade the connection to TLS; what the server had offered in clear is forgotten.

        Args:
            server_hostname: the name to check instead of the one connected to.
            validate_certs: this one and the next four take the place of the constructor's, for later connections too.
            client_cert: PEM file of this side's certificate.
            client_key: PEM file of its key.
            cert_bundle: PEM file of the authorities to trust.
            tls_context: a context instead of the four others.
            timeout: for each reply and for the handshake.

        Raises:
            SMTPNotSupported: STARTTLS is not offered; nothing was sent.
            SMTPException: TLS is on already.
            SMTPAddressError: *server_hostname* is no host's name; nothing was sent.
            SMTPResponseException: refused; the connection is still in clear.
            SMTPTLSError, SMTPProtocolError: the handshake failed; the connection is closed.

        RFC 3207.
        """
        name = check_hostname(server_hostname) if server_hostname else self._options.certificate_hostname
        options = self._options.evolve(
            validate_certs=validate_certs,
            client_cert=client_cert,
            client_key=client_key,
            cert_bundle=cert_bundle,
            tls_context=tls_context,
        )
        self._options = options
        async with self._turn(timeout) as session:
            return await session.start_tls(make_context(options), name)

    # -- a mail, step by step -------------------------------------------------------------------------------------

    async def mail(
        self,
        sender: str,
        /,
        *,
        options: Sequence[str] | None = None,
        encoding: str = "ascii",
        timeout: Timeout = UNSET,
    ) -> SMTPResponse:
        """Begin a mail from *sender*, ``""`` for the null reverse-path; raises SMTPSenderRefused.

        Args:
            encoding: ``"utf-8"`` sends an address that needs SMTPUTF8.
        """
        mailbox = parse_mailbox(sender, allow_null=True)
        command = commands.mail(mailbox, options or (), utf8=_is_utf8(encoding))
        async with self._turn(timeout) as session:
            await session.hello()
            self.last_delivery = Delivery.NOT_SENT
            reply = await session.channel.exchange(command)
            if reply.severity is not Severity.COMPLETION:
                refused = refusal(SMTPSenderRefused, reply, command, session.channel, sender)
                self.last_delivery = refused.delivery
                raise refused
            return response_from(reply)

    async def rcpt(
        self,
        recipient: str,
        /,
        *,
        options: Sequence[str] | None = None,
        encoding: str = "ascii",
        timeout: Timeout = UNSET,
    ) -> SMTPResponse:
        """Name one recipient of the mail begun by :meth:`mail`; raises SMTPRecipientRefused."""
        command = commands.rcpt(parse_mailbox(recipient), options or (), utf8=_is_utf8(encoding))
        async with self._turn(timeout) as session:
            await session.hello()
            reply = await session.channel.exchange(command)
            if reply.severity is not Severity.COMPLETION:
                raise refusal(SMTPRecipientRefused, reply, command, session.channel, recipient)
            return response_from(reply)

    async def data(self, message: str | bytes, /, *, timeout: Timeout = UNSET) -> SMTPResponse:
        """Send the message of the mail begun by :meth:`mail`; raises SMTPDataError.

        Line ends become CRLF, dots are stuffed. Errors after the final dot as for :meth:`sendmail`.
        """
        return await self._send_content(MemoryContent(to_octets(message, self._options.line_policy)), timeout)

    async def _send_content(self, content: Content, timeout: Timeout) -> SMTPResponse:
        transaction: Transaction | None = None
        try:
            async with self._turn(timeout) as session:
                await session.hello()
                transaction = Transaction(session, Prepared(envelope=NOBODY, content=content))
                reply = await transaction.run_content()
        except SMTPException as exc:
            self.last_delivery = exc.delivery
            raise
        except BaseException:
            self.last_delivery = Delivery.NOT_SENT if transaction is None else transaction.delivery
            raise
        self.last_delivery = Delivery.ACCEPTED
        return response_from(reply)


def _is_utf8(encoding: str) -> bool:
    return encoding.lower().replace("_", "-") in ("utf-8", "utf8")
