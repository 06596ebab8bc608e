"""The octets of one remote file, from an offset on, and whether all of them have come."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import attrs

from transfer._net.progress import Meter
from transfer._net.stream import Stream
from transfer.ftp import _commands as commands
from transfer.ftp._errors import FTPIncompleteTransfer, StatusCodeError
from transfer.ftp._session import Session
from transfer.ftp._transfers._codecs import agree_on_mode, receiving_codec
from transfer.ftp._transfers._moving import Drain, Way
from transfer.ftp._transfers._options import Options
from transfer.ftp._transfers._remote import exact_size
from transfer.ftp._transfers._run import active, path_errors, run

__all__ = ["RemoteSource", "is_refused_rest", "receive"]


@attrs.frozen(kw_only=True)
class RemoteSource:
    """A file on the server, and what a listing has shown of it.

    Attributes:
        path: on the server.
        size: in bytes, None if that was not shown.
        mtime: when it was modified, in seconds since 1970; None if that was not shown.
    """

    path: commands.Path
    size: int | None = None
    mtime: float | None = None


def is_refused_rest(exc: StatusCodeError) -> bool:
    """Tell whether the server has refused to begin in the middle of a file, for good."""
    return (exc.command or "").startswith("REST") and not exc.retryable


async def receive(
    session: Session,
    remote: RemoteSource,
    opened: AbstractAsyncContextManager[Drain],
    options: Options,
    meter: Meter,
    offset: int,
) -> None:
    """Receive *remote* from *offset* on, which the *meter* is told of as well.

    What *opened* gives is asked for once the server has agreed.

    Raises:
        FTPIncompleteTransfer: fewer bytes came than SIZE says, or TLS was cut off and SIZE does not prove that nothing
            is missing.
        StatusCodeError: the server refuses, at first or in the end.
        FTPException: as for data connections and exchanges. What *opened* raises is passed on.
    """
    settings = session.settings
    throttle = active(settings.throttle.read)
    way = Way(seconds=settings.timeouts.data, meter=meter, throttle=throttle, codec=receiving_codec(options))
    mode = await agree_on_mode(session, options)
    received = _Received(remote, counts=options.has_offsets)

    async def move(stream: Stream) -> None:
        with path_errors(meter):
            async with opened as drain:
                meter.begin_anew()
                meter.add_present(offset)
                await way.receive(stream, drain)
        received.octets = meter.transferred
        received.is_cut_off = stream.truncated and settings.require_close_notify
        if received.is_cut_off and received.is_short:
            # This connection has broken: a server that has not noticed need not be waited for until it does.
            raise received.error(remote.size, session.control.peer)

    await run(session, commands.retr(remote.path), move, representation=options.conn_type, offset=offset, mode=mode)
    await _check_size(session, received)


@attrs.define
class _Received:
    remote: RemoteSource
    counts: bool = attrs.field(kw_only=True)
    """Whether the file has as many octets on both sides."""
    octets: int = 0
    is_cut_off: bool = False
    """Whether TLS ended without a word."""

    @property
    def is_short(self) -> bool:
        """Whether less came than was listed."""
        return self.counts and self.remote.size is not None and self.octets < self.remote.size

    def error(self, expected: int | None, peer: str) -> FTPIncompleteTransfer:
        """Return the error that says that *expected* bytes should have come."""
        of = "an unknown number" if expected is None else str(expected)
        why = "; TLS was cut off" if self.is_cut_off else ""
        return FTPIncompleteTransfer(
            f"{self.octets} of {of} bytes of {self.remote.path} were received{why}",
            transferred=self.octets,
            expected=expected,
            peer=peer,
            # The same call goes on from there, or begins the file on this side anew.
            retryable=True,
        )


async def _check_size(session: Session, received: _Received) -> None:
    """Ask for the exact size where there is a doubt: what a listing shows may be out of date, or an estimate."""
    if not received.is_cut_off and not received.is_short:
        return
    size = await exact_size(session, received.remote.path)
    # Whoever cuts TLS off can do so at any octet: only the very size is a proof then.
    complete = size == received.octets if received.is_cut_off else size is None or size <= received.octets
    if not complete:
        raise received.error(size, session.control.peer)
