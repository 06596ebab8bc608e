from __future__ import annotations

import traceback

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.feeding import cut_octets, one_by_one, outcome, tightened
from transfer._errors import LocalProtocolError, RemoteProtocolError
from transfer._wire.command import Command, CommandParser, encode_command, encode_line
from transfer._wire.dialect import FTP_CLIENT, FTP_SERVER, SMTP_CLIENT, Dialect

ALL = [pytest.param(dialect, id=name) for name, dialect in (("smtp", SMTP_CLIENT), ("ftp", FTP_CLIENT))]


# Command


def test_a_secret_is_never_shown() -> None:
    for argument in ("hunter2", b"hunter2"):
        command = Command("PASS", argument, secret=True)
        assert str(command) == "PASS ****"
        assert repr(command) == "Command(verb='PASS', argument='****', secret=True)"
        assert f"{command}{command!r}{[command]}".count("hunter2") == 0


def test_a_command_reads_as_on_the_wire() -> None:
    assert str(Command("MAIL", "FROM:<>")) == "MAIL FROM:<>"
    assert str(Command("CWD", b"\xff")) == "CWD \udcff"
    assert str(Command("QUIT")) == "QUIT"
    assert str(Command("PASS", secret=True)) == "PASS"
    assert repr(Command("CWD", b"\xff")) == r"Command(verb='CWD', argument=b'\xff', secret=False)"
    assert repr(Command("PASS", secret=True)) == "Command(verb='PASS', argument=None, secret=True)"


def test_a_command_is_a_value() -> None:
    assert Command("PASS", "a", secret=True) == Command("PASS", "a", secret=True) != Command("PASS", "b", secret=True)
    assert len({Command("NOOP"), Command("NOOP"), Command("NOOP", "")}) == 2
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Command("NOOP").verb = "QUIT"  # type: ignore[misc]  # the point of the test


# encode_command and encode_line


@pytest.mark.parametrize(
    ("command", "encoded"),
    [
        (Command("NOOP"), b"NOOP\r\n"),
        (Command("NOOP", ""), b"NOOP \r\n"),
        (Command("noop"), b"noop\r\n"),
        (Command("X-1a", "é"), b"X-1a \xc3\xa9\r\n"),
        (Command("CWD", "  a b "), b"CWD   a b \r\n"),
        (Command("CWD", b"\xfe\x01"), b"CWD \xfe\x01\r\n"),
        (Command("CWD", "\udcfe"), b"CWD \xfe\r\n"),
        (Command("CWD", "\udcff/"), b"CWD \xff\xff/\r\n"),
        (Command("CWD", b"\xff\xff"), b"CWD \xff\xff\xff\xff\r\n"),
        (Command("PASS", "\ttab", secret=True), b"PASS \ttab\r\n"),
    ],
)
def test_ftp_commands_are_encoded(command: Command, encoded: bytes) -> None:
    assert encode_command(command, FTP_CLIENT) == encoded


def test_smtp_commands_are_encoded() -> None:
    assert encode_command(Command("MAIL", "FROM:<ü@x.y>"), SMTP_CLIENT) == b"MAIL FROM:<\xc3\xbc@x.y>\r\n"
    assert encode_command(Command("MAIL", "FROM:<ü@x.y>"), SMTP_CLIENT, "latin-1") == b"MAIL FROM:<\xfc@x.y>\r\n"
    assert encode_command(Command("RCPT", "TO:<\udcff@x.y>"), SMTP_CLIENT) == b"RCPT TO:<\xff@x.y>\r\n"


@pytest.mark.parametrize("dialect", ALL)
@pytest.mark.parametrize(
    "verb", ["", " ", "A B", "NOOP\r\nQUIT", "NOOP\n", "A\0", "1A", "-A", "É", "ſIZE", "A\udc80", "A_B"]
)
def test_a_verb_is_letters_digits_and_hyphens(verb: str, dialect: Dialect) -> None:
    with pytest.raises(LocalProtocolError, match="verb"):
        encode_command(Command(verb), dialect)


