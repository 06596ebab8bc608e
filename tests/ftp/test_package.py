"""What the package gives, and what its client may be told."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys
from typing import Any

import aioftp
import pytest

from transfer import ftp
from transfer._net.timeouts import Timeouts
from transfer._net.tls import TLS
from transfer.ftp import errors


def test_the_modules_are_there_after_one_import() -> None:
    script = "import transfer.ftp as aioftp; print(aioftp.errors, aioftp.client, aioftp.common, aioftp.pathio)"
    subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.DEVNULL)


def test_exceptions_name_the_package_and_can_be_pickled() -> None:
    for name in ftp.__all__:
        found = getattr(ftp, name)
        if isinstance(found, type):
            assert found.__module__ == "transfer.ftp", name
            assert pickle.loads(pickle.dumps(found)) is found
    error = ftp.StatusCodeError(("2xx",), (ftp.Code("550"),), [" no"], command="DELE x", peer="h:21")
    again = pickle.loads(pickle.dumps(error))

    assert type(again) is ftp.StatusCodeError
    assert (again.expected_codes, again.received_codes, again.info) == (("2xx",), ("550",), [" no"])
    assert str(again) == str(error)


def test_programs_find_the_exceptions_where_they_look_for_them() -> None:
    """The names of aioftp's own module, each with the same built-in parents, and the very classes that are raised."""
    assert set(errors.__all__) == {*aioftp.errors.__all__, "InvalidCommand"}
    for name in errors.__all__:
        ours, theirs = getattr(errors, name), getattr(aioftp.errors, name)
        assert ours is getattr(ftp, name)
        assert all(issubclass(ours, parent) for parent in theirs.__mro__ if parent.__module__ == "builtins")


@pytest.mark.parametrize("arguments", [(("2xx",), ("550",), [" no"]), ("2xx", "550", "no")])
def test_a_refusal_carries_what_it_carries_there(arguments: tuple[Any, ...]) -> None:
    ours, theirs = ftp.StatusCodeError(*arguments), aioftp.StatusCodeError(*arguments)
    for name in ("expected_codes", "received_codes", "info"):
        assert getattr(ours, name) == getattr(theirs, name)


METHODS = """
__init__ change_directory close command connect context exists get_current_directory is_dir is_file list login
make_directory quit remove remove_directory remove_file rename stat upgrade_to_tls upload download
"""


def parameters(method: Any) -> list[tuple[str, object, object]]:
    found = inspect.signature(method).parameters.values()
    return [(one.name, one.kind, one.default) for one in found if one.kind is not inspect.Parameter.VAR_KEYWORD]


@pytest.mark.parametrize("name", METHODS.split())
def test_a_method_takes_what_it_takes_there(name: str) -> None:
    """The same parameters, of the same kind, in the same order, with the same defaults; ours come after them."""
    theirs = parameters(getattr(aioftp.Client, name))
    expected = [(name, kind, getattr(ftp, getattr(default, "__name__", ""), default)) for name, kind, default in theirs]
    assert parameters(getattr(ftp.Client, name))[: len(expected)] == expected


def test_defaults() -> None:
    assert (ftp.DEFAULT_PORT, ftp.DEFAULT_USER, ftp.DEFAULT_PASSWORD, ftp.DEFAULT_ACCOUNT) == (
        21,
        "anonymous",
        "anon@",
        "",
    )
    assert ftp.AIOFTPException is ftp.FTPException


@pytest.mark.parametrize(
    "arguments",
    [
        {"socket_timeout": 0},
        {"socket_timeout": 1, "timeouts": Timeouts()},
        {"connection_timeout": -1},
        {"passive_commands": ()},
        {"passive_commands": ("port",)},
        {"encoding": "no-such-encoding"},
        {"encoding": "utf-16"},
        {"read_speed_limit": -1},
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        ftp.Client(**arguments)


def test_a_context_excludes_tls(client_tls_context: Any) -> None:
    with pytest.raises(ValueError, match="excludes"):
        ftp.Client(ssl=client_tls_context, tls=TLS())


def test_timeouts_are_finite_unless_told_otherwise() -> None:
    assert ftp.Client()._settings.timeouts == Timeouts(greeting=60)
    limits = ftp.Client(socket_timeout=7, connection_timeout=3)._settings.timeouts

    assert (limits.reply, limits.data, limits.connect) == (7, 7, 3)
    assert ftp.Client(socket_timeout=7)._settings.timeouts.connect == Timeouts().connect
