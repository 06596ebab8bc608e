"""What a server offers: the lines of its reply to EHLO."""

from __future__ import annotations

import datetime as dt
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
        # RFC 1870 §4: "up to 20 digits".
        return _number(self.keywords.get("size", ""), digits=20) or None

    @property
    def minimum_by_time(self) -> int | None:
        """The fewest seconds in which DELIVERBY can be asked for; None where none were stated (RFC 2852 §2)."""
        # "a comma separated list of options", of which this is the first and may be missing.
        return _number(self.keywords.get("deliverby", "").partition(",")[0].strip(), digits=9)

    @property
    def hold_limits(self) -> tuple[int | None, dt.datetime | None]:
        """For how many seconds, and until when, FUTURERELEASE holds; None where not stated (RFC 4865 §3)."""
        interval, _, moment = self.keywords.get("futurerelease", "").strip().partition(" ")
        return _number(interval, digits=9), _moment(moment.strip())


def _number(text: str, *, digits: int) -> int | None:
    """Read a number; None where *text* is none, or longer than the grammar has it (and int() takes at once)."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else None


def _moment(text: str) -> dt.datetime | None:
    """Read a date-time of RFC 3339 §5.6; None where *text* is none, or has no time zone."""
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.utcoffset() is None else moment


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
