"""One file to or from ``benchmarks.programs.peer``: by this library's pump, by anyio's streams, by system calls alone.

The file is read and written by plain blocking calls in all of them. What is measured begins with the first octet of
the file, or with the word that lets it begin, and ends when the peer has confirmed the last octet, or when the last
octet is in the file. The idle process that memory is compared with runs its loop and has neither a connection nor TLS
settings yet.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import anyio

from benchmarks.programs.ticker import ticking_beside
from benchmarks.programs.usage import Measured, Usage, run_on

if TYPE_CHECKING:
    from anyio.abc import ByteStream

    from transfer._net.stream import Stream

_HOST = "127.0.0.1"
# The limit for each block that the library sets by default: part of what it costs.
_BLOCK_SECONDS = 180
_LINE_BYTES = 100
_KERNEL_BYTES = 1 << 20
_StreamT = TypeVar("_StreamT")


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is to be done.

    Attributes:
        loop: "asyncio", "uvloop" or "trio".
        port: the peer's.
        path: the file; what is received goes over what is there.
        size: in octets, of what is moved.
        authority: a file with the certificate to trust, for TLS; None without.
        checked: whether the peer compares what it is sent.
        ticking: whether a task that wants to run every millisecond runs beside.
        block_bytes: for those who are told how much to move at a time.
    """

    loop: str
    port: int
    path: str
    size: int
    authority: str | None = None
    checked: bool = False
    ticking: bool = False
    block_bytes: int = 0


def send_by_transfer(**arguments: Any) -> Measured:
    """Send by ``send_file`` as to another host: sendfile in the clear, one buffer inside TLS."""
    from transfer._net.movers import FAST_PATHS
    from transfer._net.pump import send_file

    async def work(stream: Stream, file: BinaryIO) -> None:
        await send_file(stream, file, seconds=_BLOCK_SECONDS, fast_paths=FAST_PATHS)
        await stream.send_eof()
        stream.close()

    return _send(Job(**arguments), _connected_by_transfer, work)


def receive_by_transfer(**arguments: Any) -> Measured:
    """Receive by ``receive_file``: splice in the clear, one buffer inside TLS."""
    from transfer._net.pump import receive_file

    async def work(stream: Stream, file: BinaryIO) -> None:
        await receive_file(stream, file, seconds=_BLOCK_SECONDS)

    return _receive(Job(**arguments), _connected_by_transfer, work)


def send_by_anyio(**arguments: Any) -> Measured:
    """Send by anyio's stream in blocks of a given size."""
    job = Job(**arguments)

    async def work(stream: ByteStream, file: BinaryIO) -> None:
        while block := file.read(job.block_bytes):
            await stream.send(block)
        await stream.aclose()

    return _send(job, _connected_by_anyio, work)


def receive_by_anyio(**arguments: Any) -> Measured:
    """Receive by anyio's stream, at most a given size at a time."""
    job = Job(**arguments)

    async def work(stream: ByteStream, file: BinaryIO) -> None:
        with contextlib.suppress(anyio.EndOfStream):
            while True:
                file.write(await stream.receive(job.block_bytes))

    return _receive(job, _connected_by_anyio, work)


def send_by_kernel(**arguments: Any) -> Measured:
    """Send by ``sendfile`` on a blocking socket, without an event loop."""
    job = Job(**arguments)
    usage = Usage()
    with Path(job.path).open("rb", buffering=0) as file, _blocking(job, "check" if job.checked else "send") as sockets:
        control, data = sockets
        with usage:
            while os.sendfile(data.fileno(), file.fileno(), None, _KERNEL_BYTES):  # from where the file stands
                pass
            data.close()
            _expect(control.recv(_LINE_BYTES), b"same" if job.checked else b"done")
    return usage.sample()


