"""What becomes of the octets of a transfer on their way, by its options."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from transfer.ftp._deflate import Deflater, Inflater
from transfer.ftp._errors import FTPNotSupported, StatusCodeError
from transfer.ftp._session import Session
from transfer.ftp._text import TextDecoder, TextEncoder
from transfer.ftp._transfers._moving import Codec
from transfer.ftp._transfers._options import Options

__all__ = ["agree_on_mode", "receiving_codec", "sending_codec"]


@attrs.frozen
class _Both:
    """One codec after the other."""

    first: Codec
    second: Codec

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take *data* through both."""
        for piece in self.first.feed(data):
            yield from self.second.feed(piece)

    def finish(self) -> Iterable[bytes]:
        """Return what is left in both."""
        for piece in self.first.finish():
            yield from self.second.feed(piece)
        yield from self.second.finish()


def sending_codec(options: Options) -> Codec | None:
    """Return a new codec for what is sent, None if it stays as it is."""
    return _chain([TextEncoder()] if options.conn_type == "A" else [], [Deflater()] if options.compress else [])


def receiving_codec(options: Options) -> Codec | None:
    """Return a new codec for what is received, None if it stays as it is."""
    return _chain([Inflater()] if options.compress else [], [TextDecoder()] if options.conn_type == "A" else [])


def _chain(first: list[Codec], second: list[Codec]) -> Codec | None:
    codecs = first + second
    return _Both(*codecs) if len(codecs) == 2 else codecs[0] if codecs else None


async def agree_on_mode(session: Session, options: Options) -> str:
    """Return the transmission mode for a transfer, which the server has taken.

    Raises:
        FTPNotSupported: it does not know compressed transfers.
    """
    if not options.compress:
        return "S"
    try:
        await session.control.transmit("Z")
    except StatusCodeError as exc:
        if exc.retryable:
            raise
        raise FTPNotSupported("The server does not know MODE Z", peer=session.control.peer) from exc
    return "Z"
