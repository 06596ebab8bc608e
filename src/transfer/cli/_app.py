"""The command line's commands."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from transfer import __version__

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Mail and files, under asyncio and trio.")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"transfer {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


@app.command()
def demo(
    size: Annotated[int, typer.Option(help="Size of the file that goes over FTPS, in MiB.", min=1)] = 64,
) -> None:
    """Send mail and move a file over TLS on this machine, under asyncio and then under trio.

    Starts an SMTP server and an FTP server on loopback. The exit status is 0 only if every check held.
    """
    try:
        from transfer.cli._demo.run import run_demo
    except ModuleNotFoundError as exc:
        if exc.name is None or exc.name.startswith("transfer"):
            raise
        typer.echo(f"the demo needs {exc.name}: pip install 'transfer-toolkit[demo]'", err=True)
        sys.exit(1)
    sys.exit(0 if run_demo(size * 1024 * 1024) else 1)


@app.command()
def mirror(
    source: Annotated[str, typer.Argument(help="What stays as it is: a URL or a directory.")],
    destination: Annotated[str, typer.Argument(help="What is made like it: the other one of both.")],
    delete: Annotated[bool, typer.Option(help="Delete what is only at the destination.")] = False,
    delete_limit: Annotated[
        float, typer.Option(help="The largest share of the destination that may be deleted.", min=0, max=1)
    ] = 0.5,
    exclude: Annotated[list[str] | None, typer.Option(help="A pattern as in .gitignore; may be repeated.")] = None,
    compare: Annotated[str, typer.Option(help="size+time, size or hash.")] = "size+time",
    parallel: Annotated[int, typer.Option(help="How many files go over at once.", min=1)] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and do nothing.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print that as JSON, and do nothing.")] = False,
) -> None:
    """Make a directory on this side like one on an FTP server, or the other way round.

    URLs are ftp://, ftps:// (TLS from the first byte) or ftpes:// (TLS by AUTH), with user@ before the host. The
    password is taken from the environment, FTP_PASSWORD. The exit status is 0 only if everything was done.
    """
    from transfer.cli._mirror import Request, run_mirror
    from transfer.ftp import MirrorOptions

    options = MirrorOptions(
        delete=delete,
        delete_limit=delete_limit,
        exclude=exclude or (),
        compare=compare,  # type: ignore[typeddict-item]  # plan_mirror checks it
    )
    request = Request(source, destination, options=options, dry_run=dry_run, as_json=json, parallel=parallel)
    sys.exit(run_mirror(request))
