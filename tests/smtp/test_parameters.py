"""What may be asked of a server: each value is checked when it is made."""

from __future__ import annotations

import datetime as dt
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from tests.smtp.support import raises
from transfer import smtp
from transfer.smtp._parameters import format_moment

UTC = dt.UTC
NOON = dt.datetime(2026, 7, 1, 12, tzinfo=UTC)
INJECTIONS = [
    "a\r\nRCPT TO:<eve@example.org>",
    "a\n",
    "a\r",
    "a\0",
    "a\x7f",
    "a\x1b[0m",
    "a\x85",
    "a\u2028b",
    "a\udc80",
]

Make = Callable[..., object]


def recipient(**wishes: Any) -> smtp.Recipient:
    return smtp.Recipient("ben@example.net", **wishes)


# -- notifications -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (None, None),
        ("NEVER", (smtp.Notify.NEVER,)),
        (smtp.Notify.NEVER, (smtp.Notify.NEVER,)),
        ("success,Failure", (smtp.Notify.SUCCESS, smtp.Notify.FAILURE)),
        (["DELAY", smtp.Notify.FAILURE], (smtp.Notify.DELAY, smtp.Notify.FAILURE)),
        (("SUCCESS", "FAILURE", "DELAY"), (smtp.Notify.SUCCESS, smtp.Notify.FAILURE, smtp.Notify.DELAY)),
    ],
)
@pytest.mark.parametrize("make", [recipient, smtp.Parameters])
def test_events_are_members_or_names(
    make: Callable[..., smtp.Recipient | smtp.Parameters], given: Any, kept: object
) -> None:
    assert make(notify=given).notify == kept


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ("NEVER,SUCCESS", "NEVER stands alone"),
        (["DELAY", "NEVER"], "NEVER stands alone"),
        ("DELAY,delay", "each event once"),
        ([smtp.Notify.NEVER, "NEVER"], "each event once"),
        ([], "at least one event"),
        ("", "one of NEVER, SUCCESS, FAILURE, DELAY"),
        ("ALWAYS", "one of NEVER, SUCCESS, FAILURE, DELAY"),
        ("SUCCESS ORCPT=x", "one of NEVER, SUCCESS, FAILURE, DELAY"),
        ("SUCCESS\r\n", "one of NEVER, SUCCESS, FAILURE, DELAY"),
        ("NEVER>", "one of NEVER, SUCCESS, FAILURE, DELAY"),
    ],
)
@pytest.mark.parametrize("make", [recipient, smtp.Parameters])
def test_events_that_contradict_each_other_are_refused(make: Make, given: Any, rule: str) -> None:
    with raises(smtp.SMTPAddressError, match=rule):
        make(notify=given)


@pytest.mark.parametrize(("given", "kept"), [("full", smtp.Return.FULL), (smtp.Return.HDRS, smtp.Return.HDRS)])
def test_what_comes_back_is_a_member_or_a_name(given: Any, kept: smtp.Return) -> None:
    assert smtp.Parameters(ret=given).ret is kept


@pytest.mark.parametrize("given", ["", "HEADERS", "FULL\r\n", "FULL ENVID=x"])
def test_nothing_else_can_come_back(given: Any) -> None:
    with raises(smtp.SMTPAddressError, match="one of FULL, HDRS"):
        smtp.Parameters(ret=given)


@pytest.mark.parametrize("envid", ["QQ314159", "with space+=", "<a@b>", "a" * 100, "+" * 33])
def test_an_envelope_has_an_identifier(envid: str) -> None:
    assert smtp.Parameters(envid=envid).envid == envid


@pytest.mark.parametrize("envid", ["", "é", "tab\t", *INJECTIONS])
def test_an_identifier_is_printable_ascii(envid: str) -> None:
    with raises(smtp.SMTPAddressError, match=r"envid can't be .*visible ASCII"):
        smtp.Parameters(envid=envid)


@pytest.mark.parametrize("envid", ["a" * 101, "+" * 34])
def test_an_identifier_is_short_when_it_is_encoded(envid: str) -> None:
    with raises(smtp.SMTPAddressError, match=r"at most 100 .*RFC 3461 §4.4"):
        smtp.Parameters(envid=envid)


# -- recipients --------------------------------------------------------------------------------------------------------


def test_a_recipient_is_an_address_with_wishes() -> None:
    ben = smtp.Recipient("<ben@example.net>", notify="NEVER", orcpt="benny@example.org")

    assert ben.mailbox.for_wire() == "ben@example.net"
    assert ben == smtp.Recipient("<ben@example.net>", notify=(smtp.Notify.NEVER,), orcpt="benny@example.org")
    assert pickle.loads(pickle.dumps(ben)) == ben


@pytest.mark.parametrize("address", ["", "<>", "a b@example.net", "ben@example.net> NOTIFY=NEVER", *INJECTIONS])
def test_a_recipient_has_an_address(address: str) -> None:
    with raises(smtp.SMTPAddressError, match="not an address"):
        smtp.Recipient(address)


@pytest.mark.parametrize("orcpt", ["", *INJECTIONS])
def test_an_original_recipient_can_be_printed(orcpt: str) -> None:
    with raises(smtp.SMTPAddressError, match=r"orcpt can't be .*printable"):
        recipient(orcpt=orcpt)


