from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer._errors import LocalProtocolError
from transfer._wire.command import Command, encode_command
from transfer._wire.dialect import FTP_CLIENT
from transfer.ftp import _commands as commands
from transfer.ftp._errors import InvalidCommand

WITH_PATH: list[Callable[[PurePosixPath | str], Command]] = [
    commands.retr,
    commands.stor,
    commands.appe,
    commands.dele,
    commands.rnfr,
    commands.rnto,
    commands.mkd,
    commands.rmd,
    commands.cwd,
    commands.size,
    commands.mdtm,
]
WITH_OPTIONAL_PATH: list[Callable[[PurePosixPath | str | None], Command]] = [
    commands.mlsd,
    commands.mlst,
    commands.list_,
    commands.nlst,
]
WITH_TEXT: list[Callable[[str], Command]] = [
    commands.user,
    commands.pass_,
    commands.acct,
    commands.auth,
    commands.prot,
    commands.host,
    commands.clnt,
    commands.type_,
    commands.epsv,
    commands.opts,
    lambda text: commands.opts("MLST", text),
]
WHEN = datetime(2024, 2, 29, 12, 34, 56, tzinfo=UTC)
EVERY_ARGUMENT: list[Callable[[str], Command]] = [
    *WITH_PATH,
    *WITH_OPTIONAL_PATH,
    *WITH_TEXT,
    lambda text: commands.mfmt(WHEN, text),
]


def encode(command: Command) -> bytes:
    return encode_command(command, FTP_CLIENT)


@pytest.mark.parametrize(
    ("command", "octets"),
    [
        (commands.ABOR, b"ABOR\r\n"),
        (commands.CDUP, b"CDUP\r\n"),
        (commands.FEAT, b"FEAT\r\n"),
        (commands.NOOP, b"NOOP\r\n"),
        (commands.PASV, b"PASV\r\n"),
        (commands.PWD, b"PWD\r\n"),
        (commands.QUIT, b"QUIT\r\n"),
        (commands.user("me"), b"USER me\r\n"),
        (commands.pass_("p w"), b"PASS p w\r\n"),
        (commands.pass_(""), b"PASS \r\n"),
        (commands.acct("a"), b"ACCT a\r\n"),
        (commands.auth(), b"AUTH TLS\r\n"),
        (commands.pbsz(), b"PBSZ 0\r\n"),
        (commands.prot(), b"PROT P\r\n"),
        (commands.prot("C"), b"PROT C\r\n"),
        (commands.host("[2001:db8::1]"), b"HOST [2001:db8::1]\r\n"),
        (commands.clnt("transfer"), b"CLNT transfer\r\n"),
        (commands.type_(), b"TYPE I\r\n"),
        (commands.type_("L 8"), b"TYPE L 8\r\n"),
        (commands.epsv(), b"EPSV\r\n"),
        (commands.epsv("ALL"), b"EPSV ALL\r\n"),
        (commands.rest(0), b"REST 0\r\n"),
        (commands.rest(2**63 - 1), b"REST 9223372036854775807\r\n"),
        (commands.opts("UTF8", "ON"), b"OPTS UTF8 ON\r\n"),
        (commands.opts("UTF8"), b"OPTS UTF8\r\n"),
        (commands.retr("a"), b"RETR a\r\n"),
        (commands.mfmt(WHEN, "a b"), b"MFMT 20240229123456 a b\r\n"),
        (commands.mfmt(WHEN.astimezone(timezone(timedelta(hours=9))), "a"), b"MFMT 20240229123456 a\r\n"),
        (commands.mfmt(datetime(800, 1, 2, tzinfo=UTC), "a"), b"MFMT 08000102000000 a\r\n"),
    ],
)
def test_commands_read_like_their_rfc(command: Command, octets: bytes) -> None:
    assert encode(command) == octets


@pytest.mark.parametrize(
    "path", ["x", " lead", "trail ", "  ", "a  b", "a -la", "..", "/a//b/", "ü", "\udcff", "a;b", "~"]
)
@pytest.mark.parametrize("build", [*WITH_PATH, *WITH_OPTIONAL_PATH])
def test_a_path_is_sent_verbatim_after_one_space(build: Callable[[str], Command], path: str) -> None:
    command = build(path)
    expected = path.encode("utf-8", "surrogateescape").replace(b"\xff", b"\xff\xff")
    assert encode(command) == command.verb.encode() + b" " + expected + b"\r\n"


@pytest.mark.parametrize("build", WITH_PATH)
def test_a_path_may_be_a_path(build: Callable[[PurePosixPath | str], Command]) -> None:
    assert build(PurePosixPath("/a/ b")).argument == "/a/ b"


@pytest.mark.parametrize("build", [*WITH_PATH, lambda path: commands.mfmt(WHEN, path)])
def test_an_empty_path_is_refused(build: Callable[[str], Command]) -> None:
    with pytest.raises(InvalidCommand, match="path"):
        build("")


@pytest.mark.parametrize("build", [commands.list_, commands.nlst])
@pytest.mark.parametrize("path", ["-a", "-R/..", PurePosixPath("-")])
def test_a_path_is_never_an_option_of_a_listing(
    build: Callable[[PurePosixPath | str], Command], path: PurePosixPath | str
) -> None:
    assert build(path).argument == f"./{path}"
    assert build(f"./{path}").argument == f"./{path}"


@pytest.mark.parametrize("build", WITH_OPTIONAL_PATH)
def test_a_listing_may_be_of_the_working_directory(build: Callable[[str | None], Command]) -> None:
    assert build(None).argument is None
    assert build("").argument is None


@pytest.mark.parametrize("bad", ["\r", "\n", "\0", "\r\n"])
@pytest.mark.parametrize("build", EVERY_ARGUMENT)
def test_a_line_end_or_nul_never_leaves(build: Callable[[str], Command], bad: str) -> None:
    for text in (bad, f"x{bad}EVIL y", f"{bad}x", f"x{bad}"):
        with pytest.raises(InvalidCommand) as caught:
            build(text)
        assert isinstance(caught.value, LocalProtocolError)
        assert isinstance(caught.value, ValueError)
        assert "EVIL" not in str(caught.value)


@pytest.mark.parametrize("build", EVERY_ARGUMENT)
@given(text=st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_text_makes_one_line_or_is_refused(build: Callable[[str], Command], text: str) -> None:
    try:
        octets = encode(build(text))
    except InvalidCommand:
        assert set(text) & set("\r\n\0")
        return
    assert octets.endswith(b"\r\n")
    assert not set(octets[:-2]) & set(b"\r\n\0")


@pytest.mark.parametrize("offset", [-1, 2**63])
def test_an_impossible_offset_is_refused(offset: int) -> None:
    with pytest.raises(ValueError, match="offset"):
        commands.rest(offset)


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        commands.mfmt(datetime(2024, 2, 29), "x")  # noqa: DTZ001


@pytest.mark.parametrize("build", [commands.pass_, commands.acct])
def test_secrets_are_never_shown(build: Callable[[str], Command]) -> None:
    command = build("hunter2")
    assert "hunter2" not in f"{command} {command!r}"
    with pytest.raises(InvalidCommand) as caught:
        build("hunter2\n")
    assert "hunter2" not in f"{caught.value} {caught.value!r}"
