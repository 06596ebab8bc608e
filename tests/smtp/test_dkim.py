"""DKIM signatures: verified as a receiver would, after the trip over the wire, and refused where they can't be made."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from tests.peers import MiniSMTP
from tests.smtp.signing import (
    ED25519,
    HEADER,
    PLAIN,
    RSA,
    Key,
    signature,
    signer,
    verifies,
    with_every_key,
)
from tests.smtp.support import RECIPIENT, SENDER, connected, letter, raises
from transfer import smtp

# -- what a receiver sees ----------------------------------------------------------------------------------------------

BODIES = {
    "plain": b"Good day.\r\n",
    "dots": b".\r\n..\r\n.x\r\n\r\n.\r\n",
    "blank lines at the end": b"Good day.\r\n\r\n\r\n\r\n",
    "blanks at line ends": b"Good  day. \t\r\n \r\nx \r\n",
    "8bit": "Grüße — 你好\r\n".encode(),
    "binary": bytes(range(128, 256)) + b"\r\n",
    "no line end": b"Good day.",
    "empty": b"",
    "only line ends": b"\r\n\r\n",
    "large": (b"x" * 76 + b"\r\n") * 2000,
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("form", ["relaxed", "simple"])
@with_every_key
async def test_a_signature_survives_the_wire(smtp_server: MiniSMTP, key: Key, form: str, body: bytes) -> None:
    """What is signed is what arrives: after dots were stuffed and a missing last line end was added."""
    signed = signer(key, canonicalisation=(form, form)).sign(HEADER + body)
    assert signed.endswith(HEADER + body)
    async with connected(smtp_server) as client:
        await client.sendmail(SENDER, RECIPIENT, signed)

    (message,) = smtp_server.messages
    assert message.content in (signed, signed + b"\r\n")
    assert verifies(message.content, key)
    assert not verifies(message.content.replace(b"hello", b"hullo"), key)
    assert not verifies(message.content + b"more\r\n", key)


@pytest.mark.parametrize("extensions", [("8BITMIME", "CHUNKING"), ()], ids=["8bit", "7bit"])
async def test_what_a_message_object_becomes_can_be_signed(extensions: tuple[str, ...]) -> None:
    message = letter(Subject="Grüße", Message_ID="<1@example.org>")
    message.set_content("Grüße\n.\n\n\n", cte="8bit")
    signed = signer(RSA).sign(message.as_bytes(policy=message.policy.clone(linesep="\r\n")))
    with MiniSMTP(extensions=extensions) as server:
        async with connected(server) as client:
            await client.sendmail(SENDER, RECIPIENT, signed)
    assert verifies(server.messages[0].content, RSA)


def test_nothing_but_the_signature_is_added_and_its_lines_are_short() -> None:
    signed = signer(RSA).sign(PLAIN)
    header = signed.removesuffix(PLAIN)

    assert header.startswith(b"DKIM-Signature: ")
    assert header.endswith(b"\r\n")
    assert header.count(b"\n") == header.count(b"\r") == header.count(b"\r\n")
    assert all(len(line) <= 78 for line in header.split(b"\r\n"))
    assert all(line[:1] in b" \t" for line in header.split(b"\r\n")[1:])


def test_the_tags_say_what_was_asked_for() -> None:
    tags = signature(signer(domain="straße.example", selector="2026.mail").sign(PLAIN))

    assert (tags["v"], tags["a"], tags["c"]) == ("1", "ed25519-sha256", "relaxed/relaxed")
    assert (tags["d"], tags["s"]) == ("xn--strae-oqa.example", "2026.mail")
    assert "l" not in tags
    assert signature(signer(RSA, canonicalisation=("simple", "relaxed")).sign(PLAIN))["c"] == "simple/relaxed"
    assert signature(signer(RSA).sign(PLAIN))["a"] == "rsa-sha256"


def test_a_second_signature_leaves_the_first_one_whole() -> None:
    once = signer(RSA).sign(PLAIN)
    twice = signer(ED25519, selector="s2").sign(once)

    assert verifies(once, RSA)
    assert verifies(twice, ED25519, "s2._domainkey.example.org.")
    assert twice.endswith(once)


def test_a_from_that_somebody_adds_breaks_the_signature() -> None:
    """From is signed once more than it is there (RFC 6376 §8.15)."""
    signed = signer().sign(PLAIN)

    assert signature(signed)["h"].split(":").count("from") == 2
    assert not verifies(b"From: eve@example.com\r\n" + signed, ED25519)
    assert not verifies(signed.replace(b"To: ", b"From: eve@example.com\r\nTo: "), ED25519)


def test_the_headers_to_sign_can_be_chosen() -> None:
    chosen = signer(headers=["FROM", "To", "Date"], oversign=["To"])
    signed = chosen.sign(b"To: first@x\r\n" + PLAIN)

    assert signature(signed)["h"] == "from:to:to:to"
    assert verifies(signed.replace(b"hello", b"hullo"), ED25519)
    assert not verifies(b"To: third@x\r\n" + signed, ED25519)
    assert not verifies(signed.replace(b"first@x", b"other@x"), ED25519)


@pytest.mark.parametrize("name", ["Received", "Return-Path", "X-Mailer", "DKIM-Signature"])
def test_what_changes_on_the_way_is_not_signed(name: str) -> None:
    signed = signer().sign(b"%b: here\r\n" % name.encode() + PLAIN)
    assert name.lower() not in signature(signed)["h"]


# -- refused -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"domain": ""}, "domain"),
        ({"domain": "example.org; l=0"}, "domain"),
        ({"domain": "example.org\r\nBcc: eve@x"}, "domain"),
        ({"domain": "a..b"}, "domain"),
        ({"domain": "[192.0.2.1]"}, "domain"),
        ({"selector": ""}, "selector"),
        ({"selector": "a;l=0"}, "selector"),
        ({"selector": "a\r\nb"}, "selector"),
        ({"selector": "a b"}, "selector"),
        ({"selector": "ä"}, "selector"),
        ({"selector": "a."}, "selector"),
        ({"headers": ["To"], "oversign": []}, "From"),
        ({"headers": ["From", "a:b"]}, "header field"),
        ({"headers": ["From", "a\r\nb"]}, "header field"),
        ({"headers": ["From", ""]}, "header field"),
        ({"headers": ["From", "Received"]}, "received"),
        ({"headers": ["From", "Bcc"]}, "bcc"),
        ({"oversign": ["X-Other"]}, "oversign"),
        ({"canonicalisation": ("relaxed", "strict")}, "canonicalisation"),
        ({"canonicalisation": ("relaxed",)}, "canonicalisation"),
    ],
)
def test_settings_that_cannot_be_are_found_at_construction(wrong: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        signer(**wrong)


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (PLAIN.replace(b"\r\n", b"\n"), "CRLF"),
        (PLAIN + b"\r", "CRLF"),
        (PLAIN + b"\n\r", "CRLF"),
        (PLAIN + b"a\nb\r\r\n", "CRLF"),
        (b"", "From"),
        (b"\r\nFrom: a@x\r\n", "From"),
        (b"To: a@x\r\n\r\nFrom: a@x\r\n", "From"),
        (b"X: y\r\n From: a@x\r\n\r\n", "From"),
        (b"From: a@x\r\nno field\r\n\r\n", "can't be signed"),
    ],
)
def test_what_cannot_be_signed_is_a_message_error(octets: bytes, reason: str) -> None:
    with raises(smtp.SMTPMessageError, match=reason) as caught:
        signer().sign(octets)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("missing", ["dkim", "nacl"])
def test_a_missing_package_is_named_with_the_extra_that_brings_it(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with raises(smtp.SMTPNotSupported, match=r"transfer-toolkit\[dkim\]"):
        signer()


# -- as part of a mail -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "extensions",
    [("8BITMIME",), (), ("8BITMIME", "PIPELINING", "CHUNKING", "SIZE 999999")],
    ids=["8bit", "7bit", "chunks"],
)
@pytest.mark.parametrize("form", ["object", "octets"])
@with_every_key
async def test_a_mail_is_signed_as_it_goes_over_the_wire(key: Key, form: str, extensions: tuple[str, ...]) -> None:
    """After the text was encoded anew for a server without 8BITMIME, and after Bcc was taken out."""
    message = letter(Subject="Grüße", Bcc="eve@example.net")
    message.set_content("Grüße\n.\n..\n" * 2000 + "\n\n\n", cte="8bit")
    given = message if form == "object" else b"From: a@x\r\n\r\n.Good\nday.\r\n\r\n.\r\n\r\n"
    with MiniSMTP(extensions=extensions) as server:
        async with connected(server) as client:
            await client.deliver(smtp.Mail(given, sender=SENDER, recipients=RECIPIENT, dkim=signer(key)))

    (received,) = server.messages
    assert received.content.startswith(b"DKIM-Signature: ")
    assert b"\r\nBcc:" not in received.content
    assert verifies(received.content, key)


async def test_a_mail_that_cannot_be_signed_is_not_begun(smtp_server: MiniSMTP) -> None:
    async with connected(smtp_server) as client:
        with raises(smtp.SMTPMessageError, match="From"):
            await client.deliver(smtp.Mail(b"To: b@x\r\n\r\n", sender=SENDER, recipients=RECIPIENT, dkim=signer()))
        assert (await client.noop()).code == 250
    assert not any(line.startswith("MAIL") for line in smtp_server.commands)
