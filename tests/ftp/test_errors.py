from __future__ import annotations

import copy
import inspect
import pickle
import sys
import threading
from typing import Any

import pytest

import transfer._errors as root
import transfer.ftp._errors as errors
from transfer._errors import TransferError
from transfer._wire.reply import Reply
from transfer.ftp._code import Code
from transfer.ftp._errors import (
    FAMILY,
    AIOFTPException,
    FTPAuthenticationError,
    FTPConnectError,
    FTPDisconnected,
    FTPException,
    FTPIncompleteTransfer,
    FTPNotSupported,
    FTPProtocolError,
    FTPTimeoutError,
    FTPTLSError,
    InvalidCommand,
    MirrorRefused,
    NoAvailablePort,
    PathIOError,
    PathIsNotAbsolute,
    StatusCodeError,
)

REFUSAL = Reply(550, ("no such file",))
CAUSE = FileNotFoundError(2, "No such file or directory", "a.txt")


def refused(
    code: str, text: str = "no", kind: type[StatusCodeError] = StatusCodeError, **facts: Any
) -> StatusCodeError:
    return kind(("2xx",), (Code(code),), [f" {text}"], **facts)


# Before protocol 3, pickle gives built-in exceptions the names of Python 2.
PROTOCOLS = range(3, pickle.HIGHEST_PROTOCOL + 1)

# Each class, made with everything that it takes.
EXAMPLES: list[FTPException] = [
    FTPException("a sentence", peer="h:21", retryable=True),
    refused("550", reply=REFUSAL, command="RETR a.txt", peer="h:21"),
    StatusCodeError("226", "550", "one string"),
    StatusCodeError(("226", "250"), (Code("150"), Code("426")), ["-a", " b"], retryable=False),
    refused("530", kind=FTPAuthenticationError, command="PASS ****"),
    FTPConnectError("refused", errno=111, peer="h:21"),
    FTPDisconnected("lost", reply=Reply(421, ("bye",)), errno=104),
    FTPTimeoutError("no reply", phase="reply", seconds=60.0),
    FTPTLSError("handshake failed", peer="h:990", errno=1),
    FTPProtocolError("garbage", peer="h:21"),
    FTPNotSupported("MLSD"),
    FTPIncompleteTransfer("cut off", transferred=10, expected=20, retryable=True),
    PathIsNotAbsolute("a/b"),
    PathIOError("cannot read", errno=5, strerror="Input/output error", filename="a.txt"),
    PathIOError(reason=(FileNotFoundError, CAUSE, None)),
    NoAvailablePort(),
    NoAvailablePort("none of 2 ports", errno=98),
    InvalidCommand("argument of RETR holds CR"),
    MirrorRefused("too much would go"),
]


def facts_of(error: BaseException) -> dict[str, object]:
    """Everything that a program can read from *error*; exceptions within have no equality of their own."""
    names = {*vars(error), "args", "errno", "strerror", "filename", "retryable"}
    values = {name: getattr(error, name, None) for name in names}
    reason = values.pop("reason", None)
    assert reason is None or isinstance(reason, tuple)
    return {**values, "reason": reason and (reason[0], reason[1].args, reason[2])}


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickle_and_copy(error: FTPException) -> None:
    twins = [pickle.loads(pickle.dumps(error, protocol)) for protocol in PROTOCOLS]
    for twin in [*twins, copy.copy(error), copy.deepcopy(error)]:
        assert type(twin) is type(error)
        assert facts_of(twin) == facts_of(error)
        assert str(twin) == str(error)


def test_every_class_has_an_example() -> None:
    classes = {value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, FTPException)}
    assert classes == {type(error) for error in EXAMPLES}
    assert {cls.__name__ for cls in classes} | {"AIOFTPException", "FAMILY"} == set(errors.__all__)