def encoded_both_ways(argument: str | bytes, dialect: Dialect, encoding: str) -> list[bytes]:
    """The octets of *argument* in a command and in a line of its own; both or neither are refused."""
    outcomes: list[bytes | LocalProtocolError] = []
    for with_verb in (True, False):
        try:
            if with_verb:
                outcomes.append(encode_command(Command("CWD", argument), dialect, encoding).removeprefix(b"CWD "))
            else:
                outcomes.append(encode_line(argument, dialect, encoding))
        except LocalProtocolError as exc:
            outcomes.append(exc)
    errors = [each for each in outcomes if isinstance(each, LocalProtocolError)]
    if errors:
        assert len(errors) == len(outcomes)
        raise errors[0]
    return [each for each in outcomes if isinstance(each, bytes)]


@pytest.mark.parametrize("dialect", ALL)
@pytest.mark.parametrize("octet", range(256))
def test_no_forbidden_octet_leaves_in_any_form(octet: int, dialect: Dialect) -> None:
    forbidden = octet in ((*range(32), 127) if dialect is SMTP_CLIENT else b"\0\r\n")
    octets = b"a%cb" % octet
    sent = octets.replace(b"\xff", b"\xff\xff") if dialect is FTP_CLIENT else octets
    for argument, encoding in (
        (octets, "utf-8"),
        (octets.decode("utf-8", "surrogateescape"), "utf-8"),
        (octets.decode("latin-1"), "latin-1"),
    ):
        if forbidden:
            with pytest.raises(LocalProtocolError, match=rf"0x{octet:02X} \(position 1\)"):
                encoded_both_ways(argument, dialect, encoding)
        else:
            assert encoded_both_ways(argument, dialect, encoding) == [sent + b"\r\n"] * 2


@pytest.mark.parametrize("dialect", ALL)
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_no_encoding_smuggles_a_line_end(encoding: str, dialect: Dialect) -> None:
    for argument in ("\u0d0a\u0d0a", "\u0a0d", "plain"):
        with pytest.raises(LocalProtocolError, match="must not hold octet"):
            encode_command(Command("CWD", argument), dialect, encoding)


@pytest.mark.parametrize("argument", ["hunter2\r\nQUIT", "hunter2\udc0a", "hunter2é\udfff", "hunter2" * 2000])
def test_an_error_never_shows_a_secret(argument: str) -> None:
    for command in (Command("PASS", argument, secret=True), Command("PASS " + argument, secret=True)):
        with pytest.raises(LocalProtocolError) as caught:
            encode_command(command, FTP_CLIENT, "ascii")
        shown = "".join(traceback.format_exception(caught.value))
        assert "hunter2" not in shown
        assert caught.value.__context__ is None
    with pytest.raises(LocalProtocolError) as caught:
        encode_line(argument, FTP_CLIENT, "ascii")
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_an_error_names_the_verb() -> None:
    with pytest.raises(LocalProtocolError, match=r"^argument of RETR must not hold octet 0x0A \(position 4\)$"):
        encode_command(Command("RETR", "file\n"), FTP_CLIENT)
    with pytest.raises(LocalProtocolError, match=r"^argument of MAIL cannot be sent: its character at position 6"):
        encode_command(Command("MAIL", "FROM:<é@x.y>"), SMTP_CLIENT, "ascii")


@pytest.mark.parametrize("dialect", ALL)
def test_a_line_is_bounded(dialect: Dialect) -> None:
    room = dialect.line_limit - len("CWD ")
    assert len(encode_command(Command("CWD", "x" * room), dialect)) == dialect.line_limit + 2
    with pytest.raises(LocalProtocolError, match=r"CWD would be longer than 8192 octets \(8193\)"):
        encode_command(Command("CWD", "x" * (room + 1)), dialect)
    assert len(encode_line("x" * dialect.line_limit, dialect)) == dialect.line_limit + 2
    with pytest.raises(LocalProtocolError, match=r"line would be longer than 8192 octets \(8193\)"):
        encode_line("x" * (dialect.line_limit + 1), dialect)


def test_escaped_octets_count_towards_the_limit() -> None:
    with pytest.raises(LocalProtocolError, match="longer"):
        encode_line(b"\xff" * 4097, FTP_CLIENT)


def test_a_line_without_a_verb_is_encoded() -> None:
    assert encode_line("", SMTP_CLIENT) == b"\r\n"
    assert encode_line("*", SMTP_CLIENT) == b"*\r\n"
    assert encode_line(b"\xff", FTP_CLIENT) == b"\xff\xff\r\n"