def test_an_original_recipient_is_short_when_it_is_encoded() -> None:
    """RFC 3461 §4.2: 500 characters, ``ORCPT=`` among them."""
    length = 500 - len("ORCPT=rfc822;")
    recipient(orcpt="a" * length)
    for long in ("a" * (length + 1), "+" * (length // 3 + 1)):
        with raises(smtp.SMTPAddressError, match="at most 494 characters"):
            recipient(orcpt=long)


# -- times and priorities ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("deliver_by", "spelled"),
    [
        # RFC 2852 §4.3 has 120;R
        (smtp.DeliverBy(120), "120;R"),
        (smtp.DeliverBy(1, "R", trace=True), "1;RT"),
        (smtp.DeliverBy(0, "N"), "0;N"),
        (smtp.DeliverBy(-999_999_999, mode="N", trace=True), "-999999999;NT"),
        (smtp.DeliverBy(999_999_999), "999999999;R"),
    ],
)
def test_a_time_of_delivery_reads_as_on_the_wire(deliver_by: smtp.DeliverBy, spelled: str) -> None:
    assert str(deliver_by) == spelled


@pytest.mark.parametrize(
    ("seconds", "mode", "rule"),
    [
        (0, "R", "from 1 to 999999999"),
        (-1, "R", "from 1 to 999999999"),
        (10**9, "R", "from 1 to 999999999"),
        (-(10**9), "N", "from -999999999 to 999999999"),
        (1, "RT", "'R' .return. or 'N' .notify."),
        (1, "r", "'R' .return. or 'N' .notify."),
        (1, "N\r\n", "'R' .return. or 'N' .notify."),
    ],
)
def test_a_time_of_delivery_has_limits(seconds: int, mode: Any, rule: str) -> None:
    with raises(smtp.SMTPAddressError, match=rf"{rule}.*RFC 2852 §4"):
        smtp.DeliverBy(seconds, mode)


@pytest.mark.parametrize("hold_for", [0, -1, 10**9])
def test_a_mail_is_held_for_some_seconds(hold_for: int) -> None:
    with raises(smtp.SMTPAddressError, match="from 1 to 999999999"):
        smtp.Parameters(hold_for=hold_for)


@pytest.mark.parametrize(
    ("moment", "spelled"),
    [
        (NOON, "2026-07-01T12:00:00Z"),
        (NOON.astimezone(dt.timezone(dt.timedelta(hours=5, minutes=30))), "2026-07-01T12:00:00Z"),
        (NOON + dt.timedelta(microseconds=1), "2026-07-01T12:00:01Z"),
        (dt.datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00Z"),
    ],
)
def test_a_moment_is_sent_in_utc_and_never_earlier(moment: dt.datetime, spelled: str) -> None:
    """RFC 4865 §3."""
    assert smtp.Parameters(hold_until=moment).hold_until == moment
    assert format_moment(moment) == spelled


@pytest.mark.parametrize(
    ("moment", "rule"),
    [
        (NOON.replace(tzinfo=None), "time zone"),
        (dt.datetime.max.replace(tzinfo=UTC), "four digits"),
        (dt.datetime.max.replace(tzinfo=dt.timezone(-dt.timedelta(hours=1))), "four digits"),
    ],
)
def test_a_moment_is_one_that_utc_has(moment: dt.datetime, rule: str) -> None:
    with raises(smtp.SMTPAddressError, match=rule):
        smtp.Parameters(hold_until=moment)


def test_a_mail_is_held_for_a_time_or_until_one() -> None:
    with raises(smtp.SMTPAddressError, match="excludes hold_for"):
        smtp.Parameters(hold_for=1, hold_until=NOON)


@pytest.mark.parametrize("priority", [-10, 10])
def test_priorities_have_limits(priority: int) -> None:
    assert smtp.Parameters(priority=-9) != smtp.Parameters(priority=9)
    with raises(smtp.SMTPAddressError, match="from -9 to 9"):
        smtp.Parameters(priority=priority)


# -- all ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wish",
    [
        {"ret": 1},
        {"notify": 1},
        {"notify": [1]},
        {"envid": b"QQ"},
        {"deliver_by": 120},
        {"deliver_by": "120;R"},
        {"hold_for": 1.5},
        {"hold_for": "60\r\n"},
        {"hold_for": True},
        {"hold_until": "2026-07-01T12:00:00Z"},
        {"hold_until": NOON.date()},
        {"priority": "3"},
        {"priority": False},
    ],
    ids=str,
)
def test_a_value_of_another_type_is_a_type_error(wish: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        smtp.Parameters(**wish)


def test_so_it_is_of_a_recipient_or_a_time() -> None:
    number: Any = 1
    text: Any = "1"
    for make in (lambda: recipient(orcpt=b"x"), lambda: smtp.DeliverBy(text), lambda: smtp.Recipient(number)):
        with pytest.raises(TypeError):
            make()


def test_an_error_shows_the_beginning_of_a_value_in_ascii() -> None:
    with raises(smtp.SMTPAddressError) as caught:
        smtp.Parameters(envid="é\n" * 10_000)

    assert str(caught.value).replace("§", "").isascii()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200
    assert isinstance(caught.value, ValueError)
