"""SCRAM: password and server prove themselves to each other, the password staying secret (RFC 5802, RFC 7677).

How this works: the ``scramp`` library keeps the exchange and does the arithmetic; it is imported by the first login
that needs it. This module bounds what the server may ask for, keeps long arithmetic off the event loop, and ties the
exchange to the TLS connection (channel binding), so that nobody in between can pass it on.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

import anyio.to_thread
import attrs

from transfer.smtp._errors import SMTPAddressError, SMTPAuthenticationError, SMTPNotSupported
from transfer.smtp._mechanism import Mechanism, bad_challenge, to_octets
from transfer.smtp._response import SMTPStatus

if TYPE_CHECKING:
    import ssl

    from scramp import ScramClient

__all__ = ["SCRAM", "Binding", "find_binding"]

Binding: TypeAlias = "tuple[str, ssl.SSLObject]"
"""The type of a channel binding, and the TLS connection that it is taken from."""

# RFC 5802 §5.1 and RFC 7677 §4 have servers ask for 4,096 at the least: with fewer, who gets hold of an exchange
# guesses passwords fast. Two million take half a second of one processor, and are more than is recommended today.
_LEAST_ITERATIONS, _MOST_ITERATIONS = 4096, 2_000_000
# 16,384 iterations take about 4 ms; whoever asks for more gets a thread.
_INLINE_ITERATIONS = 16_384
_ITERATIONS = re.compile(r"(?:^|,)i=([0-9]{1,18})(?:,|$)")


def find_binding(tls: ssl.SSLObject | None) -> Binding | None:
    """Return how an exchange can be tied to the connection *tls*; None where it can't, or there is none.

    RFC 9266 (tls-exporter, for TLS 1.3, as soon as Python and scramp have it), RFC 5929 §3 (tls-unique, up to TLS 1.2),
    §4 (tls-server-end-point, undefined for certificates that are signed without a hash function, as by Ed25519).
    """
    if tls is None:
        return None
    from scramp import ScramClient, ScramException

    # RFC 9266 §1: TLS 1.3 has no tls-unique, and tls-exporter takes its place.
    for name in ("tls-exporter" if tls.version() == "TLSv1.3" else "tls-unique", "tls-server-end-point"):
        try:
            ScramClient(["SCRAM-SHA-256-PLUS"], "user", "pencil", channel_binding=(name, tls))
        except (ScramException, ValueError):
            continue
        return name, tls
    return None


@attrs.define(eq=False)
class SCRAM(Mechanism):
    """RFC 5802.

    Args:
        name: ``SCRAM-SHA-256``, ``SCRAM-SHA-1``, or one of them with ``-PLUS``.
        username: empty is impossible.
        password: prepared by SASLprep (RFC 4013), which refuses characters that Unicode 3.2 did not have.

    Attributes:
        binding: how to tie the exchange to TLS. A -PLUS mechanism needs it; another one says by it that it could, which
            tells a server that offers -PLUS that somebody has cut its offer.
        has_proved: whether the proof was sent, which only the right password passes.
        error: the server's error code (``e=``).
    """

    name: str
    username: str | bytes
    password: str | bytes = attrs.field(repr=False)
    binding: Binding | None = attrs.field(default=None, kw_only=True, repr=False)
    is_revealing = False
    error: str | None = attrs.field(init=False, default=None)
    has_proved: bool = attrs.field(init=False, default=False, repr=False)
    _is_verified: bool = attrs.field(init=False, default=False, repr=False)
    _client: ScramClient = attrs.field(init=False, repr=False)

    def initial(self) -> bytes:
        """Give the name, a nonce, and what is known of channel binding.

        Raises:
            SMTPAddressError: name or password cannot be prepared.
            SMTPNotSupported: -PLUS without a binding.
        """
        from scramp import ScramClient, ScramException

        if self.binding is None and self.name.endswith("-PLUS"):
            raise SMTPNotSupported(
                f"{self.name} needs TLS, and a certificate or a version of TLS that it can be tied to"
            )
        username, password = _to_text(self.username), _to_text(self.password)
        try:
            self._client = ScramClient([self.name], username, password, channel_binding=self.binding)
        except ScramException as exc:
            raise SMTPAddressError(f"{self.name} is not possible with these credentials: {exc}") from exc
        message: str = self._client.get_client_first()
        return message.encode("utf-8")

    async def respond(self, challenge: bytes) -> bytes:
        """Give the proof; check the server's.

        Raises:
            SMTPAuthenticationError: the server's message is malformed, its nonce does not continue this side's, it asks
                for too little or too much work, or its signature is wrong.
        """
        from scramp import ScramException

        if self.error is not None or self._is_verified:
            raise bad_challenge(f"{self.name} has no further step")
        try:
            message = challenge.decode("utf-8")
            if message.startswith("e="):
                self.error = message[2:].partition(",")[0]
                return b""
            if not self.has_proved:
                return await self._prove(message)
            self._client.set_server_final(message)
        except (ScramException, UnicodeDecodeError) as exc:
            raise bad_challenge(f"the server's part of {self.name} is wrong: {exc}") from exc
        self._is_verified = True
        return b""

    def finish(self) -> None:
        """Raise unless the server has proved that it knows the password."""
        if not self._is_verified:
            # RFC 5802 §3: without the right signature "the client MUST consider the authentication exchange to be
            # unsuccessful, and it might have to drop the connection".
            raise SMTPAuthenticationError(
                SMTPStatus.auth_successful, f"the server agreed to {self.name} without a proof of its own"
            )

    async def _prove(self, message: str) -> bytes:
        found = _ITERATIONS.search(message)
        iterations = int(found[1]) if found is not None else 0
        if found is not None and not _LEAST_ITERATIONS <= iterations <= _MOST_ITERATIONS:
            raise bad_challenge(
                f"the server asks for {iterations} iterations, not for {_LEAST_ITERATIONS} to {_MOST_ITERATIONS}"
            )
        self._client.set_server_first(message)
        if iterations > _INLINE_ITERATIONS:
            # Not to be left behind at a cancellation: half a second at most.
            proof: str = await anyio.to_thread.run_sync(self._client.get_client_final)
        else:
            proof = self._client.get_client_final()
        self.has_proved = True
        return proof.encode("ascii")


def _to_text(value: str | bytes) -> str:
    try:
        return to_octets(value).decode("utf-8")
    except UnicodeDecodeError:
        pass
    # Out here, as the error's attribute "object" is the secret.
    raise SMTPAddressError("SCRAM takes credentials in UTF-8 only (RFC 5802 §5.1)")
