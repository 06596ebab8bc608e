"""``ListingsClient``: listings, in every shape."""

from __future__ import annotations

import builtins
from datetime import timedelta
from pathlib import PurePosixPath

import attrs

from transfer.ftp import _files
from transfer.ftp._client_sessions import SessionsClient
from transfer.ftp._clock import find_clock_offset
from transfer.ftp._glob import parse_glob
from transfer.ftp._list import Found, Info, Listing, as_entry, as_found, everything_below
from transfer.ftp._list_names import list_names
from transfer.ftp._listing import Entry
from transfer.ftp._walk import Walk

__all__ = ["ListingsClient"]


class ListingsClient(SessionsClient):
    """What :class:`Client` shows of directories; the arguments are explained there."""

    # -- directories -------------------------------------------------------------------------------------------------

    def list(
        self, path: str | PurePosixPath = "", *, recursive: bool = False, raw_command: str | None = None
    ) -> Listing[Found]:
        """List *path*: ``await`` the result for a list, or iterate over it with ``async for``.

        The same as :meth:`entries`, as pairs ``(path, info)``; ``info`` is a dictionary of facts, whose ``type`` is
        mostly ``"file"`` or ``"dir"``.
        ``.`` and ``..`` are left out, and so are, with a warning, lines that can't be read.

        Args:
            path: a directory, or a file, which is then the only entry; the current directory by default.
            recursive: whether to list the directories in it as well, breadth first.
            raw_command: ``"MLSD"`` or ``"LIST"``, instead of the first and then, where it is not known, the second,
                with the names that it hides if the server knows how to show them (``LIST -a``).

        Raises, when awaited or iterated over:
            StatusCodeError: the server refuses.
            FTPProtocolError: the listing is too long, or a name in it is not one (a path, ``""``).
            FTPIncompleteTransfer: TLS was cut off.
        """
        return Listing(
            self._ready, path, as_found, route=everything_below if recursive else None, raw_command=raw_command
        )

    def entries(
        self, path: str | PurePosixPath = "", *, recursive: bool = False, raw_command: str | None = None
    ) -> Listing[Entry]:
        """List *path* as :meth:`list` does, as entries with typed facts.

        ``await`` the result for a list. ``async for`` yields the entries as they arrive, however many there are; until
        it is over, or its iterator is dropped or closed by ``aclose()``, no other command can be sent.
        """
        return Listing(
            self._ready, path, as_entry, route=everything_below if recursive else None, raw_command=raw_command
        )

    async def list_names(self, path: str | PurePosixPath = "") -> builtins.list[str]:
        """Return the names in *path* (NLST), which says nothing else and is understood from every server.

        Whether names that begin with a dot are among them is for the server to say.

        Raises:
            StatusCodeError: the server refuses; many do so for an empty directory.
            FTPProtocolError: the listing is too long, or something in it is elsewhere.
        """
        return await list_names(await self._ready(), path)

    def walk(self, path: str | PurePosixPath = "") -> Walk:
        """Go through the tree below *path*, like ``os.walk``.

        ``async for directory, directories, files in client.walk(...)`` yields, of each directory, its path and its
        entries: those that are directories, and all others, links among them. Each directory comes before what is in
        it. What the loop takes out of *directories* is not gone into. Between two directories the connection is free
        for other commands.

        Raises, when iterated over:
            StatusCodeError, FTPProtocolError, FTPIncompleteTransfer: as :meth:`list`; the limits are those of
                the whole tree.
        """
        return Walk(self._ready, path)

    def glob(self, pattern: str) -> Listing[Entry]:
        """List the entries whose paths *pattern* matches: ``await`` the result, or iterate over it.

        In *pattern*, ``*`` stands for any letters of a name, ``?`` for one, ``[...]`` for one of several or, after
        ``!``, for one of all others, and ``**`` for any number of directories, at the end for everything below. Names
        that begin with a dot are matched like others, upper and lower case differ, links are not gone into, and a slash
        at the end asks for directories. The server is asked for plain listings only; the matching happens on this side,
        in a time that grows with the lengths of pattern and names alone.

        Where the directory before the first of these signs is not there, nothing matches.

        Raises:
            ValueError: there is no name in *pattern*.

        Raises, when awaited or iterated over:
            StatusCodeError, FTPProtocolError, FTPIncompleteTransfer: as :meth:`list`.
        """
        where, route = parse_glob(pattern)
        return Listing(self._ready, where, as_entry, route=route, may_be_missing=True)

    # -- one path ----------------------------------------------------------------------------------------------------

    async def stat(self, path: str | PurePosixPath) -> Info:
        """Return the facts of *path*, or raise StatusCodeError with the code 550 if it is not there."""
        return await _files.stat(await self._ready(), path)

    async def entry(self, path: str | PurePosixPath) -> Entry:
        """Return *path* as an entry, or raise StatusCodeError with the code 550 if it is not there.

        Asked are MLST and, where the server does not know that, the listing of the directory that *path* is in.
        """
        return await _files.entry(await self._ready(), path)

    # -- the server's clock ------------------------------------------------------------------------------------------

    async def find_clock_offset(self, path: str | PurePosixPath) -> timedelta:
        """Find out how much later than UTC the server's clock is, and show the times of LIST in UTC from now on.

        It is kept in :attr:`profile`, for the next connection as well.

        Args:
            path: a file that was modified lately, so that LIST shows the minute. MDTM says the same in UTC.

        Raises:
            FTPNotSupported: LIST does not show *path* to the minute, or the two can't be of one file.
            StatusCodeError: there is no such file, or the server does not know MDTM.
            FTPProtocolError: the reply can't be read; the connection is closed.
        """
        session = await self._ready()
        offset = await find_clock_offset(session, path)
        known = session.profile(self.server_host or "", self.server_port or 0)
        self._settings = attrs.evolve(
            self._settings,
            parser=attrs.evolve(self._settings.parser, clock_offset=offset),
            profile=attrs.evolve(known, clock_offset=offset),
        )
        self._last_session = attrs.evolve(session, settings=self._settings)
        return offset
