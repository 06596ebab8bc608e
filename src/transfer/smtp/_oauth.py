"""Logging in by an OAuth 2.0 access token: XOAUTH2, OAUTHBEARER, and where the token comes from."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from typing import Protocol, runtime_checkable

import attrs

from transfer.smtp._errors import SMTPAddressError
from transfer.smtp._mechanism import Mechanism, bad_challenge, to_octets

__all__ = ["OAUTHBEARER", "XOAUTH2", "TokenSource", "auth_xoauth2_encode", "renew"]

# Providers' errors are JSON documents of some hundred octets; a longer one is no help to a reader.
_ERROR_LENGTH = 1000


@runtime_checkable
class TokenSource(Protocol):
    """A token generator that can tell its cached token from a new one."""

    async def __call__(self) -> str:
        """Give an access token that should be valid."""
        ...

    async def refresh(self) -> str:
        """Give a new access token: the server has refused the last one, whatever its time of expiry says."""
        ...


async def renew(generate: Callable[[], Awaitable[str]]) -> str:
    """Ask *generate* for another token than the one that was refused."""
    return await (generate.refresh() if isinstance(generate, TokenSource) else generate())


@attrs.define(eq=False)
class XOAUTH2(Mechanism):
    """An OAuth 2.0 bearer token in the initial response, as Google and Microsoft specify it.

    Attributes:
        error: what the server said of a refused token, a JSON document, after :meth:`respond`.
    """

    username: str | bytes
    access_token: str | bytes = attrs.field(repr=False)
    error: str | None = attrs.field(init=False, default=None)
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
            raise bad_challenge("XOAUTH2 has no third step")
        self.error = _read_error(challenge, self.access_token)
        return b""


@attrs.define(eq=False)
class OAUTHBEARER(Mechanism):
    """RFC 7628: an OAuth 2.0 bearer token in the initial response.

    Attributes:
        host: the server's name, as it was connected to, and *port*; None does not tell.
        error: what the server said of a refused token, a JSON document (§3.2.2), after :meth:`respond`.
    """

    username: str | bytes
    access_token: str | bytes = attrs.field(repr=False)
    host: str | None = attrs.field(default=None, kw_only=True)
    port: int | None = attrs.field(default=None, kw_only=True)
    error: str | None = attrs.field(init=False, default=None)
    name = "OAUTHBEARER"

    def initial(self) -> bytes:
        """Give identity, server and token.

        Raises:
            SMTPAddressError: a control character is in one of them.
        """
        name, token = _check(self.name, self.username, self.access_token)
        # RFC 5801 §4: in a saslname the comma and the equals sign are =2C and =3D.
        name = name.replace(b"=", b"=3D").replace(b",", b"=2C")
        pairs = [b"n,a=%b," % name if name else b"n,,"]
        if self.host is not None:
            pairs.append(b"host=" + to_octets(self.host))
        if self.port is not None:
            pairs.append(b"port=%d" % self.port)
        return b"\x01".join((*pairs, b"auth=Bearer " + token, b"", b""))

    def respond(self, challenge: bytes) -> bytes:
        """Keep the server's error and answer as RFC 7628 §3.2.3 says, upon which it refuses with a proper code."""
        if self.error is not None:
            raise bad_challenge("OAUTHBEARER has no third step")
        self.error = _read_error(challenge, self.access_token)
        return b"\x01"


def auth_xoauth2_encode(username: str | bytes, access_token: str | bytes, /) -> bytes:
    """Encode the initial response of XOAUTH2 in base64; a control character is an SMTPAddressError."""
    return base64.b64encode(_join_xoauth2(username, access_token))


def _join_xoauth2(username: str | bytes, access_token: str | bytes) -> bytes:
    return b"user=%b\x01auth=Bearer %b\x01\x01" % _check("XOAUTH2", username, access_token)


def _check(mechanism: str, username: str | bytes, access_token: str | bytes) -> tuple[bytes, bytes]:
    name, token = to_octets(username), to_octets(access_token)
    for what, value in (("user name", name), ("access token", token)):
        if any(octet < 0x20 or octet == 0x7F for octet in value):
            raise SMTPAddressError(f"{mechanism} cannot carry a control character in the {what}")
    return name, token


def _read_error(challenge: bytes, access_token: str | bytes) -> str:
    # A server may quote what it was sent, and an error is shown to people.
    text = challenge.replace(to_octets(access_token) or b"\0", b"****").decode("utf-8", "replace")
    return text[:_ERROR_LENGTH]
