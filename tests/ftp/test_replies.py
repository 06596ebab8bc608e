from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer._wire.dialect import FTP_CLIENT
from transfer._wire.reply import Reply, ReplyParser
from transfer.ftp._errors import FTPProtocolError
from transfer.ftp._replies import (
    info_lines,
    parse_directory,
    parse_epsv,
    parse_mdtm,
    parse_mdtm_moment,
    parse_pasv,
    parse_size,
)

PARSERS = [parse_pasv, parse_epsv, parse_directory, parse_size, parse_mdtm]


@pytest.mark.parametrize(
    "text",
    [
        "Entering Passive Mode (192,0,2,1,19,137).",
        "Entering Passive Mode (192,0,2,1,19,137)",
        "Entering passive mode. 192,0,2,1,19,137",
        "Entering Passive Mode, 192,0,2,1,19,137",
        "=192,0,2,1,19,137",
        "192, 0, 2, 1, 19, 137",
        "192 , 0 , 2 , 1 , 19 , 137",
        "(192,000,002,001,019,137)",
        "Mode 2 of 3 (192,0,2,1,19,137)",
        "first line\nEntering Passive Mode (192,0,2,1,19,137)",
    ],
)
def test_a_227_needs_only_its_six_numbers(text: str) -> None:
    assert parse_pasv(text) == ("192.0.2.1", 5001)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Entering Passive Mode",
        "192,0,2,1,19",
        "192,0,2,1,19,137,4",
        "192, 0, 2, 1, 19, 137, 4",
        "192,0,2,1,19,137 ,4",
        "192.0.2.1,19,137",
        "256,0,2,1,19,137",
        "192,0,2,1,19,256",
        "192,0,2,-1,19,137",
        "1922222222222222222222222222,0,2,1,19,137",
        "١٩٢,٠,٢,١,١٩,١٣٧",
        "192,0,2,1,0,0",
        "192,0,2,1,0,22",
        "192,0,2,1,3,255",
    ],
)
def test_a_227_without_a_usable_address_is_refused(text: str) -> None:
    with pytest.raises(FTPProtocolError, match="227"):
        parse_pasv(text)


def test_the_first_unprivileged_port_is_taken() -> None:
    assert parse_pasv("0,0,0,0,4,0") == ("0.0.0.0", 1024)


@given(st.tuples(*[st.integers(0, 255)] * 4), st.integers(1024, 65535))
def test_any_address_comes_through(octets: tuple[int, ...], port: int) -> None:
    text = ",".join(map(str, [*octets, port // 256, port % 256]))
    assert parse_pasv(f"ok ({text}).") == (".".join(map(str, octets)), port)


@pytest.mark.parametrize("delimiter", list(map(chr, range(33, 127))))
def test_any_delimiter_separates_a_229(delimiter: str) -> None:
    if delimiter.isdigit():
        with pytest.raises(FTPProtocolError):
            parse_epsv(f"({delimiter * 3})")
    else:
        assert parse_epsv(f"Entering Extended Passive Mode ({delimiter * 3}6446{delimiter})") == 6446


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("Entering Extended Passive Mode (|||1|)", 1),
        ("(|||65535|).", 65535),
        ("(|||1111|) and then (|||2222|)", 2222),
        ("(host) mode (|||2222|) (really)", 2222),
        ("((((2222()", 2222),
        ("first\n(|||2222|)", 2222),
    ],
)
def test_the_last_group_of_a_229_counts(text: str, port: int) -> None:
    assert parse_epsv(text) == port


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Entering Extended Passive Mode",
        "|||6446|",
        "(|||6446)",
        "(||6446|)",
        "(|!|6446|)",
        "(|||0|)",
        "(|||65536|)",
        "(|||-1|)",
        "(||||)",
        "(|||9999999999|)",
        "(|||99999999999999999999|)",
        "(   6446 )",
        "(|||٦٤٤٦|)",
        "(|1|192.0.2.1|6446|)",
    ],
)
def test_a_229_without_a_port_is_refused(text: str) -> None:
    with pytest.raises(FTPProtocolError, match="229"):
        parse_epsv(text)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('"/"', "/"),
        ('"/a/b" is the current directory', "/a/b"),
        ('"a""b" created', 'a"b'),
        ('"/""q""" ok', '/"q"'),
        ('"""" ok', '"'),
        ('"/a" is "cwd"', "/a"),
        ('"/with space/x " created', "/with space/x "),
        ('  "/a"', "/a"),
        ('Current directory is "/a"', "/a"),
        ("/no/quotes", "/no/quotes"),
        (" /no/quotes ", "/no/quotes"),
        ('"/caf\udce9"', "/caf\udce9"),
        ('"/a\x01b"', "/a\x01b"),
        ("\"'SYS1.'\" is working directory", "'SYS1.'"),
    ],
)
def test_a_257_gives_its_path_verbatim(text: str, path: str) -> None:
    assert parse_directory(text) == path


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        '""',
        '"" is current',
        '"',
        '"/a',
        '"/a""',
        "Directory created",
        "/a b",
        '"/a\0b"',
        "/a\0b",
        '"/a\nb"',
        "/a\n/b",
    ],
)
def test_a_257_without_a_path_is_refused(text: str) -> None:
    with pytest.raises(FTPProtocolError, match="257"):
        parse_directory(text)


