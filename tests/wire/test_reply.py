from __future__ import annotations

import copy
import pickle

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.feeding import cut_octets, one_by_one, outcome, tightened
from transfer._errors import LocalProtocolError, RemoteProtocolError
from transfer._wire.dialect import FTP_CLIENT, FTP_SERVER, SMTP_CLIENT, Dialect
from transfer._wire.reply import Reply, ReplyParser, Severity, encode_reply

DIALECTS = [pytest.param(SMTP_CLIENT, id="smtp"), pytest.param(FTP_CLIENT, id="ftp")]
EITHER = st.sampled_from([SMTP_CLIENT, FTP_CLIENT])

# What each dialect makes of one reply; every case is fed whole, octet by octet, and with trailing octets.
SMTP_REPLIES = [
    (b"250 ok\r\n", Reply(250, ("ok",))),
    (b"250 ok\n", Reply(250, ("ok",))),
    (b"250\r\n", Reply(250, ("",))),
    (b"250 \r\n", Reply(250, ("",))),
    (b"250  two spaces \r\n", Reply(250, (" two spaces ",))),
    (b"259 x\r\n", Reply(259, ("x",))),
    (b"599 x\r\n", Reply(599, ("x",))),
    (b"199 x\r\n", Reply(199, ("x",))),
    (b"250-234 text\r\n250 end\r\n", Reply(250, ("234 text", "end"))),
    (b"250-250-again\r\n250 250 end\r\n", Reply(250, ("250-again", "250 end"))),
    (b"250-\r\n250-\r\n250\r\n", Reply(250, ("", "", ""))),
    (b"250-mx.example\r\n250-SIZE 1000\n250 8BITMIME\r\n", Reply(250, ("mx.example", "SIZE 1000", "8BITMIME"))),
    (b"220 gr\xc3\xbc\xc3\x9f dich\r\n", Reply(220, ("grüß dich",))),
    (b"220 gr\xfc\xdf\r\n", Reply(220, ("gr\udcfc\udcdf",))),
    (b"220 \xff\xff\r\n", Reply(220, ("\udcff\udcff",))),
]
FTP_REPLIES = [
    (b"226 done\r\n", Reply(226, ("done",))),
    (b"226\r\n", Reply(226, ("",))),
    (b"226 \n", Reply(226, ("",))),
    (
        b"211-Features:\r\n UTF8\r\n MLST size*;\r\n211 End\r\n",
        Reply(211, ("Features:", " UTF8", " MLST size*;", "End")),
    ),
    (b"123-a\r\n456 text\r\n123 z\r\n", Reply(123, ("a", "456 text", "z"))),
    (b"123-a\r\n123-again\r\n123 z\r\n", Reply(123, ("a", "again", "z"))),
    (b"123-a\r\n  123 x\r\n123 z\r\n", Reply(123, ("a", "  123 x", "z"))),
    (b"123-a\r\n\r\n123\r\n123x\r\n123 \r\n", Reply(123, ("a", "", "123", "123x", ""))),
    (b"123-a\r\n456-b\r\n456 c\r\n123 z\r\n", Reply(123, ("a", "456-b", "456 c", "z"))),
    (b'257 "/a\xff\xffb"\r\n', Reply(257, ('"/a\udcffb"',))),
    (b'257 "/a\xffb"\r\n', Reply(257, ('"/a\udcffb"',))),
    (b"\xff\xf12\xff\xfd\x0326 ok\r\n", Reply(226, ("ok",))),
]
CASES = [
    *(pytest.param(SMTP_CLIENT, *case, id=f"smtp-{case[0]!r}") for case in SMTP_REPLIES),
    *(pytest.param(FTP_CLIENT, *case, id=f"ftp-{case[0]!r}") for case in FTP_REPLIES),
]


@pytest.mark.parametrize(("dialect", "data", "reply"), CASES)
def test_a_reply_is_parsed_however_it_arrives(dialect: Dialect, data: bytes, reply: Reply) -> None:
    for chunks in ([data], one_by_one(data)):
        result = outcome(ReplyParser(dialect), chunks)
        assert (result.items, result.error, result.rest) == ([reply], None, b"")


@pytest.mark.parametrize(("dialect", "data", "reply"), CASES)
@pytest.mark.parametrize("trailing", [b"2", b"25", b"550-begun", b"\r"])
def test_trailing_octets_stay(dialect: Dialect, data: bytes, reply: Reply, trailing: bytes) -> None:
    parser = ReplyParser(dialect)
    parser.feed(data + trailing)
    assert parser.next_reply() == reply
    assert parser.next_reply() is None
    assert parser.has_data
    assert parser.take_all() == trailing
    assert not parser.has_data


