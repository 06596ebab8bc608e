"""Public coroutines, cancelled at each of their suspensions in every way there is: what is left, and what goes on."""

from __future__ import annotations

import contextlib
import io
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

import attrs
import pytest

from tests.harness import ALL_MODES, Mode, Outcome, Sweep, cancel_everywhere
from tests.net.streams import both_paths
from tests.net.support import (
    ERRORS,
    Played,
    in_time,
    pair,
    pattern,
    played,
    read_all,
    server_tls,
    shake_hands,
    tcp_pair,
)
from tests.net.test_connect import black_hole, ipv4
from transfer._errors import DisconnectedError
from transfer._net.connect import _race, connect_tcp, connect_unix
from transfer._net.listen import Listener, listen
from transfer._net.movers import FastPaths
from transfer._net.pump import receive_file, send_file
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


async def test_a_cancelled_dial_of_a_unix_socket_leaves_nothing_open(tmp_path: Path) -> None:
    @contextmanager
    def full_backlog() -> Iterator[tuple[Path, socket.socket]]:
        path = tmp_path / "socket"
        with ExitStack() as stack:
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(str(path))
            stack.callback(path.unlink)
            listener.listen(0)
            stack.enter_context(socket.socket(socket.AF_UNIX)).connect(str(path))
            yield path, listener

    async def dial(place: tuple[Path, socket.socket]) -> None:
        path, listener = place
        with played(lambda: listener.accept()[0].close()):
            (await connect_unix(path, errors=ERRORS, deadline=in_time())).close()

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


@attrs.frozen
class Peered:
    """A stream, and what its peer's thread does meanwhile."""

    stream: Stream
    peer: Played
    file: Any = None


@contextmanager
def peered(act: Callable[[socket.socket], Any], file: Any = None) -> Iterator[Peered]:
    """A stream into small buffers whose other end is given to *act*, in a thread."""
    with tcp_pair(buffer_bytes=4096) as (stream, peer), played(act, peer) as outcome:
        try:
            yield Peered(stream, outcome, file)
        finally:
            stream.close()


def hurried(act: Callable[..., Any], *failures: type[BaseException]) -> Callable[[socket.socket], Any]:
    """*act* with a client that may go away at any time."""

    def perform(peer: socket.socket) -> Any:
        with contextlib.suppress(OSError, *failures):
            return act(peer)

    return perform


@pytest.mark.parametrize("server_side", [False, True], ids=["client", "server"])
async def test_a_cancelled_handshake_closes_the_stream(
    server_side: bool, client_tls_context: ssl.SSLContext, server_tls_context: ssl.SSLContext
) -> None:
    def answer(peer: socket.socket) -> None:
        if server_side:
            secured = client_tls_context.wrap_socket(peer, server_hostname="localhost")
        else:
            secured = server_tls(peer, server_tls_context)
        secured.close()

    async def upgrade(both: Peered) -> None:
        if server_side:
            await both.stream.start_tls(server_tls_context, server_side=True, deadline=in_time())
        else:
            await shake_hands(both.stream, client_tls_context)

    def check(outcome: Outcome) -> None:
        assert outcome.subject.stream.is_closed == outcome.cancelled

    sweep = await everywhere(upgrade, lambda: peered(hurried(answer)), check)
    assert sweep.points >= 1


# -- the stream --------------------------------------------------------------------------------------------------------


async def test_R6_a_cancelled_send_went_whole_or_not_at_all_or_broke_the_stream() -> None:
    async def send(both: Peered) -> None:
        await both.stream.send(DATA, in_time())

    async def check(outcome: Outcome) -> None:
        stream = outcome.subject.stream
        try:
            await stream.send(b"QUIT", in_time())
        except DisconnectedError:
            assert outcome.cancelled
            return
        await stream.send_eof(in_time())
        received = outcome.subject.peer.finish()
        assert received == DATA + b"QUIT" or (outcome.cancelled and received == b"QUIT")

    assert (await everywhere(send, lambda: peered(read_all), check)).points >= 3


async def test_a_cancelled_receive_takes_nothing() -> None:
    """A native cancel() may come in the turn after the bytes did; it is for channels to break then, which is I2."""

    async def receive(both: Peered) -> bytes:
        return await both.stream.receive(in_time())

    async def check(outcome: Outcome) -> None:
        data = outcome.value or b""
        while block := await outcome.subject.stream.receive(in_time()):
            data += block
        assert data == DATA

    around_it = around(lambda: peered(_give))
    await cancel_everywhere(receive, around=around_it, check=check, modes=[Mode.SCOPE])


def _give(peer: socket.socket) -> None:
    peer.sendall(DATA)
    peer.shutdown(socket.SHUT_WR)


async def test_a_cancelled_end_may_be_said_again() -> None:
    async def end(stream_and_peer: tuple[Stream, socket.socket]) -> None:
        await stream_and_peer[0].send_eof(in_time())

    async def check(outcome: Outcome) -> None:
        stream, peer = outcome.subject
        await stream.send_eof(in_time())
        assert peer.recv(1) == b""

    await everywhere(end, pair, check)


# -- files -------------------------------------------------------------------------------------------------------------


@both_paths
async def test_a_cancelled_upload_goes_on_where_the_file_stands(paths: FastPaths, tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(DATA)

    @contextmanager
    def reading() -> Iterator[Peered]:
        with path.open("rb") as file, peered(read_all, file) as both:
            yield both

    async def send(both: Peered) -> None:
        await send_file(both.stream, both.file, seconds=10, fast_paths=paths)

    async def check(outcome: Outcome) -> None:
        both: Peered = outcome.subject
        await send(both)
        assert both.file.tell() == len(DATA)
        await both.stream.send_eof(in_time())
        assert both.peer.finish() == DATA

    assert (await everywhere(send, reading, check)).points >= 3


@both_paths
async def test_a_cancelled_download_goes_on_with_what_is_in_the_file(paths: FastPaths, tmp_path: Path) -> None:
    """What was taken off the socket is in the file, not in a pipe or a buffer that nobody looks into."""
    path = tmp_path / "data"

    @contextmanager
    def giving() -> Iterator[Peered]:
        with path.open("wb") as file, peered(_give, file) as both:
            yield both

    async def receive(both: Peered) -> None:
        await receive_file(both.stream, both.file, seconds=10, fast_paths=paths)

    async def check(outcome: Outcome) -> None:
        both: Peered = outcome.subject
        assert both.file.tell() <= len(DATA)
        await receive(both)
        both.file.flush()
        assert _content(path) == DATA

    assert (await everywhere(receive, giving, check)).points >= 1


def _content(path: Path) -> bytes:
    return path.read_bytes()


async def test_a_cancelled_download_inside_tls_goes_on_with_what_is_in_the_file(
    client_tls_context: ssl.SSLContext, server_tls_context: ssl.SSLContext
) -> None:
    def serve(peer: socket.socket) -> None:
        secured = server_tls(peer, server_tls_context)
        secured.sendall(DATA)
        secured.close()

    @asynccontextmanager
    async def secured() -> AsyncIterator[Peered]:
        with peered(serve, io.BytesIO()) as both:
            await shake_hands(both.stream, client_tls_context)
            yield both

    async def receive(both: Peered) -> None:
        await receive_file(both.stream, both.file, seconds=10)

    async def check(outcome: Outcome) -> None:
        await receive(outcome.subject)
        assert outcome.subject.file.getvalue() == DATA
        assert outcome.subject.stream.truncated

    await cancel_everywhere(receive, around=secured, check=check, modes=ALL_MODES)
