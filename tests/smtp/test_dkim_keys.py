"""The keys of DKIM: taken as their files have them, refused where they are none, never shown."""

from __future__ import annotations

import base64
import contextlib
import pickle
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.smtp.signing import (
    ED25519,
    PLAIN,
    RSA,
    Key,
    make_rsa,
    signer,
    verifies,
)

# -- keys in files -----------------------------------------------------------------------------------------------------


def _as_is(pem: bytes, _: Path) -> bytes:
    return pem


def _as_text(pem: bytes, _: Path) -> str:
    return pem.decode()


def _in_a_file(pem: bytes, folder: Path) -> Path:
    file = folder / "key.pem"
    file.write_bytes(pem)
    return file


def _from_windows(pem: bytes, _: Path) -> bytes:
    return pem.replace(b"\n", b"\r\n")


def _after_other_words(pem: bytes, _: Path) -> bytes:
    return b"Bag Attributes: none\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" + pem


@pytest.mark.parametrize("form", [_as_is, _as_text, _in_a_file, _from_windows, _after_other_words])
@pytest.mark.parametrize(
    ("pem", "key"),
    [(RSA.pkcs8, RSA), (RSA.pkcs1, RSA), (ED25519.pkcs8, ED25519)],
    ids=["rsa pkcs8", "rsa pkcs1", "ed25519"],
)
def test_a_key_is_taken_as_it_comes(
    pem: bytes, key: Key, form: Callable[[bytes, Path], bytes | str | Path], tmp_path: Path
) -> None:
    assert verifies(signer(private_key=form(pem, tmp_path)).sign(PLAIN), key)


def make_short_rsa() -> bytes:
    """Make a key of 512 bits, which nobody's generator makes any more."""
    primes = (
        number for number in iter(lambda: random.getrandbits(256) | 3 << 254 | 1, 0) if pow(2, number, number) == 2
    )
    p, q = next(primes), next(primes)
    d = pow(65537, -1, (p - 1) * (q - 1))
    numbers = (0, p * q, 65537, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))
    octets = [number.to_bytes(number.bit_length() // 8 + 1, "big") for number in numbers]
    fields = b"".join(b"\x02" + bytes([len(field)]) + field for field in octets)  # each is shorter than 128
    der = b"\x30\x82" + len(fields).to_bytes(2, "big") + fields
    return b"-----BEGIN RSA PRIVATE KEY-----\n%b\n-----END RSA PRIVATE KEY-----\n" % base64.b64encode(der)


def _encrypted(form: PrivateFormat) -> bytes:
    key = rsa.generate_private_key(65537, 1024)
    return key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"pass"))


ELLIPTIC = ec.generate_private_key(ec.SECP256R1())


@pytest.mark.parametrize(
    ("pem", "reason"),
    [
        (b"", "PEM"),
        (b"no key", "PEM"),
        ("schlüssel", "PEM"),
        (RSA.pkcs8.replace(b"PRIVATE", b"PUBLIC"), "PEM"),
        (RSA.pkcs8.replace(b"=", b"").replace(b"A", b"-"), "PEM"),
        (RSA.pkcs8.replace(b"-----BEGIN PRIVATE KEY-----\n", b"-----BEGIN PRIVATE KEY-----\nA"), "key"),
        (_encrypted(PrivateFormat.PKCS8), "decrypt"),
        (_encrypted(PrivateFormat.TraditionalOpenSSL), "decrypt"),
        (ELLIPTIC.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), "key"),
        (ELLIPTIC.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()), "PEM"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "key"),
        (b"-----BEGIN RSA PRIVATE KEY-----\nMAMCAQA=\n-----END RSA PRIVATE KEY-----\n", "key"),
        (
            b"-----BEGIN PRIVATE KEY-----\n"
            + base64.b64encode(bytes.fromhex("302e020100300506032b657004220420") + b"short")
            + b"\n-----END PRIVATE KEY-----\n",
            "key",
        ),
    ],
    ids=lambda value: None if isinstance(value, str) else "key",
)
def test_what_is_no_usable_key_is_found_at_construction_and_not_shown(pem: bytes | str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        signer(private_key=pem)

    assert caught.value.__cause__ is None
    lines = pem.split(b"\n") if isinstance(pem, bytes) else []
    assert not any(
        len(line) > 20 and not line.startswith(b"-") and line.decode() in str(caught.value) for line in lines
    )


@given(st.integers(0, 60), st.integers(0, 255), st.integers(1, 1300))
def test_a_damaged_key_signs_or_is_a_value_error(place: int, octet: int, length: int) -> None:
    der = bytearray(base64.b64decode(b"".join(RSA.pkcs8.splitlines()[1:-1])))
    der[place] = octet
    pem = base64.b64encode(bytes(der[:length]))
    with contextlib.suppress(ValueError):
        signer(private_key=b"-----BEGIN PRIVATE KEY-----\n%b\n-----END PRIVATE KEY-----\n" % pem).sign(PLAIN)


def test_a_key_that_is_too_short_to_be_believed_is_refused() -> None:
    """RFC 8301 §3.2."""
    key = make_rsa(1024)
    assert verifies(signer(key).sign(PLAIN), key)
    with pytest.raises(ValueError, match="512 bits"):
        signer(private_key=make_short_rsa())


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.pem", tmp_path):
        with pytest.raises(ValueError, match="can't be read") as caught:
            signer(private_key=path)
        assert str(path) in str(caught.value)


def test_the_key_is_not_shown() -> None:
    shown = repr(signer(RSA))
    assert "example.org" in shown
    assert "PRIVATE" not in shown
    assert "_key" not in shown


def test_a_signer_is_a_value() -> None:
    one, other = signer(RSA), signer(RSA)
    assert one == other
    assert hash(one) == hash(other)
    assert verifies(pickle.loads(pickle.dumps(one)).sign(PLAIN), RSA)
