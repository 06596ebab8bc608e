"""``close()`` from elsewhere, at every point where a coroutine waits."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from tests.harness.drive import Drive, on_asyncio
from tests.harness.leaks import LeakWatch
from tests.peers import MiniSMTP
from tests.smtp.support import LONG, RECIPIENT, SENDER, TEXT, client_of
from transfer import smtp

Call = Callable[[smtp.SMTP], Awaitable[object]]


def soon(call: Callable[[], object]) -> None:
    """Have *call* done by the loop, outside of every task of ours."""
    if on_asyncio():
        asyncio.get_running_loop().call_soon(call)
    else:
        import trio

        trio.lowlevel.current_trio_token().run_sync_soon(call)


async def close_everywhere(
    call: Call, *, connected: bool = True, client: Mapping[str, Any] | None = None, **server: Any
) -> None:
    """Run *call* again and again, with a client that is closed while it waits for the first time, the second, …"""
    point, count = 0, 1
    while point <= count:
        point += 1
        with LeakWatch(1) as watch:
            count = await close_at(point, call, connected, dict(client or {}), server)
            assert await watch.problems() == []
    assert point > 1


async def close_at(point: int, call: Call, connected: bool, options: dict[str, Any], server: dict[str, Any]) -> int:
    """Close at suspension *point*; how many there were."""
    count = 0
    with MiniSMTP(client_may_leave=True, **server) as peer, contextlib.ExitStack() as stack:
        client = client_of(peer, **options)
        stack.callback(client.close)

        def suspended(*_: object) -> None:
            nonlocal count
            count += 1
            if count == point:
                soon(client.close)

        async def scenario() -> None:
            await call(client)

        if connected:
            await client.connect()
        drive = Drive(scenario(), suspended=suspended, bound_seconds=LONG)
        await drive.run()

        error = drive.stepped.exception
        assert not drive.hung
        assert not drive.tasks_left
        if error is not None:
            assert isinstance(error, smtp.SMTPServerDisconnected), repr(error)
            assert not client.is_connected
        client.close()
        await peer.served()
        if peer.messages:
            assert client.last_delivery in {smtp.Delivery.ACCEPTED, smtp.Delivery.UNKNOWN}
        else:
            assert client.last_delivery in {None, smtp.Delivery.NOT_SENT, smtp.Delivery.UNKNOWN}
        await client.connect()
        await client.quit()
    return count


async def test_while_a_command_is_under_way() -> None:
    await close_everywhere(lambda client: client.noop())


@pytest.mark.parametrize("extensions", [(), ("PIPELINING",)], ids=["lock-step", "pipelining"])
async def test_while_a_mail_is_under_way(extensions: tuple[str, ...]) -> None:
    await close_everywhere(lambda client: client.sendmail(SENDER, RECIPIENT, TEXT), extensions=extensions)


async def test_while_a_long_mail_is_under_way() -> None:
    await close_everywhere(lambda client: client.sendmail(SENDER, RECIPIENT, b"x\r\n" * 500_000))


async def test_while_a_login_is_under_way() -> None:
    await close_everywhere(lambda client: client.auth_login("anna", "secret"), users={"anna": "secret"})


async def test_while_connecting(server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext) -> None:
    """Name, dial, greeting, EHLO, STARTTLS, the handshake, EHLO again, AUTH."""
    await close_everywhere(
        lambda client: client.connect(),
        connected=False,
        client={
            "hostname": "localhost",
            "tls_context": client_tls_context,
            "username": "anna",
            "password": "secret",
        },
        host="127.0.0.1",
        tls=server_tls_context,
        users={"anna": "secret"},
    )


async def test_while_connecting_with_implicit_tls(
    server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    await close_everywhere(
        lambda client: client.connect(),
        connected=False,
        client={"use_tls": True, "tls_context": client_tls_context},
        tls=server_tls_context,
        implicit_tls=True,
    )


async def test_while_parting() -> None:
    await close_everywhere(lambda client: client.quit())


async def test_in_a_block() -> None:
    async def block(client: smtp.SMTP) -> None:
        async with client:
            await client.noop()

    await close_everywhere(block, connected=False)
