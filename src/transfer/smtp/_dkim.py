"""DKIM signatures (RFC 6376), made by the package ``dkimpy``, which the extra ``dkim`` brings.

How this works: the package takes an Ed25519 key as the bare seed and an RSA key in PEM with LF line ends, so a key is
taken out of its file and put into that form first. The key, the domain and the names of the headers are then tried on
a message of nothing but a From: what is wrong with them shows at construction and not with the first mail.
"""

from __future__ import annotations

import base64
import binascii
import importlib
import re
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, TypeAlias

import attrs

from transfer.smtp._address import to_ascii_domain
from transfer.smtp._errors import SMTPMessageError, SMTPNotSupported

__all__ = ["DKIM"]

Form: TypeAlias = Literal["relaxed", "simple"]

# RFC 6376 §5.4.1 lists them; what a relay may add or change is not among them.
_RECOMMENDED = (
    "From Sender Reply-To Subject Date Message-ID To Cc MIME-Version Content-Type Content-Transfer-Encoding"
    " Content-ID Content-Description Resent-Date Resent-From Resent-Sender Resent-To Resent-Cc Resent-Message-ID"
    " In-Reply-To References List-ID List-Help List-Unsubscribe List-Unsubscribe-Post List-Subscribe List-Post"
    " List-Owner List-Archive"
)
_PEM = re.compile(
    rb"-----BEGIN ((?:[A-Z]+ )?PRIVATE KEY)-----[ \t]*\r?\n([A-Za-z0-9+/=\s]+)-----END \1-----",
)
# RFC 8410 §7: the algorithm id-Ed25519, then the seed of 32 octets in an OCTET STRING in an OCTET STRING.
_ED25519 = bytes.fromhex("300506032b657004220420")
_ED25519_SEED_LENGTH = 32
_DNS_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?)*")
_FIELD_NAME = re.compile(r"[!-9<-~]+")  # RFC 5322 §3.6.8
_LEAST_BITS = 1024  # RFC 8301 §3.2: "Signers MUST use RSA keys of at least 1024 bits"
_TRIAL = b"From: a@example.org\r\n\r\n"


def _to_names(value: str | Sequence[str]) -> tuple[str, ...]:
    names = value.split() if isinstance(value, str) else value
    for name in names:
        if _FIELD_NAME.fullmatch(name) is None:
            raise ValueError(f"{name[:80]!a} is no name of a header field (RFC 5322 §3.6.8)")
    return tuple(dict.fromkeys(name.lower() for name in names))


def _check_selector(_: object, __: attrs.Attribute[Any], value: str) -> None:
    if _DNS_NAME.fullmatch(value) is None:
        raise ValueError(f"{value[:80]!a} is no selector: labels of a DNS name are expected (RFC 6376 §3.1)")


def _to_domain(value: str) -> str:
    domain = to_ascii_domain(value)
    if _DNS_NAME.fullmatch(domain) is None:
        raise ValueError(f"{value[:80]!a} is no domain")
    return domain


