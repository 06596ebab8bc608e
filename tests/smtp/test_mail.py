from __future__ import annotations

from collections.abc import AsyncIterator
from email.message import EmailMessage
from typing import Any

import pytest

from tests.smtp.support import RECIPIENT, SENDER, TEXT, letter
from transfer import smtp
from transfer.smtp import Mail
from transfer.smtp._content import MemoryContent
from transfer.smtp._extensions import Extensions
from transfer.smtp._mail import Draft, draft, prepare, to_octets
from transfer.smtp._transaction import Prepared

NOTHING = Extensions()


def extensions(*keywords: str) -> Extensions:
    return Extensions(dict.fromkeys(keywords, ""))


def outline(sender: str = SENDER, recipients: str | list[str] = RECIPIENT, message: str | bytes = TEXT) -> Draft:
    return draft(Mail(message, sender=sender, recipients=recipients))


def octets(mail: Prepared) -> bytes:
    assert isinstance(mail.content, MemoryContent)
    return mail.content.data


def lines(mail: Prepared) -> list[str]:
    return [str(command) for command in (mail.envelope.mail, *mail.envelope.rcpts)]


# -- the caller's part, checked before anything is sent ----------------------------------------------------------------


def test_octets_are_drafted_with_their_envelope() -> None:
    mail = prepare(outline(), NOTHING)

    assert lines(mail) == ["MAIL FROM:<anna@example.org>", "RCPT TO:<ben@example.net>"]
    assert octets(mail) == TEXT
    assert (mail.envelope.sender, mail.envelope.recipients) == (SENDER, (RECIPIENT,))


def test_one_str_is_one_recipient() -> None:
    assert [mailbox.text for mailbox in outline(recipients="ben").recipients] == ["ben"]


def test_a_mailbox_named_twice_gets_one_copy() -> None:
    drafted = outline(recipients=["b@x.org", "b@X.ORG", "B@x.org", "b@x.org"])

    assert [mailbox.text for mailbox in drafted.recipients] == ["b@x.org", "B@x.org"]


@pytest.mark.parametrize("sender", ["", "<>"])
def test_the_null_sender_is_sent_as_such(sender: str) -> None:
    assert lines(prepare(outline(sender), NOTHING))[0] == "MAIL FROM:<>"


def test_a_mail_without_recipients_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(smtp.SMTPRecipientsRefused) as caught:
        outline(recipients=[])

    assert caught.value.recipients == []
    assert caught.value.delivery is smtp.Delivery.NOT_SENT
    assert not caught.value.retryable


@pytest.mark.parametrize("address", ["a@x> NOTIFY=NEVER", "a@x SIZE=1", "<a@x", "a@x>", "a@x\r\nRSET", "Ben <b@x.org>"])
def test_an_address_outside_of_the_grammar_is_an_address_error(address: str) -> None:
    with pytest.raises(smtp.SMTPAddressError):
        outline(address)
    with pytest.raises(smtp.SMTPAddressError):
        outline(recipients=[RECIPIENT, address])


@pytest.mark.parametrize("option", ["SIZE=1\r\nRSET", "SIZE=1 X=2", "=", "", "A=\0"])
def test_an_option_outside_of_the_grammar_is_an_address_error(option: str) -> None:
    with pytest.raises(smtp.SMTPAddressError):
        draft(Mail(TEXT, sender=SENDER, recipients=RECIPIENT, mail_options=[option]))
    with pytest.raises(smtp.SMTPAddressError):
        draft(Mail(TEXT, sender=SENDER, recipients=RECIPIENT, rcpt_options=[option]))


def test_one_str_is_no_list_of_options() -> None:
    with pytest.raises(TypeError):
        draft(Mail(TEXT, sender=SENDER, recipients=RECIPIENT, mail_options="SIZE=1"))


