"""What can be done with names on the server: look, make, remove, rename."""

from __future__ import annotations

from pathlib import PurePosixPath

import attrs

from transfer.ftp import _commands as commands
from transfer.ftp._code import Code
from transfer.ftp._errors import StatusCodeError
from transfer.ftp._list import (
    Info,
    ListingIterator,
    as_found,
    as_line,
    at_once,
    everything_below,
    is_directory,
    list_all,
)
from transfer.ftp._list_names import list_names
from transfer.ftp._listing import Entry, EntryType, ListedLine
from transfer.ftp._session import Session

__all__ = ["entry", "exists", "find", "make_directory", "remove", "rename", "stat"]

_HERE = PurePosixPath()


async def find(session: Session, path: commands.Path) -> ListedLine:
    """Return what the server says of *path*: by MLST, or in its parent's listing where it does not know that.

    Of a path that only NLST shows, as no parser understands its line, the type is not known.

    Raises:
        StatusCodeError: there is no such file (550), or the server refuses.
        FTPProtocolError: its reply can't be read; the connection is closed.
    """
    if "MLST" not in session.control.lacks:
        try:
            reply = await session.control.ask(commands.mlst(path), "2xx")
            with session.control.closing_on_nonsense():
                return session.settings.parser.read_mlst(reply.lines)
        except StatusCodeError as exc:
            if not exc.received_codes[-1].matches("50x"):
                raise
            if exc.received_codes[-1] in ("500", "502"):
                session.control.lacks.add("MLST")
    pure = PurePosixPath(path)
    if pure.name in {"", ".."}:
        # The root, the current directory and those above are in no listing, and are there.
        return ListedLine(str(pure), {"type": "dir"})
    parent = "" if pure.parent == _HERE else pure.parent
    listing = ListingIterator(at_once(session), parent, as_line)
    found: ListedLine | None = None
    while lines := await listing.next_batch():
        found = found or next((line for line in lines if line.path.name == pure.name), None)
    if found is None and listing.skipped and pure.name in await list_names(session, parent):
        found = ListedLine(pure.name, {"type": "unknown"})
    if found is None:
        raise StatusCodeError(
            Code("2xx"), Code("550"), f"{path} is not in the listing of its directory", peer=session.control.peer
        )
    return found


async def stat(session: Session, path: commands.Path) -> Info:
    """Return the facts of *path*, as :func:`find` finds them."""
    return dict((await find(session, path)).facts)


async def entry(session: Session, path: commands.Path) -> Entry:
    """Return *path* as an entry, as :func:`find` finds it."""
    found = Entry.from_line(
        await find(session, path), path=PurePosixPath(path), clock_offset=session.settings.parser.clock_offset
    )
    is_dot = found.type in {EntryType.CURRENT, EntryType.PARENT}  # what the session is in is a directory as well
    return attrs.evolve(
        found, name=found.path.name or str(found.path), type=EntryType.DIRECTORY if is_dot else found.type
    )


async def exists(session: Session, path: commands.Path) -> bool:
    """Tell whether *path* is there: not, if the server says 550 of it."""
    try:
        await stat(session, path)
    except StatusCodeError as exc:
        if exc.received_codes[-1].matches("550"):
            return False
        raise
    return True


async def make_directory(session: Session, path: commands.Path, *, parents: bool) -> None:
    """Make the directory *path*, and those above it if *parents*; one that is there already is no error.

    Raises:
        StatusCodeError: the server refuses.
    """
    missing: list[PurePosixPath] = []
    pure = PurePosixPath(path)
    while pure.name and not await exists(session, pure):
        missing.append(pure)
        pure = pure.parent
        if not parents:
            break
    for directory in reversed(missing):
        try:
            await session.control.ask(commands.mkd(directory), "2xx")
        except StatusCodeError as exc:
            # Somebody else may have made it meanwhile. A server that is full or busy (4yz) says so.
            if exc.retryable or not await exists(session, directory):
                raise


async def remove(session: Session, path: commands.Path) -> None:
    """Remove *path*, with everything in it if it is a directory; one that is not there is no error.

    A link is removed, never followed. Everything is listed before anything but links is removed.

    Raises:
        InvalidCommand: *path* is empty or can't be sent; nothing was sent.
        StatusCodeError: the server refuses; what was removed before is gone.
        FTPProtocolError: a listed name leads elsewhere; nothing but links was removed.
    """
    whole = commands.rmd(path)
    try:
        info = await stat(session, path)
    except StatusCodeError as exc:
        if exc.received_codes[-1].matches("550"):
            return
        raise
    if not is_directory(info):
        await session.control.ask(commands.dele(path), "2xx")
        return
    links: set[commands.Path] = set()

    async def enter(directory: commands.Path) -> bool:
        if not await _was_link(session, directory):
            return True
        links.add(directory)
        return False

    # A directory is listed before what is in it, so backwards everything goes before what it is in.
    for found, facts in reversed(await list_all(session, path, as_found, route=everything_below, enter=enter)):
        if found not in links:
            await session.control.ask(commands.rmd(found) if is_directory(facts) else commands.dele(found), "2xx")
    if path not in links:
        await session.control.ask(whole, "2xx")


async def _was_link(session: Session, directory: commands.Path) -> bool:
    """Remove *directory* if it is only a link to one, and tell whether it was.

    Servers that follow links in MLST and MLSD show no difference, and what is in there is somewhere else. DELE takes
    the link, and refuses a directory. A listing by LIST shows which is which.
    """
    if {"MLST", "MLSD"} <= session.control.lacks:
        return False
    try:
        await session.control.ask(commands.dele(directory), "2xx")
    except StatusCodeError as exc:
        if exc.retryable or not session.control.channel.is_open:
            raise
        return False
    return True


async def rename(session: Session, source: commands.Path, destination: commands.Path) -> None:
    """Rename *source* to *destination*.

    Raises:
        StatusCodeError: the server refuses.
    """
    rnfr, rnto = commands.rnfr(source), commands.rnto(destination)
    session.control.channel.require_sendable(rnfr, rnto)
    await session.control.ask(rnfr, "3xx")
    await session.control.ask(rnto, "2xx")
