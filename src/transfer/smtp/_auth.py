"""SASL mechanisms as objects that answer challenges, without base64 and without I/O (RFC 4422, RFC 4954)."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable
from typing import Protocol, TypeAlias

import attrs

from transfer.smtp._errors import SMTPAddressError, SMTPAuthenticationError, SMTPNotSupported
from transfer.smtp._response import SMTPStatus

__all__ = [
    "CRAMMD5",
    "LOGIN",
    "PLAIN",
    "XOAUTH2",
    "Mechanism",
    "MechanismFactory",
    "auth_crammd5_verify",
    "auth_login_encode",
    "auth_plain_encode",
    "auth_xoauth2_encode",
    "decode_challenge",
    "encode_response",
]

_EXCERPT_LENGTH = 80


class Mechanism(Protocol):
    """One attempt at logging in: made for it, used once."""

    @property
    def name(self) -> str:
        """The SASL name, in upper case."""
        ...

    def initial(self) -> bytes | None:
        """Give the initial response, sent with AUTH; None where the server speaks first."""
        ...

    def respond(self, challenge: bytes) -> bytes:
        """Answer a challenge.

        Raises:
            SMTPAuthenticationError: the mechanism has no answer to it; the exchange is to be cancelled with ``*``.
        """
        ...


MechanismFactory: TypeAlias = Callable[[str | bytes, str | bytes], Mechanism]
"""Makes the mechanism for one attempt from a user name and a password."""


def decode_challenge(text: str) -> bytes:
    """Decode the text of a 334 reply.

    Raises:
        SMTPAuthenticationError: it is not base64; the exchange is to be cancelled with ``*`` (RFC 4954 §4).
    """
    try:
        return base64.b64decode(text.strip().encode("ascii"), validate=True)
    except ValueError as exc:
        raise _bad_challenge(f"the challenge is not base64: {text[:_EXCERPT_LENGTH]!a}") from exc


def encode_response(response: bytes) -> bytes:
    """Encode the answer to a challenge, without the line end; an empty answer is an empty line (RFC 4954 §4)."""
    return base64.b64encode(response)


@attrs.define(eq=False)
class PLAIN:
    """RFC 4616: everything in the initial response."""

    username: str | bytes
    password: str | bytes = attrs.field(repr=False)
    name = "PLAIN"
    _answered: bool = attrs.field(init=False, default=False, repr=False)

    def initial(self) -> bytes:
        """Give identity and password.

        Raises:
            SMTPAddressError: one of them holds a NUL, which separates them.
        """
        return _join_plain(self.username, self.password)

    def respond(self, challenge: bytes) -> bytes:
        """Repeat the initial response for a server that did not read it from the command."""
        if challenge or self._answered:
            raise _bad_challenge("PLAIN has no second step")
        self._answered = True
        return self.initial()


@attrs.define(eq=False)
class LOGIN:
    """The mechanism of draft-murchison-sasl-login: the server asks for the name, then for the password."""

    username: str | bytes
    password: str | bytes = attrs.field(repr=False)
    name = "LOGIN"
    _steps: int = attrs.field(init=False, default=0, repr=False)

    def initial(self) -> None:
        """None: the server speaks first."""

    def respond(self, challenge: bytes) -> bytes:  # noqa: ARG002  # the questions' wording varies from server to server
        """Give the name, then the password, whatever the question says."""
        self._steps += 1
        if self._steps > 2:
            raise _bad_challenge("LOGIN has no third step")
        return _to_octets(self.username if self._steps == 1 else self.password)


@attrs.define(eq=False)
class CRAMMD5:
    """RFC 2195: the password proves itself by a keyed digest of the challenge."""

    username: str | bytes
    password: str | bytes = attrs.field(repr=False)
    name = "CRAM-MD5"
    _answered: bool = attrs.field(init=False, default=False, repr=False)

    def initial(self) -> None:
        """None: the server speaks first."""

    def respond(self, challenge: bytes) -> bytes:
        """Give the name and the digest.

        Raises:
            SMTPNotSupported: this Python has no MD5, as in FIPS mode.
        """
        if self._answered:
            raise _bad_challenge("CRAM-MD5 has no second step")
        self._answered = True
        return _join_crammd5(self.username, self.password, challenge)


@attrs.define(eq=False)
class XOAUTH2:
    """An OAuth 2.0 bearer token in the initial response, as Google and Microsoft specify it.

    Attributes:
        error: what the server said of a refused token, a JSON document, after :meth:`respond`.
    """

    username: str | bytes
    access_token: str | bytes = attrs.field(repr=False)
    error: bytes | None = attrs.field(init=False, default=None)
    name = "XOAUTH2"

    def initial(self) -> bytes:
        """Give identity and token.

        Raises:
            SMTPAddressError: one of them holds a control character, which could end it.
        """
        return _join_xoauth2(self.username, self.access_token)

    def respond(self, challenge: bytes) -> bytes:
        """Keep the server's error and answer with nothing, upon which it refuses with a proper code."""
        if self.error is not None:
            raise _bad_challenge("XOAUTH2 has no third step")
        self.error = challenge
        return b""


