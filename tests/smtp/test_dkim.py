"""DKIM signatures: verified as a receiver would, after the trip over the wire, and refused where they can't be made."""

from __future__ import annotations

import base64
import contextlib
import pickle
import random
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.peers import MiniSMTP
from tests.smtp.support import RECIPIENT, SENDER, connected, letter, raises
from transfer import smtp
from transfer.smtp._dkim import DKIM

# -- keys --------------------------------------------------------------------------------------------------------------


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


HEADER = b"From: Anna <anna@example.org>\r\nTo: ben@example.net\r\nSubject: hello\r\n\tthere\r\n\r\n"
PLAIN = HEADER + b"Good day.\r\n"

# -- what a receiver sees ----------------------------------------------------------------------------------------------

BODIES = {
    "plain": b"Good day.\r\n",
    "dots": b".\r\n..\r\n.x\r\n\r\n.\r\n",
    "blank lines at the end": b"Good day.\r\n\r\n\r\n\r\n",
    "blanks at line ends": b"Good  day. \t\r\n \r\nx \r\n",
    "8bit": "Grüße — 你好\r\n".encode(),
    "binary": bytes(range(128, 256)) + b"\r\n",
    "no line end": b"Good day.",
    "empty": b"",
    "only line ends": b"\r\n\r\n",
    "large": (b"x" * 76 + b"\r\n") * 2000,
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("form", ["relaxed", "simple"])
@with_every_key
async def test_a_signature_survives_the_wire(smtp_server: MiniSMTP, key: Key, form: str, body: bytes) -> None:
    """What is signed is what arrives: after dots were stuffed and a missing last line end was added."""
    signed = signer(key, canonicalisation=(form, form)).sign(HEADER + body)
    assert signed.endswith(HEADER + body)
    async with connected(smtp_server) as client:
        await client.sendmail(SENDER, RECIPIENT, signed)

    (message,) = smtp_server.messages
    assert message.content in (signed, signed + b"\r\n")
    assert verifies(message.content, key)
    assert not verifies(message.content.replace(b"hello", b"hullo"), key)
    assert not verifies(message.content + b"more\r\n", key)


@pytest.mark.parametrize("extensions", [("8BITMIME", "CHUNKING"), ()], ids=["8bit", "7bit"])
async def test_what_a_message_object_becomes_can_be_signed(extensions: tuple[str, ...]) -> None:
    message = letter(Subject="Grüße", Message_ID="<1@example.org>")
    message.set_content("Grüße\n.\n\n\n", cte="8bit")
    signed = signer(RSA).sign(message.as_bytes(policy=message.policy.clone(linesep="\r\n")))
    with MiniSMTP(extensions=extensions) as server:
        async with connected(server) as client:
            await client.sendmail(SENDER, RECIPIENT, signed)
    assert verifies(server.messages[0].content, RSA)


def test_nothing_but_the_signature_is_added_and_its_lines_are_short() -> None:
    signed = signer(RSA).sign(PLAIN)
    header = signed.removesuffix(PLAIN)

    assert header.startswith(b"DKIM-Signature: ")
    assert header.endswith(b"\r\n")
    assert header.count(b"\n") == header.count(b"\r") == header.count(b"\r\n")
    assert all(len(line) <= 78 for line in header.split(b"\r\n"))
    assert all(line[:1] in b" \t" for line in header.split(b"\r\n")[1:])


def test_the_tags_say_what_was_asked_for() -> None:
    tags = signature(signer(domain="straße.example", selector="2026.mail").sign(PLAIN))

    assert (tags["v"], tags["a"], tags["c"]) == ("1", "ed25519-sha256", "relaxed/relaxed")
    assert (tags["d"], tags["s"]) == ("xn--strae-oqa.example", "2026.mail")
    assert "l" not in tags
    assert signature(signer(RSA, canonicalisation=("simple", "relaxed")).sign(PLAIN))["c"] == "simple/relaxed"
    assert signature(signer(RSA).sign(PLAIN))["a"] == "rsa-sha256"


def test_a_second_signature_leaves_the_first_one_whole() -> None:
    once = signer(RSA).sign(PLAIN)
    twice = signer(ED25519, selector="s2").sign(once)

    assert verifies(once, RSA)
    assert verifies(twice, ED25519, "s2._domainkey.example.org.")
    assert twice.endswith(once)


def test_a_from_that_somebody_adds_breaks_the_signature() -> None:
    """From is signed once more than it is there (RFC 6376 §8.15)."""
    signed = signer().sign(PLAIN)

    assert signature(signed)["h"].split(":").count("from") == 2
    assert not verifies(b"From: eve@example.com\r\n" + signed, ED25519)
    assert not verifies(signed.replace(b"To: ", b"From: eve@example.com\r\nTo: "), ED25519)


def test_the_headers_to_sign_can_be_chosen() -> None:
    chosen = signer(headers=["FROM", "To", "Date"], oversign=["To"])
    signed = chosen.sign(b"To: first@x\r\n" + PLAIN)

    assert signature(signed)["h"] == "from:to:to:to"
    assert verifies(signed.replace(b"hello", b"hullo"), ED25519)
    assert not verifies(b"To: third@x\r\n" + signed, ED25519)
    assert not verifies(signed.replace(b"first@x", b"other@x"), ED25519)


@pytest.mark.parametrize("name", ["Received", "Return-Path", "X-Mailer", "DKIM-Signature"])
def test_what_changes_on_the_way_is_not_signed(name: str) -> None:
    signed = signer().sign(b"%b: here\r\n" % name.encode() + PLAIN)
    assert name.lower() not in signature(signed)["h"]


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


# -- refused -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"domain": ""}, "domain"),
        ({"domain": "example.org; l=0"}, "domain"),
        ({"domain": "example.org\r\nBcc: eve@x"}, "domain"),
        ({"domain": "a..b"}, "domain"),
        ({"domain": "[192.0.2.1]"}, "domain"),
        ({"selector": ""}, "selector"),
        ({"selector": "a;l=0"}, "selector"),
        ({"selector": "a\r\nb"}, "selector"),
        ({"selector": "a b"}, "selector"),
        ({"selector": "ä"}, "selector"),
        ({"selector": "a."}, "selector"),
        ({"headers": ["To"], "oversign": []}, "From"),
        ({"headers": ["From", "a:b"]}, "header field"),
        ({"headers": ["From", "a\r\nb"]}, "header field"),
        ({"headers": ["From", ""]}, "header field"),
        ({"headers": ["From", "Received"]}, "received"),
        ({"headers": ["From", "Bcc"]}, "bcc"),
        ({"oversign": ["X-Other"]}, "oversign"),
        ({"canonicalisation": ("relaxed", "strict")}, "canonicalisation"),
        ({"canonicalisation": ("relaxed",)}, "canonicalisation"),
    ],
)
def test_settings_that_cannot_be_are_found_at_construction(wrong: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        signer(**wrong)


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (PLAIN.replace(b"\r\n", b"\n"), "CRLF"),
        (PLAIN + b"\r", "CRLF"),
        (PLAIN + b"\n\r", "CRLF"),
        (PLAIN + b"a\nb\r\r\n", "CRLF"),
        (b"", "From"),
        (b"\r\nFrom: a@x\r\n", "From"),
        (b"To: a@x\r\n\r\nFrom: a@x\r\n", "From"),
        (b"X: y\r\n From: a@x\r\n\r\n", "From"),
        (b"From: a@x\r\nno field\r\n\r\n", "can't be signed"),
    ],
)
def test_what_cannot_be_signed_is_a_message_error(octets: bytes, reason: str) -> None:
    with raises(smtp.SMTPMessageError, match=reason) as caught:
        signer().sign(octets)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("missing", ["dkim", "nacl"])
def test_a_missing_package_is_named_with_the_extra_that_brings_it(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with raises(smtp.SMTPNotSupported, match=r"transfer-toolkit\[dkim\]"):
        signer()
