"""Whether what has arrived is what was sent."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from transfer.ftp import _commands as commands
from transfer.ftp._checks import checksum_of, choose_algorithm, remote_checksum
from transfer.ftp._errors import FTPIncompleteTransfer, FTPNotSupported
from transfer.ftp._session import Session
from transfer.ftp._transfers._moving import Feed
from transfer.ftp._transfers._remote import exact_size
from transfer.ftp._transfers._run import path_errors

__all__ = ["verify"]


async def verify(
    session: Session,
    path: commands.Path,
    ours: AbstractAsyncContextManager[Feed] | None,
    octets: int,
    how: bool | str,
) -> None:
    """Compare *path* on the server with what is on this side.

    Args:
        session: the connection, with nothing owed.
        path: the file on the server.
        ours: opens the file on this side, from its beginning; None where it can't be read again.
        octets: how many there are on this side.
        how: see ``TransferOptions``; not False.

    Raises:
        FTPIncompleteTransfer: they differ, or the server does not tell; not retryable.
        FTPNotSupported: the server has no such checksum.
        PathIOError: the file on this side can't be read.
        FTPException: as for exchanges.
    """
    algorithm = None if how == "size" else await _algorithm(session, how, can_compare=ours is not None)
    if algorithm is None or ours is None:
        size = await exact_size(session, path)
        if size != octets:
            of = "the server does not tell the size of" if size is None else f"{size} bytes are in"
            raise _differs(f"{octets} bytes were transferred, and {of} {path}", octets, size, session)
        return
    theirs = await remote_checksum(session.control, path, algorithm)
    with path_errors():
        mine = await checksum_of(ours, algorithm)
    if theirs != mine:
        text = f"{path} has the {algorithm} {theirs.digits} on the server and {mine.digits} here"
        raise _differs(text, octets, None, session)


async def _algorithm(session: Session, how: bool | str, *, can_compare: bool) -> str | None:
    wanted = how if isinstance(how, str) and how != "hash" else None
    algorithm = await choose_algorithm(session.control, wanted)
    if how is True:
        return algorithm
    if algorithm is None:
        what = wanted or "checksum"
        raise FTPNotSupported(f"The server offers no {what} to verify by", peer=session.control.peer)
    if not can_compare:
        raise FTPNotSupported(f"What was sent can't be read again to verify it by {algorithm}")
    return algorithm


def _differs(text: str, octets: int, expected: int | None, session: Session) -> FTPIncompleteTransfer:
    return FTPIncompleteTransfer(
        text, transferred=octets, expected=expected, peer=session.control.peer, retryable=False
    )
