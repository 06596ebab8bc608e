from __future__ import annotations

import contextlib
import email
import email.policy
from email.header import Header
from email.message import EmailMessage, Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from typing import Any

import pytest

from transfer.smtp._errors import SMTPAddressError, SMTPMessageError
from transfer.smtp._lines import LinePolicy, has_long_line
from transfer.smtp._message import (
    extract_recipients,
    extract_sender,
    flatten_message,
    needs_smtputf8,
    recipients_of,
    sender_of,
)

BLIND = "blind@x.y"


def new_message(**headers: Any) -> EmailMessage:
    message = EmailMessage()
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    return message


def old_message(*headers: tuple[str, Any], text: str = "body\n") -> Message:
    message = Message()
    for name, value in headers:
        message[name] = value
    message.set_payload(text)
    return message


def parsed(*lines: str, policy: Any = email.policy.default) -> Any:
    return email.message_from_bytes("\r\n".join((*lines, "", "body", "")).encode(), policy=policy)


# --- what goes over the wire ---


def test_a_message_is_written_with_crlf() -> None:
    message = new_message(From="a@b.c", Subject="hi")
    message.set_content("one\n.two\nthree")

    head, _, body = flatten_message(message).partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[:2] == [b"From: a@b.c", b"Subject: hi"]
    assert body == b"one\r\n.two\r\nthree\r\n"


@pytest.mark.parametrize("text", ["a\rb\nc\r\nd", "a\r", "\n\n", "From here\n"])
def test_every_line_end_of_a_body_is_mended_and_nothing_else(text: str) -> None:
    flat = flatten_message(old_message(("Subject", "hi"), text=text))
    body = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n").encode()
    assert flat == b"Subject: hi\r\n\r\n" + body + (b"" if body.endswith(b"\n") else b"\r\n")


@pytest.mark.parametrize("policy", [email.policy.default, email.policy.SMTPUTF8, email.policy.compat32], ids=repr)
def test_what_was_parsed_goes_on_octet_by_octet(policy: Any) -> None:
    # The older policy folds every line that is longer than 78 characters.
    length = 9 if policy is email.policy.compat32 else 90
    raw = (
        b'From: "Doe, Ann" <a@b.c>\r\nTo: '
        + b"d@e.f, " * length
        + b"d@e.f\r\n\t, d@e.f\r\nDKIM-Signature: v=1;\r\n  b=x y\r\n"
        b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="=="\r\n\r\npreamble\r\n--==\r\n\r\n.text\r\n'
        b"--==\r\nContent-Type: message/rfc822\r\n\r\nBcc: inner@x.y\r\nSubject: in\r\n\r\nFrom in\r\n--==--\r\nend\r\n"
    )
    assert flatten_message(email.message_from_bytes(raw, policy=policy)) == raw


def test_blind_recipients_stay_out_and_the_object_stays_as_it_is() -> None:
    message = new_message(From="a@b.c", bcc=BLIND, Resent_Bcc=BLIND, To="d@e.f")
    message.set_content("text")
    message.add_attachment(b"octets", maintype="application", subtype="octet-stream")
    before = message.items(), message.policy

    flat = flatten_message(message)

    assert BLIND.encode() not in flat
    assert b"To: d@e.f" in flat
    assert (message.items(), message.policy) == before
    assert message["Bcc"] == message["Resent-Bcc"] == BLIND


def test_old_messages_are_left_alone_too() -> None:
    message = MIMEMultipart()
    message["From"], message["Bcc"] = "a@b.c", BLIND
    message.attach(MIMEText("p\u00e4ss", "plain", "utf-8"))
    before = message.items()

    assert BLIND.encode() not in flatten_message(message)
    assert message.items() == before


def test_text_and_octets_are_sent_as_they_are_but_for_line_ends() -> None:
    assert flatten_message(b"Bcc: x@y\n\nbody") == b"Bcc: x@y\r\n\r\nbody\r\n"
    assert flatten_message("Subject: p\u00e4ss\n\n\udcff\n") == "Subject: p\u00e4ss\r\n\r\n".encode() + b"\xff\r\n"
    clean = b"a\r\n"
    assert flatten_message(clean) is clean
    with pytest.raises(SMTPMessageError, match="lone surrogate at position 1"):
        flatten_message("a\ud800")
    with pytest.raises(TypeError, match="not NoneType"):
        flatten_message(None)  # type: ignore[arg-type]  # the point of the test


