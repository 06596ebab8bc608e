"""How much later than UTC the server's clock is, as LIST shows it: by a file whose time MDTM says in UTC."""

from __future__ import annotations

from datetime import timedelta

from transfer.ftp import _commands as commands
from transfer.ftp._errors import FTPNotSupported
from transfer.ftp._list import Listing, as_line, at_once
from transfer.ftp._replies import parse_mdtm
from transfer.ftp._session import Session

__all__ = ["find_clock_offset"]

_MINUTE = timedelta(minutes=1)
# All zones differ from UTC by a multiple of it, and by less than 26 hours.
_STEP = timedelta(minutes=15)
_MOST = timedelta(hours=26)


async def find_clock_offset(session: Session, path: commands.Path) -> timedelta:
    """Compare what LIST and MDTM say of the file *path*.

    Raises:
        FTPNotSupported: LIST does not show *path* alone and to the minute, or the two can't be of one file.
        StatusCodeError: there is no such file, or the server does not know MDTM.
        FTPProtocolError: the reply can't be read; the connection is closed.
    """
    lines = await Listing(at_once(session), path, as_line, raw_command="LIST")
    moment = lines[0].moment if len(lines) == 1 else None
    if moment is None or moment.precision > _MINUTE:
        raise FTPNotSupported(f"LIST does not show to the minute when {path} was modified", peer=session.control.peer)
    reply = await session.control.ask(commands.mdtm(path), "213")
    with session.control.closing_on_nonsense():
        actual = parse_mdtm(reply.text)
    if moment.clock.tzinfo is not None:
        return timedelta()  # the listing says which zone its clock is in
    offset = round((moment.clock - actual.replace(tzinfo=None)) / _STEP) * _STEP
    if abs(offset) > _MOST:
        raise FTPNotSupported(
            f"LIST and MDTM say of {path} that it was modified {moment.clock} and {actual}", peer=session.control.peer
        )
    return offset
