"""The part of a client that logs in: at connecting, or when told to."""

from __future__ import annotations

from functools import partial

from transfer.smtp._auth import CRAMMD5, LOGIN, PLAIN
from transfer.smtp._connection import Connection, Timeout
from transfer.smtp._login import Attempt, check_credentials, login, prepare, try_each
from transfer.smtp._mechanism import Mechanism
from transfer.smtp._mechanisms import MECHANISM_NAMES, make, stage_of
from transfer.smtp._oauth import XOAUTH2
from transfer.smtp._open import log_in
from transfer.smtp._options import UNSET, ConnectOptions
from transfer.smtp._response import SMTPResponse
from transfer.smtp._session import Session

__all__ = ["Logins"]


class Logins(Connection):
    """A connection whose user can say who it is."""

    async def login(self, username: str | bytes, password: str | bytes, /, timeout: Timeout = UNSET) -> SMTPResponse:
        """Log in by the best mechanism that both sides know: SCRAM, CRAM-MD5, PLAIN, LOGIN, or ``mechanisms``.

        A password that one mechanism was refused is offered once more at most, and that by PLAIN or LOGIN: the server
        may lack what SCRAM or CRAM-MD5 need.

        Raises:
            SMTPNotSupported: there is none, or it would send the password in clear over a network.
            SMTPAuthenticationError: refused.
        """
        if self._has_own_methods():
            return await self._log_in_by_methods(username, password, timeout)
        async with self._turn(timeout) as session:
            return await login(
                session,
                username,
                password,
                mechanisms=self._options.mechanisms,
                allow_cleartext=self._options.allow_cleartext_auth,
            )

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
            prepare(mechanism, session)
            return await session.authenticate(mechanism, allow_cleartext=self._options.allow_cleartext_auth)

    # -- what subclasses have replaced -------------------------------------------------------------------------------

    def _has_own_methods(self) -> bool:
        """Whether a subclass, or whoever has the object, brings an order or methods of its own."""
        if self._options.mechanisms is not None:
            return False
        return self.AUTH_METHODS != Logins.AUTH_METHODS or any(map(self._is_replaced, map(_method, self.AUTH_METHODS)))

    def _is_replaced(self, name: str) -> bool:
        return getattr(getattr(self, name, None), "__func__", None) is not getattr(Logins, name, None)

    async def _log_in(self, session: Session, options: ConnectOptions) -> None:
        is_own = self._has_own_methods() or self._is_replaced("login")
        if not is_own or options.username is None or options.password is None:
            await log_in(session, options)
            return
        # Their methods are a user's of the connection as others are.
        self._session = session
        try:
            await self.login(options.username, options.password)
        except BaseException:
            self._session = None
            raise

    async def _log_in_by_methods(self, username: str | bytes, password: str | bytes, timeout: Timeout) -> SMTPResponse:
        """Call the method ``auth_…`` of each mechanism in ``AUTH_METHODS`` that is offered, in that order."""
        check_credentials(username, password)
        async with self._turn(timeout) as session:
            await session.hello()
        attempts = []
        for name in self.supported_auth_methods:
            method = getattr(self, _method(name), None)
            if method is not None:
                attempts.append(Attempt(stage_of(name), partial(method, username, password, timeout=timeout)))
            elif name in MECHANISM_NAMES:
                mechanism = make(name, username, password)
                attempts.append(Attempt(stage_of(name), partial(self._authenticate, mechanism, timeout), mechanism))
            else:
                raise RuntimeError(f"{type(self).__name__} has no method {_method(name)} for the mechanism {name}")
        return await try_each(session, attempts)


def _method(name: str) -> str:
    return f"auth_{name.replace('-', '')}"
