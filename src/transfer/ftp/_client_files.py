"""``FilesClient``: directories, listings, and what can be done with names on the server."""

from __future__ import annotations

from pathlib import PurePosixPath

from transfer.ftp import _commands as commands
from transfer.ftp import _files
from transfer.ftp._base import BaseClient
from transfer.ftp._list import Info, Listing
from transfer.ftp._replies import parse_directory

__all__ = ["FilesClient"]


class FilesClient(BaseClient):
    """What :class:`Client` does with names; the arguments are explained there."""

    # -- directories -------------------------------------------------------------------------------------------------

    async def get_current_directory(self) -> PurePosixPath:
        """Return the server's current directory (PWD)."""
        control = (await self._ready()).control
        reply = await control.ask(commands.PWD, "257")
        with control.closing_on_nonsense():
            return PurePosixPath(parse_directory(reply.text))

    async def change_directory(self, path: str | PurePosixPath = "..") -> None:
        """Make *path* the server's current directory; ``..`` goes up."""
        await (await self._ready()).control.ask(commands.CDUP if str(path) == ".." else commands.cwd(path), "2xx")

    async def make_directory(self, path: str | PurePosixPath, *, parents: bool = True) -> None:
        """Make the directory *path*, and those above it if *parents*; one that is there already is no error."""
        await _files.make_directory(await self._ready(), path, parents=parents)

    async def remove_directory(self, path: str | PurePosixPath) -> None:
        """Remove the empty directory *path*."""
        await (await self._ready()).control.ask(commands.rmd(path), "2xx")

    def list(
        self, path: str | PurePosixPath = "", *, recursive: bool = False, raw_command: str | None = None
    ) -> Listing:
        """List *path*: ``await`` the result for a list, or iterate over it with ``async for``.

        Entries are ``(path, info)``; ``info`` is a dictionary of facts, ``type`` is mostly ``"file"`` or ``"dir"``.
        ``.`` and ``..`` are left out, and so are, with a warning, lines that can't be read.

        Args:
            path: a directory; the current one by default.
            recursive: whether to list the directories in it as well, breadth first.
            raw_command: ``"MLSD"`` or ``"LIST"``, instead of the first and then, where it is not known, the second,
                with the names that it hides if the server knows how to show them (``LIST -a``).

        Raises, when awaited or iterated over:
            StatusCodeError: the server refuses.
            FTPProtocolError: the listing is too long, or a name in it is not one (a path, ``""``).
            FTPIncompleteTransfer: TLS was cut off.
        """
        return Listing(self._session, path, recursive=recursive, raw_command=raw_command)

    # -- files -------------------------------------------------------------------------------------------------------

    async def stat(self, path: str | PurePosixPath) -> Info:
        """Return the facts of *path*, or raise StatusCodeError with the code 550 if it is not there."""
        return await _files.stat(await self._ready(), path)

    async def is_file(self, path: str | PurePosixPath) -> bool:
        """Tell whether *path* is a file; it has to be there."""
        return (await self.stat(path)).get("type") == "file"

    async def is_dir(self, path: str | PurePosixPath) -> bool:
        """Tell whether *path* is a directory; it has to be there."""
        return (await self.stat(path)).get("type") in {"dir", "cdir", "pdir"}

    async def exists(self, path: str | PurePosixPath) -> bool:
        """Tell whether *path* is there."""
        return await _files.exists(await self._ready(), path)

    async def rename(self, source: str | PurePosixPath, destination: str | PurePosixPath) -> None:
        """Rename or move *source* to *destination*."""
        await _files.rename(await self._ready(), source, destination)

    async def remove_file(self, path: str | PurePosixPath) -> None:
        """Remove the file *path*."""
        await (await self._ready()).control.ask(commands.dele(path), "2xx")

    async def remove(self, path: str | PurePosixPath) -> None:
        """Remove *path*, with everything in it if it is a directory; one that is not there is no error."""
        await _files.remove(await self._ready(), path)
