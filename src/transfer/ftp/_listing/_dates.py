"""The times that listings and replies hold: RFC 3659's, those of ``ls``, and none that depends on the locale.

How this works: a time becomes a :class:`Moment`, that is the clock as it was shown and how exact it is. The clock is
naive where the server did not say in which zone it reads it; the caller, who may know, adds the zone.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import cache

import attrs

from transfer.ftp._listing._months import ENGLISH, MONTH_SIGN, month_number

__all__ = [
    "ENGLISH",
    "Moment",
    "find_list_date",
    "format_clock",
    "make_clock",
    "make_moment",
    "parse_list_date",
    "parse_numbers",
    "parse_time_value",
]

_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
# No two leap years are further apart (1896 and 1904, 2096 and 2104).
_LEAP_YEARS = 8

# RFC 3659 §2.3: 14 digits, and a fraction only with digits. One digit more is the year written as "19" and the years
# since 1900: 19100 for 2000, which servers older than that year still send.
_TIME_VALUE = re.compile(
    r"(?P<year>[0-9]{4}|19[1-9][0-9]{2})(?P<month>[0-9]{2})(?P<day>[0-9]{2})"
    r"(?P<hour>[0-9]{2})(?P<minute>[0-9]{2})(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,32}))?"
)

# Of a date: what more than one of its forms has.
_YEAR = "(?P<year>[12][0-9]{3})"
_SHORT_YEAR = "(?P<year>[0-9]{2}|[12][0-9]{3})"
_DAY_OF_MONTH = "(?P<day>[0-3]?[0-9])"
_WORD = r"(?P<month>[^\s\d.,:;=/()<>\[\]-]{2,12})\.?"
_HOURS = "(?P<hour>[0-2]?[0-9]):(?P<minute>[0-5][0-9])"
_SECONDS = ":(?P<second>[0-6][0-9])"
# Columns are padded; the limit keeps the search for a date linear.
_GAP = " {1,20}"
_OPTIONAL_GAP = " {0,20}"
_SIGN_OF_DAY = "(?:日|일|\udcc8\udcd5|\udc93\udcfa|\udcc6\udcfc|\udca4\udce9|\udcc0\udccf)?"
_SIGN_OF_YEAR = "(?:年|년|\udcc4\udcea|\udc94N|\udcc7\udcaf|\udca6~|\udcb3\udce2)?"
_NUMBERED_MONTH = rf"(?P<month>[01]?[0-9]){MONTH_SIGN}{_OPTIONAL_GAP}{_DAY_OF_MONTH}{_SIGN_OF_DAY}"

_FORMS = (
    # `ls`: "Jan  5 12:30", "Jan  5  2020", "Jan  5  20", and with `ls -T` "Jan  5 12:30:15 2020".
    rf"{_WORD}{_GAP}{_DAY_OF_MONTH},?{_GAP}{_HOURS}(?:{_SECONDS}(?:{_GAP}{_YEAR})?)?",
    rf"{_WORD}{_GAP}{_DAY_OF_MONTH},?{_GAP}{_SHORT_YEAR}",
    # With the day first: "5 Jan 12:30", "5. Jan 2020", "5-Jan-20", "05-Jan-2020 12:30".
    rf"{_DAY_OF_MONTH}\.?{_GAP}{_WORD}{_GAP}(?:{_HOURS}|{_SHORT_YEAR})",
    rf"{_DAY_OF_MONTH}-{_WORD}-{_SHORT_YEAR}(?:{_GAP}{_HOURS}(?:{_SECONDS}(?:\.[0-9]{{1,9}})?)?)?",
    # --time-style=full-iso, long-iso, and =iso, which is month and day, or a date that is padded to the same width.
    (
        rf"{_YEAR}-(?P<month>[01][0-9])-(?P<day>[0-3][0-9])[ T]{_HOURS}"
        rf"(?:{_SECONDS}(?:[.,][0-9]{{1,9}})?(?: (?P<zone>[+-][0-9]{{4}}))?)?"
    ),
    rf"{_YEAR}-(?P<month>[01][0-9])-(?P<day>[0-3][0-9])(?: (?= ))?",
    rf"(?P<month>[01][0-9])-(?P<day>[0-3][0-9]) {_HOURS}",
    # Numbers alone, in the order that the server's country has.
    (
        r"(?P<numbers>(?:[0-9]{4}|[0-9]{1,2})(?P<separator>[-/.])[0-9]{1,2}(?P=separator)(?:[0-9]{4}|[0-9]{2}))"
        rf"(?:{_GAP}{_HOURS}(?:{_SECONDS})?)?"
    ),
    # Chinese, Japanese, Korean.
    rf"{_YEAR}{_SIGN_OF_YEAR}{_GAP}{_NUMBERED_MONTH}(?:{_GAP}{_HOURS})?",
    rf"{_NUMBERED_MONTH}{_GAP}(?:{_HOURS}|{_YEAR}{_SIGN_OF_YEAR})",
)
_NUMBER = re.compile("[0-9]+")


@cache
def _forms(tail: str) -> tuple[re.Pattern[str], ...]:
    # Not when the module is imported: nine in ten programs never meet a date that needs them.
    return tuple(re.compile(f"(?:{form}){tail}", re.IGNORECASE) for form in _FORMS)


@attrs.frozen
class Moment:
    """A clock as a server showed it, aware where the server said in which zone, and the width of its last digit."""

    clock: datetime
    precision: timedelta

    def without_zone(self) -> Moment:
        """The same digits, of a clock whose zone is not known."""
        return Moment(self.clock.replace(tzinfo=None), self.precision)


def parse_time_value(text: str) -> Moment | None:
    """Read a time-val, "YYYYMMDDHHMMSS" with an optional fraction, in UTC; None where *text* is not one.

    A leap second is the first one of the next minute, as POSIX counts. RFC 3659 §2.3.
    """
    if len(text) == 14 and text.isascii() and text.isdecimal() and text[12:] < "60":
        try:
            parts = int(text[:4]), int(text[4:6]), int(text[6:8]), int(text[8:10]), int(text[10:12]), int(text[12:])
            return Moment(datetime(*parts, tzinfo=UTC), _SECOND)
        except ValueError:
            return None
    match = _TIME_VALUE.fullmatch(text)
    if match is None:
        return None
    year = match["year"]
    fraction = match["fraction"]
    clock = make_clock(
        int(year) if len(year) == 4 else 1900 + int(year[2:]),
        int(match["month"]),
        int(match["day"]),
        (int(match["hour"]), int(match["minute"]), int(match["second"])),
    )
    if clock is None:
        return None
    clock = clock.replace(tzinfo=UTC)
    if fraction is None:
        return Moment(clock, _SECOND)
    microsecond = int(fraction[:6].ljust(6, "0"))
    return Moment(clock.replace(microsecond=microsecond), timedelta(microseconds=10 ** max(0, 6 - len(fraction))))


def find_list_date(text: str, start: int, now: datetime) -> tuple[Moment, int] | None:
    """Read the date that begins at *start* in one of the forms of ``ls`` and that a space ends.

    Args:
        text: a line.
        start: where the date begins.
        now: as for :func:`parse_list_date`.

    Returns:
        The date, and where the space is; None where there is none.
    """
    for form in _forms("(?= )"):
        match = form.match(text, start)
        moment = match and _moment(match, now)
        if match and moment:
            return moment, match.end()
    return None


def parse_list_date(text: str, now: datetime) -> Moment | None:
    """Read a date in one of the forms of ``ls``; None where *text* is in none of them.

    Months may be named in any of the languages of :mod:`transfer.ftp._listing._months`.

    Args:
        text: the date and nothing else.
        now: the server's clock, naive. A date without a year is in the year that brings it nearest to *now*: ``ls``
            leaves the year out within about six months of today.
    """
    text = text.rstrip(" ")
    matches = (form.fullmatch(text) for form in _forms(""))
    return next((moment for match in matches if match and (moment := _moment(match, now))), None)


def parse_numbers(text: str) -> tuple[int, int, int]:
    """Read "06-07-22", "06/07/2022", "07.06.2022" or "2022-06-07" into year, month and day.

    A number above 31 or of four digits is the year; dots mean that the day is first, as does a first number above 12.
    """
    first, second, third = (int(number) for number in _NUMBER.findall(text))
    if first > 31:
        return _full_year(first), second, third
    day_first = "." in text or first > 12
    month, day = (second, first) if day_first else (first, second)
    return _full_year(third), month, day


def format_clock(clock: datetime) -> str:
    """Write *clock*, as it is shown, in 14 digits; the seconds are zero, as few listings have them."""
    # Not strftime: %Y is not padded below the year 1000 on every platform.
    return f"{clock.year:04}{clock.month:02}{clock.day:02}{clock.hour:02}{clock.minute:02}00"


def make_clock(year: int, month: int, day: int, hours: tuple[int, int, int] = (0, 0, 0)) -> datetime | None:
    """Return the naive clock of that day and of *hours* (hour, minute, second); None where there is no such time."""
    hour, minute, second = hours
    leap = second == 60
    try:
        clock = datetime(year, month, day, hour, minute, 59 if leap else second)  # noqa: DTZ001  # the zone is not known
        return clock + _SECOND if leap else clock
    except (ValueError, OverflowError):
        return None


def make_moment(
    year: int | None,
    month: int,
    day: int,
    shown: tuple[str | None, str | None, str | None],
    now: datetime | None = None,
) -> Moment | None:
    """Make a date of its parts, None where there is no such day.

    Args:
        year: None where it was left out: it is the one that brings the date nearest to *now*.
        month: 1 to 12.
        day: of the month.
        shown: hour, minute and second, as far as they are shown.
        now: the server's clock, naive; needed where there is no year.
    """
    hour, minute, second = shown
    hours = int(hour or 0), int(minute or 0), int(second or 0)
    if year is not None:
        clock = make_clock(year, month, day, hours)
    else:
        clock = None if now is None else _nearest(now, month, day, hours)
    return None if clock is None else Moment(clock, _DAY if not hour else _SECOND if second else _MINUTE)


def _full_year(year: int) -> int:
    # POSIX strptime, %y: 69 to 99 are of the 20th century.
    return year if year > 99 else year + (1900 if year >= 69 else 2000)


def _moment(match: re.Match[str], now: datetime) -> Moment | None:
    """Make a date of what one of the forms has found; None where there is no such day."""
    found: dict[str, str | None] = match.groupdict()
    numbers, name, shown_year = found.get("numbers"), found.get("month"), found.get("year")
    year: int | None = None
    if numbers:
        year, month, day = parse_numbers(numbers)
    else:
        number = int(name) if name and name.isdecimal() else month_number(name or "")
        if number is None:
            return None
        month, day = number, int(found.get("day") or 0)
        year = _full_year(int(shown_year)) if shown_year else None
    moment = make_moment(year, month, day, (found.get("hour"), found.get("minute"), found.get("second")), now)
    return moment and Moment(_in_zone(moment.clock, found.get("zone")), moment.precision)


def _in_zone(clock: datetime, zone: str | None) -> datetime:
    if zone is None or int(zone[1:3]) > 23 or int(zone[3:]) > 59:
        return clock
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:]))
    return clock.replace(tzinfo=timezone(-offset if zone[0] == "-" else offset))


def _nearest(now: datetime, month: int, day: int, hours: tuple[int, int, int]) -> datetime | None:
    """Find the year in which the date is nearest to *now*."""
    reach = _LEAP_YEARS if (month, day) == (2, 29) else 1
    years = range(now.year - reach, now.year + reach + 1)
    clocks = [clock for year in years if (clock := make_clock(year, month, day, hours)) is not None]
    return min(clocks, key=lambda clock: abs(clock - now), default=None)
