"""One file by several connections at once: each receives a part of it.

How this works: the parts are written into one partial file, each at its place. What each has received is noted in a
journal beside it, from time to time and at the end of everything, so that the parts go on from there. As the partial
file has gaps, it is called otherwise than those of other downloads, which are resumed at their end. A part is asked for
from its first octet on, and aborted behind its last one.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import attrs

from transfer._errors import TransferError
from transfer._net.progress import Meter
from transfer._net.stream import Stream
from transfer.ftp import _commands as commands
from transfer.ftp._errors import FTPIncompleteTransfer
from transfer.ftp._session import Session
from transfer.ftp._transfers._attempts import Attempts
from transfer.ftp._transfers._jobs import Jobs, several_at_once
from transfer.ftp._transfers._local import Storage, opened_for_reading
from transfer.ftp._transfers._moving import Drain, Way
from transfer.ftp._transfers._options import Options
from transfer.ftp._transfers._partial import partial_path, unique_token
from transfer.ftp._transfers._receiving import RemoteSource
from transfer.ftp._transfers._run import active, path_errors, run
from transfer.ftp._transfers._verify import verify

__all__ = ["download_segments"]

_NOTE_BYTES = 16 * 1024 * 1024
_RESUMABLE, _JOURNAL = "segments", "journal"


class _Enough(Exception):  # not an error
    """A part is there; what follows it is somebody else's."""


@attrs.define(kw_only=True)
class _Segment:
    """Octets from ``start`` to before ``end``, of which ``done`` are there."""

    start: int
    end: int
    done: int = 0

    @property
    def left(self) -> int:
        return self.end - self.start - self.done


@attrs.define(kw_only=True)
class _Download:
    attempts: Attempts
    storage: Storage
    remote: RemoteSource
    size: int
    path: Path
    segments: list[_Segment]
    meter: Meter
    journal: Path | None
    """Where it is noted what has been received, if it is."""
    noting: anyio.Lock = attrs.field(factory=anyio.Lock)

    async def run(self, workers: int) -> None:
        """Receive all that is left."""
        for segment in self.segments:
            self.meter.add_present(segment.done)
        try:
            await several_at_once(workers)(self._jobs())
        except BaseException:
            with contextlib.suppress(TransferError), anyio.CancelScope(shield=True):
                await self._note()
            raise

    async def _jobs(self) -> Jobs:
        for segment in self.segments:
            if segment.left:
                yield partial(self._receive, segment)

    async def _receive(self, segment: _Segment) -> None:
        while segment.left:
            await self.attempts.do(partial(self._attempt, segment=segment))
            await self._note()

    async def _attempt(self, session: Session, *, segment: _Segment) -> None:
        """Receive some more of *segment*: all of it, or as much as is noted at once."""
        part = self.meter.part()
        settings = session.settings
        way = Way(seconds=settings.timeouts.data, meter=part, throttle=active(settings.throttle.read))
        octets = min(segment.left, _NOTE_BYTES) if self.journal is not None else segment.left

        async def move(stream: Stream) -> None:
            with path_errors(self.meter):
                async with self._opened(segment.start + segment.done) as drain:
                    await way.receive(stream, drain, most=octets)
            if part.transferred < octets:
                raise self._short(session, part.transferred, octets)
            raise _Enough

        try:
            offset = segment.start + segment.done
            await run(session, commands.retr(self.remote.path), move, offset=offset)
        except _Enough:
            pass
        finally:
            segment.done += part.transferred

    @contextlib.asynccontextmanager
    async def _opened(self, offset: int) -> AsyncIterator[Drain]:
        async with self.storage.open(self.path, "r+b") as opened:
            await opened.seek(offset)
            direct = self.storage.direct_file(opened.file)
            yield direct if direct is not None else opened.write

    def _short(self, session: Session, octets: int, expected: int) -> FTPIncompleteTransfer:
        return FTPIncompleteTransfer(
            f"{octets} of {expected} bytes of a part of {self.remote.path} were received",
            transferred=octets,
            expected=expected,
            peer=session.control.peer,
            retryable=True,
        )

    async def _note(self) -> None:
        """Note what there is; the journal is whole at any time, whenever this is interrupted."""
        if self.journal is None:
            return
        async with self.noting:
            noted = {
                "size": self.size,
                "mtime": self.remote.mtime,
                "segments": [[segment.start, segment.end, segment.done] for segment in self.segments],
            }
            fresh = _fresh(self.journal)
            async with self.storage.open(fresh, "wb") as opened:
                await opened.write(json.dumps(noted).encode("ascii"))
            await self.storage.replace(fresh, self.journal)


