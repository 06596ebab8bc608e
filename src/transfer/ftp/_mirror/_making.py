"""Making a plan, from what the caller wishes and what both sides show."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypedDict

import attrs

from transfer.ftp._connection._feat import features_of
from transfer.ftp._mirror._action import Compare, Direction, check_compare, check_direction
from transfer.ftp._mirror._compare import Rules, check_deletions
from transfer.ftp._mirror._digests import Digests, paths_alike, with_digests
from transfer.ftp._mirror._exclude import Exclusions
from transfer.ftp._mirror._local import LocalTree
from transfer.ftp._mirror._plan import MirrorPlan
from transfer.ftp._mirror._remote import RemoteTree
from transfer.ftp._mirror._survey import Survey
from transfer.ftp._pathio import AbstractPathIO

if TYPE_CHECKING:
    from transfer.ftp._client_transfers import TransfersClient

__all__ = ["MirrorOptions", "Sides", "make_plan"]

# Whose file systems take two names that differ in case for one, as a rule.
_CASE_BLIND_PLATFORMS = ("darwin", "win32")


class MirrorOptions(TypedDict, total=False):
    """How a plan is made; :meth:`Client.plan_mirror` explains it."""

    direction: Direction
    compare: Compare
    delete: bool
    delete_limit: float
    exclude: Iterable[str]
    ignore_case: bool | None


@attrs.frozen(eq=False)
class Sides:
    """Both trees of a mirror."""

    local: LocalTree
    remote: RemoteTree
    direction: Direction

    @classmethod
    def of(cls, client: TransfersClient, local: str | Path, remote: str | PurePosixPath, direction: Direction) -> Sides:
        """Make them of what a caller or a plan names them by."""
        return cls(LocalTree(client.path_io, Path(local)), RemoteTree(client, PurePosixPath(remote)), direction)

    @property
    def source(self) -> LocalTree | RemoteTree:
        """The side that stays as it is."""
        return self.remote if self.direction == "download" else self.local

    @property
    def destination(self) -> LocalTree | RemoteTree:
        """The side that is changed."""
        return self.local if self.direction == "download" else self.remote

    async def keep_times(self) -> bool:
        """Tell whether the destination takes on the times of what goes there."""
        if self.direction == "download":
            # A storage that can't set times has the method of the base, which says so.
            return type(self.local.storage).utime is not AbstractPathIO.utime
        return "MFMT" in await features_of((await self.remote.client._ready()).control)


async def make_plan(
    client: TransfersClient,
    local: str | Path,
    remote: str | PurePosixPath,
    *,
    direction: Direction = "download",
    compare: Compare = "size+time",
    delete: bool = False,
    delete_limit: float = 0.5,
    exclude: Iterable[str] = (),
    ignore_case: bool | None = None,
) -> MirrorPlan:
    """Look at both sides and plan what makes one like the other; nothing is changed.

    Raises:
        ValueError: an option is none.
        MirrorRefused: more than *delete_limit* would be deleted.
        StatusCodeError, PathIOError: the source is not there or no directory, or a side can't be read.
        FTPException: as for listings.
    """
    exclusions = Exclusions.parse(exclude)
    if not 0 <= delete_limit <= 1:
        raise ValueError(f"delete_limit is a share from 0 to 1, not {delete_limit!r}")
    sides = Sides.of(client, local, remote, check_direction(direction))
    if ignore_case is None:
        ignore_case = direction == "download" and sys.platform in _CASE_BLIND_PLATFORMS
    rules = Rules(
        compare=check_compare(compare),
        keeps_times=await sides.keep_times(),
        delete=delete,
        ignores_case=ignore_case,
        name_problem=sides.destination.name_problem,
    )
    source = await sides.source.look(exclusions.excludes)
    if not source.exists:
        raise sides.source.missing()
    destination = await sides.destination.look(exclusions.excludes)
    ours, theirs = (destination, source) if direction == "download" else (source, destination)
    if compare == "hash":
        digests = await Digests.of(paths_alike(ours, theirs), sides.local, sides.remote)
        ours, theirs = with_digests(ours, digests.local), with_digests(theirs, digests.remote)
    survey = Survey(sides.remote, direction, rules, ours, theirs)
    await survey.ask_for_times()
    await survey.ask_for_links()
    actions = survey.actions()
    check_deletions(actions, survey.destination, delete_limit)
    return MirrorPlan(
        direction=direction,
        local=str(local),
        remote=str(remote),
        compare=compare,
        keeps_times=rules.keeps_times,
        actions=tuple(actions),
    )
