"""The stream of a data connection whose command the program sends itself."""

from __future__ import annotations

from types import TracebackType

from transfer._net.stream import Stream
from transfer._net.timeouts import Deadline
from transfer.ftp._session import Session
from transfer.ftp._streams._stream import ThrottleStreamIO

__all__ = ["PassiveStreamIO"]


class PassiveStreamIO(ThrottleStreamIO):
    """A data connection; inside TLS, if its session's are, from the first byte on.

    The handshake can't come sooner: a server begins it when it has been told what to transfer. When a block of
    ``async with`` has ended well, the server is told so; :meth:`close` is not an end that it can tell from an accident.
    """

    def __init__(self, session: Session, stream: Stream) -> None:
        settings = session.settings
        super().__init__(stream, {"_": settings.throttle}, seconds=settings.timeouts.data)
        self._session = session

    async def write(self, data: bytes) -> None:
        """Send all of *data*; errors and cancellation as for :class:`ThrottleStreamIO`, and those of the handshake."""
        await self._secure()
        await super().write(data)

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if exc is None:
                await self._secure()  # or an empty file would never begin
                await self._stream.send_eof(Deadline(self._seconds, "end of data"))
        finally:
            self.close()

    async def _receive(self, most: int) -> bytes:
        await self._secure()
        return await super()._receive(most)

    async def _secure(self) -> None:
        if self._session.control.is_private and self._stream.tls is None:
            await self._session.data.secure(self._stream)