def auth_plain_encode(username: str | bytes, password: str | bytes, /) -> bytes:
    """Encode the initial response of PLAIN in base64; NUL in either is an SMTPAddressError."""
    return base64.b64encode(_join_plain(username, password))


def auth_login_encode(username: str | bytes, password: str | bytes, /) -> tuple[bytes, bytes]:
    """Encode both answers of LOGIN in base64."""
    return base64.b64encode(_to_octets(username)), base64.b64encode(_to_octets(password))


def auth_crammd5_verify(username: str | bytes, password: str | bytes, challenge: str | bytes, /) -> bytes:
    """Answer a CRAM-MD5 challenge, which is in base64, in base64.

    Raises:
        SMTPAuthenticationError: *challenge* is not base64.
        SMTPNotSupported: this Python has no MD5.
    """
    try:
        decoded = base64.b64decode(challenge)
    except (binascii.Error, ValueError) as exc:
        raise _bad_challenge(f"the challenge is not base64: {challenge[:_EXCERPT_LENGTH]!a}") from exc
    return base64.b64encode(_join_crammd5(username, password, decoded))


def auth_xoauth2_encode(username: str | bytes, access_token: str | bytes, /) -> bytes:
    """Encode the initial response of XOAUTH2 in base64; a control character is an SMTPAddressError."""
    return base64.b64encode(_join_xoauth2(username, access_token))


def _join_plain(username: str | bytes, password: str | bytes) -> bytes:
    name, secret = _to_octets(username), _to_octets(password)
    # RFC 4616 §2: "The authorization identity ... and password" are "*SAFE" and cannot hold the NUL between them.
    for what, value in (("user name", name), ("password", secret)):
        if b"\0" in value:
            raise SMTPAddressError(f"PLAIN cannot carry a NUL in the {what} (RFC 4616 §2)")
    return b"\0%b\0%b" % (name, secret)


def _join_crammd5(username: str | bytes, password: str | bytes, challenge: bytes, digest: str = "md5") -> bytes:
    try:
        proof = hmac.new(_to_octets(password), challenge, digest).hexdigest()
    except ValueError as exc:
        raise SMTPNotSupported("CRAM-MD5 needs MD5, which this Python does not have") from exc
    return b"%b %b" % (_to_octets(username), proof.encode("ascii"))


def _join_xoauth2(username: str | bytes, access_token: str | bytes) -> bytes:
    name, token = _to_octets(username), _to_octets(access_token)
    for what, value in (("user name", name), ("access token", token)):
        if any(octet < 0x20 or octet == 0x7F for octet in value):
            raise SMTPAddressError(f"XOAUTH2 cannot carry a control character in the {what}")
    return b"user=%b\x01auth=Bearer %b\x01\x01" % (name, token)


def _to_octets(value: str | bytes) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return value.encode("utf-8")
    except UnicodeEncodeError:
        pass
    # Raised out here because the attribute "object" of a UnicodeEncodeError is the secret.
    raise SMTPAddressError("a credential holds a lone surrogate, which has no UTF-8")


def _bad_challenge(fault: str) -> SMTPAuthenticationError:
    return SMTPAuthenticationError(SMTPStatus.auth_continue, fault)