# CommandParser

CASES = [
    (b"NOOP\r\n", Command("NOOP")),
    (b"noop\n", Command("NOOP")),
    (b"NOOP \r\n", Command("NOOP", "")),
    (b"\r\n", Command("")),
    (b" NOOP\r\n", Command("", "NOOP")),
    (b"rEtR  a b \r\n", Command("RETR", " a b ")),
    (b"CWD\ta\r\n", Command("CWD\tA")),
    (b"CWD \xc3\xa9\xfe\r\n", Command("CWD", "é\udcfe")),
    (b"CWD \xff\xff\r\n", Command("CWD", "\udcff")),
    (b"CWD a\xffb\r\n", Command("CWD", "a\udcffb")),
    (b"\xff\xf4\xff\xf2ABOR\r\n", Command("ABOR")),
    (b"\xff\xf4\xffABOR\r\n", Command("ABOR")),
    (b"\xf2ABOR\r\n", Command("ABOR")),
    (b"\xff\xfd\x01\xff\xfb\x03NO\xff\xf1OP\r\n", Command("NOOP")),
    ("ſize é\r\n".encode(), Command("\udcc5\udcbfIZE", "é")),
    (b"pass hunter2\r\n", Command("PASS", "hunter2", secret=True)),
    (b"ACCT a\r\n", Command("ACCT", "a", secret=True)),
    (b"AUTH TLS\r\n", Command("AUTH", "TLS")),
]


@pytest.mark.parametrize(("data", "command"), CASES)
def test_a_command_is_parsed_however_it_arrives(data: bytes, command: Command) -> None:
    for chunks in ([data], one_by_one(data)):
        result = outcome(CommandParser(), chunks)
        assert (result.items, result.error, result.rest) == ([command], None, b"")
    parser = CommandParser()
    parser.feed(data + b"QUIT")
    assert parser.next_command() == command
    assert parser.next_command() is None
    assert parser.has_data
    assert parser.take_all() == b"QUIT"
    assert not parser.has_data


def test_smtp_hides_auth_and_knows_no_telnet() -> None:
    result = outcome(CommandParser(SMTP_CLIENT), [b"auth PLAIN AHUAcA==\r\nVRFY \xff\xff\r\n"])
    assert result.items == [Command("AUTH", "PLAIN AHUAcA==", secret=True), Command("VRFY", "\udcff\udcff")]
    assert "AHUAcA" not in repr(result.items)


def test_half_a_telnet_sequence_counts_as_data() -> None:
    parser = CommandParser()
    parser.feed(b"\xff\xfd")
    assert parser.next_command() is None
    assert parser.has_data
    assert parser.take_all() == b"\xff\xfd"
    assert not parser.has_data


@pytest.mark.parametrize("data", [b"NOOP\0\r\n", b"\0\r\n", b"PASS hunter2\0\r\n"])
def test_a_nul_is_the_peers_fault(data: bytes) -> None:
    for chunks in ([data], one_by_one(data)):
        result = outcome(CommandParser(), [b"CWD a\r\n", *chunks])
        assert result.items == [Command("CWD", "a")]
        assert result.error == f"command holds a NUL (position {data.index(0)})"


def test_a_received_line_is_bounded() -> None:
    longest = b"CWD " + b"x" * 4092
    assert len(outcome(CommandParser(), [longest + b"\r\n"]).items) == 1
    for data in (longest + b"x", longest + b"x\r\n", longest + b"xx"):
        assert outcome(CommandParser(), [data]).error == "line is longer than 4096 octets "


def test_waiting_commands_are_bounded() -> None:
    parser = CommandParser()
    parser.feed(b"NOOP\r\n" * 64)
    assert parser.next_command() == Command("NOOP")
    parser.feed(b"QUIT\r\nQ")
    with pytest.raises(RemoteProtocolError, match=r"more than 64 commands wait \(65\)"):
        parser.feed(b"UIT\n")
    with pytest.raises(RemoteProtocolError, match="more than 64"):
        parser.next_command()