def receive_by_kernel(**arguments: Any) -> Measured:
    """Receive by ``splice`` on a blocking socket, without an event loop."""
    import fcntl

    job = Job(**arguments)
    usage = Usage()
    with Path(job.path).open("r+b", buffering=0) as file, _blocking(job, "receive") as sockets:
        control, data = sockets
        reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, _KERNEL_BYTES)
        with usage:
            control.sendall(b"go")
            while count := os.splice(data.fileno(), writer, _KERNEL_BYTES):
                while count:
                    count -= os.splice(reader, file.fileno(), count)
    return usage.sample()


@contextlib.contextmanager
def _blocking(job: Job, what: str) -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_connection((_HOST, job.port)) as control:
        control.sendall(f"{what} {job.size}".encode())
        with socket.create_connection((_HOST, job.port)) as data:
            _expect(control.recv(_LINE_BYTES), b"ready")
            yield control, data


def _expect(answer: bytes, expected: bytes) -> None:
    if answer != expected:
        raise RuntimeError(f"the peer says {answer!r}, not {expected!r}")


@contextlib.asynccontextmanager
async def _connected_by_transfer(job: Job) -> AsyncIterator[Stream]:
    from transfer import TLS
    from transfer._errors import ErrorFamily
    from transfer._net.connect import connect_tcp
    from transfer._net.timeouts import Deadline

    stream = await connect_tcp(_HOST, job.port, errors=ErrorFamily(), deadline=Deadline(30, "connection"))
    with contextlib.closing(stream):
        if job.authority:
            await stream.start_tls(TLS(ca_file=job.authority).client_context(), server_hostname="localhost")
        yield stream


@contextlib.asynccontextmanager
async def _connected_by_anyio(job: Job) -> AsyncIterator[ByteStream]:
    stream: ByteStream
    if job.authority:
        stream = await anyio.connect_tcp(
            _HOST,
            job.port,
            ssl_context=ssl.create_default_context(cafile=job.authority),
            tls_hostname="localhost",
            # The peer never answers the end of TLS, and FTP's servers don't always.
            tls_standard_compatible=False,
        )
    else:
        stream = await anyio.connect_tcp(_HOST, job.port)
    try:
        yield stream
    finally:
        await anyio.aclose_forcefully(stream)


_Connected = Callable[[Job], contextlib.AbstractAsyncContextManager[_StreamT]]
_Work = Callable[[_StreamT, BinaryIO], Awaitable[None]]


def _send(job: Job, connected: _Connected[_StreamT], work: _Work[_StreamT]) -> Measured:
    expected = b"same" if job.checked else b"done"

    async def act(control: socket.socket, stream: _StreamT, file: BinaryIO) -> None:
        await work(stream, file)
        _expect(await _said_by(control), expected)

    with Path(job.path).open("rb", buffering=0) as file:
        return _measure(job, "check" if job.checked else "send", connected, file, act)


def _receive(job: Job, connected: _Connected[_StreamT], work: _Work[_StreamT]) -> Measured:
    async def act(control: socket.socket, stream: _StreamT, file: BinaryIO) -> None:
        control.sendall(b"go")
        await work(stream, file)

    with Path(job.path).open("r+b", buffering=0) as file:
        return _measure(job, "receive", connected, file, act)


async def _said_by(control: socket.socket) -> bytes:
    await anyio.wait_readable(control)
    return control.recv(_LINE_BYTES)


def _measure(
    job: Job,
    what: str,
    connected: _Connected[_StreamT],
    file: BinaryIO,
    act: Callable[[socket.socket, _StreamT, BinaryIO], Awaitable[None]],
) -> Measured:
    async def main() -> Usage:
        usage = Usage()
        with socket.create_connection((_HOST, job.port)) as control:
            control.sendall(f"{what} {job.size}".encode())
            async with connected(job) as stream:
                _expect(await _said_by(control), b"ready")
                if not job.ticking:
                    with usage:
                        await act(control, stream, file)
                    return usage
                async with ticking_beside() as lateness:
                    with usage:
                        await act(control, stream, file)
                usage.value = lateness.worst_milliseconds
                return usage

    return run_on(job.loop, main).sample()
