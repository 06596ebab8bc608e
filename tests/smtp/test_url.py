"""Connection URLs: what they mean, what breaks them, and that no fault shows the password."""

from __future__ import annotations

import socket
import traceback
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.smtp._options import ConnectOptions

# -- what a URL means --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("smtp://mail.example", {"hostname": "mail.example"}),
        ("SMTP://mail.example/", {"hostname": "mail.example"}),
        ("smtp://mail.example:2525", {"hostname": "mail.example", "port": 2525}),
        ("smtp://192.0.2.1", {"hostname": "192.0.2.1"}),
        ("smtp://[2001:db8::1]:26", {"hostname": "2001:db8::1", "port": 26}),
        ("smtp://[fe80::1%25eth0]", {"hostname": "fe80::1%eth0"}),
        ("smtp://straße.example", {"hostname": "straße.example"}),
        ("smtp://stra%C3%9Fe.example", {"hostname": "straße.example"}),
        ("smtps://mail.example", {"hostname": "mail.example", "use_tls": True}),
        ("smtps://mail.example:8465", {"hostname": "mail.example", "use_tls": True, "port": 8465}),
        ("lmtp://mail.example", {"hostname": "mail.example", "lmtp": True}),
        ("lmtp:///run/dovecot/lmtp", {"socket_path": "/run/dovecot/lmtp", "lmtp": True}),
        ("smtp:///run/a%20b/s%3Fx", {"socket_path": "/run/a b/s?x"}),
        ("smtp://anna:secret@/run/smtp", {"socket_path": "/run/smtp", "username": "anna", "password": "secret"}),
        (
            "smtps://anna%40example.org:%3A%2F%3F%23%40%25+%C3%A9:x@mail.example",
            {"hostname": "mail.example", "use_tls": True, "username": "anna@example.org", "password": ":/?#@%+é:x"},
        ),
        ("smtps://anna@h", {"hostname": "h", "use_tls": True, "username": "anna"}),
        ("smtps://anna:@h", {"hostname": "h", "use_tls": True, "username": "anna", "password": ""}),
        ("smtp://h?start_tls=required", {"hostname": "h", "start_tls": True}),
        ("smtp://h?start_tls=auto", {"hostname": "h", "start_tls": None}),
        ("smtp://h?start_tls=never", {"hostname": "h", "start_tls": False}),
        ("smtp://h?timeout=2.5&local_hostname=me.x", {"hostname": "h", "timeout": 2.5, "local_hostname": "me.x"}),
        (
            "smtps://h/?server_hostname=mail.example&cert_bundle=%2Fetc%2Fca.pem&client_cert=a+b.pem&client_key=k.pem",
            {
                "hostname": "h",
                "use_tls": True,
                "server_hostname": "mail.example",
                "cert_bundle": "/etc/ca.pem",
                "client_cert": "a+b.pem",
                "client_key": "k.pem",
            },
        ),
        (
            "smtp://h?proxy=socks5%3A%2F%2Fjoe%3As%2540cret%40gate%3A1080",
            {"hostname": "h", "proxy": "socks5://joe:s%40cret@gate:1080"},
        ),
        ("smtps:///run/smtp?server_hostname=h", {"socket_path": "/run/smtp", "use_tls": True, "server_hostname": "h"}),
    ],
)  # fmt: skip
def test_what_a_url_means(url: str, options: dict[str, Any]) -> None:
    assert ConnectOptions.from_url(url) == ConnectOptions(**options)


@pytest.mark.parametrize(
    ("url", "port", "start_tls", "is_implicit_tls"),
    [
        ("smtp://h", 25, None, False),
        ("smtp://h:587", 587, True, False),
        ("smtp://h:587?start_tls=auto", 587, None, False),
        ("smtp://anna:x@h", 587, True, False),
        ("smtp://anna:x@h?start_tls=auto", 25, None, False),
        ("smtp://anna:x@h:2525", 2525, None, False),
        ("smtp://anna:x@/run/smtp", None, None, False),
        ("smtp://anna:x@h:465", 465, None, True),
        ("smtps://h", 465, None, True),
        ("smtps://anna:x@h:587", 587, None, True),
        ("lmtp://h", 24, None, False),
        ("lmtp://anna:x@h", 24, None, False),
        ("lmtp://h?start_tls=required", 24, True, False),
        ("lmtp:///run/lmtp", None, None, False),
    ],
)
def test_port_and_tls_follow_from_the_scheme_the_port_and_the_login(
    url: str, port: int | None, start_tls: bool | None, is_implicit_tls: bool
) -> None:
    options = ConnectOptions.from_url(url)
    assert (options.target_port, options.start_tls, options.is_implicit_tls) == (port, start_tls, is_implicit_tls)