@pytest.mark.parametrize("dialect", DIALECTS)
def test_replies_in_one_segment_come_in_order(dialect: Dialect) -> None:
    result = outcome(ReplyParser(dialect), [b"250 a\r\n250-b\r\n250 c\r\n354 d\r\n42"])
    assert result.items == [Reply(250, ("a",)), Reply(250, ("b", "c")), Reply(354, ("d",))]
    assert result.rest == b"42"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_begun_reply_counts_as_data_and_can_be_taken(dialect: Dialect) -> None:
    parser = ReplyParser(dialect)
    parser.feed(b"250-a\r\n")
    assert parser.next_reply() is None
    assert parser.has_data
    parser.feed(b"250-b\n25")
    assert parser.next_reply() is None
    assert parser.take_all() == b"250-a\r\n250-b\r\n25"
    assert parser.take_all() == b""
    parser.feed(b"220 fresh\r\n")
    assert parser.next_reply() == Reply(220, ("fresh",))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_parser_has_data_only_until_it_is_delivered(dialect: Dialect) -> None:
    assert not ReplyParser(dialect).has_data
    parser = ReplyParser(dialect)
    parser.feed(b"250-a\r\n250 b\r\n")
    parser.next_reply()
    assert not parser.has_data


def test_half_a_telnet_sequence_counts_as_data() -> None:
    parser = ReplyParser(FTP_CLIENT)
    parser.feed(b"226 ok\r\n\xff")
    assert parser.next_reply() == Reply(226, ("ok",))
    assert parser.has_data
    assert parser.take_all() == b"\xff"
    assert not parser.has_data


MALFORMED = [
    *(b"\r\n", b" \r\n", b"2\r\n", b"25\r\n", b"  0\r\n", b"+25 x\r\n", b"2_5 x\r\n", b" 250 x\r\n", b"-250 x\r\n"),
    *(b"25x\r\n", b"250x\r\n", b"250\ttext\r\n", b"2500 x\r\n", b"0250 x\r\n"),
    *(b"050 x\r\n", b"099 x\r\n", b"600 x\r\n", b"650 x\r\n", b"999 x\r\n"),
    *("\u0662\u0665\u0660 x\r\n".encode(), "\uff12\uff15\uff10 x\r\n".encode(), "\u00b2\u2075\u2070 x\r\n".encode()),
    *(b"HTTP/1.1 400 Bad Request\r\n", b"SSH-2.0-x\r\n"),
    *(b"250 a\0b\r\n", b"250\0\r\n", b"\0\r\n", b"250-a\r\n250-\0\r\n250 z\r\n", b"250-a\r\n250 z\0\r\n"),
]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("data", MALFORMED)
def test_what_is_no_reply_is_the_peers_fault(dialect: Dialect, data: bytes) -> None:
    for chunks in ([data], one_by_one(data), [data + b"250 ok\r\n"]):
        result = outcome(ReplyParser(dialect), chunks)
        assert result.items == []
        assert result.error is not None


@pytest.mark.parametrize("line", [b"550 b", b"550-b", b"b", b"", b"25", b"250b", b" 250 b"])
def test_smtp_lines_carry_one_code(line: bytes) -> None:
    result = outcome(ReplyParser(SMTP_CLIENT), [b"250-a\r\n" + line + b"\r\n250 c\r\n"])
    assert result.items == []
    assert result.error == f"reply that began with 250 goes on with {line!r}"


def test_an_error_shows_the_beginning_of_the_line() -> None:
    result = outcome(ReplyParser(SMTP_CLIENT), [b"HTTP/1.1 400 Bad Request and \xff\r\n"])
    assert result.error == r"reply does not begin with a code from 100 to 599: b'HTTP/1.1 400 Bad Request and \xff'"
    result = outcome(ReplyParser(SMTP_CLIENT), [b"x" * 41 + b"\r\n"])
    assert result.error is not None
    assert result.error.endswith("'" + "x" * 40 + "'...")


@pytest.mark.parametrize("data", [b"bad\r\n250 ok\r\n", b"250-a\r\n\0\r\n250 ok\r\n", b"x" * 9000])
def test_a_parser_that_met_a_fault_stays_broken(data: bytes) -> None:
    parser = ReplyParser(SMTP_CLIENT)
    parser.feed(data)
    with pytest.raises(RemoteProtocolError) as first:
        parser.next_reply()
    for again in (parser.next_reply, lambda: parser.feed(b"250 ok\r\n"), parser.next_reply):
        with pytest.raises(RemoteProtocolError) as caught:
            again()
        assert str(caught.value) == str(first.value)
    assert parser.has_data


