"""The connection of a client object: options, connect and close, state, and whose turn it is."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import anyio
import attrs

from transfer._errors import TransferError
from transfer._net.timeouts import Timeouts
from transfer.smtp import _commands as commands
from transfer.smtp._attributes import Attributes
from transfer.smtp._check import Check, look_at
from transfer.smtp._errors import SMTPException, SMTPServerDisconnected
from transfer.smtp._lines import LinePolicy
from transfer.smtp._mechanism import MechanismFactory
from transfer.smtp._open import limits, log_in, open_session
from transfer.smtp._options import UNSET, ConnectOptions, Unset
from transfer.smtp._report import Delivery
from transfer.smtp._response import SMTPResponse
from transfer.smtp._session import Session
from transfer.smtp._url import options_from

if TYPE_CHECKING:
    import socket
    import ssl

__all__ = ["Connection", "Path", "Timeout"]

Timeout = float | Unset | None
Path = str | os.PathLike[str]


class Connection(Attributes):
    """What an SMTP client is before it has anything to say: its options, its session, and whose turn it is."""

    _speaks_lmtp: ClassVar[bool] = False

    def __init__(
        self,
        *,
        hostname: str | None = None,
        port: int | None = None,
        username: str | bytes | None = None,
        password: str | bytes | None = None,
        oauth_token_generator: Callable[[], Awaitable[str]] | None = None,
        local_hostname: str | None = None,
        source_address: tuple[str, int] | None = None,
        timeout: Timeout = UNSET,
        use_tls: bool | None = None,
        start_tls: bool | None = None,
        validate_certs: bool = True,
        client_cert: Path | None = None,
        client_key: Path | None = None,
        tls_context: ssl.SSLContext | None = None,
        cert_bundle: Path | None = None,
        socket_path: str | bytes | os.PathLike[str] | None = None,
        sock: socket.socket | None = None,
        allow_cleartext_auth: bool = False,
        proxy: str | None = None,
        server_hostname: str | None = None,
        line_policy: LinePolicy = LinePolicy.NORMALISE,
        mechanisms: Sequence[str | MechanismFactory] | None = None,
    ) -> None:
        self._options = ConnectOptions(
            hostname=hostname,
            port=port,
            username=username,
            password=password,
            oauth_token_generator=oauth_token_generator,
            local_hostname=local_hostname,
            source_address=source_address,
            timeout=timeout,
            use_tls=use_tls,
            start_tls=start_tls,
            validate_certs=validate_certs,
            client_cert=client_cert,
            client_key=client_key,
            tls_context=tls_context,
            cert_bundle=cert_bundle,
            socket_path=socket_path,
            sock=sock,
            allow_cleartext_auth=allow_cleartext_auth,
            proxy=proxy,
            server_hostname=server_hostname,
            line_policy=line_policy,
            mechanisms=mechanisms,
            lmtp=self._speaks_lmtp,
        )
        self.last_delivery: Delivery | None = None
        """The fate of the last mail, also where a cancellation left no exception to tell it."""
        self._session: Session | None = None
        self._connecting: _Attempt | None = None
        self._parting: anyio.Event | None = None
        self._blocks = 0

    @classmethod
    def from_url(cls, url: str, /, **options: Any) -> Self:
        """Make a client for the server at *url*; *options* as for the class come first.

        ``smtp://``, ``smtps://`` (TLS from the first octet) or ``lmtp://``, with ``[user[:password]@]host[:port]``, or
        with ``/`` and the path of a Unix socket; ``lmtp://`` makes an :class:`LMTP`. The how-to page "Reach a server"
        has all parameters.

        Raises:
            ValueError: the URL breaks a rule, which is named, or the class does not speak what the scheme says; the
                password is never shown.
        """
        given = options_from(url, options)
        if given.pop("lmtp", False) is cls._speaks_lmtp:
            return cls(**given)
        from transfer.smtp._lmtp import LMTP  # which is made of this class

        if cls._speaks_lmtp or not issubclass(LMTP, cls):
            raise ValueError(f"{cls.__name__} does not speak what the URL's scheme says")
        return cast("Self", LMTP(**given))

    def __repr__(self) -> str:
        if self._session is None:
            return f"<{type(self).__name__}, not connected>"
        state = "connected" if self.is_connected else "closed"
        return f"<{type(self).__name__} {self._session.channel.peer}, {state}>"

    # -- state ---------------------------------------------------------------------------------------------------------

    @property
    def is_connected(self) -> bool:
        """Whether a connection is open: the server has neither hung up nor said goodbye, going by what has arrived."""
        return self._session is not None and self._session.is_alive

    @property
    def is_ehlo_or_helo_needed(self) -> bool:
        """Whether neither EHLO nor HELO has been answered with success yet."""
        return self._session is None or self._session.needs_hello

    @property
    def last_ehlo_response(self) -> SMTPResponse | None:
        """The reply to the last EHLO since the connection, or TLS, began."""
        return self._session.last_ehlo if self._session is not None else None

    @property
    def last_helo_response(self) -> SMTPResponse | None:
        """The reply to the last HELO since the connection, or TLS, began."""
        return self._session.last_helo if self._session is not None else None

    @property
    def esmtp_extensions(self) -> dict[str, str]:
        """What the server offers: lower-case keyword to parameters."""
        return dict(self._session.extensions.keywords) if self._session is not None else {}

    @property
    def supports_esmtp(self) -> bool:
        """Whether EHLO has succeeded."""
        return self._session is not None and self._session.is_esmtp

    def supports_extension(self, name: str, /) -> bool:
        """Tell whether EHLO offered *name*, in any case."""
        return self._session is not None and self._session.extensions.supports(name)

    # -- connection ----------------------------------------------------------------------------------------------------

    async def connect(
        self,
        *,
        hostname: str | Unset | None = UNSET,
        port: int | Unset | None = UNSET,
        username: str | bytes | Unset | None = UNSET,
        password: str | bytes | Unset | None = UNSET,
        oauth_token_generator: Callable[[], Awaitable[str]] | Unset | None = UNSET,
        local_hostname: str | Unset | None = UNSET,
        source_address: tuple[str, int] | Unset | None = UNSET,
        timeout: Timeout = UNSET,
        use_tls: bool | None = None,
        start_tls: bool | Unset | None = UNSET,
        validate_certs: bool | None = None,
        client_cert: Path | Unset | None = UNSET,
        client_key: Path | Unset | None = UNSET,
        tls_context: ssl.SSLContext | Unset | None = UNSET,
        cert_bundle: Path | Unset | None = UNSET,
        socket_path: str | bytes | os.PathLike[str] | Unset | None = UNSET,
        sock: socket.socket | Unset | None = UNSET,
    ) -> SMTPResponse:
        """Connect, upgrade and log in; return the greeting.

        Arguments that are given take the place of the constructor's, for later connections too; *timeout* counts for
        this one only.

        Raises:
            SMTPException: connected already, or another task is connecting.
            SMTPAddressError: the login lacks its other half or can't be sent; nothing was done.
            SMTPServerDisconnected: :meth:`close` was called meanwhile.
            SMTPConnectError, SMTPConnectTimeoutError, SMTPConnectResponseError, SMTPTLSError: no connection.
            SMTPNotSupported, SMTPResponseException, SMTPAuthenticationError: STARTTLS or the login failed.

        Cancellation: nothing stays open.
        """
        if self.is_connected or self._connecting is not None:
            raise SMTPException("Connected already, or about to be")
        options = self._options.evolve(
            hostname=hostname,
            port=port,
            username=username,
            password=password,
            oauth_token_generator=oauth_token_generator,
            local_hostname=local_hostname,
            source_address=source_address,
            use_tls=use_tls,
            start_tls=start_tls,
            validate_certs=validate_certs,
            client_cert=client_cert,
            client_key=client_key,
            tls_context=tls_context,
            cert_bundle=cert_bundle,
            socket_path=socket_path,
            sock=sock,
        )
        self._options = options
        session, greeting = await self._open(options.evolve(timeout=timeout))
        session.channel.timeouts = limits(options)
        self._session = session
        return greeting

    async def _open(self, options: ConnectOptions) -> tuple[Session, SMTPResponse]:
        opened: tuple[Session, SMTPResponse] | None = None
        attempt = self._connecting = _Attempt()
        try:
            with attempt.scope:
                opened = await open_session(options, self._log_in)
            was_closed = attempt.scope.cancel_called
        finally:
            self._connecting = None
            attempt.over.set()
        if opened is None or was_closed:
            if opened is not None:
                opened[0].channel.close()
            raise SMTPServerDisconnected("Closed while connecting")
        return opened

    async def _log_in(self, session: Session, options: ConnectOptions) -> None:
        await log_in(session, options)

    async def check(self) -> Check:
        """Find out what the server offers and whether the credentials work, without a mail.

        A client that is not connected connects, logs in and parts again. One that is connected asks the server for a
        sign of life (NOOP) and stays connected.

        Returns:
            What the server has shown. That there is a value at all means that a mail could be sent.

        Raises:
            SMTPConnectError, SMTPConnectTimeoutError, SMTPConnectResponseError, SMTPTLSError: no connection.
            SMTPAuthenticationError: the credentials do not work.
            SMTPException: another of the family, as for :meth:`connect`; ``retryable`` tells whether it may pass.

        Cancellation: as for :meth:`connect`, and for any command.
        """
        if not self.is_connected:
            async with self, self._turn() as session:
                await session.hello()
                return look_at(session)
        async with self._turn() as session:
            await session.hello()
            await session.require(commands.NOOP)
            return look_at(session)

    def close(self) -> None:
        """Close the connection at once, without QUIT, or give up connecting. Idempotent.

        Whoever waits for the connection, or for its turn, gets SMTPServerDisconnected.
        """
        if self._connecting is not None:
            self._connecting.scope.cancel()
        if self._session is not None:
            self._session.channel.close()
            self._session = None

    async def __aenter__(self) -> Self:
        """Connect, unless the client is connected already.

        Blocks of several tasks share the connection; the last one to end closes it.
        """
        # A server that hangs up at once has been connected to all the same: the block's first command will tell.
        has_connected = False
        while self._parting is not None or not (has_connected or self.is_connected):
            has_connected = False
            if self._parting is not None:
                await self._parting.wait()
            elif self._connecting is not None:
                await self._connecting.over.wait()
            else:
                await self.connect()
                has_connected = True
        self._blocks += 1
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Say QUIT where that can be answered, for 5 seconds at most, and close; the body's exception stays.

        While another task is in a block of its own, nothing is said or closed.
        """
        self._blocks -= 1
        if self._blocks:
            return
        parting = self._parting = anyio.Event()
        try:
            if exc is None:
                await self._part()
            elif isinstance(exc, Exception) and not isinstance(exc, ConnectionError | TimeoutError):
                # Shielded, or a cancellation would take the exception's place.
                await self._part(shield=True)
        finally:
            self.close()
            self._parting = None
            parting.set()

    async def _part(self, *, shield: bool = False) -> None:
        if self._session is None or not self._session.channel.is_open:
            return
        # Not the channel's, which are those of the call that is just under way in another task.
        seconds = limits(self._options).close
        # The scope also bounds the wait for another task's exchange to end.
        with anyio.move_on_after(seconds, shield=shield), suppress(TransferError):
            async with self._turn(seconds) as session:
                await session.quit()

    def _turn(self, timeout: Timeout = UNSET) -> _Turn:
        return _Turn(self, timeout)


