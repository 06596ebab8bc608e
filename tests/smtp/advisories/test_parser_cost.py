"""Parser denial of service: hostile texts cost time in proportion to their length, and no depth of the stack.

GHSA-rcmh-qjqh-p98v, GHSA-2x7j-588g-ccc2, GHSA-prgh-xp8r-p3m5, GHSA-v53p-9fqp-m79j, GHSA-9h6g-pr28-7cqp. No time is
measured: calls are counted, of Python functions and of built-in ones. What a single regular expression does in one call
is bounded by the time-out, which at 1 MB anything quadratic exceeds a hundred times over.
"""

from __future__ import annotations

import contextlib
import email
import email.policy
import sys
from collections.abc import Callable
from typing import Any

import pytest

from transfer.smtp import SMTPAddressError, SMTPMessageError
from transfer.smtp._address import parse_mailbox
from transfer.smtp._commands import check_hostname, check_options
from transfer.smtp._dot import normalise
from transfer.smtp._headers import parse_address, parse_addresses, with_ascii_domains
from transfer.smtp._lines import LinePolicy, check_lines
from transfer.smtp._message import extract_recipients, flatten_message, needs_smtputf8

OCTETS = 1_000_000
PIECES = [
    *("(", ")", ",", "<", ">", '"', "[", "\\", ":", ";", ".", "@", " ", "\t", "=", "a", "\u00e9"),
    *(
        '"a" ',
        "()",
        "(\\",
        "<a",
        '<"',
        '"\\',
        "a@b,",
        "a@b.c ",
        "a@b\u00fc.c,",
        "Team:",
        "Team:;",
        "=?",
        "=?a?q?b?=",
        "\r\n ",
        "\\\\",
    ),
]


def consume(text: str) -> None:
    list(parse_addresses(text, "To"))


PARSERS: dict[str, Callable[[str], object]] = {
    "address": parse_mailbox,
    "one of a header": parse_address,
    "header": consume,
    "domains": lambda text: with_ascii_domains(text, "To"),
    "host": check_hostname,
    "option": lambda text: check_options([text]),
    "lines": lambda text: check_lines(text.encode(), LinePolicy.STRICT),
    "line ends": lambda text: normalise(text.encode()),
}


def count_calls(work: Callable[[str], object], text: str) -> tuple[int, int]:
    """How many calls *work* makes, and how deep they go."""
    calls = depth = deepest = 0

    def watch(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls, depth, deepest
        if event in ("call", "c_call"):
            calls += 1
        depth += {"call": 1, "return": -1}.get(event, 0)
        deepest = max(deepest, depth)

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        with contextlib.suppress(SMTPAddressError, SMTPMessageError):
            work(text)
    finally:
        sys.setprofile(before)
    return calls, deepest


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", PARSERS)
def test_a_megabyte_is_read_or_refused_at_once(name: str) -> None:
    # Lists are read token by token, which takes a microsecond each.
    octets = OCTETS // 10 if name in ("header", "domains") else OCTETS
    for piece in PIECES:
        for text in (piece * (octets // len(piece)), "a@b.c, " + piece * (octets // len(piece)) + "x"):
            with contextlib.suppress(SMTPAddressError, SMTPMessageError):
                PARSERS[name](text)
    if octets < OCTETS:
        for piece in ("(", '"a" ', "<"):
            with contextlib.suppress(SMTPAddressError):
                PARSERS[name](piece * (OCTETS // len(piece)))


@pytest.mark.parametrize("name", PARSERS)
def test_twice_the_length_costs_twice_the_calls_and_no_depth(name: str) -> None:
    for piece in PIECES:
        once, shallow = count_calls(PARSERS[name], piece * 1_000)
        twice, deep = count_calls(PARSERS[name], piece * 2_000)
        assert twice <= 2 * once + 100, piece
        assert deep <= shallow + 5, piece


@pytest.mark.timeout(20)
@pytest.mark.parametrize("policy", [email.policy.default, email.policy.compat32], ids=repr)
@pytest.mark.parametrize("work", [extract_recipients, needs_smtputf8, flatten_message])
def test_a_parsed_message_with_a_hostile_header_is_handled_at_once(work: Callable[[Any], object], policy: Any) -> None:
    for piece in PIECES:
        message = email.message_from_bytes(
            b"To: " + (piece * (50_000 // len(piece))).encode() + b"\r\n\r\nx", policy=policy
        )
        with contextlib.suppress(SMTPAddressError, SMTPMessageError):
            work(message)


@pytest.mark.timeout(20)
def test_parts_in_parts_end_in_an_error_and_not_in_a_crash() -> None:
    source = b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (depth, depth) for depth in range(3_000)
    )
    with contextlib.suppress(RecursionError):
        message = email.message_from_bytes(source)
        with contextlib.suppress(SMTPMessageError, SMTPAddressError):
            flatten_message(message, cte_type="7bit")
