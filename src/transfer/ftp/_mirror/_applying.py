"""Applying a plan: directories and deletions one after the other, files side by side where there is a pool.

How this works: a plan's actions are taken in runs, of those that move a file and of those that don't. What befalls one
file ends up in the report, and the rest goes on; only nothing more is deleted then. What befalls the connection is
raised: applying the plan again goes on from there, since each action is first compared with what is at the destination.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Protocol

import anyio
import attrs

from transfer._errors import (
    IncompleteTransferError,
    LocalFileError,
    LocalProtocolError,
    ReplyError,
    TransferError,
    UnsupportedError,
)
from transfer.ftp._mirror._action import MirrorAction, MirrorActionKind
from transfer.ftp._mirror._compare import Rules, find_done
from transfer.ftp._mirror._digests import Digests, with_digests
from transfer.ftp._mirror._files import receive_planned, send_planned
from transfer.ftp._mirror._making import Sides
from transfer.ftp._mirror._plan import MirrorPlan
from transfer.ftp._mirror._plan_json import check_path
from transfer.ftp._mirror._report import MirrorOutcome, MirrorReport, MirrorStatus
from transfer.ftp._mirror._snapshot import ROOT, Kind, Snapshot, directory_of
from transfer.ftp._transfers._options import TransferOptions

if TYPE_CHECKING:
    from transfer.ftp._client_transfers import TransfersClient

__all__ = ["ClientLender", "OutcomeCallback", "apply_plan", "find_pending", "leave_all"]

# What is the matter with one file, and not with the connection.
_OF_ONE_ACTION = (ReplyError, LocalFileError, LocalProtocolError, IncompleteTransferError, UnsupportedError)

OutcomeCallback = Callable[[MirrorOutcome], object]


class ClientLender(Protocol):
    """A pool of clients."""

    @property
    def size(self) -> int:
        """How many there may be."""
        ...

    def client(self) -> AbstractAsyncContextManager[TransfersClient]:
        """Lend one that is logged in; wait until there is one."""
        ...


async def find_pending(client: TransfersClient, plan: MirrorPlan) -> list[bool]:
    """Look at the destination, and tell of each action of *plan* whether it is still to be done.

    Raises:
        ValueError: a path of the plan leads out of the tree.
        FTPException: as for listings.
    """
    directories = {ROOT}
    for action in plan.actions:
        path = check_path(action.path, action.kind)
        while path not in directories:
            directories.add(path)
            path = directory_of(path)
    sides = Sides.of(client, plan.local, plan.remote, plan.direction)
    found = await sides.destination.look(lambda path, is_directory: is_directory and path not in directories)
    digests: dict[str, str] = {}
    if plan.compare == "hash":
        computed = await Digests.of(_may_be_done(plan, found), sides.local, sides.remote)
        ours, theirs = computed.local, computed.remote
        digests, there = (theirs, ours) if plan.direction == "download" else (ours, theirs)
        found = with_digests(found, there)
    rules = Rules(compare=plan.compare, keeps_times=plan.keeps_times)
    return [not is_done for is_done in find_done(plan.actions, found, rules, digests)]


def _may_be_done(plan: MirrorPlan, found: Snapshot) -> list[str]:
    """Return the paths of files that have gone over, to judge by their sizes."""
    return [
        action.path
        for action in plan.actions
        if action.kind.is_transfer
        and (node := found.nodes.get(action.path)) is not None
        and node.kind is Kind.FILE
        and (action.size is None or node.size is None or action.size == node.size)
    ]


def leave_all(plan: MirrorPlan) -> MirrorReport:
    """Return the report of a dry run."""
    statuses = (
        MirrorStatus.SKIPPED if action.kind is MirrorActionKind.SKIP else MirrorStatus.LEFT for action in plan.actions
    )
    return MirrorReport(plan, tuple(map(MirrorOutcome, plan.actions, statuses)))


async def apply_plan(
    client: TransfersClient,
    plan: MirrorPlan,
    pending: list[bool],
    *,
    pool: ClientLender | None,
    on_outcome: OutcomeCallback | None,
    options: TransferOptions,
) -> MirrorReport:
    """Do what is *pending* of *plan*.

    Args:
        client: does everything, or everything but moving files; nothing else may use it meanwhile.
        plan: its paths lead nowhere else.
        pending: for each action, whether it is still to be done.
        pool: its clients move the files, as many at once as there are.
        on_outcome: is told of each action; what it raises ends the mirror.
        options: of each transfer.

    Raises:
        FTPException: a connection failed.

    Cancellation: what was done stays, a file under way ends as for single transfers.
    """
    remote = PurePosixPath(plan.remote)
    if pool is not None and not remote.is_absolute():
        # Where the others begin is another question.
        remote = await client.get_current_directory() / remote
    sides = Sides.of(client, plan.local, remote, plan.direction)
    return await _Application(client, sides, plan, pending, pool, on_outcome, options).run()


@attrs.define(eq=False)
class _Application:
    client: TransfersClient
    sides: Sides
    plan: MirrorPlan
    pending: list[bool]
    pool: ClientLender | None
    on_outcome: OutcomeCallback | None
    options: TransferOptions
    outcomes: dict[int, MirrorOutcome] = attrs.field(factory=dict)
    has_failed: bool = False

    async def run(self) -> MirrorReport:
        """Go over all actions."""
        runs = itertools.groupby(enumerate(self.plan.actions), key=lambda item: item[1].kind.is_transfer)
        for is_transfer, run in runs:
            if is_transfer and self.pool is not None:
                await self._side_by_side(run, self.pool.size)
            else:
                await self._one_by_one(run)
        return MirrorReport(self.plan, tuple(self.outcomes[index] for index in range(len(self.plan.actions))))

    async def _one_by_one(self, run: Iterator[tuple[int, MirrorAction]]) -> None:
        for index, action in run:
            outcome = await self._outcome(index, action)
            self.outcomes[index] = outcome
            if self.on_outcome is not None:
                self.on_outcome(outcome)

    async def _side_by_side(self, run: Iterator[tuple[int, MirrorAction]], tasks: int) -> None:
        """Have several tasks take from the same *run*; the first error ends them all, and is raised by itself."""
        errors: list[Exception] = []
        async with anyio.create_task_group() as group:

            async def work() -> None:
                try:
                    await self._one_by_one(run)
                except Exception as exc:  # noqa: BLE001  # it is raised below, outside the group
                    errors.append(exc)
                    group.cancel_scope.cancel()

            for _ in range(tasks):
                group.start_soon(work)
        if errors:
            raise errors[0]

    async def _outcome(self, index: int, action: MirrorAction) -> MirrorOutcome:
        if action.kind is MirrorActionKind.SKIP:
            return MirrorOutcome(action, MirrorStatus.SKIPPED)
        if not self.pending[index]:
            return MirrorOutcome(action, MirrorStatus.UNCHANGED)
        if action.kind.is_deletion and self.has_failed:
            return MirrorOutcome(action, MirrorStatus.LEFT)
        try:
            await self._do(action)
        except TransferError as exc:
            if not isinstance(exc, _OF_ONE_ACTION):
                raise
            self.has_failed = True
            return MirrorOutcome(action, MirrorStatus.FAILED, error=exc)
        return MirrorOutcome(action, MirrorStatus.DONE)

    async def _do(self, action: MirrorAction) -> None:
        destination = self.sides.destination
        match action.kind:
            case MirrorActionKind.MAKE_DIRECTORY:
                await destination.make_directory(action.path)
            case MirrorActionKind.DELETE_FILE:
                await destination.delete_file(action.path)
            case MirrorActionKind.DELETE_DIRECTORY:
                await destination.delete_directory(action.path)
            case _ if self.plan.direction == "download":
                await self._download(action)
            case _:
                await self._upload(action)

    async def _download(self, action: MirrorAction) -> None:
        tree = self.sides.local
        local, remote = await tree.place(action.path), self.sides.remote.join(action.path)
        async with self._mover() as client:
            await receive_planned(client, tree.storage, action, remote, local, self._options(action))
        if action.modify is not None and self.plan.keeps_times:
            # The time that was listed, and not a more exact one: it is what the next comparison sees.
            await tree.storage.utime(local, action.modify.timestamp())

    async def _upload(self, action: MirrorAction) -> None:
        tree = self.sides.local
        local, remote = await tree.place(action.path), self.sides.remote.join(action.path)
        options: TransferOptions = self._options(action) | {"keep_times": self.plan.keeps_times}
        async with self._mover() as client:
            await send_planned(client, tree.storage, local, remote, options)

    def _mover(self) -> AbstractAsyncContextManager[TransfersClient]:
        return nullcontext(self.client) if self.pool is None else self.pool.client()

    def _options(self, action: MirrorAction) -> TransferOptions:
        """Return the options of one transfer: what is to be replaced is not the beginning of the new file."""
        options = self.options.copy()
        if action.kind is MirrorActionKind.UPDATE:
            options["resume"] = False
        return options
