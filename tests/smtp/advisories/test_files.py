"""Files are read only where a program says so, and nothing is fetched (GHSA-p6gq-j5cr-w38f, GHSA-8m3c-c648-2xjj).

Injection into the arguments of sendmail(1) (GHSA-vc2p-r46x-m3vx) has no place: no program is ever started.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from tests.peers import MiniSMTP
from tests.smtp.support import RECIPIENT, SENDER, connected
from transfer.smtp import Mail

SECRET = "root:x:0:0"
_watchers: list[list[str]] = []


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if _watchers and event in ("open", "subprocess.Popen", "os.system", "os.exec", "urllib.Request"):
        _watchers[-1].append(f"{event} {arguments[0]}")


sys.addaudithook(_note)  # one cannot be taken away again


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """What was opened or started since."""
    _watchers.append([])
    yield _watchers[-1]
    _watchers.pop()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(SECRET)
    return path


async def test_a_text_that_names_a_file_is_a_text(smtp_server: MiniSMTP, secret: Path, opened: list[str]) -> None:
    opened.clear()
    texts = [
        str(secret),
        secret.as_uri(),
        "http://127.0.0.1:9/x",
        f"@{secret}",
        f"data:,{SECRET[:4]}",
        f"|cat {secret}",
    ]
    async with connected(smtp_server) as client:
        for text in texts:
            for message in (text, text.encode()):
                await client.deliver(Mail(message, sender=SENDER, recipients=RECIPIENT))
                await client.sendmail(SENDER, RECIPIENT, message)
    contents = [message.content.decode().rstrip("\r\n") for message in smtp_server.messages]
    assert contents == [text for text in texts for _ in range(4)]
    assert not any(str(secret) in event or event.startswith(("sub", "os", "url")) for event in opened)


async def test_a_message_that_names_a_file_brings_none(smtp_server: MiniSMTP, secret: Path, opened: list[str]) -> None:
    """message/external-body, a Content-Location and the like are headers, and nothing more."""
    message = Message()
    message["From"], message["To"] = SENDER, RECIPIENT
    message["Content-Type"] = f'message/external-body; access-type=local-file; name="{secret}"'
    message["Content-Location"] = secret.as_uri()
    message.set_payload(f"Content-Type: text/plain\n\n<img src='{secret.as_uri()}'>\n")
    opened.clear()
    async with connected(smtp_server) as client:
        await client.send_message(message)
    assert SECRET.encode() not in smtp_server.messages[0].content
    assert not any(str(secret) in event for event in opened)


async def test_a_path_is_read_because_it_is_one(smtp_server: MiniSMTP, secret: Path, opened: list[str]) -> None:
    async with connected(smtp_server) as client:
        await client.deliver(Mail(secret, sender=SENDER, recipients=RECIPIENT))
    assert smtp_server.messages[0].content == SECRET.encode() + b"\r\n"
    assert any(str(secret) in event for event in opened)


@pytest.mark.parametrize("recipient", ["-X/tmp/evil", "-oQ/tmp", "-bs@x", "--help"])
async def test_an_address_that_looks_like_an_option_is_an_address(smtp_server: MiniSMTP, recipient: str) -> None:
    async with connected(smtp_server) as client:
        await client.sendmail(SENDER, recipient, "x")
    assert smtp_server.messages[0].recipients[0].startswith(f"<{recipient}>")
