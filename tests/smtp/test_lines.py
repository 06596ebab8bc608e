from __future__ import annotations

import itertools
import re
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.peers import MiniSMTP
from tests.smtp.support import RECIPIENT, SENDER, connected
from transfer.smtp import LinePolicy, SMTPMessageError
from transfer.smtp._dot import normalise
from transfer.smtp._lines import LINE_LIMIT, LineChecker, check_lines, has_long_line

STRICT, NORMALISE, ANY = LinePolicy
LONGEST, TOO_LONG = b"x" * LINE_LIMIT, b"x" * (LINE_LIMIT + 1)
ENDS = [b"\r\n", b"\r", b"\n"]
# Few different pieces, so that line ends and limits meet.
PIECES = st.sampled_from([b"\r", b"\n", b"\r\n", b"a", b"b" * 497, b"c" * 497 + b"\r\n", b"d" * 997, LONGEST, TOO_LONG])
BODIES = st.lists(PIECES, max_size=8).map(b"".join)


def is_refused(octets: bytes, policy: LinePolicy) -> bool:
    try:
        check_lines(octets, policy)
    except SMTPMessageError:
        return True
    return False


def is_refused_in_pieces(pieces: list[bytes], policy: LinePolicy) -> bool:
    checker = LineChecker(policy)
    try:
        for piece in pieces:
            checker.feed(piece)
        checker.finish()
    except SMTPMessageError:
        return True
    return False


def has_long_line_by_hand(octets: bytes) -> bool:
    return any(len(line) > 998 for line in re.split(rb"\r\n|\r|\n", octets))


def is_strict_by_hand(octets: bytes) -> bool:
    return re.search(rb"\r(?!\n)|(?<!\r)\n|\0", octets) is None and not has_long_line_by_hand(octets)


# -- what is refused, and how it is told -------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [*ENDS, b""], ids=repr)
@pytest.mark.parametrize("before", [b"", b"a\r\n", b"a\n" * 600, b"a\r" * 600, LONGEST + b"\r\n"], ids=len)
def test_a_line_has_998_octets_at_most(before: bytes, end: bytes) -> None:
    for after in (b"", b"a\r\n"):
        check_lines(before + LONGEST + end + after[len(after) * (not end) :], NORMALISE)
        assert is_refused(before + TOO_LONG + end + after, NORMALISE)
        assert not is_refused(before + TOO_LONG + end + after, ANY)


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (
            b"Subject: x\r\n\r\n" + b"y" * 1203 + b"\r\nz",
            r"line 3 of the message \(octet 14\) has 1203 octets, more than",
        ),
        (b"a\rb\n" + TOO_LONG, r"line 3 of the message \(octet 4\) has at least 999 octets"),
        (TOO_LONG, rf"line 1 .*: b'{'x' * 40}'\.\.\. \(RFC 5321 §4\.5\.3\.1\.6\).*LinePolicy\.ANY"),
    ],
    ids=["CRLF", "bare", "at once"],
)
def test_a_long_line_is_named_by_its_number_its_length_and_the_rule(octets: bytes, text: str) -> None:
    with pytest.raises(SMTPMessageError, match=text):
        check_lines(octets, NORMALISE)


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"a\r\nb\nc", r"line 2 of the message \(octet 4\) ends in a bare LF; .*§2\.3\.8"),
        (b"a\r\nb\rc", r"line 2 of the message \(octet 4\) ends in a bare CR"),
        (b"\n", r"line 1 of the message \(octet 0\) ends in a bare LF"),
        (b"a\r\r\nb", r"\(octet 1\) ends in a bare CR"),
        (b"a\r\n\n", r"\(octet 3\) ends in a bare LF"),
        (b"a\r", r"octet 1 of the message is a bare CR"),
        (b"a\r\r", r"octet 1\) ends in a bare CR"),
        (b"a\r\n\0b", r"line 2 of the message \(octet 3\) holds a NUL.*RFC 2045 §2\.7"),
    ],
    ids=repr,
)
def test_the_strict_policy_refuses_what_is_mended_otherwise(octets: bytes, text: str) -> None:
    with pytest.raises(SMTPMessageError, match=text):
        check_lines(octets, STRICT)
    for policy in (NORMALISE, ANY):
        check_lines(octets, policy)


def test_every_kind_of_octets_is_looked_at() -> None:
    for kind in (bytes, bytearray, memoryview):
        check_lines(kind(b"a\r\n"), STRICT)
        for octets, policy in ((b"a\n", STRICT), (TOO_LONG, NORMALISE)):
            with pytest.raises(SMTPMessageError):
                check_lines(kind(octets), policy)


