"""What is asked and told of single files on the server beside their transfer: size, time, name."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from transfer.ftp import _commands as commands
from transfer.ftp._errors import FTPProtocolError, StatusCodeError
from transfer.ftp._files import rename
from transfer.ftp._replies import parse_mdtm, parse_size
from transfer.ftp._session import Session

__all__ = ["exact_size", "modified", "put_in_place", "set_modified"]

LOGGER = logging.getLogger("transfer.ftp")


async def exact_size(session: Session, path: commands.Path) -> int | None:
    """Return the size of *path* in bytes; None if it is not there, or the server does not tell.

    RFC 3659 §4: SIZE is that of a transfer, so the representation is agreed on before.
    """
    await session.control.represent("I")
    try:
        return parse_size((await session.control.ask(commands.size(path), "213")).text)
    except (StatusCodeError, FTPProtocolError):
        if not session.control.channel.is_open:
            raise
        return None


async def modified(session: Session, path: commands.Path) -> float | None:
    """Return when *path* was modified, in seconds since 1970; None if the server does not tell."""
    try:
        found = parse_mdtm((await session.control.ask(commands.mdtm(path), "213")).text)
    except (StatusCodeError, FTPProtocolError):
        if not session.control.channel.is_open:
            raise
        return None
    return found.timestamp()


async def set_modified(session: Session, path: commands.Path, mtime: float) -> bool:
    """Set when *path* was modified: by MFMT, or, where that is not known, by MDTM with a time.

    Returns:
        False, with a warning, where the server can do neither.
    """
    when = datetime.fromtimestamp(mtime, UTC)
    for verb, command in (("MFMT", commands.mfmt(when, path)), ("MDTM time", commands.set_mdtm(when, path))):
        if verb in session.control.lacks:
            continue
        try:
            await session.control.ask(command, "2xx")
        except StatusCodeError as exc:
            if not session.control.channel.is_open:
                raise
            if exc.received_codes[-1].matches("50x"):
                session.control.lacks.add(verb)
        else:
            return True
    LOGGER.warning("%s keeps the time of its upload: the server can't set it", path)
    return False


async def put_in_place(
    session: Session, partial: commands.Path, path: commands.Path, *, on_removal: Callable[[], None] = lambda: None
) -> None:
    """Give *partial* the name *path*, over a file that has it.

    Where the server does not rename over a file, that file is removed first.

    Args:
        session: with the server.
        partial: what there is.
        path: its new name.
        on_removal: called before the file that has the name is removed, from when on *partial* is all that there is.

    Raises:
        StatusCodeError: the server refuses.
    """
    try:
        await rename(session, partial, path)
    except StatusCodeError as exc:
        if exc.retryable or not session.control.channel.is_open:
            raise
        with contextlib.suppress(StatusCodeError):
            on_removal()
            await session.control.ask(commands.dele(path), "2xx")
            await rename(session, partial, path)
            return
        raise
