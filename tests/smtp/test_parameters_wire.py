"""What is asked of a server, on the wire: the lines of MAIL and RCPT, and silence where it can't be asked for."""

from __future__ import annotations

import datetime as dt
import ssl
from typing import Any

import pytest

from tests.peers import ScriptedPeer, Step, start_tls
from tests.smtp.support import (
    DATA,
    GO_ON,
    MAIL,
    MESSAGE,
    PARTING,
    RECIPIENT,
    SENDER,
    TEXT,
    client_of,
    letter,
    offer,
    opening,
    raises,
    rcpt,
    said,
)
from transfer import smtp
from transfer.smtp import DeliverBy, Mail, Parameters, Recipient

OK = b"250 ok"
BEN = rcpt(RECIPIENT.encode())
TAKEN = [*said(GO_ON), *said((MESSAGE.removesuffix(b"\r\n"), b"250 2.0.0 queued"))]
EVERYTHING = (b"DSN", b"DELIVERBY 60", b"FUTURERELEASE 3600 2026-07-01T12:00:00Z", b"MT-PRIORITY MIXER", b"REQUIRETLS")
NOON = dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC)


def mail(recipients: Any = RECIPIENT, **options: Any) -> Mail:
    return Mail(TEXT, **({"sender": SENDER, "recipients": recipients} | options))


async def deliver(peer: ScriptedPeer, mail: Mail, **options: Any) -> smtp.Report:
    async with client_of(peer, **options) as client:
        return await client.deliver(mail)


# -- MAIL and RCPT -----------------------------------------------------------------------------------------------------


async def test_the_submission_that_rfc_3461_shows(peer: ScriptedPeer) -> None:
    """RFC 3461 §10.1."""
    peer.script(
        *opening(b"DSN"),
        *said(
            (b"MAIL FROM:<Alice@Example.ORG> RET=HDRS ENVID=QQ314159", OK),
            (b"RCPT TO:<Bob@Example.COM> NOTIFY=SUCCESS ORCPT=rfc822;Bob@Example.COM", OK),
            (b"RCPT TO:<Carol@Ivory.EDU> NOTIFY=FAILURE ORCPT=rfc822;Carol@Ivory.EDU", b"550 5.1.1 no such recipient"),
            (b"RCPT TO:<Dana@Ivory.EDU> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Dana@Ivory.EDU", OK),
            (b"RCPT TO:<Fred@Bombs.AF.MIL> NOTIFY=NEVER", OK),
        ),
        *TAKEN,
        *PARTING,
    )
    recipients = [
        Recipient("Bob@Example.COM", notify="SUCCESS"),
        "Carol@Ivory.EDU",
        Recipient("Dana@Ivory.EDU", notify=["SUCCESS", "FAILURE"]),
        Recipient("Fred@Bombs.AF.MIL", notify=smtp.Notify.NEVER),
    ]
    parameters = Parameters(ret="HDRS", envid="QQ314159", notify="FAILURE")
    report = await deliver(peer, mail(recipients, sender="Alice@Example.ORG", parameters=parameters))

    assert report.delivery is smtp.Delivery.ACCEPTED
    assert [(one.address, one.enhanced_code) for one in report.refused] == [("Carol@Ivory.EDU", (5, 1, 1))]


async def test_recipients_in_headers_have_the_mails_wishes(peer: ScriptedPeer) -> None:
    peer.script(
        *opening(b"DSN"),
        *said(
            (MAIL, OK),
            (BEN + b" NOTIFY=DELAY ORCPT=rfc822;ben@example.net", OK),
            (rcpt(b"carol@xn--bcher-kva.example") + b" NOTIFY=DELAY ORCPT=rfc822;carol@xn--bcher-kva.example", OK),
            (DATA, b"554 no"),
            (b"RSET", OK),
        ),
        *PARTING,
    )
    message = letter(To=f"Ben <{RECIPIENT}>, =?utf-8?q?J=C3=B6rg?= <ben@example.net>", Bcc="carol@bücher.example")
    with raises(smtp.SMTPDataError):
        await deliver(peer, Mail(message, parameters=Parameters(notify="DELAY"), recipients=None))


@pytest.mark.parametrize(
    ("parameters", "asked"),
    [
        (Parameters(deliver_by=DeliverBy(120, "N", trace=True)), b" BY=120;NT"),
        (Parameters(hold_for=60, priority=-4), b" HOLDFOR=60 MT-PRIORITY=-4"),
        (Parameters(hold_until=NOON), b" HOLDUNTIL=2026-07-01T12:00:00Z"),
        (Parameters(envid="a > b+"), b" ENVID=a+20+3E+20b+2B"),
        (Parameters(), b""),
    ],
    ids=str,
)
async def test_what_is_offered_is_asked_for(peer: ScriptedPeer, parameters: Parameters, asked: bytes) -> None:
    peer.script(*opening(*EVERYTHING), *said((MAIL + asked, OK), (BEN, OK)), *TAKEN, *PARTING)
    await deliver(peer, mail(parameters=parameters))


