"""LIST of a path that is a file: its only line is the file itself, and not something in a directory of that name."""

from __future__ import annotations

from pathlib import PurePosixPath

from transfer.ftp import _commands as commands
from transfer.ftp._errors import FTPProtocolError, StatusCodeError
from transfer.ftp._listing import ListedLine, is_directory, parse_mlst_reply
from transfer.ftp._replies import parse_size
from transfer.ftp._session import Session

__all__ = ["is_the_path_itself", "may_be_the_path_itself"]


def may_be_the_path_itself(path: commands.Path, line: ListedLine) -> bool:
    """Tell whether *line*, the only one of the listing of *path*, may be of *path* and not of something in it."""
    name = PurePosixPath(path).name
    return name not in {"", ".."} and line.name in {name, str(path)} and not is_directory(line.facts)


async def is_the_path_itself(session: Session, path: commands.Path, line: ListedLine) -> bool:
    """Ask the server whether *path* is a file, as large as *line* says, where the line alone leaves it open.

    A server that knows neither SIZE nor MLST is taken at its word: a directory that holds a single file of its own name
    is rarer than a program that lists a file.

    Raises:
        FTPException: the connection was lost.
    """
    if "/" in line.name:
        return True  # a name in a directory has no slash
    try:
        size = parse_size((await session.control.ask(commands.size(path), "213")).text)
    except StatusCodeError as exc:
        if not session.control.channel.is_open:
            raise
        return exc.received_codes[-1].matches("50x") and not await _is_known_as_directory(session, path)
    except FTPProtocolError:
        return False
    return str(line.facts.get("size", size)) == str(size)


async def _is_known_as_directory(session: Session, path: commands.Path) -> bool:
    if "MLST" in session.control.lacks:
        return False
    try:
        reply = await session.control.ask(commands.mlst(path), "2xx")
        return is_directory(parse_mlst_reply(reply.lines).facts)
    except (StatusCodeError, FTPProtocolError):
        if not session.control.channel.is_open:
            raise
        return False
