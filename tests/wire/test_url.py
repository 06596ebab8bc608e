from __future__ import annotations

import pytest

from transfer._wire.url import decode, parse_host, parse_port


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("ftp.example.org", "ftp.example.org"),
        ("FTP.Example.ORG.", "FTP.Example.ORG."),
        ("localhost", "localhost"),
        ("my_host-1", "my_host-1"),
        ("192.0.2.7", "192.0.2.7"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[::ffff:192.0.2.7]", "::ffff:192.0.2.7"),
        ("[fe80::1%25eth0]", "fe80::1%eth0"),
        ("b%C3%BCcher.example", "bücher.example"),
        ("bücher.example", "bücher.example"),
    ],
)
def test_a_host_is_a_name_or_an_address(text: str, host: str) -> None:
    assert parse_host(text) == host


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "[192.0.2.7]",
        "[host]",
        "[2001:db8::1",
        "2001:db8::1]",
        "[[2001:db8::1]]",
        "[2001:db8::g]",
        "2001:db8::1",
        "%5B2001:db8::1%5D",
        "two words",
        "two%20words",
        "a%2Fb",
        "a%40b",
        "a%3A21",
        "a%3Fb",
        "a%23b",
        "a%25b",
        "a\\b",
        "<a>",
        "%",
        "a%2",
        "a%zz",
        "a%FF",
        "a%0D%0AUSER",
        "a%00",
        "a\u2003b",
    ],
)
def test_what_is_no_host_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ValueError, match=r"host|brackets") as caught:
        parse_host(text)
    assert text == "" or text not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "port"),
    [(None, None), ("1", 1), ("21", 21), ("0021", 21), ("000021", 21), ("65535", 65535)],
)
def test_a_port_is_a_number_or_missing(text: str | None, port: int | None) -> None:
    assert parse_port(text) == port


@pytest.mark.parametrize("text", ["0", "00000", "65536", "99999", "655350", "1" * 5000])
def test_a_port_out_of_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a number from 1 to 65535"):
        parse_port(text)


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        ("", ""),
        ("plain", "plain"),
        ("a%20b", "a b"),
        ("a+b", "a+b"),
        ("%41%6a%6A", "Ajj"),
        ("%2Fpub", "/pub"),
        ("100%25", "100%"),
        ("%2525", "%25"),
        ("user%40example.org", "user@example.org"),
        ("Zo%C3%AB", "Zoë"),
        ("%F0%9F%8E%81", "🎁"),
        ("Zoë", "Zoë"),
        ("%C2%85", "\x85"),
    ],
)
def test_percent_encoding_is_undone_once(text: str, decoded: str) -> None:
    assert decode(text, "path") == decoded


@pytest.mark.parametrize("text", ["hunter%", "hunter%2", "hunter%4g", "hunter%%41", "hunter%+1", "hunter% 1"])
def test_a_broken_escape_is_refused_and_not_shown(text: str) -> None:
    refused(text, "the password in the URL is not percent-encoded UTF-8")


@pytest.mark.parametrize(
    "text", ["hunter%FF", "hunter%C3", "hunter%C0%AF", "hunter%ED%A0%80", "hunter\udcff", "hunter%F4%90%80%80"]
)
def test_what_is_not_utf_8_is_refused_and_not_shown(text: str) -> None:
    refused(text, "the password in the URL is not percent-encoded UTF-8")


@pytest.mark.parametrize(
    "text", ["hunter%0A", "hunter%0d", "hunter%00", "hunter%1B", "hunter%7F", "hunter\n", "\thunter"]
)
def test_a_control_character_is_refused_and_not_shown(text: str) -> None:
    refused(text, "the password in the URL holds a control character, a line break perhaps")


def refused(text: str, message: str) -> None:
    """Check that *text* is no password, and that nothing of it is left in the exception."""
    with pytest.raises(ValueError, match=f"^{message}$") as caught:
        decode(text, "password")
    # An exception in the context would carry the whole text.
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
