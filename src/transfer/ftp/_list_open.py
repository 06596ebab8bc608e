"""One listing that is arriving: the command that asks for it, its data connection, its lines, its limits."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import anyio
import attrs
from anyio.lowlevel import checkpoint

from transfer._engine.transfer import Transfer
from transfer._errors import DisconnectedError, RemoteProtocolError, TLSError
from transfer._net.timeouts import Deadline
from transfer._wire.command import Command
from transfer._wire.lines import LineBuffer
from transfer.ftp import _commands as commands
from transfer.ftp._data import explain
from transfer.ftp._errors import FTPIncompleteTransfer, FTPProtocolError, StatusCodeError
from transfer.ftp._listing import LineReader, ListedLine, SkippedLine
from transfer.ftp._session import Session
from transfer.ftp._settings import ListingLimits
from transfer.ftp._transfers._run import conclude, start

__all__ = ["LIST_ALL", "RAW_COMMANDS", "Count", "OpenListing", "start_listing", "start_names"]

LOGGER = logging.getLogger("transfer.ftp")
RAW_COMMANDS = ("MLSD", "LIST", "LIST -a")
# LIST leaves out names that begin with a dot, which MLSD does not; most servers have this way to ask for them.
LIST_ALL = "LIST -a"
_BLOCK_OCTETS = 256 * 1024
_SKIPPED_LIMIT = 100
# A line that no parser understands takes some 30 microseconds; other tasks are to have their turn within 20 ms.
_BATCH_LINES = 400


@attrs.define
class Count:
    """What one call has been given so far."""

    limits: ListingLimits
    octets: int = 0
    entries: int = 0
    others: int = 0
    """Lines that are no entries."""

    def add(self, *, octets: int = 0, entries: int = 0, others: int = 0) -> None:
        """Account for more.

        Raises:
            FTPProtocolError: it is too much.
        """
        self.octets += octets
        self.entries += entries
        self.others += others
        if self.octets > self.limits.octets:
            raise FTPProtocolError(f"listing is longer than {self.limits.octets} octets")
        if self.entries > self.limits.entries:
            raise FTPProtocolError(f"listing has more than {self.limits.entries} entries")
        if self.others > self.limits.entries:
            raise FTPProtocolError(f"listing has more than {self.limits.entries} lines that are no entries")


async def start_listing(
    session: Session, path: commands.Path, raw_command: str | None, *, is_in_doubt: bool
) -> tuple[Command, Transfer]:
    """Start MLSD, or LIST where the server does not know it (50x) or *raw_command* says so.

    Args:
        session: in step.
        path: a directory; empty for the current one.
        raw_command: one of RAW_COMMANDS, None for the best that there is.
        is_in_doubt: whether LIST -a has said nothing of *path*, and plain LIST is to be asked.
    """
    lacks = session.control.lacks
    command = commands.mlsd(path)
    if raw_command == "MLSD" or (raw_command is None and "MLSD" not in lacks):
        try:
            return command, await start(session, command)
        except StatusCodeError as exc:
            # A refusal of TYPE or EPSV says nothing about MLSD.
            is_unknown = exc.command == str(command) and exc.received_codes[-1].matches("50x")
            if raw_command is not None or not is_unknown:
                raise
            if exc.received_codes[-1] in ("500", "502"):
                lacks.add("MLSD")
    plain, whole = commands.list_(path), commands.list_(path, hidden=True)
    asks_for_all = raw_command != "LIST" and LIST_ALL not in lacks and not is_in_doubt
    if asks_for_all:
        try:
            return whole, await start(session, whole)
        except StatusCodeError as exc:
            if exc.command != str(whole) or not session.control.channel.is_open:
                raise
    transfer = await start(session, plain)
    if asks_for_all:
        lacks.add(LIST_ALL)  # it was the option that was refused, and not the path
    return plain, transfer


async def start_names(session: Session, path: commands.Path) -> tuple[Command, Transfer]:
    """Start NLST."""
    command = commands.nlst(path)
    return command, await start(session, command)


class OpenListing:
    """One listing that is arriving."""

    def __init__(
        self, session: Session, command: Command, transfer: Transfer, count: Count, *, holder: object | None = None
    ) -> None:
        session.control.under_way.begin(transfer, holder=holder)
        self.command = command
        self.is_bare = True
        """Whether nothing was listed so far, not even the directory itself."""
        self.has_dot = False
        """Whether the directory itself was listed."""
        self.skipped: int = 0
        """How many lines no parser understood."""
        self._session = session
        self._transfer = transfer
        self._count = count
        self._buffer = LineBuffer(count.limits.line_octets)
        self._reader = _line_reader(session, command, self._skip)
        self._lines: list[bytes] = []
        """Those that have arrived and were not read yet."""
        self._octets = self._block = 0
        self.renew_deadline()

    def renew_deadline(self) -> None:
        """Give the server its time anew."""
        self._deadline = Deadline(self._session.settings.timeouts.data, "progress of the listing")

    async def next_lines(self) -> list[ListedLine] | None:
        """Return the entries of the next block, but ``.`` and ``..``; None at the end, if all is well."""
        try:
            if self._lines:
                await checkpoint()
                return self._read()
            data = await self._transfer.stream.receive(self._deadline)
            await self._spend(len(data))
            if data:
                return self._take(data)
            if len(self._buffer):
                self._lines.append(self._buffer.take_all())
                return self._read()
            await conclude(self._session, self._transfer, self.command)
        except RemoteProtocolError as exc:
            if isinstance(exc, FTPProtocolError):
                raise
            raise FTPProtocolError(f"listing: {exc}") from exc
        except (DisconnectedError, TLSError) as exc:
            await explain(self._session.control, self._transfer, self.command, exc)
            raise
        self._session.control.under_way.end()
        self._reader.finish()
        self._check_end()
        return None

    async def abort(self) -> None:
        """Give the listing up."""
        await self._session.control.under_way.leave(self._transfer)

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
        self._lines = self._buffer.take_lines()
        return self._read()

    def _read(self) -> list[ListedLine]:
        lines, self._lines = self._lines[:_BATCH_LINES], self._lines[_BATCH_LINES:]
        listed = self._reader.read_all(lines)
        self._count.add(entries=len(listed), others=len(lines) - len(listed))
        entries = [line for line in listed if not line.is_dot]
        self.is_bare = self.is_bare and not listed
        self.has_dot = self.has_dot or len(entries) < len(listed)
        return entries

    def _skip(self, line: SkippedLine) -> None:
        self.skipped += 1
        if self.skipped <= _SKIPPED_LIMIT:
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
    readers = {"MLSD": parser.read_mlsd, "LIST": parser.read_list, "NLST": parser.read_nlst}
    return readers[command.verb](skip)
