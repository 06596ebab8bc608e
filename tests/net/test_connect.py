"""Dialling: one address, several in a race, Unix sockets, sockets handed in, and what can go wrong."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import anyio
import pytest

from tests.net.support import ERRORS, asyncio_only, in_time, soon, until_waiting
from transfer._errors import ConnectError, DisconnectedError, ErrorFamily, TransferTimeoutError
from transfer._net.connect import adopt, connect_tcp, connect_unix
from transfer._net.dial import Address, _interleave, _race
from transfer._net.names import peer_name, spell_address
from transfer._net.stream import Stream


def ipv4(port: int, host: str = "127.0.0.1") -> Address:
    return Address(socket.AF_INET, (host, port))


@contextmanager
def black_hole() -> Iterator[int]:
    """A port on 127.0.0.1 whose queue is full: the kernel drops what else would connect."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


@pytest.fixture
def refused_port() -> Iterator[int]:
    """A port that nobody listens on, kept from being taken by anybody else."""
    with socket.socket() as placeholder:
        placeholder.bind(("127.0.0.1", 0))
        yield placeholder.getsockname()[1]


# -- one host ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_connects_by_literal_and_by_name(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        stream = await connect_tcp(host, port, errors=ERRORS, deadline=in_time("connection"))
        accepted, _ = listener.accept()
        with accepted:
            await stream.send(b"x")
            assert accepted.recv(1) == b"x"
        stream.close()

    assert stream.peer == f"{host}:{port}"


async def test_connects_over_ipv6() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        port = listener.getsockname()[1]
        stream = await connect_tcp("::1", port, errors=ERRORS, deadline=in_time("connection"))
        stream.close()

    assert stream.peer == f"[::1]:{port}"


