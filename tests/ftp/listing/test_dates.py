from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.ftp._listing._dates import Moment, format_clock, parse_list_date, parse_time_value

NOW = datetime(2024, 6, 15, 12, 0)  # noqa: DTZ001
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("text", "expected", "precision"),
    [
        ("20240229123456", "2024-02-29T12:34:56+00:00", SECOND),
        ("20240229123456.1", "2024-02-29T12:34:56.100000+00:00", timedelta(milliseconds=100)),
        ("20240229123456.123", "2024-02-29T12:34:56.123000+00:00", timedelta(milliseconds=1)),
        ("20240229123456.123456", "2024-02-29T12:34:56.123456+00:00", timedelta(microseconds=1)),
        ("20240229123456.123456789", "2024-02-29T12:34:56.123456+00:00", timedelta(microseconds=1)),
        ("20161231235960", "2017-01-01T00:00:00+00:00", SECOND),
        ("20161231235960.5", "2017-01-01T00:00:00.500000+00:00", timedelta(milliseconds=100)),
        ("191000101000000", "2000-01-01T00:00:00+00:00", SECOND),
        ("191241231235959", "2024-12-31T23:59:59+00:00", SECOND),
        ("19991231235959", "1999-12-31T23:59:59+00:00", SECOND),
        ("00010101000000", "0001-01-01T00:00:00+00:00", SECOND),
    ],
)
def test_a_time_value_is_in_utc(text: str, expected: str, precision: timedelta) -> None:
    assert parse_time_value(text) == Moment(datetime.fromisoformat(expected), precision)


@pytest.mark.parametrize(
    "text",
    ["", "2024", "20240230000000", "20240229123456.", "20240229123456,1", "20240229 123456", "20240229123461",
     "00000101000000", "99991231235960", "200240229123456", "20240229123456Z", "1" * 5000, "٢٠٢٤٠٢٢٩١٢٣٤٥٦"],
)  # fmt: skip
def test_what_is_no_time_value_is_none(text: str) -> None:
    assert parse_time_value(text) is None


@given(st.datetimes(timezones=st.just(UTC)))
def test_any_time_value_comes_through(when: datetime) -> None:
    text = f"{when.year:04}{when:%m%d%H%M%S}.{when.microsecond:06}"
    moment = parse_time_value(text)
    assert moment is not None
    assert moment.clock == when


@pytest.mark.parametrize(
    ("text", "expected", "precision"),
    [
        ("Jan  5 12:30", "2024-01-05T12:30", MINUTE),
        ("Jan 05 12:30", "2024-01-05T12:30", MINUTE),
        ("jan 5 2:30", "2024-01-05T02:30", MINUTE),
        ("JAN  5  2020", "2020-01-05", DAY),
        ("Jan  5, 2020", "2020-01-05", DAY),
        ("January 5 2020", "2020-01-05", DAY),
        ("Sept 5 2020", "2020-09-05", DAY),
        ("Jan. 5 2020", "2020-01-05", DAY),
        ("Jan  5 12:30:15 2020", "2020-01-05T12:30:15", SECOND),
        ("Jan  5 12:30:15", "2024-01-05T12:30:15", SECOND),
        (" 5 Jan 12:30".strip(), "2024-01-05T12:30", MINUTE),
        ("05 Jan 2020", "2020-01-05", DAY),
        ("5. Jan 2020", "2020-01-05", DAY),
        ("2020-01-05 12:30", "2020-01-05T12:30", MINUTE),
        ("2020-01-05T12:30", "2020-01-05T12:30", MINUTE),
        ("2020-01-05 12:30:15", "2020-01-05T12:30:15", SECOND),
        ("2020-01-05 12:30:15.123456789 +0530", "2020-01-05T12:30:15+05:30", SECOND),
        ("2020-01-05 12:30:15.000000000 -0800", "2020-01-05T12:30:15-08:00", SECOND),
        ("2020-01-05", "2020-01-05", DAY),
        ("2020-01-05 ", "2020-01-05", DAY),
        ("01-05 12:30", "2024-01-05T12:30", MINUTE),
        ("Dec 15 12:01", "2023-12-15T12:01", MINUTE),
        ("Dec 31 23:59", "2023-12-31T23:59", MINUTE),
        ("Jun 16 11:59", "2024-06-16T11:59", MINUTE),
        # Two digits, and numbers in the order of the country.
        ("Jan  5  20", "2020-01-05", DAY),
        ("Jan  5  69", "1969-01-05", DAY),
        ("5-Jan-20", "2020-01-05", DAY),
        ("05-JAN-2020 12:30", "2020-01-05T12:30", MINUTE),
        ("05-Jan-20 12:30:15", "2020-01-05T12:30:15", SECOND),
        ("01-05-20 12:30", "2020-01-05T12:30", MINUTE),
        ("01/05/2020 12:30", "2020-01-05T12:30", MINUTE),
        ("15/01/2020 12:30", "2020-01-15T12:30", MINUTE),
        ("05.01.20 12:30:15", "2020-01-05T12:30:15", SECOND),
        ("05.01.2020", "2020-01-05", DAY),
        ("99-01-05", "1999-01-05", DAY),
        # Chinese, Japanese, Korean; in UTF-8, and in GBK, Shift JIS and EUC-KR.
        ("1月  5 12:30", "2024-01-05T12:30", MINUTE),
        ("12月 31  2020", "2020-12-31", DAY),
        ("1月  5日 12:30", "2024-01-05T12:30", MINUTE),
        ("2020年 1月  5日", "2020-01-05", DAY),
        ("2020年 1月  5日 12:30", "2020-01-05T12:30", MINUTE),
        ("1월  5  2020", "2020-01-05", DAY),
        (b"1\xd4\xc2  5 12:30".decode(errors="surrogateescape"), "2024-01-05T12:30", MINUTE),
        (b"1\x8c\x8e  5  2020".decode(errors="surrogateescape"), "2020-01-05", DAY),
        (b"1\xbf\xf9  5 12:30".decode(errors="surrogateescape"), "2024-01-05T12:30", MINUTE),
    ],
)
def test_the_dates_of_ls_are_read(text: str, expected: str, precision: timedelta) -> None:
    assert parse_list_date(text, NOW) == Moment(datetime.fromisoformat(expected), precision)


