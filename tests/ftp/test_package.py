"""What the package gives, and what its client may be told."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from transfer import ftp
from transfer._net.timeouts import Timeouts
from transfer._net.tls import TLS


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
    assert ftp.Client()._settings.timeouts == Timeouts()
    limits = ftp.Client(socket_timeout=7, connection_timeout=3)._settings.timeouts

    assert (limits.reply, limits.data, limits.connect) == (7, 7, 3)
    assert ftp.Client(socket_timeout=7)._settings.timeouts.connect == Timeouts().connect
