"""What a sender may ask of a server besides taking the mail: values that are checked when they are made.

Whether a server can be asked for it is for :mod:`transfer.smtp._requests` to find out.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable
from typing import Literal, TypeVar

import attrs

from transfer.smtp._address import Mailbox, parse_mailbox
from transfer.smtp._errors import SMTPAddressError
from transfer.smtp._xtext import ORCPT_LIMIT, encode_original_recipient, encode_xtext

__all__ = ["DeliverBy", "Notify", "Parameters", "Recipient", "Return", "format_moment"]

# RFC 3461 §4.4: the value of ENVID "MAY be up to 100 characters in length".
_ENVID_LIMIT = 100
# RFC 2852 §4 and RFC 4865 §3 give seconds nine digits.
_SECONDS_LIMIT = 999_999_999
_PRIORITY_LIMIT = 9


class Notify(enum.StrEnum):
    """When to send the sender a notification about a recipient (RFC 3461 §4.1)."""

    NEVER = "NEVER"
    """Under no conditions; stands alone."""
    SUCCESS = "SUCCESS"
    """When the mail has been delivered."""
    FAILURE = "FAILURE"
    """When it could not be delivered."""
    DELAY = "DELAY"
    """When delivery takes unusually long."""


class Return(enum.StrEnum):
    """How much of the mail a notification of failure brings back (RFC 3461 §4.3)."""

    FULL = "FULL"
    HDRS = "HDRS"
    """The headers only; a server that honours ``require_tls`` does this in any case (RFC 8689 §5)."""


Word = TypeVar("Word", Notify, Return)


def _to_notify(value: str | Iterable[str] | None) -> tuple[Notify, ...] | None:
    if value is None:
        return None
    words = tuple(_to_word(Notify, word) for word in (value.split(",") if isinstance(value, str) else value))
    if not words:
        raise _refusal("notify", value, "it names at least one event; None leaves it to the server", "RFC 3461 §4.1")
    if len(set(words)) < len(words):
        raise _refusal("notify", value, "it names each event once", "RFC 3461 §4.1")
    if Notify.NEVER in words and len(words) > 1:
        raise _refusal("notify", value, "NEVER stands alone", "RFC 3461 §4.1")
    return words


def _to_return(value: str | None) -> Return | None:
    return None if value is None else _to_word(Return, value)


def _to_word(words: type[Word], value: str) -> Word:
    if not isinstance(value, str):
        raise TypeError(f"{words.__name__} is one of its members or their names, not {type(value).__name__}")
    try:
        return words(value.upper())
    except ValueError:
        raise _refusal(words.__name__, value, f"it is one of {', '.join(words)}", "RFC 3461 §4") from None


@attrs.frozen
class Recipient:
    """A recipient of whom more is asked than to get the mail.

    Attributes:
        address: the forward-path, as it would be given by itself.
        notify: when to notify the sender: members of :class:`Notify` or their names, one, several, or joined by commas;
            None takes the mail's :class:`Parameters`.
        orcpt: the address that the sender knows this recipient by, for notifications; not encoded. Only who passes on
            a mail of somebody else's gives it; for others it is *address*, which is sent where *notify* asks for
            notifications. Before an address that is no Internet address stands its registered type: ``x400;...``.

    Raises:
        SMTPAddressError: a value breaks its rule.

    RFC 3461 §4.1, §4.2.
    """

    address: str = attrs.field()
    notify: tuple[Notify, ...] | None = attrs.field(default=None, converter=_to_notify, kw_only=True)
    orcpt: str | None = attrs.field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        parse_mailbox(self.address)
        if self.orcpt is None:
            return
        _require_type("orcpt", self.orcpt, str)
        try:
            encoded = encode_original_recipient(self.orcpt)
        except ValueError as exc:
            raise _refusal("orcpt", self.orcpt, str(exc), "RFC 3461 §4.2") from None
        if len(encoded) > ORCPT_LIMIT:
            raise _refusal("orcpt", self.orcpt, f"it has at most {ORCPT_LIMIT} characters, encoded", "RFC 3461 §4.2")

    @property
    def mailbox(self) -> Mailbox:
        """The address, parsed."""
        return parse_mailbox(self.address)


@attrs.frozen
class DeliverBy:
    """A time by which the mail is to be delivered (RFC 2852 §4).

    Attributes:
        seconds: from now on, at most nine digits; from 1 on for the mode ``"R"``. With ``"N"`` a time that has passed
            is 0 or negative.
        mode: what happens after it: ``"R"`` returns the mail to the sender, ``"N"`` notifies of the delay and goes on.
        trace: notify also each time that the mail is passed on to a server that does not know this extension.

    Raises:
        SMTPAddressError: a value breaks its rule.
    """

    seconds: int
    mode: Literal["R", "N"] = "R"
    trace: bool = attrs.field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.mode not in ("R", "N"):
            raise _refusal("DeliverBy.mode", self.mode, "it is 'R' (return) or 'N' (notify)", "RFC 2852 §4")
        _require_range("DeliverBy.seconds", self.seconds, 1 if self.mode == "R" else -_SECONDS_LIMIT, "RFC 2852 §4")

    def __str__(self) -> str:
        return f"{self.seconds};{self.mode}{'T' if self.trace else ''}"


@attrs.frozen(kw_only=True)
class Parameters:
    """What is asked of a server for a mail. A server that does not offer it gets no mail, and an error says so.

    Attributes:
        ret: how much of the mail a notification of failure brings back: a member of :class:`Return` or its name.
        envid: an identifier that notifications of this mail will carry: visible ASCII and spaces, at most 100
            characters once encoded; RFC 3461 §5.4 advises 38.
        notify: as for :class:`Recipient`, for all recipients who do not say it themselves.
        require_tls: pass the mail on over TLS with verified certificates only, or not at all (RFC 8689). The connection
            has to be such a one itself. For the null sender, a notification's, it is asked for where it can be.
        deliver_by: by when to deliver it (RFC 2852).
        hold_for: seconds, 1 to 999,999,999, to keep it before it is sent on (RFC 4865).
        hold_until: a moment with its time zone to keep it until, instead of *hold_for*; sent in whole seconds, rounded
            up.
        priority: -9 to 9; mails of 0 are ordinary ones (RFC 6710). Servers with fewer steps round.

    Raises:
        SMTPAddressError: a value breaks its rule.
    """

    ret: Return | None = attrs.field(default=None, converter=_to_return)
    envid: str | None = None
    notify: tuple[Notify, ...] | None = attrs.field(default=None, converter=_to_notify)
    require_tls: bool = False
    deliver_by: DeliverBy | None = None
    hold_for: int | None = None
    hold_until: dt.datetime | None = None
    priority: int | None = None

    def __attrs_post_init__(self) -> None:
        if self.envid is not None:
            _check_envid(self.envid)
        if self.deliver_by is not None:
            _require_type("deliver_by", self.deliver_by, DeliverBy)
        if self.hold_for is not None:
            _require_range("hold_for", self.hold_for, 1, "RFC 4865 §3")
        if self.hold_until is not None:
            format_moment(self.hold_until)
            if self.hold_for is not None:
                raise _refusal("hold_until", self.hold_until, "it excludes hold_for", "RFC 4865 §3")
        if self.priority is not None:
            _require_range("priority", self.priority, -_PRIORITY_LIMIT, "RFC 6710 §3", maximum=_PRIORITY_LIMIT)


def format_moment(moment: dt.datetime) -> str:
    """Write *moment* as HOLDUNTIL wants it, in UTC and whole seconds, never earlier than it is.

    Raises:
        SMTPAddressError: it has no time zone, or UTC has no such moment.

    RFC 4865 §3, RFC 3339 §5.6.
    """
    _require_type("hold_until", moment, dt.datetime)
    if moment.utcoffset() is None:
        raise _refusal("hold_until", moment, "it has a time zone (tzinfo)", "RFC 4865 §3")
    try:
        in_utc = moment.astimezone(dt.UTC).replace(tzinfo=None)
        if in_utc.microsecond:
            in_utc = in_utc.replace(microsecond=0) + dt.timedelta(seconds=1)
    except OverflowError:
        raise _refusal("hold_until", moment, "its year has four digits in UTC", "RFC 3339 §5.6") from None
    return f"{in_utc.isoformat()}Z"


def _check_envid(envid: str) -> None:
    _require_type("envid", envid, str)
    if not (envid and envid.isascii() and envid.isprintable()):
        raise _refusal("envid", envid, "it consists of visible ASCII characters and spaces", "RFC 3461 §4.4")
    if len(encode_xtext(envid)) > _ENVID_LIMIT:
        raise _refusal("envid", envid, f"it has at most {_ENVID_LIMIT} characters, encoded", "RFC 3461 §4.4")


def _require_type(name: str, value: object, kind: type[object]) -> None:
    # A bool is an int for isinstance() and for nobody else.
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(f"{name} is a value of type {kind.__name__}, not {type(value).__name__}")


def _require_range(name: str, value: int, minimum: int, clause: str, *, maximum: int = _SECONDS_LIMIT) -> None:
    _require_type(name, value, int)
    if not minimum <= value <= maximum:
        raise _refusal(name, value, f"it is a number from {minimum} to {maximum}", clause)


def _refusal(name: str, value: object, rule: str, clause: str) -> SMTPAddressError:
    return SMTPAddressError(f"{name} can't be {value!a:.80}: {rule} ({clause})")
