"""NOOP while a file is on its way: otherwise routers and servers take the control connection for idle."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

import anyio

from transfer._engine.transfer import Transfer
from transfer._errors import TransferError

__all__ = ["kept_alive"]


async def kept_alive(transfer: Transfer, seconds: float | None, body: Callable[[], Awaitable[object]]) -> None:
    """Await *body*, which brings *transfer* to its end, and say NOOP every so many *seconds* meanwhile, None for never.

    Raises what *body* raises, and nothing else: a control connection that is lost is for the final reply to show.

    Cancellation: that of *body*.
    """
    if seconds is None:
        await body()
        return
    failures: list[Exception] = []
    async with anyio.create_task_group() as group:
        group.start_soon(_say_noop, transfer, seconds)
        try:
            await body()
        except Exception as exc:  # noqa: BLE001  # it is raised below, without the group around it
            failures.append(exc)
        group.cancel_scope.cancel()
    for failure in failures:
        raise failure


async def _say_noop(transfer: Transfer, seconds: float) -> None:
    with suppress(TransferError):
        while transfer.final is None:
            await anyio.sleep(seconds)
            await transfer.nudge()
