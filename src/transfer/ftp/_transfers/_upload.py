"""One file to the server: begun anew or resumed, under its name or another until it is complete."""

from __future__ import annotations

import contextlib
from pathlib import PurePosixPath

import anyio
import attrs

from transfer._errors import TransferError
from transfer._net.progress import Meter
from transfer._net.stream import Stream
from transfer._wire.command import Command
from transfer.ftp import _commands as commands
from transfer.ftp._errors import StatusCodeError
from transfer.ftp._session import Session
from transfer.ftp._transfers._attempts import Attempts
from transfer.ftp._transfers._codecs import agree_on_mode, sending_codec
from transfer.ftp._transfers._moving import Way
from transfer.ftp._transfers._options import Options
from transfer.ftp._transfers._partial import partial_path, unique_token
from transfer.ftp._transfers._receiving import is_refused_rest
from transfer.ftp._transfers._remote import exact_size, put_in_place, set_modified
from transfer.ftp._transfers._run import active, path_errors, run
from transfer.ftp._transfers._sources import Source
from transfer.ftp._transfers._verify import verify

__all__ = ["append_one", "upload_one"]

_NO_REST_FOR_STOR = "REST STOR"
_DISCARD_SECONDS = 5.0


async def upload_one(
    attempts: Attempts, source: Source, destination: PurePosixPath, options: Options, meter: Meter
) -> None:
    """Send *source* to be *destination*.

    Raises:
        PathIOError: the source can't be read.
        StatusCodeError: the server refuses, at first or in the end.
        FTPIncompleteTransfer: what has arrived is not what was sent, or the source can't be read a second time.
        FTPException: as for data connections and exchanges.

    Cancellation and errors: an atomic upload that is not to be resumed removes what it has sent.
    """
    token = None if options.resume else unique_token()
    target = partial_path(destination, token) if options.atomic else destination
    upload = _Upload(source=source, target=target, options=options, meter=meter.part(), goes_on=options.resume)
    try:
        await attempts.do(upload.attempt)
        if target != destination:
            await attempts.do(lambda session: upload.put_in_place(session, destination))
    except BaseException:
        if options.atomic and not options.resume and not upload.is_all_there_is:
            await _discard(attempts, target)
        raise


@attrs.define(kw_only=True)
class _Upload:
    source: Source
    target: PurePosixPath
    options: Options
    meter: Meter
    goes_on: bool
    """Whether the next attempt begins where the last one, or an earlier transfer, has come to."""
    is_all_there_is: bool = False
    """Whether the older file may be gone already."""

    async def put_in_place(self, session: Session, destination: PurePosixPath) -> None:
        await put_in_place(session, self.target, destination, on_removal=self._note_removal)

    def _note_removal(self) -> None:
        self.is_all_there_is = True

    async def attempt(self, session: Session) -> None:
        self.meter.begin_anew()
        try:
            await self._send(session)
        finally:
            self.goes_on = self.options.has_offsets
        if self.options.verify:
            ours = self.source.opened(0) if self.source.can_reopen else None
            await verify(session, self.target, ours, self.meter.transferred, self.options.verify)
        if self.options.keep_times and self.source.mtime is not None:
            await set_modified(session, self.target, self.source.mtime)

    async def _send(self, session: Session) -> None:
        offset = await self._offset(session) if self.goes_on else 0
        if offset and offset == self.source.size:
            self.meter.add_present(offset)
            return
        if offset and _NO_REST_FOR_STOR not in session.control.lacks:
            try:
                await self._transfer(session, commands.stor(self.target), offset, rest=offset)
            except StatusCodeError as exc:
                if not is_refused_rest(exc):
                    raise
                session.control.lacks.add(_NO_REST_FOR_STOR)
            else:
                return
        # What is behind the last octet that is there is where the rest belongs.
        command = commands.appe(self.target) if offset else commands.stor(self.target)
        await self._transfer(session, command, offset)

    async def _offset(self, session: Session) -> int:
        there = await exact_size(session, self.target) or 0
        # Of a file that is longer than ours, nobody knows what it is.
        return there if self.source.size is None or there <= self.source.size else 0

    async def _transfer(self, session: Session, command: Command, offset: int, *, rest: int = 0) -> None:
        way = _way(session, self.options, self.meter)
        representation, mode = self.options.conn_type, await agree_on_mode(session, self.options)
        async with self.source.opened(offset) as feed:
            self.meter.begin_anew()
            self.meter.add_present(offset)

            async def move(stream: Stream) -> None:
                with path_errors(self.meter):
                    await way.send(stream, feed)

            await run(session, command, move, representation=representation, offset=rest, mode=mode)


def _way(session: Session, options: Options, meter: Meter) -> Way:
    settings = session.settings
    throttle = active(settings.throttle.write)
    return Way(seconds=settings.timeouts.data, meter=meter, throttle=throttle, codec=sending_codec(options))


async def append_one(
    attempts: Attempts, source: Source, destination: PurePosixPath, options: Options, meter: Meter
) -> None:
    """Send *source* to the end of *destination*, once: what is lost half-way can't be told from what was there."""

    async def attempt(session: Session) -> None:
        way = _way(session, options, meter)
        async with source.opened(0) as feed:

            async def move(stream: Stream) -> None:
                with path_errors(meter):
                    await way.send(stream, feed)

            await run(session, commands.appe(destination), move, representation=options.conn_type)

    await attempts.once(attempt)


async def _discard(attempts: Attempts, partial: PurePosixPath) -> None:
    """Remove what an upload has left, if the connection still serves."""

    async def attempt(session: Session) -> None:
        if session.control.channel.is_in_step:
            with anyio.move_on_after(session.settings.timeouts.close or _DISCARD_SECONDS, shield=True):
                await session.control.ask(commands.dele(partial), "2xx")

    with contextlib.suppress(TransferError):
        await attempts.once(attempt)
