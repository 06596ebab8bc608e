"""What can be done with names on the server: look, make, remove, rename."""

from __future__ import annotations

from pathlib import PurePosixPath

from transfer.ftp import _commands as commands
from transfer.ftp._code import Code
from transfer.ftp._errors import StatusCodeError
from transfer.ftp._list import Info, Listing
from transfer.ftp._listing import parse_mlst_reply
from transfer.ftp._session import Session

__all__ = ["exists", "is_directory", "make_directory", "remove", "rename", "stat"]

_HERE = PurePosixPath()


def is_directory(info: Info) -> bool:
    """Tell whether *info* is of a directory, and not of a link to one."""
    return str(info.get("type", "")).lower() in {"dir", "cdir", "pdir"} and "link_dst" not in info


async def stat(session: Session, path: commands.Path) -> Info:
    """Return the facts of *path*: by MLST, or from its parent's listing where the server does not know that.

    Raises:
        StatusCodeError: there is no such file (550), or the server refuses.
        FTPProtocolError: its reply can't be read.
    """
    if "MLST" not in session.control.lacks:
        try:
            reply = await session.control.ask(commands.mlst(path), "2xx")
            return dict(parse_mlst_reply(reply.lines).facts)
        except StatusCodeError as exc:
            if not exc.received_codes[-1].matches("50x"):
                raise
            if exc.received_codes[-1] in ("500", "502"):
                session.control.lacks.add("MLST")
    pure = PurePosixPath(path)
    if not pure.name:
        return {"type": "dir"}  # the root and the current directory are in no listing, and are there
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

    A link is removed, never followed, as far as the server's listing tells which is one.

    Raises:
        StatusCodeError: the server refuses; what was removed before is gone.
    """
    try:
        info = await stat(session, path)
    except StatusCodeError as exc:
        if exc.received_codes[-1].matches("550"):
            return
        raise
    if not is_directory(info):
        await session.control.ask(commands.dele(path), "2xx")
        return
    # Directories are listed before their parent can go: collected on the way down, removed on the way up.
    directories: list[commands.Path] = [path]
    for directory in directories:
        for found, facts in await Listing(session, directory):
            if is_directory(facts):
                directories.append(found)
            else:
                await session.control.ask(commands.dele(found), "2xx")
    for directory in reversed(directories):
        await session.control.ask(commands.rmd(directory), "2xx")


async def rename(session: Session, source: commands.Path, destination: commands.Path) -> None:
    """Rename *source* to *destination*.

    Raises:
        StatusCodeError: the server refuses.
    """
    rnfr, rnto = commands.rnfr(source), commands.rnto(destination)
    await session.control.ask(rnfr, "3xx")
    await session.control.ask(rnto, "2xx")