def test_options_given_by_name_come_first() -> None:
    options = ConnectOptions.from_url(
        "smtp://anna:old@h:25?timeout=5", hostname="other", password="new", timeout=None, validate_certs=False
    )
    assert options == ConnectOptions(
        hostname="other", port=25, username="anna", password="new", timeout=None, validate_certs=False
    )
    assert ConnectOptions.from_url("smtp://h", username="anna", password="x").start_tls is True
    assert ConnectOptions.from_url("smtp://h", username="anna", password="x", start_tls=None).target_port == 25
    assert ConnectOptions.from_url("smtp://anna:x@h", use_tls=True).target_port == 465
    with socket.socket() as sock:
        assert ConnectOptions.from_url("smtp://anna:x@h", sock=sock).start_tls is None


@given(
    st.tuples(st.text(min_size=1), st.text()).filter(
        lambda pair: all(not (char < " " or char == "\x7f" or "\ud800" <= char <= "\udfff") for char in "".join(pair))
    )
)
def test_any_login_survives_its_encoding(login: tuple[str, str]) -> None:
    name, password = (quote(part, safe="") for part in login)
    options = ConnectOptions.from_url(f"smtps://{name}:{password}@mail.example")
    assert (options.username, options.password) == login


# -- what breaks a URL -------------------------------------------------------------------------------------------------

