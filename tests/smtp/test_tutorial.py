"""The programs of the tutorial and of the README run as they stand there, but for the server's name and port."""

from __future__ import annotations

import re
import ssl
import textwrap
from collections.abc import Iterator
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.conftest import BACKENDS
from tests.peers import MiniSMTP
from tests.smtp.support import letter
from transfer import RetryPolicy, smtp

ROOT = Path(__file__).parent.parent.parent


def python_of(page: str) -> list[str]:
    """The fenced Python blocks of *page*."""
    return re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text("utf-8"), re.DOTALL | re.MULTILINE)


PROGRAM, SEVERAL, FAILING = python_of("docs/tutorial/first-mail.md")
ASKING, CATCHING, *TIMES, ANSWERS = python_of("docs/howto/delivery-notifications.md")
(LARGE,) = python_of("docs/howto/large-messages.md")
README = next(block for block in python_of("README.md") if "smtp.send(" in block)


@pytest.fixture
def server(server_tls_context: ssl.SSLContext, ca_file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MiniSMTP]:
    """The reader's server, and the reader's environment."""
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    monkeypatch.setenv("MAIL_PASSWORD", "s3cret")
    with MiniSMTP(tls=server_tls_context, users={"me": "s3cret"}) as server:
        yield server


def there(source: str, server: MiniSMTP) -> str:
    """*source* with the address of *server*."""
    source, count = re.subn(
        r'hostname="mail.example.org",\s+port=587', f'hostname="{server.host}", port={server.port}', source
    )
    assert count == 1
    return source


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("source", [PROGRAM, README.replace("…", "s3cret")], ids=["tutorial", "README"])
def test_the_program(
    server: MiniSMTP, source: str, backend: tuple[str, dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    name, options = backend
    server.replies["."] = "250 2.0.0 queued as 1"
    source, count = re.subn(
        r"^anyio.run\(main\)",
        f"anyio.run(main, backend={name!r}, backend_options={options!r})",
        source,
        flags=re.MULTILINE,
    )
    assert count == 1
    exec(compile(there(source, server), "hello.py", "exec"), {})

    assert "2.0.0 queued as 1" in capsys.readouterr().out
    assert server.logins == ["me"]
    assert server.messages[0].encrypted
    message = message_from_bytes(server.messages[0].content)
    assert (message["To"], message["Subject"]) == ("you@example.net", "Hello")


def test_the_program_tells_who_was_refused(server: MiniSMTP, capsys: pytest.CaptureFixture[str]) -> None:
    server.replies["RCPT"] = ["550 5.1.1 no such user"]
    source = there(PROGRAM, server).replace('"you@example.net"', '"you@example.net, me@example.org"')
    exec(compile(source, "hello.py", "exec"), {})

    assert capsys.readouterr().out.splitlines() == [
        "accepted: 2.0.0 accepted",
        "refused: you@example.net 550 5.1.1 no such user",
    ]


def test_a_file_goes_out_and_its_fate_is_printed(
    server: MiniSMTP, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("report.eml").write_bytes(b"Subject: figures\n\n" + b".1\n" * 100_000)
    server.replies["RCPT"] = ["250 2.1.5 ok", "550 5.1.1 no such user"]
    exec(compile(there(LARGE, server), "large.py", "exec"), {})

    *progress, anna, ben, last = capsys.readouterr().out.splitlines()
    assert progress[-1].startswith("400020 of 400020 octets")
    assert (anna, ben) == (
        "anna@example.net accepted 250 2.0.0 accepted",
        "ben@example.net refused 550 5.1.1 no such user",
    )
    assert last == "queued as 2.0.0 accepted"


async def run_snippet(source: str, **names: Any) -> None:
    """Run *source* as the body of a coroutine function that knows *names*."""
    found: dict[str, Any] = {}
    body = textwrap.indent(source, "    ")
    exec(compile(f"async def page({', '.join(names)}):\n{body}", "first-mail.md", "exec"), found)
    await found["page"](**names)


async def test_more_than_one_mail(server: MiniSMTP) -> None:
    messages: list[EmailMessage] = [letter(Subject="one"), letter(Subject="two")]
    await run_snippet(there(SEVERAL, server), smtp=smtp, password="s3cret", messages=messages)
    await server.served()

    assert [message_from_bytes(message.content)["Subject"] for message in server.messages] == ["one", "two"]
    assert server.commands[-1] == "QUIT"


async def test_when_it_does_not_work(server: MiniSMTP, capsys: pytest.CaptureFixture[str]) -> None:
    server.replies["MAIL"] = "451 4.3.0 later"
    await run_snippet(there(FAILING, server), smtp=smtp, message=letter())

    assert re.fullmatch(
        r"MAIL FROM:<anna@example.org>.* was answered: 451 4\.3\.0 later \[127\.\d+\.\d+\.\d+:\d+\] True\n",
        capsys.readouterr().out,
    )


async def test_a_mail_that_is_put_off_twice_goes_out_on_the_third_attempt(smtp_server: MiniSMTP) -> None:
    """The first way of docs/howto/retry.md."""
    smtp_server.replies["MAIL"] = ["451 4.3.0 later", "451 4.3.0 later"]
    policy = RetryPolicy(attempts=3, wait_initial=0.001, wait_jitter=0)
    refused, _ = await policy.call(smtp.send, letter(), hostname=smtp_server.host, port=smtp_server.port)

    assert refused == {}
    assert smtp_server.accepted == 3
    assert len(smtp_server.messages) == 1


@pytest.mark.parametrize(("verb", "reply"), [("MAIL", "550 no"), (".", "<close>"), ("RCPT", "553 no")])
async def test_a_mail_that_is_refused_or_uncertain_goes_out_once(smtp_server: MiniSMTP, verb: str, reply: str) -> None:
    smtp_server.replies[verb] = [reply]
    policy = RetryPolicy(attempts=3, wait_initial=0.001, wait_jitter=0)
    with pytest.raises(smtp.SMTPException):
        await policy.call(smtp.send, letter(), hostname=smtp_server.host, port=smtp_server.port)

    assert smtp_server.accepted == 1


async def test_what_a_mail_can_ask_for(server: MiniSMTP) -> None:
    """The first program of docs/howto/delivery-notifications.md."""
    await run_snippet(there(ASKING, server), message=letter())

    (message,) = server.messages
    assert message.sender.endswith(" RET=HDRS ENVID=order-4711")
    assert message.recipients == (
        "<anna@example.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;anna@example.org",
        "<ben@example.net> NOTIFY=NEVER",
    )


async def test_a_mail_goes_without_what_is_not_offered_if_the_program_says_so(smtp_server: MiniSMTP) -> None:
    """The second one."""
    smtp_server.extensions = ()
    message = letter()
    mail = smtp.Mail(message, parameters=smtp.Parameters(notify="SUCCESS"))
    async with smtp.SMTP(hostname=smtp_server.host, port=smtp_server.port) as client:
        await run_snippet(CATCHING, smtp=smtp, client=client, mail=mail, message=message)

    assert [message.recipients for message in smtp_server.messages] == [("<ben@example.net>",)]


async def test_answers_are_told_apart(smtp_server: MiniSMTP, capsys: pytest.CaptureFixture[str]) -> None:
    """The last one."""
    smtp_server.replies["RCPT"] = ["550 5.1.1 no such user", "452 4.2.2 full"]
    mail = smtp.Mail(letter(), recipients=["a@x.org", "b@x.org"])
    forgotten: list[str] = []
    async with smtp.SMTP(hostname=smtp_server.host, port=smtp_server.port) as client:
        await run_snippet(ANSWERS, smtp=smtp, client=client, mail=mail, forget=forgotten.append)

    assert forgotten == ["a@x.org"]
    assert capsys.readouterr().out == "b@x.org full\n"


@pytest.mark.parametrize("source", TIMES)
async def test_the_times_on_that_page_are_taken(source: str) -> None:
    await run_snippet(source, smtp=smtp, datetime=datetime, ZoneInfo=ZoneInfo)
