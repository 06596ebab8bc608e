"""The part of a client that logs in: at connecting, or when told to."""

from __future__ import annotations

from transfer.smtp._auth import CRAMMD5, LOGIN, PLAIN, XOAUTH2, Mechanism
from transfer.smtp._connection import Connection, Timeout
from transfer.smtp._login import check_credentials, login
from transfer.smtp._options import UNSET
from transfer.smtp._response import SMTPResponse

__all__ = ["Logins"]


class Logins(Connection):
    """A connection whose user can say who it is."""

    async def login(self, username: str | bytes, password: str | bytes, /, timeout: Timeout = UNSET) -> SMTPResponse:
        """Log in by the best mechanism that both sides know: CRAM-MD5, PLAIN, LOGIN.

        Raises:
            SMTPNotSupported: there is none, or it would send the password in clear over a network.
            SMTPAuthenticationError: refused.
        """
        async with self._turn(timeout) as session:
            return await login(session, username, password, allow_cleartext=self._options.allow_cleartext_auth)

    async def auth_plain(
        self, username: str | bytes, password: str | bytes, /, *, timeout: Timeout = UNSET
    ) -> SMTPResponse:
        """Log in by PLAIN (RFC 4616)."""
        check_credentials(username, password)
        return await self._authenticate(PLAIN(username, password), timeout)

    async def auth_login(
        self, username: str | bytes, password: str | bytes, /, *, timeout: Timeout = UNSET
    ) -> SMTPResponse:
        """Log in by LOGIN."""
        check_credentials(username, password)
        return await self._authenticate(LOGIN(username, password), timeout)

    async def auth_crammd5(
        self, username: str | bytes, password: str | bytes, /, *, timeout: Timeout = UNSET
    ) -> SMTPResponse:
        """Log in by CRAM-MD5 (RFC 2195)."""
        check_credentials(username, password)
        return await self._authenticate(CRAMMD5(username, password), timeout)

    async def auth_xoauth2(
        self, username: str | bytes, access_token: str | bytes, /, *, timeout: Timeout = UNSET
    ) -> SMTPResponse:
        """Log in by XOAUTH2 with an access token."""
        check_credentials(username, access_token)
        return await self._authenticate(XOAUTH2(username, access_token), timeout)

    async def _authenticate(self, mechanism: Mechanism, timeout: Timeout) -> SMTPResponse:
        async with self._turn(timeout) as session:
            await session.hello()
            return await session.authenticate(mechanism, allow_cleartext=self._options.allow_cleartext_auth)