@given(st.text(st.characters(exclude_characters="\r\n\0"), min_size=1), st.text(max_size=10))
def test_any_quoted_path_comes_through(path: str, comment: str) -> None:
    doubled = path.replace('"', '""')
    assert parse_directory(f'"{doubled}" {comment}') == path


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("1234", 1234), (" 1234 ", 1234), ("1234 bytes", 1234), (str(2**63 - 1), 2**63 - 1), ("007", 7)],
)
def test_a_213_gives_a_size(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "x", "-1", "+1", "1e3", "1,234", "0x10", "٣", str(2**63), "9" * 5000])
def test_a_213_without_a_size_is_refused(text: str) -> None:
    with pytest.raises(FTPProtocolError, match="size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20240229123456", datetime(2024, 2, 29, 12, 34, 56, tzinfo=UTC)),
        (" 20240229123456 ", datetime(2024, 2, 29, 12, 34, 56, tzinfo=UTC)),
        ("20240229123456 /a/b", datetime(2024, 2, 29, 12, 34, 56, tzinfo=UTC)),
        ("20240229123456.789", datetime(2024, 2, 29, 12, 34, 56, 789_000, tzinfo=UTC)),
        ("20161231235960", datetime(2017, 1, 1, tzinfo=UTC)),
        ("191000101000000", datetime(2000, 1, 1, tzinfo=UTC)),
        ("191240229123456", datetime(2024, 2, 29, 12, 34, 56, tzinfo=UTC)),
    ],
)
def test_a_213_gives_a_time_in_utc(text: str, expected: datetime) -> None:
    assert parse_mdtm(text) == expected
    assert parse_mdtm(text).utcoffset() == timedelta()


def test_a_time_has_the_precision_of_its_digits() -> None:
    assert parse_mdtm_moment("20240229123456").precision == timedelta(seconds=1)
    assert parse_mdtm_moment("20240229123456.5").precision == timedelta(milliseconds=100)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2024022912345",
        "20240229123456.",
        "20240229123456x",
        "20230229123456",
        "20241301000000",
        "20240101240000",
        "20240101000061",
        "00000101000000",
        "99991231235960",
        "٢٠٢٤٠٢٢٩١٢٣٤٥٦",
    ],
)
def test_a_213_without_a_time_is_refused(text: str) -> None:
    with pytest.raises(FTPProtocolError, match="time"):
        parse_mdtm(text)


@pytest.mark.parametrize("parse", PARSERS)
@given(text=st.text() | st.text("0123456789,.|()\" \n'/-", max_size=60))
def test_any_text_parses_or_is_refused(parse: object, text: str) -> None:
    assert callable(parse)
    try:
        parse(text)
    except FTPProtocolError as exc:
        assert len(str(exc)) < 1500  # the excerpt is bounded  # noqa: PT017


def test_a_refusal_shows_the_beginning_of_the_text_as_ascii() -> None:
    with pytest.raises(FTPProtocolError) as caught:
        parse_pasv("\x1b[31m\udcff" + "a" * 100_000)
    assert str(caught.value).isascii()
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"220 welcome\r\n", [" welcome"]),
        (b"220\r\n", [""]),
        (b"220 \r\n", [""]),
        (b"211-Features:\r\n MDTM\r\n SIZE\r\n211 End\r\n", ["-Features:", " MDTM", " SIZE", " End"]),
        (b"230-hello\r\n230 in\r\n", ["-hello", " in"]),
        (b"230-\r\nx\r\n230 \r\n", ["-", "x", ""]),
    ],
)
def test_info_has_the_lines_as_programs_know_them(octets: bytes, expected: list[str]) -> None:
    parser = ReplyParser(FTP_CLIENT)
    parser.feed(octets)
    reply = parser.next_reply()
    assert reply is not None
    assert info_lines(reply) == expected


def test_info_is_a_list_of_its_own() -> None:
    reply = Reply(220, ("a", "b"))
    info_lines(reply).clear()
    assert info_lines(reply) == ["-a", " b"]
