"""The servers of a ``Sender``, in order: which one to connect to, which to spare, and whose login is known to fail.

How this works: a relay that could not be reached, was too slow or said 421 is asked last for a while; it is still asked
when no other is left, because to try is better than to fail untried. A login that was refused is no reason to go
elsewhere: it is remembered and raised again, so that one wrong password does not become ten failed logins and a locked
account.
"""

from __future__ import annotations

import contextlib
import copy
import math
import os
import time
from collections.abc import Callable, Sequence

import anyio
import attrs

from transfer._engine.pool import Handling
from transfer._errors import TransferError
from transfer._net.names import peer_name
from transfer._net.timeouts import Timeouts
from transfer.smtp._check import Check, look_at
from transfer.smtp._errors import (
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPDeliveryUncertain,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)
from transfer.smtp._events import Authenticated, Connected, ConnectFailed, Disconnected, Listener
from transfer.smtp._open import open_session
from transfer.smtp._options import ConnectOptions
from transfer.smtp._session import Session

__all__ = ["Line", "RelayEntry", "Relays", "is_service_closing", "is_unreachable", "with_timeouts"]

_SERVICE_CLOSING = 421
# Longer than a restart takes, and short enough that the first relay gets its share back soon.
_COOL_DOWN_SECONDS = 30.0


def is_service_closing(exc: BaseException | None) -> bool:
    """Tell whether a server said 421: "Service not available, closing transmission channel" (RFC 5321 §4.2.3)."""
    if isinstance(exc, SMTPRecipientsRefused):
        return any(refused.code == _SERVICE_CLOSING for refused in exc.recipients)
    if isinstance(exc, SMTPResponseException):
        return exc.code == _SERVICE_CLOSING
    return isinstance(exc, SMTPServerDisconnected) and exc.reply is not None and exc.reply.code == _SERVICE_CLOSING


def is_unreachable(exc: BaseException) -> bool:
    """Tell whether *exc* is the relay's trouble and not the mail's or the login's, so that another may do better."""
    if isinstance(exc, SMTPDeliveryUncertain):
        return False
    return is_service_closing(exc) or isinstance(exc, SMTPConnectError | SMTPTimeoutError)


@attrs.define(eq=False)
class RelayEntry:
    """One relay, and what is known of it."""

    options: ConnectOptions
    name: str
    rested_at: float = -math.inf
    """When it may be asked again in its turn."""
    refused_login: SMTPAuthenticationError | None = None
    lines: int = 0
    """Connections that are open or being opened."""


@attrs.define(eq=False)
class Line:
    """One connection to a relay."""

    relay: RelayEntry
    session: Session
    mails: int = 0
    is_closed: bool = False


