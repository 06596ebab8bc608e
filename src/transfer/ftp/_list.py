"""``Client.list`` and ``Client.entries``: collected at once or entry by entry, one directory or a whole tree.

How this works: :class:`OpenListing` is one data connection and yields the entries of each block that arrives;
:class:`ListingIterator` goes from directory to directory, and a route says which names are wanted and which directories
are gone into; :class:`Listing` is what the caller awaits or iterates over. An iterator that is dropped half-way leaves
its transfer to the control connection, which ends it before the next command. The limits are for the whole of a
recursive listing: a tree without end is cut off like a listing without end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from pathlib import PurePosixPath
from typing import Any, Generic, TypeVar, cast

import attrs
from anyio.lowlevel import checkpoint_if_cancelled

from transfer.ftp import _commands as commands
from transfer.ftp._code import Code
from transfer.ftp._errors import FTPProtocolError, StatusCodeError
from transfer.ftp._list_open import LIST_ALL, RAW_COMMANDS, Count, OpenListing, start_listing
from transfer.ftp._listing import Entry, ListedLine, is_directory
from transfer.ftp._names import check_name
from transfer.ftp._session import Session
from transfer.ftp._single import is_the_path_itself, may_be_the_path_itself

__all__ = [
    "DEPTH_LIMIT",
    "RAW_COMMANDS",
    "Enter",
    "Found",
    "Info",
    "Listing",
    "ListingIterator",
    "Ready",
    "Route",
    "Shape",
    "as_entry",
    "as_found",
    "as_line",
    "at_once",
    "everything_below",
    "is_directory",
    "list_all",
]

# Deeper trees are links that lead back to where they are.
DEPTH_LIMIT = 128
# A checkpoint costs about as much as an entry: the last one of a block is preceded by one, and every 64th before it.
_CHECKPOINT_ENTRIES = 64

Info = dict[str, Any]
Found = tuple[PurePosixPath, Info]
# Asked of each directory before it is listed, the connection being in step: whether to list it.
Enter = Callable[[commands.Path], Awaitable[bool]]
# Returns the session when the listing begins.
Ready = Callable[[], Awaitable[Session]]

T = TypeVar("T")
# Returns, for a directory, what makes of a line in it what the caller gets.
Shape = Callable[[Session, PurePosixPath], Callable[[ListedLine], T]]
# Chooses among the names of a tree, by a name, whether it is a directory, and the state of the directory that it is in
# (True for the first one): whether it is wanted, and its own state if it is to be gone into, or None.
Route = Callable[[str, bool, object], tuple[bool, object]]


def everything_below(_name: str, is_directory: bool, _state: object) -> tuple[bool, object]:
    """Want everything, and go into all directories."""
    return True, True if is_directory else None


def as_found(_session: Session, directory: PurePosixPath) -> Callable[[ListedLine], Found]:
    """Make a path and a dictionary."""

    def make(line: ListedLine) -> Found:
        # A line is passed on once, and so are its facts.
        return directory / (line.name.rstrip("/") or line.name), cast("Info", line.facts)

    return make


def as_line(_session: Session, _directory: PurePosixPath) -> Callable[[ListedLine], ListedLine]:
    """Leave the line as it is."""
    return lambda line: line


def as_entry(session: Session, directory: PurePosixPath) -> Callable[[ListedLine], Entry]:
    """Make an entry, whose time is right by what is known of the server's clock."""
    return partial(Entry.in_directory, directory, session.settings.parser.clock_offset)


def at_once(session: Session) -> Ready:
    """Return what gives out *session*, which is ready."""

    async def ready() -> Session:
        return session

    return ready


