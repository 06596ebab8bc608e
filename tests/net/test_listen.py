"""Listening: ports, accepting, closing, cancelling, and running out of descriptors."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import anyio
import pytest

from tests.net.support import ERRORS, asyncio_only, in_time, reset, until_waiting
from transfer._errors import DisconnectedError, LocalProtocolError
from transfer._net.listen import Listener, listen


async def test_accepts_connections_in_their_order() -> None:
    async with listen("127.0.0.1", errors=ERRORS) as listener:
        assert listener.host == "127.0.0.1"
        for _ in range(2):
            with socket.create_connection((listener.host, listener.port)) as caller:
                stream = await listener.accept()
                caller.sendall(b"x")
                assert await stream.receive(in_time()) == b"x"
                host, port = caller.getsockname()
                assert stream.peer == f"{host}:{port}"
                stream.close()


async def test_waits_for_a_connection() -> None:
    async with listen("127.0.0.1", errors=ERRORS) as listener:
        accepted = []

        async def accept() -> None:
            stream = await listener.accept()
            accepted.append(stream)
            stream.close()

        async with anyio.create_task_group() as group:
            group.start_soon(accept)
            await until_waiting()
            assert not accepted
            socket.create_connection((listener.host, listener.port)).close()

    assert len(accepted) == 1


async def test_ipv6_and_unix() -> None:
    async with listen("::1", errors=ERRORS) as listener:
        assert listener.host == "::1"
        with socket.create_connection((listener.host, listener.port)):
            stream = await listener.accept()
            assert stream.peer.startswith("[::1]:")
            stream.close()

    sock = socket.socket(socket.AF_UNIX)
    sock.bind(f"\0transfer-listener-{os.getpid()}")
    sock.listen()
    async with Listener(sock, errors=ERRORS) as listener:
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(sock.getsockname())
            stream = await listener.accept()
            assert stream.peer == "unix socket"
            stream.close()


def test_the_first_free_port_of_a_range_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy, socket.create_server(("127.0.0.1", 0)) as free:
        ports = [busy.getsockname()[1], free.getsockname()[1]]
        with pytest.raises(OSError) as caught:
            listen("127.0.0.1", ports, errors=ERRORS)
        assert caught.value.errno == errno.EADDRINUSE
        free.close()
        listener = listen("127.0.0.1", ports, errors=ERRORS)

    assert listener.port == ports[1]
    listener.close()


def test_addresses_and_ports_that_cannot_be_had() -> None:
    with pytest.raises(OSError):
        listen("192.0.2.1", errors=ERRORS)
    with pytest.raises(OSError):
        listen("not an address", errors=ERRORS)
    with pytest.raises(OSError) as caught:
        listen("127.0.0.1", [], errors=ERRORS)
    assert caught.value.errno == errno.EADDRINUSE
    for port in (-1, 65536):
        with pytest.raises(ValueError, match="65535"):
            listen("127.0.0.1", [0, port], errors=ERRORS)


async def test_a_port_can_be_listened_on_again_at_once() -> None:
    first = listen("127.0.0.1", errors=ERRORS)
    with socket.create_connection((first.host, first.port)) as caller:
        stream = await first.accept()
        stream.close()
        first.close()
        caller.recv(1)
    second = listen("127.0.0.1", first.port, errors=ERRORS)

    assert second.port == first.port
    second.close()


async def test_close_ends_a_waiting_accept() -> None:
    listener = listen("127.0.0.1", errors=ERRORS)
    ended = False

    async def accept() -> None:
        nonlocal ended
        with pytest.raises(DisconnectedError, match="closed"):
            await listener.accept()
        ended = True

    async with anyio.create_task_group() as group:
        group.start_soon(accept)
        await until_waiting()
        listener.close()
    listener.close()

    assert ended
    assert listener.port, "where it listened can still be asked"
    with pytest.raises(DisconnectedError):
        await listener.accept()


def test_close_works_without_a_loop() -> None:
    listen("127.0.0.1", errors=ERRORS).close()


async def test_a_second_accepting_task_is_refused() -> None:
    async with listen("127.0.0.1", errors=ERRORS) as listener, anyio.create_task_group() as group:
        group.start_soon(_accept_and_close, listener)
        await until_waiting()
        with pytest.raises(LocalProtocolError):
            await listener.accept()
        socket.create_connection((listener.host, listener.port)).close()


async def _accept_and_close(listener: Listener) -> None:
    (await listener.accept()).close()


async def test_a_cancelled_accept_loses_no_connection() -> None:
    async with listen("127.0.0.1", errors=ERRORS) as listener:
        with socket.create_connection((listener.host, listener.port)) as caller:
            with anyio.CancelScope() as scope:
                scope.cancel()
                await listener.accept()
            assert scope.cancelled_caught
            stream = await listener.accept()
            assert stream.raw_socket.getpeername() == caller.getsockname()
            stream.close()


@asyncio_only
async def test_a_natively_cancelled_accept_loses_no_connection() -> None:
    """The connection comes in the very turn of the cancellation."""
    async with listen("127.0.0.1", errors=ERRORS) as listener:
        task = asyncio.ensure_future(listener.accept())
        await until_waiting()
        with socket.create_connection((listener.host, listener.port)) as caller:
            task.cancel()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            stream = await listener.accept()
            assert stream.raw_socket.getpeername() == caller.getsockname()
            stream.close()


async def test_a_connection_that_was_reset_in_the_queue_does_no_harm() -> None:
    async with listen("127.0.0.1", errors=ERRORS) as listener:
        reset(socket.create_connection((listener.host, listener.port)))
        with socket.create_connection((listener.host, listener.port)):
            for _ in range(2):
                (await listener.accept()).close()


async def test_out_of_descriptors_it_waits_and_goes_on() -> None:
    async with listen("127.0.0.1", errors=ERRORS) as listener:
        with socket.create_connection((listener.host, listener.port)) as caller:
            with out_of_descriptors(caller.fileno()), anyio.move_on_after(0.02) as scope:
                await listener.accept()
            assert scope.cancelled_caught, "no error, and no busy loop that could not be cancelled"
            stream = await listener.accept()
            assert stream.raw_socket.getpeername() == caller.getsockname()
            stream.close()


@contextmanager
def out_of_descriptors(spare: int) -> Iterator[None]:
    """Lower the limit and fill what is left with duplicates of *spare*."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(entry.name) for entry in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
    with ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        with pytest.raises(OSError) as caught:
            _duplicate_for_ever(spare, stack)
        assert caught.value.errno == errno.EMFILE
        yield


def _duplicate_for_ever(descriptor: int, stack: ExitStack) -> None:
    while True:
        stack.callback(os.close, os.dup(descriptor))