async def test_a_host_whose_first_address_refuses_is_reached_by_its_second() -> None:
    """ "localhost" has ::1 and 127.0.0.1 on most machines; on the others this is the case of one address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stream = await connect_tcp(
            "localhost", listener.getsockname()[1], errors=ERRORS, deadline=in_time("connection")
        )
        assert stream.raw_socket.getpeername()[0] == "127.0.0.1"
        stream.close()


async def test_a_refused_connection_is_a_connect_error_with_errno(refused_port: int) -> None:
    with pytest.raises(ConnectError, match=f"Could not connect to 127.0.0.1:{refused_port}: ") as caught:
        await connect_tcp("127.0.0.1", refused_port, errors=ERRORS, deadline=in_time("connection"))

    assert caught.value.errno == errno.ECONNREFUSED
    assert caught.value.peer == f"127.0.0.1:{refused_port}"
    assert caught.value.retryable
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)


@pytest.mark.parametrize("host", ["name.invalid", "a" * 64 + ".invalid", "a..b", "1.2.3.4.5"])
async def test_a_name_that_does_not_resolve_is_a_connect_error(host: str) -> None:
    with pytest.raises(ConnectError):
        await connect_tcp(host, 25, errors=ERRORS, deadline=in_time("connection"))


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", -1), ("127.0.0.1", 65536), ("nul\0", 25)])
async def test_senseless_arguments_are_value_errors(host: str, port: int) -> None:
    with pytest.raises(ValueError):
        await connect_tcp(host, port, errors=ERRORS, deadline=in_time("connection"))


async def test_the_deadline_of_the_dial_is_the_connect_timeout_category() -> None:
    class Late(TransferTimeoutError):
        pass

    with black_hole() as port, pytest.raises(Late, match="No connection to 127") as caught:
        await connect_tcp("127.0.0.1", port, errors=ErrorFamily(connect_timeout=Late), deadline=soon("connection"))

    assert caught.value.phase == "connection"
    assert caught.value.seconds == soon().seconds


async def test_the_callers_own_cancellation_passes_through_and_leaves_nothing_open() -> None:
    with black_hole() as port, anyio.move_on_after(0.01) as scope:
        await connect_tcp("127.0.0.1", port, errors=ERRORS, deadline=in_time("connection"))

    assert scope.cancelled_caught


@asyncio_only
async def test_native_cancellation_leaves_nothing_open() -> None:
    with black_hole() as port:
        for cancels in (1, 2):
            for addresses in ([ipv4(port)], [ipv4(port), ipv4(port, "127.0.0.2")]):
                task = asyncio.ensure_future(_race(addresses, delay_seconds=0))
                await until_waiting()
                for _ in range(cancels):
                    task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task


async def test_in_a_cancelled_scope_nothing_is_dialled() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, anyio.CancelScope() as scope:
        scope.cancel()
        await connect_tcp("127.0.0.1", listener.getsockname()[1], errors=ERRORS, deadline=in_time("connection"))

    assert scope.cancelled_caught


async def test_the_source_address_is_used_and_may_be_used_again() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_server(("127.0.0.2", 0)) as other,
        socket.socket() as placeholder,
    ):
        # Bound, but not listening: the port is kept from everybody who does not ask to share it.
        placeholder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        placeholder.bind(("127.0.0.3", 0))
        source = placeholder.getsockname()
        first = await connect_tcp(*listener.getsockname(), errors=ERRORS, deadline=in_time(), source_address=source)
        accepted, address = listener.accept()
        with accepted:
            assert address == source
            # This side closes first and so has the port in TIME_WAIT: an FTP server's port 20 is dialled from again.
            first.close()
            assert accepted.recv(1) == b""
        second = await connect_tcp(*other.getsockname(), errors=ERRORS, deadline=in_time(), source_address=source)
        assert second.raw_socket.getsockname() == source
        second.close()


async def test_a_source_address_without_a_port_has_any() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        streams = [
            await connect_tcp(
                *listener.getsockname(), errors=ERRORS, deadline=in_time(), source_address=("127.0.0.3", 0)
            )
            for _ in range(2)
        ]
        sources = [stream.raw_socket.getsockname() for stream in streams]
        for stream in streams:
            stream.close()

    assert [host for host, _ in sources] == ["127.0.0.3"] * 2
    assert sources[0] != sources[1]


@pytest.mark.parametrize("source", [("192.0.2.1", 0), ("::1", 0)])
async def test_a_source_address_that_cannot_be_had_is_a_connect_error(source: tuple[str, int]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(ConnectError):
        await connect_tcp(*listener.getsockname(), errors=ERRORS, deadline=in_time(), source_address=source)


# -- the race (RFC 8305) -----------------------------------------------------------------------------------------------


async def test_a_refused_address_gives_way_at_once(refused_port: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with anyio.fail_after(5):
            sock = await _race([ipv4(refused_port), ipv4(port)], delay_seconds=60)
        assert sock.getpeername()[1] == port
        sock.close()


async def test_a_black_holed_address_is_overtaken() -> None:
    with black_hole() as hole, socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        sock = await _race([ipv4(hole), ipv4(port)], delay_seconds=0.001)
        assert sock.getpeername()[1] == port
        sock.close()


async def test_of_several_winners_one_is_kept(socket_path: Path) -> None:
    """Dials that succeed in the same turn of the loop, as on trio about every second pair does."""
    path = str(socket_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        for _ in range(20):
            sock = await _race([Address(socket.AF_UNIX, path)] * 2, delay_seconds=0)
            sock.send(b"x")
            kept = 0
            with contextlib.suppress(BlockingIOError):
                listener.setblocking(False)
                while True:
                    with listener.accept()[0] as accepted:
                        kept += accepted.recv(1) == b"x"
            assert kept == 1, "of the others there is nothing but the end"
            sock.close()


async def test_refused_everywhere_raises_the_last_reason(refused_port: int) -> None:
    nowhere = Address(socket.AF_UNIX, "/nonexistent/socket")
    with pytest.raises(FileNotFoundError):
        await _race([ipv4(refused_port), ipv4(refused_port), nowhere], delay_seconds=60)
    with pytest.raises(ConnectionRefusedError):
        await _race([nowhere, ipv4(refused_port)], delay_seconds=60)


async def test_no_exception_group_comes_out_of_the_race(refused_port: int) -> None:
    """I9."""
    with pytest.raises((OSError, TypeError, OverflowError)) as caught:
        await _race([ipv4(refused_port)] * 2, source_address=("127.0.0.1", 1 << 20), delay_seconds=0)

    assert not isinstance(caught.value, BaseExceptionGroup)


async def test_a_cancelled_race_leaves_nothing_open() -> None:
    with black_hole() as hole:
        with anyio.move_on_after(0.01) as scope:
            await _race([ipv4(hole), ipv4(hole, "127.0.0.2"), ipv4(hole)], delay_seconds=0.001)

        assert scope.cancelled_caught


def test_families_alternate_and_the_resolvers_first_choice_leads() -> None:
    six = [Address(socket.AF_INET6, ("::1", n)) for n in range(3)]
    four = [ipv4(n) for n in range(2)]

    assert _interleave([*six, *four]) == [six[0], four[0], six[1], four[1], six[2]]
    assert _interleave([*four, *six]) == [four[0], six[0], four[1], six[1], six[2]]
    assert _interleave([*four, *four]) == four


# -- Unix sockets ------------------------------------------------------------------------------------------------------


async def test_unix_socket(socket_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(socket_path))
        listener.listen()
        for spelling in (socket_path, str(socket_path), os.fsencode(socket_path)):
            stream = await connect_unix(spelling, errors=ERRORS, deadline=in_time("connection"))
            listener.accept()[0].close()
            assert await stream.receive(in_time()) == b""
            stream.close()
            assert stream.peer == str(socket_path)


async def test_unix_socket_that_is_not_there(socket_path: Path) -> None:
    with pytest.raises(ConnectError) as caught:
        await connect_unix(socket_path, errors=ERRORS, deadline=in_time("connection"))
    assert caught.value.errno == errno.ENOENT
    with pytest.raises(ConnectError):
        await connect_unix("x" * 200, errors=ERRORS, deadline=in_time("connection"))


async def test_unix_socket_with_a_full_backlog_is_tried_again(socket_path: Path) -> None:
    """EAGAIN, and nothing to wait for: the kernel does not queue the caller."""
    path = str(socket_path)
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(path)
        listener.listen(0)
        first = stack.enter_context(socket.socket(socket.AF_UNIX))
        first.connect(path)
        with pytest.raises(TransferTimeoutError):
            await connect_unix(path, errors=ERRORS, deadline=soon("connection"))

        async def connect() -> None:
            stream = await connect_unix(path, errors=ERRORS, deadline=in_time("connection"))
            stream.close()

        async with anyio.create_task_group() as group:
            group.start_soon(connect)
            await until_waiting()
            listener.accept()[0].close()


# -- sockets handed in -------------------------------------------------------------------------------------------------


async def test_adopt_takes_a_connected_socket_over() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        stream = adopt(ours, errors=ERRORS)
        await stream.send(b"x")
        assert theirs.recv(1) == b"x"
        stream.close()
        assert ours.fileno() == -1
        assert stream.peer == "unix socket"


async def test_adopt_names_the_peer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stream = adopt(socket.create_connection(listener.getsockname()), errors=ERRORS)
        stream.close()

    assert stream.peer == spell_address(("127.0.0.1", int(stream.peer.rpartition(":")[2])))


def test_adopt_refuses_what_is_not_connected_and_leaves_it_to_the_caller() -> None:
    with socket.socket() as sock, pytest.raises(ConnectError) as caught:
        adopt(sock, errors=ERRORS)
    assert caught.value.errno == errno.ENOTCONN


def test_adopt_refuses_what_is_no_stream_socket() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock, pytest.raises(ValueError, match="stream socket"):
        adopt(sock, errors=ERRORS)
    with pytest.raises(TypeError):
        adopt(object(), errors=ERRORS)  # type: ignore[arg-type]  # what a caller without types may do


def test_names_of_peers() -> None:
    assert peer_name("mail.example", 25) == "mail.example:25"
    assert peer_name("::1", 25) == "[::1]:25"
    assert spell_address(("::1", 25, 0, 0)) == "[::1]:25"
    assert spell_address("/run/socket") == "/run/socket"
    assert spell_address(b"\0abstract") == "\0abstract"
    assert spell_address("") == "unix socket"


async def test_connect_errors_are_connection_errors_and_no_disconnect(refused_port: int) -> None:
    with pytest.raises(ConnectionError) as caught:
        await connect_tcp("127.0.0.1", refused_port, errors=ERRORS, deadline=in_time())
    assert not isinstance(caught.value, DisconnectedError)
    assert not isinstance(caught.value, Stream)
