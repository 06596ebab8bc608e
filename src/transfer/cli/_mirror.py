"""``transfer mirror``: what the command line says, brought to a client."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import quote, urlsplit

import anyio
import attrs
import typer

from transfer import TransferError
from transfer.ftp import Client, ClientPool, MirrorOptions, MirrorOutcome, MirrorPlan, MirrorStatus

__all__ = ["Request", "run_mirror"]

_SCHEMES = ("ftp://", "ftps://", "ftpes://")
_QUIET = (MirrorStatus.UNCHANGED, MirrorStatus.SKIPPED)


@attrs.frozen
class Request:
    """What is asked for: one of *source* and *destination* is a URL, the other one a path."""

    source: str
    destination: str
    options: MirrorOptions = attrs.field(kw_only=True)
    dry_run: bool = attrs.field(kw_only=True)
    as_json: bool = attrs.field(kw_only=True)
    parallel: int = attrs.field(kw_only=True)

    @property
    def is_upload(self) -> bool:
        """Whether the destination is on the server.

        Raises:
            ValueError: neither side is, or both are.
        """
        is_upload = self.destination.lower().startswith(_SCHEMES)
        if is_upload == self.source.lower().startswith(_SCHEMES):
            raise ValueError(f"one of both is a URL ({' '.join(_SCHEMES)}) and the other one a path on this side")
        return is_upload


def run_mirror(request: Request) -> int:
    """Do what is asked for, and return the exit status: 0 if everything is done."""
    try:
        return anyio.run(_mirror, request)
    except (TransferError, ValueError) as exc:
        typer.echo(f"transfer mirror: {exc}", err=True)
        return 1


async def _mirror(request: Request) -> int:
    url, local = request.source, request.destination
    options = request.options.copy()
    if request.is_upload:
        url, local = local, url
        options["direction"] = "upload"
    url = _with_password(url)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(Client.from_url(url))
        plan = await client.plan_mirror(Path(local), **options)
        if request.dry_run or request.as_json:
            typer.echo(plan.to_json() if request.as_json else str(plan))
            return 0
        pool = None
        if request.parallel > 1:
            pool = await stack.enter_async_context(ClientPool.from_url(url, size=request.parallel))
        return await _apply(client, plan, pool)


async def _apply(client: Client, plan: MirrorPlan, pool: ClientPool | None) -> int:
    def show(outcome: MirrorOutcome) -> None:
        if outcome.status not in _QUIET:
            typer.echo(str(outcome), err=outcome.status is MirrorStatus.FAILED)

    report = await client.apply(plan, pool=pool, on_outcome=show)
    typer.echo(str(report).splitlines()[-1])
    return 0 if report.is_complete else 1


def _with_password(url: str) -> str:
    """Put the password of the environment into a URL that has a user and no password; arguments can be seen by all."""
    password, parts = os.environ.get("FTP_PASSWORD"), urlsplit(url)
    if password is None or not parts.username or parts.password is not None:
        return url
    user, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}:{quote(password, safe='')}@{host}").geturl()