def test_eight_bits_are_sent_or_encoded_as_asked() -> None:
    message = new_message(From="a@b.c", Subject="gr\u00fc\u00dfe")
    message.set_content("p\u00e4ss\n", cte="8bit")

    assert "p\u00e4ss".encode() in flatten_message(message)
    assert flatten_message(message, cte_type="7bit").isascii()
    ascii_only = new_message(Subject="gr\u00fc\u00dfe")
    ascii_only.set_content("plain\n")
    assert flatten_message(ascii_only).isascii()


def test_headers_are_utf8_where_smtputf8_is_in_force() -> None:
    message = new_message(To="j\u00f6rg@b.c", Subject="gr\u00fc\u00dfe")
    message.set_content("x")

    assert "To: j\u00f6rg@b.c\r\nSubject: gr\u00fc\u00dfe\r\n".encode() in flatten_message(message, utf8=True)
    assert b"=?utf-8?" in flatten_message(message)


@pytest.mark.parametrize(
    "header",
    [
        ("Subject", "hi\r\nBcc: evil@x.y"),
        ("Subject", "hi\nBcc: evil@x.y"),
        ("Subject", "hi\rBcc: evil@x.y"),
        ("Subject", "hi\n\nbody"),
        ("Subject", "h\udcefi\r\n"),
        ("Subject", "hi\0"),
        ("Subject", "h\udcefi\r\nBcc: evil@x.y"),
        ("Subject: x\r\nBcc", "evil@x.y"),
        ("Sub ject", "x"),
        ("", "x"),
        ("Subject", Header("hi\nBcc: evil@x.y")),
        ("Subject", Header("hi\r\n\r\nbody", "us-ascii")),
    ],
)
def test_a_header_cannot_begin_another_one(header: tuple[str, Any]) -> None:
    with pytest.raises(SMTPMessageError):
        flatten_message(old_message(header))
    nested = MIMEMultipart()
    nested.attach(old_message(header))
    with pytest.raises(SMTPMessageError):
        flatten_message(nested)


def test_a_decoded_line_end_cannot_begin_a_header() -> None:
    message = parsed("To: =?utf-8?q?x=0D=0ABcc=3A_evil=40x=2Ey?= <a@b.c>", "Subject: =?utf-8?q?x=0AEvil=3A_y?=")
    try:
        head = flatten_message(message, cte_type="7bit").partition(b"\r\n\r\n")[0]
    except SMTPMessageError:
        return
    assert not any(line.startswith((b"Bcc", b"Evil")) for line in head.splitlines())


def test_a_folded_header_is_no_injection() -> None:
    message = old_message(("Subject", "one\r\n two\n\tthree"), ("X-Raw", "h\udcefi\n there"))
    flat = flatten_message(message)
    assert flat.count(b"\r\n") == flat.count(b"\n")
    assert b"X-Raw: h\xefi\r\n there\r\n" in flat


def test_an_object_that_contradicts_itself_is_refused() -> None:
    nonsense = old_message(("Content-Type", "text/plain; charset=nonsense"))
    nonsense.set_payload(object())  # type: ignore[call-overload]  # the point of the test
    with pytest.raises(SMTPMessageError, match="the message cannot be written: ") as caught:
        flatten_message(nonsense)
    assert isinstance(caught.value.__cause__, TypeError | AttributeError)

    endless = MIMEMultipart()
    endless.attach(endless)
    with pytest.raises(SMTPMessageError, match="RecursionError"):
        flatten_message(endless)


@pytest.mark.parametrize("policy", [email.policy.default, email.policy.compat32], ids=repr)
@pytest.mark.parametrize("piece", ["(", ",", '"', "a@b,", "\u00e9", "<", "\\"])
def test_a_long_hostile_header_is_passed_on_or_refused_without_delay(piece: str, policy: Any) -> None:
    message = parsed("To: " + piece * 20_000, policy=policy)
    for cte_type in ("7bit", "8bit"):
        assert flatten_message(message, cte_type=cte_type, line_policy=LinePolicy.ANY)
        with contextlib.suppress(SMTPMessageError):
            assert not has_long_line(flatten_message(message, cte_type=cte_type))