SECRET = "s3cret"  # everything below that could be one holds it


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("", "smtp://, smtps:// or lmtp://"),
        ("mail.example", "smtp://, smtps:// or lmtp://"),
        ("anna:s3cret@mail.example", "smtp://, smtps:// or lmtp://"),
        ("s3cret://mail.example", "smtp://, smtps:// or lmtp://"),
        ("http://mail.example", "smtp://, smtps:// or lmtp://"),
        ("smtp+tls://mail.example", "smtp://, smtps:// or lmtp://"),
        ("smtp:mail.example", "smtp://, smtps:// or lmtp://"),
        ("smtp://", "neither a host nor the path"),
        ("smtp:///", "neither a host nor the path"),
        ("smtp://:25", "neither a host nor the path"),
        ("smtp://:25/run/smtp", "neither a host nor the path"),
        ("smtp://anna:s3cret@", "neither a host nor the path"),
        ("smtp://@h", "without a user name"),
        ("smtp://:s3cret@h", "without a user name"),
        ("smtp://h/path", "no path"),
        ("smtp://anna:s3cret@h/s3cret", "no path"),
        ("smtp://h:", "percent-encoded"),
        ("smtp://h:x", "percent-encoded"),
        ("smtp://h:-1", "percent-encoded"),
        ("smtp://h:²", "percent-encoded"),
        ("smtp://h:0", "1 to 65535"),
        ("smtp://h:65536", "1 to 65535"),
        ("smtp://h:" + "9" * 10_000, "1 to 65535"),
        ("smtp://h#s3cret", "percent-encoded"),
        ("smtp://h?#", "percent-encoded"),
        ("smtp://anna:s3@cret@h", "percent-encoded"),
        ("smtp://anna:1/s3cret@h", "percent-encoded"),
        ("smtp://anna:1?s3cret@h", "percent-encoded"),
        ("smtp://anna:1?s3cret=x@h", "percent-encoded"),
        ("smtp://anna:1#s3cret@h", "percent-encoded"),
        ("smtp://anna:s3cret]@h", "percent-encoded"),
        ("smtp://anna:s3cret@h h", "percent-encoded"),
        (" smtp://anna:s3cret@h", "percent-encoded"),
        ("smtp://anna:s3cret@h\n", "percent-encoded"),
        ("smtp://anna:s3cret\r\n@h", "percent-encoded"),
        ("smtp://anna:s3\tcret@h", "percent-encoded"),
        ("smtp://anna:s3cret@h\x7f", "percent-encoded"),
        ("smtp://2001:db8::1", "percent-encoded"),
        ("smtp://[2001:db8::1", "percent-encoded"),
        ("smtp://[2001:db8::1]x", "percent-encoded"),
        ("smtp://[mail.example]", "brackets"),
        ("smtp://[192.0.2.1]", "brackets"),
        ("smtp://[]", "brackets"),
        ("smtp://h%2Fx", "one word"),
        ("smtp://h%20x", "one word"),
        ("smtp://h%C2%A0x", "one word"),
        ("smtp://anna:s3cret@h%40x", "one word"),
        ("smtp://h%3A25", "one word"),
        ("smtp://anna:s3cret%@h", "password in the URL is not"),
        ("smtp://anna:s3cret%4@h", "password in the URL is not"),
        ("smtp://anna:s3cret%zz@h", "password in the URL is not"),
        ("smtp://anna:s3cret%FF@h", "password in the URL is not"),
        ("smtp://anna:s3cret%ED%A0%80@h", "password in the URL is not"),
        ("smtp://anna:s3cret\ud800@h", "password in the URL is not"),
        ("smtp://anna%FF:s3cret@h", "user name in the URL is not"),
        ("smtp://h%FF", "host in the URL is not"),
        ("smtp:///run/%FF", "path in the URL is not"),
        ("smtp://h?local_hostname=%FF", "local_hostname in the URL is not"),
        ("smtp://anna:s3cret%0D%0AQUIT@h", "password in the URL holds a control"),
        ("smtp://anna:s3cret%00@h", "password in the URL holds a control"),
        ("smtp://anna:s3cret%7F@h", "password in the URL holds a control"),
        ("smtp://an%0Ana:s3cret@h", "user name in the URL holds a control"),
        ("smtp://h%0A", "host in the URL holds a control"),
        ("smtp:///run/%00smtp", "path in the URL holds a control"),
        ("smtp://h?server_hostname=a%0D%0Ab", "server_hostname in the URL holds a control"),
        ("smtp://h?", "no parameter"),
        ("smtp://h?timeout=1&", "no parameter"),
        ("smtp://h?password=s3cret", "'password' is no parameter"),
        ("smtp://h?validate_certs=false", "'validate_certs' is no parameter"),
        ("smtp://h?allow_cleartext_auth=true", "'allow_cleartext_auth' is no parameter"),
        ("smtp://h?TIMEOUT=1", "'TIMEOUT' is no parameter"),
        ("smtp://h?%74imeout=1", "no parameter"),
        ("smtp://h?timeout=1&timeout=2", "timeout twice"),
        ("smtp://h?timeout", "timeout is a number"),
        ("smtp://h?timeout=", "timeout is a number"),
        ("smtp://h?timeout=s3cret", "timeout is a number"),
        ("smtp://h?timeout=-1", "timeout is a number"),
        ("smtp://h?timeout=nan", "timeout is a number"),
        ("smtp://h?timeout=1e9", "timeout is a number"),
        ("smtp://h?timeout=0", "timeout"),
        ("smtp://h?start_tls=s3cret", "start_tls is one of"),
        ("smtp://h?start_tls=", "start_tls is one of"),
        ("smtp://h?server_hostname=", "empty"),
        ("smtp://h?local_hostname=a%20b", "no host's name"),
        ("smtp://h?proxy=s3cret", "a proxy is given as"),
        ("smtp://h?proxy=ftp%3A%2F%2Fjoe%3As3cret%40gate%3A1", "a proxy is given as"),
        ("smtp:///run/smtp?proxy=http%3A%2F%2Fjoe%3As3cret%40gate%3A1", "proxy"),
        ("smtps://h?start_tls=required", "excludes start_tls"),
        ("smtps://h?start_tls=never", "excludes start_tls"),
        ("smtps:///run/smtp", "needs hostname"),
    ],
)  # fmt: skip
def test_what_breaks_a_url_is_named_and_the_secret_is_not_shown(url: str, rule: str) -> None:
    """I6."""
    with pytest.raises(ValueError, match=rule) as caught:
        ConnectOptions.from_url(url)

    error: BaseException | None = caught.value
    while error is not None:
        assert SECRET not in repr(error) + str(error) + repr(vars(error))
        assert SECRET not in repr(getattr(error, "object", ""))
        error = error.__cause__ or error.__context__
    assert "s3" not in "".join(traceback.format_exception_only(caught.value))
    assert len(str(caught.value)) < 300


@given(st.text(max_size=40), st.sampled_from(["", "smtp://", "smtps://h?", "lmtp:///", "smtp://anna:"]))
def test_any_text_is_a_url_or_a_value_error(text: str, start: str) -> None:
    try:
        options = ConnectOptions.from_url(start + text)
    except ValueError:
        return
    assert options.hostname or options.socket_path


def test_what_is_no_option_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        ConnectOptions.from_url("smtp://h", nonsense=1)


def test_a_password_from_a_url_is_not_shown() -> None:
    options = ConnectOptions.from_url("smtp://anna:s3cret@h?proxy=http%3A%2F%2Fjoe%3As3cret%40gate%3A1")
    assert SECRET not in repr(options)