def test_a_text_is_sent_in_utf_8_with_line_ends_mended() -> None:
    assert to_octets("é\nb\rc") == b"\xc3\xa9\r\nb\r\nc\r\n"
    with pytest.raises(smtp.SMTPMessageError):
        to_octets("\ud800")


# -- message objects ---------------------------------------------------------------------------------------------------


def test_headers_give_the_envelope() -> None:
    message = letter(Sender="boss@example.org", Cc="c@x.org, b@x.org", Bcc="d@x.org", To="b@x.org")
    mail = prepare(draft(Mail(message)), NOTHING)

    assert lines(mail) == [
        "MAIL FROM:<boss@example.org>",
        "RCPT TO:<b@x.org>",
        "RCPT TO:<c@x.org>",
        "RCPT TO:<d@x.org>",
    ]
    assert b"d@x.org" not in octets(mail)
    assert message["Bcc"] == "d@x.org"


def test_arguments_take_the_place_of_headers() -> None:
    mail = prepare(draft(Mail(letter(), sender="", recipients=["root"])), NOTHING)

    assert lines(mail) == ["MAIL FROM:<>", "RCPT TO:<root>"]


def test_a_resent_message_goes_by_its_resent_headers() -> None:
    message = letter(
        Resent_Date="Mon, 01 Jan 2024 00:00:00 +0000", Resent_From="c@x.org", Resent_To="d@x.org", Resent_Bcc="e@x.org"
    )
    mail = prepare(draft(Mail(message)), NOTHING)

    assert lines(mail) == ["MAIL FROM:<c@x.org>", "RCPT TO:<d@x.org>", "RCPT TO:<e@x.org>"]
    assert b"Resent-Bcc" not in octets(mail)


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        (letter(From=""), "no sender"),
        (letter(To=""), "no recipients"),
        (letter(Resent_Date="x", From="", To=""), "no sender"),
    ],
    ids=["no From", "no To", "no Resent-From"],
)
def test_a_message_that_names_nobody_is_a_value_error(message: EmailMessage, fault: str) -> None:
    with pytest.raises(ValueError, match=fault) as caught:
        draft(Mail(message))

    assert isinstance(caught.value, smtp.SMTPMessageError)


def test_two_resent_blocks_are_a_value_error() -> None:
    message = letter()
    for _ in range(2):
        message["Resent-Date"] = "Mon, 01 Jan 2024 00:00:00 +0000"
    with pytest.raises(ValueError, match="2 Resent- blocks"):
        draft(Mail(message))


def test_a_bare_name_in_a_header_is_refused() -> None:
    with pytest.raises(smtp.SMTPAddressError):
        draft(Mail(letter(To="A, B <b@x.org>")))


# -- what the server offers --------------------------------------------------------------------------------------------


def test_the_size_is_that_of_what_is_sent() -> None:
    mail = prepare(outline(message=b"a\n.b\nc"), extensions("size"))

    assert octets(mail) == b"a\r\n.b\r\nc\r\n"
    assert lines(mail)[0] == "MAIL FROM:<anna@example.org> SIZE=10"


def test_the_callers_own_parameters_win() -> None:
    drafted = draft(
        Mail(
            "é",
            sender=SENDER,
            recipients=RECIPIENT,
            mail_options=["size=7", "RET=HDRS", "ENVID=q1"],
            rcpt_options=["NOTIFY=NEVER"],
        )
    )
    mail = prepare(drafted, extensions("size", "8bitmime", "dsn"))

    assert lines(mail) == [
        "MAIL FROM:<anna@example.org> size=7 BODY=8BITMIME RET=HDRS ENVID=q1",
        "RCPT TO:<ben@example.net> NOTIFY=NEVER",
    ]


@pytest.mark.parametrize(("text", "parameter"), [("plain", ""), ("é", " BODY=8BITMIME")])
def test_8bitmime_is_asked_for_when_the_message_needs_it(text: str, parameter: str) -> None:
    mail = prepare(outline(message=text), extensions("8bitmime"))

    assert lines(mail)[0] == f"MAIL FROM:<anna@example.org>{parameter}"


