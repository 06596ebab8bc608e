"""Dialling, accepting and handshakes, cancelled at each of their suspensions in every way there is."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    ExitStack,
    asynccontextmanager,
    contextmanager,
)
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.harness import ALL_MODES, Outcome, Sweep, cancel_everywhere
from tests.net.support import (
    ERRORS,
    in_time,
    pair,
    pattern,
    played,
    server_tls,
    shake_hands,
)
from tests.net.test_connect import black_hole, ipv4
from transfer._net.connect import connect_tcp, connect_unix
from transfer._net.dial import _race
from transfer._net.listen import Listener, listen
from transfer._net.stream import Stream

# Through small kernel buffers: about ten waits.
DATA = pattern(100_000)
T = TypeVar("T")


def around(make: Callable[[], AbstractContextManager[T]]) -> Callable[[], AbstractAsyncContextManager[T]]:
    """What the harness enters for every run."""

    @asynccontextmanager
    async def entered() -> AsyncIterator[T]:
        with make() as subject:
            yield subject

    return entered


async def everywhere(scenario: Callable[[Any], Any], make: Callable[[], Any], check: Any = None) -> Sweep:
    return await cancel_everywhere(scenario, around=around(make), check=check, modes=ALL_MODES)


# -- dialling and accepting --------------------------------------------------------------------------------------------


def server() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_cancelled_dial_leaves_nothing_open(host: str) -> None:
    async def dial(listener: socket.socket) -> None:
        (await connect_tcp(host, listener.getsockname()[1], errors=ERRORS, deadline=in_time())).close()

    assert (await everywhere(dial, server)).points >= 1


async def test_a_cancelled_race_leaves_nothing_open() -> None:
    """I9: neither a task, nor a descriptor, nor a group of exceptions."""

    @contextmanager
    def places() -> Iterator[tuple[int, int]]:
        with black_hole() as hole, server() as listener:
            yield hole, listener.getsockname()[1]

    async def race(ports: tuple[int, int]) -> None:
        hole, port = ports
        (await _race([ipv4(hole), ipv4(hole), ipv4(port)], delay_seconds=0.001)).close()

    assert (await everywhere(race, places)).points >= 3


async def test_a_cancelled_dial_of_a_unix_socket_leaves_nothing_open(socket_path: Path) -> None:
    @contextmanager
    def full_backlog() -> Iterator[socket.socket]:
        with ExitStack() as stack:
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(str(socket_path))
            stack.callback(socket_path.unlink)
            listener.listen(0)
            stack.enter_context(socket.socket(socket.AF_UNIX)).connect(str(socket_path))
            yield listener

    async def dial(listener: socket.socket) -> None:
        with played(lambda: listener.accept()[0].close()):
            (await connect_unix(socket_path, errors=ERRORS, deadline=in_time())).close()

    await everywhere(dial, full_backlog)


async def test_a_cancelled_accept_loses_no_connection() -> None:
    @contextmanager
    def called() -> Iterator[tuple[Listener, socket.socket]]:
        listener = listen("127.0.0.1", errors=ERRORS)
        with socket.create_connection((listener.host, listener.port)) as caller:
            yield listener, caller
        listener.close()

    async def accept(both: tuple[Listener, socket.socket]) -> str:
        stream = await both[0].accept()
        stream.close()
        return stream.peer

    async def check(outcome: Outcome) -> None:
        listener, caller = outcome.subject
        host, port = caller.getsockname()
        assert (outcome.value or await accept((listener, caller))) == f"{host}:{port}"

    assert (await everywhere(accept, called, check)).points >= 1


# -- TLS ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("server_side", [False, True], ids=["client", "server"])
async def test_a_cancelled_handshake_closes_the_stream(
    server_side: bool, client_tls_context: ssl.SSLContext, server_tls_context: ssl.SSLContext
) -> None:
    def answer(peer: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the stream may be closed at any time
            if server_side:
                secured = client_tls_context.wrap_socket(peer, server_hostname="localhost")
            else:
                secured = server_tls(peer, server_tls_context)
            with secured:
                secured.recv(1)

    @contextmanager
    def answered() -> Iterator[Stream]:
        with pair() as (stream, peer), played(answer, peer):
            yield stream
            stream.close()

    async def upgrade(stream: Stream) -> None:
        if server_side:
            await stream.start_tls(server_tls_context, server_side=True, deadline=in_time())
        else:
            await shake_hands(stream, client_tls_context)

    def check(outcome: Outcome) -> None:
        assert outcome.subject.is_closed == outcome.cancelled

    assert (await everywhere(upgrade, answered, check)).points >= 1
