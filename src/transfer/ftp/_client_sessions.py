"""``SessionsClient``: what a client knows of its server, and how it comes back to it."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING

import attrs

from transfer._errors import TransferError
from transfer.ftp._base import BaseClient
from transfer.ftp._connection._arrival import Arrival, Login
from transfer.ftp._connection._feat import features_of
from transfer.ftp._connection._negotiation import name_host, negotiate
from transfer.ftp._errors import FTPDisconnected
from transfer.ftp._features import Features
from transfer.ftp._profile import ServerProfile
from transfer.ftp._session import Session
from transfer.ftp._settings import DEFAULT_ACCOUNT, DEFAULT_PASSWORD, DEFAULT_PORT, DEFAULT_USER

if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = ["SessionsClient"]


class SessionsClient(BaseClient):
    """What :class:`Client` does to know its server, and to come back to it; the arguments are explained there."""

    _arrival: Arrival | None = None

    async def connect(self, host: str, port: int = DEFAULT_PORT) -> list[str]:
        """Connect, with TLS if *ssl* was given, and return the lines of the greeting.

        Raises:
            InvalidCommand: the client is connected already.
            FTPConnectError, FTPTimeoutError, FTPTLSError: no connection came about.
            StatusCodeError: the server does not greet with 220.
        """
        profile = self._settings.profile
        if profile is not None and not profile.is_of(host, port):
            profile = None
        offset = timedelta() if profile is None else profile.clock_offset
        self._settings = attrs.evolve(self._settings, parser=attrs.evolve(self._settings.parser, clock_offset=offset))
        lines = await super().connect(host, port)
        self._arrival = Arrival(host=host, port=port)
        if profile is not None:
            self._session.adopt(profile)
        return lines

    async def upgrade_to_tls(self, sslcontext: SSLContext | None = None) -> None:
        """Bring the connection into TLS (RFC 4217), with *sslcontext* if one is given; data connections follow.

        Raises:
            StatusCodeError: the server refuses AUTH TLS; or it refuses PBSZ or PROT, and the connection is closed.
            FTPTLSError, FTPProtocolError: the handshake failed, or plain text came before it; the connection is closed.
            InvalidCommand: the connection is inside TLS already.
        """
        await super().upgrade_to_tls(sslcontext)
        if self._arrival is not None:
            self._arrival.is_upgraded, self._arrival.context = True, sslcontext

    async def set_data_protection(self, private: bool) -> None:
        """Have data connections inside TLS (PROT P), or in clear (PROT C), from the next one on.

        Raises:
            StatusCodeError: the server refuses, and nothing changes.
            InvalidCommand: commands are not inside TLS; nothing was sent.

        RFC 4217 §9.
        """
        await super().set_data_protection(private)
        if self._arrival is not None:
            self._arrival.is_private = private

    async def login(
        self, user: str = DEFAULT_USER, password: str = DEFAULT_PASSWORD, account: str = DEFAULT_ACCOUNT
    ) -> None:
        """Log in, to *virtual_host* if one was given; then negotiate, if that was asked for.

        Raises:
            FTPAuthenticationError: the server refuses.
            FTPNotSupported: the password would go over a network in clear; nothing was sent.
            StatusCodeError: the server has no such host.
        """
        settings, control = self._settings, self._session.control
        if settings.virtual_host is not None:
            await name_host(control, settings.virtual_host)
        await super().login(user, password, account)
        if settings.negotiate:
            await negotiate(control, encoding=settings.encoding, client_name=settings.client_name)
        if self._arrival is not None:
            self._arrival.login = Login(user, password, account)

    async def features(self) -> Features:
        """Return what the server says that it can do (FEAT); it is asked once for each connection.

        RFC 2389 §3.
        """
        return await features_of((await self._ready()).control)

    @property
    def profile(self) -> ServerProfile:
        """What has been found out about the server so far.

        Raises:
            FTPDisconnected: there is no server yet.
        """
        return self._session.profile(self.server_host or "", self.server_port or 0)

    def close(self) -> None:
        """Close the connection, and the data connection of a transfer, at once. Idempotent."""
        self._arrival = None
        super().close()

    # -- coming back -------------------------------------------------------------------------------------------------

    async def _ready(self) -> Session:
        """Return the session that the next command goes to; with *reconnect*, a new one if it was lost."""
        return await self._renew() if self._settings.reconnect else self._session

    async def _renew(self) -> Session:
        """Return the session that the next command goes to, a new one if it was lost.

        Raises:
            FTPDisconnected: there is none, or it was closed on purpose.
            FTPException: as connecting, upgrading and logging in.
        """
        channel = self._session.control.channel
        if channel.is_in_step:
            # A server that has closed an idle connection has said so by now.
            with contextlib.suppress(TransferError):
                channel.look_for_news()
        if not channel.is_open:
            await self._come_back()
        return self._session

    async def _come_back(self) -> None:
        arrival = self._arrival
        if arrival is None:
            raise FTPDisconnected("The connection was closed", peer=self._session.control.peer)
        try:
            await self.connect(arrival.host, arrival.port)
            if arrival.is_upgraded:
                await self.upgrade_to_tls(arrival.context)
            if arrival.login is not None:
                await self.login(arrival.login.user, arrival.login.password, arrival.login.account)
            if arrival.is_private is not None:
                await self.set_data_protection(arrival.is_private)
            for directory in arrival.directories:
                await self._session.control.change_directory(directory)
        except BaseException:
            super().close()
            raise
        finally:
            # Half-way there, the way is the same as before.
            self._arrival = arrival