@pytest.mark.parametrize(
    ("cls", "parents"),
    [
        (FTPException, [TransferError]),
        (StatusCodeError, [FTPException, root.ReplyError]),
        (FTPAuthenticationError, [StatusCodeError, root.AuthenticationError]),
        (FTPConnectError, [FTPException, root.ConnectError, ConnectionError, OSError]),
        (FTPDisconnected, [FTPException, root.DisconnectedError, ConnectionError, OSError]),
        (FTPTimeoutError, [FTPException, root.TransferTimeoutError, TimeoutError, OSError]),
        (FTPTLSError, [FTPConnectError, root.TLSError, ConnectionError, OSError]),
        (FTPProtocolError, [FTPException, root.RemoteProtocolError, root.ProtocolError]),
        (FTPNotSupported, [FTPException, root.UnsupportedError]),
        (FTPIncompleteTransfer, [FTPException, root.IncompleteTransferError]),
        (PathIsNotAbsolute, [FTPException, root.LocalProtocolError, ValueError]),
        (PathIOError, [FTPException, root.LocalFileError]),
        (NoAvailablePort, [FTPException, OSError]),
        (InvalidCommand, [FTPException, root.LocalProtocolError, ValueError]),
        (MirrorRefused, [FTPException, root.LocalProtocolError, ValueError]),
    ],
)
def test_each_class_is_a_child_of_the_categories_it_means(cls: type, parents: list[type]) -> None:
    assert [parent for parent in parents if not issubclass(cls, parent)] == []


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_the_categories_exclude_each_other(error: FTPException) -> None:
    """A file's error is no connection's, so that ``except ConnectionError`` retries nothing that is local."""
    if isinstance(error, root.LocalFileError | root.ProtocolError | root.ReplyError | root.UnsupportedError):
        assert not isinstance(error, OSError)


def test_the_base_has_the_name_that_programs_catch() -> None:
    assert AIOFTPException is FTPException


def test_a_status_code_error_has_the_known_constructor_and_attributes() -> None:
    error = StatusCodeError(("2xx", "33x"), ("550",), ["-no", " such file"])
    assert error.expected_codes == ("2xx", "33x")
    assert error.received_codes == ("550",)
    assert error.info == ["-no", " such file"]
    assert all(isinstance(code, Code) for code in error.expected_codes + error.received_codes)
    assert error.args == (("2xx", "33x"), ("550",), ["-no", " such file"])
    by_name = StatusCodeError(expected_codes="2xx", received_codes=Code("550"), info="text")
    assert (by_name.expected_codes, by_name.received_codes, by_name.info) == (("2xx",), ("550",), "text")


def test_the_sentence_says_what_was_expected_and_what_came() -> None:
    error = refused("550", "no such file", command="RETR a.txt", peer="h:21")
    assert str(error) == "RETR a.txt was answered 550 no such file (expected 2xx) [h:21]"
    assert str(StatusCodeError(("226", "250"), "426", "cut")) == "received 426 cut (expected 226 or 250)"
    assert str(StatusCodeError((), "426", "cut")) == "received 426 cut (expected another reply)"
    assert str(StatusCodeError("2xx", (), "")) == "received   (expected 2xx)"


@pytest.mark.parametrize(
    ("error", "retryable"),
    [
        (FTPException("x"), False),
        (refused("421"), True),
        (refused("425"), True),
        (refused("450"), True),
        (refused("499"), True),
        (refused("500"), False),
        (refused("550"), False),
        (refused("226"), False),
        (StatusCodeError("2xx", (Code("550"), Code("450")), ""), True),
        (StatusCodeError("2xx", (Code("450"), Code("550")), ""), False),
        (StatusCodeError("2xx", (), ""), False),
        (StatusCodeError("2xx", "abc", ""), False),
        (refused("530", "Too many connections from this address"), True),
        (refused("530", "Sorry, the maximum number of clients (50) are already connected."), True),
        (refused("530", "User limit reached, try again later"), True),
        (refused("530", "Login incorrect."), False),
        (refused("530", "Too many login attempts"), False),
        (refused("530", "Maximum number of failed logins reached"), False),
        (refused("530", "no", FTPAuthenticationError), False),
        (refused("430", "try later", FTPAuthenticationError), True),
        (refused("550", "too many connections"), False),
        (FTPConnectError("x"), True),
        (FTPDisconnected("x"), True),
        (FTPTimeoutError("x"), True),
        (FTPTLSError("x"), False),
        (FTPProtocolError("x"), False),
        (FTPNotSupported("x"), False),
        (FTPIncompleteTransfer("x"), False),
        (PathIsNotAbsolute("x"), False),
        (PathIOError("x"), False),
        (NoAvailablePort("x"), False),
        (InvalidCommand("x"), False),
    ],
)
def test_retryable_is_decided_by_class_and_code(error: FTPException, retryable: bool) -> None:
    assert error.retryable is retryable


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_the_raising_side_overrules_retryable(error: FTPException) -> None:
    for answer in (True, False):
        twin = copy.copy(error)
        twin.__init__(*error.args, retryable=answer)  # type: ignore[misc]  # the same object, made anew
        assert twin.retryable is answer


