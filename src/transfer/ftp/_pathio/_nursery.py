"""``PathIONursery``: many storages that share one state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from transfer.ftp._pathio._required import Connection, RequiredPathIO, State

__all__ = ["PathIONursery"]

Storage = TypeVar("Storage", bound=RequiredPathIO[Any])


class PathIONursery(Generic[Storage]):
    """Makes storages by *factory*, and gives each the state of the first: one memory for many connections."""

    def __init__(self, factory: Callable[..., Storage]) -> None:
        self.factory: Callable[..., Storage] = factory
        self.state: Any = None

    def __call__(
        self,
        timeout: float | None = None,
        connection: Connection = None,
        state: State = None,  # noqa: ARG002  # there is one for all
    ) -> Storage:
        storage = self.factory(timeout=timeout, connection=connection, state=self.state)
        if self.state is None:
            self.state = storage.state
        return storage
