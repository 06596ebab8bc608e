"""I8: clean-up never replaces the caller's exception."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import pytest

from tests.invariants.support import EHLO, MAIL_HELLO, mail_client
from tests.peers import (
    ScriptedPeer,
    Step,
    accept_data,
    close,
    drip,
    expect,
    expect_line,
    hang,
    listen_data,
    reset,
    send,
    send_data,
)
from transfer import ftp, smtp
from transfer._net.timeouts import Timeouts

SECONDS = 0.05
"""What a server is given for the clean-up."""

# What the server does when the clean-up speaks to it.
ENDINGS: dict[str, Step] = {
    "silence": hang(),
    "garbage": send(b"what?\r\n"),
    "end": close(),
    "reset": reset(),
    "closing": send(b"421 bye\r\n"),
    "refusal": send(b"500 no\r\n"),
    "1yz for ever": drip(b"150 x\r\n" * 50, every_seconds=0),
}
DATA = (
    *(expect(b"TYPE I\r\n"), send(b"200 ok\r\n")),
    *(expect(b"EPSV\r\n"), listen_data("d"), send(b"229 (|||{d}|)\r\n")),
)
FACTS = b"250-x\r\n type=file;size=1000; x\r\n250 End\r\n"
LOGIN = (send(b"220 hi\r\n"), expect(b"USER anonymous\r\n"), send(b"230 in\r\n"))


class Ours(Exception):
    """What the caller raises."""


def context(peer: ScriptedPeer) -> Any:
    return ftp.Client.context(peer.host, peer.port, timeouts=Timeouts(close=SECONDS))


def mail(peer: ScriptedPeer, end: Step) -> smtp.SMTP:
    # Here one limit is for everything: only silence needs a short one, and the dial has to have time as well.
    return mail_client(peer, timeout=0.5 if end is ENDINGS["silence"] else 10)


# -- each brings its exception about, and the clean-up after it meets the server's ending ------------------------------


async def mail_body_fails(peer: ScriptedPeer, end: Step) -> None:
    peer.script(send(MAIL_HELLO), expect(EHLO), send(b"250 me\r\n"), expect(b"QUIT\r\n"), end)
    with pytest.raises(Ours):
        async with mail(peer, end):
            raise Ours


async def mail_is_refused(peer: ScriptedPeer, end: Step) -> None:
    answers = b"250 ok\r\n550 nobody\r\n550 nobody\r\n".splitlines(keepends=True)
    lines = (step for answer in answers[:2] for step in (expect_line(rb"(MAIL|RCPT) .*"), send(answer)))
    peer.script(send(MAIL_HELLO), expect(EHLO), send(b"250 me\r\n"), *lines, expect(b"RSET\r\n"), end)
    client = mail(peer, end)
    await client.connect()
    with pytest.raises(smtp.SMTPRecipientsRefused):
        await client.sendmail("a@b.example", "c@d.example", "text")
    client.close()


async def files_body_fails(peer: ScriptedPeer, end: Step) -> None:
    peer.script(*LOGIN, expect(b"QUIT\r\n"), end)
    with pytest.raises(Ours):
        async with context(peer):
            raise Ours


async def transfer_s_file_fails(peer: ScriptedPeer, end: Step) -> None:
    """There is no room for what is downloaded."""
    transfer = (expect(b"RETR x\r\n"), accept_data("d"), send(b"150 here\r\n"), send_data("d", bytes(1000)))
    peer.script(*LOGIN, expect(b"MLST x\r\n"), send(FACTS), *DATA, *transfer, expect(b"ABOR\r\n"), end)
    with pytest.raises(ftp.PathIOError, match="No space left"):
        async with context(peer) as client:
            await client.download("x", "/dev/full", write_into=True)


async def transfer_is_cancelled(peer: ScriptedPeer, end: Step) -> None:
    listing = (expect(b"MLSD\r\n"), accept_data("d"), send(b"150 here\r\n"), send_data("d", b"type=file; x\r\n"))
    peer.script(*LOGIN, *DATA, *listing, expect(b"ABOR\r\n"), end)
    async with context(peer) as client:
        with anyio.CancelScope() as scope:
            async for _ in client.list():
                scope.cancel()
        assert scope.cancelled_caught


USES: list[Callable[[ScriptedPeer, Step], Coroutine[Any, Any, None]]] = [
    mail_body_fails,
    mail_is_refused,
    files_body_fails,
    transfer_s_file_fails,
    transfer_is_cancelled,
]


@pytest.mark.parametrize("end", ENDINGS)
@pytest.mark.parametrize("use", USES, ids=lambda use: use.__name__)
async def test_clean_up_never_replaces_the_caller_s_exception(
    use: Callable[[ScriptedPeer, Step], Coroutine[Any, Any, None]], end: str
) -> None:
    if use is transfer_s_file_fails and sys.platform != "linux":
        pytest.skip("no /dev/full")
    with ScriptedPeer(client_may_leave=True) as peer:
        await use(peer, ENDINGS[end])
    (connection,) = peer.connections
    assert connection.played >= len(connection.script) - 1, f"the clean-up never met that ending: {peer.received!r}"
