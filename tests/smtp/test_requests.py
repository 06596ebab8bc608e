"""What is asked of a server, fitted to what it offers: all of it, or an error."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from tests.smtp.support import raises
from transfer import smtp
from transfer.smtp._extensions import Extensions
from transfer.smtp._parameters import Parameters, Recipient
from transfer.smtp._requests import mail_parameters, rcpt_parameters

NOON = dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC)
NOTHING = Parameters()


def offering(*lines: str) -> Extensions:
    """The extensions of a server that lists *lines*."""
    return Extensions({keyword.lower(): rest for keyword, _, rest in (line.partition(" ") for line in lines)})


EVERYTHING = offering("DSN", "REQUIRETLS", "DELIVERBY", "FUTURERELEASE", "MT-PRIORITY")


def for_mail(
    parameters: Parameters, extensions: Extensions, *, is_verified_tls: bool = True, is_null_sender: bool = False
) -> list[str]:
    return mail_parameters(parameters, extensions, is_verified_tls=is_verified_tls, is_null_sender=is_null_sender)


# -- MAIL --------------------------------------------------------------------------------------------------------------


def test_nothing_is_asked_where_nothing_is_wanted() -> None:
    assert for_mail(NOTHING, Extensions(), is_verified_tls=False) == []
    assert rcpt_parameters(Recipient("ben@example.net"), NOTHING, Extensions(), utf8=False) == []
    assert rcpt_parameters(Recipient("ben@example.net"), NOTHING, EVERYTHING, utf8=False) == []


WISHES: list[tuple[dict[str, Any], str, list[str]]] = [
    ({"ret": "HDRS"}, "DSN", ["RET=HDRS"]),
    ({"ret": "full", "envid": "QQ314159"}, "DSN", ["RET=FULL", "ENVID=QQ314159"]),
    ({"envid": "a > b +="}, "DSN", ["ENVID=a+20+3E+20b+20+2B+3D"]),
    ({"require_tls": True}, "REQUIRETLS", ["REQUIRETLS"]),
    ({"deliver_by": smtp.DeliverBy(125, "R")}, "DELIVERBY", ["BY=125;R"]),
    ({"deliver_by": smtp.DeliverBy(-5, "N", trace=True)}, "DELIVERBY", ["BY=-5;NT"]),
    ({"hold_for": 86400}, "FUTURERELEASE", ["HOLDFOR=86400"]),
    ({"hold_until": NOON}, "FUTURERELEASE", ["HOLDUNTIL=2026-07-01T12:00:00Z"]),
    ({"priority": -3}, "MT-PRIORITY", ["MT-PRIORITY=-3"]),
    ({"priority": 0}, "MT-PRIORITY", ["MT-PRIORITY=0"]),
]


@pytest.mark.parametrize(("wishes", "keyword", "asked"), WISHES, ids=str)
def test_what_is_offered_is_asked_for(wishes: dict[str, Any], keyword: str, asked: list[str]) -> None:
    assert for_mail(Parameters(**wishes), offering(keyword)) == asked


@pytest.mark.parametrize(("wishes", "keyword", "asked"), WISHES, ids=str)
def test_what_is_not_offered_is_an_error_that_names_it(wishes: dict[str, Any], keyword: str, asked: list[str]) -> None:
    others = Extensions({name: text for name, text in EVERYTHING.keywords.items() if name != keyword.lower()})
    with raises(smtp.SMTPNotSupported, match=keyword):
        for_mail(Parameters(**wishes), others)


def test_all_of_it_goes_into_one_command() -> None:
    parameters = Parameters(
        ret="FULL", envid="x", require_tls=True, deliver_by=smtp.DeliverBy(60), hold_for=5, priority=9
    )
    assert for_mail(parameters, EVERYTHING) == [
        "RET=FULL",
        "ENVID=x",
        "REQUIRETLS",
        "BY=60;R",
        "HOLDFOR=5",
        "MT-PRIORITY=9",
    ]


# -- REQUIRETLS --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("offered", [False, True])
def test_tls_is_not_required_of_others_over_a_connection_without(offered: bool) -> None:
    extensions = offering("REQUIRETLS") if offered else Extensions()
    with raises(smtp.SMTPNotSupported, match="REQUIRETLS can't be asked for: the connection has no TLS") as caught:
        for_mail(Parameters(require_tls=True), extensions, is_verified_tls=False)

    assert caught.value.delivery is smtp.Delivery.NOT_SENT


@pytest.mark.parametrize(
    ("verified", "offered", "asked"), [(True, True, ["REQUIRETLS"]), (True, False, []), (False, True, [])]
)
def test_a_notification_goes_even_where_tls_cannot_be_required(verified: bool, offered: bool, asked: list[str]) -> None:
    """RFC 8689 §4.2.1 and §5 except mails from the null reverse-path."""
    extensions = offering("REQUIRETLS") if offered else Extensions()
    parameters = Parameters(require_tls=True)
    assert for_mail(parameters, extensions, is_verified_tls=verified, is_null_sender=True) == asked


# -- limits that the server states -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "seconds", "mode", "is_taken"),
    [
        ("DELIVERBY 240", 240, "R", True),
        ("DELIVERBY 240", 239, "R", False),
        ("DELIVERBY 240,other", 239, "R", False),
        ("DELIVERBY  240 ", 239, "R", False),
        ("DELIVERBY 240", 1, "N", True),
        ("DELIVERBY", 1, "R", True),
        ("DELIVERBY ,other", 1, "R", True),
        ("DELIVERBY x", 1, "R", True),
        ("DELIVERBY -5", 1, "R", True),
        ("DELIVERBY 1234567890", 1, "R", True),
    ],
)
def test_a_time_of_delivery_is_no_less_than_the_server_asks_for(
    line: str, seconds: int, mode: Any, is_taken: bool
) -> None:
    parameters = Parameters(deliver_by=smtp.DeliverBy(seconds, mode))
    if is_taken:
        assert for_mail(parameters, offering(line)) == [f"BY={seconds};{mode}"]
        return
    with raises(smtp.SMTPAddressError, match=f"{seconds} seconds: the server asks for at least 240"):
        for_mail(parameters, offering(line))


@pytest.mark.parametrize(
    ("line", "wish", "is_taken"),
    [
        ("FUTURERELEASE 60 2026-07-01T12:00:00Z", {"hold_for": 60}, True),
        ("FUTURERELEASE 60 2026-07-01T12:00:00Z", {"hold_for": 61}, False),
        ("FUTURERELEASE 60 2026-07-01T12:00:00Z", {"hold_until": NOON}, True),
        ("FUTURERELEASE 60 2026-07-01T14:00:00+02:00", {"hold_until": NOON}, True),
        ("FUTURERELEASE 60 2026-07-01T11:59:59Z", {"hold_until": NOON}, False),
        ("FUTURERELEASE 60", {"hold_until": NOON}, True),
        ("FUTURERELEASE 60", {"hold_for": 61}, False),
        ("FUTURERELEASE", {"hold_for": 999_999_999}, True),
        ("FUTURERELEASE 0000000060 x", {"hold_for": 61}, True),
        ("FUTURERELEASE 60 2026-07-01T00:00:00", {"hold_until": NOON}, True),
        ("FUTURERELEASE 60 2026-13-01T00:00:00Z", {"hold_until": NOON}, True),
    ],
)
def test_a_mail_is_held_no_longer_than_the_server_says(line: str, wish: dict[str, Any], is_taken: bool) -> None:
    if is_taken:
        assert len(for_mail(Parameters(**wish), offering(line))) == 1
        return
    with raises(smtp.SMTPAddressError, match=f"{next(iter(wish))} can't be .* at most"):
        for_mail(Parameters(**wish), offering(line))


@pytest.mark.parametrize("profile", ["", " MIXER", " STANAG4406", " NSEP"])
def test_a_profile_of_priorities_limits_nothing(profile: str) -> None:
    """RFC 6710 §3: a server with fewer steps takes every number, and rounds."""
    assert for_mail(Parameters(priority=7), offering(f"MT-PRIORITY{profile}")) == ["MT-PRIORITY=7"]


# -- RCPT --------------------------------------------------------------------------------------------------------------

DSN = offering("DSN")


def test_the_submission_that_rfc_3461_shows() -> None:
    """RFC 3461 §10.1."""
    assert for_mail(Parameters(ret="HDRS", envid="QQ314159"), DSN) == ["RET=HDRS", "ENVID=QQ314159"]
    shown = {
        "Bob@Example.COM": ["NOTIFY=SUCCESS", "ORCPT=rfc822;Bob@Example.COM"],
        "Carol@Ivory.EDU": ["NOTIFY=FAILURE", "ORCPT=rfc822;Carol@Ivory.EDU"],
        "Dana@Ivory.EDU": ["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;Dana@Ivory.EDU"],
        "Fred@Bombs.AF.MIL": ["NOTIFY=NEVER"],
    }
    for address, asked in shown.items():
        recipient = Recipient(address, notify=asked[0].removeprefix("NOTIFY="))
        assert rcpt_parameters(recipient, NOTHING, DSN, utf8=False) == asked


@pytest.mark.parametrize(
    ("own", "default", "asked"),
    [
        ("NEVER", None, ["NOTIFY=NEVER"]),
        ("SUCCESS,FAILURE", "NEVER", ["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;ben@example.net"]),
        ("NEVER", "DELAY", ["NOTIFY=NEVER"]),
        (None, ("DELAY", "FAILURE"), ["NOTIFY=DELAY,FAILURE", "ORCPT=rfc822;ben@example.net"]),
    ],
)
def test_a_recipients_own_wish_goes_first(own: Any, default: Any, asked: list[str]) -> None:
    ben = Recipient("ben@example.net", notify=own)
    assert rcpt_parameters(ben, Parameters(notify=default), DSN, utf8=False) == asked


@pytest.mark.parametrize(
    ("address", "utf8", "orcpt"),
    [
        ("<Ben+News@Example.net>", False, "rfc822;Ben+2BNews@Example.net"),
        ("ben@example.net", True, "rfc822;ben@example.net"),
        ("root", False, "rfc822;root"),
        ('"a b>c"@example.net', False, 'rfc822;"a+20b+3Ec"@example.net'),
        ("ben@[192.0.2.1]", False, "rfc822;ben@[192.0.2.1]"),
        ("ben@bücher.example", False, "rfc822;ben@xn--bcher-kva.example"),
        ("ben@bücher.example", True, r"utf-8;ben@b\x{FC}cher.example"),
        ("jörg@example.net", True, r"utf-8;j\x{F6}rg@example.net"),
    ],
)
def test_the_original_recipient_is_who_rcpt_names(address: str, utf8: bool, orcpt: str) -> None:
    """RFC 3461 §4.2, RFC 6533 §3."""
    assert rcpt_parameters(Recipient(address, notify="DELAY"), NOTHING, DSN, utf8=utf8) == [
        "NOTIFY=DELAY",
        f"ORCPT={orcpt}",
    ]


def test_an_original_recipient_that_was_given_is_sent_with_a_wish_or_without() -> None:
    assert rcpt_parameters(Recipient("ben@example.net", orcpt="b@example.org"), NOTHING, DSN, utf8=False) == [
        "ORCPT=rfc822;b@example.org"
    ]
    ben = Recipient("ben@example.net", notify="NEVER", orcpt="jörg@example.org")
    assert rcpt_parameters(ben, NOTHING, DSN, utf8=False) == ["NOTIFY=NEVER", r"ORCPT=utf-8;j\x{F6}rg@example.org"]


def test_an_address_that_is_too_long_for_it_is_not_repeated() -> None:
    long = Recipient("+" * 200 + "@example.net", notify="SUCCESS")
    assert rcpt_parameters(long, NOTHING, DSN, utf8=False) == ["NOTIFY=SUCCESS"]


@pytest.mark.parametrize(
    ("wish", "default", "named"),
    [
        ({"notify": "NEVER"}, None, "NOTIFY"),
        ({}, "NEVER", "NOTIFY"),
        ({}, "SUCCESS", "NOTIFY"),
        ({"orcpt": "b@example.org"}, None, "ORCPT"),
    ],
)
def test_without_dsn_no_wish_is_dropped(wish: dict[str, Any], default: Any, named: str) -> None:
    with raises(smtp.SMTPNotSupported, match=f"asks for {named}, and the server does not offer DSN"):
        rcpt_parameters(Recipient("ben@example.net", **wish), Parameters(notify=default), Extensions(), utf8=False)
