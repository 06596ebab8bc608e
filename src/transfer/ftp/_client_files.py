"""``FilesClient``: directories, and what can be done with names on the server."""

from __future__ import annotations

from pathlib import PurePosixPath

from transfer.ftp import _commands as commands
from transfer.ftp import _files
from transfer.ftp._client_listings import ListingsClient

__all__ = ["FilesClient"]


class FilesClient(ListingsClient):
    """What :class:`Client` does with names; the arguments are explained there."""

    # -- directories -------------------------------------------------------------------------------------------------

    async def get_current_directory(self) -> PurePosixPath:
        """Return the server's current directory (PWD)."""
        control = (await self._ready()).control
        reply = await control.ask(commands.PWD, "257")
        with control.closing_on_nonsense():
            return self.parse_directory_response(reply.text)

    async def change_directory(self, path: str | PurePosixPath = "..") -> None:
        """Make *path* the server's current directory; ``..`` goes up."""
        await (await self._ready()).control.change_directory(path)
        if self._arrival is not None:
            self._arrival.went_to(str(path))

    async def make_directory(self, path: str | PurePosixPath, *, parents: bool = True) -> None:
        """Make the directory *path*, and those above it if *parents*; one that is there already is no error."""
        await _files.make_directory(await self._ready(), path, parents=parents)

    async def remove_directory(self, path: str | PurePosixPath) -> None:
        """Remove the empty directory *path*."""
        await (await self._ready()).control.ask(commands.rmd(path), "2xx")

    # -- files -------------------------------------------------------------------------------------------------------

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
