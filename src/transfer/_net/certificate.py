"""What a certificate says of its owner, for showing and for warning before it expires."""

from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import Mapping
from typing import Any, cast

import attrs

__all__ = ["Certificate", "certificate_of"]


@attrs.frozen(kw_only=True)
class Certificate:
    """A certificate that was verified.

    Attributes:
        subject: whose it is: ``commonName=mail.example``, the parts separated by commas; may be empty.
        issuer: who vouches for that.
        names: the hosts and addresses that it is for.
        expires: when it ends, in UTC.
    """

    subject: str
    issuer: str
    names: tuple[str, ...]
    expires: dt.datetime


def certificate_of(tls: ssl.SSLObject) -> Certificate | None:
    """Return the peer's certificate; None where none was sent or nobody has verified it."""
    # What it holds under which name the stubs do not tell.
    found = cast("Mapping[str, Any]", tls.getpeercert() or {})
    if not found:
        return None
    return Certificate(
        subject=_spell(found["subject"]),
        issuer=_spell(found["issuer"]),
        names=tuple(name for _, name in found.get("subjectAltName", ())),
        expires=dt.datetime.fromtimestamp(ssl.cert_time_to_seconds(found["notAfter"]), dt.UTC),
    )


def _spell(name: tuple[tuple[tuple[str, str], ...], ...]) -> str:
    return ", ".join(f"{kind}={value}" for part in name for kind, value in part)
