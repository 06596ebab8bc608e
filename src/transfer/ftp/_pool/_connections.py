"""How a pool's clients are made and parted with."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import attrs

from transfer._engine.pool import Handling
from transfer._errors import DisconnectedError, TransferError
from transfer.ftp._client import Client
from transfer.ftp._context import ClientContext
from transfer.ftp._errors import StatusCodeError

__all__ = ["Connections"]

_SERVICE_NOT_AVAILABLE = 421


@attrs.frozen(eq=False)
class Connections:
    """Makes clients of one server, each as the one before.

    Attributes:
        make: returns what connects a new client, logs it in and takes it to its directory.
    """

    make: Callable[[], ClientContext[Client]]

    @property
    def handling(self) -> Handling[Client]:
        """What a pool does with them."""
        return Handling(open=self._open, part=_part, close=_close, is_alive=_is_alive, is_full=_is_full)

    async def _open(self) -> Client:
        return await self.make().__aenter__()


async def _part(client: Client) -> None:
    await client.__aexit__(None, None, None)


def _close(client: Client) -> None:
    client.close()


def _is_alive(client: Client) -> bool:
    session = client._last_session
    if session is None or not session.control.channel.is_in_step:
        return False
    with contextlib.suppress(TransferError):
        session.control.channel.look_for_news()
    return client.is_connected


def _is_full(exc: Exception) -> bool:
    """Tell whether a server that does not let one more client in may do so when others have gone."""
    reply: Any = getattr(exc, "reply", None)
    if isinstance(exc, StatusCodeError | DisconnectedError) and reply is not None:
        # A 421 says so, and a 530 if its words do, which is what makes it retryable.
        return reply.code == _SERVICE_NOT_AVAILABLE or (reply.code == 530 and bool(getattr(exc, "retryable", False)))
    return False
