"""Logging in: which mechanisms to try, in which order, and when to give up."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial

import attrs

from transfer.smtp._errors import SMTPAddressError, SMTPAuthenticationError, SMTPException, SMTPNotSupported
from transfer.smtp._mechanism import Mechanism, MechanismFactory
from transfer.smtp._mechanisms import PASSWORD_MECHANISMS, TOKEN_MECHANISMS, Stage, make, stage_of
from transfer.smtp._oauth import OAUTHBEARER, renew
from transfer.smtp._response import SMTPResponse
from transfer.smtp._scram import SCRAM, find_binding
from transfer.smtp._session import Session

__all__ = ["Attempt", "check_credentials", "login", "login_by_token", "no_mechanism", "prepare", "try_each"]

# Base64 would carry them safely, but no password has them: a file was read with its line end, or worse.
_NEVER_IN_CREDENTIALS = re.compile(rb"[\r\n\0]")

# RFC 4954 §4 and §6: not offered, not possible at this strength or without TLS, or in need of a password transition; in
# none of them has the server looked at the password. 500 to 503 are what old servers say instead.
_MECHANISM_REFUSED = frozenset({432, 500, 501, 502, 503, 504, 534, 538})
# RFC 5802 §7: the server's own words for a TLS connection, or an offer, that is another than this side's.
_INTERCEPTED = frozenset({"server-does-support-channel-binding", "channel-bindings-dont-match"})
_OTHER_BINDING = frozenset({"unsupported-channel-binding-type", "channel-binding-not-supported"})


@attrs.frozen
class Attempt:
    """One mechanism, about to be tried."""

    stage: Stage
    run: Callable[[], Awaitable[SMTPResponse]]
    mechanism: Mechanism | None = None


def check_credentials(username: str | bytes, password: str | bytes) -> None:
    """Raise SMTPAddressError for CR, LF, NUL or a lone surrogate in *username* or *password*, without showing them."""
    for what, value in (("user name", username), ("password", password)):
        octets = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
        if _NEVER_IN_CREDENTIALS.search(octets) is not None:
            raise SMTPAddressError(f"the {what} holds a line break or a NUL")
        if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
            raise SMTPAddressError(f"the {what} holds a lone surrogate, which has no UTF-8")


async def login(
    session: Session,
    username: str | bytes,
    password: str | bytes,
    *,
    mechanisms: Sequence[str | MechanismFactory] | None = None,
    allow_cleartext: bool = False,
) -> SMTPResponse:
    """Try the mechanisms that both sides know until one is accepted, or the password refused.

    Args:
        session: to log in to.
        username: of the account.
        password: of the account.
        mechanisms: names and factories, the best first; None is SCRAM, CRAM-MD5, PLAIN, LOGIN.
        allow_cleartext: use revealing mechanisms without TLS as well.

    Raises:
        SMTPAddressError: a credential holds what none can; nothing was sent.
        SMTPNotSupported: no common mechanism is offered, or only such as would show the password to the network.
        SMTPAuthenticationError: the last refusal.
    """
    check_credentials(username, password)
    await session.hello()
    entries = PASSWORD_MECHANISMS if mechanisms is None else mechanisms
    made = [(stage_of(entry), make(entry, username, password)) for entry in entries if _may_be_offered(entry, session)]
    return await _try_offered(session, made, allow_cleartext=allow_cleartext)


async def login_by_token(
    session: Session,
    username: str | bytes,
    generate_token: Callable[[], Awaitable[str]],
    *,
    mechanisms: Sequence[str | MechanismFactory] | None = None,
    target: tuple[str, int | None] | None = None,
    allow_cleartext: bool = False,
) -> SMTPResponse:
    """Log in with an access token, and with another one if that is refused, once.

    Args:
        session: to log in to.
        username: of the account.
        generate_token: gives the token; asked only where it can be used.
        mechanisms: as for :func:`login`; None is OAUTHBEARER, XOAUTH2.
        target: host and port as they were connected to, which OAUTHBEARER mentions.
        allow_cleartext: send the token without TLS as well.

    Raises:
        As :func:`login`, and whatever *generate_token* does.
    """
    await session.hello()
    entries = [
        entry
        for entry in (TOKEN_MECHANISMS if mechanisms is None else mechanisms)
        if isinstance(entry, str) and entry.lower() in TOKEN_MECHANISMS and _may_be_offered(entry, session)
    ]
    if not entries:
        raise no_mechanism(session)

    async def attempt(token: str) -> SMTPResponse:
        made = [(Stage.PASSWORD, make(entry, username, token)) for entry in entries]
        for _, mechanism in made:
            if isinstance(mechanism, OAUTHBEARER) and target is not None:
                mechanism.host, mechanism.port = target
        return await _try_offered(session, made, allow_cleartext=allow_cleartext)

    token = await generate_token()
    try:
        return await attempt(token)
    except SMTPAuthenticationError as exc:
        refusal = exc
    if refusal.retryable or refusal.code in _MECHANISM_REFUSED or not session.channel.is_open:
        raise refusal
    fresh = await renew(generate_token)
    if fresh == token:
        # The server has just refused this one: to send it again counts as another failed login.
        raise refusal
    return await attempt(fresh)


async def _try_offered(
    session: Session, made: Iterable[tuple[Stage, Mechanism]], *, allow_cleartext: bool
) -> SMTPResponse:
    attempts = [
        Attempt(stage, partial(_authenticate, session, mechanism, allow_cleartext), mechanism)
        for stage, mechanism in made
        if mechanism.name.lower() in session.extensions.auth_methods
    ]
    return await try_each(session, attempts)


async def _authenticate(session: Session, mechanism: Mechanism, allow_cleartext: bool) -> SMTPResponse:
    prepare(mechanism, session)
    return await session.authenticate(mechanism, allow_cleartext=allow_cleartext)


def _may_be_offered(entry: str | MechanismFactory, session: Session) -> bool:
    return not isinstance(entry, str) or entry.lower() in session.extensions.auth_methods


def prepare(mechanism: Mechanism, session: Session) -> None:
    """Tell *mechanism* what it has to know of the connection."""
    if isinstance(mechanism, SCRAM):
        offered = session.extensions.auth_methods
        # RFC 5802 §6: a client that could bind says "y" where the server does not seem to offer it, and the server
        # knows better. To one that does offer it "y" would be a lie: there the client is one that can't.
        if mechanism.name.endswith("-PLUS") or not any(name.endswith("-plus") for name in offered):
            mechanism.binding = find_binding(session.channel.stream.tls)


async def try_each(session: Session, attempts: Sequence[Attempt]) -> SMTPResponse:
    """Make *attempts* in turn until one succeeds or a refusal rules out the rest.

    Raises:
        SMTPNotSupported: there are no attempts, or none that may be made.
        SMTPAuthenticationError: the last refusal; the account's own, not that of a mechanism, if there was one.
    """
    if not attempts:
        raise no_mechanism(session)
    failure: SMTPException | None = None
    stage = Stage.BOUND
    for attempt in attempts:
        if attempt.stage < stage:
            continue
        try:
            return await attempt.run()
        except SMTPAuthenticationError as exc:
            failure = exc
            if not session.channel.is_open or _is_final(exc, attempt.mechanism):
                break
            stage = max(stage, _stage_after(exc, attempt))
        except (SMTPNotSupported, SMTPAddressError) as exc:
            # The refusal of a server tells more than this side's own caution.
            failure = failure or exc
    assert failure is not None  # there are attempts, and the first one is made
    raise failure


def _is_final(refusal: SMTPAuthenticationError, mechanism: Mechanism | None) -> bool:
    """Whether no other mechanism can, or should, do better."""
    if refusal.code < 400:  # this side has called it off
        # Who fails to prove that it knows the password is not to be told it in another way.
        return isinstance(mechanism, SCRAM)
    if refusal.detail in _INTERCEPTED:
        return True
    return refusal.retryable and refusal.code not in _MECHANISM_REFUSED


def _stage_after(refusal: SMTPAuthenticationError, attempt: Attempt) -> Stage:
    """Return the stage to go on from; the same one where the mechanism was refused and not the account."""
    if refusal.code < 400 or refusal.code in _MECHANISM_REFUSED or attempt.stage is Stage.OWN:
        return Stage.BOUND
    mechanism = attempt.mechanism
    # Servers that know other types of binding than this side say so before they have seen a proof.
    if attempt.stage is Stage.BOUND and isinstance(mechanism, SCRAM):
        return Stage.PASSWORD if mechanism.has_proved and mechanism.error not in _OTHER_BINDING else Stage.DIGEST
    return Stage.OWN if attempt.stage is Stage.PASSWORD else Stage.PASSWORD


def no_mechanism(session: Session) -> SMTPNotSupported:
    """Return the error for a server with which there is no common way to log in."""
    offered = ", ".join(session.extensions.auth_methods)
    if offered:
        return SMTPNotSupported(f"No common way to log in: the server offers {offered}", peer=session.channel.peer)
    hint = "" if session.is_tls else "; many servers offer it only inside TLS (start_tls, use_tls)"
    return SMTPNotSupported(f"The server does not offer AUTH{hint}", peer=session.channel.peer)