def test_a_path_error_takes_the_facts_of_its_reason() -> None:
    try:
        raise CAUSE
    except FileNotFoundError:
        info = sys.exc_info()
    assert info[0] is not None
    error = PathIOError(reason=info)
    assert (error.errno, error.strerror, error.filename) == (2, "No such file or directory", "a.txt")
    assert error.reason == info
    assert error.args == ()
    assert str(error) == str(CAUSE)
    assert PathIOError("mine", errno=5, reason=info).errno == 5
    assert str(PathIOError("mine", reason=info)) == "mine"
    assert str(PathIOError()) == "path operation failed"


def test_a_reason_that_is_no_os_error_has_no_errno() -> None:
    error = PathIOError(reason=(RuntimeError, RuntimeError("x"), None))
    assert (error.errno, error.strerror, error.filename, str(error)) == (None, None, None, "x")


def test_a_pickled_path_error_has_no_traceback() -> None:
    try:
        raise CAUSE
    except FileNotFoundError:
        error = PathIOError(reason=sys.exc_info())  # type: ignore[arg-type]  # not None inside an except clause
    assert error.reason is not None
    assert error.reason[2] is not None
    twin = pickle.loads(pickle.dumps(error))
    assert twin.reason[0] is FileNotFoundError
    assert twin.reason[1].args == (2, "No such file or directory")
    assert twin.reason[2] is None


class CannotBeMadeAgain(Exception):
    def __init__(self, one: str, two: str) -> None:
        super().__init__(one)


@pytest.mark.parametrize("cause", [OSError(5, threading.Lock()), CannotBeMadeAgain("a", "b")])
def test_a_path_error_is_pickled_without_a_reason_that_cannot_be(cause: Exception) -> None:
    error = PathIOError("cannot read", reason=(type(cause), cause, None), errno=5, strerror="x")
    twin = pickle.loads(pickle.dumps(error))
    assert (twin.args, twin.errno, twin.reason) == (("cannot read",), 5, None)


def test_a_path_that_is_not_absolute_is_shown() -> None:
    error = PathIsNotAbsolute("a/b")
    assert error.args == ("a/b",)
    assert str(error) == "Path 'a/b' is not absolute"


def test_no_available_port_is_an_os_error() -> None:
    assert str(NoAvailablePort()) == "No available ports"
    assert NoAvailablePort().errno is None
    assert NoAvailablePort("all 3 are taken", errno=98).errno == 98


def test_the_family_raises_the_classes_of_ftp() -> None:
    made = {name: getattr(FAMILY, name)("x") for name in root.ErrorFamily.__annotations__}
    assert {name: type(error) for name, error in made.items()} == {
        "connect": FTPConnectError,
        "connect_timeout": FTPTimeoutError,
        "disconnected": FTPDisconnected,
        "timeout": FTPTimeoutError,
        "tls": FTPTLSError,
        "local_protocol": InvalidCommand,
        "remote_protocol": FTPProtocolError,
        "incomplete": FTPIncompleteTransfer,
        "local_file": PathIOError,
    }