class Listing(Generic[T]):
    """The entries of a directory: ``await`` it for a list, or iterate over it with ``async for``.

    Between two entries of an ``async for`` the connection is in the middle of a transfer and serves nothing else.
    """

    def __init__(
        self,
        ready: Ready,
        path: commands.Path,
        shape: Shape[T],
        *,
        route: Route | None = None,
        raw_command: str | None = None,
        may_be_missing: bool = False,
    ) -> None:
        if raw_command is not None and raw_command not in RAW_COMMANDS:
            raise ValueError(f"raw_command is one of {RAW_COMMANDS} or None, not {raw_command!r}")
        self._ready = ready
        self._path = path
        self._shape = shape
        self._route = route
        self._raw_command = raw_command
        self._may_be_missing = may_be_missing

    def __await__(self) -> Generator[Any, None, list[T]]:
        return self._collect().__await__()

    def __aiter__(self) -> ListingIterator[T]:
        return ListingIterator(
            self._ready,
            self._path,
            self._shape,
            route=self._route,
            raw_command=self._raw_command,
            may_be_missing=self._may_be_missing,
        )

    async def _collect(self) -> list[T]:
        return await self.__aiter__().collect()


@attrs.frozen
class _Place:
    """A directory that is listed, or will be."""

    path: commands.Path
    depth: int
    state: object