@attrs.define(eq=False)
class _Attempt:
    """To connect, as long as that takes: what calls it off, and what tells others that it is over."""

    scope: anyio.CancelScope = attrs.field(factory=anyio.CancelScope)
    over: anyio.Event = attrs.field(factory=anyio.Event)


class _Turn:
    """Waits for this task's turn; gives the session, with *timeout* as its limits if that was given.

    A class, because a generator costs three times as much, and every mail takes a turn.
    """

    __slots__ = ("_before", "_connection", "_limits", "_session")

    def __init__(self, connection: Connection, timeout: Timeout) -> None:
        self._connection = connection
        # Before anything is taken: a time that is none ends it here.
        self._limits = None if isinstance(timeout, Unset) else Timeouts.uniform(timeout)

    async def __aenter__(self) -> Session:
        session = self._connection._session
        if session is None:
            raise SMTPServerDisconnected("Not connected")
        try:
            # Whoever has the turn passes a checkpoint soon enough: nothing is said without one.
            session.turns.acquire_nowait()
        except anyio.WouldBlock:
            await session.turns.acquire()
        if session is not self._connection._session:
            session.turns.release()
            raise SMTPServerDisconnected("The connection was closed meanwhile", peer=session.channel.peer)
        self._session, self._before = session, session.channel.timeouts
        if self._limits is not None:
            session.channel.timeouts = self._limits
        return session

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._session.channel.timeouts = self._before
        self._session.turns.release()
