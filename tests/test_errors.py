from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import attrs
import pytest

import transfer._errors as errors
from transfer._errors import (
    AuthenticationError,
    ConnectError,
    DisconnectedError,
    ErrorFamily,
    IncompleteTransferError,
    LocalFileError,
    LocalProtocolError,
    ProtocolError,
    RemoteProtocolError,
    ReplyError,
    TLSError,
    TransferError,
    TransferTimeoutError,
    UnsupportedError,
)
from transfer._wire.reply import Reply

# Before protocol 3, pickle gives built-in exceptions the names of Python 2.
PROTOCOLS = range(3, pickle.HIGHEST_PROTOCOL + 1)

# Each class, made with everything that it takes.
EXAMPLES: list[TransferError] = [
    TransferError("a sentence", peer="h:1", retryable=True),
    TransferError(),
    ConnectError("refused", errno=111, peer="h:1"),
    DisconnectedError("lost", reply=Reply(421, ("bye",)), errno=104),
    TransferTimeoutError("no reply", phase="reply", seconds=60.0, peer="h:1"),
    TLSError("handshake failed"),
    ProtocolError("broken"),
    LocalProtocolError("holds CR"),
    RemoteProtocolError("garbage", peer="h:1"),
    UnsupportedError("not offered"),
    ReplyError("refused", reply=Reply(550, ("no",)), command="RETR x", peer="h:1"),
    AuthenticationError("refused", reply=Reply(535, ("no",)), command="AUTH ****"),
    IncompleteTransferError("cut off", transferred=10, expected=20, retryable=True),
    LocalFileError("cannot read", errno=5, strerror="Input/output error", filename="a.txt"),
]


def classes() -> set[type[TransferError]]:
    return {value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, TransferError)}


def facts_of(error: BaseException) -> dict[str, object]:
    names = {*vars(error), "args", "errno", "strerror", "filename", "retryable"}
    return {name: getattr(error, name, None) for name in names}


def test_every_class_has_an_example() -> None:
    assert classes() == {type(error) for error in EXAMPLES}
    assert {cls.__name__ for cls in classes()} | {"ErrorFamily"} == set(errors.__all__)


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickle_and_copy(error: TransferError) -> None:
    twins = [pickle.loads(pickle.dumps(error, protocol)) for protocol in PROTOCOLS]
    for twin in [*twins, copy.copy(error), copy.deepcopy(error)]:
        assert type(twin) is type(error)
        assert facts_of(twin) == facts_of(error)
        assert str(twin) == str(error)


@pytest.mark.parametrize(
    ("cls", "parents"),
    [
        (ConnectError, {ConnectionError, OSError}),
        (DisconnectedError, {ConnectionError, OSError}),
        (TransferTimeoutError, {TimeoutError, OSError}),
        (TLSError, {ConnectionError, OSError}),
        (LocalProtocolError, {ProtocolError, ValueError}),
        (RemoteProtocolError, {ProtocolError}),
        (AuthenticationError, {ReplyError}),
        (ProtocolError, set()),
        (UnsupportedError, set()),
        (ReplyError, set()),
        (IncompleteTransferError, set()),
        (LocalFileError, set()),
    ],
)
def test_each_category_has_exactly_these_parents(cls: type, parents: set[type]) -> None:
    """What an ``except`` clause catches is a promise, and so is what it does not."""
    assert set(cls.__mro__) - {cls, TransferError, Exception, BaseException, object} == parents


def test_the_root_is_a_plain_exception() -> None:
    assert TransferError.__mro__ == (TransferError, Exception, BaseException, object)


@pytest.mark.parametrize("cls", sorted(classes(), key=str))
def test_two_arguments_are_never_an_errno_and_its_text(cls: Any) -> None:
    """OSError reads two arguments so, and would choose another class by the first."""
    error = cls(2, "text")
    assert type(error) is cls
    assert error.args == (2, "text")
    assert getattr(error, "errno", None) is None
    assert str(error) == "2, text"
    assert pickle.loads(pickle.dumps(error)).args == (2, "text")


def test_the_peer_is_shown_once() -> None:
    assert str(TransferError("refused", peer="h:1")) == "refused [h:1]"
    assert str(TransferError("h:1 refused", peer="h:1")) == "h:1 refused"
    assert str(TransferError("refused")) == "refused"
    assert str(TransferError()) == ""


@pytest.mark.parametrize(
    ("error", "retryable"),
    [
        (TransferError("x"), False),
        (ConnectError("x"), True),
        (DisconnectedError("x"), True),
        (TransferTimeoutError("x"), True),
        (TLSError("x"), False),
        (LocalProtocolError("x"), False),
        (RemoteProtocolError("x"), False),
        (UnsupportedError("x"), False),
        (ReplyError("x"), False),
        (ReplyError("x", reply=Reply(399, ("",))), False),
        (ReplyError("x", reply=Reply(400, ("",))), True),
        (ReplyError("x", reply=Reply(499, ("",))), True),
        (ReplyError("x", reply=Reply(500, ("",))), False),
        (AuthenticationError("x", reply=Reply(454, ("",))), True),
        (AuthenticationError("x", reply=Reply(535, ("",))), False),
        (IncompleteTransferError("x"), False),
        (LocalFileError("x"), False),
    ],
)
def test_retryable_is_decided_by_class_and_code(error: TransferError, retryable: bool) -> None:
    assert error.retryable is retryable


@pytest.mark.parametrize("answer", [True, False])
@pytest.mark.parametrize("cls", sorted(classes(), key=str))
def test_the_raising_side_overrules_retryable(cls: Any, answer: bool) -> None:
    assert cls("x", retryable=answer).retryable is answer


@pytest.mark.parametrize("cls", [ConnectError, DisconnectedError, LocalFileError])
def test_errno_is_that_of_the_cause(cls: Any) -> None:
    try:
        try:
            raise OSError(111, "Connection refused")
        except OSError as exc:
            raise cls("refused", errno=exc.errno) from exc
    except TransferError as error:
        assert error.errno == 111  # type: ignore[attr-defined]  # of these three classes  # noqa: PT017
        assert isinstance(error.__cause__, OSError)  # noqa: PT017
        assert pickle.loads(pickle.dumps(error)).errno == 111  # noqa: PT017


def test_notes_are_kept() -> None:
    error = ConnectError("x")
    error.add_note("on the third try")
    assert pickle.loads(pickle.dumps(error)).__notes__ == ["on the third try"]


def test_the_default_family_is_the_tree_itself() -> None:
    family = ErrorFamily()
    for field in attrs.fields(ErrorFamily):
        error = getattr(family, field.name)("x", peer="h:1", retryable=False)
        assert isinstance(error, TransferError)
        assert type(error) in classes()
        assert (error.peer, error.retryable) == ("h:1", False)
