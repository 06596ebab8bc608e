"""The simple SASL mechanisms, and the encoders of credentials that programs import."""

from __future__ import annotations

import base64
import binascii
import hmac

import attrs

from transfer.smtp._errors import SMTPAddressError, SMTPNotSupported
from transfer.smtp._mechanism import Mechanism, bad_challenge, to_octets

__all__ = [
    "CRAMMD5",
    "EXTERNAL",
    "LOGIN",
    "PLAIN",
    "auth_crammd5_verify",
    "auth_login_encode",
    "auth_plain_encode",
]

_EXCERPT_LENGTH = 80


@attrs.define(eq=False)
class PLAIN(Mechanism):
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
            raise bad_challenge("PLAIN has no second step")
        self._answered = True
        return self.initial()


@attrs.define(eq=False)
class LOGIN(Mechanism):
    """The mechanism of draft-murchison-sasl-login: the server asks for the name, then for the password."""

    username: str | bytes
    password: str | bytes = attrs.field(repr=False)
    name = "LOGIN"
    _steps: int = attrs.field(init=False, default=0, repr=False)

    def respond(self, challenge: bytes) -> bytes:  # noqa: ARG002  # the questions' wording varies from server to server
        """Give the name, then the password, whatever the question says."""
        self._steps += 1
        if self._steps > 2:
            raise bad_challenge("LOGIN has no third step")
        return to_octets(self.username if self._steps == 1 else self.password)


@attrs.define(eq=False)
class CRAMMD5(Mechanism):
    """RFC 2195: the password proves itself by a keyed digest of the challenge."""

    username: str | bytes
    password: str | bytes = attrs.field(repr=False)
    name = "CRAM-MD5"
    is_revealing = False
    _answered: bool = attrs.field(init=False, default=False, repr=False)

    def respond(self, challenge: bytes) -> bytes:
        """Give the name and the digest.

        Raises:
            SMTPNotSupported: this Python has no MD5, as in FIPS mode.
        """
        if self._answered:
            raise bad_challenge("CRAM-MD5 has no second step")
        self._answered = True
        return _join_crammd5(self.username, self.password, challenge)


@attrs.define(eq=False)
class EXTERNAL(Mechanism):
    """RFC 4422 appendix A: the server knows the client by other means, by its certificate as a rule.

    Attributes:
        authorization: whom to act as; ``""`` is whoever the server takes the client for.
    """

    authorization: str | bytes = ""
    name = "EXTERNAL"
    is_revealing = False
    _answered: bool = attrs.field(init=False, default=False, repr=False)

    def initial(self) -> bytes:
        """Give the identity.

        Raises:
            SMTPAddressError: it holds a NUL.
        """
        identity = to_octets(self.authorization)
        # RFC 4422 appendix A.1: "authz-id-string = *( UTF8-octets except NUL )".
        if b"\0" in identity:
            raise SMTPAddressError("EXTERNAL cannot carry a NUL in the user name (RFC 4422 §A.1)")
        return identity

    def respond(self, challenge: bytes) -> bytes:
        """Repeat the initial response for a server that did not read it from the command."""
        if challenge or self._answered:
            raise bad_challenge("EXTERNAL has no second step")
        self._answered = True
        return self.initial()


def auth_plain_encode(username: str | bytes, password: str | bytes, /) -> bytes:
    """Encode the initial response of PLAIN in base64; NUL in either is an SMTPAddressError."""
    return base64.b64encode(_join_plain(username, password))


def auth_login_encode(username: str | bytes, password: str | bytes, /) -> tuple[bytes, bytes]:
    """Encode both answers of LOGIN in base64."""
    return base64.b64encode(to_octets(username)), base64.b64encode(to_octets(password))


def auth_crammd5_verify(username: str | bytes, password: str | bytes, challenge: str | bytes, /) -> bytes:
    """Answer a CRAM-MD5 challenge, which is in base64, in base64.

    Raises:
        SMTPAuthenticationError: *challenge* is not base64.
        SMTPNotSupported: this Python has no MD5.
    """
    try:
        decoded = base64.b64decode(challenge)
    except (binascii.Error, ValueError) as exc:
        raise bad_challenge(f"the challenge is not base64: {challenge[:_EXCERPT_LENGTH]!a}") from exc
    return base64.b64encode(_join_crammd5(username, password, decoded))


def _join_plain(username: str | bytes, password: str | bytes) -> bytes:
    name, secret = to_octets(username), to_octets(password)
    # RFC 4616 §2: "The authorization identity ... and password" are "*SAFE" and cannot hold the NUL between them.
    for what, value in (("user name", name), ("password", secret)):
        if b"\0" in value:
            raise SMTPAddressError(f"PLAIN cannot carry a NUL in the {what} (RFC 4616 §2)")
    return b"\0%b\0%b" % (name, secret)


def _join_crammd5(username: str | bytes, password: str | bytes, challenge: bytes, digest: str = "md5") -> bytes:
    try:
        proof = hmac.new(to_octets(password), challenge, digest).hexdigest()
    except ValueError as exc:
        raise SMTPNotSupported("CRAM-MD5 needs MD5, which this Python does not have") from exc
    return b"%b %b" % (to_octets(username), proof.encode("ascii"))
