from __future__ import annotations

import pytest

from transfer._wire.reply import Reply
from transfer.smtp._extensions import Extensions, extensions_from, parse_esmtp_extensions


def test_the_lines_after_the_greeting_are_keywords_with_parameters() -> None:
    text = "mail.example greets you\nPIPELINING\n8BITMIME\nSize 51200000\nAUTH PLAIN Login\nSMTPUTF8"
    keywords, auth_methods = parse_esmtp_extensions(text)

    assert keywords == {"pipelining": "", "8bitmime": "", "size": "51200000", "auth": "PLAIN Login", "smtputf8": ""}
    assert auth_methods == ["plain", "login"]


@pytest.mark.parametrize(
    ("lines", "parameters", "methods"),
    [
        (["AUTH=PLAIN LOGIN"], "PLAIN LOGIN", ["plain", "login"]),
        (["  auth=PLAIN "], "PLAIN", ["plain"]),
        (["AUTH PLAIN", "AUTH=LOGIN PLAIN"], "LOGIN PLAIN", ["plain", "login"]),
        (["AUTH=", "AUTH CRAM-MD5 SCRAM-SHA-256_X"], "CRAM-MD5 SCRAM-SHA-256_X", ["cram-md5", "scram-sha-256_x"]),
        (["AUTH"], "", []),
    ],
)
def test_mechanisms_are_read_from_the_old_form_too(lines: list[str], parameters: str, methods: list[str]) -> None:
    keywords, found = parse_esmtp_extensions("\n".join(["greeting", *lines, "", "  "]))

    assert keywords == {"auth": parameters}
    assert found == methods


def test_a_reply_becomes_a_value() -> None:
    extensions = extensions_from(Reply(250, ("mail.example SIZE 1", " SIZE 100", "AUTH PLAIN")))

    assert extensions.supports("Size")
    assert not extensions.supports("dsn")
    assert extensions.auth_methods == ("plain",)
    assert extensions.size_limit == 100
    with pytest.raises(TypeError):
        extensions.keywords["dsn"] = ""  # type: ignore[index]  # the point of the test


def test_nothing_is_offered_before_ehlo() -> None:
    assert Extensions() == extensions_from(Reply(250, ("greeting",)))
    assert Extensions().size_limit is None


@pytest.mark.parametrize("parameter", ["", "0", "-5", "x", "1 2", "\u0663", "9" * 5000])
def test_a_size_that_says_nothing_is_no_limit(parameter: str) -> None:
    assert Extensions({"size": parameter}).size_limit is None
