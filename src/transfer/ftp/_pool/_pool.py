"""``ClientPool``: many transfers at once, over as many connections as the server bears."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, Self, Unpack

import anyio
import anyio.abc
import attrs

from transfer._engine.pool import Pool, PoolLimits
from transfer.ftp._client import Client
from transfer.ftp._context import ClientContext
from transfer.ftp._errors import FAMILY, FTPNotSupported, InvalidCommand
from transfer.ftp._pool._connections import Connections
from transfer.ftp._pool._segments import download_segments
from transfer.ftp._session import Session
from transfer.ftp._settings import (
    DEFAULT_ACCOUNT,
    DEFAULT_BLOCK_SIZE,
    DEFAULT_PASSWORD,
    DEFAULT_PORT,
    DEFAULT_USER,
)
from transfer.ftp._transfers import _trees
from transfer.ftp._transfers._attempts import Attempts
from transfer.ftp._transfers._jobs import several_at_once
from transfer.ftp._transfers._options import Options, TransferOptions, choose
from transfer.ftp._transfers._remote import exact_size, modified
from transfer.ftp._transfers._targets import local_target, remote_target

__all__ = ["ClientPool"]

_CLOSE_SECONDS = 5.0


class ClientPool:
    """Several clients of one server, for transfers at the same time; to be used by ``async with``.

    Connections are made when they are needed, kept for a while when they are not, and replaced when the server has
    closed them. A server that says that there are too many (421, or 530 in such words) is asked for no more than it
    bore, for a minute; what waits then goes over the others.

    Args:
        host: of the server.
        port: likewise.
        user: who logs in.
        password: likewise.
        account: likewise.
        upgrade_to_tls: whether to go inside TLS before the login.
        size: how many connections there may be.
        idle_seconds: how long one is kept that nobody needs; None for as long as the server keeps it.
        client_class: what is made of each connection.
        client_kwargs: how it is made; see :class:`Client`.
    """

    def __init__(
        self,
        host: str,
        port: int = DEFAULT_PORT,
        user: str = DEFAULT_USER,
        password: str = DEFAULT_PASSWORD,
        account: str = DEFAULT_ACCOUNT,
        *,
        upgrade_to_tls: bool = False,
        size: int = 4,
        idle_seconds: float | None = 60.0,
        client_class: type[Client] = Client,
        **client_kwargs: Any,
    ) -> None:
        def make() -> ClientContext[Client]:
            return client_class.context(host, port, user, password, account, upgrade_to_tls, **client_kwargs)

        self._set_up(make, size, idle_seconds)

    @classmethod
    def from_url(
        cls,
        url: str,
        *,
        size: int = 4,
        idle_seconds: float | None = 60.0,
        client_class: type[Client] = Client,
        **client_kwargs: Any,
    ) -> Self:
        """Return a pool for the server, the login and the directory that *url* names; see :meth:`Client.from_url`."""
        pool = cls.__new__(cls)
        pool._set_up(lambda: client_class.from_url(url, **client_kwargs), size, idle_seconds)
        return pool

    def _set_up(self, make: Callable[[], ClientContext[Client]], size: int, idle_seconds: float | None) -> None:
        # What is wrong with the arguments shows here.
        self._storage = make().client.path_io
        self._connections = Connections(make)
        self._limits = PoolLimits(connections=size, idle_seconds=idle_seconds)
        self._tasks: anyio.abc.TaskGroup | None = None
        self._pool: Pool[Client] | None = None

    @property
    def size(self) -> int:
        """How many connections there may be."""
        return self._limits.connections

    # -- entering and leaving ------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        if self._tasks is not None:
            raise RuntimeError("the pool has been entered already")
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        self._pool = Pool(
            self._connections.handling,
            limits=self._limits,
            tasks=self._tasks,
            errors=FAMILY,
            close_seconds=_CLOSE_SECONDS,
        )
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Part with the server on every connection; after an exception close all of them at once."""
        tasks, pool = self._tasks, self._pool
        assert tasks is not None
        assert pool is not None
        self._tasks = self._pool = None
        try:
            if exc is None:
                await pool.drain()
        except BaseException:
            await _break_off(tasks, pool)
            raise
        if exc is None:
            await tasks.__aexit__(None, None, None)
        else:
            await _break_off(tasks, pool)

    # -- one connection ------------------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """Lend a client that is connected and logged in, for as long as the block lasts.

        It comes in the directory that the one before has left it in.

        Raises:
            InvalidCommand: the pool has not been entered.
            FTPException: as connecting and logging in.
        """
        pool = self._pool
        if pool is None:
            raise InvalidCommand("a pool lends clients inside of its async with")
        place = await pool.acquire()
        assert place.resource is not None
        try:
            yield place.resource
        finally:
            pool.used(place)
            pool.release(place)

    # -- transfers -----------------------------------------------------------------------------------------------------

    async def upload(
        self,
        source: str | Path,
        destination: str | PurePosixPath = "",
        *,
        write_into: bool = False,
        **options: Unpack[TransferOptions],
    ) -> None:
        """Send the file or tree *source* as :meth:`Client.upload` does, several files at once.

        The first error ends all transfers and is raised; with ``retry`` among the options, that is what the policy has
        given up on.
        """
        chosen = choose(options, atomic=False)
        local = Path(source)
        target = remote_target(local, destination, write_into=write_into, block_size=DEFAULT_BLOCK_SIZE)
        await _trees.upload(self._attempts(chosen), self._storage, local, target, chosen, several_at_once(self.size))

    async def download(
        self,
        source: str | PurePosixPath,
        destination: str | Path = "",
        *,
        write_into: bool = False,
        **options: Unpack[TransferOptions],
    ) -> None:
        """Receive the file or tree *source* as :meth:`Client.download` does, several files at once.

        Errors are as for :meth:`upload`.
        """
        chosen = choose(options, atomic=True)
        target = local_target(source, destination, write_into=write_into, block_size=DEFAULT_BLOCK_SIZE)
        await _trees.download(self._attempts(chosen), self._storage, source, target, chosen, several_at_once(self.size))

    async def download_segments(
        self,
        source: str | PurePosixPath,
        destination: str | Path = "",
        *,
        write_into: bool = False,
        segments: int | None = None,
        **options: Unpack[TransferOptions],
    ) -> None:
        """Receive the file *source* in several parts at once, for servers or networks that limit a connection's speed.

        Args:
            source: a file on the server, which tells its size.
            destination: as for :meth:`Client.download`.
            write_into: likewise.
            segments: how many parts; as many as there may be connections by default.
            options: as explained at :class:`TransferOptions`. With ``resume`` the file is called
                ``NAME.segments.part`` until it is complete, and a journal, ``NAME.journal.part``, keeps what each
                part has received.

        Raises:
            FTPNotSupported: the server does not tell how large the file is.
            StatusCodeError: there is no such file, or the server can't begin in the middle of it.
            ValueError: an option can't be so, or not together with parts.
            PathIOError, FTPIncompleteTransfer, FTPException: as for :meth:`Client.download`.

        Cancellation and errors: what was received is removed, unless it is to be resumed.
        """
        chosen = choose(options, atomic=True)
        count = self.size if segments is None else segments
        if count < 1 or not (chosen.has_offsets and chosen.atomic) or chosen.follow_links:
            raise ValueError("parts are at least one, of octets, and become a file of its own when all are there")
        target = local_target(source, destination, write_into=write_into, block_size=DEFAULT_BLOCK_SIZE)
        attempts = self._attempts(chosen)
        found, refusal = await attempts.do(lambda session: _trees.look_at(session, source))
        remote = _trees.remote_file_at(source, found)
        # What a listing shows may be out of date.
        size = await attempts.do(lambda session: exact_size(session, source))
        if size is None:
            raise FTPNotSupported(f"The server does not tell the size of {source}") from refusal
        if remote.mtime is None and (chosen.keep_times or chosen.resume):
            mtime = await attempts.do(lambda session: modified(session, source))
            remote = attrs.evolve(remote, mtime=mtime)
        await download_segments(
            attempts, self._storage, remote, target, chosen, size=size, segments=count, workers=self.size
        )

    def _attempts(self, options: Options) -> Attempts:
        @contextlib.asynccontextmanager
        async def lend() -> AsyncIterator[Session]:
            async with self.client() as client:
                yield await client._ready()

        return Attempts(lend=lend, policy=options.retry)


async def _break_off(tasks: anyio.abc.TaskGroup, pool: Pool[Any]) -> None:
    scope = tasks.cancel_scope
    scope.cancel()
    # Whoever leaves has an exception already, which another cancellation is not to replace.
    scope.shield = True
    pool.close()
    await tasks.__aexit__(None, None, None)
