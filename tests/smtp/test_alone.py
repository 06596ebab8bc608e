"""The synchronous twins, as a program without an event loop calls them, and one whose loops are elsewhere."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import anyio.to_thread
import pytest

from tests.peers import MiniSMTP
from tests.smtp.support import LONG, RECIPIENT, SENDER, TEXT, client_of, letter, raises
from transfer import smtp

Threaded = Callable[[Callable[[], object]], Awaitable[object]]


def test_a_program_without_an_event_loop_sends_too(smtp_server: MiniSMTP) -> None:
    client = client_of(smtp_server)

    assert client.sendmail_sync(SENDER, RECIPIENT, TEXT) == ({}, "2.0.0 accepted")
    assert client.send_message_sync(letter(), rcpt_options=["NOTIFY=NEVER"]) == ({}, "2.0.0 accepted")
    assert [message.recipients for message in smtp_server.messages] == [
        (f"<{RECIPIENT}>",),
        (f"<{RECIPIENT}> NOTIFY=NEVER",),
    ]
    assert not client.is_connected
    smtp_server.replies["MAIL"] = ["550 no"]
    with raises(smtp.SMTPSenderRefused):
        client.sendmail_sync(SENDER, RECIPIENT, TEXT)
    assert client.sendmail_sync(SENDER, RECIPIENT, TEXT) == ({}, "2.0.0 accepted")


def test_several_threads_send_each_with_a_client(smtp_server: MiniSMTP) -> None:
    outcomes: list[object] = []

    def send() -> None:
        client = client_of(smtp_server)
        outcomes.extend(client.send_message_sync(letter()) for _ in range(2))

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)

    assert outcomes == [({}, "2.0.0 accepted")] * 8


@pytest.mark.parametrize(
    "to_thread", [asyncio.to_thread, anyio.to_thread.run_sync], ids=["asyncio.to_thread", "anyio.to_thread"]
)
@pytest.mark.parametrize("run", ["asyncio.run", "anyio.run"])
def test_a_thread_of_a_running_loop_sends(smtp_server: MiniSMTP, to_thread: Threaded, run: str) -> None:
    client = client_of(smtp_server)

    async def program() -> object:
        return await to_thread(lambda: client.sendmail_sync(SENDER, RECIPIENT, TEXT))

    outcome = asyncio.run(program()) if run == "asyncio.run" else anyio.run(program)

    assert outcome == ({}, "2.0.0 accepted")


async def test_inside_a_running_loop_the_error_says_what_to_do(smtp_server: MiniSMTP) -> None:
    client = client_of(smtp_server)
    with pytest.raises(RuntimeError, match=r"await sendmail\(\), or call sendmail_sync\(\) in another thread"):
        client.sendmail_sync(SENDER, RECIPIENT, TEXT)
    with pytest.raises(RuntimeError, match=r"await send_message\(\)"):
        client.send_message_sync(letter())
    assert smtp_server.accepted == 0


def test_an_error_of_the_program_is_passed_on(smtp_server: MiniSMTP) -> None:
    async def give_token() -> str:
        raise RuntimeError("no token today")

    smtp_server.extensions = ("AUTH XOAUTH2",)
    client = client_of(smtp_server, username="anna", oauth_token_generator=give_token)
    with pytest.raises(RuntimeError, match="no token today"):
        client.sendmail_sync(SENDER, RECIPIENT, TEXT)