def test_waiting_octets_are_bounded() -> None:
    line = b"CWD " + b"x" * 4090 + b"\r\n"
    parser = CommandParser()
    parser.feed(line * 4)
    with pytest.raises(RemoteProtocolError, match=r"more than 16384 octets of commands wait \(16385\)"):
        parser.feed(b"x")


def test_any_number_of_commands_passes_when_they_are_taken() -> None:
    assert len(outcome(CommandParser(), [b"CWD " + b"x" * 1000 + b"\r\n"] * 500).items) == 500


def test_taking_everything_makes_room() -> None:
    parser = CommandParser()
    parser.feed(b"NOOP\r\n" * 64)
    assert parser.take_all() == b"NOOP\r\n" * 64
    parser.feed(b"NOOP\r\n" * 64)
    assert parser.next_command() == Command("NOOP")


@pytest.mark.parametrize("data", [b"\0\n", b"x" * 5000, b"\n" * 65])
def test_a_parser_that_met_a_fault_stays_broken(data: bytes) -> None:
    parser = CommandParser()
    with pytest.raises(RemoteProtocolError) as first:  # noqa: PT012  # either of the two, as the case may be
        parser.feed(data)
        parser.next_command()
    for again in (parser.next_command, lambda: parser.feed(b"NOOP\r\n"), parser.next_command):
        with pytest.raises(RemoteProtocolError) as caught:
            again()
        assert str(caught.value) == str(first.value)


def test_arguments_have_the_encoding_asked_for() -> None:
    assert outcome(CommandParser(encoding="latin-1"), [b"CWD \xe9\r\n"]).items == [Command("CWD", "é")]
    with pytest.raises(LookupError):
        CommandParser(encoding="no-such-encoding")


def test_an_argument_that_an_encoding_cannot_keep_is_the_peers_fault_and_hidden() -> None:
    parser = CommandParser(encoding="iso2022_jp")
    parser.feed(b"PASS hunter2\x1b$B!\r\n")
    with pytest.raises(RemoteProtocolError, match="iso2022_jp") as caught:
        parser.next_command()
    assert caught.value.__context__ is None


@given(cut_octets(), st.sampled_from([SMTP_CLIENT, FTP_SERVER]))
def test_a_cut_changes_nothing_and_any_octets_parse_or_are_a_fault(
    cut: tuple[bytes, list[bytes]], dialect: Dialect
) -> None:
    data, chunks = cut
    # How much waits depends on how it is cut; that limit has tests of its own.
    roomy = attrs.evolve(dialect, queue_limit=10_000, queue_octets_limit=100_000)
    for each in (roomy, tightened(roomy)):
        whole = outcome(CommandParser(each), [data])
        assert outcome(CommandParser(each), chunks) == whole
        assert outcome(CommandParser(each), one_by_one(data)) == whole


@given(st.lists(st.sampled_from([b"\n", b"NOOP\r\n", b"x" * 9, b"\0"]), max_size=20))
def test_a_queue_is_full_when_it_holds_too_much(pieces: list[bytes]) -> None:
    parser = CommandParser(attrs.evolve(FTP_SERVER, queue_limit=3, queue_octets_limit=40))
    waiting = b""
    for piece in pieces:
        waiting += piece
        if waiting.count(b"\n") > 3 or len(waiting) > 40:
            with pytest.raises(RemoteProtocolError, match="wait"):
                parser.feed(piece)
            return
        parser.feed(piece)
    assert parser.take_all() == waiting


@given(
    st.from_regex(r"[A-Z][A-Z0-9-]{0,8}", fullmatch=True),
    st.none() | st.binary(max_size=30).map(lambda octets: octets.translate(None, bytes(range(32)) + b"\x7f")),
    st.sampled_from([FTP_CLIENT, SMTP_CLIENT]),
    st.sampled_from(["utf-8", "latin-1", "ascii"]),
)
def test_commands_come_back(verb: str, octets: bytes | None, dialect: Dialect, encoding: str) -> None:
    argument = octets if octets is None else octets.decode(encoding, "surrogateescape")
    command = Command(verb, argument, secret=verb in dialect.secret_verbs)
    data = encode_command(command, dialect, encoding)
    for chunks in ([data], one_by_one(data), [data, b"QU"]):
        assert outcome(CommandParser(dialect, encoding), chunks).items == [command]
    assert data == encode_command(attrs.evolve(command, argument=octets), dialect)
