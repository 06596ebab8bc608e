"""What can be done with names on the server: look, make, remove, rename."""

from __future__ import annotations

from pathlib import PurePosixPath

from transfer.ftp import _commands as commands
from transfer.ftp._code import Code
from transfer.ftp._errors import StatusCodeError
from transfer.ftp._list import Info, Listing, is_directory
from transfer.ftp._listing import parse_mlst_reply
from transfer.ftp._session import Session

__all__ = ["exists", "make_directory", "remove", "rename", "stat"]

_HERE = PurePosixPath()


async def stat(session: Session, path: commands.Path) -> Info:
    """Return the facts of *path*: by MLST, or from its parent's listing where the server does not know that.

    Raises:
        StatusCodeError: there is no such file (550), or the server refuses.
        FTPProtocolError: its reply can't be read; the connection is closed.
    """
    if "MLST" not in session.control.lacks:
        try:
            reply = await session.control.ask(commands.mlst(path), "2xx")
            with session.control.closing_on_nonsense():
                return dict(parse_mlst_reply(reply.lines).facts)
        except StatusCodeError as exc:
            if not exc.received_codes[-1].matches("50x"):
                raise
            if exc.received_codes[-1] in ("500", "502"):
                session.control.lacks.add("MLST")
    pure = PurePosixPath(path)
    if pure.name in {"", ".."}:
        return {"type": "dir"}  # the root, the current directory and those above are in no listing, and are there
    parent = "" if pure.parent == _HERE else pure.parent
    for found, info in await Listing(session, parent):
        if found.name == pure.name:
            return info
    raise StatusCodeError(
        Code("2xx"), Code("550"), f"{path} is not in the listing of its directory", peer=session.control.peer
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
    for found, facts in reversed(await Listing(session, path, recursive=True, enter=enter)):
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