@attrs.frozen(kw_only=True)
class DKIM:
    """Signs messages in the name of a domain.

    Attributes:
        domain: who signs, ``example.org``; the public key is in the DNS at ``selector._domainkey.domain``.
        selector: which of the domain's keys it is.
        private_key: an RSA or Ed25519 key in PEM (PKCS #8 or PKCS #1) without a pass phrase, or the file with it.
        headers: names of the header fields to sign, as often as a message has them.
        oversign: those of them that nobody may add to the message either.
        canonicalisation: how much change on the way the header fields, and the body, may suffer.

    Raises:
        ValueError: one of them is not what it has to be, or the file can't be read. The key is not shown.
        SMTPNotSupported: a package that is needed is not installed.

    An Ed25519 signature is quick to make. An RSA one takes some 7 ms with 2048 bits and 40 ms with 4096, during which
    nothing else runs, and the body about 25 ms more for each megabyte. RFC 6376, RFC 8301, RFC 8463.
    """

    domain: str = attrs.field(converter=_to_domain)
    selector: str = attrs.field(validator=_check_selector)
    private_key: bytes | str | Path = attrs.field(repr=False)
    headers: Sequence[str] = attrs.field(default=_RECOMMENDED, converter=_to_names)
    oversign: Sequence[str] = attrs.field(default=("From",), converter=_to_names)
    canonicalisation: tuple[Form, Form] = ("relaxed", "relaxed")
    _algorithm: bytes = attrs.field(init=False, repr=False)
    _key: bytes = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if "from" not in self.headers:
            raise ValueError("headers has to name From (RFC 6376 §5.4)")
        if not set(self.oversign) <= set(self.headers):
            raise ValueError("oversign names header fields that headers does not")
        if not all(form in ("relaxed", "simple") for form in self.canonicalisation) or len(self.canonicalisation) != 2:
            raise ValueError("canonicalisation is a pair of 'relaxed' or 'simple', for the header and for the body")
        algorithm, key = _take_key(_read(self.private_key))
        object.__setattr__(self, "_algorithm", algorithm)
        object.__setattr__(self, "_key", key)
        try:
            header = self._make_header(_TRIAL, self.headers)
        except SMTPMessageError as exc:
            raise ValueError(f"nothing can be signed like this: {exc.message}") from None
        bits = 8 * len(base64.b64decode(re.sub(rb"\s", b"", header.rpartition(b"b=")[2])))
        if algorithm == b"rsa-sha256" and bits < _LEAST_BITS:
            raise ValueError(f"the RSA key has {bits} bits; at least {_LEAST_BITS} are needed (RFC 8301 §3.2)")

    def sign(self, octets: bytes) -> bytes:
        """Return the message *octets* with a DKIM-Signature header field in front.

        Args:
            octets: exactly what is to go over the wire, before dots are stuffed: header, empty line, body, with CRLF
                line ends.

        Raises:
            SMTPMessageError: a line end is not CRLF, there is no From, or the header can't be read.
        """
        breaks = octets.count(b"\r\n")
        if octets.count(b"\n") != breaks or octets.count(b"\r") != breaks:
            raise SMTPMessageError("A message is signed with CRLF line ends, and this one has others")
        found = _field_names(octets)
        if "from" not in found:
            raise SMTPMessageError("The message has no From header to sign (RFC 6376 §5.4)")
        names = [name for name in self.headers for _ in range(found.count(name) + (name in self.oversign))]
        return self._make_header(octets, names) + octets

    def _make_header(self, octets: bytes, names: Sequence[str]) -> bytes:
        package = _package("dkim")
        if self._algorithm == b"ed25519-sha256":
            _package("nacl")
        try:
            header: bytes = package.DKIM(octets, signature_algorithm=self._algorithm).sign(
                self.selector.encode("ascii"),
                self.domain.encode("ascii"),
                self._key,
                canonicalize=tuple(form.encode("ascii") for form in self.canonicalisation),
                include_headers=[name.encode("ascii") for name in names],
            )
        except (package.DKIMException, AssertionError) as exc:  # the latter for some keys that are none
            raise SMTPMessageError(f"The message can't be signed: {str(exc) or 'the key is damaged'}") from None
        return header


def _package(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as exc:
        raise SMTPNotSupported("DKIM needs dkimpy and pynacl: install transfer-toolkit[dkim]") from exc


def _read(key: bytes | str | Path) -> bytes:
    if not isinstance(key, Path):
        return key.encode("ascii", "replace") if isinstance(key, str) else key
    try:
        return key.read_bytes()
    except OSError as exc:
        raise ValueError(f"the private key can't be read: {exc}") from exc


def _take_key(pem: bytes) -> tuple[bytes, bytes]:
    """Return the algorithm and the key as the package takes it; raise ValueError, which never shows the key."""
    der = None
    match = _PEM.search(pem)
    if match is not None and match[1] in (b"PRIVATE KEY", b"RSA PRIVATE KEY"):
        try:
            der = base64.b64decode(re.sub(rb"\s", b"", match[2]), validate=True)
        except binascii.Error:
            der = None
    if match is None or der is None:
        raise ValueError(
            "the private key is neither PRIVATE KEY nor RSA PRIVATE KEY in PEM, or it is encrypted: decrypt it first"
        )
    marker = der.find(_ED25519, 0, 32)
    if marker >= 0:
        start = marker + len(_ED25519)
        return b"ed25519-sha256", base64.b64encode(der[start : start + _ED25519_SEED_LENGTH])
    label, text = match[1], base64.b64encode(der)
    return b"rsa-sha256", b"-----BEGIN %b-----\n%b\n-----END %b-----\n" % (label, text, label)


def _field_names(octets: bytes) -> list[str]:
    header = octets[:2] if octets.startswith(b"\r\n") else octets.partition(b"\r\n\r\n")[0]
    lines = header.split(b"\r\n")
    return [
        line.partition(b":")[0].rstrip(b" \t").decode("latin-1").lower() for line in lines if line[:1] not in b" \t"
    ]
