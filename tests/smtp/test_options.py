from __future__ import annotations

import inspect
import socket
import ssl
from typing import Any

import aiosmtplib
import attrs
import pytest

from transfer.smtp._options import UNSET, ConnectOptions


async def give_token() -> str:
    raise NotImplementedError


def test_the_options_are_those_that_programs_pass() -> None:
    theirs = set(inspect.signature(aiosmtplib.SMTP.__init__).parameters) - {"self"}
    assert theirs <= {field.name for field in attrs.fields(ConnectOptions)}


def test_nothing_given_is_port_25_of_this_host() -> None:
    options = ConnectOptions()

    assert (options.target_hostname, options.target_port) == ("localhost", 25)
    assert not options.is_implicit_tls
    assert not options.is_timeout_given
    assert options.timeout_seconds == 60


@pytest.mark.parametrize(
    ("given", "port", "is_implicit_tls"),
    [
        ({"use_tls": True}, 465, True),
        ({"start_tls": True}, 587, False),
        ({"start_tls": False}, 25, False),
        ({"port": 465}, 465, True),
        ({"port": 465, "start_tls": False}, 465, True),
        ({"port": 465, "start_tls": True}, 465, False),
        ({"port": 465, "use_tls": False}, 465, False),
        ({"port": 2525, "use_tls": True}, 2525, True),
        ({"port": 587}, 587, False),
        ({"use_tls": False}, 25, False),
        ({"socket_path": "/run/smtp"}, None, False),
        ({"socket_path": "/run/smtp", "use_tls": True, "hostname": "x"}, None, True),
    ],
)
def test_port_and_tls_follow_from_each_other(given: dict[str, Any], port: int | None, is_implicit_tls: bool) -> None:
    options = ConnectOptions(**given)
    assert (options.target_port, options.is_implicit_tls) == (port, is_implicit_tls)


@pytest.mark.parametrize("timeout", [None, 5.5])
def test_a_time_that_was_given_is_known_as_such(timeout: float | None) -> None:
    options = ConnectOptions(timeout=timeout)
    assert options.is_timeout_given
    assert options.timeout_seconds == timeout


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"password": "", "oauth_token_generator": give_token}, "password and oauth_token_generator"),
        ({"start_tls": True, "use_tls": True}, "start_tls and use_tls"),
        (
            {"tls_context": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), "client_cert": "c.pem"},
            "tls_context and client_cert",
        ),
        ({"socket_path": "/s", "port": 25}, "no use for a port"),
        ({"socket_path": "/s", "use_tls": True}, "needs hostname"),
        ({"hostname": "a\r\nb"}, "hostname holds a control character"),
        ({"hostname": "a\nb"}, "hostname holds a control character"),
        ({"hostname": "a\0b"}, "hostname holds a control character"),
        ({"local_hostname": "a\r\nRSET"}, "no host's name"),
        ({"local_hostname": "a b"}, "no host's name"),
        ({"local_hostname": ""}, "no host's name"),
        ({"source_address": ("127.0.0.1\0", 0)}, "source_address holds a control character"),
        ({"source_address": ("127.0.0.1\r\n", 0)}, "source_address holds a control character"),
        ({"source_address": ("127.0.0.1", 65536)}, "port of source_address"),
        ({"source_address": ("127.0.0.1", -1)}, "port of source_address"),
        ({"socket_path": "/run/smtp\0x"}, "socket_path holds a NUL"),
        ({"socket_path": b"/run/smtp\0x"}, "socket_path holds a NUL"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": -1.5}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
    ],
)
def test_options_that_contradict_each_other_are_refused(given: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        ConnectOptions(**given)


def test_an_abstract_address_begins_with_a_nul() -> None:
    assert ConnectOptions(socket_path="\0smtp").has_socket
    assert ConnectOptions(source_address=("::1", 0)).source_address == ("::1", 0)


def test_a_socket_excludes_other_ways_to_the_server() -> None:
    with socket.socket() as sock:
        assert ConnectOptions(sock=sock).target_port is None
        for given in ({"socket_path": "/s"}, {"port": 25}, {"use_tls": True}):
            with pytest.raises(ValueError, match=r"exclude|port|hostname"):
                ConnectOptions(sock=sock, **given)


def test_the_name_for_ehlo_is_cleaned() -> None:
    assert ConnectOptions(local_hostname=" me.example ").local_hostname == "me.example"


def test_later_options_take_the_place_of_earlier_ones() -> None:
    options = ConnectOptions(hostname="a", port=25, username="tim", use_tls=False, validate_certs=False)
    later = options.evolve(
        hostname="b", port=UNSET, username=None, use_tls=None, validate_certs=None, timeout=None, start_tls=True
    )

    assert later == ConnectOptions(
        hostname="b", port=25, use_tls=False, validate_certs=False, timeout=None, start_tls=True
    )
    assert options.evolve(port=UNSET) is options
    assert repr(UNSET) == "UNSET"


def test_later_options_are_checked_with_the_earlier_ones() -> None:
    with pytest.raises(ValueError, match="start_tls and use_tls"):
        ConnectOptions(start_tls=True).evolve(use_tls=True)
    with pytest.raises(TypeError):
        ConnectOptions().evolve(nonsense=1)


def test_secrets_are_not_shown() -> None:
    assert "sesame" not in repr(ConnectOptions(username="tim", password="sesame"))
