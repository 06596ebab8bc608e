"""Every exception that programs know is raised by the client for its reason, and caught under each of its names."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiosmtplib
import anyio
import attrs
import pytest

import transfer
from tests.peers import CLOSE, HANG, MiniSMTP
from tests.smtp.support import LONG, RECIPIENT, SENDER, SHORT, SOME, TEXT, client_of, hurry, letter
from transfer import smtp

Call = Callable[[smtp.SMTP], Awaitable[object]]


@attrs.frozen
class Reason:
    """Why *error* is raised: what the server answers, and what the program asks of a client that may be connected."""

    error: type[smtp.SMTPException]
    call: Call
    replies: Mapping[str, str] = attrs.field(factory=dict)
    options: Mapping[str, Any] = attrs.field(factory=dict, kw_only=True)
    connected: bool = attrs.field(default=True, kw_only=True)


def connect(client: smtp.SMTP) -> Awaitable[object]:
    return client.connect()


def sendmail(client: smtp.SMTP) -> Awaitable[object]:
    return client.sendmail(SENDER, [RECIPIENT, "carl@x"], TEXT)


async def sendmail_in_a_hurry(client: smtp.SMTP) -> None:
    hurry(client, termination=SHORT)
    await sendmail(client)


async def raise_the_single_refusal(client: smtp.SMTP) -> None:
    """What a program does that wants the errors of single recipients."""
    try:
        await sendmail(client)
    except smtp.SMTPRecipientsRefused as exc:
        raise exc.recipients[-1] from exc


async def close_meanwhile(client: smtp.SMTP) -> None:
    async def close() -> None:
        await anyio.sleep(SHORT)
        client.close()

    error: smtp.SMTPException | None = None
    async with anyio.create_task_group() as group:
        group.start_soon(close)
        try:
            await client.noop()
        except smtp.SMTPException as exc:
            error = exc
    if error is not None:
        raise error


LAZY = {"start_tls": False}
QUICK = {"timeout": SHORT}
REFUSED_PORT = {"hostname": "127.0.0.1", "port": 1}
REASONS: dict[str, Reason] = {
    "connected already": Reason(smtp.SMTPException, connect),
    "never connected": Reason(smtp.SMTPServerDisconnected, lambda client: client.noop(), connected=False),
    "lost at a command": Reason(smtp.SMTPServerDisconnected, lambda client: client.noop(), {"NOOP": CLOSE}),
    "lost at MAIL": Reason(smtp.SMTPServerDisconnected, sendmail, {"MAIL": CLOSE}),
    "lost at DATA": Reason(smtp.SMTPServerDisconnected, sendmail, {"DATA": CLOSE}),
    "lost at EHLO": Reason(smtp.SMTPServerDisconnected, connect, {"EHLO": CLOSE}, connected=False),
    "closed meanwhile": Reason(smtp.SMTPServerDisconnected, close_meanwhile, {"NOOP": HANG}),
    "lost after the dot": Reason(smtp.SMTPDeliveryUncertainDisconnected, sendmail, {".": CLOSE}),
    "nobody listens": Reason(smtp.SMTPConnectError, connect, options=REFUSED_PORT, connected=False),
    "no such host": Reason(smtp.SMTPConnectError, connect, options={"hostname": "name.invalid"}, connected=False),
    "no such socket": Reason(
        smtp.SMTPConnectError,
        connect,
        options={"hostname": None, "port": None, "socket_path": "/nowhere/smtp"},
        connected=False,
    ),
    "closed at once": Reason(smtp.SMTPConnectError, connect, {"GREETING": CLOSE}, connected=False),
    "no greeting": Reason(smtp.SMTPConnectTimeoutError, connect, {"GREETING": HANG}, options=QUICK, connected=False),
    "no handshake": Reason(
        smtp.SMTPConnectTimeoutError,
        connect,
        {"GREETING": HANG},
        options={"use_tls": True, "timeout": SHORT},
        connected=False,
    ),
    "no answer to EHLO": Reason(
        smtp.SMTPReadTimeoutError, connect, {"EHLO": HANG}, options={"timeout": SOME}, connected=False
    ),
    "no answer": Reason(smtp.SMTPReadTimeoutError, lambda client: client.noop(timeout=SHORT), {"NOOP": HANG}),
    "no answer to DATA": Reason(
        smtp.SMTPReadTimeoutError, lambda client: client.data("x", timeout=SHORT), {"DATA": HANG}
    ),
    "no answer to the dot": Reason(
        smtp.SMTPDeliveryUncertainTimeout,
        sendmail_in_a_hurry,
        {".": HANG},
    ),
    "STARTTLS not offered": Reason(smtp.SMTPNotSupported, connect, options={"start_tls": True}, connected=False),
    "AUTH not offered": Reason(smtp.SMTPNotSupported, lambda client: client.login("anna", "secret")),
    "SMTPUTF8 not offered": Reason(
        smtp.SMTPNotSupported, lambda client: client.sendmail("grün@x", RECIPIENT, TEXT), {"EHLO": "250 plain"}
    ),
    "greeted with 554": Reason(smtp.SMTPConnectResponseError, connect, {"GREETING": "554 no"}, connected=False),
    "greeted with 421": Reason(smtp.SMTPConnectResponseError, connect, {"GREETING": "421 full"}, connected=False),
    "EHLO and HELO refused": Reason(smtp.SMTPHeloError, connect, {"EHLO": "550 no", "HELO": "550 no"}, connected=False),
    "EHLO put off": Reason(
        smtp.SMTPHeloError, lambda client: client.ehlo(), {"EHLO": "450 later"}, options={"start_tls": False}
    ),
    "a command refused": Reason(smtp.SMTPResponseException, lambda client: client.noop(), {"NOOP": "500 no"}),
    "VRFY refused": Reason(smtp.SMTPResponseException, lambda client: client.vrfy("ben"), {"VRFY": "502 no"}),
    "QUIT refused": Reason(smtp.SMTPResponseException, lambda client: client.quit(), {"QUIT": "500 no"}),
    "STARTTLS refused": Reason(
        smtp.SMTPResponseException,
        connect,
        {"EHLO": "250 mini\nSTARTTLS", "STARTTLS": "454 no"},
        connected=False,
    ),
    "login refused": Reason(
        smtp.SMTPAuthenticationError,
        lambda client: client.login("anna", "wrong"),
        {"EHLO": "250 mini\nAUTH PLAIN LOGIN", "AUTH": "535 5.7.8 no"},
    ),
    "login put off": Reason(
        smtp.SMTPAuthenticationError,
        connect,
        {"EHLO": "250 mini\nAUTH PLAIN", "AUTH": "454 later"},
        options={"username": "anna", "password": "secret"},
        connected=False,
    ),
    "sender refused": Reason(smtp.SMTPSenderRefused, sendmail, {"MAIL": "550 no"}),
    "MAIL refused": Reason(smtp.SMTPSenderRefused, lambda client: client.mail(SENDER), {"MAIL": "550 no"}),
    "RCPT refused": Reason(smtp.SMTPRecipientRefused, lambda client: client.rcpt("carl@x"), {"RCPT": "550 no"}),
    "one of all refused": Reason(smtp.SMTPRecipientRefused, raise_the_single_refusal, {"RCPT": "550 no"}),
    "all refused": Reason(smtp.SMTPRecipientsRefused, sendmail, {"RCPT": "550 no"}),
    "all put off": Reason(smtp.SMTPRecipientsRefused, sendmail, {"RCPT": "450 later"}),
    "nobody to refuse": Reason(smtp.SMTPRecipientsRefused, lambda client: client.sendmail(SENDER, [], TEXT)),
    "DATA refused": Reason(smtp.SMTPDataError, sendmail, {"DATA": "554 no"}),
    "message refused": Reason(smtp.SMTPDataError, sendmail, {".": "552 no"}),
    "garbage": Reason(smtp.SMTPProtocolError, lambda client: client.noop(), {"NOOP": "600 what"}),
    "garbage for a greeting": Reason(
        smtp.SMTPProtocolError, connect, {"GREETING": "HTTP/1.1 400 what"}, connected=False
    ),
    "an answer out of turn": Reason(smtp.SMTPProtocolError, sendmail, {"MAIL": "354 go on"}),
    "garbage after the dot": Reason(smtp.SMTPDeliveryUncertain, sendmail, {".": "what?"}),
    "plain text for a handshake": Reason(smtp.SMTPTLSError, connect, options={"use_tls": True}, connected=False),
    "no certificate file": Reason(smtp.SMTPTLSError, connect, options={"cert_bundle": "/nowhere.pem"}, connected=False),
    "no address": Reason(smtp.SMTPAddressError, lambda client: client.sendmail("a b", RECIPIENT, TEXT)),
    "a line break": Reason(smtp.SMTPAddressError, lambda client: client.execute_command(b"NOOP\r\nRSET")),
    "no sender": Reason(smtp.SMTPMessageError, lambda client: client.send_message(letter(From=""))),
}


@pytest.fixture(params=REASONS)
def reason(request: pytest.FixtureRequest) -> Reason:
    return REASONS[request.param]


async def caught_for(reason: Reason) -> smtp.SMTPException:
    with MiniSMTP() as server:
        server.replies.update(reason.replies)
        client = client_of(server, **({"timeout": LONG} | dict(reason.options)))
        if reason.connected:
            await client.connect()
        try:
            with pytest.raises(smtp.SMTPException) as info:
                await reason.call(client)
        finally:
            client.close()
    return info.value


async def test_the_reason_has_its_class(reason: Reason) -> None:
    error = await caught_for(reason)

    assert type(error) is reason.error, repr(error)
    assert isinstance(error, transfer.TransferError)
    for name in names_known_to_programs(type(error)):
        assert isinstance(error, name)
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert (type(again), repr(again), str(again)) == (type(error), repr(error), str(error))
        assert again.retryable is error.retryable
        assert again.delivery is error.delivery
    check_facts(error)


def names_known_to_programs(kind: type[smtp.SMTPException]) -> list[type[BaseException]]:
    """What aiosmtplib's class of the same name is caught by; for our own classes, its nearest ancestor's."""
    theirs = next(found for name in kind.__mro__ if (found := getattr(aiosmtplib, name.__name__, None)) is not None)
    return [getattr(smtp, name.__name__, name) for name in theirs.__mro__[:-1]]


def check_facts(error: smtp.SMTPException) -> None:
    """The attributes that programs read."""
    assert error.message
    assert str(error)
    if isinstance(error, smtp.SMTPResponseException):
        assert error.args[:2] == (error.code, error.message)
    if isinstance(error, smtp.SMTPSenderRefused):
        assert error.sender == SENDER
    if isinstance(error, smtp.SMTPRecipientRefused):
        assert error.recipient == "carl@x"
    if isinstance(error, smtp.SMTPTimeoutError):
        assert error.phase
        assert error.seconds in {SHORT, SOME}
    if isinstance(error, smtp.SMTPRecipientsRefused):
        assert all(type(one) is smtp.SMTPRecipientRefused for one in error.recipients)
    if isinstance(error, smtp.SMTPDeliveryUncertain):
        assert not error.retryable
        assert error.delivery is smtp.Delivery.UNKNOWN


def test_every_class_has_a_reason() -> None:
    """SMTPTimeoutError stands over its two kinds and is not raised by itself."""
    raised = {reason.error.__name__ for reason in REASONS.values()}
    known = {name for name in (*dir(aiosmtplib), *smtp.__all__) if isinstance(getattr(smtp, name, None), type)}
    errors = {name for name in known if issubclass(getattr(smtp, name), Exception)}

    assert errors - raised == {"SMTPTimeoutError"}
    assert raised <= errors


@pytest.mark.parametrize("name", [name for name in dir(aiosmtplib) if name.startswith("SMTP")])
def test_every_exception_of_existing_programs_is_there(name: str) -> None:
    theirs = getattr(aiosmtplib, name)
    if isinstance(theirs, type) and issubclass(theirs, Exception):
        assert issubclass(getattr(smtp, name), smtp.SMTPException)