async def download_segments(
    attempts: Attempts,
    storage: Storage,
    remote: RemoteSource,
    destination: Path,
    options: Options,
    *,
    size: int,
    segments: int,
    workers: int,
) -> None:
    """Receive *remote*, which has *size* bytes, in so many *segments* to be *destination*.

    Raises:
        FTPIncompleteTransfer: a part ended before its end.
        StatusCodeError: the server refuses, or can't begin in the middle of a file.
        PathIOError: something can't be written.
        FTPException: as for single transfers.

    Cancellation and errors: what was received is removed, unless it is to be resumed.
    """
    path = partial_path(destination, _RESUMABLE if options.resume else unique_token())
    meter = Meter(options.progress, total=size)
    download = _Download(
        attempts=attempts,
        storage=storage,
        remote=remote,
        size=size,
        path=path,
        segments=_divide(size, segments),
        meter=meter,
        journal=partial_path(destination, _JOURNAL) if options.resume else None,
    )
    await storage.mkdir(path.parent, parents=True, exist_ok=True)
    if not await _take_up(download):
        async with storage.open(path, "wb"):
            pass  # it is there now, and empty
    try:
        await download.run(workers)
        if options.verify:
            ours = opened_for_reading(storage, path, 0)
            await attempts.do(lambda session: verify(session, remote.path, ours, size, options.verify))
        if options.keep_times and remote.mtime is not None:
            await storage.utime(path, remote.mtime)
        await storage.replace(path, destination)
    except BaseException:
        if not options.resume:
            await _discard(storage, path)
        raise
    if download.journal is not None:
        await _discard(storage, download.journal)
    meter.finish()


def _fresh(journal: Path) -> Path:
    """Return where a *journal* is written that is to take the place of the one before."""
    return journal.with_suffix(".new")


def _divide(size: int, count: int) -> list[_Segment]:
    borders = [size * number // count for number in range(count + 1)]
    return [_Segment(start=start, end=end) for start, end in pairwise(borders)]


async def _take_up(download: _Download) -> bool:
    """Go on with what the journal tells of, if it tells of this very file."""
    storage, journal = download.storage, download.journal
    if journal is None:
        return False
    # Their names are known beforehand, so that somebody may have put links there.
    for path in (download.path, journal, _fresh(journal)):
        if await storage.is_link(path):
            await storage.unlink(path)
    if not (await storage.is_file(journal) and await storage.is_file(download.path)):
        return False
    async with storage.open(journal, "rb") as opened:
        text = await opened.read()
    try:
        noted: dict[str, Any] = json.loads(text)
        if (noted["size"], noted["mtime"]) != (download.size, download.remote.mtime):
            return False
        found = [_Segment(start=int(start), end=int(end), done=int(done)) for start, end, done in noted["segments"]]
    except (ValueError, KeyError, TypeError):
        return False
    is_whole = [segment.start for segment in found] == [0, *(segment.end for segment in found[:-1])]
    if not found or not is_whole or found[-1].end != download.size:
        return False
    if any(not 0 <= segment.done <= segment.end - segment.start for segment in found):
        return False
    present = (await storage.stat(download.path)).st_size
    if any(segment.done and segment.start + segment.done > present for segment in found):
        return False
    download.segments = found
    return True


async def _discard(storage: Storage, path: Path) -> None:
    with contextlib.suppress(TransferError), anyio.CancelScope(shield=True):
        if await storage.exists(path):
            await storage.unlink(path)