async def test_raw_options_win_and_no_keyword_comes_twice(peer: ScriptedPeer) -> None:
    peer.script(
        *opening(b"DSN"),
        *said((MAIL + b" RET=FULL ENVID=x XTRA", OK), (BEN + b" NOTIFY=NEVER ORCPT=rfc822;ben@example.net", OK)),
        *TAKEN,
        *PARTING,
    )
    await deliver(
        peer,
        mail(
            parameters=Parameters(ret="HDRS", envid="x", notify="DELAY"),
            mail_options=["RET=FULL", "XTRA"],
            rcpt_options=["NOTIFY=NEVER"],
        ),
    )


# -- nothing is written ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offered", "wishes", "error", "named"),
    [
        ((), {"parameters": Parameters(ret="FULL")}, smtp.SMTPNotSupported, "DSN"),
        ((), {"parameters": Parameters(envid="x")}, smtp.SMTPNotSupported, "DSN"),
        ((), {"parameters": Parameters(notify="NEVER")}, smtp.SMTPNotSupported, "DSN"),
        ((), {"recipients": ["a@b.org", Recipient(RECIPIENT, notify="NEVER")]}, smtp.SMTPNotSupported, "DSN"),
        ((), {"recipients": Recipient(RECIPIENT, orcpt="a@b.org")}, smtp.SMTPNotSupported, "DSN"),
        ((), {"parameters": Parameters(deliver_by=DeliverBy(60))}, smtp.SMTPNotSupported, "DELIVERBY"),
        ((), {"parameters": Parameters(hold_for=60)}, smtp.SMTPNotSupported, "FUTURERELEASE"),
        ((), {"parameters": Parameters(hold_until=NOON)}, smtp.SMTPNotSupported, "FUTURERELEASE"),
        ((), {"parameters": Parameters(priority=0)}, smtp.SMTPNotSupported, "MT-PRIORITY"),
        ((), {"parameters": Parameters(require_tls=True)}, smtp.SMTPNotSupported, "REQUIRETLS"),
        (EVERYTHING, {"parameters": Parameters(require_tls=True)}, smtp.SMTPNotSupported, "REQUIRETLS"),
        (EVERYTHING, {"parameters": Parameters(deliver_by=DeliverBy(59))}, smtp.SMTPAddressError, "at least 60"),
        (EVERYTHING, {"parameters": Parameters(hold_for=3601)}, smtp.SMTPAddressError, "3600 at most"),
        (
            EVERYTHING,
            {"parameters": Parameters(hold_until=NOON + dt.timedelta(seconds=1))},
            smtp.SMTPAddressError,
            "2026-07-01 12:00:00.00:00 at most",
        ),
    ],
)
@pytest.mark.parametrize("pipelining", [(), (b"PIPELINING",)], ids=["lock-step", "pipelining"])
async def test_what_cannot_be_asked_for_stops_the_mail_and_not_the_connection(
    peer: ScriptedPeer,
    offered: tuple[bytes, ...],
    wishes: dict[str, Any],
    error: type[smtp.SMTPException],
    named: str,
    pipelining: tuple[bytes, ...],
) -> None:
    peer.script(*opening(b"SIZE", *pipelining, *offered), *PARTING)
    async with client_of(peer) as client:
        with raises(error, match=named) as caught:
            await client.deliver(mail(**wishes))
        assert client.is_connected

    assert caught.value.delivery is smtp.Delivery.NOT_SENT


# -- REQUIRETLS --------------------------------------------------------------------------------------------------------


def secured(context: ssl.SSLContext, *keywords: bytes) -> list[Step]:
    """The beginning of a connection whose server offers REQUIRETLS in clear, and *keywords* inside TLS."""
    clear = opening(b"STARTTLS", b"REQUIRETLS")
    return [*clear, *said((b"STARTTLS", b"220 go")), start_tls(context), *offer(*keywords)]


async def test_tls_is_required_of_others_over_verified_tls(
    peer: ScriptedPeer, server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    steps = secured(server_tls_context, b"REQUIRETLS")
    peer.script(*steps, *said((MAIL + b" REQUIRETLS", OK), (BEN, OK)), *TAKEN, *PARTING)
    report = await deliver(peer, mail(parameters=Parameters(require_tls=True)), tls_context=client_tls_context)

    assert report.delivery is smtp.Delivery.ACCEPTED


@pytest.mark.parametrize(
    ("offered", "options"),
    [((b"REQUIRETLS",), {"validate_certs": False}), ((), {})],
    ids=["certificate not verified", "not offered inside TLS"],
)
async def test_tls_is_not_required_of_others_without(
    peer: ScriptedPeer,
    server_tls_context: ssl.SSLContext,
    client_tls_context: ssl.SSLContext,
    offered: tuple[bytes, ...],
    options: dict[str, Any],
) -> None:
    """RFC 8689 §2: each condition by itself; what the server offered in clear does not count."""
    peer.script(*secured(server_tls_context, *offered), *PARTING)
    with raises(smtp.SMTPNotSupported, match="REQUIRETLS"):
        await deliver(
            peer,
            mail(parameters=Parameters(require_tls=True)),
            **(options or {"tls_context": client_tls_context}),
        )


async def test_a_notification_is_sent_although_tls_cannot_be_required(peer: ScriptedPeer) -> None:
    """RFC 8689 §4.2.1, §5."""
    peer.script(*opening(), *said((b"MAIL FROM:<>", OK), (BEN, OK)), *TAKEN, *PARTING)
    await deliver(peer, mail(sender="", parameters=Parameters(require_tls=True)))
