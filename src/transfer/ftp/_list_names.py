"""``Client.list_names``: NLST, whose lines are names, or paths that end in them."""

from __future__ import annotations

from pathlib import PurePosixPath

from transfer.ftp import _commands as commands
from transfer.ftp._errors import FTPProtocolError
from transfer.ftp._list_open import Count, OpenListing, start_names
from transfer.ftp._names import check_name
from transfer.ftp._session import Session

__all__ = ["list_names"]


async def list_names(session: Session, path: commands.Path) -> list[str]:
    """Return the names in the directory *path*, but ``.`` and ``..``.

    Raises:
        StatusCodeError: the server refuses; many do so for an empty directory.
        FTPProtocolError: the listing is too long, or a line is the path of something that is elsewhere; the connection
            is closed.
        FTPIncompleteTransfer: TLS was cut off.
    """
    opened = OpenListing(session, *await start_names(session, path), Count(session.settings.limits))
    names: list[str] = []
    try:
        with session.control.closing_on_nonsense():
            while (lines := await opened.next_lines()) is not None:
                names += [name for line in lines if (name := _name(line.name, path)) is not None]
    except BaseException:
        await opened.abort()
        raise
    return names


def _name(listed: str, path: commands.Path) -> str | None:
    """Return the name in *listed*, which may be a path as well; None for the directory itself and the one above.

    What is before the name is the directory that was asked for, in the client's words or in the server's.

    Raises:
        FTPProtocolError: it is another.
    """
    directory, slash, name = listed.rstrip("/").rpartition("/")
    if not slash:
        name = directory or name
    if name in {".", ".."}:
        return None
    asked = [part for part in PurePosixPath(path).parts if part not in {"/", "."}]
    shown = [part for part in PurePosixPath(directory).parts if part not in {"/", "."}] if slash else asked
    if shown != asked and (".." in shown or shown[len(shown) - len(asked) :] != asked):
        raise FTPProtocolError(f"name {listed[:100]!a} from the server's listing is refused: it is elsewhere")
    return check_name(name, windows=False)