def test_no_octets_are_no_line() -> None:
    for policy in LinePolicy:
        check_lines(b"", policy)
    assert not has_long_line(b"")


# -- pieces ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", [STRICT, NORMALISE])
@pytest.mark.parametrize("body", [b"a\r\nb\n", b"a\r\n\r\nb", b"\r\r\n", b"\n\r", b"\r\n", b"a\rb\0", b"a\r"], ids=repr)
def test_it_does_not_matter_where_a_message_is_cut(body: bytes, policy: LinePolicy) -> None:
    octets = LONGEST + body
    cuts = [0, 1, *range(LINE_LIMIT - 1, len(octets) + 1)]
    for first, second in itertools.combinations_with_replacement(cuts, 2):
        pieces = [octets[:first], octets[first:second], octets[second:]]
        assert is_refused_in_pieces(pieces, policy) is is_refused(octets, policy), pieces


@given(st.lists(BODIES, max_size=5))
def test_any_cut_is_judged_as_the_whole(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    for policy in LinePolicy:
        assert is_refused_in_pieces(pieces, policy) is is_refused(whole, policy)


@given(BODIES)
def test_the_judgement_is_that_of_a_look_at_every_line(octets: bytes) -> None:
    assert is_refused(octets, NORMALISE) is has_long_line_by_hand(octets) is has_long_line(normalise(octets))
    assert is_refused(octets, STRICT) is not is_strict_by_hand(octets)


def test_a_later_piece_is_named_by_its_octet() -> None:
    checker = LineChecker(NORMALISE)
    checker.feed(b"a\r\n" * 10)
    checker.feed(b"b\r\ncc")
    with pytest.raises(SMTPMessageError, match=r"at octet 33 of the message a line has 1001 octets"):
        checker.feed(b"x" * 999 + b"\r\n")


def test_a_checker_starts_afresh_after_the_end() -> None:
    checker = LineChecker(NORMALISE)
    for _ in range(3):
        checker.feed(LONGEST)
        checker.finish()
    strict = LineChecker(STRICT)
    strict.feed(b"a\r")
    with pytest.raises(SMTPMessageError, match="octet 1 of the message is a bare CR"):
        strict.finish()
    strict.feed(b"a\r\n")
    strict.finish()


# -- through the client ------------------------------------------------------------------------------------------------

OBJECT = EmailMessage()
OBJECT["From"], OBJECT["To"] = SENDER, RECIPIENT
OBJECT.set_content("gr\u00fc\u00df " + "y" * 1500 + "\n", cte="8bit")
RAW = b"Subject: x\r\n\r\n" + TOO_LONG + b"\r\n"


@pytest.mark.parametrize("policy", LinePolicy)
@pytest.mark.parametrize("extensions", [(), ("8BITMIME",)], ids=["seven bits", "eight bits"])
async def test_a_client_sends_an_object_by_its_policy(policy: LinePolicy, extensions: tuple[str, ...]) -> None:
    with MiniSMTP(extensions=extensions) as server:
        async with connected(server, line_policy=policy) as client:
            if policy is STRICT:
                with pytest.raises(SMTPMessageError, match="octets, more than 998"):
                    await client.send_message(OBJECT)
                assert [command[:4] for command in server.commands] == ["EHLO"]
                return
            await client.send_message(OBJECT)
    (message,) = server.messages
    assert has_long_line(message.content) is (policy is ANY and bool(extensions))
    assert message.content.isascii() is not (policy is ANY and bool(extensions))


@pytest.mark.parametrize("policy", LinePolicy)
@pytest.mark.parametrize("kind", [str, bytes, bytearray])
async def test_a_client_sends_octets_by_its_policy(smtp_server: MiniSMTP, policy: LinePolicy, kind: Any) -> None:
    raw = RAW.decode() if kind is str else kind(RAW)
    async with connected(smtp_server, line_policy=policy) as client:
        if policy is ANY:
            await client.sendmail(SENDER, RECIPIENT, raw)
            assert smtp_server.messages[0].content == RAW
            return
        with pytest.raises(SMTPMessageError, match=r"line 3 of the message \(octet 14\) has 999 octets"):
            await client.sendmail(SENDER, RECIPIENT, raw)
        assert [command[:4] for command in smtp_server.commands] == ["EHLO"]
