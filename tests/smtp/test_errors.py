from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

import transfer._errors as tree
from transfer._wire.reply import Reply
from transfer.smtp import _errors as errors
from transfer.smtp._report import Delivery

REFUSED = errors.SMTPRecipientRefused(550, "5.1.1 no such user", "a@x.y")
DEFERRED = errors.SMTPRecipientRefused(450, "4.2.1 later", "b@x.y")

SENTENCE = ("it went wrong",)
RESPONSE = (550, "no")
EVERY: dict[type[errors.SMTPException], tuple[Any, ...]] = {
    errors.SMTPException: SENTENCE,
    errors.SMTPServerDisconnected: SENTENCE,
    errors.SMTPConnectError: SENTENCE,
    errors.SMTPTimeoutError: SENTENCE,
    errors.SMTPConnectTimeoutError: SENTENCE,
    errors.SMTPReadTimeoutError: SENTENCE,
    errors.SMTPNotSupported: SENTENCE,
    errors.SMTPTLSError: SENTENCE,
    errors.SMTPAddressError: SENTENCE,
    errors.SMTPMessageError: SENTENCE,
    errors.SMTPDeliveryUncertain: SENTENCE,
    errors.SMTPDeliveryUncertainDisconnected: SENTENCE,
    errors.SMTPDeliveryUncertainTimeout: SENTENCE,
    errors.SMTPResponseException: RESPONSE,
    errors.SMTPConnectResponseError: RESPONSE,
    errors.SMTPHeloError: RESPONSE,
    errors.SMTPDataError: RESPONSE,
    errors.SMTPAuthenticationError: RESPONSE,
    errors.SMTPProtocolError: (-1, "nonsense"),
    errors.SMTPSenderRefused: (550, "no", "a@x.y"),
    errors.SMTPRecipientRefused: (550, "no", "a@x.y"),
    errors.SMTPRecipientsRefused: ([REFUSED],),
}

# What programs catch, as aiosmtplib's classes stand to each other; and the category that each belongs to.
PARENTS: dict[type[errors.SMTPException], tuple[type[BaseException], ...]] = {
    errors.SMTPException: (tree.TransferError,),
    errors.SMTPServerDisconnected: (errors.SMTPException, ConnectionError, tree.DisconnectedError),
    errors.SMTPConnectError: (errors.SMTPException, ConnectionError, tree.ConnectError),
    errors.SMTPTimeoutError: (errors.SMTPException, TimeoutError, tree.TransferTimeoutError),
    errors.SMTPConnectTimeoutError: (errors.SMTPTimeoutError, errors.SMTPConnectError),
    errors.SMTPReadTimeoutError: (errors.SMTPTimeoutError,),
    errors.SMTPNotSupported: (errors.SMTPException, tree.UnsupportedError),
    errors.SMTPTLSError: (errors.SMTPConnectError, tree.TLSError),
    errors.SMTPAddressError: (errors.SMTPException, tree.LocalProtocolError, ValueError),
    errors.SMTPMessageError: (errors.SMTPException, tree.LocalProtocolError, ValueError),
    errors.SMTPResponseException: (errors.SMTPException, tree.ReplyError),
    errors.SMTPConnectResponseError: (errors.SMTPResponseException, errors.SMTPConnectError),
    errors.SMTPHeloError: (errors.SMTPResponseException,),
    errors.SMTPDataError: (errors.SMTPResponseException,),
    errors.SMTPAuthenticationError: (errors.SMTPResponseException, tree.AuthenticationError),
    errors.SMTPSenderRefused: (errors.SMTPResponseException,),
    errors.SMTPRecipientRefused: (errors.SMTPResponseException,),
    errors.SMTPRecipientsRefused: (errors.SMTPException,),
    errors.SMTPProtocolError: (errors.SMTPResponseException, tree.RemoteProtocolError),
    errors.SMTPDeliveryUncertain: (errors.SMTPException,),
    errors.SMTPDeliveryUncertainDisconnected: (errors.SMTPDeliveryUncertain, errors.SMTPServerDisconnected),
    errors.SMTPDeliveryUncertainTimeout: (errors.SMTPDeliveryUncertain, errors.SMTPReadTimeoutError),
}


