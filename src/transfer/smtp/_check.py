"""What a connection to a server shows of it, without a mail."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from transfer._net.certificate import Certificate, certificate_of
from transfer.smtp._response import SMTPResponse
from transfer.smtp._session import Session

__all__ = ["Check", "look_at"]


@attrs.frozen(kw_only=True)
class Check:
    """What a server has shown to ``SMTP.check()``.

    Attributes:
        peer: host and port, or path, that was connected to.
        greeting: the first reply.
        name: what the server calls itself.
        extensions: what it offers: lower-case keyword to parameters; inside TLS if there is TLS.
        size_limit: the largest message that it takes, in octets; None where it does not say.
        auth_methods: the mechanisms to log in by that it offers, in lower case.
        offers_starttls: whether it offers STARTTLS, or has offered what is in use now.
        tls_version: ``TLSv1.3``; None without TLS, as the next.
        cipher: the name of what encrypts.
        certificate: the server's; None without TLS, and where certificates are not verified.
        is_logged_in: whether the credentials work; False where there are none to try.
    """

    peer: str
    greeting: SMTPResponse
    name: str
    extensions: Mapping[str, str]
    size_limit: int | None
    auth_methods: tuple[str, ...]
    offers_starttls: bool
    tls_version: str | None
    cipher: str | None
    certificate: Certificate | None
    is_logged_in: bool


def look_at(session: Session) -> Check:
    """Collect what *session* knows of its server, which it has said EHLO to."""
    hello = session.last_ehlo if session.is_esmtp else session.last_helo
    assert session.greeting is not None  # open_session has it
    tls = session.channel.stream.tls
    cipher = None if tls is None else tls.cipher()
    said = (hello or session.greeting).message.split(None, 1)
    return Check(
        peer=session.channel.peer,
        greeting=session.greeting,
        name=said[0] if said else "",
        extensions=dict(session.extensions.keywords),
        size_limit=session.extensions.size_limit,
        auth_methods=tuple(session.extensions.auth_methods),
        offers_starttls=session.offers_starttls,
        tls_version=None if tls is None else tls.version(),
        cipher=None if cipher is None else cipher[0],
        certificate=None if tls is None else certificate_of(tls),
        is_logged_in=session.is_logged_in,
    )
