"""A server's part of SCRAM, from the RFCs and the standard library alone, which can be told to misbehave."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable

import attrs

from tests.peers import Connection, Step, call
from tests.peers.steps import Mismatch

SALT = b"twelve bytes"


def b64(octets: bytes) -> bytes:
    return base64.b64encode(octets)


def prove(digest: str, password: bytes, salt: bytes, iterations: int, exchange: bytes) -> tuple[bytes, bytes]:
    """The client's proof and the server's signature (RFC 5802 §3)."""

    def sign(key: bytes, text: bytes) -> bytes:
        return hmac.digest(key, text, digest)

    salted = hashlib.pbkdf2_hmac(digest, password, salt, iterations)
    client_key = sign(salted, b"Client Key")
    client_signature = sign(hashlib.new(digest, client_key).digest(), exchange)
    proof = bytes(a ^ b for a, b in zip(client_key, client_signature, strict=True))
    return proof, sign(sign(salted, b"Server Key"), exchange)


@attrs.define(eq=False, kw_only=True)
class ScramPeer:
    """One exchange, as the server sees it."""

    digest: str = "sha256"
    password: bytes = b"secret"
    iterations: int = 4096
    salt: bytes = SALT
    nonce: Callable[[bytes], bytes] = lambda nonce: nonce + b"S"
    sign: Callable[[bytes], bytes] = lambda signature: signature
    header: bytes = b"n,,"
    """What the client is to say of channel binding."""
    binding: bytes = b""
    username: bytes = b"anna"
    bare: bytes = b""
    challenge: bytes = b""
    given_nonce: bytes = b""

    def first(self, message: bytes) -> bytes:
        """Answer the client's first message."""
        self.bare = message.removeprefix(self.header)
        name, nonce = self.bare.split(b",")
        if message != self.header + self.bare or name != b"n=" + self.username:
            raise Mismatch(f"expected {self.header!r} and the name {self.username!r}\nreceived {message!r}")
        self.given_nonce = self.nonce(nonce.removeprefix(b"r="))
        self.challenge = b"r=%b,s=%b,i=%d" % (self.given_nonce, b64(self.salt), self.iterations)
        return self.challenge

    def final(self, message: bytes) -> bytes | None:
        """Answer the client's proof; None if it is wrong."""
        without_proof, _, proof = message.partition(b",p=")
        expected = b"c=%b,r=%b" % (b64(self.header + self.binding), self.given_nonce)
        if without_proof != expected:
            raise Mismatch(f"expected {expected!r}\nreceived {message!r}")
        exchange = b",".join((self.bare, self.challenge, without_proof))
        right, signature = prove(self.digest, self.password, self.salt, self.iterations, exchange)
        return b"v=" + b64(self.sign(signature)) if base64.b64decode(proof) == right else None


def scram(mechanism: bytes, peer: Callable[[Connection], ScramPeer], *, refusal: bytes = b"535 5.7.8 no") -> Step:
    """The step of a server that goes through SCRAM with its client, and says 235 or *refusal*."""

    def play(connection: Connection) -> None:
        wire, server = connection.wire, peer(connection)
        verb, name, initial = wire.read_line().split(b" ")
        if (verb, name) != (b"AUTH", mechanism):
            raise Mismatch(f"expected {mechanism!r}\nreceived {name!r}")
        wire.send(b"334 %b\r\n" % b64(server.first(base64.b64decode(initial))))
        answer = wire.read_line()
        signature = None if answer == b"*" else server.final(base64.b64decode(answer))
        if signature is not None:
            wire.send(b"334 %b\r\n" % b64(signature))
            if (answer := wire.read_line()) not in (b"", b"*"):
                raise Mismatch(f"expected nothing more\nreceived {answer!r}")
        wire.send((b"501 off" if answer == b"*" else b"235 in" if signature is not None else refusal) + b"\r\n")

    return call(play)


def scram_with(mechanism: bytes, **peer: object) -> Step:
    """That step, with *peer* as the arguments of its ScramPeer."""
    digest = "sha256" if b"256" in mechanism else "sha1"
    arguments = {"digest": digest} | peer
    return scram(mechanism, lambda _: ScramPeer(**arguments))  # type: ignore[arg-type]  # as they are given