def made(cls: type[errors.SMTPException], **facts: Any) -> Any:
    return cls(*EVERY[cls], **facts)


def test_every_exported_class_is_tested_here() -> None:
    assert {cls.__name__ for cls in EVERY} == set(errors.__all__) - {"FAMILY"} == {cls.__name__ for cls in PARENTS}


@pytest.mark.parametrize("cls", EVERY, ids=lambda cls: cls.__name__)
def test_a_class_is_caught_by_each_of_its_names(cls: type[errors.SMTPException]) -> None:
    for parent in (*PARENTS[cls], errors.SMTPException, tree.TransferError):
        assert issubclass(cls, parent)


def test_classes_are_not_caught_by_what_they_do_not_mean() -> None:
    for cls in EVERY:
        is_lost = issubclass(cls, ConnectionError)
        assert is_lost == issubclass(cls, errors.SMTPServerDisconnected | errors.SMTPConnectError)
        assert issubclass(cls, TimeoutError) == issubclass(cls, errors.SMTPTimeoutError)


@pytest.mark.parametrize("cls", EVERY, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda exc: pickle.loads(pickle.dumps(exc))])
def test_a_copy_is_the_same_error(cls: type[errors.SMTPException], duplicate: Any) -> None:
    original = made(cls, peer="mail.example:25", retryable=True, delivery=Delivery.UNKNOWN)
    original.__cause__ = OSError("not kept")

    again = duplicate(original)

    assert type(again) is cls
    assert str(again) == str(original)
    assert again.peer == "mail.example:25"
    assert again.delivery is Delivery.UNKNOWN
    assert again.retryable is original.retryable
    assert repr(again.args) == repr(original.args) == repr(EVERY[cls])
    assert {**vars(again), "recipients": 0} == {**vars(original), "recipients": 0}


@pytest.mark.parametrize("cls", EVERY, ids=lambda cls: cls.__name__)
def test_the_arguments_are_the_ones_that_programs_pass_and_positional_only(cls: type[errors.SMTPException]) -> None:
    assert made(cls).args == EVERY[cls]
    with pytest.raises(TypeError):
        cls()  # type: ignore[call-arg]  # the point of the test
    with pytest.raises(TypeError):
        cls(message="it went wrong")  # type: ignore[call-arg]  # the same


def test_the_facts_are_attributes() -> None:
    sender = errors.SMTPSenderRefused(550, "no", "a@x.y")

    assert (sender.code, sender.message, sender.sender) == (550, "no", "a@x.y")
    assert (REFUSED.code, REFUSED.message, REFUSED.recipient) == (550, "5.1.1 no such user", "a@x.y")
    assert errors.SMTPException("it").message == "it"
    both = errors.SMTPRecipientsRefused([REFUSED, DEFERRED])
    assert both.recipients == [REFUSED, DEFERRED]
    assert both.message == "All recipients were refused"


def test_network_facts_survive_under_the_names_of_smtp() -> None:
    lost = errors.SMTPServerDisconnected("lost", reply=Reply(421, ("idle",)), errno=104, peer="x:25")
    late = errors.SMTPReadTimeoutError("late", phase="reply", seconds=5.0)
    late_connect = errors.SMTPConnectTimeoutError("late", phase="connect", seconds=5.0, errno=110)

    assert (lost.errno, str(lost.reply), str(lost)) == (104, "421 idle", "lost [x:25]")
    assert (late.phase, late.seconds) == ("reply", 5.0)
    assert (late_connect.phase, late_connect.errno) == ("connect", 110)
    assert pickle.loads(pickle.dumps(lost)).errno == 104


