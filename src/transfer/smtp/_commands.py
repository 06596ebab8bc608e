"""The commands of a mail session as values; what may stand in an argument is checked here, before anything is sent."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence

from transfer._wire.command import Command
from transfer.smtp._address import Mailbox, to_ascii_domain
from transfer.smtp._errors import SMTPAddressError

__all__ = [
    "DATA",
    "HELP",
    "NOOP",
    "QUIT",
    "RSET",
    "STARTTLS",
    "asks_utf8",
    "auth",
    "check_hostname",
    "check_options",
    "ehlo",
    "expn",
    "helo",
    "lhlo",
    "mail",
    "merge_options",
    "rcpt",
    "vrfy",
]

DATA = Command("DATA")
HELP = Command("HELP")
NOOP = Command("NOOP")
QUIT = Command("QUIT")
RSET = Command("RSET")
STARTTLS = Command("STARTTLS")

# RFC 5321 §4.1.2: esmtp-value is "any CHAR excluding "=", SP, and control characters"; RFC 6531 §3.3 adds UTF-8.
_OPTION = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9-]*+)(=[^\x00-\x20=\x7f-\xa0\u1680\u2000-\u200b\u2028-\u202f\u205f\u3000\ufeff\ud800-\udfff]++)?"
)
# What a host may call itself is its own affair as long as it is one word of visible ASCII.
_HOSTNAME = re.compile(r"[!-~]+")
_HOSTNAME_LIMIT = 255
# RFC 4422 §3.1: "1*20(UPPER-ALPHA / DIGIT / HYPHEN / UNDERSCORE)".
_MECHANISM = re.compile(r"[A-Z0-9_-]{1,20}")


def ehlo(name: str) -> Command:
    """Make EHLO.

    Args:
        name: this host's domain, or an address literal such as ``[192.0.2.1]``; a domain is sent in A-labels.

    Raises:
        SMTPAddressError: *name* is no host's name.

    RFC 5321 §4.1.1.1, RFC 6531 §3.7.1.
    """
    return Command("EHLO", check_hostname(name))


def helo(name: str) -> Command:
    """Make HELO, under the rules of :func:`ehlo`."""
    return Command("HELO", check_hostname(name))


def lhlo(name: str) -> Command:
    """Make LHLO, LMTP's word for EHLO, under its rules (RFC 2033 §4.1)."""
    return Command("LHLO", check_hostname(name))


def mail(sender: Mailbox, options: Sequence[str] = (), *, utf8: bool = False) -> Command:
    """Make MAIL.

    Args:
        sender: the reverse-path.
        options: ESMTP parameters, ``"SIZE=100"`` or ``"SMTPUTF8"``, each keyword once.
        utf8: whether SMTPUTF8 is in force; set by an option SMTPUTF8 as well.

    Raises:
        SMTPAddressError: an option breaks the grammar, or *sender* cannot be sent without SMTPUTF8.

    RFC 5321 §4.1.1.2.
    """
    checked = check_options(options)
    utf8 = utf8 or asks_utf8(checked)
    return Command("MAIL", " ".join((f"FROM:<{sender.for_wire(utf8=utf8)}>", *checked)))


def rcpt(recipient: Mailbox, options: Sequence[str] = (), *, utf8: bool = False) -> Command:
    """Make RCPT.

    Args:
        recipient: the forward-path.
        options: ESMTP parameters, ``"NOTIFY=NEVER"``, each keyword once.
        utf8: whether MAIL carried SMTPUTF8.

    Raises:
        SMTPAddressError: as for :func:`mail`, or *recipient* is the null path.

    RFC 5321 §4.1.1.3.
    """
    if recipient.is_null:
        raise SMTPAddressError("the null path <> is a sender's; a recipient has an address (RFC 5321 §4.1.1.3)")
    return Command("RCPT", " ".join((f"TO:<{recipient.for_wire(utf8=utf8)}>", *check_options(options))))


def vrfy(mailbox: Mailbox, options: Sequence[str] = (), *, utf8: bool = False) -> Command:
    """Make VRFY, which asks whether the server knows *mailbox* (RFC 5321 §4.1.1.6, RFC 6531 §3.7.4.2)."""
    return Command("VRFY", " ".join((mailbox.for_wire(utf8=utf8), *check_options(options))))


