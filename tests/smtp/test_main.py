"""``python -m transfer.smtp``, as somebody at a terminal uses it: answers on its input, questions on its output."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.peers import MiniSMTP

TIME = 30


def run(*lines: str) -> subprocess.CompletedProcess[str]:
    """Run the module with *lines* as its input."""
    return subprocess.run(
        [sys.executable, "-m", "transfer.smtp"],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        timeout=TIME,
        check=False,
    )


def test_it_asks_sends_and_shows_the_answer(smtp_server: MiniSMTP) -> None:
    smtp_server.replies["RCPT"] = ["250 ok", "550 5.1.1 no such user"]
    ran = run(smtp_server.host, str(smtp_server.port), "anna@x", "ben@x, eve@x", "Subject: hello", "", "Grüße.")

    assert (ran.returncode, ran.stderr) == (0, "")
    for question in ("SMTP server hostname [localhost]: ", "SMTP server port [25]: ", "From: ", "To: ", "end with ^D:"):
        assert question in ran.stdout
    assert ran.stdout.endswith(
        "Message length (bytes): 24\nRefused: eve@x: 550 5.1.1 no such user\nServer response: 2.0.0 accepted\n"
    )
    (message,) = smtp_server.messages
    assert (message.recipients, message.encrypted) == (("<ben@x>",), False)
    assert message.content == "Subject: hello\r\n\r\nGrüße.\r\n".encode()


def test_it_says_why_a_mail_was_not_sent(smtp_server: MiniSMTP) -> None:
    smtp_server.replies["MAIL"] = "550 5.7.1 not from you"
    ran = run(smtp_server.host, str(smtp_server.port), "anna@x", "ben@x", "Subject: hello")

    assert ran.returncode == 1
    assert ran.stderr.startswith("The mail was not sent: MAIL FROM:<anna@x>")
    assert "550 5.7.1 not from you" in ran.stderr


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ((), "The input ended before the message began"),
        (("localhost", "smtp"), "A port is a number"),
        (("localhost", "1", "Anna <anna@x>", "ben@x", "hello"), "The mail was not sent"),
    ],
    ids=["nothing", "port", "address"],
)
def test_it_says_what_is_wrong_with_an_answer(lines: tuple[str, ...], why: str) -> None:
    ran = run(*lines)

    assert ran.returncode == 1
    assert ran.stderr.startswith(why)
    assert "Traceback" not in ran.stderr