@pytest.mark.parametrize(
    ("exc", "text"),
    [
        (errors.SMTPException("it went wrong"), "it went wrong"),
        (errors.SMTPDataError(552, "5.2.2 full"), "552 5.2.2 full"),
        (errors.SMTPDataError(552, ""), "552"),
        (errors.SMTPDataError(552, "full", command="DATA"), "DATA was answered: 552 full"),
        (REFUSED, "550 5.1.1 no such user"),
        (
            errors.SMTPRecipientsRefused([REFUSED, DEFERRED]),
            "All recipients were refused (a@x.y: 550 5.1.1 no such user; b@x.y: 450 4.2.1 later)",
        ),
        (
            errors.SMTPRecipientsRefused([REFUSED] * 200),
            f"All recipients were refused ({'a@x.y: 550 5.1.1 no such user; ' * 5}and 195 more)",
        ),
        (errors.SMTPRecipientsRefused([]), "All recipients were refused: none was given"),
        (errors.SMTPProtocolError(-1, "reply holds a NUL", peer="x:25"), "reply holds a NUL [x:25]"),
    ],
)
def test_an_error_reads_as_a_sentence(exc: errors.SMTPException, text: str) -> None:
    assert str(exc) == text


@pytest.mark.parametrize(
    ("exc", "retryable"),
    [
        (errors.SMTPException("x"), False),
        (errors.SMTPConnectError("x"), True),
        (errors.SMTPServerDisconnected("x"), True),
        (errors.SMTPReadTimeoutError("x"), True),
        (errors.SMTPConnectTimeoutError("x"), True),
        (errors.SMTPTLSError("x"), False),
        (errors.SMTPNotSupported("x"), False),
        (errors.SMTPAddressError("x"), False),
        (errors.SMTPMessageError("x"), False),
        (errors.SMTPConnectResponseError(421, "busy"), True),
        (errors.SMTPConnectResponseError(554, "no"), False),
        (errors.SMTPAuthenticationError(454, "later"), True),
        (errors.SMTPAuthenticationError(432, "later"), True),
        (errors.SMTPAuthenticationError(535, "wrong"), False),
        (errors.SMTPDataError(451, "later"), True),
        (errors.SMTPDataError(554, "no"), False),
        (errors.SMTPProtocolError(-1, "x"), False),
        (errors.SMTPRecipientsRefused([DEFERRED, DEFERRED]), True),
        (errors.SMTPRecipientsRefused([DEFERRED, REFUSED]), False),
        (errors.SMTPRecipientsRefused([]), False),
        (errors.SMTPDeliveryUncertainDisconnected("x"), False),
        (errors.SMTPDeliveryUncertainTimeout("x"), False),
        (errors.SMTPDeliveryUncertainTimeout("x", retryable=True), False),
        (errors.SMTPDataError(554, "no", retryable=True), True),
        (errors.SMTPDataError(451, "later", retryable=False), False),
    ],
)
def test_an_error_knows_whether_to_try_again(exc: errors.SMTPException, retryable: bool) -> None:
    assert exc.retryable is retryable


@pytest.mark.parametrize(
    ("exc", "delivery"),
    [
        (errors.SMTPServerDisconnected("x"), Delivery.NOT_SENT),
        (errors.SMTPDataError(451, "later"), Delivery.REFUSED),
        (errors.SMTPProtocolError(-1, "x"), Delivery.NOT_SENT),
        (errors.SMTPRecipientsRefused([REFUSED]), Delivery.REFUSED),
        (errors.SMTPDeliveryUncertainTimeout("x"), Delivery.UNKNOWN),
        (errors.SMTPNotSupported("x"), Delivery.NOT_SENT),
    ],
)
def test_an_error_knows_the_mails_fate(exc: errors.SMTPException, delivery: Delivery) -> None:
    assert exc.delivery is delivery


def test_the_family_makes_smtp_errors_of_every_category() -> None:
    family = errors.FAMILY
    for make, category in (
        (family.connect, tree.ConnectError),
        (family.connect_timeout, tree.TransferTimeoutError),
        (family.disconnected, tree.DisconnectedError),
        (family.timeout, tree.TransferTimeoutError),
        (family.tls, tree.TLSError),
        (family.local_protocol, tree.LocalProtocolError),
        (family.remote_protocol, tree.RemoteProtocolError),
    ):
        exc = make("x", peer="y:25")
        assert isinstance(exc, errors.SMTPException)
        assert isinstance(exc, category)
        assert str(exc) == "x [y:25]"