def test_without_8bitmime_text_parts_are_encoded_anew() -> None:
    message = letter()
    message.set_content("Grüße\n", cte="8bit")
    drafted = draft(Mail(message))

    assert "Grüße".encode() in octets(prepare(drafted, extensions("8bitmime")))
    encoded = prepare(drafted, NOTHING)
    assert octets(encoded).isascii()
    assert message["Content-Transfer-Encoding"] == "8bit"


@pytest.mark.parametrize(
    ("sender", "recipient"),
    [("grün@example.org", RECIPIENT), (SENDER, "grün@example.org")],
    ids=["sender", "recipient"],
)
def test_an_address_outside_of_ascii_needs_smtputf8(sender: str, recipient: str) -> None:
    drafted = outline(sender, recipient)
    with pytest.raises(smtp.SMTPNotSupported, match="SMTPUTF8"):
        prepare(drafted, NOTHING)

    assert lines(prepare(drafted, extensions("smtputf8"))) == [
        f"MAIL FROM:<{sender}> SMTPUTF8",
        f"RCPT TO:<{recipient}>",
    ]


def test_smtputf8_is_used_when_only_a_header_needs_it() -> None:
    drafted = draft(Mail(letter(Reply_To="grün@example.org")))
    with pytest.raises(smtp.SMTPNotSupported):
        prepare(drafted, NOTHING)
    mail = prepare(drafted, extensions("smtputf8", "8bitmime"))

    assert lines(mail)[0] == "MAIL FROM:<anna@example.org> BODY=8BITMIME SMTPUTF8"
    assert "Reply-To: grün@example.org".encode() in octets(mail)


def test_a_name_outside_of_ascii_needs_no_smtputf8() -> None:
    drafted = draft(Mail(letter(To="Bärbel <ben@example.net>")))

    assert lines(prepare(drafted, extensions("smtputf8")))[0] == "MAIL FROM:<anna@example.org>"


def test_a_domain_outside_of_ascii_goes_in_a_labels_unless_smtputf8_is_in_force() -> None:
    drafted = outline(recipients="b@bücher.example")
    assert lines(prepare(drafted, extensions("smtputf8")))[1] == "RCPT TO:<b@xn--bcher-kva.example>"
    asked = draft(Mail(TEXT, sender=SENDER, recipients="b@bücher.example", mail_options=["smtputf8"]))

    assert lines(prepare(asked, extensions("smtputf8")))[1] == "RCPT TO:<b@bücher.example>"
    with pytest.raises(smtp.SMTPNotSupported):
        prepare(asked, NOTHING)


def test_a_command_that_would_be_too_long_is_an_address_error() -> None:
    drafted = draft(Mail(TEXT, sender=SENDER, recipients=RECIPIENT, rcpt_options=["ORCPT=" + "x" * 8192]))
    with pytest.raises(smtp.SMTPAddressError, match="longer than 8192 octets"):
        prepare(drafted, NOTHING)


@pytest.mark.parametrize("given", [b"b@x.org", 5, None, [None], [b"b@x.org"], [("Ben", "b@x.org")]], ids=repr)
def test_what_are_no_recipients_is_a_type_error_that_says_so(given: Any) -> None:
    with pytest.raises((TypeError, smtp.SMTPMessageError), match=r"recipients|an address is a str, not"):
        draft(smtp.Mail(TEXT, sender=SENDER, recipients=given))


def test_what_one_server_cannot_take_the_next_one_may() -> None:
    class Pieces:
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield "Grüße".encode()

    drafted = draft(Mail(Pieces(), sender=SENDER, recipients=RECIPIENT))
    assert prepare(drafted, NOTHING).content.only_ascii
    assert not prepare(drafted, extensions("8bitmime")).content.only_ascii