def expn(mailing_list: Mailbox, options: Sequence[str] = (), *, utf8: bool = False) -> Command:
    """Make EXPN, which asks for the members of *mailing_list* (RFC 5321 §4.1.1.7)."""
    return Command("EXPN", " ".join((mailing_list.for_wire(utf8=utf8), *check_options(options))))


def auth(mechanism: str, initial: bytes | None = None) -> Command:
    """Make AUTH; its argument is a secret.

    Args:
        mechanism: its SASL name, in any case.
        initial: the initial response, not yet in base64; None sends none, ``b""`` an empty one.

    Raises:
        SMTPAddressError: *mechanism* is not named as SASL mechanisms are.

    RFC 4954 §4.
    """
    name = mechanism.upper()
    if _MECHANISM.fullmatch(name) is None:
        raise SMTPAddressError(f"{mechanism[:40]!a} is no SASL mechanism's name (RFC 4422 §3.1)")
    if initial is None:
        return Command("AUTH", name)
    # RFC 4954 §4: "If the client needs to send a zero-length initial response, it MUST transmit the response as a
    # single equals sign".
    encoded = base64.b64encode(initial).decode("ascii") or "="
    return Command("AUTH", f"{name} {encoded}", secret=True)


def check_hostname(name: str) -> str:
    """Return *name* as EHLO sends it: without surrounding spaces, in A-labels.

    Raises:
        SMTPAddressError: it is empty, too long, or not one word of visible characters.
    """
    hostname = name.strip(" ")
    try:
        hostname = to_ascii_domain(hostname)
    except ValueError as exc:
        raise SMTPAddressError(f"{name[:80]!a} is no host's name: {exc}") from exc
    if _HOSTNAME.fullmatch(hostname) is None or len(hostname) > _HOSTNAME_LIMIT:
        raise SMTPAddressError(
            f"{name[:80]!a} is no host's name: 1 to {_HOSTNAME_LIMIT} visible characters, no space (RFC 5321 §4.1.1.1)"
        )
    return hostname


def check_options(options: Iterable[str]) -> tuple[str, ...]:
    """Return *options* unchanged, provided that each is one ESMTP parameter and no keyword comes twice.

    Raises:
        SMTPAddressError: an option breaks the grammar, or two of the same keyword differ. Equal ones become one.
        TypeError: *options* is a str: its characters would be taken for options.

    RFC 5321 §4.1.2 (esmtp-param).
    """
    if not options:
        return ()
    if isinstance(options, str):
        raise TypeError("options are a sequence of str, not one str")
    by_keyword: dict[str, str] = {}
    for option in options:
        keyword = _keyword_of(option)
        earlier = by_keyword.setdefault(keyword, option)
        if earlier.partition("=")[2] != option.partition("=")[2]:
            raise SMTPAddressError(
                f"the parameter {keyword} may come once, and not as {earlier[:80]!a} and as {option[:80]!a}"
            )
    return tuple(by_keyword.values())


def asks_utf8(options: Iterable[str]) -> bool:
    """Whether checked *options* ask for SMTPUTF8."""
    return "SMTPUTF8" in map(str.upper, options)


def merge_options(computed: Iterable[str], given: Iterable[str]) -> tuple[str, ...]:
    """Join parameters that this library works out with the caller's, which win under the same keyword.

    RFC 1870 §6.1 and its siblings allow each parameter once; keywords have no case.

    Raises:
        SMTPAddressError: an option of the caller's breaks the grammar.
        TypeError: *given* is a str.
    """
    if not given:
        return tuple(computed)
    chosen = {_keyword_of(option): option for option in check_options(given)}
    merged = {_keyword_of(option): option for option in computed}
    return tuple((merged | chosen).values())


def _keyword_of(option: str) -> str:
    match = _OPTION.fullmatch(option)
    if match is None:
        raise SMTPAddressError(
            f"{option[:80]!a} is no ESMTP parameter: KEYWORD or KEYWORD=value without spaces and '=' (RFC 5321 §4.1.2)"
        )
    return match[1].upper()
