"""The programs of the pages on senders run as they stand there, but for the server's address."""

from __future__ import annotations

import logging
import re
import sys
import types
from email.message import EmailMessage
from typing import Any
from unittest.mock import MagicMock

import pytest

from tests.peers import MiniSMTP
from tests.smtp.sender.support import mail, mails, numbers
from tests.smtp.support import letter
from tests.smtp.test_tutorial import python_of
from transfer import smtp

PROGRAM, STOPPING, ONE_MAIL, RELAYS = python_of("docs/howto/send-many.md")
LOG, PROMETHEUS, OPENTELEMETRY = python_of("docs/howto/observe.md")
README = next(block for block in python_of("README.md") if "send_many" in block)


def there(source: str, *servers: MiniSMTP) -> str:
    """*source* with the addresses of *servers* in the place of its own."""
    places = iter(servers)

    def address(_: re.Match[str]) -> str:
        server = next(places)
        return f'"smtp://{server.host}:{server.port}?start_tls=never&local_hostname=c.example"'

    changed, count = re.subn(r'"smtp://[^"]*"', address, source)
    assert count == len(servers)
    return changed


def hook_of(source: str, server: MiniSMTP) -> smtp.Sender:
    """The sender that the page makes."""
    names: dict[str, Any] = {}
    exec(there(source, server), names)  # our own page
    made = names["sender"]
    assert isinstance(made, smtp.Sender)
    return made


def test_many_mails_as_the_page_sends_them(capsys: pytest.CaptureFixture[str]) -> None:
    with MiniSMTP() as server:
        server.replies["RCPT"] = lambda argument: "550 5.1.1 nobody" if "ben@" in argument else None
        exec(there(PROGRAM, server), {})  # our own page
    assert len(server.messages) == 2
    printed = capsys.readouterr().out.splitlines()
    assert sorted(line.partition(" ")[0] for line in printed) == ["failed:", "taken:", "taken:"]
    assert "failed: ben@example.net refused" in "\n".join(printed)


async def test_stopping_as_the_page_does(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {"mails": list(mails(3))}
    body = "async def page(sender):\n" + "".join(f"    {line}\n" for line in STOPPING.splitlines())
    exec(body, names)  # our own page
    with MiniSMTP() as server:
        server.replies["MAIL"] = ["550 5.7.1 no"]
        relay = smtp.Relay(hostname=server.host, port=server.port, local_hostname="c.example")
        async with smtp.Sender(relay, max_connections=1) as sender:
            await names["page"](sender)
    assert len(capsys.readouterr().out.splitlines()) == len(numbers(server))


async def test_the_readme_sends_many() -> None:
    names: dict[str, Any] = {}
    with MiniSMTP() as server, MiniSMTP() as backup:
        exec(there(README, server, backup), names)  # our own page
        await names["send_all"]([letter(), letter()])
    assert len(server.messages) == 2


def test_relays_and_single_mails_are_python() -> None:
    compile(RELAYS, "page", "exec")
    compile("async def page():\n    " + ONE_MAIL, "page", "exec")


async def test_the_log_of_the_page(caplog: pytest.LogCaptureFixture) -> None:
    with MiniSMTP() as server, caplog.at_level(logging.DEBUG, "mail"):
        server.replies["MAIL"] = ["250 ok", "550 5.7.1 no"]
        async with hook_of(LOG, server) as sender:
            await sender.send(letter(Message_ID="<1@x.example>"))
            with pytest.raises(smtp.SMTPSenderRefused):
                await sender.send(mail(1))
    levels = [record.levelname for record in caplog.records if record.name == "mail"]
    assert levels == ["DEBUG", "INFO", "ERROR", "DEBUG"]
    assert "<1@x.example>" in caplog.text


@pytest.mark.parametrize("page", [PROMETHEUS, OPENTELEMETRY], ids=["prometheus", "opentelemetry"])
async def test_counters_and_traces_get_what_the_page_says(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The libraries themselves are stood in for by whatever the page asks of them."""
    stand_in: Any = types.ModuleType("stand_in")
    for name in ("Counter", "Gauge", "Histogram", "trace"):
        setattr(stand_in, name, MagicMock())
    for module in ("prometheus_client", "opentelemetry"):
        monkeypatch.setitem(sys.modules, module, stand_in)
    with MiniSMTP() as server:
        async with hook_of(page, server) as sender:
            message: EmailMessage = letter()
            await sender.send(message)
    if page is PROMETHEUS:
        relay = f"{server.host}:{server.port}"
        stand_in.Counter.return_value.labels.assert_called_once_with(relay, "accepted")
        gauge = stand_in.Gauge.return_value.labels.return_value
        assert (gauge.inc.call_count, gauge.dec.call_count) == (1, 1)
    else:
        added = stand_in.trace.get_current_span.return_value.add_event
        assert [call.args[0] for call in added.call_args_list] == ["Connected", "Sent", "Disconnected"]
