"""Transfers, from the command to the final reply, and files moved by them."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import attrs

from transfer._engine.transfer import Transfer
from transfer._errors import DisconnectedError, TLSError, TransferError
from transfer._net.progress import Meter
from transfer._net.pump import receive_file, send_file
from transfer._net.stream import Stream
from transfer._net.throttle import Throttle
from transfer._wire.command import Command
from transfer._wire.reply import Reply
from transfer.ftp import _commands as commands
from transfer.ftp._connection._keep_alive import kept_alive
from transfer.ftp._control import check
from transfer.ftp._data import explain
from transfer.ftp._errors import FTPIncompleteTransfer, FTPProtocolError, PathIOError, StatusCodeError
from transfer.ftp._replies import parse_size
from transfer.ftp._session import Session

__all__ = ["conclude", "path_errors", "receive_to", "send_from", "start"]


@contextlib.contextmanager
def path_errors(meter: Meter | None = None) -> Iterator[None]:
    """Raise what the local file system says as :class:`PathIOError`; what the callback of *meter* raises stays."""
    try:
        yield
    except TransferError:
        raise
    except (OSError, UnicodeError) as exc:  # UnicodeError: the name does not exist in this file system's encoding
        if meter is not None and exc is meter.failure:
            raise
        raise PathIOError(reason=sys.exc_info()) from exc  # type: ignore[arg-type]  # inside except it is complete


async def start(session: Session, command: Command, *, representation: str = "I", offset: int = 0) -> Transfer:
    """Open a data connection and start *command* on it, from *offset* on.

    Raises:
        StatusCodeError: the server refuses; the transfer is over.
        FTPException: as for data connections and exchanges.
    """
    transfer = session.data.transfer(command, representation=representation, offset=offset)
    try:
        reply = await transfer.start()
    except TransferError as exc:
        session.control.fated(command, exc)
        raise
    check(reply, ("1xx", "2xx"), command, peer=session.control.peer)
    return transfer


async def conclude(session: Session, transfer: Transfer, command: Command) -> Reply:
    """End the data of *transfer* and return the final reply.

    Raises:
        StatusCodeError: the server refuses after all.
        FTPException: as for exchanges.
    """
    return check(await transfer.finish(), ("2xx",), command, peer=session.control.peer)


async def send_from(session: Session, source: Path, destination: commands.Path, meter: Meter) -> None:
    """Send the file *source* to *destination* on the server.

    Raises:
        PathIOError: the file can't be read.
        StatusCodeError: the server refuses, at first or in the end.
        FTPException: as for data connections and exchanges.
    """
    command = commands.stor(destination)
    seconds, throttle = session.settings.timeouts.data, _active(session.settings.throttle.write)
    with path_errors():
        file = source.open("rb", buffering=0)
    with file:

        async def move(stream: Stream) -> None:
            with path_errors(meter):
                await send_file(stream, file, seconds=seconds, meter=meter, throttle=throttle)

        await _run(session, command, move)


async def receive_to(
    session: Session, source: commands.Path, destination: Path, meter: Meter, *, listed: int | None
) -> None:
    """Receive *source* from the server into the file *destination*, whose directories are made if need be.

    The file is opened when the server has agreed, so that a refusal leaves an older one as it is.

    Args:
        session: the connection.
        source: on the server.
        destination: on this side; what was received stays there when the transfer fails.
        meter: told of every block.
        listed: the size that the server has shown before, None if unknown.

    Raises:
        PathIOError: the file can't be written.
        FTPIncompleteTransfer: fewer bytes came than SIZE says, or TLS was cut off and SIZE does not prove that nothing
            is missing.
        StatusCodeError: the server refuses, at first or in the end.
        FTPException: as for data connections and exchanges.
    """
    seconds, throttle = session.settings.timeouts.data, _active(session.settings.throttle.read)
    received = _Received(source, listed)

    async def move(stream: Stream) -> None:
        with path_errors(meter):
            destination.parent.mkdir(parents=True, exist_ok=True)
            with destination.open("wb", buffering=0) as file:
                received.octets = await receive_file(stream, file, seconds=seconds, meter=meter, throttle=throttle)
        received.is_cut_off = stream.truncated and session.settings.require_close_notify
        if received.is_cut_off and received.is_short:
            # This connection has broken: a server that has not noticed need not be waited for until it does.
            raise received.error(listed, session.control.peer)

    await _run(session, commands.retr(source), move)
    await _verify(session, received)


@attrs.define
class _Received:
    source: commands.Path
    listed: int | None
    octets: int = 0
    is_cut_off: bool = False
    """Whether TLS ended without a word."""

    @property
    def is_short(self) -> bool:
        """Whether less came than was listed."""
        return self.listed is not None and self.octets < self.listed

    def error(self, expected: int | None, peer: str) -> FTPIncompleteTransfer:
        """Return the error that says that *expected* bytes should have come."""
        of = "an unknown number" if expected is None else str(expected)
        why = "; TLS was cut off" if self.is_cut_off else ""
        return FTPIncompleteTransfer(
            f"{self.octets} of {of} bytes of {self.source} were received{why}",
            transferred=self.octets,
            expected=expected,
            peer=peer,
            # The same call begins the file on this side anew.
            retryable=True,
        )


async def _run(session: Session, command: Command, move: Callable[[Stream], Awaitable[None]]) -> None:
    transfer = await start(session, command)
    session.control.begin(transfer)

    async def bring_to_its_end() -> None:
        await move(transfer.stream)
        await conclude(session, transfer, command)

    try:
        await kept_alive(transfer, session.settings.noop_interval, bring_to_its_end)
    except TransferError as exc:
        if isinstance(exc, DisconnectedError | TLSError | FTPIncompleteTransfer):
            await explain(session.control, transfer, command, exc)
        await transfer.abort()
        session.control.fated(command, exc)
        raise
    except BaseException:
        await transfer.abort()
        raise
    finally:
        session.control.end()


async def _verify(session: Session, received: _Received) -> None:
    """Ask for the exact size where there is a doubt: what a listing shows may be out of date, or an estimate."""
    if not received.is_cut_off and not received.is_short:
        return
    size = await _exact_size(session, received.source)
    # Whoever cuts TLS off can do so at any octet: only the very size is a proof then.
    complete = size == received.octets if received.is_cut_off else size is None or size <= received.octets
    if not complete:
        raise received.error(size, session.control.peer)


async def _exact_size(session: Session, path: commands.Path) -> int | None:
    try:
        return parse_size((await session.control.ask(commands.size(path), "213")).text)
    except (StatusCodeError, FTPProtocolError):
        if not session.control.channel.is_open:
            raise
        return None


def _active(throttle: Throttle) -> Throttle | None:
    return throttle if throttle.limit else None
