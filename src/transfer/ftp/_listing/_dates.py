"""The times that listings and replies hold: RFC 3659's, those of ``ls``, and none that depends on the locale.

How this works: a time becomes a :class:`Moment`, that is the clock as it was shown and how exact it is. The clock is
naive where the server did not say in which zone it reads it; the caller, who may know, adds the zone.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import attrs

__all__ = ["LIST_DATE", "Moment", "format_clock", "parse_list_date", "parse_time_value"]

_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
# No two leap years are further apart (1896 and 1904, 2096 and 2104).
_LEAP_YEARS = 8

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

# RFC 3659 §2.3: 14 digits, and a fraction only with digits. One digit more is the year written as "19" and the years
# since 1900: 19100 for 2000, which servers older than that year still send.
_TIME_VALUE = re.compile(
    r"(?P<year>[0-9]{4}|19[1-9][0-9]{2})(?P<month>[0-9]{2})(?P<day>[0-9]{2})"
    r"(?P<hour>[0-9]{2})(?P<minute>[0-9]{2})(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,32}))?"
)

_MONTH = rf"(?:{'|'.join(_MONTHS)})[a-z]{{0,6}}\.?"
_DAY_OF_MONTH = r"[0-3]?[0-9]"
_HOUR_MINUTE = r"[0-2]?[0-9]:[0-5][0-9]"
_YEAR = r"[12][0-9]{3}"
# The forms of `ls`, in order: "Jan  5 12:30", "Jan  5  2020" and `ls -T`; "5 Jan 2020" with the day first;
# --time-style=full-iso and long-iso; and =iso, which is month and day, or a date that is padded to the same width.
LIST_DATE = (
    rf"{_MONTH} +{_DAY_OF_MONTH},? +(?:{_HOUR_MINUTE}:[0-6][0-9](?: +{_YEAR})?|{_HOUR_MINUTE}|{_YEAR})"
    rf"|{_DAY_OF_MONTH}\.? +{_MONTH} +(?:{_HOUR_MINUTE}|{_YEAR})"
    rf"|{_YEAR}-[01][0-9]-[0-3][0-9][ T]{_HOUR_MINUTE}(?::[0-6][0-9](?:[.,][0-9]{{1,9}})?(?: [+-][0-9]{{4}})?)?"
    rf"|{_YEAR}-[01][0-9]-[0-3][0-9](?: (?= ))?"
    rf"|[01][0-9]-[0-3][0-9] {_HOUR_MINUTE}"
)
_IS_LIST_DATE = re.compile(LIST_DATE, re.IGNORECASE)

_CLOCK_PART = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?")
_ISO_PART = re.compile(r"(?:([0-9]{4})-)?([0-9]{2})-([0-9]{2})")
_ZONE_PART = re.compile(r" ([+-])([0-9]{2})([0-9]{2})$")
_MONTH_PART = re.compile("|".join(_MONTHS), re.IGNORECASE)
_YEAR_PART = re.compile(rf" ({_YEAR})$")
_DAY_PART = re.compile(r"(?<![0-9:])[0-9]{1,2}(?![0-9:])")


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
    match = _TIME_VALUE.fullmatch(text)
    if match is None:
        return None
    year = match["year"]
    fraction = match["fraction"]
    clock = _clock(
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


def parse_list_date(text: str, now: datetime) -> Moment | None:
    """Read a date in one of the forms of ``ls``; None where *text* is in none of them.

    Args:
        text: the date and nothing else.
        now: the server's clock, naive. A date without a year is in the year that brings it nearest to *now*: ``ls``
            leaves the year out within about six months of today.
    """
    text = text.rstrip(" ")
    if _IS_LIST_DATE.fullmatch(text) is None:
        return None
    shown = _CLOCK_PART.search(text)
    hours = None if shown is None else (int(shown[1]), int(shown[2]), int(shown[3] or 0))
    iso = _ISO_PART.match(text)
    if iso is not None:
        year, month, day = iso[1], int(iso[2]), int(iso[3])
    else:
        named, dayed, yeared = _MONTH_PART.search(text), _DAY_PART.search(text), _YEAR_PART.search(text)
        assert named is not None, "the pattern has it"
        assert dayed is not None, "the pattern has it"
        year, month, day = yeared and yeared[1], _MONTHS.index(named[0].lower()) + 1, int(dayed[0])
    if year is None:
        clock = _nearest(now, month, day, hours or (0, 0, 0))
    else:
        clock = _clock(int(year), month, day, hours or (0, 0, 0))
    if clock is None:
        return None
    precision = _DAY if shown is None else _MINUTE if shown[3] is None else _SECOND
    zone = _ZONE_PART.search(text)
    if zone is not None and int(zone[2]) < 24 and int(zone[3]) < 60:
        offset = timedelta(hours=int(zone[2]), minutes=int(zone[3]))
        clock = clock.replace(tzinfo=timezone(-offset if zone[1] == "-" else offset))
    return Moment(clock, precision)


def format_clock(clock: datetime) -> str:
    """Write *clock*, as it is shown, in 14 digits; the seconds are zero, as few listings have them."""
    # Not strftime: %Y is not padded below the year 1000 on every platform.
    return f"{clock.year:04}{clock.month:02}{clock.day:02}{clock.hour:02}{clock.minute:02}00"


def _clock(year: int, month: int, day: int, hours: tuple[int, int, int]) -> datetime | None:
    hour, minute, second = hours
    leap = second == 60
    try:
        clock = datetime(year, month, day, hour, minute, 59 if leap else second)  # noqa: DTZ001  # the zone is not known
        return clock + _SECOND if leap else clock
    except (ValueError, OverflowError):
        return None


def _nearest(now: datetime, month: int, day: int, hours: tuple[int, int, int]) -> datetime | None:
    """Find the year in which the date is nearest to *now*."""
    reach = _LEAP_YEARS if (month, day) == (2, 29) else 1
    years = range(now.year - reach, now.year + reach + 1)
    clocks = [clock for year in years if (clock := _clock(year, month, day, hours)) is not None]
    return min(clocks, key=lambda clock: abs(clock - now), default=None)
