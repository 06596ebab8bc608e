"""What a server offers: the lines of its reply to EHLO."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import attrs

from transfer._wire.reply import Reply

__all__ = ["Extensions", "extensions_from", "parse_esmtp_extensions"]

_OLD_AUTH = "auth="


def _freeze(keywords: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType(dict(keywords))


@attrs.frozen
class Extensions:
    """The service extensions of a session; none before EHLO, and none that came before TLS (RFC 3207 §4.2).

    Attributes:
        keywords: parameters, as they were sent, by keyword in lower case; ``""`` where there are none.
        auth_methods: SASL mechanisms in lower case, in the server's order.
    """

    keywords: Mapping[str, str] = attrs.field(factory=dict, converter=_freeze)
    auth_methods: tuple[str, ...] = ()

    def supports(self, name: str) -> bool:
        """Whether the extension *name*, in any case, is offered."""
        return name.lower() in self.keywords

    @property
    def size_limit(self) -> int | None:
        """The largest message in octets; None where none was stated, which RFC 1870 §4 also spells ``SIZE 0``."""
        parameter = self.keywords.get("size", "")
        # More than 20 digits go against the grammar, and past what int() takes at once.
        if not (parameter.isascii() and parameter.isdigit() and len(parameter) <= 20):
            return None
        return int(parameter) or None


def extensions_from(reply: Reply) -> Extensions:
    """Read the extensions from the reply to EHLO, whose first line is the greeting (RFC 5321 §4.1.1.1)."""
    keywords, auth_methods = _parse(reply.lines[1:])
    return Extensions(keywords, tuple(auth_methods))


def parse_esmtp_extensions(message: str) -> tuple[dict[str, str], list[str]]:
    """Read the extensions from the text of the reply to EHLO.

    Returns:
        Parameters by keyword in lower case; and the SASL mechanisms in lower case, each once.
    """
    return _parse(message.split("\n")[1:])


def _parse(lines: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    keywords: dict[str, str] = {}
    auth_methods: dict[str, None] = {}
    for line in lines:
        line = line.strip()
        if not line:
            continue
        keyword, _, parameters = line.partition(" ")
        keyword = keyword.lower()
        # "AUTH=PLAIN LOGIN" is how mechanisms were announced before RFC 2554; some servers send both forms.
        if keyword.startswith(_OLD_AUTH):
            keyword, parameters = "auth", line[len(_OLD_AUTH) :]
        if keyword == "auth":
            auth_methods.update(dict.fromkeys(parameters.lower().split()))
        keywords[keyword] = parameters
    return keywords, list(auth_methods)