class Relays:
    """All relays of one sender.

    Args:
        relays: in the order of preference; at least one.
        listener: is told what happens.
        clock: counts seconds, whatever loop runs.
    """

    def __init__(
        self, relays: Sequence[ConnectOptions], *, listener: Listener, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.entries: tuple[RelayEntry, ...] = tuple(RelayEntry(relay, _name(relay)) for relay in relays)
        self._listener = listener
        self._clock = clock

    @property
    def handling(self) -> Handling[Line]:
        """How a pool handles connections to these relays."""
        return Handling(
            open=self.open,
            part=lambda line: line.session.quit(),
            close=self.close,
            is_alive=lambda line: line.session.is_alive,
            is_full=is_service_closing,
        )

    def in_order(self) -> list[RelayEntry]:
        """Return all relays: those to be asked in their turn, then those that rest, the longest rested first."""
        now = self._clock()
        return sorted(self.entries, key=lambda entry: max(entry.rested_at, now))

    def has_other(self, relay: RelayEntry) -> bool:
        """Tell whether a relay other than *relay* is to be asked in its turn."""
        now = self._clock()
        return any(entry is not relay and entry.rested_at <= now for entry in self.entries)

    def rest(self, relay: RelayEntry) -> None:
        """Ask *relay* only after the others for a while."""
        relay.rested_at = self._clock() + _COOL_DOWN_SECONDS

    async def open(self) -> Line:
        """Connect to the first relay that can be used.

        Raises:
            SMTPAuthenticationError: a relay refused the login, now or before.
            SMTPException: what the last relay said; or the first one whose trouble is none of the network's.

        Cancellation: nothing stays open.
        """
        failure: SMTPException | None = None
        for entry in self.in_order():
            try:
                return await self._open(entry)
            except SMTPException as exc:
                if not (is_unreachable(exc) or isinstance(exc, SMTPServerDisconnected)):
                    raise
                # One that is full while it serves is not ill.
                if not (entry.lines and is_service_closing(exc)):
                    self.rest(entry)
                failure = exc
        assert failure is not None  # there is a relay
        raise failure

    async def _open(self, relay: RelayEntry) -> Line:
        if relay.refused_login is not None:
            raise copy.copy(relay.refused_login) from relay.refused_login
        start = self._clock()
        relay.lines += 1
        try:
            session = await _ready_session(relay.options)
        except BaseException as exc:
            relay.lines -= 1
            if isinstance(exc, SMTPException):
                self._note_failure(relay, exc, self._clock() - start)
            raise
        if self._listener.is_there:
            tls = session.channel.stream.tls
            seconds = self._clock() - start
            self._listener.tell(Connected(relay=relay.name, tls=tls.version() if tls else None, seconds=seconds))
            if relay.options.logs_in:
                self._listener.tell(Authenticated(relay=relay.name))
        return Line(relay, session)

    async def check(self, relay: RelayEntry) -> Check:
        """Connect to *relay*, whatever is known of it, and part; what works now is asked in its turn again.

        Raises:
            SMTPException: there is no connection, or the login is refused, which is remembered.
        """
        try:
            session = await _ready_session(relay.options)
        except SMTPAuthenticationError as exc:
            self._note_login(relay, exc)
            raise
        try:
            with anyio.move_on_after(session.channel.timeouts.close), contextlib.suppress(TransferError):
                await session.quit()
        finally:
            session.channel.close()
        relay.refused_login, relay.rested_at = None, -math.inf
        return look_at(session)

    def _note_login(self, relay: RelayEntry, exc: SMTPAuthenticationError) -> None:
        if not exc.retryable:
            relay.refused_login = exc

    def _note_failure(self, relay: RelayEntry, exc: SMTPException, seconds: float) -> None:
        if isinstance(exc, SMTPAuthenticationError):
            self._note_login(relay, exc)
        self._listener.tell(ConnectFailed(relay=relay.name, error=exc, seconds=seconds))

    def close(self, line: Line) -> None:
        """Close *line* at once. Idempotent."""
        line.session.channel.close()
        if not line.is_closed:
            line.is_closed = True
            line.relay.lines -= 1
            error = line.session.channel.cause
            self._listener.tell(Disconnected(relay=line.relay.name, error=error, mails=line.mails))


def with_timeouts(options: ConnectOptions, timeouts: Timeouts) -> ConnectOptions:
    """Return *options* with *timeouts*, unless they have a time limit of their own.

    Raises:
        ValueError: they are for one connection only.
    """
    if options.sock is not None:
        raise ValueError("a relay is connected to more than once, and so takes no sock")
    return options if options.is_timeout_given else options.evolve(timeout=timeouts)


async def _ready_session(options: ConnectOptions) -> Session:
    session, _ = await open_session(options)
    try:
        await session.hello()
    except BaseException:
        session.channel.close()
        raise
    return session


def _name(options: ConnectOptions) -> str:
    if options.socket_path:
        return os.fsdecode(options.socket_path)
    assert options.target_port is not None  # with_timeouts lets no socket through
    return peer_name(options.target_hostname, options.target_port)
