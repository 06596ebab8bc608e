"""One file to or from ``benchmarks.programs.peer``: by this library's pump, and by anyio's streams.

Every function takes the loop's name, the peer's port, the file, a number of octets and, for TLS, the authority to
trust; ``ticking`` adds a task that wants to run every millisecond. The file is read and written by plain blocking calls
in all of them. What is measured begins with the first octet of the request and ends when the peer has confirmed the last
octet, or when the last octet is in the file.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar, cast

import anyio

from benchmarks.programs.peer import RECEIVE, SEND, header
from benchmarks.programs.ticker import ticking_beside
from benchmarks.programs.usage import Usage, run_on

if TYPE_CHECKING:
    from anyio.abc import ByteStream

    from transfer._net.stream import Stream

_HOST = "127.0.0.1"
# The limit for each block that the library sets by default: part of what it costs.
_BLOCK_SECONDS = 180
_Measured = dict[str, float | int | None]
_StreamT = TypeVar("_StreamT")


def send_by_transfer(loop: str, port: int, path: str, size: int, authority: str | None, ticking: bool) -> _Measured:
    """Send by ``send_file``: sendfile in the clear, one buffer inside TLS."""
    from transfer._net.pump import send_file

    async def work(stream: Stream, file: BinaryIO) -> None:
        await stream.send(header(SEND, size))
        await send_file(stream, file, seconds=_BLOCK_SECONDS)
        await stream.receive()

    return _measure_ours(loop, port, authority, Path(path), "rb", work, ticking)


def receive_by_transfer(loop: str, port: int, path: str, size: int, authority: str | None, ticking: bool) -> _Measured:
    """Receive by ``receive_file``: splice in the clear, one buffer inside TLS."""
    from transfer._net.pump import receive_file

    async def work(stream: Stream, file: BinaryIO) -> None:
        await stream.send(header(RECEIVE, size))
        await receive_file(stream, file, seconds=_BLOCK_SECONDS)

    return _measure_ours(loop, port, authority, Path(path), "wb", work, ticking)


def send_by_anyio(
    loop: str, port: int, path: str, size: int, authority: str | None, ticking: bool, block_bytes: int
) -> _Measured:
    """Send by anyio's stream in blocks of *block_bytes*."""

    async def work(stream: ByteStream, file: BinaryIO) -> None:
        await stream.send(header(SEND, size))
        while block := file.read(block_bytes):
            await stream.send(block)
        await stream.receive()

    return _measure_anyio(loop, port, authority, Path(path), "rb", work, ticking)


def receive_by_anyio(
    loop: str, port: int, path: str, size: int, authority: str | None, ticking: bool, block_bytes: int
) -> _Measured:
    """Receive by anyio's stream, at most *block_bytes* at a time."""

    async def work(stream: ByteStream, file: BinaryIO) -> None:
        await stream.send(header(RECEIVE, size))
        with contextlib.suppress(anyio.EndOfStream):
            while True:
                file.write(await stream.receive(block_bytes))

    return _measure_anyio(loop, port, authority, Path(path), "wb", work, ticking)


def _measure_ours(
    loop: str,
    port: int,
    authority: str | None,
    path: Path,
    mode: str,
    work: Callable[[Stream, BinaryIO], Awaitable[None]],
    ticking: bool,
) -> _Measured:
    from transfer import TLS
    from transfer._errors import ErrorFamily
    from transfer._net.connect import connect_tcp
    from transfer._net.timeouts import Deadline

    context = TLS(ca_file=authority).client_context() if authority else None

    @contextlib.asynccontextmanager
    async def connected() -> AsyncIterator[Stream]:
        stream = await connect_tcp(_HOST, port, errors=ErrorFamily(), deadline=Deadline(30, "connection"))
        with contextlib.closing(stream):
            if context is not None:
                await stream.start_tls(context, server_hostname="localhost")
            yield stream

    return _measure(loop, path, mode, connected, work, ticking)


def _measure_anyio(
    loop: str,
    port: int,
    authority: str | None,
    path: Path,
    mode: str,
    work: Callable[[ByteStream, BinaryIO], Awaitable[None]],
    ticking: bool,
) -> _Measured:
    context = ssl.create_default_context(cafile=authority) if authority else None

    @contextlib.asynccontextmanager
    async def connected() -> AsyncIterator[ByteStream]:
        stream: ByteStream
        if context is not None:
            stream = await anyio.connect_tcp(_HOST, port, ssl_context=context, tls_hostname="localhost")
        else:
            stream = await anyio.connect_tcp(_HOST, port)
        try:
            yield stream
        finally:
            await anyio.aclose_forcefully(stream)

    return _measure(loop, path, mode, connected, work, ticking)


def _measure(
    loop: str,
    path: Path,
    mode: str,
    connected: Callable[[], contextlib.AbstractAsyncContextManager[_StreamT]],
    work: Callable[[_StreamT, BinaryIO], Awaitable[None]],
    ticking: bool,
) -> _Measured:
    usages: list[Usage] = []

    async def main() -> None:
        # The idle process: everything is imported, the loop runs, there is no connection yet.
        usage = Usage()
        usages.append(usage)
        async with connected() as stream:
            if not ticking:
                with usage:
                    await work(stream, file)
                return
            async with ticking_beside() as lateness:
                with usage:
                    await work(stream, file)
            usage.value = lateness.worst_milliseconds

    with path.open(mode) as opened:
        file = cast("BinaryIO", opened)  # both modes are binary
        run_on(loop, main)
    return usages[0].sample()
