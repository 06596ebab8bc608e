"""``Client.list``: MLSD or LIST, collected at once or entry by entry, one directory or a whole tree.

How this works: :class:`_OpenListing` is one data connection and yields the entries of each block that arrives;
:class:`ListingIterator` goes from directory to directory; :class:`Listing` is what the caller awaits or iterates over.
An iterator that is dropped half-way leaves its transfer to the control connection, which ends it before the next
command. The limits are for the whole of a recursive listing: a tree without end is cut off like a listing without end.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Generator
from pathlib import PurePosixPath
from typing import Any

import anyio
import attrs
from anyio.lowlevel import checkpoint_if_cancelled

from transfer._engine.transfer import Transfer
from transfer._errors import DisconnectedError, RemoteProtocolError, TLSError
from transfer._net.timeouts import Deadline
from transfer._wire.command import Command
from transfer._wire.lines import LineBuffer
from transfer.ftp import _commands as commands
from transfer.ftp._code import Code
from transfer.ftp._data import explain
from transfer.ftp._errors import FTPIncompleteTransfer, FTPProtocolError, StatusCodeError
from transfer.ftp._listing import LineReader, ListedLine, SkippedLine
from transfer.ftp._names import check_name
from transfer.ftp._session import Session
from transfer.ftp._settings import ListingLimits
from transfer.ftp._transfer import conclude, start

__all__ = ["RAW_COMMANDS", "Info", "Listing", "ListingIterator", "is_directory"]

LOGGER = logging.getLogger("transfer.ftp")
RAW_COMMANDS = ("MLSD", "LIST")
# LIST leaves out names that begin with a dot, which MLSD does not; most servers have this way to ask for them.
_LIST_ALL = "LIST -a"
# Deeper trees are links that lead back to where they are.
_DEPTH_LIMIT = 128
_BLOCK_OCTETS = 256 * 1024
_SKIPPED_LIMIT = 100

Info = dict[str, Any]
Found = tuple[PurePosixPath, Info]
# Asked of each directory before it is listed, the connection being in step: whether to list it.
Enter = Callable[[commands.Path], Awaitable[bool]]


def is_directory(info: Info) -> bool:
    """Tell whether *info* is of a directory, and not of a link to one."""
    return str(info.get("type", "")).lower() in {"dir", "cdir", "pdir"} and "link_dst" not in info


class Listing:
    """The entries of a directory: ``await`` it for a list, or iterate over it with ``async for``.

    Between two entries of an ``async for`` the connection is in the middle of a transfer and serves nothing else.
    """

    def __init__(
        self,
        session: Session,
        path: commands.Path,
        *,
        recursive: bool = False,
        raw_command: str | None = None,
        enter: Enter | None = None,
    ) -> None:
        if raw_command is not None and raw_command not in RAW_COMMANDS:
            raise ValueError(f"raw_command is one of {RAW_COMMANDS} or None, not {raw_command!r}")
        self._arguments = session, path, recursive, raw_command, enter

    def __await__(self) -> Generator[Any, None, list[Found]]:
        return self._collect().__await__()

    def __aiter__(self) -> ListingIterator:
        return ListingIterator(*self._arguments)

    async def _collect(self) -> list[Found]:
        iterator = ListingIterator(*self._arguments)
        found: list[Found] = []
        while batch := await iterator.next_batch():
            found += batch
        return found


class ListingIterator:
    """Goes over the entries, breadth first; what fails or is cancelled ends the iteration."""

    def __init__(
        self, session: Session, path: commands.Path, recursive: bool, raw_command: str | None, enter: Enter | None
    ) -> None:
        self._session = session
        self._enter = enter
        self._recursive = recursive
        self._raw_command = raw_command
        self._waiting: deque[tuple[commands.Path, int]] = deque([(path, 0)])
        self._open: _OpenListing | None = None
        self._count = _Count(session.settings.limits)
        self._path, self._depth = path, 0
        self._is_in_doubt = False
        """Whether a listing by LIST -a has said nothing, and the same is asked by plain LIST."""
        self._ready: deque[Found] = deque()

    def __aiter__(self) -> ListingIterator:
        return self

    async def __anext__(self) -> Found:
        if self._ready:
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
        opened, self._open = self._open, None
        if opened is not None:
            await opened.abort()

    async def next_batch(self) -> list[Found]:
        """Return at least one entry, none at the end of everything."""
        try:
            with self._session.control.closing_on_nonsense():
                return await self._next_batch()
        except BaseException:
            await self.aclose()
            raise

    async def _next_batch(self) -> list[Found]:
        while self._open is not None or self._waiting:
            if self._open is None:
                self._path, self._depth = self._waiting.popleft()
                if self._enter is not None and not await self._enter(self._path):
                    continue
                self._open = await self._start(self._path)
            lines = await self._open.next_lines()
            if lines is None:
                self._conclude(self._open)
            elif found := [self._found(line) for line in lines if not line.is_dot]:
                return found
        return []

    async def _start(self, path: commands.Path) -> _OpenListing:
        """Start MLSD, or LIST where the server does not know it (50x)."""
        lacks = self._session.control.lacks
        command, transfer = commands.mlsd(path), None
        if self._raw_command != "LIST" and not (self._raw_command is None and "MLSD" in lacks):
            try:
                transfer = await start(self._session, command)
            except StatusCodeError as exc:
                # A refusal of TYPE or EPSV says nothing about MLSD.
                is_unknown = exc.command == str(command) and exc.received_codes[-1].matches("50x")
                if self._raw_command is not None or not is_unknown:
                    raise
                if exc.received_codes[-1] in ("500", "502"):
                    lacks.add("MLSD")
        if transfer is None:
            command, transfer = await self._start_list(path)
        self._session.control.begin(transfer, holder=self)
        return _OpenListing(self._session, command, transfer, self._count)

    async def _start_list(self, path: commands.Path) -> tuple[Command, Transfer]:
        lacks = self._session.control.lacks
        plain, whole = commands.list_(path), commands.list_(path, hidden=True)
        asks_for_all = self._raw_command is None and _LIST_ALL not in lacks and not self._is_in_doubt
        if asks_for_all:
            try:
                return whole, await start(self._session, whole)
            except StatusCodeError as exc:
                if exc.command != str(whole) or not self._session.control.channel.is_open:
                    raise
        transfer = await start(self._session, plain)
        if asks_for_all:
            lacks.add(_LIST_ALL)  # it was the option that was refused, and not the path
        return plain, transfer

    def _conclude(self, opened: _OpenListing) -> None:
        """Judge a listing that has ended well: one by LIST -a has at least the directory itself, if both are known.

        Raises:
            StatusCodeError: there is no such directory, or it may not be read; the server has not said it otherwise.
        """
        self._open = None
        control, was_in_doubt = self._session.control, self._is_in_doubt
        self._is_in_doubt = False
        if opened.command != commands.list_(self._path, hidden=True):
            if was_in_doubt and not opened.is_bare:
                control.lacks.add(_LIST_ALL)
        elif opened.has_dot:
            control.lists_itself = True
        elif opened.is_bare:
            if control.lists_itself:
                about = f"{self._path} is not listed: there is no such directory, or it may not be read"
                raise StatusCodeError(Code("2xx"), Code("550"), about, peer=control.peer)
            # Either there is no such directory, or the option has been taken for a part of its name.
            self._is_in_doubt = True
            self._waiting.appendleft((self._path, self._depth))

    def _found(self, line: ListedLine) -> Found:
        # On the server's side a backslash or a colon is a letter like any other.
        path = PurePosixPath(self._path) / check_name(line.name.rstrip("/") or line.name, windows=False)
        facts = dict(line.facts)
        if self._recursive and is_directory(facts):
            if self._depth >= _DEPTH_LIMIT:
                raise FTPProtocolError(f"{path} is more than {_DEPTH_LIMIT} directories deep")
            self._waiting.append((path, self._depth + 1))
        return path, facts


@attrs.define
class _Count:
    """What one call has been given so far."""

    limits: ListingLimits
    octets: int = 0
    entries: int = 0

    def add(self, *, octets: int = 0, entries: int = 0) -> None:
        """Account for more.

        Raises:
            FTPProtocolError: it is too much.
        """
        self.octets += octets
        self.entries += entries
        if self.octets > self.limits.octets:
            raise FTPProtocolError(f"listing is longer than {self.limits.octets} octets")
        if self.entries > self.limits.entries:
            raise FTPProtocolError(f"listing has more than {self.limits.entries} entries")


class _OpenListing:
    """One listing that is arriving."""

    def __init__(self, session: Session, command: Command, transfer: Transfer, count: _Count) -> None:
        self.command = command
        self.is_bare = True
        """Whether nothing was listed so far, not even the directory itself."""
        self.has_dot = False
        """Whether the directory itself was listed."""
        self._session = session
        self._transfer = transfer
        self._count = count
        self._buffer = LineBuffer(count.limits.line_octets)
        self._reader = _line_reader(session, command, self._skip)
        self._octets = self._block = self._skipped = 0
        self.renew_deadline()

    def renew_deadline(self) -> None:
        """Give the server its time anew."""
        self._deadline = Deadline(self._session.settings.timeouts.data, "progress of the listing")

    async def next_lines(self) -> list[ListedLine] | None:
        """Return the lines of the next block, None when the listing has come to its end and all is well."""
        try:
            data = await self._transfer.stream.receive(self._deadline)
            await self._spend(len(data))
            if data:
                return self._take(data)
            if len(self._buffer):
                return self._read([self._buffer.take_all()])
            await conclude(self._session, self._transfer, self.command)
        except RemoteProtocolError as exc:
            if isinstance(exc, FTPProtocolError):
                raise
            raise FTPProtocolError(f"listing: {exc}") from exc
        except (DisconnectedError, TLSError) as exc:
            await explain(self._session.control, self._transfer, self.command, exc)
            raise
        self._session.control.end()
        self._reader.finish()
        self._check_end()
        return None

    async def abort(self) -> None:
        """Give the listing up."""
        await self._session.control.leave(self._transfer)

    async def _spend(self, octets: int) -> None:
        pause = self._session.settings.throttle.read.reserve(octets, time.monotonic())
        if pause:
            await anyio.sleep(pause)
            self.renew_deadline()  # it was not the server that stood still

    def _take(self, data: bytes) -> list[ListedLine]:
        self._octets += len(data)
        self._block += len(data)
        if self._block >= _BLOCK_OCTETS:
            self._block = 0
            self.renew_deadline()
        self._count.add(octets=len(data))
        self._buffer.feed(data)
        lines = []
        while (line := self._buffer.next_line()) is not None:
            lines.append(line)
        return self._read(lines)

    def _read(self, lines: list[bytes]) -> list[ListedLine]:
        listed = []
        for raw in lines:
            line = self._reader.read(raw)
            if line is not None:
                self.is_bare = False
                self.has_dot = self.has_dot or line.is_dot
                listed.append(line)
        self._count.add(entries=len(listed))
        return listed

    def _skip(self, line: SkippedLine) -> None:
        self._skipped += 1
        if self._skipped <= _SKIPPED_LIMIT:
            LOGGER.warning("%s: a line of the listing is skipped: %s", self._session.control.peer, line.reason)

    def _check_end(self) -> None:
        if self._transfer.stream.truncated and self._session.settings.require_close_notify:
            raise FTPIncompleteTransfer(
                f"TLS was cut off after {self._octets} bytes of the listing",
                transferred=self._octets,
                peer=self._session.control.peer,
                retryable=True,
            )


def _line_reader(session: Session, command: Command, skip: Callable[[SkippedLine], None]) -> LineReader:
    parser = session.settings.parser
    return parser.read_list(skip) if command.verb == "LIST" else parser.read_mlsd(skip)