def test_a_policy_that_folds_anew_is_obeyed() -> None:
    message = parsed("Subject: one\r\n two", policy=email.policy.default.clone(refold_source="all"))
    assert flatten_message(message).startswith(b"Subject: one two\r\n")


def test_a_short_header_of_eight_bits_is_encoded_where_only_seven_pass() -> None:
    message = parsed("Subject: gr\u00fc\u00dfe")
    assert flatten_message(message, cte_type="7bit").isascii()


# --- who sends it, and to whom ---


def test_the_sender_is_the_first_address_of_from() -> None:
    assert extract_sender(new_message(From="Ann <a@b.c>, d@e.f")) == "a@b.c"
    assert sender_of(old_message(("From", "Ann <a@b.c>"))).for_wire() == "a@b.c"  # type: ignore[union-attr]


def test_the_header_sender_is_preferred() -> None:
    assert extract_sender(new_message(From="a@b.c", Sender="Secretary <d@e.f>")) == "d@e.f"


def test_no_sender_is_none() -> None:
    assert extract_sender(new_message(To="a@b.c")) is None
    assert extract_sender(old_message(("From", ""))) is None


def test_recipients_come_from_three_headers_once_each() -> None:
    message = old_message(
        ("Cc", "Bob <b@X.y>"),
        ("To", "Ann <a@x.y>, b@x.y"),
        ("bcc", BLIND),
        ("To", "A@x.y"),
        ("Reply-To", "not@x.y"),
        ("Resent-To", "not@x.y"),
    )

    assert extract_recipients(message) == ["a@x.y", "b@x.y", "A@x.y", BLIND]
    assert [mailbox.text for mailbox in recipients_of(message)] == extract_recipients(message)


def test_no_recipient_is_an_empty_list() -> None:
    assert extract_recipients(new_message(From="a@b.c", To="undisclosed-recipients:;")) == []


def test_a_message_that_was_resent_goes_by_its_resent_headers() -> None:
    message = new_message(
        From="a@b.c",
        To="b@b.c",
        Resent_Date="Mon, 20 Nov 2026 21:04:27 -0000",
        Resent_From="c@b.c",
        Resent_To="d@b.c",
        Resent_Cc="e@b.c",
        Resent_Bcc="f@b.c",
    )
    assert extract_sender(message) == "c@b.c"
    assert extract_recipients(message) == ["d@b.c", "e@b.c", "f@b.c"]
    message["Resent-Sender"] = "g@b.c"
    assert extract_sender(message) == "g@b.c"


def test_a_message_that_was_resent_twice_is_ambiguous() -> None:
    message = old_message(("Resent-Date", "x"), ("Resent-Date", "y"), ("From", "a@b.c"), ("To", "a@b.c"))
    for extract in (extract_sender, extract_recipients):
        with pytest.raises(ValueError, match="2 Resent- blocks"):
            extract(message)


@pytest.mark.parametrize("make", [new_message, lambda **headers: old_message(*headers.items())])
def test_a_name_without_a_domain_is_no_recipient(make: Any) -> None:
    with pytest.raises(SMTPAddressError, match="in the header To: 'A' is not an address: it has no domain"):
        extract_recipients(make(To="A, B <b@x.y>"))


def test_hostile_headers_of_a_parsed_message_are_refused_without_delay() -> None:
    for policy in (email.policy.default, email.policy.compat32):
        for piece in ("(", '"', "<", "a "):
            with pytest.raises(SMTPAddressError):
                extract_recipients(parsed("To: " + piece * 50_000, policy=policy))


def test_only_addresses_beyond_ascii_need_smtputf8() -> None:
    assert not needs_smtputf8(new_message(From="J\u00f6rg <a@b.c>", Subject="gr\u00fc\u00dfe"))
    assert needs_smtputf8(new_message(From="a@b.c", Reply_To="j\u00f6rg@b.c"))
    assert needs_smtputf8(old_message(("To", "a@b.c, j\u00f6rg@b.c")))


def test_a_nested_message_counts() -> None:
    outer = new_message(From="a@b.c")
    outer.set_content(new_message(To="j\u00f6rg@b.c"))
    assert needs_smtputf8(outer)
