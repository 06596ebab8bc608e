"""A transfer from the command to the final reply."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Awaitable, Callable, Iterator

from transfer._engine.transfer import Transfer
from transfer._errors import DisconnectedError, TLSError, TransferError
from transfer._net.progress import Meter
from transfer._net.stream import Stream
from transfer._net.throttle import Throttle
from transfer._wire.command import Command
from transfer._wire.reply import Reply
from transfer.ftp._connection._keep_alive import kept_alive
from transfer.ftp._control import check
from transfer.ftp._data import explain
from transfer.ftp._errors import FTPIncompleteTransfer, PathIOError
from transfer.ftp._session import Session

__all__ = ["active", "conclude", "path_errors", "run", "start"]


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


async def start(
    session: Session, command: Command, *, representation: str = "I", offset: int = 0, mode: str = "S"
) -> Transfer:
    """Open a data connection and start *command* on it, from *offset* on.

    Raises:
        StatusCodeError: the server refuses; the transfer is over.
        FTPException: as for data connections and exchanges.
    """
    transfer = session.data.transfer(command, representation=representation, offset=offset, mode=mode)
    with session.control.fating(command):
        reply = await transfer.start()
    check(reply, ("1xx", "2xx"), command, peer=session.control.peer)
    return transfer


async def conclude(session: Session, transfer: Transfer, command: Command) -> Reply:
    """End the data of *transfer* and return the final reply.

    Raises:
        StatusCodeError: the server refuses after all.
        FTPException: as for exchanges.
    """
    return check(await transfer.finish(), ("2xx",), command, peer=session.control.peer)


async def run(
    session: Session,
    command: Command,
    move: Callable[[Stream], Awaitable[None]],
    *,
    representation: str = "I",
    offset: int = 0,
    mode: str = "S",
) -> None:
    """Start *command*, let *move* have the data connection, and wait for the final reply.

    Raises:
        StatusCodeError: the server refuses, at first or in the end.
        FTPException: as for data connections and exchanges. What *move* raises is passed on.

    Cancellation and errors: the transfer is aborted; the connection is in step, or closed.
    """
    transfer = await start(session, command, representation=representation, offset=offset, mode=mode)
    session.control.under_way.begin(transfer)

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
        session.control.under_way.end()


def active(throttle: Throttle) -> Throttle | None:
    """Return *throttle* if it limits anything."""
    return throttle if throttle.limit else None
