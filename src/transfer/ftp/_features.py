"""Features, what a server says in its reply to FEAT."""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs

from transfer._wire.reply import Reply, Severity

__all__ = ["Features", "parse_features"]

# RFC 2389 §3.2: "1*( SP feature CRLF )", where "feature = feature-label [ SP feature-parms ]". Servers also send lines
# without that space, with tabs, and with a code and a hyphen of their own.
_LINE = re.compile(r"(?:[0-9]{3}-)?[ \t]*([!-~]+)(?:[ \t]+(.*))?", re.DOTALL)
# The commands of draft-bryan-ftpext-hash and those in use before it.
_CHECKSUMS = ("HASH", "XCRC", "XMD5", "MD5", "XSHA", "XSHA1", "XSHA256", "XSHA512")


@attrs.frozen
class Features:
    """The server's features; none at all where it does not know FEAT.

    Attributes:
        parameters: feature names in upper case, and the text after them. Where the server gives a name several
            times, as with AUTH, the texts are joined by semicolons.
    """

    parameters: Mapping[str, str] = attrs.field(factory=dict, hash=False)

    def __contains__(self, name: str) -> bool:
        return name.upper() in self.parameters

    def __bool__(self) -> bool:
        return bool(self.parameters)

    def values(self, name: str) -> tuple[str, ...]:
        """The words of a feature's parameters, between semicolons and spaces, in their order."""
        return tuple(word for word in re.split(r"[;,\s]+", self.parameters.get(name.upper(), "")) if word)

    @property
    def mlst_facts(self) -> tuple[str, ...]:
        """The facts of MLSx that the server can give, in lower case (RFC 3659 §7.8)."""
        return tuple(fact.rstrip("*").lower() for fact in self.values("MLST"))

    @property
    def mlst_default_facts(self) -> tuple[str, ...]:
        """Those of the facts that it gives unless OPTS MLST says otherwise: the ones with an asterisk."""
        return tuple(fact.rstrip("*").lower() for fact in self.values("MLST") if fact.endswith("*"))

    @property
    def has_mlsx(self) -> bool:
        """Whether the server has MLSD and MLST: RFC 3659 §7.8 announces both by the feature MLST."""
        return "MLST" in self or "MLSD" in self

    @property
    def hash_algorithms(self) -> tuple[str, ...]:
        """The algorithms of HASH, in upper case."""
        return tuple(name.rstrip("*").upper() for name in self.values("HASH"))

    @property
    def hash_selected(self) -> str | None:
        """The algorithm that HASH uses unless OPTS HASH says otherwise."""
        return next((name.rstrip("*").upper() for name in self.values("HASH") if name.endswith("*")), None)

    @property
    def checksum_commands(self) -> tuple[str, ...]:
        """The commands of this server that compute a checksum of a file."""
        return tuple(name for name in _CHECKSUMS if name in self)

    @property
    def rest_stream(self) -> bool:
        """Whether a transfer may begin at an offset (RFC 3659 §5)."""
        return "STREAM" in (value.upper() for value in self.values("REST"))

    @property
    def utf8(self) -> bool:
        """Whether names are in UTF-8 (RFC 2640)."""
        return "UTF8" in self or "UTF-8" in self

    @property
    def auth_tls(self) -> bool:
        """Whether AUTH TLS is offered, under that name or the older ones (RFC 4217 §6)."""
        mechanisms = {value.upper() for value in self.values("AUTH")}
        return bool(mechanisms & {"TLS", "TLS-C", "TLS-P", "SSL"})


def parse_features(reply: Reply) -> Features:
    """Read the reply to FEAT.

    Returns:
        The features; empty where the server has none or refuses the command, which is no fault. Nothing in the reply
        is one: lines that are not features are taken for features that nobody asks for.

    RFC 2389 §3.2.
    """
    if reply.severity is not Severity.COMPLETION:
        return Features()
    parameters: dict[str, str] = {}
    for line in reply.lines[1:-1]:
        match = _LINE.fullmatch(line)
        if match is None:
            continue
        name, text = match[1].upper(), (match[2] or "").strip()
        before = parameters.get(name, "")
        parameters[name] = f"{before};{text}" if before and text else before or text
    return Features(parameters)
