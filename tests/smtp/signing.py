"""Keys for DKIM signatures, and what a receiver makes of a signature."""

from __future__ import annotations

import base64
import re
from typing import Any

import attrs
import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from transfer.smtp._dkim import DKIM

HEADER = b"From: Anna <anna@example.org>\r\nTo: ben@example.net\r\nSubject: hello\r\n\tthere\r\n\r\n"
PLAIN = HEADER + b"Good day.\r\n"


@attrs.frozen
class Key:
    """A private key in every form, and its public half's record in the DNS."""

    pkcs8: bytes
    record: bytes
    pkcs1: bytes = b""


def make_rsa(bits: int = 2048) -> Key:
    key = rsa.generate_private_key(65537, bits)
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Key(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        b"v=DKIM1; k=rsa; p=" + base64.b64encode(public),
        key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()),
    )


def make_ed25519() -> Key:
    key = ed25519.Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return Key(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        b"v=DKIM1; k=ed25519; p=" + base64.b64encode(public),
    )


RSA, ED25519 = make_rsa(), make_ed25519()
KEYS = {"rsa": RSA, "ed25519": ED25519}
with_every_key = pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)


def signer(key: Key = ED25519, **options: Any) -> DKIM:
    usual: dict[str, Any] = {"domain": "example.org", "selector": "s1", "private_key": key.pkcs8}
    return DKIM(**(usual | options))


def verifies(octets: bytes, key: Key, name: str = "s1._domainkey.example.org.") -> bool:
    """Whether a receiver believes the signature."""
    asked: list[str] = []

    def look_up(question: bytes | str, timeout: float = 0) -> bytes:
        asked.append(question.decode() if isinstance(question, bytes) else question)
        return key.record

    accepted: bool = dkim.verify(octets, dnsfunc=look_up)
    assert asked == [name]
    return accepted


def signature(octets: bytes) -> dict[str, str]:
    """The tags of the first header field, which is the signature."""
    match = re.match(rb"DKIM-Signature: ((?:.|\r\n[ \t])*)\r\n(?![ \t])", octets)
    assert match is not None
    tags = re.sub(rb"\s", b"", match[1]).decode().split(";")
    return {tag.partition("=")[0]: tag.partition("=")[2] for tag in tags}