def test_replies_before_a_fault_are_delivered() -> None:
    result = outcome(ReplyParser(SMTP_CLIENT), [b"250 a\r\n250 b\r\nc\r\n"])
    assert result.items == [Reply(250, ("a",)), Reply(250, ("b",))]
    assert result.error is not None


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_line_is_bounded(dialect: Dialect) -> None:
    longest = b"250 " + b"x" * (dialect.line_limit - 4)
    parser = ReplyParser(dialect)
    parser.feed(longest + b"\r\n" + longest + b"x")
    assert parser.next_reply() == Reply(250, (longest[4:].decode(),))
    with pytest.raises(RemoteProtocolError, match=r"longer than 8192 octets \(8193 received\)"):
        parser.next_reply()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_reply_is_bounded_in_octets(dialect: Dialect) -> None:
    dialect = attrs.evolve(dialect, reply_limit=30)
    ten = b"250-123456\r\n"
    assert outcome(ReplyParser(dialect), [ten + ten + b"250 123456\r\n"]).error is None
    parser = ReplyParser(dialect)
    parser.feed(ten + ten + ten)
    assert parser.next_reply() is None
    parser.feed(b"250-\r\n")
    with pytest.raises(RemoteProtocolError, match=r"longer than 30 octets \(34 received\)"):
        parser.next_reply()
    single = ReplyParser(dialect)
    single.feed(b"250 " + b"x" * 27)
    with pytest.raises(RemoteProtocolError, match="longer than 30 octets"):
        single.next_reply()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_reply_is_counted_anew(dialect: Dialect) -> None:
    parser = ReplyParser(attrs.evolve(dialect, reply_limit=20))
    for _ in range(3):
        parser.feed(b"250-123456\r\n250 123456\r\n250-123456\r\n")
        assert parser.next_reply() == Reply(250, ("123456", "123456"))
        assert parser.next_reply() is None
        assert parser.take_all() == b"250-123456\r\n"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_reply_is_bounded_in_lines(dialect: Dialect) -> None:
    limit = dialect.reply_lines_limit
    longest = b"250-\r\n" * (limit - 1) + b"250 \r\n"
    [reply] = outcome(ReplyParser(dialect), [longest]).items
    assert isinstance(reply, Reply)
    assert len(reply.lines) == limit
    # The count begins anew with each reply.
    assert len(outcome(ReplyParser(dialect), [longest, longest]).items) == 2
    assert outcome(ReplyParser(dialect), [b"250-\r\n" + longest]).error == f"reply has more than {limit} lines"


def test_text_has_the_encoding_asked_for() -> None:
    assert outcome(ReplyParser(FTP_CLIENT, "latin-1"), [b"250 gr\xfc\xdf\r\n"]).items == [Reply(250, ("grüß",))]


def test_text_that_an_encoding_cannot_keep_is_the_peers_fault() -> None:
    result = outcome(ReplyParser(FTP_CLIENT, "iso2022_jp"), [b"250 \x1b$B!\r\n"])
    assert result.error is not None
    assert "iso2022_jp" in result.error


@pytest.mark.parametrize("encoding", ["no-such-encoding", "hex"])
def test_an_unknown_encoding_is_refused_at_once(encoding: str) -> None:
    with pytest.raises(LookupError):
        ReplyParser(SMTP_CLIENT, encoding)


def test_an_encoding_without_ascii_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="utf-16"):
        ReplyParser(SMTP_CLIENT, "utf-16")


@given(cut_octets(), EITHER)
def test_a_cut_changes_nothing_and_any_octets_parse_or_are_a_fault(
    cut: tuple[bytes, list[bytes]], dialect: Dialect
) -> None:
    data, chunks = cut
    for each in (dialect, tightened(dialect)):
        whole = outcome(ReplyParser(each), [data])
        assert outcome(ReplyParser(each), chunks) == whole
        assert outcome(ReplyParser(each), one_by_one(data)) == whole


LINES = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=20)
CODES = st.integers(100, 599)


@given(CODES, st.lists(LINES, min_size=1, max_size=5), st.binary(max_size=8))
def test_smtp_replies_come_back(code: int, lines: list[str], trailing: bytes) -> None:
    parser = ReplyParser(SMTP_CLIENT)
    parser.feed(encode_reply(code, lines, dialect=SMTP_CLIENT) + trailing)
    assert parser.next_reply() == Reply(code, tuple(lines))
    assert parser.take_all() == trailing


