"""Parameter injection, which needs no line end: what stands between ``<`` and ``>`` is the address and nothing else.

D13 holds the same of each call; here it is the property.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.smtp import SMTPAddressError
from transfer.smtp import _commands as commands
from transfer.smtp._address import Mailbox, parse_mailbox
from transfer.smtp._headers import parse_address

# Few different pieces, so that brackets, blanks and parameters meet addresses.
WORDS = ["a", "b.c", "@", "x.y", "SIZE=1", "NOTIFY=NEVER", "\u00e9", "\ud800", "[127.0.0.1]", "IPv6:::1"]
MARKS = [*'<> "\\=,;:([])\t\r\n\0', "\x85", "\u2028"]
PIECES = st.lists(st.sampled_from(WORDS + MARKS), max_size=8).map("".join)


def accepted(text: str) -> Mailbox | None:
    try:
        return parse_mailbox(text)
    except SMTPAddressError:
        return None


@given(PIECES | st.text(max_size=20))
def test_what_is_in_brackets_parses_back_to_the_address(text: str) -> None:
    mailbox = accepted(text)
    if mailbox is None:
        return
    for command in (commands.mail(mailbox, utf8=True), commands.rcpt(mailbox, utf8=True)):
        assert isinstance(command.argument, str)
        verb, _, path = command.argument.partition(":")
        assert verb in ("FROM", "TO")
        assert path.startswith("<")
        assert path.endswith(">")
        again = parse_mailbox(path[1:-1])
        assert again.key == mailbox.key
        # As it was given, but for the brackets around it and the form of a domain outside of ASCII.
        if text.isascii():
            assert path[1:-1] == text.strip(" ").removeprefix("<").removesuffix(">")
        # Outside of quotes there is no way out of the brackets.
        unquoted = path[1:-1] if not path.startswith('<"') else path[path.rindex('"') + 1 : -1]
        assert not set(unquoted) & set("<> \r\n\0\t")


@given(PIECES, st.sampled_from(["> NOTIFY=NEVER", " SIZE=1", ">", "> SIZE=1 <", "\r\nRSET", "> ORCPT=rfc822;z@z.z"]))
def test_nothing_can_be_added_to_an_address(text: str, tail: str) -> None:
    if accepted(text) is None or text.strip(" ").startswith("<"):
        return
    with pytest.raises(SMTPAddressError):
        parse_mailbox(text.rstrip(" ") + tail)


@pytest.mark.parametrize(
    "text", ["a@x> NOTIFY=NEVER", "a@x SIZE=1", "<a@x", "a@x>", "<a@x> SIZE=1", "<<a@x>>", "a@x,b@y"]
)
def test_an_address_with_something_is_no_address(text: str) -> None:
    for parse in (parse_mailbox, parse_address):
        with pytest.raises(SMTPAddressError):
            parse(text)


@given(PIECES | st.text(max_size=20))
def test_a_raw_parameter_is_one_word(option: str) -> None:
    try:
        (checked,) = commands.check_options([option])
    except SMTPAddressError:
        return
    assert checked == option
    assert len(option.split()) == 1
    assert option.count("=") <= 1