class ListingIterator(Generic[T]):
    """Goes over the entries, breadth first; what fails or is cancelled ends the iteration.

    Args:
        ready: gives the session when the first entry is asked for.
        path: where to begin.
        shape: makes what the iteration yields.
        route: chooses among all that is below; without one, all that is in *path* alone.
        raw_command: one of RAW_COMMANDS, None for the best that there is.
        enter: asked of each directory before it is listed.
        count: what was listed before under the same limits.
        may_be_missing: whether a *path* that is not there has no entries, instead of being an error.
    """

    def __init__(
        self,
        ready: Ready,
        path: commands.Path,
        shape: Shape[T],
        *,
        route: Route | None = None,
        raw_command: str | None = None,
        enter: Enter | None = None,
        count: Count | None = None,
        may_be_missing: bool = False,
    ) -> None:
        self._source = ready
        self._shape = shape
        self._route = route
        self._raw_command = raw_command
        self._enter = enter
        self._count = count
        self._may_be_missing = may_be_missing
        self._session: Session | None = None
        self._place = _Place(path, 0, True)
        self._waiting: deque[_Place] = deque([self._place])
        self._open: OpenListing | None = None
        self._is_in_doubt = False
        """Whether a listing by LIST -a has said nothing, and the same is asked by plain LIST."""
        self._has_begun = False
        """Whether the first entry was seen."""
        self._held: ListedLine | None = None
        """The first entry while it is the only one, if it may be the path itself, which is a file then."""
        self._ready: deque[T] = deque()
        self.skipped: int = 0
        """How many lines could not be read."""

    def __aiter__(self) -> ListingIterator[T]:
        return self

    async def __anext__(self) -> T:
        if self._ready:
            if len(self._ready) % _CHECKPOINT_ENTRIES == 1:
                try:
                    await checkpoint_if_cancelled()
                except BaseException:
                    await self.aclose()
                    raise
            return self._ready.popleft()
        if self._open is not None:
            # The caller has taken its time; that is not the server's fault.
            self._open.renew_deadline()
        self._ready.extend(await self.next_batch())
        if not self._ready:
            raise StopAsyncIteration
        return self._ready.popleft()

    async def aclose(self) -> None:
        """End the iteration; the connection is in step again afterwards, or closed."""
        self._waiting.clear()
        self._ready.clear()
        self._held = None
        opened, self._open = self._open, None
        if opened is not None:
            await opened.abort()

    async def collect(self) -> list[T]:
        """Return everything that is left."""
        found: list[T] = []
        while batch := await self.next_batch():
            found += batch
        return found

    async def next_batch(self) -> list[T]:
        """Return at least one entry, none at the end of everything."""
        session = self._session
        if session is None:
            session = self._session = await self._source()
        try:
            with session.control.closing_on_nonsense():
                return await self._next_batch(session)
        except BaseException:
            await self.aclose()
            raise

    async def _next_batch(self, session: Session) -> list[T]:
        while self._open is not None or self._waiting:
            if self._open is None:
                self._open = await self._begin(session)
                continue
            lines = await self._open.next_lines()
            if lines is None:
                found = await self._conclude(session, self._open)
            else:
                found = self._take(session, lines)
            if found:
                return found
        return []

    async def _begin(self, session: Session) -> OpenListing | None:
        """Ask for the next directory, if it is to be listed."""
        place = self._place = self._waiting.popleft()
        if self._enter is not None and not await self._enter(place.path):
            return None
        try:
            opened = await start_listing(session, place.path, self._raw_command, is_in_doubt=self._is_in_doubt)
        except StatusCodeError as exc:
            if self._may_be_missing and place.depth == 0 and exc.received_codes[-1].matches("550"):
                return None
            raise
        self._count = self._count or Count(session.settings.limits)
        return OpenListing(session, *opened, self._count, holder=self)

    async def _conclude(self, session: Session, opened: OpenListing) -> list[T]:
        """Judge a listing that has ended well: one by LIST -a has at least the directory itself, if both are known.

        Returns:
            The entry that was held back until here, if there is one.

        Raises:
            StatusCodeError: there is no such directory, or it may not be read; the server has not said it otherwise.
        """
        self._open = None
        self.skipped += opened.skipped
        path, control, was_in_doubt = self._place.path, session.control, self._is_in_doubt
        self._is_in_doubt = False
        if opened.command != commands.list_(path, hidden=True):
            if was_in_doubt and not opened.is_bare:
                control.lacks.add(LIST_ALL)
        elif opened.has_dot:
            control.lists_itself = True
        elif opened.is_bare:
            if control.lists_itself:
                about = f"{path} is not listed: there is no such directory, or it may not be read"
                raise StatusCodeError(Code("2xx"), Code("550"), about, peer=control.peer)
            # Either there is no such directory, or the option has been taken for a part of its name.
            self._is_in_doubt = True
            self._waiting.appendleft(self._place)
        line, self._held = self._held, None
        if line is None:
            return []
        if opened.has_dot or not await is_the_path_itself(session, path, line):
            return self._found(session, [line])
        whole = PurePosixPath(path)
        return [self._shape(session, whole.parent)(attrs.evolve(line, name=whole.name))]

    def _take(self, session: Session, lines: list[ListedLine]) -> list[T]:
        """Hold the first line back as long as it may be all there is."""
        if lines and not self._has_begun:
            self._has_begun = True
            if len(lines) == 1 and may_be_the_path_itself(self._place.path, lines[0]):
                self._held = lines[0]
                return []
        if lines and self._held is not None:
            lines, self._held = [self._held, *lines], None
        return self._found(session, lines)

    def _found(self, session: Session, lines: list[ListedLine]) -> list[T]:
        directory = PurePosixPath(self._place.path)
        make = self._shape(session, directory)
        for line in lines:
            # On the server's side a backslash or a colon is a letter like any other.
            if "/" in line.name or "\0" in line.name:
                check_name(line.name.rstrip("/") or line.name, windows=False)
        return [make(line) for line in lines if self._route is None or self._wants(directory, line)]

    def _wants(self, directory: PurePosixPath, line: ListedLine) -> bool:
        """Ask the route, and note a directory that is to be gone into."""
        assert self._route is not None, "it is asked"
        name = line.name.rstrip("/")
        wanted, state = self._route(name, is_directory(line.facts), self._place.state)
        if state is not None:
            if self._place.depth >= DEPTH_LIMIT:
                raise FTPProtocolError(f"{directory / name} is more than {DEPTH_LIMIT} directories deep")
            self._waiting.append(_Place(directory / name, self._place.depth + 1, state))
        return wanted


async def list_all(
    session: Session,
    path: commands.Path,
    shape: Shape[T],
    *,
    route: Route | None = None,
    enter: Enter | None = None,
    count: Count | None = None,
) -> list[T]:
    """Return everything in the directory *path*, and with a *route* what it wants of all below."""
    return await ListingIterator(at_once(session), path, shape, route=route, enter=enter, count=count).collect()