@given(CODES, st.lists(LINES, min_size=1, max_size=5), st.sampled_from(["utf-8", "latin-1"]))
def test_ftp_replies_come_back_but_for_the_indent(code: int, lines: list[str], encoding: str) -> None:
    octets = [line.encode(encoding, "ignore") for line in lines]
    lines = [line.decode(encoding) for line in octets]
    expected = [" " + line if 0 < i < len(lines) - 1 and octets[i][:3].isdigit() and len(octets[i]) > 2 else line
                for i, line in enumerate(lines)]  # fmt: skip
    data = encode_reply(code, lines, encoding)
    for chunks in ([data], one_by_one(data)):
        assert outcome(ReplyParser(FTP_CLIENT, encoding), chunks).items == [Reply(code, tuple(expected))]


@given(CODES, st.binary(max_size=20).map(lambda octets: octets.translate(None, b"\r\n\0")), EITHER)
def test_octets_that_are_no_text_come_back(code: int, octets: bytes, dialect: Dialect) -> None:
    text = octets.decode("utf-8", "surrogateescape")
    data = encode_reply(code, text, dialect=dialect)
    assert outcome(ReplyParser(dialect), [data]).items == [Reply(code, (text,))]


@pytest.mark.parametrize(
    ("lines", "encoded"),
    [
        ("one str is one line", b"220 one str is one line\r\n"),
        ([], b"220 \r\n"),
        ([""], b"220 \r\n"),
        (("a", "b"), b"220-a\r\n220 b\r\n"),
        (iter(["a", "b", "c"]), b"220-a\r\nb\r\n220 c\r\n"),
        (
            ["220 a", "220 b", "12", "123", "456-", "220 c"],
            b"220-220 a\r\n 220 b\r\n12\r\n 123\r\n 456-\r\n220 220 c\r\n",
        ),
        (["a", "\u0662\u0662\u0660 b", ""], "220-a\r\n\u0662\u0662\u0660 b\r\n220 \r\n".encode()),
        ("\udcff", b"220 \xff\xff\r\n"),
        (["a", "\udcff", "b"], b"220-a\r\n\xff\xff\r\n220 b\r\n"),
    ],
)
def test_ftp_replies_are_encoded(lines: str | list[str], encoded: bytes) -> None:
    assert encode_reply(220, lines) == encoded


def test_smtp_replies_are_encoded() -> None:
    assert encode_reply(250, ["a", "123 b", "c\udcff"], dialect=SMTP_CLIENT) == b"250-a\r\n250-123 b\r\n250 c\xff\r\n"


@pytest.mark.parametrize("code", [-1, 0, 99, 600, 2500])
def test_codes_out_of_range_are_the_callers_fault(code: int) -> None:
    with pytest.raises(LocalProtocolError, match=str(code)):
        encode_reply(code, "text")


@pytest.mark.parametrize("dialect", [SMTP_CLIENT, FTP_SERVER])
@pytest.mark.parametrize("text", ["a\r", "a\n", "a\r\n230 b", "\0"])
def test_a_line_cannot_hold_another(text: str, dialect: Dialect) -> None:
    for lines in (text, ["a", text], [text, "a"], ["a", text, "b"]):
        with pytest.raises(LocalProtocolError, match="line of reply 250"):
            encode_reply(250, lines, dialect=dialect)


def test_text_outside_the_encoding_is_the_callers_fault() -> None:
    with pytest.raises(LocalProtocolError, match="ascii"):
        encode_reply(250, "é", "ascii")


@pytest.mark.parametrize("digit", range(1, 6))
@pytest.mark.parametrize("rest", [0, 59, 99])
def test_the_first_digit_decides(digit: int, rest: int) -> None:
    assert Reply(digit * 100 + rest, ("",)).severity is Severity(digit)


def test_severities_are_ordered() -> None:
    assert Severity.PRELIMINARY < Severity.COMPLETION < Severity.INTERMEDIATE < Severity.TRANSIENT < Severity.PERMANENT


def test_a_reply_reads_as_on_the_wire() -> None:
    assert str(Reply(550, ("5.1.1 no such user",))) == "550 5.1.1 no such user"
    assert str(Reply(250, ("a", "b"))) == "250 a\nb"
    assert Reply(250, ("a", "b")).text == "a\nb"
    assert str(Reply(250, ("",))) == "250"


def test_a_reply_is_a_value() -> None:
    reply = Reply(250, ("a", "b"))
    assert pickle.loads(pickle.dumps(reply)) == copy.deepcopy(reply) == reply
    assert len({reply, Reply(250, ("a", "b")), Reply(251, ("a", "b"))}) == 2
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        reply.code = 550  # type: ignore[misc]  # the point of the test
