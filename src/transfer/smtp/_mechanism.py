"""Mechanism: what a way of logging in is, and how its messages look on the wire (RFC 4422, RFC 4954)."""

from __future__ import annotations

import base64
from abc import abstractmethod
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

from transfer.smtp._errors import SMTPAddressError, SMTPAuthenticationError
from transfer.smtp._response import SMTPStatus

__all__ = ["Mechanism", "MechanismFactory", "bad_challenge", "decode_challenge", "encode_response", "to_octets"]

_EXCERPT_LENGTH = 80


class Mechanism(Protocol):
    """One attempt at logging in: made for it, used once. Messages are octets without base64; nothing here does I/O.

    A subclass needs a ``name`` and :meth:`respond`; the rest has defaults. A secret has no place in its ``repr``.

    Attributes:
        name: the SASL name, in upper case.
        is_revealing: whether somebody who listens learns the secret; such a mechanism is not used in clear.
        error: what the server said inside of the exchange of why it will refuse; ``SMTPAuthenticationError.detail``.
    """

    name: str
    is_revealing: bool = True
    error: str | None = None

    def initial(self) -> bytes | None:
        """Give the initial response, which goes with AUTH or, if too long for that, after it.

        None where the server speaks first.

        Raises:
            SMTPAddressError: the credentials cannot be put into this mechanism's form; nothing was sent.
        """
        return None

    @abstractmethod
    def respond(self, challenge: bytes) -> bytes | Awaitable[bytes]:
        """Answer a challenge; may be a coroutine function.

        Raises:
            SMTPAuthenticationError: the mechanism has no answer to it; the exchange is to be cancelled with ``*``.
        """
        ...

    def finish(self) -> None:
        """Take note of the server's consent.

        Raises:
            SMTPAuthenticationError: the server still owes a proof of its own; the connection is to be closed.
        """
        return


MechanismFactory: TypeAlias = Callable[[str | bytes, str | bytes], Mechanism]
"""Makes the mechanism for one attempt from a user name and a password, both ``""`` where there are none."""


def decode_challenge(text: str) -> bytes:
    """Decode the text of a 334 reply.

    Raises:
        SMTPAuthenticationError: it is not base64; the exchange is to be cancelled with ``*`` (RFC 4954 §4).
    """
    try:
        return base64.b64decode(text.strip().encode("ascii"), validate=True)
    except ValueError as exc:
        raise bad_challenge(f"the challenge is not base64: {text[:_EXCERPT_LENGTH]!a}") from exc


def encode_response(response: bytes) -> bytes:
    """Encode the answer to a challenge, without the line end; an empty answer is an empty line (RFC 4954 §4)."""
    return base64.b64encode(response)


def to_octets(value: str | bytes) -> bytes:
    """Return a credential in UTF-8, octets as they are.

    Raises:
        SMTPAddressError: it has no UTF-8; the error does not show it.
    """
    if isinstance(value, bytes):
        return value
    try:
        return value.encode("utf-8")
    except UnicodeEncodeError:
        pass
    # Raised out here because the attribute "object" of a UnicodeEncodeError is the secret.
    raise SMTPAddressError("a credential holds a lone surrogate, which has no UTF-8")


def bad_challenge(fault: str) -> SMTPAuthenticationError:
    """Return the error for a challenge that has no answer."""
    return SMTPAuthenticationError(SMTPStatus.auth_continue, fault)