@pytest.mark.parametrize(
    ("now", "text", "expected"),
    [
        ("2024-01-01T00:30", "Dec 31 23:59", "2023-12-31T23:59"),
        ("2023-12-31T23:59", "Jan  1 00:30", "2024-01-01T00:30"),
        ("2024-02-29", "Feb 29 00:00", "2024-02-29"),
        ("2024-03-01", "Feb 29 00:00", "2024-02-29"),
        ("2025-02-28", "Feb 29 00:00", "2024-02-29"),
        ("2026-02-28", "Feb 29 00:00", "2024-02-29"),
        ("2027-03-01", "Feb 29 00:00", "2028-02-29"),
        ("1900-01-01", "Feb 29 00:00", "1896-02-29"),
        ("2100-06-01", "Feb 29 00:00", "2104-02-29"),
        ("0001-01-02", "Dec 31 00:00", "0001-12-31"),
        ("9999-12-30", "Jan  1 00:00", "9999-01-01"),
    ],
)
def test_a_date_without_a_year_is_the_one_nearest_to_now(now: str, text: str, expected: str) -> None:
    moment = parse_list_date(text, datetime.fromisoformat(now))
    assert moment is not None
    assert moment.clock == datetime.fromisoformat(expected)


@given(st.datetimes(datetime(1000, 1, 1), datetime(9000, 1, 1)), st.integers(-90 * 1440, 90 * 1440))  # noqa: DTZ001
def test_a_date_within_three_months_comes_through(now: datetime, minutes: int) -> None:
    shown = (now + timedelta(minutes=minutes)).replace(second=0, microsecond=0)
    months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    moment = parse_list_date(f"{months[shown.month - 1]} {shown.day:2} {shown:%H:%M}", now)
    assert moment == Moment(shown, MINUTE)


@pytest.mark.parametrize(
    "text",
    ["", "Jan", "Jan 5", "Foo  5 12:30", "Feb 30  2020", "Feb 30 12:30", "Jan  5 24:00", "Jan  5 12:60", "Jan 32 2020",
     "Jan  0  2020", "Jan  5  201", "13-05 12:30", "2020-13-05", "2020-02-30 12:30", "Xän  5 12:30", "Jan  5 12:30 x",
     "13月 5 12:30", "1月 32 2020", "99-99-99", "1.2.3"],
)  # fmt: skip
def test_what_is_no_date_is_none(text: str) -> None:
    assert parse_list_date(text, NOW) is None


def test_a_zone_that_does_not_exist_is_left_out() -> None:
    assert parse_list_date("2020-01-05 12:30:15 +9999", NOW) == Moment(datetime(2020, 1, 5, 12, 30, 15), SECOND)  # noqa: DTZ001


@given(st.text(st.sampled_from("0123456789 :-.,+Janfebdc"), max_size=40) | st.text())
def test_any_text_is_a_date_or_none(text: str) -> None:
    assert isinstance(parse_list_date(text, NOW), Moment | None)
    assert isinstance(parse_time_value(text), Moment | None)


def test_a_clock_is_written_in_14_digits() -> None:
    assert format_clock(datetime(2020, 1, 5, 3, 4, 59)) == "20200105030400"  # noqa: DTZ001
    assert format_clock(datetime(800, 1, 5, tzinfo=timezone(timedelta(hours=5)))) == "08000105000000"
