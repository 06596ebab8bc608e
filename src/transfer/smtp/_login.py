"""Logging in: which mechanisms to try, in which order."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from transfer.smtp._auth import CRAMMD5, LOGIN, PLAIN, XOAUTH2, Mechanism
from transfer.smtp._errors import SMTPAddressError, SMTPAuthenticationError, SMTPException, SMTPNotSupported
from transfer.smtp._response import SMTPResponse
from transfer.smtp._session import Session

__all__ = ["PASSWORD_MECHANISMS", "check_credentials", "login", "login_by_token"]

# Base64 would carry them safely, but no password has them: a file was read with its line end, or worse.
_NEVER_IN_CREDENTIALS = re.compile(rb"[\r\n\0]")

PASSWORD_MECHANISMS: dict[str, Callable[[str | bytes, str | bytes], Mechanism]] = {
    "cram-md5": CRAMMD5,
    "plain": PLAIN,
    "login": LOGIN,
}


def check_credentials(username: str | bytes, password: str | bytes) -> None:
    """Raise SMTPAddressError for CR, LF, NUL or a lone surrogate in *username* or *password*, without showing them."""
    for what, value in (("user name", username), ("password", password)):
        octets = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
        if _NEVER_IN_CREDENTIALS.search(octets) is not None:
            raise SMTPAddressError(f"the {what} holds a line break or a NUL")
        if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
            raise SMTPAddressError(f"the {what} holds a lone surrogate, which has no UTF-8")


async def login(
    session: Session, username: str | bytes, password: str | bytes, *, allow_cleartext: bool = False
) -> SMTPResponse:
    """Try the mechanisms that both sides know, best first, until one is accepted.

    A server may offer a mechanism that it can't serve for this user (CRAM-MD5 without a stored password), so a refusal
    by 5yz leads on to the next; 4yz means "later" and ends the attempt.

    Raises:
        SMTPAddressError: a credential holds what none can; nothing was sent.
        SMTPNotSupported: no common mechanism is offered, or only such as would show the password to the network.
        SMTPAuthenticationError: the last refusal.
    """
    check_credentials(username, password)
    await session.hello()
    names = [name for name in PASSWORD_MECHANISMS if name in session.extensions.auth_methods]
    if not names:
        raise _no_mechanism(session)
    failure: SMTPException | None = None
    for name in names:
        try:
            return await session.authenticate(
                PASSWORD_MECHANISMS[name](username, password), allow_cleartext=allow_cleartext
            )
        except (SMTPAuthenticationError, SMTPNotSupported) as exc:
            # The refusal of a server tells more than this side's own caution.
            if failure is None or isinstance(exc, SMTPAuthenticationError):
                failure = exc
            if exc.retryable or not session.channel.is_open:
                break
    assert failure is not None  # names is not empty
    raise failure


async def login_by_token(
    session: Session,
    username: str | bytes,
    generate_token: Callable[[], Awaitable[str]],
    *,
    allow_cleartext: bool = False,
) -> SMTPResponse:
    """Log in with a fresh access token (XOAUTH2)."""
    await session.hello()
    if "xoauth2" not in session.extensions.auth_methods:
        raise _no_mechanism(session)
    mechanism = XOAUTH2(username, await generate_token())
    return await session.authenticate(mechanism, allow_cleartext=allow_cleartext)


def _no_mechanism(session: Session) -> SMTPNotSupported:
    offered = ", ".join(session.extensions.auth_methods)
    if offered:
        return SMTPNotSupported(f"No common way to log in: the server offers {offered}", peer=session.channel.peer)
    hint = "" if session.is_tls else "; many servers offer it only inside TLS (start_tls, use_tls)"
    return SMTPNotSupported(f"The server does not offer AUTH{hint}", peer=session.channel.peer)
